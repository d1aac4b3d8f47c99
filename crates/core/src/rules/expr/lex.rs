//! Text to tokens. Follows the lexical grammar of CEL; what the subset leaves out is
//! recognised all the same, so that the error can say so.

use std::ops::Range;

use super::diagnostic::Diagnostic;

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Tok {
    Name(String),
    /// Without its sign.
    Int(u64),
    Double(f64),
    Text(String),
    /// An operator or bracket.
    Sym(&'static str),
    End,
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub tok: Tok,
    pub span: Range<usize>,
}

/// Longest first: the first that fits is taken.
const SYMBOLS: &[&str] = &[
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "?", ":", "(", ")", "[", "]", ",", ".", "*",
    "/", "%", "{", "}",
];

/// What a Chinese keyboard types in place of an ASCII sign.
const FULL_WIDTH: &[(char, &str)] = &[
    ('（', "("),
    ('）', ")"),
    ('，', ","),
    ('、', ","),
    ('“', "\""),
    ('”', "\""),
    ('‘', "'"),
    ('’', "'"),
    ('＝', "=="),
    ('！', "!"),
    ('＜', "<"),
    ('＞', ">"),
    ('≤', "<="),
    ('≥', ">="),
    ('≠', "!="),
    ('＋', "+"),
    ('－', "-"),
    ('？', "?"),
    ('：', ":"),
    ('［', "["),
    ('］', "]"),
    ('【', "["),
    ('】', "]"),
    ('。', "."),
    ('．', "."),
    ('＆', "&&"),
    ('｜', "||"),
    ('\u{3000}', "an ordinary space"),
];

fn syntax(span: Range<usize>, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new("rule.syntax", span, message)
}

/// Reads all tokens; the last is [`Tok::End`]. Stops at the first error: what follows a
/// broken string or number would only be noise.
pub(super) fn lex(source: &str) -> Result<Vec<Token>, Diagnostic> {
    let bytes = source.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&b) = bytes.get(at) {
        let start = at;
        let tok = match b {
            b' ' | b'\t' | b'\r' | b'\n' | b'\x0c' => {
                at += 1;
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += bytes[at..].iter().position(|b| *b == b'\n').unwrap_or(bytes.len() - at);
                continue;
            }
            b'0'..=b'9' => number(source, &mut at)?,
            b'.' if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => number(source, &mut at)?,
            b'"' | b'\'' => Tok::Text(string(source, &mut at, false)?),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let quote = |i: usize| matches!(bytes.get(i), Some(b'"' | b'\''));
                if matches!(b, b'r' | b'R') && quote(at + 1) {
                    at += 1;
                    Tok::Text(string(source, &mut at, true)?)
                } else if matches!(b, b'b' | b'B')
                    && (quote(at + 1) || matches!(bytes.get(at + 1), Some(b'r' | b'R')) && quote(at + 2))
                {
                    return Err(Diagnostic::new("rule.unsupported", at..at + 1, "there are no bytes here")
                        .help("write a text without the b"));
                } else {
                    let is_word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
                    at += bytes[at..].iter().position(|b| !is_word(b)).unwrap_or(bytes.len() - at);
                    Tok::Name(source[start..at].to_owned())
                }
            }
            _ => match SYMBOLS.iter().find(|s| source[at..].starts_with(**s)) {
                Some(symbol) => {
                    at += symbol.len();
                    Tok::Sym(symbol)
                }
                None => return Err(stray(source, at)),
            },
        };
        tokens.push(Token { tok, span: start..at });
    }
    tokens.push(Token { tok: Tok::End, span: source.len()..source.len() });
    Ok(tokens)
}

fn stray(source: &str, at: usize) -> Diagnostic {
    // INVARIANT: `at` only ever stops at the first byte of a character.
    let c = source[at..].chars().next().unwrap_or(' ');
    let d = syntax(at..at + c.len_utf8(), format!("`{}` has no meaning here", c.escape_debug()));
    match c {
        '=' => d.help("to compare, write =="),
        '&' => d.help("and is written &&"),
        '|' => d.help("or is written ||"),
        _ => match FULL_WIDTH.iter().find(|(wide, _)| *wide == c) {
            Some((_, ascii)) => d.help(format!("this sign is full-width (全角); write {ascii}")),
            None if c.is_alphanumeric() => d.help("names are ASCII; a text stands in quotes"),
            None => d,
        },
    }
}

