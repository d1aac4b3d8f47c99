//! A file's bytes as rows of texts: what it is by its content, whatever its name says.

use std::ops::ControlFlow;

use axum::http::StatusCode;

use crate::error::Problem;

/// Rows that a file may have: what a spreadsheet can hold.
pub const ROWS_MAX: u32 = 1_048_576;
/// Row limits of formats in use. A file that has exactly so many may have been cut off by one.
pub const FORMAT_LIMITS: [u32; 2] = [65_536, ROWS_MAX];
/// Cells of a row, letters of a cell, and lines within a cell.
pub const CELLS_MAX: usize = 200;
pub const CELL_BYTES_MAX: usize = 4_000;
const CELL_LINES_MAX: usize = 20;
/// All cells of a row: a thousand of them are a block, and some blocks are in memory at once.
const ROW_BYTES_MAX: usize = 64 * 1024;
/// By how much room for a text grows.
const DECODE_ROOM: usize = 64 * 1024;
/// What the delimiter is guessed from.
const SAMPLE_BYTES: usize = 64 * 1024;

/// A row, numbered as the file counts from 1.
pub struct Row {
    /// Its number.
    pub number: u32,
    /// Its cells.
    pub cells: Vec<String>,
}

/// What a file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// As people call it.
    pub name: &'static str,
    /// Of a text, what stands between cells.
    pub delimiter: Option<char>,
}

/// Gives each row that is not empty to `each`, until it says stop.
pub fn rows(
    bytes: &[u8],
    sheet: Option<&str>,
    each: &mut dyn FnMut(Row) -> ControlFlow<()>,
) -> Result<Format, Problem> {
    match bytes {
        [] => Err(refused("import.empty", "文件是空的。", "The file is empty.")),
        [b'P', b'K', 3 | 5, ..] => super::sheet::rows(bytes, sheet, each),
        [0xD0, 0xCF, 0x11, 0xE0, ..] => Err(refused(
            "import.old_workbook",
            "这是旧版 .xls 或加密的工作簿（最多 65,536 行，超出的会丢失）。请另存为不加密的 .xlsx 或 CSV。",
            "This is an old .xls workbook, which loses what is beyond 65,536 rows, or one with a password. Save it as .xlsx without one, or as CSV.",
        )),
        _ => {
            let (text, name) = decode(bytes)?;
            let delimiter = separated(&text, each)?;
            Ok(Format { name, delimiter: Some(delimiter) })
        }
    }
}

/// 422: nothing of the file was taken.
pub fn refused(code: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, zh, en)
}

/// Texts: UTF-8, UTF-16 by its mark, or else GB18030.
fn decode(bytes: &[u8]) -> Result<(std::borrow::Cow<'_, str>, &'static str), Problem> {
    let unknown = || {
        refused(
            "import.encoding",
            "看不出文件的编码。请存为 UTF-8 的 CSV，或 .xlsx。",
            "The file is no text that is known here. Save it as CSV in UTF-8, or as .xlsx.",
        )
    };
    let (encoding, name) = match bytes {
        [0xEF, 0xBB, 0xBF, ..] => (encoding_rs::UTF_8, "utf-8"),
        [0xFF, 0xFE, ..] => (encoding_rs::UTF_16LE, "utf-16"),
        [0xFE, 0xFF, ..] => (encoding_rs::UTF_16BE, "utf-16"),
        _ if std::str::from_utf8(bytes).is_ok() => (encoding_rs::UTF_8, "utf-8"),
        _ => (encoding_rs::GB18030, "gb18030"),
    };
    let text = if encoding == encoding_rs::UTF_8 {
        let (text, _, damaged) = encoding.decode(bytes);
        (!damaged).then_some(text)
    } else {
        grown(encoding, bytes).map(std::borrow::Cow::Owned)
    };
    text.filter(|text| !text.contains('\0')).map(|text| (text, name)).ok_or_else(unknown)
}

