//! One line: whom it names, and the fact that it states of them.

use std::fmt;

use super::column::{Cell, Column, Mapping};
use super::value::{civil, clean, document_number, moment, perhaps_damaged};
use super::{LineError, ListKind};
use crate::division::divisions;
use crate::fact::{Fact, Kind, METHODS, QUARANTINES, RESULTS, Source, VACCINES, Value, Values};
use crate::hcert::{self, BadCertificate, TrustList};
use crate::id::FactId;
use crate::identity::{Document, DocumentType, IdentityError, Name};
use crate::rules::vocabulary::Vocabulary;
use crate::time::{Day, Instant, Zone};

/// What a line does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// States something.
    New,
    /// Takes back what the same office stated under the same reference.
    Withdrawn,
    /// Takes it back and states something in its place.
    Corrected,
}

/// A line that could be read.
#[derive(Clone, PartialEq)]
pub struct Line {
    /// Whom it names.
    pub document: Document,
    /// Their name, if the line gives one.
    pub name: Option<Name>,
    /// What it does.
    pub change: Change,
    /// The office's own number for it.
    pub reference: Option<String>,
    /// Where it says that it belongs: 6 to 12 digits.
    pub place: Option<String>,
    /// What it states; its id is yet to be given. Of a withdrawal only the kind counts.
    pub fact: Fact,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({:?}, ***)", self.change)
    }
}

impl Line {
    /// The same for every line that says the same of the same person, whatever its file and place.
    #[must_use]
    pub fn content(&self) -> Vec<u8> {
        let mut out = vec![self.fact.kind as u8, self.change as u8];
        let mut add = |text: &str| {
            out.extend_from_slice(&(text.len() as u64).to_be_bytes());
            out.extend_from_slice(text.as_bytes());
        };
        add(&self.document.key());
        add(self.reference.as_deref().unwrap_or(""));
        for (field, value) in self.fact.kind.schema().iter().zip(self.fact.values.iter()) {
            if *value != Value::Missing {
                add(field.name);
                add(&text_of(value));
            }
        }
        out
    }

    /// Whether an authority's word in it can give somebody a colour.
    #[must_use]
    pub fn weighs(&self) -> bool {
        match self.fact.kind {
            _ if self.change == Change::Withdrawn => false,
            Kind::Listed | Kind::Quarantine => true,
            Kind::Test => self.fact.text("result") == Some("positive"),
            _ => false,
        }
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Missing => String::new(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Double(d) => d.to_string(),
        Value::Text(t) => t.to_string(),
        Value::List(l) => l.join("\u{1f}"),
        Value::Day(d) => d.to_string(),
        Value::Instant(at) => at.0.to_string(),
    }
}

/// Reads the lines of one list.
#[derive(Debug)]
pub struct Reader<'a> {
    kind: ListKind,
    mapping: &'a Mapping,
    zone: &'a Zone,
    /// When the list came: what has no time of its own happened then, and nothing may lie after it.
    at: Instant,
    today: Day,
    /// Keys that certificates are checked against.
    trust: Option<&'a TrustList>,
    vocabulary: Vocabulary,
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::At(i) => write!(f, "At({i})"),
            Cell::Always(_) => f.write_str("Always(***)"),
        }
    }
}

const fn wrong(column: Column, code: &'static str, zh: &'static str, en: &'static str) -> LineError {
    LineError { column, code, zh, en }
}

const DAY_ZH: &str = "日期看不懂，请写成 2020-02-11（先年后月日），时间写成 08:30。";
const DAY_EN: &str = "This is no date that can be read one way only. Write 2020-02-11, and a time as 08:30.";
const TEXT_MAX: usize = 200;
/// The oldest day that a list may speak of, in days before it came.
const OLDEST_DAYS: i32 = 3 * 366;

