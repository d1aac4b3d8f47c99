//! Rule packs: a folder of texts that a health officer can review, checked as a whole when it is
//! loaded. Reading the disk is the caller's; see `spec/packs.md` for the format.

mod inherit;
mod languages;
mod pages;
mod retention;
mod rules;
mod sense;
mod show;
mod site;
mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use crate::appeal::{Terms, TermsToml};
use crate::decision::{Colour, Counted, PackRef};
use crate::declaration::Form;
use crate::fact::{KINDS, Kind, Type};
use crate::rules::certlogic::Rulebook;
use crate::rules::display::Display;
use crate::rules::expr::{
    Areas, Calendar, Conditions, Diagnostic, Expr, HOLIDAYS_MAX, Scope, compile, render,
};
use crate::rules::lapse::Lapse;
use crate::rules::order::Orderable;
pub use crate::rules::release::{COUNT_MAX, Release, Stage, counted};
use crate::rules::tongue::Tongue;
use crate::rules::vocabulary::{Vocabulary, VocabularyToml};
use crate::rules::words::{Lang, SourceView, Words, counted_name};
use crate::time::{Day, Instant, Zone};

pub use inherit::{DEPTH_MAX, Library, Origin};
pub use pages::{ENGLISH, Pages, missing, shown};
pub use site::Site;
pub(crate) use site::is_of_site;

use inherit::{Merged, Sources, Tree};
use rules::{RulesToml, check_rules};

/// Largest file of a pack, in bytes.
pub const FILE_BYTES_MAX: usize = 256 * 1024;
/// Most files.
pub const FILES_MAX: usize = 256;
/// Most rules.
pub const RULES_MAX: usize = 256;
/// Most stages of a rule.
pub const STAGES_MAX: usize = 8;

/// The files of a pack: path within its folder, and text.
#[derive(Clone, Debug, Default)]
pub struct PackFiles(pub BTreeMap<String, String>);

/// Everything that is wrong with a pack, file by file.
#[derive(Debug)]
pub struct PackErrors(Vec<(String, String, Vec<Diagnostic>)>);

impl PackErrors {
    /// Every diagnostic with its file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Diagnostic)> {
        self.0.iter().flat_map(|(file, _, all)| all.iter().map(move |d| (file.as_str(), d)))
    }
}

impl fmt::Display for PackErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(file, text, all)| f.write_str(&render(all, file, text)))
    }
}

impl std::error::Error for PackErrors {}

/// A loaded, checked pack.
#[derive(Debug)]
pub struct Pack {
    /// Stable id.
    pub id: Box<str>,
    /// Version.
    pub version: Box<str>,
    /// First 8 bytes of SHA-256 over all files but the cases, in hexadecimal.
    pub digest: Box<str>,
    /// The division that it is for; [`COUNTRY`](crate::division::COUNTRY) for all of them.
    pub division: Box<str>,
    /// What it is of, where it is a site's.
    pub site: Option<Site>,
    /// In force from.
    pub effective: Instant,
    /// In force until.
    pub sunset: Option<Instant>,
    /// Whose midnight begins a day.
    pub zone: Zone,
    /// What is asked.
    pub form: Form,
    /// How long passes live.
    pub pass: PassTerms,
    /// What check-ins count.
    pub check_in: CheckInTerms,
    /// Whether open episodes keep the terms they were opened under.
    pub on_new_version: OnNewVersion,
    /// Hours that offices have for appeals and reviews.
    pub appeals: Terms,
    /// Rules by which certificates are judged, as countries publish them.
    pub certificates: Arc<Rulebook>,
    /// What its colours are drawn in.
    pub display: Display,
    /// Its words of symptoms, methods and vaccines.
    pub vocabulary: Vocabulary,
    /// Rules in the order of their file.
    pub rules: Vec<Rule>,
    pub(crate) by_kind: [Vec<usize>; KINDS],
    /// Tables that mean it where no row matches: their ids, and those of their rows.
    pub(crate) open_tables: Vec<(Box<str>, Vec<Box<str>>)>,
    /// Ids of the packs that it extends, the nearest first.
    pub parents: Vec<Box<str>>,
    /// As whose records of episodes are written.
    pub(crate) recorded_as: RecordedAs,
    /// Where each rule was written.
    origins: BTreeMap<Box<str>, Origin>,
    /// For how many days facts of a kind are needed and may then be destroyed; nothing is said of the
    /// others.
    pub retention: BTreeMap<Kind, u32>,
    zone_name: Box<str>,
    areas: Areas,
    words: Vec<(Box<str>, Words)>,
    /// What the pages say, by further language; one that has no such file is not there.
    pages: Vec<(Box<str>, PageTexts)>,
}

