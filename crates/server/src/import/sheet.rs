//! Workbooks (.xlsx). What they unpack to is measured before anything of it is read, macros are
//! refused, and formulas are never evaluated: a cell is the text or number that was last shown.

use std::io::{Cursor, Read as _};
use std::ops::ControlFlow;

use calamine::{DataRef, Reader as _, Xlsx};

use super::reader::{CELL_BYTES_MAX, CELLS_MAX, Format, Row, flow, refused, row_size};
use crate::error::{FieldProblem, Problem};

/// Everything unpacked, in bytes: a full sheet of ten columns takes some 300 MB.
const UNPACKED_MAX: u64 = 400 * 1024 * 1024;
/// The table of texts, which is held in memory.
const STRINGS_MAX: u64 = 128 * 1024 * 1024;
/// Texts in it: each takes some sixty bytes beside its letters.
const TEXTS_MAX: u64 = 4 * 1024 * 1024;
/// A part with neither cells nor texts in it, and its elements: formats are held in memory, each in far
/// more than its letters.
const SMALL_MAX: u64 = 16 * 1024 * 1024;
const SMALL_ELEMENTS_MAX: u64 = 500_000;
/// What is read in one go: a tag, a text between two, a cell with all that is in it.
const PIECE_MAX: u64 = 1024 * 1024;
/// The texts of all cells together, once each cell has its own.
const CELLS_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Parts of a workbook.
const PARTS_MAX: usize = 1_000;
/// Sheets that are named to choose from.
const SHEETS_NAMED: usize = 50;
/// From here on a decimal number has lost digits of a whole one.
const EXACT_BELOW: f64 = 1e15;

/// Gives each row of the one sheet that holds something, or of the one that is named.
pub fn rows(
    bytes: &[u8],
    wanted: Option<&str>,
    each: &mut dyn FnMut(Row) -> ControlFlow<()>,
) -> Result<Format, Problem> {
    unpacks_within_bounds(bytes)?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|_| unreadable())?;
    let names = book.sheet_names();
    let name = match wanted {
        Some(wanted) => names.into_iter().find(|n| n == wanted).ok_or_else(|| {
            refused("import.sheet_unknown", "没有这个名称的工作表。", "There is no sheet of that name.")
        })?,
        None => only_filled(&mut book, names)?,
    };
    let mut cells = book.worksheet_cells_reader(&name).map_err(|_| unreadable())?;
    let (mut at, mut row): (u32, Vec<String>) = (0, Vec::new());
    // One text may stand in a million cells: what it comes to is counted as it is copied.
    let mut copied = 0_u64;
    while let Some(cell) = cells.next_cell().map_err(|_| unreadable())? {
        let (r, c) = cell.get_position();
        if r != at && !row.is_empty() {
            if r < at {
                return Err(unreadable());
            }
            if flow(Row { number: at + 1, cells: std::mem::take(&mut row) }, each)?.is_break() {
                return Ok(FORMAT);
            }
        }
        at = r;
        let text = text(cell.get_value());
        if text.is_empty() {
            continue;
        }
        // The width is checked before it is made.
        let c = c as usize;
        if c >= CELLS_MAX {
            return Err(row_size(at + 1));
        }
        if row.len() <= c {
            row.resize(c + 1, String::new());
        }
        copied += text.len() as u64;
        if text.len() > CELL_BYTES_MAX {
            return Err(row_size(at + 1));
        }
        if copied > CELLS_BYTES_MAX {
            return Err(bomb());
        }
        row[c] = text;
    }
    if !row.is_empty() {
        let _ = flow(Row { number: at + 1, cells: row }, each)?;
    }
    Ok(FORMAT)
}

const FORMAT: Format = Format { name: "xlsx", delimiter: None };

fn unreadable() -> Problem {
    refused(
        "import.workbook",
        "工作簿已损坏或不是 .xlsx。请重新另存为 .xlsx，或存为 CSV。",
        "The workbook is damaged, or no .xlsx. Save it again as .xlsx, or as CSV.",
    )
}

fn bomb() -> Problem {
    refused(
        "import.unpacked_size",
        format!("工作簿解压后过大（上限 {} MB），未读取。请拆分文件或存为 CSV。", UNPACKED_MAX >> 20),
        format!(
            "Unpacked, the workbook is beyond {} MB or not what it says it is. Nothing was read; split it, or save it as CSV.",
            UNPACKED_MAX >> 20
        ),
    )
}

