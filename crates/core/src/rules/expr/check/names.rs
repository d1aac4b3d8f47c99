//! What a name means: a quantifier's variable, a condition that others name, a field of the fact or of the
//! person.

use std::sync::Arc;

use super::mistakes::{about_time, is_present, suggest, too_nested, type_error};
use super::{Checker, Domain, FUNCTIONS, Item, METHODS, NAMES, Span, Typed};
use crate::fact::{Kind, Type};
use crate::rules::expr::QUANTIFIERS_MAX;
use crate::rules::expr::diagnostic::{Diagnostic, nearest};
use crate::rules::expr::eval::{Cond, Int, List, PersonField, Real, Slot, Text, Var};
use crate::rules::expr::named::LEVELS_MAX;
use crate::rules::expr::parse::{Ast, Node};

const PERSON: &[&str] = &["subject", "residence", "age"];
/// `person.subject` has the words of a declaration's `subject`.
const SUBJECTS: &[&str] = &["resident", "intending"];

impl Checker<'_> {
    pub(super) fn name(&mut self, name: &str, span: Span) -> Typed {
        if let Some(at) = self.vars.iter().rposition(|(var, _)| var == name) {
            // INVARIANT: at most QUANTIFIERS_MAX variables.
            let var = at as Var;
            return match self.vars[at].1.clone() {
                // It has no value ever, so it agrees with everything.
                Item::None => Typed::Text(Text::Var(var), Domain::Words(Vec::new())),
                Item::Bool => Typed::Bool(Cond::Var(var)),
                Item::Int => Typed::Int(Int::Var(var)),
                Item::Double => Typed::Double(Real::Var(var)),
                Item::Day => Typed::Day(Int::Var(var)),
                Item::Text(domain) => Typed::Text(Text::Var(var), domain),
            };
        }
        let conditions = self.scope.conditions.clone();
        if let Some(named) = conditions.get(name) {
            self.size = self.size.saturating_add(named.size);
            self.levels = self.levels.max(named.levels);
            if self.levels > LEVELS_MAX {
                let text = format!("at most {LEVELS_MAX} conditions name one another, one below the other");
                return self.bad(Diagnostic::new("rule.limit", span, text).help("write out one of them"));
            }
            self.depth = self.depth.max(self.vars.len() + named.depth);
            if self.depth > QUANTIFIERS_MAX {
                return self.bad(too_nested(span));
            }
            self.reads.extend(named.reads.iter().copied());
            self.areas.extend(named.areas.iter().cloned());
            self.codes.extend(named.codes.iter().cloned());
            self.countries.extend(named.countries.iter().cloned());
            return Typed::Bool(Cond::Named(name.into(), Arc::clone(&named.cond)));
        }
        let d = |code, message: String| Diagnostic::new(code, span.clone(), message);
        match name {
            "day" if self.scope.fact.is_some() => Typed::Day(Int::Day),
            "happened" if self.scope.fact.is_some() => Typed::Instant(Int::Happened),
            "fact" | "person" => self.bad(
                d("rule.type", format!("{name} is not a value by itself"))
                    .help(format!("name a field, such as {name}.residence")),
            ),
            _ if is_present(name) => self.bad(about_time(span.clone(), name)),
            _ => {
                let mut known: Vec<&str> = self.vars.iter().map(|(var, _)| var.as_str()).collect();
                known.extend(NAMES);
                known.extend(conditions.names());
                let e = d("rule.unknown_name", format!("there is no {name}"));
                let field = self.scope.fact.and_then(|kind| kind.schema().iter().find(|f| f.name == name));
                let e = if let Some(field) = field.filter(|f| f.rules) {
                    e.help(format!("did you mean fact.{}?", field.name))
                } else if PERSON.contains(&name) {
                    e.help(format!("did you mean person.{name}?"))
                } else if FUNCTIONS.contains(&name) {
                    e.help(format!("{name} is a function: write {name}(…)"))
                } else {
                    suggest(e, name, &known, "there are")
                };
                self.bad(e)
            }
        }
    }

    /// The slot of a field that rules may read.
    pub(super) fn field(&mut self, name: &str, span: &Span) -> Option<(Slot, Type)> {
        let Some(kind) = self.scope.fact else {
            self.errors.push(Diagnostic::new("rule.unknown_name", span.clone(), "there is no fact here"));
            return None;
        };
        let schema = kind.schema();
        if let Some((slot, field)) = schema.iter().enumerate().find(|(_, f)| f.name == name) {
            if field.rules {
                // INVARIANT: schemas are far shorter than 65,536 fields.
                let slot = slot as Slot;
                self.reads.insert(slot);
                let ty = self.scope.vocabulary.map_or(field.ty, |own| own.type_of(field));
                return Some((slot, ty));
            }
            self.errors.push(
                Diagnostic::new("rule.not_readable", span.clone(), format!("rules may not read {name}"))
                    .help("it is personal text or the engine's own"),
            );
            return None;
        }
        let known: Vec<&str> = schema.iter().filter(|f| f.rules).map(|f| f.name).collect();
        let d = Diagnostic::new(
            "rule.unknown_name",
            span.clone(),
            format!("a {} has no field {name}", kind.name()),
        );
        let elsewhere: Vec<&str> = Kind::ALL
            .into_iter()
            .filter(|k| k.schema().iter().any(|f| f.rules && f.name == name))
            .map(Kind::name)
            .collect();
        self.errors.push(if known.is_empty() {
            d.help("rules may read none of its fields")
        } else if !elsewhere.is_empty() && nearest(name, known.iter().copied()).is_none() {
            d.help(format!("{name} is a field of {}", elsewhere.join(", ")))
        } else {
            suggest(d, name, &known, "its fields are")
        });
        None
    }

    pub(super) fn person_field(&mut self, name: &str, span: &Span) -> Option<PersonField> {
        match name {
            "subject" => Some(PersonField::Subject),
            "residence" => Some(PersonField::Residence),
            "age" => Some(PersonField::Age),
            _ => {
                let d = Diagnostic::new(
                    "rule.unknown_name",
                    span.clone(),
                    format!("rules know no {name} of a person"),
                );
                self.errors.push(suggest(d, name, PERSON, "they know"));
                None
            }
        }
    }

    pub(super) fn member(&mut self, of: &Node, name: &str, name_span: Span) -> Typed {
        match &of.ast {
            Ast::Name(fact) if fact == "fact" => match self.field(name, &name_span) {
                None => Typed::Bad,
                Some((slot, ty)) => match ty {
                    Type::Bool => Typed::Bool(Cond::Field(slot)),
                    Type::Int => Typed::Int(Int::Field(slot)),
                    Type::Double => Typed::Double(Real::Field(slot)),
                    Type::Text => Typed::Text(Text::Field(slot), Domain::Any),
                    Type::Choice(words) => Typed::Text(Text::Field(slot), Domain::Choice(words)),
                    Type::Division => Typed::Text(Text::Field(slot), Domain::Division),
                    Type::Choices(words) => Typed::List(List::Field(slot), Item::Text(Domain::Choice(words))),
                    Type::Divisions => Typed::List(List::Field(slot), Item::Text(Domain::Division)),
                    Type::Day => Typed::Day(Int::Field(slot)),
                    Type::Instant => Typed::Instant(Int::Field(slot)),
                },
            },
            Ast::Name(person) if person == "person" => match self.person_field(name, &name_span) {
                None => Typed::Bad,
                Some(PersonField::Age) => Typed::Int(Int::Age),
                Some(field @ PersonField::Subject) => {
                    Typed::Text(Text::Person(field), Domain::Choice(SUBJECTS))
                }
                Some(field @ PersonField::Residence) => Typed::Text(Text::Person(field), Domain::Division),
            },
            _ => {
                let of = self.typed(of);
                if of.is_bad() {
                    return Typed::Bad;
                }
                let d = type_error(name_span, format!("{} has no fields", of.name()));
                self.bad(if METHODS.contains(&name) {
                    d.help(format!("{name} is a function: write .{name}(…)"))
                } else {
                    d.help("only fact and person have fields")
                })
            }
        }
    }
}
