//! Rules as countries publish them, and a pack's book of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{BadLogic, Certificate, Data, Logic, Open, SPECIFICATION};
use crate::fact::Fact;
use crate::rules::expr::Truth;
use crate::time::{Day, Instant};

/// The folder of a pack that holds them.
pub const FOLDER: &str = "certlogic/";
/// Value sets stand below it, a file each.
const VALUE_SETS: &str = "certlogic/value-sets/";
/// Most rules of a pack.
const RULES_MAX: usize = 1_024;
/// Most codes of a value set.
const CODES_MAX: usize = 10_000;
/// The oldest version of the specification whose rules mean the same here.
const OLDEST: (u32, u32, u32) = (0, 7, 5);

/// What a rule comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It came to `true`.
    Passed,
    /// It came to `false`.
    Failed,
    /// It came to anything else, or to nothing.
    Open(Open),
}

impl Outcome {
    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::Open(_) => "open",
        }
    }
}

/// Whose certificates a rule is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RuleType {
    /// The country that somebody comes to says what it takes.
    Acceptance,
    /// The country that issued a certificate says which of its own no longer count.
    Invalidation,
}

/// Which certificates a rule is asked of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CertificateType {
    /// Of each.
    General,
    /// Of vaccinations.
    Vaccination,
    /// Of tests.
    Test,
    /// Of recoveries.
    Recovery,
}

/// A sentence about a rule.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Language, such as `en`.
    pub lang: String,
    /// The sentence.
    pub desc: String,
}

/// A rule as it is published, with the members in the order in which it is written.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Published {
    identifier: String,
    r#type: RuleType,
    country: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    version: String,
    schema_version: String,
    engine: String,
    engine_version: String,
    certificate_type: CertificateType,
    description: Vec<Description>,
    valid_from: String,
    valid_to: String,
    affected_fields: Vec<String>,
    logic: Json,
}

/// A checked rule.
#[derive(Clone, PartialEq, Debug)]
pub struct Rule {
    /// Such as `VR-EU-0001`.
    pub id: Box<str>,
    /// Version of the rule.
    pub version: (u32, u32, u32),
    /// Whose certificates it is about.
    pub rule_type: RuleType,
    /// Whose rule it is.
    pub country: Box<str>,
    /// Which certificates it is asked of.
    pub certificate_type: CertificateType,
    /// Sentences about it.
    pub description: Vec<Description>,
    /// In force from.
    pub from: Instant,
    /// In force until, the instant itself not.
    pub until: Instant,
    /// What has to come to `true`.
    pub logic: Logic,
    published: Published,
}

fn version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split('.').map(|p| p.parse::<u32>().ok().filter(|_| p.len() <= 9));
    let found = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(found)
}

fn instant(text: &str) -> Option<Instant> {
    let day = || Day::parse(text).ok().map(|day| Instant(i64::from(day.0) * crate::time::DAY_S));
    Instant::parse(text).ok().or_else(day)
}