/// A text of another encoding, in no more memory than it needs: the library would take three times the
/// file at once. Two bytes become three at most; the few single ones that grow further are made room for.
fn grown(encoding: &'static encoding_rs::Encoding, bytes: &[u8]) -> Option<String> {
    let mut decoder = encoding.new_decoder_with_bom_removal();
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 2 + DECODE_ROOM);
    let mut rest = bytes;
    loop {
        let (result, read) = decoder.decode_to_string_without_replacement(rest, &mut text, true);
        rest = rest.get(read..).unwrap_or_default();
        match result {
            encoding_rs::DecoderResult::InputEmpty => return Some(text),
            encoding_rs::DecoderResult::OutputFull => text.reserve(DECODE_ROOM),
            encoding_rs::DecoderResult::Malformed(..) => return None,
        }
    }
}

/// The delimiter that stands in most of the first lines.
fn delimiter(text: &str) -> u8 {
    let mut end = text.len().min(SAMPLE_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let score = |d: u8| {
        let (mut lines, mut all, mut here, mut quoted) = (0, 0, 0, false);
        for b in text[..end].bytes().chain([b'\n']) {
            match b {
                b'"' => quoted = !quoted,
                b'\n' if !quoted => {
                    lines += usize::from(here > 0);
                    all += here;
                    here = 0;
                }
                b if b == d && !quoted => here += 1,
                _ => {}
            }
        }
        (lines, all)
    };
    // Of equals the last wins: the comma.
    [b'|', b'\t', b';', b','].into_iter().max_by_key(|d| score(*d)).unwrap_or(b',')
}

fn separated(text: &str, each: &mut dyn FnMut(Row) -> ControlFlow<()>) -> Result<char, Problem> {
    let delimiter = delimiter(text);
    // A quote without its partner would take all lines after it for one cell.
    if text.bytes().filter(|b| *b == b'"').count() % 2 == 1 {
        return Err(refused(
            "import.quotes",
            "文件中的英文双引号不成对，无法确定各行的界线。",
            "A double quote lacks its partner, so it is not certain where lines end.",
        ));
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    let (mut line, mut counted) = (1, 0);
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => return Ok(delimiter as char),
            Ok(true) => {}
            Err(_) => return Err(unreadable_line(line)),
        }
        // The library's own count takes no account of the line feed that ended the record before.
        let begins = record.position().map_or(counted as u64, csv::Position::byte);
        let mut at = usize::try_from(begins).map_or(text.len(), |at| at.min(text.len()));
        while matches!(text.as_bytes().get(at), Some(b'\r' | b'\n')) {
            at += 1;
        }
        line += line_ends(&text.as_bytes()[counted.min(at)..at]);
        counted = at;
        let number = line;
        if flow(Row { number, cells: record.iter().map(str::to_owned).collect() }, each)?.is_break() {
            return Ok(delimiter as char);
        }
    }
}

/// How many lines end in some bytes: with a line feed, or a return alone.
fn line_ends(bytes: &[u8]) -> u32 {
    let mut n = 0;
    for (i, b) in bytes.iter().enumerate() {
        n += u32::from(*b == b'\n' || *b == b'\r' && bytes.get(i + 1) != Some(&b'\n'));
    }
    n
}

fn unreadable_line(line: u32) -> Problem {
    refused("import.line", format!("第 {line} 行无法读取。"), format!("Line {line} cannot be read."))
}

/// A row beyond all bounds.
pub fn row_size(n: u32) -> Problem {
    refused(
        "import.row_size",
        format!(
            "第 {n} 行过大：每行不超过 {CELLS_MAX} 列，每格不超过 {CELL_BYTES_MAX} 字节、{CELL_LINES_MAX} 行，合计不超过 64 KB。"
        ),
        format!(
            "Line {n} is too large: at most {CELLS_MAX} cells, each of {CELL_BYTES_MAX} bytes and {CELL_LINES_MAX} lines, and 64 KB together."
        ),
    )
}