/// The pack whose terms records of episodes are, and its division: the pack itself; of a site's that of
/// its place, whose colours are the same whatever becomes of the site's text.
#[derive(Debug)]
pub(crate) struct RecordedAs {
    pub(crate) pack: PackRef,
    pub(crate) division: Box<str>,
}

/// How long passes live, in seconds.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassTerms {
    /// A shown code is read again this often.
    pub renew_s: u32,
    /// Until then verifiers call it fresh.
    pub fresh_s: u32,
    /// Then it has run out.
    pub lifetime_s: u32,
}

/// What a missed day does to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnMissed {
    /// The run starts again.
    Restart,
    /// The run stands still.
    Pause,
    /// Up to this many missed days in a row stand still, more start again.
    Grace(u32),
}

/// What an abnormal check-in does to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnAbnormal {
    /// The run starts again.
    Restart,
    /// Nothing but what rules on check-ins say.
    Ignore,
}

/// Whether open episodes keep their terms under a new version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnNewVersion {
    /// They run on under the terms that opened them.
    Keep,
    /// They run on under the new terms of the same rule; without such a rule they end.
    Convert,
}

/// What check-ins count.
#[derive(Debug)]
pub struct CheckInTerms {
    /// When one is normal.
    pub normal: Expr,
    /// What a missed day does.
    pub on_missed_day: OnMissed,
    /// What an abnormal one does.
    pub on_abnormal: OnAbnormal,
    /// Whether a check-in on the day of opening counts.
    pub opening_day_counts: bool,
}

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Stable id.
    pub id: Box<str>,
    /// The kind of facts that it looks at.
    pub on: Kind,
    /// When it matches.
    pub when: Expr,
    /// What it does.
    pub then: Then,
    /// It does so when such a fact is missed, not when there is one.
    pub lapse: Option<Lapse>,
    /// It asks anew on each day on which an area begins or ends, as long as the declaration is the last.
    pub standing: bool,
    /// What an order under it has to keep to; none where nobody can order it.
    pub order: Option<Orderable>,
    /// Where it is published.
    pub source: SourceView,
}

impl Rule {
    /// Whether it opens flags.
    #[must_use]
    pub fn is_flag(&self) -> bool {
        matches!(&self.then, Then::Open { stages, .. } if stages.iter().any(Stage::is_flag))
    }

    /// Whether it says how long a green code lasts.
    #[must_use]
    pub fn keeps_green(&self) -> bool {
        self.lapse.is_some() && !self.is_flag()
    }
}

/// What a rule does.
#[derive(Debug)]
pub enum Then {
    /// Sends the fact to a reviewer.
    Review,
    /// Opens an episode.
    Open {
        /// Its stages in order.
        stages: Vec<Stage>,
        /// What another matching fact does while it is open.
        repeat: Repeat,
    },
    /// Ends the open episodes of other rules.
    Release {
        /// Their ids.
        rules: Vec<Box<str>>,
    },
    /// Makes a green code grey, where a duty lapsed.
    Expire,
}

