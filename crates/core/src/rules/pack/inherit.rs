//! Packs that extend one another: the chain of parents, and what their files come to together.
//!
//! Files are merged as trees, before they are read as a pack. Every key and value keeps the place
//! where it was written, as an offset into all files of the chain put one after another, so a mistake
//! in a parent is shown in the parent's file.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::site::{self, Placed};
use super::table::{self, Table};
use super::{FILE_BYTES_MAX, FILES_MAX, PACK, PackFiles, RULES};
use crate::division::lies_in;
use crate::rules::expr::{Diagnostic, nearest};
use crate::rules::tongue::is_language;
use crate::rules::words::Lang;

/// Most packs in a chain, the first and the last included.
pub const DEPTH_MAX: usize = 8;

/// Packs that others may extend, by id.
#[derive(Clone, Debug, Default)]
pub struct Library(BTreeMap<String, PackFiles>);

impl Library {
    /// Of packs; one whose `pack.toml` names no id is left out, and of two with one id the later
    /// counts.
    pub fn new(packs: impl IntoIterator<Item = PackFiles>) -> Library {
        let mut library = Library::default();
        packs.into_iter().for_each(|files| library.put(files));
        library
    }

    /// Adds a pack, in place of one with the same id.
    pub fn put(&mut self, files: PackFiles) {
        if let Some(id) = files.head("id") {
            self.0.insert(id, files);
        }
    }

    /// The pack of an id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&PackFiles> {
        self.0.get(id)
    }

    /// Every id in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl PackFiles {
    /// A text of the head of `pack.toml`, read without checking anything else.
    fn head(&self, key: &str) -> Option<String> {
        let table = DeTable::parse(self.0.get(PACK)?).ok()?;
        Some(table.get_ref().get(key)?.get_ref().as_str()?.to_owned())
    }

    /// The pack that this one extends, if any; nothing is checked.
    #[must_use]
    pub fn extends(&self) -> Option<String> {
        self.head("extends")
    }

    /// Whether it says that it is a site's.
    fn is_of_site(&self) -> bool {
        let table = self.0.get(PACK).and_then(|text| DeTable::parse(text).ok());
        table.is_some_and(|t| t.get_ref().contains_key("site"))
    }
}

/// Where something was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// Id of the pack.
    pub pack: Box<str>,
    /// File of that pack.
    pub file: Box<str>,
    /// Line, from 1.
    pub line: usize,
    /// Whether any of it stands in the pack itself, not in one that it extends.
    pub own: bool,
}

/// A file of the chain.
#[derive(Debug)]
struct Source<'a> {
    pack: String,
    name: String,
    text: &'a str,
    own: bool,
    /// Its first offset. No file begins at 0, so that a span `0..0` stands for no place.
    base: usize,
}

/// All files that were read, one after another.
#[derive(Debug, Default)]
pub(super) struct Sources<'a>(Vec<Source<'a>>);

impl<'a> Sources<'a> {
    fn add(&mut self, pack: &str, name: &str, text: &'a str, own: bool) -> usize {
        let base = self.0.last().map_or(1, |s| s.base + s.text.len() + 1);
        self.0.push(Source { pack: pack.into(), name: name.into(), text, own, base });
        base
    }