impl<'a> Reader<'a> {
    /// For a list of a kind that came at an instant.
    #[must_use]
    pub fn new(kind: ListKind, mapping: &'a Mapping, zone: &'a Zone, at: Instant) -> Reader<'a> {
        Reader {
            kind,
            mapping,
            zone,
            at,
            today: zone.day_of(at),
            trust: None,
            vocabulary: Vocabulary::default(),
        }
    }

    /// The same, with the keys that certificates are checked against.
    #[must_use]
    pub fn trusting(mut self, trust: &'a TrustList) -> Reader<'a> {
        self.trust = Some(trust);
        self
    }

    /// The same, in the words of a pack.
    #[must_use]
    pub fn speaking(mut self, vocabulary: Vocabulary) -> Reader<'a> {
        self.vocabulary = vocabulary;
        self
    }

    /// Columns that the list needs and the mapping does not give.
    #[must_use]
    pub fn missing(&self) -> Vec<Column> {
        self.kind.needs().iter().copied().filter(|c| !self.mapping.contains_key(c)).collect()
    }

    /// What a line says.
    pub fn read<S: AsRef<str>>(&self, cells: &[S]) -> Result<Line, LineError> {
        let get = |column: Column| -> &str {
            match self.mapping.get(&column) {
                Some(Cell::At(i)) => clean(cells.get(usize::from(*i)).map_or("", AsRef::as_ref)),
                Some(Cell::Always(text)) => clean(text),
                None => "",
            }
        };
        let document = self.document(&get)?;
        let name = match get(Column::Name) {
            "" => None,
            text => Some(Name::parse(text).map_err(|e| refused(Column::Name, e))?),
        };
        let change = change(get(Column::Status))?;
        let reference = short(Column::Reference, get(Column::Reference))?;
        if change != Change::New && reference.is_none() {
            return Err(wrong(
                Column::Reference,
                "line.reference_missing",
                "撤销或更正须写明原记录的编号。",
                "To withdraw or correct a record, give the reference under which it was sent.",
            ));
        }
        let place = place(Column::Place, get(Column::Place))?;
        let mut fact = Fact {
            id: FactId([0; 16]),
            kind: self.kind.fact(),
            happened: self.at,
            recorded: self.at,
            source: Source::List,
            values: Values::default(),
        };
        if change != Change::Withdrawn {
            self.fill(&mut fact, &document, &get)?;
            set(&mut fact, "place", place.as_deref().map(text));
        }
        set(&mut fact, "reference", reference.as_deref().map(text));
        Ok(Line { document, name, change, reference, place, fact })
    }

    fn document<'t>(&self, get: &impl Fn(Column) -> &'t str) -> Result<Document, LineError> {
        let number = document_number(get(Column::DocumentNumber))?;
        if number.is_empty() {
            return Err(wrong(
                Column::DocumentNumber,
                "line.number_missing",
                "缺少证件号码。",
                "The document's number is missing.",
            ));
        }
        let ty = document_type(get(Column::DocumentType), number)?;
        let nation = Some(get(Column::Nationality)).filter(|n| !n.is_empty());
        Document::parse(ty, number, nation, self.today)
            .map_err(|e| perhaps_damaged(number, refused(Column::DocumentNumber, e)))
    }

    /// The list's own columns.
    fn fill<'t>(
        &self,
        fact: &mut Fact,
        document: &Document,
        get: &impl Fn(Column) -> &'t str,
    ) -> Result<(), LineError> {
        let one = |column, words| choice(column, get(column), words);
        let own = |column, words, own| choice_of(column, get(column), words, own);
        match self.kind {
            ListKind::Inbound => {
                let day = self.needed_day(Column::ArrivedOn, get(Column::ArrivedOn))?;
                fact.happened = self.zone.start_of(day);
                set(fact, "arrived_on", Some(Value::Day(day)));
                set(fact, "origin", place(Column::Origin, get(Column::Origin))?.map(|p| text(&p)));
                set(fact, "country", country(get(Column::Country))?.map(|c| text(&c)));
                set(fact, "transport", short(Column::Transport, get(Column::Transport))?.map(|t| text(&t)));
            }
            ListKind::Test => {
                let at = moment(get(Column::SampledAt), self.zone).ok_or(wrong(
                    Column::SampledAt,
                    "line.date",
                    DAY_ZH,
                    DAY_EN,
                ))?;
                self.in_range(Column::SampledAt, self.zone.day_of(at))?;
                fact.happened = at.min(self.at);
                set(fact, "sampled_at", Some(Value::Instant(at)));
                let result = one(Column::Result, RESULT_WORDS)?;
                let missing =
                    wrong(Column::Result, "line.result", "缺少检测结果。", "The result is missing.");
                set(fact, "result", Some(result.ok_or(missing)?));
                set(fact, "method", own(Column::Method, METHOD_WORDS, self.vocabulary.methods)?);
                set(
                    fact,
                    "laboratory",
                    short(Column::Laboratory, get(Column::Laboratory))?.map(|t| text(&t)),
                );
            }
            ListKind::Vaccination => {
                let day = self.needed_day(Column::VaccinatedOn, get(Column::VaccinatedOn))?;
                fact.happened = self.zone.start_of(day);
                set(fact, "on", Some(Value::Day(day)));
                set(fact, "dose", dose(get(Column::Dose))?.map(Value::Int));
                set(fact, "vaccine", own(Column::Vaccine, VACCINE_WORDS, self.vocabulary.vaccines)?);
                set(fact, "batch", short(Column::Batch, get(Column::Batch))?.map(|t| text(&t)));
            }
            ListKind::Quarantine => {
                let from = self.needed_day(Column::From, get(Column::From))?;
                fact.happened = self.zone.start_of(from);
                set(fact, "from", Some(Value::Day(from)));
                let until = get(Column::Until);
                if !until.is_empty() {
                    let (day, _) = civil(until).ok_or(wrong(Column::Until, "line.date", DAY_ZH, DAY_EN))?;
                    if day < from || day > from.plus(366) {
                        return Err(wrong(
                            Column::Until,
                            "line.date_order",
                            "结束日期应在开始日期之后一年内。",
                            "The end lies before the beginning, or more than a year after it.",
                        ));
                    }
                    set(fact, "until", Some(Value::Day(day)));
                }
                set(fact, "stay", one(Column::Stay, STAY_WORDS)?);
            }
            ListKind::Certificate => self.certificate(fact, document, get)?,
            listed => {
                let since = get(Column::Since);
                if !since.is_empty() {
                    let day = self.needed_day(Column::Since, since)?;
                    fact.happened = self.zone.start_of(day);
                    set(fact, "since", Some(Value::Day(day)));
                }
                set(fact, "list", Some(text(listed.name())));
            }
        }
        Ok(())
    }

    /// A certificate that was shown: it has to be genuine, and not somebody else's.
    fn certificate<'t>(
        &self,
        fact: &mut Fact,
        document: &Document,
        get: &impl Fn(Column) -> &'t str,
    ) -> Result<(), LineError> {
        let shown = get(Column::ShownAt);
        if !shown.is_empty() {
            let at = moment(shown, self.zone).ok_or(wrong(Column::ShownAt, "line.date", DAY_ZH, DAY_EN))?;
            self.in_range(Column::ShownAt, self.zone.day_of(at))?;
            // Clocks of machines differ a little; nothing was shown after it was sent.
            fact.happened = at.min(self.at);
            set(fact, "shown_at", Some(Value::Instant(at)));
        }
        let refused = |e: BadCertificate| {
            let (code, zh, en) = e.told();
            wrong(Column::Certificate, code, zh, en)
        };
        let trust = self.trust.ok_or(BadCertificate::Key).map_err(refused)?;
        let found = hcert::read(get(Column::Certificate), trust, fact.happened).map_err(refused)?;
        let birth = document.birth_day().map(|day| day.to_string());
        // The certificate may say less than the day.
        if let (Some(birth), Some(born)) = (birth, found.payload.born())
            && !birth.starts_with(born.split('T').next().unwrap_or(born))
        {
            return Err(wrong(
                Column::Certificate,
                "line.certificate_holder",
                "证明上的出生日期与证件号码不符，可能是他人的证明。",
                "The certificate's date of birth is not that of the document: it may be somebody else's.",
            ));
        }
        found.fill(fact);
        Ok(())
    }

    fn needed_day(&self, column: Column, cell: &str) -> Result<Day, LineError> {
        let (day, _) = civil(cell).ok_or(wrong(column, "line.date", DAY_ZH, DAY_EN))?;
        self.in_range(column, day)?;
        Ok(day)
    }

    fn in_range(&self, column: Column, day: Day) -> Result<(), LineError> {
        if day > self.today || day < self.today.plus(-OLDEST_DAYS) {
            return Err(wrong(
                column,
                "line.date_range",
                "日期不能在今天之后，也不能早于三年前。",
                "The date lies in the future, or more than three years back.",
            ));
        }
        Ok(())
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn set(fact: &mut Fact, field: &str, value: Option<Value>) {
    if let Some(value) = value {
        let known = fact.set(field, value);
        debug_assert!(known, "{field} is a field of {}", fact.kind.name());
    }
}

fn refused(column: Column, e: IdentityError) -> LineError {
    LineError { column, code: e.code, zh: e.zh, en: e.en }
}

/// A text of one line and bounded length, or nothing.
fn short(column: Column, cell: &str) -> Result<Option<String>, LineError> {
    if cell.chars().count() > TEXT_MAX || cell.chars().any(char::is_control) {
        return Err(wrong(
            column,
            "line.text",
            "内容不超过 200 字，且不含换行。",
            "At most 200 letters, on one line.",
        ));
    }
    Ok(Some(cell.to_owned()).filter(|t| !t.is_empty()))
}

fn place(column: Column, cell: &str) -> Result<Option<String>, LineError> {
    if cell.is_empty() {
        return Ok(None);
    }
    let digits = cell.strip_suffix(".0").unwrap_or(cell);
    // Some registers pad a code with noughts to twelve digits.
    let known = |code: &str| divisions().get(code).map(|d| d.code.to_owned());
    let shorter = [9, 6].into_iter().filter(|n| {
        digits.len() == 12 && digits.as_bytes().get(*n..).is_some_and(|rest| rest.iter().all(|b| *b == b'0'))
    });
    let found = known(digits).or_else(|| shorter.into_iter().find_map(|n| known(digits.get(..n)?)));
    found.filter(|code| code.len() >= 6).map(Some).ok_or(wrong(
        column,
        "line.place",
        "请填写县级或以下的行政区划代码（6、9 或 12 位）。",
        "Give the code of a county or something smaller: 6, 9 or 12 digits.",
    ))
}

fn country(cell: &str) -> Result<Option<String>, LineError> {
    match cell {
        "" => Ok(None),
        code if code.len() == 3 && code.bytes().all(|b| b.is_ascii_alphabetic()) => {
            Ok(Some(code.to_ascii_uppercase()))
        }
        _ => Err(wrong(
            Column::Country,
            "line.country",
            "国家请填写三个字母的代码，例如 SGP。",
            "Give the country as a code of three letters such as SGP.",
        )),
    }
}

fn dose(cell: &str) -> Result<Option<i64>, LineError> {
    if cell.is_empty() {
        return Ok(None);
    }
    let bare = cell.trim_start_matches('第').trim_end_matches(['剂', '针', '次']).trim_end_matches(".0");
    let words = ["一", "二", "三", "四", "五", "六", "七", "八", "九"];
    let number = words.iter().position(|w| *w == bare).map(|i| i as i64 + 1).or_else(|| bare.parse().ok());
    number.filter(|n| (1..=20).contains(n)).map(Some).ok_or(wrong(
        Column::Dose,
        "line.dose",
        "剂次请填写数字 1 到 20。",
        "Give the dose as a number from 1 to 20.",
    ))
}

fn change(cell: &str) -> Result<Change, LineError> {
    match cell.to_lowercase().as_str() {
        "" | "new" | "valid" | "final" | "active" | "正常" | "有效" | "新增" => Ok(Change::New),
        "withdrawn" | "cancelled" | "canceled" | "void" | "撤销" | "作废" | "撤回" => {
            Ok(Change::Withdrawn)
        }
        "corrected" | "amended" | "更正" | "修正" | "修改" => Ok(Change::Corrected),
        _ => Err(wrong(
            Column::Status,
            "line.status",
            "状态请留空，或填写“撤销”或“更正”。",
            "Leave the status empty, or write withdrawn or corrected.",
        )),
    }
}

/// The kind of document: as it is called, or as the number's form tells.
fn document_type(cell: &str, number: &str) -> Result<DocumentType, LineError> {
    let unknown = wrong(
        Column::DocumentType,
        "line.document_type",
        "请写明证件类型，例如“身份证”“护照”“港澳通行证”。",
        "Say which document it is, such as resident_id, passport or hk_mo_permit.",
    );
    let word = cell.to_lowercase().replace([' ', '_', '-'], "");
    let named =
        DocumentType::ALL.into_iter().find(|ty| ty.name().replace('_', "") == word || ty.code() == word);
    if let Some(ty) = named {
        return Ok(ty);
    }
    let has = |part: &str| word.contains(part);
    Ok(match word.as_str() {
        "" => {
            let upper = number.to_uppercase();
            let digits = upper.bytes().filter(u8::is_ascii_digit).count();
            match upper.get(..2).unwrap_or("") {
                _ if upper.starts_with(['H', 'M']) && [8, 10].contains(&digits) => DocumentType::HkMoPermit,
                "81" | "82" | "83" if digits >= 17 => DocumentType::ResidencePermit,
                _ if digits >= 17 && upper.starts_with('9') => DocumentType::ForeignPr,
                _ if digits >= 14 => DocumentType::ResidentId,
                _ => return Err(unknown),
            }
        }
        _ if has("港澳") => DocumentType::HkMoPermit,
        _ if has("台湾") || has("台胞") => DocumentType::TwPermit,
        _ if has("永久居留") => DocumentType::ForeignPr,
        _ if has("居住证") => DocumentType::ResidencePermit,
        _ if has("身份证") || word == "idcard" => DocumentType::ResidentId,
        _ if has("护照") || has("passport") => DocumentType::Passport,
        _ => return Err(unknown),
    })
}

/// Words that mean a choice.
type Words = &'static [(&'static str, &'static [&'static str])];

