//! A pack from its rules alone: the words are filled in, since the meaning does not depend on them.

use kangma_core::rules::pack::{Pack, PackErrors, PackFiles};

const WORDS: &str = r#"
name = "A pack"
commitment = "c"
yes = "y"
no = "n"
colours = { green = "green", yellow = "yellow", red = "red" }
status = { unknown = "u", pending = "p", returned = "r", expired = "e", lasts_until = "until {until}" }
broken = { missed = "m {day}", abnormal = "a {day}" }
[progress]
check_ins = "{done}/{of} check-ins"
days = "{done}/{of} days"
tests = "{done}/{of} tests"
samples = "{done}/{of} samples"
confirmations = "{done}/{of} confirmations"
facts = "{done}/{of} facts"
areas = "{done}/{of} areas"
next_test = ", next {day}"
[fields.subject]
label = "l"
options = { resident = "r", intending = "i" }
"#;

/// The files of a pack with these `pack.toml` and `rules.toml`.
pub fn files(pack: &str, rules: &str) -> PackFiles {
    let table: toml::Table = rules.parse().unwrap_or_default();
    let head: toml::Table = pack.parse().unwrap_or_default();
    let mut words = WORDS.to_owned();
    words.push_str("[symptoms]\n");
    let own = head.get("vocabulary").and_then(|v| v.get("symptoms")).and_then(toml::Value::as_array);
    let own: Option<Vec<&str>> = own.map(|all| all.iter().filter_map(toml::Value::as_str).collect());
    for word in own.unwrap_or_else(|| kangma_core::fact::SYMPTOMS.to_vec()) {
        words.push_str(&format!("{word} = \"{word}\"\n"));
    }
    words.push_str("[terms]\n");
    for sort in ["methods", "vaccines"] {
        let own = head.get("vocabulary").and_then(|v| v.get(sort)).and_then(toml::Value::as_array);
        for word in own.into_iter().flatten().filter_map(toml::Value::as_str) {
            words.push_str(&format!("{word} = \"{word}\"\n"));
        }
    }
    for rule in table.get("rule").and_then(toml::Value::as_array).into_iter().flatten() {
        let id = rule.get("id").and_then(toml::Value::as_str).unwrap_or("");
        words.push_str(&format!("[rules.{id}]\ntitle = \"{id}\"\nwhy = \"why\"\nwhat_to_do = \"do\"\n"));
        let stages = rule.get("stages").and_then(toml::Value::as_array);
        let names = stages.into_iter().flatten().filter_map(|s| s.get("name")?.as_str());
        let names: Vec<String> = names.map(|name| format!("{name} = \"{name}\"")).collect();
        words.push_str(&format!("stages = {{ {} }}\n", names.join(", ")));
    }
    let mut files = PackFiles::default();
    for (name, text) in [("pack.toml", pack), ("rules.toml", rules)] {
        files.0.insert(name.into(), text.into());
    }
    for lang in ["zh", "en"] {
        files.0.insert(format!("words/{lang}.toml"), words.clone());
    }
    files
}

pub fn load(pack: &str, rules: &str) -> Result<Pack, PackErrors> {
    Pack::load(&files(pack, rules))
}