    fn of(&self, at: usize) -> Option<&Source<'a>> {
        let after = self.0.partition_point(|s| s.base <= at);
        self.0.get(after.checked_sub(1)?)
    }

    /// The file of an offset, as people read it, and where that file begins.
    pub(super) fn place(&self, at: usize) -> Option<(String, usize)> {
        let s = self.of(at)?;
        Some((if s.own { s.name.clone() } else { format!("{}/{}", s.pack, s.name) }, s.base))
    }

    /// The text of a file, as people name it.
    pub(super) fn text(&self, label: &str) -> Option<&'a str> {
        self.0.iter().find(|s| self.place(s.base).is_some_and(|(l, _)| l == label)).map(|s| s.text)
    }

    /// Whether an offset lies in the pack itself.
    pub(super) fn is_own(&self, at: usize) -> bool {
        self.of(at).is_some_and(|s| s.own)
    }

    /// What stands there.
    pub(super) fn slice(&self, span: &Range<usize>) -> &'a str {
        self.of(span.start)
            .and_then(|s| s.text.get(span.start - s.base..span.end.checked_sub(s.base)?))
            .unwrap_or("")
    }

    /// Pack, file and line of an offset.
    pub(super) fn origin(&self, at: usize) -> Option<Origin> {
        let s = self.of(at)?;
        let line = s.text.bytes().take(at - s.base).filter(|b| *b == b'\n').count() + 1;
        Some(Origin { pack: s.pack.as_str().into(), file: s.name.as_str().into(), line, own: s.own })
    }
}

/// A rule that a pack switches off.
#[derive(Clone, Debug)]
pub(super) struct Off {
    pub rule: String,
    pub reason: String,
    pub at: usize,
}