/// Hands a row on, unless it is empty or beyond all bounds.
pub fn flow(row: Row, each: &mut dyn FnMut(Row) -> ControlFlow<()>) -> Result<ControlFlow<()>, Problem> {
    let too_long = |c: &String| c.len() > CELL_BYTES_MAX || c.matches('\n').count() > CELL_LINES_MAX;
    let all: usize = row.cells.iter().map(String::len).sum();
    if row.cells.len() > CELLS_MAX || all > ROW_BYTES_MAX || row.cells.iter().any(too_long) {
        return Err(row_size(row.number));
    }
    if row.cells.iter().all(|c| c.trim().is_empty()) {
        return Ok(ControlFlow::Continue(()));
    }
    Ok(each(row))
}

#[cfg(test)]
pub mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All rows of a file, or the code of its refusal.
    pub fn all(bytes: &[u8]) -> Result<Vec<(u32, Vec<String>)>, &'static str> {
        let mut out = Vec::new();
        rows(bytes, None, &mut |row| {
            out.push((row.number, row.cells));
            ControlFlow::Continue(())
        })
        .map_err(|p| p.code)?;
        Ok(out)
    }

    #[test]
    fn every_encoding_and_delimiter_gives_the_same_rows() {
        let text = "姓名;证件号码;备注\r\n张测试;330106;\"有;号\n两行\"\r\n\r\n李样本;330107;无\r\n";
        let expected = vec![
            (1, vec!["姓名".to_owned(), "证件号码".into(), "备注".into()]),
            (2, vec!["张测试".into(), "330106".into(), "有;号\n两行".into()]),
            (5, vec!["李样本".into(), "330107".into(), "无".into()]),
        ];
        assert_eq!(all(text.as_bytes()), Ok(expected.clone()));
        assert_eq!(all(format!("\u{feff}{text}").as_bytes()), Ok(expected.clone()));
        let (gb, _, _) = encoding_rs::GB18030.encode(text);
        assert_eq!(all(&gb), Ok(expected.clone()));
        for big in [false, true] {
            let two = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
            let bytes: Vec<u8> = std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(two).collect();
            assert_eq!(all(&bytes), Ok(expected.clone()), "UTF-16, big end first: {big}");
        }
        for d in [",", "\t", "|"] {
            let other = text.replace("有;号", "有号").replace(';', d);
            assert_eq!(all(other.as_bytes()).unwrap()[2], expected[2], "{d:?}");
        }
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_reason() {
        assert_eq!(all(b""), Err("import.empty"));
        assert_eq!(all(b"a,b\n\"c,d\ne,f\n"), Err("import.quotes"));
        assert_eq!(all(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1]), Err("import.old_workbook"));
        assert_eq!(all(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), Err("import.encoding"));
        assert_eq!(all(b"a\0b"), Err("import.encoding"));
        assert_eq!(all("x,".repeat(300).as_bytes()), Err("import.row_size"));
        assert_eq!(all("x".repeat(5_000).as_bytes()), Err("import.row_size"));
        assert_eq!(all(format!("\"{}\"", "\n".repeat(30)).as_bytes()), Err("import.row_size"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), head in 0..5_usize) {
            let heads: [&[u8]; 5] = [b"", b"PK\x03\x04", b"\xFF\xFE", b"\xEF\xBB\xBF", b"\x81\x30"];
            all(&[heads[head], &bytes].concat()).ok();
        }

        #[test]
        fn what_is_written_as_a_list_is_read_back(
            rows in proptest::collection::vec(proptest::collection::vec("[a-z张三\",;\n =+']{1,8}x", 2..5), 1..20),
            d in proptest::sample::select(vec![b',', b';', b'\t', b'|']),
        ) {
            let mut writer = csv::WriterBuilder::new().delimiter(d).flexible(true).quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
            rows.iter().for_each(|r| writer.write_record(r).unwrap());
            let read = all(&writer.into_inner().unwrap()).unwrap();
            prop_assert_eq!(read.into_iter().map(|(_, cells)| cells).collect::<Vec<_>>(), rows);
        }
    }
}