/// What a second matching fact does to an open episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// Nothing: it runs on.
    Keep,
    /// It starts again from the later fact.
    Restart,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackToml {
    id: Spanned<String>,
    /// The pack that this one extends; read before the rest.
    #[serde(default, rename = "extends")]
    _extends: Option<String>,
    version: Spanned<String>,
    division: Spanned<String>,
    #[serde(default)]
    site: Option<Site>,
    zone: Spanned<String>,
    effective: Spanned<String>,
    #[serde(default)]
    sunset: Option<Spanned<String>>,
    on_new_version: OnNewVersion,
    pass: Spanned<PassTerms>,
    check_in: CheckInToml,
    form: Spanned<Form>,
    #[serde(default)]
    appeals: Option<Spanned<TermsToml>>,
    #[serde(default)]
    areas: Option<Spanned<Areas>>,
    #[serde(default)]
    display: Display,
    #[serde(default)]
    vocabulary: Option<Spanned<VocabularyToml>>,
    #[serde(default)]
    calendar: Option<Spanned<CalendarToml>>,
    /// The languages that its words ship in.
    #[serde(default)]
    languages: Option<Spanned<Vec<Spanned<String>>>>,
    /// Days by kind of fact.
    #[serde(default)]
    retention: BTreeMap<Spanned<String>, Spanned<u32>>,
    /// Which parameters no source settles, and why they are as they are: for readers.
    #[serde(default)]
    ours: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CalendarToml {
    #[serde(default)]
    holidays: Vec<Day>,
    #[serde(default)]
    workdays: Vec<Day>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckInToml {
    normal: Spanned<String>,
    on_missed_day: OnMissed,
    on_abnormal: OnAbnormal,
    opening_day_counts: bool,
}

/// Gathers what is wrong, file by file.
struct Checker<'a> {
    files: &'a PackFiles,
    sources: Sources<'a>,
    wrong: BTreeMap<String, Vec<Diagnostic>>,
    /// Whether the text was published already.
    published: bool,
}

impl<'a> Checker<'a> {
    /// A place is one among all files of the chain; a diagnostic without one is of `file`.
    fn wrong(&mut self, file: &str, d: Diagnostic) {
        note(&mut self.wrong, &self.sources, file, d);
    }

    /// Reads a tree as what it should be.
    fn typed<T: serde::de::DeserializeOwned>(&mut self, file: &str, tree: Option<Tree<'a>>) -> Option<T> {
        match T::deserialize(toml::Deserializer::from(tree?)) {
            Ok(value) => Some(value),
            Err(e) => {
                let span = e.span().unwrap_or(0..0);
                self.wrong(file, Diagnostic::new("pack.format", span, e.message().to_owned()));
                None
            }
        }
    }

    /// Compiles a condition that stands in a file; errors point into the file.
    fn expr(&mut self, file: &str, source: &Spanned<String>, scope: &Scope) -> Option<Expr> {
        match compile(source.get_ref(), scope) {
            Ok(expr) => Some(expr),
            Err(all) => {
                self.in_text(file, source, all);
                None
            }
        }
    }

    /// Mistakes in a text that stands in a file, told in the file.
    fn in_text(&mut self, file: &str, source: &Spanned<String>, all: Vec<Diagnostic>) {
        let span = source.span();
        let raw = self.sources.slice(&span);
        // A literal string stands in the file as it is; one with escapes does not, and the
        // error then points at the whole.
        let at = raw.find(source.get_ref().as_str());
        for d in all {
            let d = match at {
                Some(at) => d.shifted(span.start + at),
                None => Diagnostic { span: span.clone(), ..d },
            };
            self.wrong(file, d);
        }
    }
}

impl Checker<'_> {
    fn errors(self) -> PackErrors {
        let Checker { files, sources, wrong, .. } = self;
        let shown = wrong.into_iter().map(|(file, all)| {
            let text = sources.text(&file).or_else(|| files.0.get(&file).map(String::as_str));
            let text = text.unwrap_or_default().to_owned();
            (file, text, all)
        });
        PackErrors(shown.collect())
    }
}

fn note(wrong: &mut BTreeMap<String, Vec<Diagnostic>>, sources: &Sources<'_>, file: &str, d: Diagnostic) {
    match sources.place(d.span.start) {
        Some((label, base)) => {
            let span = d.span.start - base..d.span.end.saturating_sub(base);
            wrong.entry(label).or_default().push(Diagnostic { span, ..d });
        }
        None => wrong.entry(file.to_owned()).or_default().push(d),
    }
}

pub(crate) const PACK: &str = "pack.toml";
pub(crate) const RULES: &str = "rules.toml";

impl Pack {
    /// Reads and checks a pack that extends no other. Either all of it is right, or everything that is
    /// wrong is told.
    pub fn load(files: &PackFiles) -> Result<Pack, PackErrors> {
        Pack::load_with(files, &Library::default())
    }

    /// The same, with the packs that it may extend.
    pub fn load_with(files: &PackFiles, library: &Library) -> Result<Pack, PackErrors> {
        Pack::load_from(files, library, false)
    }

    /// The same of a text that was published. It binds people, so what was asked of no text when it was
    /// signed and alters nothing of what it decides is not asked of it now.
    pub(crate) fn load_published(files: &PackFiles, library: &Library) -> Result<Pack, PackErrors> {
        Pack::load_from(files, library, true)
    }