/// What the files of a chain come to.
#[derive(Debug, Default)]
pub(super) struct Merged<'a> {
    pub pack: Option<Tree<'a>>,
    pub rules: Option<Tree<'a>>,
    /// By language: those that every pack ships, and more that the pack names.
    pub words: Vec<(String, Option<Tree<'a>>)>,
    /// The pages' own words, by further language.
    pub pages: Vec<(String, Tree<'a>)>,
    /// Rules that are off, and who says so.
    pub off: Vec<Off>,
    /// Tables, whose rows are among the rules.
    pub tables: Vec<Table>,
    /// Ids of the parents, the nearest first.
    pub parents: Vec<Box<str>>,
    /// What a site's pack stands on.
    pub placed: Option<Placed>,
}

/// A file as a tree with places.
pub(super) type Tree<'a> = Spanned<DeTable<'a>>;

/// Says what is wrong: file of the pack itself where the span is in no file, and diagnostic.
pub(super) type Wrong<'w> = &'w mut dyn FnMut(&Sources<'_>, &str, Diagnostic);

/// The chain from the pack itself up.
fn chain<'a>(
    files: &'a PackFiles,
    library: &'a Library,
    sources: &Sources<'a>,
    wrong: Wrong<'_>,
) -> Option<Vec<(String, &'a PackFiles)>> {
    let mut chain = vec![(files.head("id").unwrap_or_default(), files)];
    let mut seen: BTreeSet<String> = chain.iter().map(|(id, _)| id.clone()).collect();
    while let Some(parent) = chain.last().and_then(|(_, files)| files.extends()) {
        let (child, child_files) = chain.last()?;
        // The last pack's own text may not be among the sources, so the place is that of the first.
        let text = files.0.get(PACK).map_or("", String::as_str);
        let at = text.find("extends").unwrap_or(0);
        let span = sources.0.first().map_or(0..0, |s| s.base + at..s.base + at + "extends".len());
        let mut say = |code, text: String, help: String| {
            wrong(sources, PACK, Diagnostic::new(code, span.clone(), text).help(help));
        };
        if seen.contains(&parent) {
            let way: Vec<&str> = chain.iter().map(|(id, _)| id.as_str()).collect();
            say(
                "pack.circle",
                format!("{} → {parent}: these packs extend one another in a circle", way.join(" → ")),
                format!("take extends out of one of them; {child} cannot stand above itself"),
            );
            return None;
        }
        if chain.len() == DEPTH_MAX {
            say(
                "pack.depth",
                format!("more than {DEPTH_MAX} packs extend one another"),
                "let the pack extend one nearer to the top: nation, province, city, district, site".into(),
            );
            return None;
        }
        let Some(next) = library.get(&parent) else {
            let near = nearest(&parent, library.ids());
            let whose = if std::ptr::eq(*child_files, files) { "the pack" } else { child.as_str() };
            say(
                "pack.extends",
                format!("{whose} extends {parent:?}, and no pack here has that id"),
                match near {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => "put its folder beside this one, or name the folder of the parents with --packs"
                        .into(),
                },
            );
            return None;
        };
        seen.insert(parent.clone());
        chain.push((parent, next));
    }
    // A place's colours would come to rest on what a site says.
    let above = chain[1..].iter().position(|(_, files)| files.is_of_site());
    let (key, text, help) = match above {
        Some(i) => (
            "extends",
            format!("{} is a site's pack, and no pack extends it", chain[i + 1].0),
            format!("extends = \"{}\", the pack of its place", chain.get(i + 2).map_or("ID", |(id, _)| id)),
        ),
        None if chain.len() == 1 && files.is_of_site() => (
            "site",
            "a site's pack adds to that of its place, and this one extends none".to_owned(),
            "extends = \"ID\", the id of the pack of the division in which the site lies".to_owned(),
        ),
        None => return Some(chain),
    };
    let text_of_pack = files.0.get(PACK).map_or("", String::as_str);
    let line =
        text_of_pack.match_indices(key).find(|(at, _)| *at == 0 || text_of_pack[..*at].ends_with('\n'));
    let at = sources.0.first().zip(line).map_or(0, |(s, (at, _))| s.base + at);
    wrong(sources, PACK, Diagnostic::new("pack.site", at..at + key.len(), text).help(help));
    None
}

/// Reads the files of a chain and merges them, the topmost first.
pub(super) fn merge<'a>(
    files: &'a PackFiles,
    library: &'a Library,
    sources: &mut Sources<'a>,
    wrong: Wrong<'_>,
) -> Option<Merged<'a>> {
    // The pack itself comes first among the sources, so that its place is known to every message.
    let mut trees = vec![read_all(&files.head("id").unwrap_or_default(), files, true, sources, wrong)];
    let chain = chain(files, library, sources, wrong)?;
    for (id, files) in &chain[1..] {
        if files.0.len() > FILES_MAX || files.0.values().any(|t| t.len() > FILE_BYTES_MAX) {
            let text = format!("{id} has over {FILES_MAX} files, or one over {} KiB", FILE_BYTES_MAX / 1024);
            wrong(sources, PACK, Diagnostic::new("pack.limit", 0..0, text));
            return None;
        }
        trees.push(read_all(id, files, false, sources, wrong));
    }
    let parents: Vec<Box<str>> = chain[1..].iter().map(|(id, _)| id.as_str().into()).collect();
    // A parent that cannot be read has said so; what would follow from it is noise.
    if trees.iter().skip(1).any(|t| t.values().any(Option::is_none)) {
        return None;
    }
    let mut merged = Merged { parents, ..Merged::default() };
    let mut broken: BTreeSet<String> = BTreeSet::new();
    let mut whole: BTreeMap<String, Tree<'a>> = BTreeMap::new();
    let mut gone = BTreeSet::new();
    for (depth, tree) in trees.into_iter().enumerate().rev() {
        let of_site = depth == 0 && files.is_of_site();
        for (name, table) in tree {
            let Some(table) = table else {
                broken.insert(name);
                continue;
            };
            let table = match (name.as_str(), whole.remove(&name)) {
                (RULES, above) => {
                    let mut table = table;
                    merged.tables.extend(table::expand(&mut table, sources, wrong));
                    if of_site {
                        site::rules(above.as_ref(), &table, sources, wrong);
                    }
                    rules(above, table, &mut merged.off, &mut gone, sources, wrong)
                }
                (_, None) => table,
                (PACK, Some(mut above)) => {
                    inside(&above, &table, sources, wrong);
                    if of_site {
                        merged.placed = Some(site::settings(&above, &table, files, sources, wrong));
                    }
                    for own in ["id", "version", "division", "effective", "sunset", "extends"] {
                        above.get_mut().remove(own);
                    }
                    let mut table = table;
                    fields(&above, &mut table, sources, wrong);
                    over(above, table)
                }
                (_, Some(mut above)) => {
                    if of_site {
                        site::words(&name, &above, &table, sources, wrong);
                    }
                    // A pack has a name of its own.
                    above.get_mut().remove("name");
                    over(above, table)
                }
            };
            whole.insert(name, table);
        }
    }
    let mut take = |name: &str| {
        let table = whole.remove(name);
        if table.is_none() && !broken.contains(name) {
            wrong(sources, name, Diagnostic::new("pack.file", 0..0, format!("the pack has no {name}")));
        }
        table.filter(|_| !broken.contains(name))
    };
    merged.pack = take(PACK);
    merged.rules = take(RULES);
    let mut languages: Vec<String> = Lang::ALL.iter().map(|l| l.name().to_owned()).collect();
    let all: Vec<&PackFiles> = chain.iter().map(|(_, files)| *files).collect();
    merged.pack.iter_mut().for_each(|pack| spoken(pack, &all));
    for name in merged.pack.iter().flat_map(named_languages) {
        if is_language(&name) && !languages.contains(&name) && languages.len() < LANGUAGES_MAX {
            languages.push(name);
        }
    }
    for lang in &languages {
        let mut table = take(&format!("words/{lang}.toml"));
        if let Some(DeValue::Table(texts)) =
            table.as_mut().and_then(|t| t.get_mut().get_mut("rules")).map(Spanned::get_mut)
        {
            // The parents' texts of rules that are no more.
            let ids: BTreeSet<&str> = merged.rules.iter().flat_map(|t| ids(t.get_ref())).collect();
            let stale = |id: &String| {
                !ids.contains(id.as_str())
                    && texts.get_key_value(id.as_str()).is_some_and(|(k, _)| !sources.is_own(k.span().start))
            };
            let stale: Vec<String> = gone.iter().filter(|id| stale(id)).cloned().collect();
            stale.iter().for_each(|id| drop(texts.remove(id.as_str())));
        }
        merged.words.push((lang.clone(), table));
    }
    // The pages say zh and en themselves; what a pack leaves out of a further language, they say in one of these.
    for lang in &languages[Lang::ALL.len()..] {
        let table = whole.remove(&format!("pages/{lang}.toml"));
        merged.pages.extend(table.map(|table| (lang.clone(), table)));
    }
    Some(merged)
}

