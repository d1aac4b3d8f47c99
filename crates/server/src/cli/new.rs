//! `kangma pack new`: a first pack that is right from the start, to write over.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use kangma_core::division::{divisions, prefix};
use kangma_core::rules::cases::{run_cases, timelines};
use kangma_core::rules::decide::{Context, decide};
use kangma_core::rules::pack::{Library, Pack, PackErrors, PackFiles};

use super::pack::put_folder;

/// What to write, and where.
#[derive(clap::Args, Debug)]
pub struct New {
    /// Folder of the new pack; its last part becomes the pack's id.
    dir: PathBuf,
    /// Id of a pack that the new one extends: it then says only what differs.
    #[arg(long)]
    extends: Option<String>,
    /// Code of the division that it is for; that of the pack which it extends, or 3301.
    #[arg(long)]
    division: Option<String>,
    /// What it begins with.
    #[arg(long, value_enum, default_value_t = Template::Blank)]
    template: Template,
    /// Makes it the pack of a site, which adds flags to the pack that it extends and gives no colour.
    #[arg(long, value_enum)]
    site: Option<SiteKind>,
    /// Folder of the packs that it may extend; without it the folders beside it, and those built in.
    #[arg(long)]
    packs: Option<PathBuf>,
}

/// What a new pack begins with.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Template {
    /// One rule, or none where it extends another pack.
    Blank,
    /// Contacts and symptoms, as people declare them: days and check-ins.
    Contact,
    /// Arrivals from elsewhere: tests.
    Arrival,
}

/// What a site is.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum SiteKind {
    /// A school or a university.
    Campus,
    /// An enterprise.
    Enterprise,
}

impl SiteKind {
    /// Its word in packs, and how its people call it and whoever they register with.
    fn words(self) -> [&'static str; 4] {
        match self {
            SiteKind::Campus => ["campus", "学校", "the staff of your dormitory", "宿舍管理人员"],
            SiteKind::Enterprise => ["enterprise", "单位", "your department", "所在部门"],
        }
    }
}

/// A text of a template.
macro_rules! template {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/pack/", $name))
    };
}

/// Rules, words in both languages, and cases.
fn texts(template: Template) -> [&'static str; 4] {
    match template {
        Template::Blank => [
            template!("blank/rules.toml"),
            template!("blank/zh.toml"),
            template!("blank/en.toml"),
            template!("blank/cases.toml"),
        ],
        Template::Contact => [
            template!("contact/rules.toml"),
            template!("contact/zh.toml"),
            template!("contact/en.toml"),
            template!("contact/cases.toml"),
        ],
        Template::Arrival => [
            template!("arrival/rules.toml"),
            template!("arrival/zh.toml"),
            template!("arrival/en.toml"),
            template!("arrival/cases.toml"),
        ],
    }
}

/// Writes a pack that passes `check` and `test`.
pub fn run(args: &New) -> anyhow::Result<ExitCode> {
    let is_taken = std::fs::read_dir(&args.dir).is_ok_and(|mut all| all.next().is_some());
    anyhow::ensure!(
        !is_taken,
        "pack.exists: {} holds files already; name a folder that is empty or not there yet",
        args.dir.display()
    );
    anyhow::ensure!(
        args.site.is_none() || args.extends.is_some(),
        "pack.site: a site adds to the pack of its place; say which, such as --extends hangzhou-2020-02-17"
    );
    anyhow::ensure!(
        args.site.is_none() || args.template == Template::Blank,
        "pack.site: the templates give colours, and a site gives none; leave --template out"
    );
    let id = id_of(&args.dir)?;
    let mut library = Library::default();
    if args.extends.is_some() {
        library = crate::built_in::library()?;
        let parent = args.dir.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let beside = args.packs.as_deref().unwrap_or(parent);
        if beside.is_dir() {
            put_folder(&mut library, beside)?;
        }
    }
    let files = match &args.extends {
        None => alone(args, &id)?,
        Some(parent) => child(args, &id, parent, &library)?,
    };
    let pack = Pack::load_with(&files, &library).map_err(refused)?;
    let report = run_cases(&pack, &files);
    anyhow::ensure!(report.passed(), "pack.new: the template does not fit here: {report:?}");
    for (name, text) in &files.0 {
        let path = args.dir.join(name);
        let folder = path.parent().context("a file lies in a folder")?;
        std::fs::create_dir_all(folder).with_context(|| format!("pack.folder: {}", folder.display()))?;
        std::fs::write(&path, text).with_context(|| format!("pack.file: {}", path.display()))?;
    }
    println!(
        "{} {}: {} rules, {} cases, all passed",
        pack.id,
        pack.version,
        pack.rules.len(),
        report.cases.len()
    );
    files.0.keys().for_each(|name| println!("  {}", args.dir.join(name).display()));
    let dir = args.dir.display();
    println!("Next: change rules.toml, then  kangma pack check {dir}  and  kangma pack test {dir}");
    Ok(ExitCode::SUCCESS)
}