    fn load_from(files: &PackFiles, library: &Library, published: bool) -> Result<Pack, PackErrors> {
        let mut c = Checker { files, sources: Sources::default(), wrong: BTreeMap::new(), published };
        let pack = build(&mut c, library);
        match pack {
            Some(pack) if c.wrong.is_empty() => Ok(pack),
            _ => Err(c.errors()),
        }
    }

    /// The pack with all that it inherits, as one text: TOML, in a fixed order, each line with the
    /// pack, file and line that it comes from.
    pub fn effective(files: &PackFiles, library: &Library) -> Result<String, PackErrors> {
        Pack::load_with(files, library)?;
        let mut c = Checker { files, sources: Sources::default(), wrong: BTreeMap::new(), published: false };
        match merged(&mut c, library) {
            Some(merged) if c.wrong.is_empty() => Ok(show::show(&merged, &c.sources)),
            _ => Err(c.errors()),
        }
    }

    /// Where a rule was written; of one that a child changed, where the child did.
    #[must_use]
    pub fn origin(&self, rule: &str) -> Option<&Origin> {
        self.origins.get(rule)
    }

    /// Whether any of a rule is the pack's own, and not inherited as it is.
    #[must_use]
    pub fn is_own(&self, rule: &str) -> bool {
        self.origin(rule).is_none_or(|o| o.own)
    }

    /// As a decision cites it.
    #[must_use]
    pub fn pack_ref(&self) -> PackRef {
        PackRef { id: self.id.clone(), version: self.version.clone(), digest: self.digest.clone() }
    }

    /// The rule of an id.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|r| &*r.id == id)
    }

    /// The named areas.
    #[must_use]
    pub fn areas(&self) -> &Areas {
        &self.areas
    }

    /// Codes in quotes that its conditions ask lists of areas about.
    pub(crate) fn asked_codes(&self) -> impl Iterator<Item = &str> {
        let stages = self.rules.iter().flat_map(|rule| match &rule.then {
            Then::Open { stages, .. } => stages.as_slice(),
            _ => &[],
        });
        let awaited = stages.filter_map(|s| s.release.fact.as_ref()?.expr.as_deref());
        let all = std::iter::once(&self.check_in.normal).chain(self.rules.iter().map(|r| &r.when));
        all.chain(awaited).flat_map(|expr| expr.asked_codes()).map(|code| &**code)
    }

    /// IANA name of the zone.
    #[must_use]
    pub fn zone_name(&self) -> &str {
        &self.zone_name
    }

    /// The texts for somebody: in the best of their languages that the pack ships.
    #[must_use]
    pub fn words(&self, tongue: impl Into<Tongue>) -> &Words {
        // INVARIANT: a pack loads only with the texts of every language.
        self.words_in(tongue.into().in_pack(self)).unwrap_or(&self.words[0].1)
    }

    /// The languages that it ships: Chinese and English, and whatever more it names.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(|(name, _)| &**name)
    }

    /// Those beside Chinese and English, in the order of the pack.
    pub fn further_languages(&self) -> impl Iterator<Item = &str> {
        // INVARIANT: ours come first.
        self.languages().skip(Lang::ALL.len())
    }

    /// What a language calls itself.
    #[must_use]
    pub fn language_name<'a>(&'a self, language: &'a str) -> &'a str {
        match Lang::ALL.into_iter().find(|l| l.name() == language) {
            Some(ours) => ours.own_name(),
            None => self.words_in(language).and_then(|w| w.language.as_deref()).unwrap_or(language),
        }
    }

    /// What the pages say in a further language, where the pack has it.
    #[must_use]
    pub fn page_texts(&self, language: &str) -> Option<&Pages> {
        self.pages.iter().find(|(name, _)| &**name == language).map(|(_, pages)| &pages.texts)
    }

    /// First 8 bytes of SHA-256 of what the pages fetch of it ([`shown`]), in hexadecimal. What that is
    /// follows from the pack and from what the pages of this software can say.
    #[must_use]
    pub fn page_texts_digest(&self, language: &str) -> Option<&str> {
        self.pages.iter().find(|(name, _)| &**name == language).map(|(_, pages)| &*pages.digest)
    }

    /// The texts of a language by its name, such as `bo`.
    #[must_use]
    pub fn words_in(&self, language: &str) -> Option<&Words> {
        self.words.iter().find(|(name, _)| &**name == language).map(|(_, words)| words)
    }
}