/// Most languages of a pack.
pub(super) const LANGUAGES_MAX: usize = 16;

/// What `languages` in `pack.toml` says.
fn named_languages(pack: &Tree<'_>) -> Vec<String> {
    let all = pack.get_ref().get("languages").and_then(|l| l.get_ref().as_array());
    all.into_iter()
        .flat_map(|all| all.iter())
        .filter_map(|l| Some(l.get_ref().as_str()?.to_owned()))
        .collect()
}

/// Takes the languages out of `pack.toml` that a pack speaks and one below it does not. Which it speaks, a
/// pack names; one that names none speaks those of the pack above in which it has words of its own. So a
/// pack may learn a language and all below it load as they are.
fn spoken(pack: &mut Tree<'_>, chain: &[&PackFiles]) {
    let names = |files: &PackFiles| {
        let table = files.0.get(PACK).and_then(|text| DeTable::parse(text).ok());
        table.is_some_and(|t| t.get_ref().contains_key("languages"))
    };
    let below = chain.iter().take_while(|files| !names(files));
    let below: Vec<_> = below.filter(|files| files.extends().is_some()).collect();
    let ours = |lang: &str| Lang::ALL.iter().any(|l| l.name() == lang);
    let speak = |lang: &str| below.iter().all(|files| files.0.contains_key(&format!("words/{lang}.toml")));
    if let Some(DeValue::Array(all)) = pack.get_mut().get_mut("languages").map(Spanned::get_mut) {
        let mut left = DeArray::new();
        let kept = |item: &Spanned<DeValue<'_>>| {
            item.get_ref().as_str().is_none_or(|lang| ours(lang) || speak(lang))
        };
        all.iter().filter(|item| kept(item)).for_each(|item| left.push(item.clone()));
        *all = left;
    }
}