fn refused(e: PackErrors) -> anyhow::Error {
    anyhow::anyhow!("the pack was refused\n{e}")
}

/// The id of a folder: small letters, digits, dots and dashes.
fn id_of(dir: &Path) -> anyhow::Result<String> {
    let name = dir.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    let id: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).take(64).collect();
    let id = id.trim_matches(['-', '.']).to_owned();
    anyhow::ensure!(
        !id.is_empty(),
        "pack.id: {} gives no id; name a folder such as packs/ningbo-2026",
        dir.display()
    );
    Ok(id)
}

/// What stands in for the marks of a template.
struct Names<'a> {
    id: &'a str,
    division: &'a str,
    extends: &'a str,
    site: Option<SiteKind>,
}

impl Names<'_> {
    fn fill(&self, text: &str) -> String {
        let prefix: String = self.id.to_uppercase().chars().filter(|c| *c != '.').take(24).collect();
        let province = self.division.get(..2).unwrap_or("33");
        let elsewhere = if province == "42" { "33" } else { "42" };
        let place = divisions().path_name(self.division).unwrap_or_default();
        let [site, site_zh, staff, staff_zh] = self.site.map_or([""; 4], SiteKind::words);
        let (name_zh, name_en) = match self.site {
            None => (format!("{place}健康码规则（{}）", self.id), format!("Health code rules {}", self.id)),
            Some(_) => (format!("{site_zh}规则（{}）", self.id), format!("Rules of the {site} {}", self.id)),
        };
        text.replace("{id}", self.id)
            .replace("{division}", self.division)
            .replace("{extends}", self.extends)
            .replace("{prefix}", prefix.trim_matches('-'))
            .replace("{province}", province)
            .replace("{elsewhere}", elsewhere)
            .replace("{name_zh}", &name_zh)
            .replace("{name_en}", &name_en)
            .replace("{site}", site)
            .replace("{site_zh}", site_zh)
            .replace("{staff}", staff)
            .replace("{staff_zh}", staff_zh)
    }
}

fn checked(division: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        !prefix(division).is_empty(),
        "pack.division: what a new pack begins with is for a division, not for the whole country; say which, \
         such as --division 33 or --division 3301"
    );
    anyhow::ensure!(
        divisions().get(division).is_some(),
        "pack.division: no division has the code {division}; such as 33, 3301 or 330106"
    );
    Ok(())
}

/// A pack that stands by itself.
fn alone(args: &New, id: &str) -> anyhow::Result<PackFiles> {
    let division = args.division.as_deref().unwrap_or("3301");
    checked(division)?;
    let names = Names { id, division, extends: "", site: None };
    let [rules, zh, en, cases] = texts(args.template);
    let mut files = PackFiles::default();
    let mut put = |name: &str, text: String| drop(files.0.insert(name.into(), names.fill(&text)));
    put("pack.toml", template!("pack.toml").into());
    put("rules.toml", rules.into());
    put("words/zh.toml", format!("{}{zh}", template!("zh.toml")));
    put("words/en.toml", format!("{}{en}", template!("en.toml")));
    put("cases/first.toml", format!("{}{cases}", template!("cases.toml").replace("{well}", "green")));
    Ok(files)
}