/// What the pages say in a language.
#[derive(Clone, Debug)]
struct PageTexts {
    texts: Pages,
    digest: Box<str>,
}

/// The files of the pack and of those that it extends, as one.
fn merged<'a>(c: &mut Checker<'a>, library: &'a Library) -> Option<Merged<'a>> {
    if c.files.0.len() > FILES_MAX || c.files.0.values().any(|t| t.len() > FILE_BYTES_MAX) {
        let text = format!("a pack has at most {FILES_MAX} files of {} KiB", FILE_BYTES_MAX / 1024);
        c.wrong(PACK, Diagnostic::new("pack.limit", 0..0, text));
        return None;
    }
    let (files, wrong) = (c.files, &mut c.wrong);
    inherit::merge(files, library, &mut c.sources, &mut |sources, file, d| note(wrong, sources, file, d))
}

fn build<'a>(c: &mut Checker<'a>, library: &'a Library) -> Option<Pack> {
    let merged = merged(c, library)?;
    let origins = merged.rules.as_ref().map(|t| inherit::origins(t, &c.sources)).unwrap_or_default();
    let places = merged.rules.as_ref().map(sense::places).unwrap_or_default();
    let (parents, tables, placed) = (merged.parents, merged.tables, merged.placed);
    let head: Option<PackToml> = c.typed(PACK, merged.pack);
    let rules: Option<RulesToml> = c.typed(RULES, merged.rules);
    let words = merged.words.into_iter();
    let words: Vec<(String, Option<Words>)> =
        words.map(|(lang, tree)| (lang.clone(), c.typed(&format!("words/{lang}.toml"), tree))).collect();
    let pages: Vec<(String, Tree<'a>)> = merged.pages;
    let pages = pages.into_iter().map(|(lang, tree)| {
        let texts = pages::check(c, &lang, tree);
        let digest = short(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &shown(&texts)).as_ref());
        (lang.into(), PageTexts { texts, digest })
    });
    let pages: Vec<(Box<str>, PageTexts)> = pages.collect();
    let head = head?;
    let span = |s: &Spanned<String>| s.span();
    let bad = |c: &mut Checker<'_>, span: Range<usize>, code, text: String| {
        c.wrong(PACK, Diagnostic::new(code, span, text));
    };
    let zone = Zone::named(head.zone.get_ref());
    if let Err(e) = &zone {
        bad(c, span(&head.zone), "pack.zone", e.to_string());
    }
    let effective = Instant::parse(head.effective.get_ref());
    if let Err(e) = &effective {
        bad(c, span(&head.effective), "pack.effective", e.to_string());
    }
    let mut sunset = None;
    if let Some(text) = &head.sunset {
        match Instant::parse(text.get_ref()) {
            Ok(at) => sunset = Some(at),
            Err(e) => bad(c, text.span(), "pack.sunset", e.to_string()),
        }
    }
    if let (Ok(from), Some(until)) = (&effective, sunset)
        && until <= *from
    {
        bad(c, 0..0, "pack.sunset", "the pack ends before it begins".into());
    }
    for (what, text) in [("id", &head.id), ("version", &head.version)] {
        let t = text.get_ref();
        let longest = if what == "id" { 64 } else { crate::pass::VERSION_BYTES_MAX };
        let fine = (1..=longest).contains(&t.len())
            && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        if !fine {
            bad(
                c,
                text.span(),
                "pack.id",
                format!("{what} has 1 to {longest} letters, digits, dots and dashes"),
            );
        }
    }
    let division = head.division.get_ref();
    if division != crate::division::COUNTRY && crate::division::divisions().get(division).is_none() {
        bad(
            c,
            span(&head.division),
            "pack.division",
            "no division has this code; the whole country is \"0\"".into(),
        );
    }
    let pass = *head.pass.get_ref();
    if !(10..=86_400).contains(&pass.renew_s)
        || pass.fresh_s < pass.renew_s
        || pass.lifetime_s < pass.fresh_s
        || pass.fresh_s > crate::pass::FRESH_S_MAX
        || i64::from(pass.lifetime_s) > crate::pass::LIFETIME_S_MAX
    {
        bad(
            c,
            head.pass.span(),
            "pack.pass",
            "10 s ≤ renew_s ≤ fresh_s ≤ lifetime_s, fresh_s ≤ 65,535 s, lifetime_s ≤ 86,400 s".into(),
        );
    }
    let mut vocabulary = Vocabulary::default();
    if let Some(own) = &head.vocabulary {
        match own.get_ref().load() {
            Ok(loaded) => vocabulary = loaded,
            Err(text) => bad(c, own.span(), "pack.vocabulary", text),
        }
    }
    if let Err(text) = head.form.get_ref().check() {
        bad(c, head.form.span(), "pack.form", text);
    }
    let appeals = head.appeals.as_ref().map_or_else(Terms::default, |t| Terms::from(*t.get_ref()));
    if let (Err(text), Some(place)) = (appeals.check(), &head.appeals) {
        bad(c, place.span(), "pack.appeals", text);
    }
    let _ = &head.ours;
    languages::check(c, head.languages.as_ref());
    let areas = head.areas.map(Spanned::into_inner).unwrap_or_default();
    let certificates = certificates(c, &parents, library);
    let rules = rules?;
    let calendar = calendar(c, head.calendar.as_ref());
    let scope = |kind| {
        Scope::of(kind)
            .with_areas(&areas)
            .with_certificates(&certificates)
            .with_vocabulary(vocabulary)
            .with_calendar(&calendar)
    };
    let conditions = conditions(c, &rules.conditions, &scope);
    // A duty of the place begins when the place says so, whatever the site does.
    let place_begins = placed.as_ref().and_then(|p| Instant::parse(&p.effective).ok());
    let start = |own: bool| {
        let begins = place_begins.filter(|_| !own).or(effective.as_ref().ok().copied());
        zone.as_ref().ok().zip(begins)
    };
    let scope = |kind| match conditions.get(&kind) {
        Some(named) => scope(kind).with_conditions(named),
        None => scope(kind),
    };
    let normal = c.expr(PACK, &head.check_in.normal, &scope(Kind::CheckIn));
    let rules = check_rules(c, rules, &areas, &scope, &start, placed.is_some());
    if let Some(placed) = &placed {
        site::asked(c, placed, &rules, &origins);
    }
    let retention = retention::check(c, &head.retention, &rules);
    // What is wrong with a single condition comes first; what follows from it would be noise.
    if c.wrong.is_empty() {
        sense::check(c, &rules, &places, &tables);
    }
    let mut form = head.form.into_inner();
    form.fields.iter_mut().for_each(|field| field.vocabulary = vocabulary);
    let words = check_words(c, words, &form, &rules, &vocabulary);
    let mut by_kind: [Vec<usize>; KINDS] = Default::default();
    for (i, rule) in rules.iter().enumerate() {
        by_kind[rule.on as usize].push(i);
        for kind in rule.lapse.iter().flat_map(|l| &l.also).filter(|kind| **kind != rule.on) {
            by_kind[*kind as usize].push(i);
        }
    }
    let (id, version): (Box<str>, Box<str>) = (head.id.into_inner().into(), head.version.into_inner().into());
    let division: Box<str> = head.division.into_inner().into();
    let digest_of = |files, above: &[Box<str>]| digest(files, above, library).into();
    let itself = PackRef { id: id.clone(), version: version.clone(), digest: digest_of(c.files, &parents) };
    let recorded_as = match (placed, parents.split_first()) {
        (Some(placed), Some((place, above))) => RecordedAs {
            pack: PackRef {
                id: place.clone(),
                version: placed.version.into(),
                digest: digest_of(library.get(place)?, above),
            },
            division: placed.division.into(),
        },
        _ => RecordedAs { pack: itself.clone(), division: division.clone() },
    };
    Some(Pack {
        id,
        version,
        digest: itself.digest,
        parents,
        recorded_as,
        origins,
        division,
        site: head.site,
        effective: effective.ok()?,
        sunset,
        zone: zone.ok()?,
        zone_name: head.zone.into_inner().into(),
        form,
        pass,
        check_in: CheckInTerms {
            normal: normal?,
            on_missed_day: head.check_in.on_missed_day,
            on_abnormal: head.check_in.on_abnormal,
            opening_day_counts: head.check_in.opening_day_counts,
        },
        on_new_version: head.on_new_version,
        appeals,
        display: head.display,
        vocabulary,
        certificates,
        open_tables: tables
            .into_iter()
            .filter(|t| t.gaps)
            .map(|t| (t.id.into(), t.rows.into_iter().map(Into::into).collect()))
            .collect(),
        rules,
        by_kind,
        areas,
        retention,
        words: words?,
        pages,
    })
}