/// The files of one pack that are merged, each as a tree; none where it cannot be read.
fn read_all<'a>(
    id: &str,
    files: &'a PackFiles,
    own: bool,
    sources: &mut Sources<'a>,
    wrong: Wrong<'_>,
) -> BTreeMap<String, Option<Tree<'a>>> {
    let texts = |name: &&String| name.starts_with("words/") || name.starts_with("pages/");
    let words = files.0.keys().filter(|name| texts(name) && name.ends_with(".toml"));
    let names = [PACK.to_owned(), RULES.to_owned()].into_iter().chain(words.cloned());
    let mut all = BTreeMap::new();
    for name in names {
        let Some(text) = files.0.get(&name) else { continue };
        let base = sources.add(id, &name, text, own);
        let tree = match DeTable::parse(text) {
            Ok(table) => Some(moved(table, base)),
            Err(e) => {
                let span = e.span().unwrap_or(0..0);
                let span = span.start + base..span.end + base;
                wrong(sources, &name, Diagnostic::new("pack.format", span, e.message().to_owned()));
                None
            }
        };
        all.insert(name, tree);
    }
    all
}

/// The same, all places `by` bytes further on.
fn moved(table: Tree<'_>, by: usize) -> Tree<'_> {
    let place = further(table.span(), by);
    let entries = table.into_inner().into_iter();
    let entries = entries.map(|(key, value)| {
        (Spanned::new(further(key.span(), by), key.into_inner()), moved_value(value, by))
    });
    Spanned::new(place, entries.collect())
}

fn moved_value(value: Spanned<DeValue<'_>>, by: usize) -> Spanned<DeValue<'_>> {
    let place = further(value.span(), by);
    let value = match value.into_inner() {
        DeValue::Array(items) => {
            let mut moved = DeArray::new();
            items.into_iter().for_each(|item| moved.push(moved_value(item, by)));
            DeValue::Array(moved)
        }
        DeValue::Table(table) => DeValue::Table(moved(Spanned::new(0..0, table), by).into_inner()),
        other => other,
    };
    Spanned::new(place, value)
}

fn further(span: Range<usize>, by: usize) -> Range<usize> {
    span.start + by..span.end + by
}

/// A child's tree over its parent's: tables are merged key by key, everything else is replaced.
fn over<'a>(mut above: Tree<'a>, own: Tree<'a>) -> Tree<'a> {
    let place = own.span();
    for (key, value) in own.into_inner() {
        let is_table = value.get_ref().is_table();
        // Out and in again, so that the key's place is the child's as well.
        let value = match above.get_mut().remove_entry(key.get_ref().as_ref()) {
            Some((_, old)) if is_table && old.get_ref().is_table() => {
                let (span, old_span) = (value.span(), old.span());
                match (old.into_inner(), value.into_inner()) {
                    (DeValue::Table(old), DeValue::Table(new)) => {
                        let merged = over(Spanned::new(old_span, old), Spanned::new(span.clone(), new));
                        Spanned::new(span, DeValue::Table(merged.into_inner()))
                    }
                    (_, new) => Spanned::new(span, new),
                }
            }
            _ => value,
        };
        above.get_mut().insert(key, value);
    }
    Spanned::new(place, above.into_inner())
}

/// A child's division lies in its parent's.
fn inside(above: &Tree<'_>, own: &Tree<'_>, sources: &Sources<'_>, wrong: Wrong<'_>) {
    let code = |t: &Tree<'_>| {
        let value = t.get_ref().get("division")?;
        Some((value.get_ref().as_str()?.to_owned(), value.span()))
    };
    if let (Some((above, _)), Some((own, span))) = (code(above), code(own))
        && !lies_in(&own, &above)
    {
        let text = format!("the division {own} does not lie in {above}, for which the pack above it is");
        let d = Diagnostic::new("pack.division", span, text);
        wrong(sources, PACK, d.help(format!("a code that begins with {above}, or another pack to extend")));
    }
}

/// The questions of a form: one that the parent asks too takes its place, a new one comes last, and
/// `without` takes some away.
fn fields<'a>(above: &Tree<'a>, own: &mut Tree<'a>, sources: &Sources<'_>, wrong: Wrong<'_>) {
    let Some(DeValue::Table(form)) = own.get_mut().get_mut("form").map(Spanned::get_mut) else { return };
    let old = match above.get_ref().get("form").map(Spanned::get_ref) {
        Some(DeValue::Table(form)) => form.get("fields"),
        _ => None,
    };
    let Some((DeValue::Array(old), place)) = old.map(|f| (f.get_ref(), f.span())) else { return };
    let name = |item: &Spanned<DeValue<'_>>| text_of(item.get_ref(), "field").map(|(text, _)| text);
    let mut all: Vec<Spanned<DeValue<'a>>> = old.iter().cloned().collect();
    if let Some(without) = form.remove("without") {
        let span = without.span();
        let names: Vec<_> = match without.into_inner() {
            DeValue::Array(names) => names.into_iter().collect(),
            _ => {
                let d =
                    Diagnostic::new("pack.form", span, "without is a list of questions of the pack above");
                return wrong(sources, PACK, d.help("without = [\"overseas\"]"));
            }
        };
        for gone in names {
            let text = gone.get_ref().as_str().unwrap_or("").to_owned();
            let known: Vec<String> = all.iter().filter_map(name).collect();
            if !known.contains(&text) {
                let d = Diagnostic::new(
                    "pack.form",
                    gone.span(),
                    format!("the pack above does not ask {text:?}"),
                );
                wrong(sources, PACK, named(d, &text, known.iter().map(String::as_str)));
            }
            all.retain(|item| name(item).as_ref() != Some(&text));
        }
    }
    let new = form.remove("fields");
    let place = new.as_ref().map_or(place, Spanned::span);
    match new.map(Spanned::into_inner) {
        None => {}
        Some(DeValue::Array(new)) => {
            for item in new {
                match name(&item).and_then(|n| all.iter().position(|old| name(old).as_ref() == Some(&n))) {
                    Some(at) => all[at] = item,
                    None => all.push(item),
                }
            }
        }
        // Not a list: the reading says so.
        Some(other) => {
            form.insert(Spanned::new(place.clone(), "fields".into()), Spanned::new(place, other));
            return;
        }
    }
    let mut fields = DeArray::new();
    all.into_iter().for_each(|item| fields.push(item));
    form.insert(Spanned::new(place.clone(), "fields".into()), Spanned::new(place, DeValue::Array(fields)));
}