fn number(source: &str, at: &mut usize) -> Result<Tok, Diagnostic> {
    let bytes = source.as_bytes();
    let start = *at;
    let digits = |from: usize, ok: fn(&u8) -> bool| {
        from + bytes[from..].iter().position(|b| !ok(b)).unwrap_or(bytes.len() - from)
    };
    if bytes[start] == b'0' && matches!(bytes.get(start + 1), Some(b'x' | b'X')) {
        let end = digits(start + 2, u8::is_ascii_hexdigit);
        *at = end;
        return u64::from_str_radix(&source[start + 2..end], 16)
            .map(Tok::Int)
            .map_err(|_| syntax(start..end, "not a hexadecimal number of at most 16 digits"))
            .and_then(|tok| ends(source, start, end, tok));
    }
    let mut end = digits(start, u8::is_ascii_digit);
    let mut double = false;
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        double = true;
        end = digits(end + 1, u8::is_ascii_digit);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if bytes.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
            double = true;
            end = digits(end + 1 + sign, u8::is_ascii_digit);
        }
    }
    *at = end;
    let tok = if double {
        match source[start..end].parse::<f64>() {
            Ok(n) if n.is_finite() => Tok::Double(n),
            _ => return Err(syntax(start..end, "this number is too large")),
        }
    } else {
        match source[start..end].parse::<u64>() {
            Ok(n) => Tok::Int(n),
            Err(_) => return Err(syntax(start..end, "this number is too large")),
        }
    };
    ends(source, start, end, tok)
}

/// A number must not run on into a word: `37c`, `1u`, `1.`.
fn ends(source: &str, start: usize, end: usize, tok: Tok) -> Result<Tok, Diagnostic> {
    match source.as_bytes().get(end) {
        Some(b'u' | b'U') => {
            Err(Diagnostic::new("rule.unsupported", start..end + 1, "there are no unsigned numbers here")
                .help("write it without the u"))
        }
        Some(b) if b.is_ascii_alphabetic() || *b == b'_' => {
            Err(syntax(start..end + 1, "a number runs on into a word"))
        }
        Some(b'.') => Err(syntax(start..end + 1, "a point has to be followed by a digit").help("write 37.0")),
        _ => Ok(tok),
    }
}

/// Reads a string whose quote is at `at`.
fn string(source: &str, at: &mut usize, raw: bool) -> Result<String, Diagnostic> {
    let start = *at;
    let quote = &source[start..=start];
    let triple = source[start..].starts_with(&quote.repeat(3));
    let close = if triple { quote.repeat(3) } else { quote.to_owned() };
    let mut text = String::new();
    let mut i = start + close.len();
    loop {
        let rest = &source[i..];
        if rest.starts_with(&close) {
            *at = i + close.len();
            return Ok(text);
        }
        match rest.chars().next() {
            None => {
                return Err(syntax(start..source.len(), "this text never ends")
                    .help(format!("close it with {close}")));
            }
            Some('\n' | '\r') if !triple => {
                return Err(syntax(start..i, "this text runs over the end of its line")
                    .help("write \\n for a new line"));
            }
            Some('\\') if !raw => text.push(escape(source, &mut i)?),
            Some(c) => {
                text.push(c);
                i += c.len_utf8();
            }
        }
    }
}

/// The last character boundary at or before `at`.
fn floor(source: &str, at: usize) -> usize {
    let mut at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Reads an escape whose backslash is at `i`.
fn escape(source: &str, i: &mut usize) -> Result<char, Diagnostic> {
    let start = *i;
    let bad = |end: usize, what: &str| {
        syntax(start..end, what).help("a backslash itself is written \\\\, or use r\"…\"")
    };
    let Some(c) = source[start + 1..].chars().next() else {
        return Err(bad(start + 1, "this text never ends"));
    };
    let mut end = start + 1 + c.len_utf8();
    let coded = |from: usize, len: usize, radix: u32| {
        source
            .get(from..from + len)
            .filter(|s| s.bytes().all(|b| char::from(b).is_digit(radix)))
            .and_then(|s| u32::from_str_radix(s, radix).ok())
            .and_then(char::from_u32)
    };
    let out = match c {
        'a' => Some('\x07'),
        'b' => Some('\x08'),
        'f' => Some('\x0c'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\x0b'),
        '\\' | '\'' | '"' | '`' | '?' => Some(c),
        'x' | 'X' => {
            end += 2;
            coded(start + 2, 2, 16)
        }
        'u' => {
            end += 4;
            coded(start + 2, 4, 16)
        }
        'U' => {
            end += 8;
            coded(start + 2, 8, 16)
        }
        '0'..='3' => {
            end += 2;
            coded(start + 1, 3, 8)
        }
        _ => None,
    };
    let end = end.min(source.len());
    match out {
        Some(out) => {
            *i = end;
            Ok(out)
        }
        None => Err(bad(floor(source, end), "this escape has no meaning")),
    }
}
