//! Entries on their way in, from JSON or a file: each is checked, and each that is wrong is told with its line.

use std::ops::ControlFlow;

use kangma_core::division::{divisions, lies_in};
use kangma_core::rules::expr::is_code;
use kangma_core::rules::listing::{ENTRIES_MAX, Entry, SOURCE_LETTERS_MAX};
use kangma_core::rules::set::PackSet;
use kangma_core::table::{clean, moment};
use kangma_core::time::{Day, Zone};

use crate::error::{FieldProblem, Problem};
use crate::import::reader::{self, Row};

/// Mistakes that are told at once.
const WRONG_MAX: usize = 100;
/// Rows in which the headers are looked for.
const HEAD_ROWS: u32 = 10;

/// An entry as it was sent.
pub struct Raw {
    /// Where it stands, for whoever mends it.
    pub at: String,
    /// Which list.
    pub list: String,
    /// Of which division.
    pub code: String,
    /// First day.
    pub from: String,
    /// First day no longer; may be empty.
    pub until: String,
    /// Where it was announced; may be empty.
    pub source: String,
}

/// What a column of a file holds, by its header in Chinese or English.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    List,
    Code,
    From,
    Until,
    Source,
}

const HEADERS: [(Column, &[&str]); 5] = [
    (Column::List, &["风险等级", "等级", "名单", "level", "list", "risk", "risk level"]),
    (Column::Code, &["区划代码", "代码", "行政区划代码", "code", "division", "division code"]),
    (Column::From, &["起始日期", "开始日期", "调整日期", "from", "since", "start"]),
    (Column::Until, &["结束日期", "解除日期", "until", "to", "end"]),
    (Column::Source, &["来源", "依据", "通告", "source", "announcement"]),
];

/// Words of offices for the levels, and the names that packs give them.
const LEVELS: [(&[&str], &[&str]); 3] = [
    (&["高", "高风险", "高风险区"], &["high"]),
    (&["中", "中风险", "中风险区"], &["mid", "medium"]),
    (&["低", "低风险", "低风险区"], &["low"]),
];

fn column(header: &str) -> Option<Column> {
    let header = clean(header).to_lowercase();
    HEADERS.iter().find(|(_, names)| names.contains(&header.as_str())).map(|(column, _)| *column)
}

/// Too many, here or with what acts elsewhere.
pub fn too_many() -> Problem {
    Problem::field(
        "entries",
        "areas.limit",
        format!("一份名单至多 {ENTRIES_MAX} 条，全部名单合计至多 200000 条。"),
        format!("A list has at most {ENTRIES_MAX} entries, and all that act together at most 200,000."),
    )
}

/// The entries of a file: CSV in any usual encoding, or a workbook. Columns are known by their headers, in
/// any order; others are left out of account.
pub fn of_file(bytes: &[u8]) -> Result<Vec<Raw>, Problem> {
    let (mut columns, mut raws, mut many) = (None::<Vec<Option<Column>>>, Vec::new(), false);
    reader::rows(bytes, None, &mut |row: Row| {
        let Some(columns) = &columns else {
            let found: Vec<Option<Column>> = row.cells.iter().map(|cell| column(cell)).collect();
            if found.iter().flatten().count() >= 2 {
                columns = Some(found);
            } else if row.number >= HEAD_ROWS {
                return ControlFlow::Break(());
            }
            return ControlFlow::Continue(());
        };
        if raws.len() == ENTRIES_MAX {
            many = true;
            return ControlFlow::Break(());
        }
        let cell = |wanted: Column| {
            let cells = row.cells.iter().zip(columns).filter(|(_, c)| **c == Some(wanted));
            cells.map(|(cell, _)| clean(cell)).find(|cell| !cell.is_empty()).unwrap_or("").to_owned()
        };
        raws.push(Raw {
            at: format!("line {}", row.number),
            list: cell(Column::List),
            code: cell(Column::Code),
            from: cell(Column::From),
            until: cell(Column::Until),
            source: cell(Column::Source),
        });
        ControlFlow::Continue(())
    })?;
    let needed = [Column::List, Column::Code, Column::From];
    if !columns.is_some_and(|found| needed.iter().all(|c| found.contains(&Some(*c)))) {
        return Err(Problem::field(
            "headers",
            "areas.headers",
            "文件需要表头：区划代码、风险等级、起始日期，可另有结束日期、来源。",
            "The file needs headers: code, level, from, and may have until and source.",
        ));
    }
    if many { Err(too_many()) } else { Ok(raws) }
}