/// A text member of a table, and its place.
pub(super) fn text_of(table: &DeValue<'_>, key: &str) -> Option<(String, Range<usize>)> {
    let value = table.as_table()?.get(key)?;
    Some((value.get_ref().as_str()?.to_owned(), value.span()))
}

/// Ids of the rules of a tree.
fn ids<'t>(rules: &'t DeTable<'_>) -> impl Iterator<Item = &'t str> {
    let all = rules.get("rule").and_then(|r| r.get_ref().as_array());
    all.into_iter()
        .flat_map(|all| all.iter())
        .filter_map(|r| r.get_ref().as_table()?.get("id")?.get_ref().as_str())
}

/// With the name that was probably meant, or what there is.
pub(super) fn named<'n>(
    d: Diagnostic,
    name: &str,
    known: impl Iterator<Item = &'n str> + Clone,
) -> Diagnostic {
    match nearest(name, known.clone()) {
        Some(near) => d.help(format!("did you mean {near:?}?")),
        None => d.help(format!("there are: {}", known.collect::<Vec<_>>().join(", "))),
    }
}

/// Takes a list of tables out of a tree; anything else stays, and the reading says so.
pub(super) fn tables<'a>(tree: &mut Tree<'a>, key: &str) -> Vec<(Spanned<()>, DeTable<'a>)> {
    if !tree
        .get_ref()
        .get(key)
        .and_then(|v| v.get_ref().as_array())
        .is_some_and(|a| a.iter().all(|i| i.get_ref().is_table()))
    {
        return Vec::new();
    }
    let Some(DeValue::Array(items)) = tree.get_mut().remove(key).map(Spanned::into_inner) else {
        return Vec::new();
    };
    let items = items.into_iter().filter_map(|item| {
        let span = item.span();
        match item.into_inner() {
            DeValue::Table(table) => Some((Spanned::new(span, ()), table)),
            _ => None,
        }
    });
    items.collect()
}