const RESULT_WORDS: Words = &[
    (
        RESULTS[0],
        &["阴性", "阴", "-", "(-)", "（-）", "neg", "未检出", "not detected", "阴性(-)", "阴性（-）"],
    ),
    (RESULTS[1], &["阳性", "阳", "+", "(+)", "（+）", "pos", "检出", "detected", "阳性(+)", "阳性（+）"]),
    (RESULTS[2], &["待出", "检测中", "待复核", "可疑", "in progress"]),
];
const METHOD_WORDS: Words = &[
    (METHODS[0], &["核酸", "核酸检测", "rt-pcr", "naat", "nat"]),
    (METHODS[1], &["抗原", "抗原检测", "rat", "lfd"]),
];
const VACCINE_WORDS: Words = &[
    (VACCINES[0], &["灭活", "灭活疫苗"]),
    (VACCINES[1], &["腺病毒", "腺病毒载体", "腺病毒载体疫苗"]),
    (VACCINES[2], &["重组蛋白", "重组亚单位", "亚单位", "重组蛋白疫苗"]),
    (VACCINES[3], &["信使核糖核酸", "核酸疫苗"]),
    (VACCINES[4], &["其他", "其它"]),
];
const STAY_WORDS: Words = &[
    (QUARANTINES[0], &["居家", "居家隔离", "居家医学观察"]),
    (QUARANTINES[1], &["集中", "集中隔离", "集中医学观察"]),
    (QUARANTINES[2], &["医院", "住院", "隔离治疗"]),
];