/// A pack that extends another: the head, the rules that are new, and the texts that it lacks.
fn child(args: &New, id: &str, parent: &str, library: &Library) -> anyhow::Result<PackFiles> {
    let above = library.get(parent).with_context(|| {
        let known: Vec<&str> = library.ids().collect();
        format!("pack.extends: there is no pack {parent}; there are {}", known.join(", "))
    })?;
    let above = Pack::load_with(above, library).map_err(refused)?;
    let division = args.division.as_deref().unwrap_or(&above.division);
    checked(division)?;
    let names = Names { id, division, extends: parent, site: args.site };
    let (head, above_rules) = match args.site {
        Some(_) => (template!("site/pack.toml"), ""),
        None => (template!("child.toml"), template!("child_rules.toml")),
    };
    let [rules, zh, en, cases] = match (args.site, args.template) {
        (Some(_), _) => [
            template!("site/rules.toml"),
            template!("site/zh.toml"),
            template!("site/en.toml"),
            template!("site/cases.toml"),
        ],
        (None, Template::Blank) => ["", "", "", ""],
        (None, other) => texts(other),
    };
    let mut files = PackFiles::default();
    let mut put = |name: &str, text: String| drop(files.0.insert(name.into(), names.fill(&text)));
    let further: Vec<&str> = above.further_languages().collect();
    let further = match further.join(", ") {
        none if none.is_empty() => none,
        all => format!(
            "# {parent} ships {all} as well. So does this pack, once words/ has a file with its own texts in it.\n\n"
        ),
    };
    put("pack.toml", format!("{further}{head}"));
    put("rules.toml", format!("{above_rules}{rules}"));
    put("words/zh.toml", format!("name = \"{{name_zh}}\"\n{zh}"));
    put("words/en.toml", format!("name = \"{{name_en}}\"\n{en}"));
    put("cases/first.toml", format!("{}{cases}", template!("cases.toml").replace("{well}", "green")));
    // What is counted here and was not counted above needs its text.
    if let Err(errors) = Pack::load_with(&files, library) {
        let missing: BTreeSet<(String, String)> = errors
            .iter()
            .filter_map(|(file, d)| {
                let text = d.message.strip_prefix("the text progress.")?.strip_suffix(" is missing")?;
                Some((file.to_owned(), text.to_owned()))
            })
            .collect();
        for (lang, whole) in [("zh", template!("zh.toml")), ("en", template!("en.toml"))] {
            let file = format!("words/{lang}.toml");
            let lines = missing
                .iter()
                .filter(|(of, _)| *of == file)
                .filter_map(|(_, key)| whole.lines().find(|line| line.starts_with(&format!("{key} = "))));
            let lines: Vec<&str> = lines.collect();
            if let (false, Some(text)) = (lines.is_empty(), files.0.get_mut(&file)) {
                text.push_str(&format!("\n[progress]\n{}\n", lines.join("\n")));
            }
        }
    }
    let pack = Pack::load_with(&files, library).map_err(refused)?;
    let cases = as_decided(&pack, &files, parent);
    files.0.insert("cases/first.toml".into(), cases);
    Ok(files)
}

/// The cases with what the rules above make of them as well, where that is something else.
fn as_decided(pack: &Pack, files: &PackFiles, parent: &str) -> String {
    let text = files.0.get("cases/first.toml").map_or("", String::as_str);
    let report = run_cases(pack, files);
    let told = timelines(pack, files);
    let mut blocks = text.split("[[case]]");
    let mut out = blocks.next().unwrap_or("").to_owned();
    for ((block, case), result) in blocks.zip(&told).zip(&report.cases) {
        let Some((head, _)) = block.split_once("expect = ").filter(|_| !result.wrong.is_empty()) else {
            out.push_str(&format!("[[case]]{block}"));
            continue;
        };
        let name = format!("{}, beside the rules of {parent}", case.name);
        let expect: Vec<String> = case
            .at
            .iter()
            .map(|at| {
                let decision = decide(pack, &case.facts, &Context { areas: pack.areas() }, *at);
                let colour = decision.colour.map_or("grey", |c| c.name());
                let rules: Vec<String> =
                    decision.episodes.iter().map(|e| format!("\"{}\"", e.rule)).collect();
                let flags: Vec<String> =
                    decision.flags.iter().map(|f| format!("\"{}\"", f.episode.rule)).collect();
                let flags = match pack.site {
                    Some(_) => format!(", flags = [{}]", flags.join(", ")),
                    None => String::new(),
                };
                let when = format!("{} {}", pack.zone.day_of(*at), pack.zone.hh_mm(*at));
                format!(
                    "    {{ at = \"{when}\", colour = \"{colour}\", rules = [{}]{flags} }},",
                    rules.join(", ")
                )
            })
            .collect();
        let head = head.replace(&case.name, &name);
        out.push_str(&format!("[[case]]{head}expect = [\n{}\n]\n\n", expect.join("\n")));
    }
    out.trim_end().to_owned() + "\n"
}