/// A child's rules over its parent's. A rule takes another's place only by naming it.
fn rules<'a>(
    above: Option<Tree<'a>>,
    mut own: Tree<'a>,
    off: &mut Vec<Off>,
    gone: &mut BTreeSet<String>,
    sources: &Sources<'_>,
    wrong: Wrong<'_>,
) -> Tree<'a> {
    let place = own.span();
    let is_top = above.is_none();
    let mut all: Vec<Spanned<DeValue<'a>>> = Vec::new();
    let mut above = above.unwrap_or_else(|| Spanned::new(place.clone(), DeTable::new()));
    if let Some(DeValue::Array(items)) = above.get_mut().remove("rule").map(Spanned::into_inner) {
        all.extend(items);
    }
    let id = |rule: &Spanned<DeValue<'_>>| text_of(rule.get_ref(), "id").map(|(text, _)| text);
    let inherited: Vec<String> = all.iter().filter_map(id).collect();
    // The rule that is named, if there is one; each may be named once.
    let mut taken = BTreeSet::new();
    let mut find =
        |what: &str, named_at: Option<(String, Range<usize>)>, item: &Spanned<()>, wrong: Wrong<'_>| {
            let Some((name, span)) = named_at else {
                let d = Diagnostic::new("pack.replace", item.span(), format!("{what} names no rule"));
                wrong(sources, RULES, d.help("rule = \"ID\", the id of a rule of the pack above"));
                return None;
            };
            if is_top {
                let text =
                    format!("{what} {name:?}: this pack extends no other, so there is nothing above it");
                let d = Diagnostic::new("pack.replace", span, text);
                wrong(sources, RULES, d.help("leave it out, or say extends = \"ID\" in pack.toml"));
                return None;
            }
            if !inherited.contains(&name) {
                let d = Diagnostic::new("pack.replace", span, format!("no pack above has a rule {name:?}"));
                wrong(sources, RULES, named(d, &name, inherited.iter().map(String::as_str)));
                return None;
            }
            if !taken.insert(name.clone()) {
                let d = Diagnostic::new("pack.replace", span, format!("{name} is named twice"));
                wrong(sources, RULES, d.help("replace a rule or switch it off, once"));
                return None;
            }
            Some(name)
        };
    for (item, mut patch) in tables(&mut own, "replace") {
        let named_at = text_of(&DeValue::Table(patch.clone()), "rule");
        let Some(name) = find("[[replace]]", named_at, &item, wrong) else { continue };
        patch.remove("rule");
        for (key, why) in [("id", "a changed rule keeps its id"), ("replaces", "it is named by rule")] {
            if let Some((at, _)) = patch.remove_entry(key) {
                let d = Diagnostic::new("pack.replace", at.span(), why);
                wrong(sources, RULES, d.help("to give another id write a whole [[rule]] with replaces"));
            }
        }
        if !patch.contains_key("source") {
            let text = format!("{name} is changed, and nothing says where that is published");
            let d = Diagnostic::new("pack.replace", item.span(), text);
            wrong(sources, RULES, d.help("add source = { title = \"…\", url = \"…\", grade = \"A\" }"));
        }
        if let Some(rule) = all.iter_mut().find(|r| id(r).as_ref() == Some(&name))
            && let DeValue::Table(rule) = rule.get_mut()
        {
            for (key, value) in patch {
                rule.remove(key.get_ref().as_ref());
                rule.insert(key, value);
            }
        }
    }
    for (item, table) in tables(&mut own, "off") {
        let table = DeValue::Table(table);
        let Some(name) = find("[[off]]", text_of(&table, "rule"), &item, wrong) else { continue };
        let reason = text_of(&table, "reason").map(|(text, _)| text).filter(|t| !t.trim().is_empty());
        let Some(reason) = reason else {
            let text = format!("{name} is switched off, and nothing says why");
            let d = Diagnostic::new("pack.replace", item.span(), text);
            wrong(sources, RULES, d.help("add reason = \"…\""));
            continue;
        };
        for (key, _) in table.as_table().into_iter().flat_map(|t| t.iter()) {
            if !["rule", "reason"].contains(&key.get_ref().as_ref()) {
                let d =
                    Diagnostic::new("pack.format", key.span(), format!("[[off]] has no {}", key.get_ref()));
                wrong(sources, RULES, d.help("it has rule and reason"));
            }
        }
        all.retain(|r| id(r).as_ref() != Some(&name));
        gone.insert(name.clone());
        off.push(Off { rule: name, reason, at: item.span().start });
    }
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    for (item, mut rule) in tables(&mut own, "rule") {
        let replaces = rule.remove_entry("replaces");
        let named_at =
            replaces.as_ref().map(|(_, v)| (v.get_ref().as_str().unwrap_or("").to_owned(), v.span()));
        let rule = Spanned::new(item.span(), DeValue::Table(rule));
        let own_id = id(&rule);
        if named_at.is_some() {
            let Some(name) = find("replaces", named_at, &item, wrong) else { continue };
            if let Some(at) = all.iter().position(|r| id(r).as_ref() == Some(&name)) {
                all[at] = rule;
            }
            if let Some(own_id) = own_id.filter(|own| *own != name) {
                gone.insert(name.clone());
                renamed.insert(name, own_id);
            }
            continue;
        }
        if let Some(name) = own_id.filter(|own| inherited.contains(own)) {
            let at = text_of(rule.get_ref(), "id").map_or(item.span(), |(_, span)| span);
            let d = Diagnostic::new("pack.rule_twice", at, format!("a pack above has a rule {name} already"));
            wrong(sources, RULES, d.help(format!("add replaces = \"{name}\", or give it an id of its own")));
            continue;
        }
        all.push(rule);
    }
    let mut list = DeArray::new();
    for mut rule in all {
        rename(&mut rule, &renamed);
        list.push(rule);
    }
    let has_rules = !list.is_empty() || !own.get_ref().contains_key("rule");
    let mut tree = over(above, own);
    if has_rules {
        let value = Spanned::new(place.clone(), DeValue::Array(list));
        tree.get_mut().insert(Spanned::new(place, "rule".into()), value);
    }
    tree
}