fn calendar(c: &mut Checker<'_>, toml: Option<&Spanned<CalendarToml>>) -> Arc<Calendar> {
    let Some(toml) = toml else { return Arc::default() };
    let days = toml.get_ref();
    if days.holidays.len().max(days.workdays.len()) > HOLIDAYS_MAX {
        let text = format!("a calendar has at most {HOLIDAYS_MAX} holidays, and as many days worked");
        c.wrong(PACK, Diagnostic::new("pack.limit", toml.span(), text));
        return Arc::default();
    }
    Arc::new(Calendar::new(&days.holidays, &days.workdays))
}

/// The named conditions, by kind of fact.
fn conditions(
    c: &mut Checker<'_>,
    toml: &sense::Texts,
    scope: &dyn Fn(Kind) -> Scope,
) -> BTreeMap<Kind, Arc<Conditions>> {
    let mut all = BTreeMap::new();
    for (kind, texts) in toml {
        let readable = |k: &Kind| k.schema().iter().any(|f| f.rules);
        let Some(on) = Kind::named(kind).filter(readable) else {
            let span = texts.values().next().map_or(0..0, Spanned::span);
            let d = Diagnostic::new("pack.conditions", span, format!("rules do not look at {kind:?}"));
            c.wrong(RULES, d.help("[conditions.declaration], or another kind of fact"));
            continue;
        };
        let sources = texts.iter().map(|(name, text)| (name.as_str(), text.get_ref().as_str()));
        let (named, wrong) = Conditions::compile(sources, &scope(on));
        for (name, d) in wrong {
            let Some(text) = texts.get(&name) else { continue };
            c.in_text(RULES, text, vec![d]);
        }
        all.insert(on, Arc::new(named));
    }
    all
}