/// The same, of the words that the pack takes; what else they are called is known of the usual ones.
fn choice_of(
    column: Column,
    cell: &str,
    words: Words,
    own: &[&'static str],
) -> Result<Option<Value>, LineError> {
    let lower = cell.to_lowercase();
    if let Some(word) = own.iter().find(|word| **word == lower) {
        return Ok(Some(text(word)));
    }
    let found = choice(column, cell, words)?;
    let taken = |v: &Value| matches!(v, Value::Text(word) if own.contains(&&**word));
    if found.as_ref().is_some_and(|v| !taken(v)) {
        return choice(column, cell, &[]);
    }
    Ok(found)
}

fn choice(column: Column, cell: &str, words: Words) -> Result<Option<Value>, LineError> {
    if cell.is_empty() {
        return Ok(None);
    }
    let lower = cell.to_lowercase();
    let found = words.iter().find(|(word, also)| *word == lower || also.contains(&lower.as_str()));
    found.map(|(word, _)| Some(text(word))).ok_or(wrong(
        column,
        "line.choice",
        "不认识这个写法，请使用说明中列出的词。",
        "This word is not known here; docs/import.md lists those that are.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::guess;

    const CARD: &str = "33010619800101001";

    fn card() -> String {
        let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        let sum: u32 = CARD.bytes().zip(weights).map(|(c, w)| u32::from(c - b'0') * w).sum();
        format!("{CARD}{}", b"10X98765432"[(sum % 11) as usize] as char)
    }

    fn read(kind: ListKind, headers: &[&str], cells: &[&str]) -> Result<Line, LineError> {
        let zone = Zone::named("Asia/Shanghai").unwrap();
        let mapping = guess(kind, headers);
        Reader::new(kind, &mapping, &zone, Instant::parse("2020-02-20T00:00:00Z").unwrap()).read(cells)
    }

    #[test]
    fn a_result_is_read_with_its_time_and_reference() {
        let headers = ["姓名", "证件号码", "采样时间", "检测结果", "检测方法", "样本编号", "区划代码"];
        let line = read(
            ListKind::Test,
            &headers,
            &["张测试", &card(), "2020/2/19 8:30", "阴性", "核酸", "S-1", "330106000000"],
        )
        .unwrap();
        assert_eq!(line.fact.text("result"), Some("negative"));
        assert_eq!(line.fact.text("method"), Some("pcr"));
        assert_eq!(line.fact.text("place"), Some("330106"));
        assert_eq!(line.fact.happened.to_string(), "2020-02-19T00:30:00Z");
        assert_eq!(line.reference.as_deref(), Some("S-1"));
        assert!(!line.weighs(), "a negative result reddens nobody");
    }

    #[test]
    fn each_mistake_has_its_column_and_code() {
        let card = card();
        let headers = ["证件号码", "采样时间", "结果", "状态", "编号", "区划"];
        let rounded = format!("{}000", &card[..15]);
        for (cells, column, code) in [
            (["", "2020-02-19", "阴性", "", "", ""], Column::DocumentNumber, "line.number_missing"),
            (
                ["3.30106E+17", "2020-02-19", "阴性", "", "", ""],
                Column::DocumentNumber,
                "line.number_damaged",
            ),
            ([&rounded, "2020-02-19", "阴性", "", "", ""], Column::DocumentNumber, "line.number_damaged"),
            (
                ["33010619800101001", "2020-02-19", "阴性", "", "", ""],
                Column::DocumentNumber,
                "identity.format",
            ),
            (["12", "2020-02-19", "阴性", "", "", ""], Column::DocumentType, "line.document_type"),
            ([&card, "11/02/2020", "阴性", "", "", ""], Column::SampledAt, "line.date"),
            ([&card, "2020-02-22", "阴性", "", "", ""], Column::SampledAt, "line.date_range"),
            ([&card, "2020-02-19", "maybe", "", "", ""], Column::Result, "line.choice"),
            ([&card, "2020-02-19", "", "", "", ""], Column::Result, "line.result"),
            ([&card, "2020-02-19", "阴性", "gone", "", ""], Column::Status, "line.status"),
            ([&card, "", "", "撤销", "", ""], Column::Reference, "line.reference_missing"),
            ([&card, "2020-02-19", "阴性", "", "", "999999"], Column::Place, "line.place"),
        ] {
            let e = read(ListKind::Test, &headers, &cells).unwrap_err();
            assert_eq!((e.column, e.code), (column, code), "{cells:?}");
            assert!(!e.zh.contains(&*card) && e.en.len() > 10);
        }
    }

    #[test]
    fn every_kind_of_list_makes_its_fact() {
        let card = card();
        for kind in ListKind::ALL {
            let headers =
                ["身份证号", "date", "start", "end", "结果", "arrived_on", "vaccinated_on", "sampled_at"];
            let cells = [
                card.as_str(),
                "2020-02-10",
                "2020-02-10",
                "2020-02-24",
                "+",
                "2020-02-10",
                "2020-02-10",
                "2020-02-10",
            ];
            if kind == ListKind::Certificate {
                // What is genuine of them, and what is not: tests/hcert.rs.
                assert_eq!(read(kind, &headers, &cells).unwrap_err().code, "certificate.key");
                continue;
            }
            let line = read(kind, &headers, &cells).unwrap_or_else(|e| panic!("{kind:?}: {e}"));
            assert_eq!(line.fact.kind, kind.fact(), "{kind:?}");
            assert!(line.fact.happened <= Instant::parse("2020-02-20T00:00:00Z").unwrap());
        }
    }

    #[test]
    fn the_same_statement_has_the_same_content_and_another_has_not() {
        let card = card();
        let line = |date: &str, reference: &str| {
            read(ListKind::Confirmed, &["证件号码", "日期", "编号"], &[&card, date, reference])
                .unwrap()
                .content()
        };
        assert_eq!(line("2020-02-10", "a"), line("2020年2月10日", "a"));
        assert_ne!(line("2020-02-10", "a"), line("2020-02-10", "b"));
        assert_ne!(line("2020-02-10", "a"), line("2020-02-11", "a"));
    }
}