/// Unpacks everything once into nothing: a part that says one size and has another, all of them together
/// beyond the limit, or what would take far more memory than its size, end it before anything is read.
fn unpacks_within_bounds(bytes: &[u8]) -> Result<(), Problem> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| unreadable())?;
    if archive.len() > PARTS_MAX {
        return Err(bomb());
    }
    let mut declared = 0_u64;
    for i in 0..archive.len() {
        let part = archive.by_index_raw(i).map_err(|_| unreadable())?;
        let name = part.name().map_err(|_| unreadable())?.to_lowercase();
        if ["vbaproject", "macrosheets", "activex", "vbadata"].iter().any(|mark| name.contains(mark)) {
            return Err(refused(
                "import.macros",
                "工作簿含有宏，不予接收。请另存为不含宏的 .xlsx 或 CSV。",
                "The workbook holds macros and is not taken. Save it as .xlsx without them, or as CSV.",
            ));
        }
        if part.encrypted() {
            return Err(unreadable());
        }
        declared = declared.saturating_add(part.size());
        let strings = name.ends_with("sharedstrings.xml") && part.size() > STRINGS_MAX;
        if declared > UNPACKED_MAX || strings {
            return Err(bomb());
        }
    }
    for i in 0..archive.len() {
        let part = archive.by_index(i).map_err(|_| unreadable())?;
        let (size, name) = (part.size(), part.name().map_err(|_| unreadable())?.to_lowercase());
        // Sheets and texts are read as they come; of all else much is held in memory.
        let large = name.ends_with(".xml") && !SMALL.iter().any(|end| name.ends_with(end));
        if !large && size > SMALL_MAX {
            return Err(bomb());
        }
        let mut meter =
            Meter { markup: name.ends_with(".xml") || name.ends_with(".rels"), ..Meter::default() };
        let real = std::io::copy(&mut part.take(size + 1), &mut meter).map_err(|_| bomb())?;
        if real != size || meter.texts > TEXTS_MAX || !large && meter.elements > SMALL_ELEMENTS_MAX {
            return Err(bomb());
        }
    }
    Ok(())
}

/// Parts that are held in memory whole.
const SMALL: [&str; 3] = ["styles.xml", "workbook.xml", "[content_types].xml"];

/// Reads markup as it goes by, without keeping any of it: how many texts there are and are said to be, and
/// how much would have to be read in one go. What it refuses ends the copy.
#[derive(Default)]
struct Meter {
    markup: bool,
    at: At,
    /// Bytes since this tag, text or comment began, and since a cell or an entry of the texts did.
    piece: u64,
    inside: Option<u64>,
    /// The beginning of the tag that goes by: enough for its name, and for the count of texts.
    tag: Vec<u8>,
    /// The last three bytes.
    last: u32,
    elements: u64,
    texts: u64,
}

/// Where in the markup it is. A sign that no well-formed markup has there is refused: what is told apart
/// here is told apart in the same way by whoever reads it afterwards.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum At {
    #[default]
    Text,
    /// After `<`, and after `<!`.
    Open,
    Mark,
    /// In a tag, and in the quotes of a value there.
    Tag,
    Quoted(u8),
    /// In a comment, a text of its own or an instruction: until these bytes, and not before so many.
    Until(u32, u64),
}

/// Of a tag so much is looked at.
const TAG_LOOKED: usize = 1_024;
const COMMENT_ENDS: u32 = 0x2d_2d3e;
const CDATA_ENDS: u32 = 0x5d_5d3e;
const INSTRUCTION_ENDS: u32 = 0x3f3e;