impl Rule {
    /// Reads and checks one rule.
    pub fn read(json: &Json) -> Result<Rule, BadLogic> {
        let bad = |path: &str, text: String| BadLogic { path: path.into(), text };
        let published: Published = Published::deserialize(json).map_err(|e| bad("rule", e.to_string()))?;
        let p = &published;
        let plain = |text: &str, longest: usize| {
            (1..=longest).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-')
        };
        if !plain(&p.identifier, 64) || !p.identifier.contains('-') {
            return Err(bad(
                "Identifier",
                "an identifier has capitals, digits and dashes, such as VR-EU-0001".into(),
            ));
        }
        if p.country.len() != 2 || !p.country.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(bad("Country", "a country is two capitals, such as EU".into()));
        }
        if p.region.as_ref().is_some_and(|r| !r.is_empty()) {
            return Err(bad(
                "Region",
                "a rule for a part of a country is not taken: nothing here says who is there".into(),
            ));
        }
        let Some(own) = version(&p.version) else {
            return Err(bad("Version", "a version is three numbers, such as 1.0.0".into()));
        };
        let engine = version(&p.engine_version);
        if p.engine != "CERTLOGIC" {
            return Err(bad(
                "Engine",
                format!("rules of {:?} are not taken, only CERTLOGIC", short(&p.engine)),
            ));
        }
        if !engine.is_some_and(|v| (OLDEST..=SPECIFICATION).contains(&v)) {
            let (a, b, c) = SPECIFICATION;
            return Err(bad(
                "EngineVersion",
                format!("versions 0.7.5 to {a}.{b}.{c} of CertLogic are taken"),
            ));
        }
        if p.description.len() > 64 || p.description.iter().any(|d| d.desc.len() > 2_000 || d.lang.len() > 16)
        {
            return Err(bad("Description", "at most 64 sentences of 2,000 bytes".into()));
        }
        let Some(from) = instant(&p.valid_from) else {
            return Err(bad("ValidFrom", "not an instant such as 2021-07-01T00:00:00Z".into()));
        };
        let until = instant(&p.valid_to).filter(|until| *until > from);
        let Some(until) = until else {
            return Err(bad("ValidTo", "an instant after ValidFrom, such as 2030-06-01T00:00:00Z".into()));
        };
        let logic = Logic::compile(&p.logic, "Logic")?;
        let known = |path: &String| {
            path.is_empty() || ["payload", "external"].contains(&path.split('.').next().unwrap_or(""))
        };
        if let Some(path) = logic.paths().iter().find(|path| !known(path)) {
            return Err(bad("Logic", format!("var {:?}: a rule reads payload and external", short(path))));
        }
        Ok(Rule {
            id: p.identifier.as_str().into(),
            version: own,
            rule_type: p.r#type,
            country: p.country.as_str().into(),
            certificate_type: p.certificate_type,
            description: p.description.clone(),
            from,
            until,
            logic,
            published,
        })
    }

    /// What it says of itself in a language, or in English, or in any.
    #[must_use]
    pub fn describe(&self, lang: &str) -> &str {
        let find = |lang: &str| self.description.iter().find(|d| d.lang == lang);
        find(lang).or_else(|| find("en")).or_else(|| self.description.first()).map_or("", |d| &d.desc)
    }

    /// The value sets that it reads.
    #[must_use]
    pub fn value_sets(&self) -> Vec<String> {
        let paths = self.logic.paths();
        let named = paths.iter().filter_map(|p| p.strip_prefix("external.valueSets."));
        let mut all: Vec<String> = named.map(|p| p.split('.').next().unwrap_or(p).to_owned()).collect();
        all.dedup();
        all
    }

    /// As it is written into a pack.
    #[must_use]
    pub fn json(&self) -> String {
        // INVARIANT: it was read from JSON, and what was read can be written.
        let mut text = serde_json::to_string_pretty(&self.published).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Its file in a pack.
    #[must_use]
    pub fn file(&self) -> String {
        let (a, b, c) = self.version;
        format!("{FOLDER}{}-{a}.{b}.{c}.json", self.id)
    }

    fn is_about(&self, event: &str) -> bool {
        match self.certificate_type {
            CertificateType::General => true,
            CertificateType::Vaccination => event == "vaccination",
            CertificateType::Test => event == "test",
            CertificateType::Recovery => event == "recovery",
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

/// One rule's answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Judged<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// What it came to.
    pub outcome: Outcome,
}

/// What a country's rules make of a certificate.
#[derive(Clone, Debug)]
pub struct Verdict<'a> {
    /// All pass; one fails; or it cannot be said.
    pub accepted: Truth,
    /// Each rule that was asked, in order of its id.
    pub rules: Vec<Judged<'a>>,
}

/// A pack's rules for certificates, and the value sets that they read.
#[derive(Clone, PartialEq, Debug)]
pub struct Rulebook {
    /// By id, and the newest version of each first.
    rules: Vec<Rule>,
    value_sets: Json,
}

impl Default for Rulebook {
    fn default() -> Rulebook {
        Rulebook { rules: Vec::new(), value_sets: Json::Object(Map::new()) }
    }
}

impl Rulebook {
    /// Reads the files of a pack's folder; what is wrong goes to `wrong` with its file.
    pub fn read(
        files: &BTreeMap<String, String>,
        mut wrong: impl FnMut(&str, &'static str, String),
    ) -> Rulebook {
        let mut rules: Vec<(Rule, &str)> = Vec::new();
        let mut value_sets = Map::new();
        for (file, text) in files.iter().filter(|(file, _)| file.starts_with(FOLDER)) {
            let json: Json = match serde_json::from_str(text) {
                Ok(json) => json,
                Err(e) => {
                    wrong(file, "certlogic.format", format!("not JSON: {e}"));
                    continue;
                }
            };
            if let Some(name) = file.strip_prefix(VALUE_SETS) {
                match codes(name, &json) {
                    Ok((name, codes)) => drop(value_sets.insert(name, codes)),
                    Err(text) => wrong(file, "certlogic.value_set", text),
                }
                continue;
            }
            match Rule::read(&json) {
                Ok(rule) => rules.push((rule, file)),
                Err(e) => wrong(file, "certlogic.rule", e.to_string()),
            }
        }
        if rules.len() > RULES_MAX {
            wrong(FOLDER, "pack.limit", format!("a pack has at most {RULES_MAX} rules for certificates"));
        }
        rules.sort_by(|(a, _), (b, _)| (&a.id, b.version).cmp(&(&b.id, a.version)));
        for pair in rules.windows(2) {
            let [(a, _), (b, file)] = pair else { continue };
            if a.id == b.id && a.version == b.version {
                wrong(file, "certlogic.twice", format!("{}: this version is there twice", a.id));
            } else if a.id == b.id && (a.country != b.country || a.rule_type != b.rule_type) {
                wrong(
                    file,
                    "certlogic.twice",
                    format!("{}: its versions have one Type and one Country", a.id),
                );
            }
        }
        for (rule, file) in &rules {
            for name in rule.value_sets().into_iter().filter(|name| !value_sets.contains_key(name)) {
                let name = short(&name);
                let text = format!("{} reads a value set: add {VALUE_SETS}{name}.json", rule.id);
                wrong(file, "certlogic.value_set", text);
            }
        }
        Rulebook {
            rules: rules.into_iter().map(|(rule, _)| rule).collect(),
            value_sets: Json::Object(value_sets),
        }
    }

    /// None at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Every rule.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Countries whose acceptance rules are here, each once.
    #[must_use]
    pub fn countries(&self) -> Vec<&str> {
        let accept = self.rules.iter().filter(|r| r.rule_type == RuleType::Acceptance);
        let mut all: Vec<&str> = accept.map(|r| &*r.country).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Asks the rules that are in force when a certificate is shown: those by which a country
    /// accepts, and those by which its issuer takes back. Of the versions of a rule that are in force
    /// the newest is asked. Without a rule of acceptance nothing can be said.
    #[must_use]
    pub fn judge(&self, country: &str, certificate: &Certificate) -> Verdict<'_> {
        let external = certificate.external(country);
        let data = Data::Certificate {
            payload: &certificate.payload,
            external: &external,
            value_sets: &self.value_sets,
        };
        let mut all: Vec<Judged<'_>> = Vec::new();
        let (mut accepts, mut accepted) = (false, Truth::True);
        let mut newest: Option<&str> = None;
        for rule in &self.rules {
            let whose = match rule.rule_type {
                RuleType::Acceptance => Some(country),
                RuleType::Invalidation => certificate.country.as_deref(),
            };
            let in_force = rule.from <= certificate.shown && certificate.shown < rule.until;
            if whose != Some(&*rule.country) || !in_force || newest == Some(&*rule.id) {
                continue;
            }
            newest = Some(&*rule.id);
            if !rule.is_about(certificate.event) {
                continue;
            }
            accepts |= rule.rule_type == RuleType::Acceptance;
            let outcome = rule.logic.outcome(data);
            accepted = accepted.min(match outcome {
                Outcome::Passed => Truth::True,
                Outcome::Failed => Truth::False,
                Outcome::Open(_) => Truth::Unknown,
            });
            all.push(Judged { rule, outcome });
        }
        let accepted = if accepts { accepted } else { accepted.min(Truth::Unknown) };
        Verdict { accepted, rules: all }
    }

    /// The same of a fact.
    #[must_use]
    pub fn accepts(&self, country: &str, fact: &Fact) -> Truth {
        Certificate::of(fact).map_or(Truth::Unknown, |c| self.judge(country, &c).accepted)
    }
}

/// A value set: an array of codes, or the form in which it is published.
fn codes(file: &str, json: &Json) -> Result<(String, Json), String> {
    let name = file.strip_suffix(".json").unwrap_or(file);
    let published = json.get("valueSetValues").and_then(Json::as_object);
    let codes: Vec<Json> = match (json, published) {
        (Json::Array(items), _) => items.clone(),
        (_, Some(map)) => map.keys().map(|code| Json::String(code.clone())).collect(),
        _ => return Err("a value set is an array of codes, or an object with valueSetValues".into()),
    };
    if codes.len() > CODES_MAX || codes.iter().any(|c| c.as_str().is_none_or(|c| c.len() > 128)) {
        return Err(format!("a value set has at most {CODES_MAX} codes, each a text of at most 128 bytes"));
    }
    Ok((name.to_owned(), Json::Array(codes)))
}