/// Who releases what a replaced rule opened, releases what is in its place.
fn rename(rule: &mut Spanned<DeValue<'_>>, renamed: &BTreeMap<String, String>) {
    let DeValue::Table(rule) = rule.get_mut() else { return };
    let Some(DeValue::Array(names)) = rule.get_mut("releases").map(Spanned::get_mut) else { return };
    for name in names.iter_mut() {
        if let Some(new) = name.get_ref().as_str().and_then(|name| renamed.get(name)) {
            *name.get_mut() = DeValue::String(Cow::Owned(new.clone()));
        }
    }
}

/// Where each rule was written; of one that the pack itself changed, where it did.
pub(super) fn origins(rules: &Tree<'_>, sources: &Sources<'_>) -> BTreeMap<Box<str>, Origin> {
    let all = rules.get_ref().get("rule").and_then(|r| r.get_ref().as_array());
    let all = all.into_iter().flat_map(|all| all.iter()).filter_map(|rule| {
        let table = rule.get_ref().as_table()?;
        let (id, at) = text_of(rule.get_ref(), "id")?;
        let own = table.keys().map(|k| k.span().start).filter(|at| sources.is_own(*at)).min();
        Some((id.into(), sources.origin(own.unwrap_or(at.start))?))
    });
    all.collect()
}
