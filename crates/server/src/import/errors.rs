//! The file of lines to mend: as they came, with a column that says what is wrong. Sent again, mended,
//! it applies what is new; a program that opens it runs nothing of it.

use axum::body::{Body, Bytes};
use futures_util::StreamExt as _;

use super::block::{self, Outcome, Raw, Results};
use super::{About, Import, store};
use crate::app::Shared;
use crate::error::Problem;
use crate::lang::Lang;

/// Digits from here on are a number of a document, a phone or a code, and no amount: a spreadsheet would
/// round them, or drop noughts in front.
const LONG_NUMBER: usize = 11;

/// A cell that no spreadsheet takes for a formula, nor for an amount that it may round: one that looks
/// like it gets a quote in front, which the reader takes away again.
pub fn safe(cell: &str) -> String {
    let digits = cell.bytes().take_while(u8::is_ascii_digit).count();
    let number = digits >= LONG_NUMBER || digits > 1 && digits == cell.len() && cell.starts_with('0');
    match cell.as_bytes().first() {
        Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r' | b'\'') => format!("'{cell}"),
        _ if number => format!("'{cell}"),
        _ => cell.to_owned(),
    }
}

fn record(cells: impl Iterator<Item = String>) -> Vec<u8> {
    let mut writer =
        csv::WriterBuilder::new().flexible(true).terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(cells.map(|c| safe(&c))).expect("writing into memory cannot fail");
    writer.into_inner().expect("writing into memory cannot fail")
}

/// The columns that the file has besides those that came: the line's number, and what is wrong with it.
fn added(lang: Lang) -> [&'static str; 2] {
    match lang {
        Lang::Zh => ["原行号", "问题"],
        Lang::En => ["Original line", "Problem"],
    }
}

/// The headers as they first came: a file that was mended has the columns of the one that it mends.
pub fn original(mut headers: &[String]) -> &[String] {
    while let Some((rest, last)) = headers.split_last_chunk::<2>()
        && [Lang::Zh, Lang::En].into_iter().any(|lang| *last == added(lang))
    {
        headers = rest;
    }
    headers
}

/// The file, block by block.
pub fn file(app: &Shared, import: Import, about: &About, lang: Lang) -> Body {
    let width = about.headers.len();
    let mut head = "\u{feff}".as_bytes().to_vec();
    head.extend(record(about.headers.iter().cloned().chain(added(lang).map(str::to_owned))));
    let app = app.clone();
    let blocks = futures_util::stream::iter(0..import.done).then(move |n| {
        let (app, id) = (app.clone(), import.id);
        async move { one(&app, id, n, width, lang).await.map_err(|p| std::io::Error::other(p.code)) }
    });
    Body::from_stream(futures_util::stream::iter([Ok(Bytes::from(head))]).chain(blocks))
}

async fn one(app: &Shared, id: [u8; 16], n: i64, width: usize, lang: Lang) -> Result<Bytes, Problem> {
    let Some((lines, Some(result))) = store::block(&app.db, id, n).await? else { return Ok(Bytes::new()) };
    let results: Results = block::open(app, "result", id, n, &result)?;
    let lines: Vec<Raw> = block::open(app, "lines", id, n, &lines)?;
    let mut lines = lines.into_iter().peekable();
    let mut out = Vec::new();
    for (number, outcome, sentence) in results.iter() {
        // A dry run keeps all lines, a real one those that are wrong; both in the file's order.
        let Some(raw) = lines.next_if(|raw| raw.number == number) else { continue };
        if outcome != Outcome::Wrong {
            continue;
        }
        let mut cells = raw.cells;
        cells.resize(width.max(cells.len()), String::new());
        let text = sentence.map_or("", |s| s.text(lang)).to_owned();
        out.extend(record(cells.into_iter().chain([number.to_string(), text])));
    }
    Ok(out.into())
}

#[cfg(test)]
mod tests {
    use super::{added, original, safe};
    use crate::lang::Lang;

    #[test]
    fn a_file_that_was_mended_twice_has_the_headers_of_the_first() {
        let first = ["姓名", "证件号码"].map(str::to_owned);
        let twice =
            [&first[..], &added(Lang::Zh).map(str::to_owned), &added(Lang::En).map(str::to_owned)].concat();
        assert_eq!(original(&twice), first);
        assert_eq!(original(&first), first);
        assert_eq!(original(&twice[..3]), &twice[..3]);
    }

    #[test]
    fn a_cell_that_begins_like_a_formula_or_that_would_be_rounded_is_a_text_and_comes_back_as_it_was() {
        let cells =
            ["=1+1", "+86", "-", "@SUM", "\tx", "\rx", "'x", "330106197701150101", "33010619770115010X"];
        for cell in cells.into_iter().chain(["13900000001", "0042"]) {
            let written = safe(cell);
            assert!(written.starts_with('\''), "{cell:?}");
            assert_eq!(written.strip_prefix('\''), Some(cell));
        }
        assert_eq!(safe("张测试"), "张测试");
        for plain in ["330106-1", "330106", "0", "2020-02-11 08:30", "20200211", ""] {
            assert_eq!(safe(plain), plain);
        }
    }
}
