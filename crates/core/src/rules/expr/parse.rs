//! Tokens to a tree. Recursive descent; depth and size are counted before memory or stack
//! are used, so hostile text costs no more than an honest one of the greatest size.

use std::ops::Range;

use super::diagnostic::Diagnostic;
use super::lex::{Tok, Token, lex};
use super::{LIST_MAX, NESTING_MAX, NODES_MAX, SOURCE_BYTES_MAX};

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub span: Range<usize>,
    pub ast: Ast,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rel {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
}

impl Rel {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Rel::Eq => "==",
            Rel::Ne => "!=",
            Rel::Lt => "<",
            Rel::Le => "<=",
            Rel::Gt => ">",
            Rel::Ge => ">=",
            Rel::In => "in",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Ast {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    List(Vec<Node>),
    Name(String),
    Member {
        of: Box<Node>,
        name: String,
        name_span: Range<usize>,
    },
    Call {
        target: Option<Box<Node>>,
        name: String,
        name_span: Range<usize>,
        args: Vec<Node>,
    },
    Not(Box<Node>),
    Neg(Box<Node>),
    /// Two or more: a chain is one node, so that its length is no depth.
    And(Vec<Node>),
    Or(Vec<Node>),
    /// The first, and whether each further one is subtracted.
    Sum(Box<Node>, Vec<(bool, Node)>),
    Rel(Rel, Box<Node>, Box<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
}

/// Words that CEL keeps for itself.
const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Whether a word has a meaning of its own.
pub(super) fn is_word(word: &str) -> bool {
    RESERVED.contains(&word) || matches!(word, "true" | "false" | "null" | "in" | "and" | "or" | "not")
}

pub(super) fn parse(source: &str) -> Result<Node, Diagnostic> {
    if source.len() > SOURCE_BYTES_MAX {
        return Err(limit(
            0..source.len(),
            format!("this condition has {} bytes; the most is {SOURCE_BYTES_MAX}", source.len()),
        ));
    }
    let tokens = lex(source)?;
    let mut p = Parser { tokens, at: 0, nodes: 0, depth: 0 };
    if p.peek() == &Tok::End {
        return Err(syntax(0..source.len(), "there is no condition here")
            .help("a rule for every fact of its kind says true"));
    }
    let node = p.condition()?;
    if p.peek() == &Tok::End { Ok(node) } else { Err(p.unexpected("the condition should end here")) }
}

fn syntax(span: Range<usize>, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new("rule.syntax", span, message)
}

fn limit(span: Range<usize>, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new("rule.limit", span, message).help("split the rule into several")
}

fn unsupported(span: Range<usize>, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new("rule.unsupported", span, message)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    nodes: usize,
    depth: usize,
}

type Parsed = Result<Node, Diagnostic>;

impl Parser {
    fn token(&self) -> &Token {
        // INVARIANT: the last token is End and `next` never goes past it.
        &self.tokens[self.at]
    }

    fn peek(&self) -> &Tok {
        &self.token().tok
    }

    fn span(&self) -> Range<usize> {
        self.token().span.clone()
    }

    fn next(&mut self) -> Token {
        let token = self.token().clone();
        if token.tok != Tok::End {
            self.at += 1;
        }
        token
    }

    /// Takes the symbol if it is next.
    fn take(&mut self, symbol: &str) -> bool {
        let there = matches!(self.peek(), Tok::Sym(s) if *s == symbol);
        if there {
            self.at += 1;
        }
        there
    }

    fn expect(&mut self, symbol: &str, what: &str) -> Result<Range<usize>, Diagnostic> {
        let span = self.span();
        if self.take(symbol) { Ok(span) } else { Err(self.unexpected(what)) }
    }

    fn unexpected(&self, what: &str) -> Diagnostic {
        let found = match self.peek() {
            Tok::End => return syntax(self.span(), format!("{what}, but the text ends")),
            Tok::Name(name) => name.clone(),
            Tok::Int(n) => n.to_string(),
            Tok::Double(n) => n.to_string(),
            Tok::Text(_) => "a text".to_owned(),
            Tok::Sym(s) => (*s).to_owned(),
        };
        let d = syntax(self.span(), format!("{what}, not {found}"));
        match found.as_str() {
            "*" | "/" | "%" => unsupported(self.span(), format!("{found} is not part of the rule language")),
            "and" => d.help("and is written &&"),
            "or" => d.help("or is written ||"),
            "not" => d.help("not is written !"),
            _ => d,
        }
    }

    fn node(&mut self, span: Range<usize>, ast: Ast) -> Parsed {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(limit(span, format!("this condition has more than {NODES_MAX} parts")));
        }
        Ok(Node { span, ast })
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Diagnostic>) -> Result<T, Diagnostic> {
        if self.depth == NESTING_MAX {
            return Err(limit(self.span(), format!("this is nested deeper than {NESTING_MAX} levels")));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// `or ? or : condition`, the whole grammar.
    fn condition(&mut self) -> Parsed {
        self.deeper(|p| {
            let first = p.or()?;
            if !p.take("?") {
                return Ok(first);
            }
            let yes = p.or()?;
            p.expect(":", "a ? needs its :")?;
            let no = p.condition()?;
            let span = first.span.start..no.span.end;
            p.node(span, Ast::If(Box::new(first), Box::new(yes), Box::new(no)))
        })
    }

    fn chain(&mut self, symbol: &str, part: fn(&mut Self) -> Parsed, make: fn(Vec<Node>) -> Ast) -> Parsed {
        let first = part(self)?;
        if !matches!(self.peek(), Tok::Sym(s) if *s == symbol) {
            return Ok(first);
        }
        let start = first.span.start;
        let mut parts = vec![first];
        while self.take(symbol) {
            parts.push(part(self)?);
        }
        let end = parts.last().map_or(start, |n| n.span.end);
        self.node(start..end, make(parts))
    }

    fn or(&mut self) -> Parsed {
        self.chain("||", Self::and, Ast::Or)
    }

    fn and(&mut self) -> Parsed {
        self.chain("&&", Self::relation, Ast::And)
    }

    fn relation_sign(&self) -> Option<Rel> {
        Some(match self.peek() {
            Tok::Sym("==") => Rel::Eq,
            Tok::Sym("!=") => Rel::Ne,
            Tok::Sym("<") => Rel::Lt,
            Tok::Sym("<=") => Rel::Le,
            Tok::Sym(">") => Rel::Gt,
            Tok::Sym(">=") => Rel::Ge,
            Tok::Name(name) if name == "in" => Rel::In,
            _ => return None,
        })
    }

    fn relation(&mut self) -> Parsed {
        let left = self.sum()?;
        let Some(rel) = self.relation_sign() else { return Ok(left) };
        self.next();
        let right = self.sum()?;
        if let Some(again) = self.relation_sign() {
            return Err(unsupported(
                self.span(),
                format!("{} and {} cannot be chained", rel.sign(), again.sign()),
            )
            .help("join two comparisons with &&, or use parentheses"));
        }
        let span = left.span.start..right.span.end;
        self.node(span, Ast::Rel(rel, Box::new(left), Box::new(right)))
    }

    fn sum(&mut self) -> Parsed {
        let first = self.unary()?;
        let mut rest = Vec::new();
        let (start, mut end) = (first.span.start, first.span.end);
        loop {
            let minus = match self.peek() {
                Tok::Sym("+") => false,
                Tok::Sym("-") => true,
                Tok::Sym("*" | "/" | "%") => return Err(self.unexpected("")),
                _ => break,
            };
            self.next();
            let part = self.unary()?;
            end = part.span.end;
            rest.push((minus, part));
        }
        if rest.is_empty() { Ok(first) } else { self.node(start..end, Ast::Sum(Box::new(first), rest)) }
    }

    fn unary(&mut self) -> Parsed {
        let span = self.span();
        if self.take("!") {
            let of = self.deeper(Self::unary)?;
            let span = span.start..of.span.end;
            return self.node(span, Ast::Not(Box::new(of)));
        }
        if self.take("-") {
            // The smallest whole number has no positive twin, so the sign belongs to it.
            if let Tok::Int(n) = *self.peek() {
                let span = span.start..self.span().end;
                self.next();
                return match 0i64.checked_sub_unsigned(n) {
                    Some(n) => self.node(span, Ast::Int(n)),
                    None => Err(syntax(span, "this number is too large")),
                };
            }
            let of = self.deeper(Self::unary)?;
            let span = span.start..of.span.end;
            return self.node(span, Ast::Neg(Box::new(of)));
        }
        self.member()
    }

    fn member(&mut self) -> Parsed {
        let mut node = self.primary()?;
        let mut links = 0;
        loop {
            let span = self.span();
            if self.take("[") || self.take("{") {
                return Err(unsupported(span, "there is no indexing and there are no maps here")
                    .help("ask with in, exists or all"));
            }
            if !self.take(".") {
                return Ok(node);
            }
            links += 1;
            if self.depth + links > NESTING_MAX {
                return Err(limit(span, format!("this is nested deeper than {NESTING_MAX} levels")));
            }
            let Tok::Name(_) = self.peek() else {
                return Err(self.unexpected("a point is followed by a name"));
            };
            let Token { tok: Tok::Name(name), span: name_span } = self.next() else { continue };
            let start = node.span.start;
            let of = Box::new(node);
            node = if self.take("(") {
                let (args, end) = self.arguments()?;
                self.node(start..end, Ast::Call { target: Some(of), name, name_span, args })?
            } else {
                self.node(start..name_span.end, Ast::Member { of, name, name_span })?
            };
        }
    }

    /// Arguments after the opening parenthesis, and where the closing one ends.
    fn arguments(&mut self) -> Result<(Vec<Node>, usize), Diagnostic> {
        let mut args = Vec::new();
        let end = self.span().end;
        if self.take(")") {
            return Ok((args, end));
        }
        loop {
            args.push(self.condition()?);
            if !self.take(",") {
                return Ok((args, self.expect(")", "the arguments need their )")?.end));
            }
        }
    }

    fn primary(&mut self) -> Parsed {
        let Token { tok, span } = self.next();
        match tok {
            Tok::Int(n) => match i64::try_from(n) {
                Ok(n) => self.node(span, Ast::Int(n)),
                Err(_) => Err(syntax(span, "this number is too large")),
            },
            Tok::Double(n) => self.node(span, Ast::Double(n)),
            Tok::Text(text) => self.node(span, Ast::Text(text)),
            Tok::Name(name) => match name.as_str() {
                "true" => self.node(span, Ast::Bool(true)),
                "false" => self.node(span, Ast::Bool(false)),
                "null" => Err(unsupported(span, "there is no null here")
                    .help("ask has(fact.x) whether a value is known")),
                "in" => Err(syntax(span, "a value is missing before in")),
                "and" | "or" | "not" => {
                    let sign = match name.as_str() {
                        "and" => "&&",
                        "or" => "||",
                        _ => "!",
                    };
                    Err(syntax(span, format!("{name} is written {sign}")))
                }
                word if RESERVED.contains(&word) => {
                    Err(unsupported(span, format!("{name} is not part of the rule language")))
                }
                _ if self.take("(") => {
                    let (args, end) = self.arguments()?;
                    self.node(span.start..end, Ast::Call { target: None, name, name_span: span, args })
                }
                _ => self.node(span, Ast::Name(name)),
            },
            Tok::Sym("(") => {
                let mut inner = self.condition()?;
                let close = self.expect(")", "this parenthesis needs its )")?;
                inner.span = span.start..close.end;
                Ok(inner)
            }
            Tok::Sym("[") => self.deeper(|p| p.list(span)),
            Tok::Sym("{") => Err(unsupported(span, "there are no maps here")),
            _ => {
                if tok != Tok::End {
                    self.at -= 1;
                }
                Err(self.unexpected("a value should stand here"))
            }
        }
    }

    fn list(&mut self, open: Range<usize>) -> Parsed {
        let mut items = Vec::new();
        let close = loop {
            let span = self.span();
            if self.take("]") {
                break span;
            }
            items.push(self.or()?);
            if items.len() > LIST_MAX {
                return Err(Diagnostic::new(
                    "rule.limit",
                    open.start..self.span().end,
                    format!("this list has more than {LIST_MAX} items"),
                )
                .help("a list of areas belongs in [areas] and is asked with area(code, \"key\")"));
            }
            if !self.take(",") {
                break self.expect("]", "this list needs its ]")?;
            }
        };
        self.node(open.start..close.end, Ast::List(items))
    }
}