impl Meter {
    fn step(&mut self, byte: u8) -> Result<(), &'static str> {
        self.piece += 1;
        self.last = (self.last << 8 | u32::from(byte)) & 0xff_ffff;
        if let Some(inside) = &mut self.inside {
            *inside += 1;
        }
        if self.piece > PIECE_MAX || self.inside.is_some_and(|n| n > PIECE_MAX) {
            return Err("a piece is too large");
        }
        self.at = match (self.at, byte) {
            // Texts of two bytes a letter would go by unread.
            (_, 0) => return Err("no text of single bytes"),
            (At::Text, b'<') => {
                self.piece = 1;
                self.tag.clear();
                At::Open
            }
            (At::Text, _) => At::Text,
            (At::Open, b'!') => At::Mark,
            (At::Open, b'?') => At::Until(INSTRUCTION_ENDS, 4),
            // The library takes it for the beginning of a quoted part, in which tags are none.
            (At::Open, b'"' | b'\'') => return Err("a quote for a name"),
            (At::Mark, b'-') => At::Until(COMMENT_ENDS, 7),
            (At::Mark, b'[') => At::Until(CDATA_ENDS, 12),
            (At::Mark, _) => return Err("a definition of types"),
            (At::Until(end, least), b'>') if self.piece >= least && self.ends_in(end) => self.text(),
            (At::Until(end, least), _) => At::Until(end, least),
            (At::Quoted(quote), byte) if byte == quote => At::Tag,
            (At::Open | At::Tag | At::Quoted(_), b'<') => return Err("a tag in a tag"),
            (At::Open | At::Tag, b'>') => {
                self.tag_ends()?;
                self.text()
            }
            (At::Tag, b'"' | b'\'') => At::Quoted(byte),
            (At::Open | At::Tag, _) => At::Tag,
            (At::Quoted(quote), _) => At::Quoted(quote),
        };
        if matches!(self.at, At::Tag | At::Quoted(_)) && self.tag.len() < TAG_LOOKED {
            self.tag.push(byte);
        }
        Ok(())
    }

    fn text(&mut self) -> At {
        self.piece = 0;
        At::Text
    }

    fn ends_in(&self, end: u32) -> bool {
        self.last & if end > 0xffff { 0xff_ffff } else { 0xffff } == end
    }

    fn tag_ends(&mut self) -> Result<(), &'static str> {
        let tag = &self.tag[..];
        let (closes, rest) = match tag {
            [b'/', rest @ ..] => (true, rest),
            all => (false, all),
        };
        let end = rest.iter().position(|b| b.is_ascii_whitespace() || *b == b'/').unwrap_or(rest.len());
        let name = rest[..end].rsplit(|b| *b == b':').next().unwrap_or_default();
        // What is longer than is looked at ends later, not at once.
        let is_whole = closes || tag.last() == Some(&b'/');
        match name {
            b"c" | b"si" => self.inside = (!is_whole).then_some(0),
            b"row" | b"sheetData" => self.inside = None,
            b"sst" if tag.len() == TAG_LOOKED || said(tag) > TEXTS_MAX => return Err("too many texts"),
            _ => {}
        }
        self.texts += u64::from(!closes && name == b"si");
        self.elements += u64::from(!closes);
        Ok(())
    }
}

/// How many texts a table says that it has: room is made for so many before the first is read.
fn said(tag: &[u8]) -> u64 {
    const WORD: &[u8] = b"uniqueCount";
    let after = (0..tag.len()).filter(|at| tag[*at..].starts_with(WORD)).map(|at| &tag[at + WORD.len()..]);
    after
        .map(|rest| {
            let digits = rest.iter().skip_while(|b| !b.is_ascii_digit()).take_while(|b| b.is_ascii_digit());
            digits.fold(0_u64, |n, b| n.saturating_mul(10).saturating_add(u64::from(b - b'0')))
        })
        .max()
        .unwrap_or(0)
}

