//! Workbooks (.xlsx). What they unpack to is measured before anything of it is read, macros are
//! refused, and formulas are never evaluated: a cell is the text or number that was last shown.

use std::io::{Cursor, Read as _};
use std::ops::ControlFlow;

use calamine::{DataRef, Reader as _, Xlsx};

use super::reader::{CELLS_MAX, Format, Row, flow, refused, row_size};
use crate::error::{FieldProblem, Problem};

/// Everything unpacked, in bytes: a full sheet of ten columns takes some 300 MB.
const UNPACKED_MAX: u64 = 400 * 1024 * 1024;
/// The table of texts, which is held in memory.
const STRINGS_MAX: u64 = 128 * 1024 * 1024;
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

/// Unpacks everything once into nothing: a part that says one size and has another, or all of them
/// together beyond the limit, end it before the limit is passed.
fn unpacks_within_bounds(bytes: &[u8]) -> Result<(), Problem> {
    let bomb = || {
        refused(
            "import.unpacked_size",
            format!("工作簿解压后过大（上限 {} MB），未读取。请拆分文件或存为 CSV。", UNPACKED_MAX >> 20),
            format!(
                "Unpacked, the workbook is beyond {} MB or not what it says it is. Nothing was read; split it, or save it as CSV.",
                UNPACKED_MAX >> 20
            ),
        )
    };
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
        let size = part.size();
        let real = std::io::copy(&mut part.take(size + 1), &mut std::io::sink()).map_err(|_| bomb())?;
        if real != size {
            return Err(bomb());
        }
    }
    Ok(())
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
        // A part that says that it has ten bytes and has many.
        let mut lies = book(&[ROWS], &[("a.xml", &vec![b'0'; 100_000])]);
        let real = 100_000_u32.to_le_bytes();
        for at in (0..lies.len() - 4).filter(|i| lies[*i..*i + 4] == real).collect::<Vec<_>>() {
            lies[at..at + 4].copy_from_slice(&10_u32.to_le_bytes());
        }
        assert_eq!(all(&lies), Err("import.unpacked_size"));
    }
}
