//! Writing a pack as `docs/write-a-pack.md` tells it: every command there is run, in order, and what it
//! is said to print it prints.

use std::path::Path;
use std::process::Command;

use crate::common::TempDir;

/// The commands of the page and what each is said to print.
fn steps(page: &str) -> Vec<(String, Vec<String>)> {
    let mut steps: Vec<(String, Vec<String>)> = Vec::new();
    let mut blocks = page.split("```");
    while let (Some(_), Some(block)) = (blocks.next(), blocks.next()) {
        if let Some(commands) = block.strip_prefix("sh\n") {
            steps.push((commands.to_owned(), Vec::new()));
        } else if let (Some(lines), Some((_, said))) = (block.strip_prefix("text\n"), steps.last_mut()) {
            said.extend(lines.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned));
        }
    }
    steps
}

/// Runs commands as a shell does, with the binary under its name; what they print, and whether they
/// succeeded.
fn shell(dir: &Path, commands: &str) -> (bool, String) {
    let binary = Path::new(env!("CARGO_BIN_EXE_kangma")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let done = Command::new("sh")
        .args(["-ec", commands])
        .current_dir(dir)
        .env("PATH", format!("{}:{path}", binary.display()))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.success(), text(&done.stdout) + &text(&done.stderr))
}

#[test]
fn the_guide_to_writing_a_pack_works_command_by_command() {
    let dir = TempDir::new();
    let page = include_str!("../../../docs/write-a-pack.md");
    let steps = steps(page);
    assert!(steps.len() >= 9, "{} steps", steps.len());
    for (commands, said) in steps {
        let (done, printed) = shell(&dir.0, &commands);
        assert!(done, "{commands}\n{printed}");
        for line in said {
            assert!(printed.contains(&line), "{commands}\nis said to print\n{line}\nand prints\n{printed}");
        }
    }
}

#[test]
fn a_new_pack_passes_at_once_whatever_it_begins_with() {
    let dir = TempDir::new();
    for (i, args) in [
        "--template blank",
        "--template contact --division 33",
        "--template arrival --division 420106",
        "--extends hangzhou-2020-02-11",
        "--extends guangdong-2020-03",
        "--extends hangzhou-2020-02-11 --template contact --division 330106",
        "--extends hangzhou-2020-02-11 --template arrival",
        "--extends shenzhen-2022 --template contact",
        "--extends hangzhou-2020-02-17 --site campus --division 330106",
        "--extends beijing-2022 --site enterprise",
        "--extends nation-2020 --site enterprise --division 4201",
        "--extends guangdong-2020-03 --site campus --division 440106",
    ]
    .iter()
    .enumerate()
    {
        let (done, said) = shell(&dir.0, &format!("kangma pack new packs/new-{i} {args}"));
        assert!(done, "{args}: {said}");
        let (done, said) = shell(
            &dir.0,
            &format!("kangma pack check packs/new-{i} && kangma pack test packs/new-{i} --strict"),
        );
        assert!(done, "{args}: {said}");
        if args.contains("--site") {
            let told =
                |file: &str| std::fs::read_to_string(dir.0.join(format!("packs/new-{i}/{file}"))).unwrap();
            let (head, cases) = (told("pack.toml"), told("cases/first.toml"));
            let site = args.split_whitespace().skip_while(|word| *word != "--site").nth(1).unwrap();
            assert!(head.contains(&format!("site = \"{site}\"")), "{args}: {head}");
            // Whatever flags the place has beside them, the site's come and go as the template says.
            for flag in ["\"SITE-DAILY\"", "\"SITE-BACK\""] {
                assert_eq!(cases.matches(flag).count(), 1, "{args}: {cases}");
            }
        }
        let (done, said) = shell(&dir.0, &format!("kangma pack diff packs/new-{i} packs/new-{i} --lang en"));
        assert!(done && said.contains("The two packs are the same."), "{args}: {said}");
    }
}

#[test]
fn what_cannot_be_written_or_compared_is_said_and_nothing_is_overwritten() {
    let dir = TempDir::new();
    std::fs::create_dir(dir.0.join("mine")).unwrap();
    std::fs::write(dir.0.join("mine/notes.txt"), "keep").unwrap();
    let slips = [
        ("kangma pack new mine", "pack.exists"),
        ("kangma pack new other --division 99", "pack.division"),
        ("kangma pack new other --extends hangzhou", "there are anhui-2020, beijing-2022"),
        ("kangma pack new other --extends hangzhou-2020-02-11 --division 42", "pack.division"),
        ("kangma pack new other --extends nation-2020", "say which, such as --division 33"),
        ("kangma pack new other --site campus", "pack.site: a site adds to the pack of its place"),
        ("kangma pack new other --site campus --extends hangzhou-2020-02-17 --template contact", "pack.site"),
        ("kangma pack new other --site campus --extends fiction-campus-2020", "pack.site"),
        ("kangma pack new 中文", "pack.id"),
    ];
    for (command, told) in slips {
        let (done, said) = shell(&dir.0, command);
        assert!(!done && said.contains(told), "{command}: {said}");
    }
    assert!(!dir.0.join("other").exists(), "nothing is left of what was refused");
    assert_eq!(std::fs::read_dir(dir.0.join("mine")).unwrap().count(), 1);
    let (_, said) = shell(&dir.0, "kangma pack diff hangzhou-2020-02-11 nowhere || echo code $?");
    assert!(said.contains("pack.unknown") && said.contains("code 2"), "{said}");
    let (_, said) =
        shell(&dir.0, "kangma pack diff hangzhou-2020-02-11 shenzhen-2022 --json || echo code $?");
    assert!(said.contains("\"people\"") && said.contains("code 1"), "{said}");
}