impl std::io::Write for Meter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.markup {
            bytes.iter().try_for_each(|byte| self.step(*byte)).map_err(std::io::Error::other)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The sheet with cells; two of them are a question, not a guess.
fn only_filled(book: &mut Xlsx<Cursor<&[u8]>>, names: Vec<String>) -> Result<String, Problem> {
    let mut filled = Vec::new();
    for name in names {
        // Charts and the like have no cells.
        let Ok(mut cells) = book.worksheet_cells_reader(&name) else { continue };
        let mut holds = false;
        while let Some(cell) = cells.next_cell().map_err(|_| unreadable())? {
            if *cell.get_value() != DataRef::Empty {
                holds = true;
                break;
            }
        }
        if holds {
            filled.push(name);
        }
    }
    match filled.len() {
        0 => Err(refused("import.empty", "工作簿是空的。", "The workbook is empty.")),
        1 => Ok(filled.remove(0)),
        n => {
            let choice = |name: String| FieldProblem {
                field: "sheet".into(),
                code: "import.sheet",
                zh: name.clone(),
                en: name,
            };
            Err(Problem {
                fields: filled.into_iter().take(SHEETS_NAMED).map(choice).collect(),
                ..refused(
                    "import.sheets",
                    format!("工作簿有 {n} 个含数据的工作表，请指定其中一个，或分成多个文件。"),
                    format!(
                        "{n} sheets of the workbook hold data. Name one of them, or send them as files of their own."
                    ),
                )
            })
        }
    }
}

/// A cell as it was last shown, dates year first.
fn text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Empty => String::new(),
        DataRef::String(s) | DataRef::DateTimeIso(s) | DataRef::DurationIso(s) => s.clone(),
        DataRef::SharedString(s) => (*s).to_owned(),
        DataRef::Int(n) => n.to_string(),
        DataRef::Float(f) => number(*f),
        DataRef::Bool(b) => b.to_string(),
        DataRef::Error(e) => e.to_string(),
        DataRef::DateTime(at) if !at.is_duration() => {
            let (y, mo, d, h, mi, s, _) = at.to_ymd_hms_milli();
            let day = format!("{y:04}-{mo:02}-{d:02}");
            if (h, mi, s) == (0, 0, 0) { day } else { format!("{day} {h:02}:{mi:02}:{s:02}") }
        }
        DataRef::DateTime(span) => number(span.as_f64()),
    }
}

fn number(f: f64) -> String {
    if f.abs() >= EXACT_BELOW {
        // The way spreadsheets write it: the reader of numbers knows that digits are gone.
        return format!("{f:e}").replace('e', "E+");
    }
    // Whole numbers are written without a point.
    f.to_string()
}

#[cfg(test)]
pub mod tests {
    use std::io::{Cursor, Write as _};

    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::super::reader::tests::all;

