//! What is wrong with a rule, and how the place is shown to whoever writes packs.

use std::ops::Range;

use ariadne::{Config, IndexType, Label, Report, ReportKind, Source};

/// One thing that is wrong with a text of a pack.
///
/// The codes of this module, which stay as they are once released:
///
/// | code | meaning |
/// | --- | --- |
/// | `rule.syntax` | not an expression |
/// | `rule.unsupported` | CEL, but outside the subset |
/// | `rule.unknown_name` | no such field, name or function |
/// | `rule.not_readable` | the field exists, but rules may not read it |
/// | `rule.type` | a value of the wrong type |
/// | `rule.choice` | a word that is not one of a field's choices |
/// | `rule.division` | not a division code |
/// | `rule.date` | not a day |
/// | `rule.area` | no such list of areas |
/// | `rule.country` | no rules of that country for certificates |
/// | `rule.time` | asks for the present, which rules may not |
/// | `rule.unit` | days compared with hours, and the like |
/// | `rule.name` | a name that a condition cannot have |
/// | `rule.circle` | conditions that name one another |
/// | `rule.never` | no fact can ever match |
/// | `rule.limit` | too long, too deep or too many |
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Where, in bytes of the text that was compiled.
    pub span: Range<usize>,
    /// Stable code, such as `rule.type`.
    pub code: &'static str,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Longest message, in bytes: it quotes what somebody wrote, whose place is shown anyway.
const MESSAGE_MAX: usize = 299;
/// What is left of a longer one at its beginning and at its end.
const MESSAGE_ENDS: (usize, usize) = (120, 150);

fn bounded(message: String) -> String {
    if message.len() <= MESSAGE_MAX {
        return message;
    }
    let (head, tail) = MESSAGE_ENDS;
    let (head, tail) = (message.floor_char_boundary(head), message.ceil_char_boundary(message.len() - tail));
    format!("{} … {}", &message[..head], &message[tail..])
}

impl Diagnostic {
    /// A diagnostic without help.
    #[must_use]
    pub fn new(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic { span, code, message: bounded(message.into()), help: None }
    }

    /// The same with help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// The same, `by` bytes further on: for an expression that stands inside a file.
    #[must_use]
    pub fn shifted(mut self, by: usize) -> Diagnostic {
        self.span = self.span.start + by..self.span.end + by;
        self
    }
}

/// How many diagnostics [`render`] shows before it counts the rest.
pub const SHOWN_MAX: usize = 20;

/// Shows diagnostics with file, line, column (both from 1, columns in characters) and the
/// place itself, in plain text without colour, aligned for Chinese.
///
/// A span that does not fit the text is moved to the nearest place that does.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], file_name: &str, file_text: &str) -> String {
    let config = Config::default().with_color(false).with_index_type(IndexType::Byte);
    let mut out = Vec::new();
    for d in diagnostics.iter().take(SHOWN_MAX) {
        let span = (file_name, fit(&d.span, file_text));
        let mut report = Report::build(ReportKind::Error, span.clone())
            .with_config(config)
            .with_code(d.code)
            .with_message(&d.message)
            .with_label(Label::new(span).with_message("here"));
        if let Some(help) = &d.help {
            report = report.with_help(help);
        }
        // Writing into memory does not fail; a lost report would still leave the others.
        let _ = report.finish().write((file_name, Source::from(file_text)), &mut out);
    }
    let mut text = String::from_utf8_lossy(&out).into_owned();
    if diagnostics.len() > SHOWN_MAX {
        text.push_str(&format!("… and {} more\n", diagnostics.len() - SHOWN_MAX));
    }
    // Trailing blanks come from the margins and only disturb comparisons.
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

/// The nearest non-empty span on character boundaries, or an empty one at the end.
fn fit(span: &Range<usize>, text: &str) -> Range<usize> {
    let mut start = span.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = span.end.clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    if end == start {
        end = text[start..].chars().next().map_or(start, |c| start + c.len_utf8());
    }
    start..end
}

/// The name nearest to a mistyped one, if any is near enough to be what was meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (name.chars().count() / 3).clamp(1, 3);
    known.map(|k| (distance(name, k), k)).filter(|(d, _)| *d <= allowed).min().map(|(_, k)| k)
}

/// Edits (insert, delete, replace, swap of neighbours) between two words. Words are short:
/// anything longer than 64 characters counts as far away.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len() > 64 || b.len() > 64 {
        return usize::MAX;
    }
    let mut rows = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let same = usize::from(a[i - 1] != b[j - 1]);
                let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + same);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    rows[a.len()][b.len()]
}
