//! Named conditions: a pack says once what is fever, and its rules say `fever`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::check::{self, FUNCTIONS, NAMES};
use super::diagnostic::Diagnostic;
use super::eval::{Cond, Slot};
use super::parse::{self, Ast, Node};
use super::{EXPANDED_MAX, Scope};

/// Most conditions that name one another, one below the other.
pub const LEVELS_MAX: usize = 4;
/// Most named conditions on facts of one kind.
pub const NAMED_MAX: usize = 256;

/// One of them, compiled.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub cond: Arc<Cond>,
    /// Parts that it has, with those of the conditions that it names.
    pub size: usize,
    /// How many conditions name one another in it, itself included.
    pub levels: usize,
    /// How deep exists and all stand inside one another.
    pub depth: usize,
    pub reads: BTreeSet<Slot>,
    pub areas: BTreeSet<Box<str>>,
    pub codes: BTreeSet<Box<str>>,
    pub countries: BTreeSet<Box<str>>,
}

/// The named conditions on facts of one kind.
#[derive(Clone, Debug, Default)]
pub struct Conditions(BTreeMap<String, Named>);

impl PartialEq for Conditions {
    fn eq(&self, other: &Conditions) -> bool {
        self.0.keys().eq(other.0.keys())
    }
}

impl Conditions {
    /// Compiles them, whatever their order. What is wrong comes with the name of the condition.
    #[must_use]
    pub fn compile<'s>(
        sources: impl IntoIterator<Item = (&'s str, &'s str)>,
        scope: &Scope,
    ) -> (Conditions, Vec<(String, Diagnostic)>) {
        let mut wrong = Vec::new();
        let mut nodes = BTreeMap::new();
        for (name, source) in sources {
            let is_name = name.len() <= 64
                && name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            let is_taken = NAMES.contains(&name) || FUNCTIONS.contains(&name) || parse::is_word(name);
            if !is_name || is_taken || nodes.len() == NAMED_MAX {
                let text = if is_taken {
                    format!("{name} has a meaning already")
                } else {
                    format!("a condition's name has a-z, 0-9 and _, and there are at most {NAMED_MAX}")
                };
                wrong.push((
                    name.to_owned(),
                    Diagnostic::new("rule.name", 0..0, text).help("choose another name"),
                ));
                continue;
            }
            match parse::parse(source) {
                Ok(node) => drop(nodes.insert(name.to_owned(), node)),
                Err(d) => wrong.push((name.to_owned(), d)),
            }
        }
        let mut all = Conditions::default();
        let mut left: BTreeSet<&str> = nodes.keys().map(String::as_str).collect();
        // Each round compiles those whose names are all known; what is left then stands in a circle.
        while !left.is_empty() {
            let ready =
                left.iter().copied().filter(|name| !names(&nodes[*name]).iter().any(|n| left.contains(n)));
            let ready: Vec<&str> = ready.collect();
            if ready.is_empty() {
                for name in &left {
                    let of = names(&nodes[*name]);
                    let other = of.iter().find(|n| left.contains(**n)).copied().unwrap_or_default();
                    let d = Diagnostic::new(
                        "rule.circle",
                        nodes[*name].span.clone(),
                        format!("{name} asks {other}, and in the end itself"),
                    );
                    wrong.push(((*name).to_owned(), d.help("write out one of them")));
                }
                break;
            }
            let scope = scope.clone().with_conditions(&Arc::new(all.clone()));
            for name in ready {
                left.remove(name);
                match check::named(&nodes[name], &scope) {
                    Ok(named) => drop(all.0.insert(name.to_owned(), named)),
                    Err(ds) => wrong.extend(ds.into_iter().map(|d| (name.to_owned(), d))),
                }
            }
        }
        (all, wrong)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Named> {
        self.0.get(name)
    }

    /// Every name, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// The parts right below one.
fn below(node: &Node) -> Vec<&Node> {
    match &node.ast {
        Ast::Bool(_) | Ast::Int(_) | Ast::Double(_) | Ast::Text(_) | Ast::Name(_) => Vec::new(),
        Ast::List(items) | Ast::And(items) | Ast::Or(items) => items.iter().collect(),
        Ast::Member { of, .. } | Ast::Not(of) | Ast::Neg(of) => vec![of],
        Ast::Call { target, args, .. } => target.as_deref().into_iter().chain(args).collect(),
        Ast::Sum(first, rest) => std::iter::once(&**first).chain(rest.iter().map(|(_, n)| n)).collect(),
        Ast::Rel(_, a, b) => vec![a, b],
        Ast::If(a, b, c) => vec![a, b, c],
    }
}

/// Names that stand alone in it.
fn names(node: &Node) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        if let Ast::Name(name) = &node.ast {
            found.insert(name.as_str());
        }
        open.extend(below(node));
    }
    found
}

/// How many parts it has.
pub(super) fn size(node: &Node) -> usize {
    let mut open = vec![node];
    let mut n = 0;
    while let Some(node) = open.pop() {
        n += 1;
        open.extend(below(node));
    }
    n
}

/// Conditions that name conditions grow fast, and so does what it costs to ask them.
pub(super) fn too_large(size: usize, span: std::ops::Range<usize>) -> Option<Diagnostic> {
    (size > EXPANDED_MAX).then(|| {
        Diagnostic::new(
            "rule.limit",
            span,
            format!("with the conditions that it names it has more than {EXPANDED_MAX} parts"),
        )
        .help("name fewer of them in one, or split the rule")
    })
}
