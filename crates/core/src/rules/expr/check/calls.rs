//! Functions, and what is asked of a value: `has(…)`, `area(…)`, `list.exists(…)`.

use std::sync::Arc;

use super::compare::add;
use super::mistakes::{about_time, is_present, suggest, too_nested, type_error, wrong_choice, wrong_code};
use super::{Checker, Domain, FUNCTIONS, METHODS, NAMES, Span, Typed};
use crate::fact::Kind;
use crate::rules::expr::QUANTIFIERS_MAX;
use crate::rules::expr::areas::is_code;
use crate::rules::expr::diagnostic::Diagnostic;
use crate::rules::expr::eval::{Cond, Int, Text, Var};
use crate::rules::expr::parse::{Ast, Node};
use crate::time::Day;

impl Checker<'_> {
    /// The arguments if they are as many as wanted.
    fn arguments<'n, const N: usize>(
        &mut self,
        usage: &str,
        args: &'n [Node],
        span: &Span,
    ) -> Option<&'n [Node; N]> {
        let found = args.try_into().ok();
        if found.is_none() {
            let count = if N == 1 { "1 argument".to_owned() } else { format!("{N} arguments") };
            self.errors.push(
                type_error(span.clone(), format!("this takes {count}, not {}", args.len()))
                    .help(format!("write {usage}")),
            );
        }
        found
    }

    pub(super) fn function(&mut self, name: &str, name_span: Span, args: &[Node], span: Span) -> Typed {
        match name {
            "has" => {
                let Some([arg]) = self.arguments("has(fact.x)", args, &span) else { return Typed::Bad };
                match &arg.ast {
                    Ast::Member { of, name, name_span } => match &of.ast {
                        Ast::Name(of) if of == "fact" => match self.field(name, name_span) {
                            Some((slot, _)) => Typed::Bool(Cond::Has(slot)),
                            None => Typed::Bad,
                        },
                        Ast::Name(of) if of == "person" => match self.person_field(name, name_span) {
                            Some(field) => Typed::Bool(Cond::HasPerson(field)),
                            None => Typed::Bad,
                        },
                        _ => self.has_what(arg),
                    },
                    _ => self.has_what(arg),
                }
            }
            "size" => match self.arguments("size(list)", args, &span) {
                Some([arg]) => self.size(arg),
                None => Typed::Bad,
            },
            "date" => {
                let Some([arg]) = self.arguments("date(\"2020-01-23\")", args, &span) else {
                    return Typed::Bad;
                };
                match self.typed(arg) {
                    Typed::Text(Text::Const(text), _) => match Day::parse(&text) {
                        Ok(day) => Typed::Day(Int::Const(i64::from(day.0))),
                        Err(_) => self.bad(
                            Diagnostic::new("rule.date", arg.span.clone(), "there is no such day")
                                .help("write date(\"2020-01-23\")"),
                        ),
                    },
                    Typed::Bad => Typed::Bad,
                    _ => self.bad(type_error(arg.span.clone(), "date takes a text such as \"2020-01-23\"")),
                }
            }
            "days_between" => {
                let Some([from, to]) = self.arguments("days_between(from, to)", args, &span) else {
                    return Typed::Bad;
                };
                match (self.typed(from), self.typed(to)) {
                    (Typed::Day(from), Typed::Day(to)) => Typed::Int(add(to, true, from)),
                    (a, b) => self.ends("days_between takes days", (from, &a), (to, &b), |t| {
                        matches!(t, Typed::Day(_))
                    }),
                }
            }
            "day_count" => {
                let Some([from, to]) = self.days("day_count(first, last)", args, &span) else {
                    return Typed::Bad;
                };
                Typed::Int(add(add(to, true, from), false, Int::Const(1)))
            }
            "months_between" => match self.days("months_between(from, to)", args, &span) {
                Some([from, to]) => Typed::Int(Int::Months(Box::new((from, to)))),
                None => Typed::Bad,
            },
            "working_days_between" => match self.days("working_days_between(from, to)", args, &span) {
                Some([from, to]) => {
                    Typed::Int(Int::Working(Arc::clone(&self.scope.calendar), Box::new((from, to))))
                }
                None => Typed::Bad,
            },
            "add_months" => match self.day_and_number("add_months(day, 1)", args, &span) {
                Some(of) => Typed::Day(Int::AddMonths(Box::new(of))),
                None => Typed::Bad,
            },
            "add_working_days" => match self.day_and_number("add_working_days(day, 3)", args, &span) {
                Some(of) => Typed::Day(Int::AddWorking(Arc::clone(&self.scope.calendar), Box::new(of))),
                None => Typed::Bad,
            },
            "is_working_day" => match self.arguments("is_working_day(day)", args, &span) {
                None => Typed::Bad,
                Some([arg]) => match self.typed(arg) {
                    Typed::Bad => Typed::Bad,
                    Typed::Day(day) => Typed::Bool(Cond::Works(Arc::clone(&self.scope.calendar), day)),
                    other => {
                        let message = format!("is_working_day takes a day, but this is {}", other.name());
                        self.bad(type_error(arg.span.clone(), message))
                    }
                },
            },
            "hours_between" => {
                let Some([from, to]) = self.arguments("hours_between(from, to)", args, &span) else {
                    return Typed::Bad;
                };
                match (self.typed(from), self.typed(to)) {
                    (Typed::Instant(from), Typed::Instant(to)) => {
                        Typed::Int(Int::Hours(Box::new((from, to))))
                    }
                    (a, b) => self.ends("hours_between takes instants", (from, &a), (to, &b), |t| {
                        matches!(t, Typed::Instant(_))
                    }),
                }
            }
            "area" => self.area(args, span),
            "accepted" => self.accepted(args, span),
            _ if is_present(name) => self.bad(about_time(name_span, name)),
            "timestamp" | "duration" => self.bad(
                Diagnostic::new("rule.unsupported", name_span, format!("there is no {name} here"))
                    .help("a day is written date(\"2020-01-23\"); days are counted with + and -"),
            ),
            _ if METHODS.contains(&name) => self.bad(
                Diagnostic::new("rule.unknown_name", name_span, format!("{name} is asked of a value"))
                    .help(format!("write value.{name}(…)")),
            ),
            _ => {
                let d =
                    Diagnostic::new("rule.unknown_name", name_span, format!("there is no function {name}"));
                self.bad(suggest(d, name, FUNCTIONS, "there are"))
            }
        }
    }

    fn days(&mut self, usage: &str, args: &[Node], span: &Span) -> Option<[Int; 2]> {
        let [from, to] = self.arguments(usage, args, span)?;
        match (self.typed(from), self.typed(to)) {
            (Typed::Day(from), Typed::Day(to)) => Some([from, to]),
            (a, b) => {
                let what = usage.split('(').next().unwrap_or("this");
                self.ends(&format!("{what} takes days"), (from, &a), (to, &b), |t| {
                    matches!(t, Typed::Day(_))
                });
                None
            }
        }
    }

    fn day_and_number(&mut self, usage: &str, args: &[Node], span: &Span) -> Option<(Int, Int)> {
        let [day, n] = self.arguments(usage, args, span)?;
        match (self.typed(day), self.typed(n)) {
            (Typed::Day(day), Typed::Int(n)) => Some((day, n)),
            (Typed::Bad, _) | (_, Typed::Bad) => None,
            (a, b) => {
                let d = type_error(
                    span.clone(),
                    format!("this takes a day and a whole number, not {} and {}", a.name(), b.name()),
                );
                self.errors.push(d.help(format!("write {usage}")));
                None
            }
        }
    }

    fn has_what(&mut self, arg: &Node) -> Typed {
        self.bad(
            type_error(arg.span.clone(), "has asks for a field of the fact or the person")
                .help("write has(fact.contact)"),
        )
    }

    fn ends(
        &mut self,
        message: &str,
        from: (&Node, &Typed),
        to: (&Node, &Typed),
        fits: impl Fn(&Typed) -> bool,
    ) -> Typed {
        for (node, typed) in [from, to] {
            if !typed.is_bad() && !fits(typed) {
                self.errors
                    .push(type_error(node.span.clone(), format!("{message}, but this is {}", typed.name())));
            }
        }
        Typed::Bad
    }

    fn size(&mut self, of: &Node) -> Typed {
        match self.typed(of) {
            Typed::List(list, _) => Typed::Int(Int::Size(list)),
            Typed::Text(text, _) => Typed::Int(Int::Length(Box::new(text))),
            Typed::Bad => Typed::Bad,
            other => self.bad(type_error(of.span.clone(), format!("{} has no size", other.name()))),
        }
    }

    fn area(&mut self, args: &[Node], span: Span) -> Typed {
        let (code, key, on) = match args {
            [code, key] => (code, key, None),
            [code, key, on] => (code, key, Some(on)),
            _ => {
                return self.bad(
                    type_error(span, format!("area takes 2 or 3 arguments, not {}", args.len()))
                        .help("write area(fact.residence, \"high\"), or with a day as the third"),
                );
            }
        };
        let code_text = match self.typed(code) {
            Typed::Bad => None,
            Typed::Text(text, Domain::Division) => Some(text),
            Typed::Text(text, Domain::Words(words)) => {
                self.codes.extend(words.iter().map(|(word, _)| word.clone()));
                self.each(&words, is_code, wrong_code).then_some(text)
            }
            other => {
                let d = type_error(
                    code.span.clone(),
                    format!("area asks about a division, but this is {}", other.name()),
                );
                self.errors.push(match other {
                    Typed::List(..) => d.help("write list.exists(v, area(v, \"high\"))"),
                    _ => d.help("such as fact.residence, or a code in quotes"),
                });
                None
            }
        };
        let key_text = match self.typed(key) {
            Typed::Bad => None,
            Typed::Text(Text::Const(text), _) => match &self.scope.areas {
                Some(known) if !known.iter().any(|k| **k == *text) => {
                    let d = Diagnostic::new(
                        "rule.area",
                        key.span.clone(),
                        format!("there is no list of areas {:?}", &*text),
                    );
                    let known: Vec<&str> = known.iter().map(String::as_str).collect();
                    self.errors.push(if known.is_empty() {
                        d.help("lists stand in pack.toml under [areas]")
                    } else {
                        suggest(d, &text, &known, "there are")
                    });
                    None
                }
                _ => Some(text),
            },
            _ => {
                self.errors.push(
                    type_error(key.span.clone(), "the list of areas is named by a text in quotes")
                        .help("write area(fact.residence, \"high\")"),
                );
                None
            }
        };
        let on_day = match on {
            None => Some(None),
            Some(on) => match self.typed(on) {
                Typed::Bad => None,
                Typed::Day(day) => Some(Some(Box::new(day))),
                other => {
                    let message = format!("the third argument is a day, but this is {}", other.name());
                    self.errors.push(type_error(on.span.clone(), message));
                    None
                }
            },
        };
        match (code_text, key_text, on_day) {
            (Some(code), Some(key), Some(on)) => {
                self.areas.insert(key.clone());
                Typed::Bool(Cond::Area { code, key, on })
            }
            _ => Typed::Bad,
        }
    }

    fn accepted(&mut self, args: &[Node], span: Span) -> Typed {
        let Some([country]) = self.arguments("accepted(\"EU\")", args, &span) else { return Typed::Bad };
        if self.scope.fact != Some(Kind::Certificate) {
            return self.bad(
                type_error(span, "accepted asks about a certificate")
                    .help("it stands in a rule with on = \"certificate\""),
            );
        }
        let Typed::Text(Text::Const(name), _) = self.typed(country) else {
            return self.bad(
                type_error(country.span.clone(), "the country is named by a text in quotes")
                    .help("write accepted(\"EU\")"),
            );
        };
        let rules = self.scope.certificates.clone().unwrap_or_default();
        let known = rules.countries();
        if known.contains(&&*name) {
            self.countries.insert(name.clone());
            return Typed::Bool(Cond::Accepted(rules, name));
        }
        let d = Diagnostic::new(
            "rule.country",
            country.span.clone(),
            format!("there are no acceptance rules of {:?}", &*name),
        );
        let d = if known.is_empty() {
            d.help(
                "they stand in the pack's folder certlogic/: kangma pack import-certlogic FILE --into PACK",
            )
        } else {
            suggest(d, &name, &known, "there are those of")
        };
        self.bad(d)
    }

    pub(super) fn method(
        &mut self,
        target: &Node,
        name: &str,
        name_span: Span,
        args: &[Node],
        span: Span,
    ) -> Typed {
        match name {
            "exists" | "all" => self.quantified(target, name, args, span),
            "size" => {
                if self.arguments::<0>("list.size()", args, &span).is_none() {
                    return Typed::Bad;
                }
                self.size(target)
            }
            "startsWith" => {
                let text = self.typed(target);
                let Some([arg]) = self.arguments("text.startsWith(\"33\")", args, &span) else {
                    return Typed::Bad;
                };
                let prefix = self.typed(arg);
                match (text, prefix) {
                    (Typed::Bad, _) | (_, Typed::Bad) => Typed::Bad,
                    (Typed::Text(text, domain), Typed::Text(prefix, Domain::Words(words))) => {
                        let fits = match &domain {
                            Domain::Choice(choices) => self.each(
                                &words,
                                |w| choices.iter().any(|c| c.starts_with(w)),
                                |w, span| wrong_choice(w, span, choices),
                            ),
                            Domain::Division => self.each(
                                &words,
                                |w| w.len() <= 12 && w.bytes().all(|b| b.is_ascii_digit()),
                                wrong_code,
                            ),
                            Domain::Any | Domain::Words(_) => true,
                        };
                        if fits {
                            Typed::Bool(Cond::StartsWith(Box::new((text, prefix))))
                        } else {
                            Typed::Bad
                        }
                    }
                    (Typed::Text(text, _), Typed::Text(prefix, _)) => {
                        Typed::Bool(Cond::StartsWith(Box::new((text, prefix))))
                    }
                    (Typed::Text(..), other) => {
                        let message = format!("startsWith takes a text, but this is {}", other.name());
                        self.bad(type_error(arg.span.clone(), message))
                    }
                    (Typed::List(..), _) => self.bad(
                        type_error(target.span.clone(), "startsWith is asked of a text, but this is a list")
                            .help("write list.exists(v, v.startsWith(\"33\"))"),
                    ),
                    (other, _) => {
                        let message = format!("startsWith is asked of a text, but this is {}", other.name());
                        self.bad(type_error(target.span.clone(), message))
                    }
                }
            }
            "contains" => self.bad(
                Diagnostic::new("rule.unsupported", name_span, "contains is not part of the rule language")
                    .help("write value in list"),
            ),
            "map" | "filter" | "exists_one" | "matches" | "endsWith" => self.bad(
                Diagnostic::new(
                    "rule.unsupported",
                    name_span,
                    format!("{name} is not part of the rule language"),
                )
                .help("there are exists, all, in, size and startsWith"),
            ),
            _ if FUNCTIONS.contains(&name) => self.bad(
                Diagnostic::new(
                    "rule.unknown_name",
                    name_span,
                    format!("{name} stands before its arguments"),
                )
                .help(format!("write {name}(…)")),
            ),
            _ => {
                let d =
                    Diagnostic::new("rule.unknown_name", name_span, format!("there is no function {name}"));
                self.bad(suggest(d, name, METHODS, "there are"))
            }
        }
    }

    fn quantified(&mut self, target: &Node, name: &str, args: &[Node], span: Span) -> Typed {
        let usage = format!("list.{name}(v, condition about v)");
        let list = self.typed(target);
        let Some([var, body]) = self.arguments(&usage, args, &span) else { return Typed::Bad };
        let Ast::Name(var_name) = &var.ast else {
            return self.bad(
                type_error(var.span.clone(), "this should be a new name").help(format!("write {usage}")),
            );
        };
        let is_named = self.scope.conditions.get(var_name).is_some();
        if NAMES.contains(&var_name.as_str()) || is_present(var_name) || is_named {
            return self.bad(
                type_error(var.span.clone(), format!("{var_name} has a meaning already"))
                    .help("choose another name"),
            );
        }
        if self.vars.len() == QUANTIFIERS_MAX {
            return self.bad(too_nested(span));
        }
        let (list, item) = match list {
            Typed::List(list, item) => (list, item),
            Typed::Bad => return Typed::Bad,
            other => {
                let message = format!("{name} is asked of a list, but this is {}", other.name());
                return self.bad(type_error(target.span.clone(), message));
            }
        };
        let var = self.vars.len() as Var;
        self.vars.push((var_name.clone(), item));
        self.depth = self.depth.max(self.vars.len());
        let body = self.truth(body);
        self.vars.pop();
        Typed::Bool(Cond::Quantified { all: name == "all", var, list, body: Box::new(body) })
    }
}