    /// A workbook of some sheets, as XML.
    pub fn book(sheets: &[&str], more: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let mut part = |name: &str, text: &[u8]| {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(text).unwrap();
        };
        let each = |f: &dyn Fn(usize) -> String| (1..=sheets.len()).map(f).collect::<String>();
        part("[Content_Types].xml", b"<?xml version=\"1.0\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>");
        part("_rels/.rels", b"<?xml version=\"1.0\"?><Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>");
        let names = each(&|i| format!("<sheet name=\"S{i}\" sheetId=\"{i}\" r:id=\"rId{i}\"/>"));
        part("xl/workbook.xml", format!("<?xml version=\"1.0\"?><workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><sheets>{names}</sheets></workbook>").as_bytes());
        let rels = each(&|i| {
            format!(
                "<Relationship Id=\"rId{i}\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet\" Target=\"worksheets/sheet{i}.xml\"/>"
            )
        });
        part("xl/_rels/workbook.xml.rels", format!("<?xml version=\"1.0\"?><Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">{rels}</Relationships>").as_bytes());
        for (i, rows) in (1..).zip(sheets) {
            let xml = format!(
                "<?xml version=\"1.0\"?><worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>{rows}</sheetData></worksheet>"
            );
            part(&format!("xl/worksheets/sheet{i}.xml"), xml.as_bytes());
        }
        more.iter().for_each(|(name, text)| part(name, text));
        zip.finish().unwrap().into_inner()
    }

    const ROWS: &str = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>证件号码</t></is></c><c r=\"B1\" t=\"inlineStr\"><is><t>编号</t></is></c></row>\
        <row r=\"4\"><c r=\"A4\"><v>330106198001010000</v></c><c r=\"C4\" t=\"str\"><f>HYPERLINK(\"http://x\",\"y\")</f><v>kept text</v></c></row>\
        <row r=\"5\"><c r=\"B5\"><v>12</v></c></row>";

    #[test]
    fn cells_are_what_was_last_shown_and_formulas_are_not_evaluated() {
        let rows = all(&book(&[ROWS], &[])).unwrap();
        assert_eq!(rows[0], (1, vec!["证件号码".to_owned(), "编号".into()]));
        assert_eq!(rows[1], (4, vec!["3.3010619800101E+17".to_owned(), String::new(), "kept text".into()]));
        assert_eq!(rows[2], (5, vec![String::new(), "12".into()]));
    }

    #[test]
    fn macros_bombs_and_two_sheets_are_refused() {
        assert_eq!(all(&book(&[ROWS], &[("xl/vbaProject.bin", b"x")])), Err("import.macros"));
        assert_eq!(all(&book(&[ROWS, ROWS], &[])), Err("import.sheets"));
        assert_eq!(all(&book(&[ROWS, ""], &[])).unwrap().len(), 3);
        assert_eq!(all(&book(&[""], &[])), Err("import.empty"));
        assert_eq!(all(b"PK\x03\x04 and nothing"), Err("import.workbook"));
        // 450 MB of noughts in half a megabyte.
        let noughts = vec![b'0'; 150 << 20];
        let large = book(&[ROWS], &[("a.xml", &noughts), ("b.xml", &noughts), ("c.xml", &noughts)]);
        assert!(large.len() < 2 << 20);
        assert_eq!(all(&large), Err("import.unpacked_size"));
        // Little that takes much: many formats, one long text, a table that says that it is endless, a text of
        // two bytes a letter, a tag in a tag, a definition of types.
        let styles = format!("<styleSheet><cellXfs>{}</cellXfs></styleSheet>", "<xf/>".repeat(500_001));
        let long = format!(
            "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>{}</t></is></c></row>",
            "x".repeat(2 << 20)
        );
        let runs = format!(
            "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is>{}</is></c></row>",
            "<r><t>x</t></r>".repeat(100_000)
        );
        let said = b"<sst a=\">\" xuniqueCount=\"1\" uniqueCount=\"99999999999\"></sst>";
        let wide: Vec<u8> = "<sst/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(all(&book(&[ROWS], &[("xl/styles.xml", styles.as_bytes())])), Err("import.unpacked_size"));
        assert_eq!(all(&book(&[&long], &[])), Err("import.unpacked_size"));
        assert_eq!(all(&book(&[&runs], &[])), Err("import.unpacked_size"));
        // For the library the quote hides the first end of a tag, and with it that a comment begins.
        let hidden = b"<\"> <!-- \"> <sst uniqueCount=\"99999999999\"> --></sst>";
        for odd in [&said[..], &wide, hidden, b"<sst a=\"<\"/>", b"<!DOCTYPE x><sst/>"] {
            assert_eq!(all(&book(&[ROWS], &[("xl/sharedStrings.xml", odd)])), Err("import.unpacked_size"));
        }
        let fine: &[u8] = b"<?xml version=\"1.0\"?><!-- <si> --><sst uniqueCount=\"1\"><si><t><![CDATA[<si>]]></t></si></sst>";
        assert_eq!(all(&book(&[ROWS], &[("xl/sharedStrings.xml", fine)])).unwrap().len(), 3);
        // One text of four thousand letters that many cells name: a row, and all rows together.
        let text = format!("<sst><si><t>{}</t></si></sst>", "x".repeat(4_000));
        let row = |n: u32, cells: usize| {
            format!("<row r=\"{n}\">{}</row>", "<c t=\"s\"><v>0</v></c>".repeat(cells))
        };
        let naming = |rows: &str| book(&[rows], &[("xl/sharedStrings.xml", text.as_bytes())]);
        assert_eq!(all(&naming(&row(1, 17))), Err("import.row_size"));
        let large = naming(&(1..=8_400).map(|n| row(n, 16)).collect::<String>());
        let mut seen = 0;
        let end = super::rows(&large, None, &mut |row| {
            seen += row.cells.len();
            std::ops::ControlFlow::Continue(())
        });
        assert_eq!(end.map_err(|p| p.code), Err("import.unpacked_size"));
        assert!(large.len() < 1 << 20 && seen > 130_000, "{} bytes, {seen} cells", large.len());
        let text = format!("<sst><si><t>{}</t></si></sst>", "x".repeat(4_001));
        assert_eq!(
            all(&book(&[&row(1, 1)], &[("xl/sharedStrings.xml", text.as_bytes())])),
            Err("import.row_size")
        );
        // A part that says that it has ten bytes and has many.
        let mut lies = book(&[ROWS], &[("a.xml", &vec![b'0'; 100_000])]);
        let real = 100_000_u32.to_le_bytes();
        for at in (0..lies.len() - 4).filter(|i| lies[*i..*i + 4] == real).collect::<Vec<_>>() {
            lies[at..at + 4].copy_from_slice(&10_u32.to_le_bytes());
        }
        assert_eq!(all(&lies), Err("import.unpacked_size"));
    }
}