/// The entries, if every one is right: in the division, on a list that a pack in force knows, with days that
/// make sense.
pub fn check(raws: &[Raw], division: &str, set: &PackSet) -> Result<Vec<Entry>, Problem> {
    if raws.len() > ENTRIES_MAX {
        return Err(too_many());
    }
    let zone = &set.base().zone;
    let (mut entries, mut wrong) = (Vec::with_capacity(raws.len()), Vec::new());
    for raw in raws {
        let before = wrong.len();
        let mut is_wrong = |column: &str, (code, zh, en): Wrong| {
            wrong.push(FieldProblem { field: format!("{}: {column}", raw.at), code, zh, en });
        };
        let list = list(&raw.list, set).map_err(|w| is_wrong("level", w)).ok();
        let code = place(&raw.code, division).map_err(|w| is_wrong("code", w)).ok();
        let from = day(&raw.from, zone).map_err(|w| is_wrong("from", w)).ok();
        let until = match raw.until.is_empty() {
            true => Some(None),
            false => day(&raw.until, zone).map_err(|w| is_wrong("until", w)).ok().map(Some),
        };
        if let (Some(from), Some(Some(until))) = (from, until)
            && until <= from
        {
            is_wrong(
                "until",
                (
                    "areas.window",
                    "结束日期须晚于起始日期。".into(),
                    "The first day no longer on the list comes after the first day on it.".into(),
                ),
            );
        }
        let letters = raw.source.chars().count();
        if letters > SOURCE_LETTERS_MAX || raw.source.chars().any(char::is_control) {
            is_wrong(
                "source",
                (
                    "areas.source",
                    format!("来源至多 {SOURCE_LETTERS_MAX} 字。"),
                    format!("A source has at most {SOURCE_LETTERS_MAX} letters."),
                ),
            );
        }
        if wrong.len() >= WRONG_MAX {
            break;
        }
        if let (true, Some(list), Some(code), Some(from), Some(until)) =
            (wrong.len() == before, list, code, from, until)
        {
            let source = (!raw.source.is_empty()).then(|| raw.source.clone());
            entries.push(Entry { list, code, from, until, source });
        }
    }
    if wrong.is_empty() { Ok(entries) } else { Err(Problem::fields(wrong)) }
}

type Wrong = (&'static str, String, String);

/// The name of a list that a pack of the set knows.
fn list(text: &str, set: &PackSet) -> Result<String, Wrong> {
    let known = |name: &str| set.packs().any(|p| p.areas().keys().any(|k| k == name));
    if known(text) {
        return Ok(text.to_owned());
    }
    let level = LEVELS.iter().find(|(words, _)| words.contains(&text));
    if let Some(name) = level.and_then(|(_, names)| names.iter().find(|name| known(name))) {
        return Ok((*name).to_owned());
    }
    let nearest = set.packs().find_map(|p| p.areas().nearest(text));
    let mut all: Vec<&str> = set.packs().flat_map(|p| p.areas().keys()).collect();
    all.sort_unstable();
    all.dedup();
    let (zh, en) = match nearest {
        Some(name) => (format!("是否指 {name}？"), format!(" Did you mean {name}?")),
        None => (String::new(), String::new()),
    };
    let all = all.join(", ");
    Err((
        "areas.level",
        format!("现行规则包没有这一名单。{zh}可用：{all}。"),
        format!("No pack in force has a list of this name.{en} There are: {all}."),
    ))
}

/// The code of a division or community that exists, in the division whose list it is.
fn place(text: &str, division: &str) -> Result<String, Wrong> {
    let all = divisions();
    // Communities are in the table for some cities only: elsewhere their street or town has to be.
    let known =
        all.get(text).is_some() || (text.len() == 12 && is_code(text) && all.get(&text[..9]).is_some());
    if !known {
        return Err((
            "areas.code",
            "没有这一区划代码；应为 2、4、6、9 或 12 位。".into(),
            "There is no division of this code; codes have 2, 4, 6, 9 or 12 digits.".into(),
        ));
    }
    if !lies_in(text, division) {
        return Err((
            "areas.elsewhere",
            "该区划不在名单所属区划之内。".into(),
            "This division does not lie in the one whose list this is.".into(),
        ));
    }
    Ok(text.to_owned())
}

fn day(text: &str, zone: &Zone) -> Result<Day, Wrong> {
    moment(text, zone).map(|at| zone.day_of(at)).ok_or_else(|| {
        ("areas.day", "日期格式如 2022-03-01。".into(), "Write a day such as 2022-03-01.".into())
    })
}