/// A country's file of the pack takes the place of the same file of a pack above.
fn certificates(c: &mut Checker<'_>, parents: &[Box<str>], library: &Library) -> Arc<Rulebook> {
    let above = parents.iter().rev().filter_map(|id| library.get(id));
    let all = above.chain(std::iter::once(c.files)).flat_map(|files| files.0.clone()).collect();
    let read = Rulebook::read(&all, |file, code, text| c.wrong(file, Diagnostic::new(code, 0..0, text)));
    Arc::new(read)
}

/// Every text that somebody may read is there, in every language.
fn check_words(
    c: &mut Checker<'_>,
    words: Vec<(String, Option<Words>)>,
    form: &Form,
    rules: &[Rule],
    vocabulary: &Vocabulary,
) -> Option<Vec<(Box<str>, Words)>> {
    let mut all = Vec::new();
    // Of a rule that is wrong itself nothing is known here, so it seems to be missing.
    let is_whole = !c.wrong.keys().any(|file| file.ends_with(RULES));
    for (lang, words) in words {
        let words = words?;
        let file = format!("words/{lang}.toml");
        let mut missing = Vec::new();
        let mut need = |there: bool, what: String| {
            if !there {
                missing.push(what);
            }
        };
        let yellow = rules.iter().any(|r| match &r.then {
            Then::Open { stages, .. } => stages.iter().any(|s| s.colour == Colour::Yellow),
            _ => false,
        });
        // A pack may have no yellow (Guangdong).
        let colours = ["green", "yellow", "red"].into_iter().filter(|c| yellow || *c != "yellow");
        for colour in colours {
            need(words.colours.contains_key(colour), format!("colours.{colour}"));
        }
        let greys = rules.iter().any(|r| matches!(r.then, Then::Expire));
        let lasts = rules.iter().any(Rule::keeps_green);
        let more = [(greys, "expired"), (lasts, "lasts_until")];
        let more = more.iter().filter_map(|(there, status)| there.then_some(*status));
        for status in ["unknown", "pending", "returned"].into_iter().chain(more) {
            need(words.status.contains_key(status), format!("status.{status}"));
        }
        let ours = Lang::ALL.iter().any(|l| l.name() == lang);
        need(ours || c.published || words.language.is_some(), "language".into());
        for why in ["missed", "abnormal"] {
            need(words.broken.contains_key(why), format!("broken.{why}"));
        }
        for term in vocabulary.terms() {
            need(words.terms.contains_key(term), format!("terms.{term}"));
        }
        for symptom in vocabulary.symptoms {
            need(words.symptoms.contains_key(*symptom), format!("symptoms.{symptom}"));
        }
        for field in &form.fields {
            let texts = words.fields.get(&field.field);
            need(texts.is_some(), format!("fields.{}", field.field));
            let slot = Kind::Declaration.slot(&field.field).map(|s| Kind::Declaration.schema()[s].ty);
            if let (Some(texts), Some(Type::Choice(choices))) = (texts, slot) {
                for choice in choices {
                    need(
                        texts.options.contains_key(*choice),
                        format!("fields.{}.options.{choice}", field.field),
                    );
                }
            }
        }
        for rule in rules {
            let texts = words.rules.get(&*rule.id);
            need(
                texts.is_some_and(|t| !t.title.is_empty() && !t.why.is_empty()),
                format!("rules.{}", rule.id),
            );
            if let Then::Open { stages, .. } = &rule.then {
                need(texts.is_none_or(|t| !t.what_to_do.is_empty()), format!("rules.{}.what_to_do", rule.id));
                for what in stages.iter().flat_map(|s| counted(&s.release)) {
                    let own = what == Counted::Facts && texts.is_some_and(|t| !t.waits_for.is_empty());
                    need(
                        own || words.progress.contains_key(counted_name(what)),
                        format!("progress.{}", counted_name(what)),
                    );
                }
                let next = stages.iter().any(|s| s.release.tests_on.is_some());
                need(!next || words.progress.contains_key("next_test"), "progress.next_test".into());
                for stage in stages.iter().filter_map(|s| s.name.as_ref()) {
                    need(
                        texts.is_none_or(|t| t.stages.contains_key(stage)),
                        format!("rules.{}.stages.{stage}", rule.id),
                    );
                }
            }
        }
        for what in missing {
            c.wrong(&file, Diagnostic::new("pack.words", 0..0, format!("the text {what} is missing")));
        }
        if !c.published {
            for (what, text) in unreadable(&words) {
                c.wrong(&file, Diagnostic::new("pack.words", 0..0, format!("the text {what} {text}")));
            }
        }
        let no_rule = |id: &&String| is_whole && !rules.iter().any(|r| &*r.id == id.as_str());
        for rule in words.rules.keys().filter(no_rule) {
            c.wrong(
                &file,
                Diagnostic::new("pack.words", 0..0, format!("rules.{rule}: there is no such rule")),
            );
        }
        all.push((lang.into(), words));
    }
    Some(all)
}

/// Longest name of a language in itself, in letters.
const LANGUAGE_CHARS_MAX: usize = 32;

/// Texts that hold what nobody sees, and a name of a language that is none.
fn unreadable(words: &Words) -> Vec<(String, String)> {
    fn walk(key: &str, value: &serde_json::Value, found: &mut Vec<(String, String)>) {
        match value {
            serde_json::Value::Object(map) => {
                map.iter().for_each(|(k, v)| {
                    walk(&if key.is_empty() { k.clone() } else { format!("{key}.{k}") }, v, found)
                });
            }
            serde_json::Value::String(text) => {
                let hidden = pages::hostile(text).filter(|c| *c != '\n');
                found.extend(
                    hidden.map(|c| {
                        (key.to_owned(), format!("holds the invisible character U+{:04X}", c as u32))
                    }),
                );
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk("", &serde_json::to_value(words).unwrap_or_default(), &mut found);
    if let Some(name) = &words.language
        && (name.trim().is_empty() || name.chars().count() > LANGUAGE_CHARS_MAX)
    {
        found.push((
            "language".into(),
            format!("has 1 to {LANGUAGE_CHARS_MAX} letters: what the language calls itself"),
        ));
    }
    found
}

/// Over the pack and all that it extends. Cases do not bind anybody, so they are not part of it.
fn digest(files: &PackFiles, parents: &[Box<str>], library: &Library) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    let above = parents.iter().filter_map(|id| library.get(id));
    let all = std::iter::once(files).chain(above).flat_map(|files| &files.0);
    for (path, text) in all.filter(|(path, _)| !path.starts_with("cases/")) {
        for part in [path, text] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
    }
    short(context.finish().as_ref()).into()
}

fn short(digest: &[u8]) -> Box<str> {
    digest[..8].iter().map(|b| format!("{b:02x}")).collect::<String>().into()
}
