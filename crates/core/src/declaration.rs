//! Declarations: the form that a pack asks for, and its validation.
//!
//! The vocabulary of fields is core's ([`Kind::Declaration`]); a pack chooses which it asks, of whom,
//! and within which bounds.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use smol_str::SmolStr;

use crate::division::Divisions;
use crate::fact::{Field, Kind, Type, Value};
use crate::rules::vocabulary::Vocabulary;
use crate::time::Day;

/// A pack's form.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// Version of the commitment that a person accepts.
    pub commitment: String,
    /// The questions in order.
    pub fields: Vec<FormField>,
}

/// A question.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormField {
    /// A field of [`Kind::Declaration`].
    pub field: String,
    /// Whether it has to be answered, where it is asked.
    #[serde(default)]
    pub required: bool,
    /// Asked only where an earlier answer is one of these.
    #[serde(default)]
    pub shown_when: Option<ShownWhen>,
    /// Least number.
    #[serde(default)]
    pub min: Option<f64>,
    /// Greatest number.
    #[serde(default)]
    pub max: Option<f64>,
    /// How many days back a day may lie; 36,525 without it.
    #[serde(default)]
    pub days_back_max: Option<i32>,
    /// How many days ahead; none without it.
    #[serde(default)]
    pub future_days_max: Option<i32>,
    /// Least level of a division, 1 province to 5 community.
    #[serde(default)]
    pub min_level: Option<u8>,
    /// Most items of a list; 20 without it.
    #[serde(default)]
    pub count_max: Option<usize>,
    /// Most letters of a text; 200 without it.
    #[serde(default)]
    pub length_max: Option<usize>,
    /// The pack's words.
    #[serde(skip)]
    pub vocabulary: Vocabulary,
}

/// When a question is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownWhen {
    /// An earlier field, a choice.
    pub field: String,
    /// Its answers.
    pub one_of: Vec<String>,
}

/// A question as programs read it; labels are the pack's words.
#[derive(Clone, Debug, Serialize)]
pub struct FormFieldView {
    /// Name in answers.
    pub field: String,
    /// `bool`, `choice`, `choices`, `division`, `divisions`, `day`, `number` or `text`.
    pub r#type: &'static str,
    /// Whether it has to be answered, where it is asked.
    pub required: bool,
    /// When it is asked; always without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown_when: Option<ShownWhen>,
    /// Least number, or level of a division.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Greatest number, or count of a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The words to choose from.
    #[serde(skip)]
    pub options: &'static [&'static str],
}

const COUNT_MAX: usize = 20;
const LENGTH_MAX: usize = 200;
const DAYS_BACK_MAX: i32 = 36_525;

fn schema(name: &str) -> Option<&'static Field> {
    Kind::Declaration.schema().iter().find(|f| f.name == name)
}

impl FormField {
    fn ty(&self) -> Type {
        schema(&self.field).map_or(Type::Text, |f| self.vocabulary.type_of(f))
    }

    /// For programs.
    #[must_use]
    pub fn view(&self) -> FormFieldView {
        let ty = self.ty();
        let (r#type, options): (_, &'static [&'static str]) = match ty {
            Type::Bool => ("bool", &[]),
            Type::Choice(options) => ("choice", options),
            Type::Choices(options) => ("choices", options),
            Type::Division => ("division", &[]),
            Type::Divisions => ("divisions", &[]),
            Type::Day => ("day", &[]),
            Type::Int | Type::Double => ("number", &[]),
            Type::Text | Type::Instant => ("text", &[]),
        };
        let max = match ty {
            Type::Divisions => Some(self.count_max.unwrap_or(COUNT_MAX) as f64),
            _ => self.max,
        };
        FormFieldView {
            field: self.field.clone(),
            r#type,
            required: self.required,
            shown_when: self.shown_when.clone(),
            min: self.min.or(self.min_level.map(f64::from)),
            max,
            options,
        }
    }

    fn shown(&self, answers: &Map<String, Json>) -> bool {
        self.shown_when.as_ref().is_none_or(|when| {
            let answer = answers.get(&when.field);
            answer.and_then(Json::as_str).is_some_and(|word| when.one_of.iter().any(|w| w == word))
        })
    }
}

impl Form {
    /// Whether the form makes sense; the first thing that does not, in words.
    pub fn check(&self) -> Result<(), String> {
        if self.commitment.is_empty() || self.fields.is_empty() || self.fields.len() > 64 {
            return Err("a form has a commitment and 1 to 64 fields".into());
        }
        for (i, field) in self.fields.iter().enumerate() {
            let name = &field.field;
            let Some(known) = schema(name) else {
                let all: Vec<&str> = Kind::Declaration.schema().iter().map(|f| f.name).collect();
                return Err(format!("there is no field {name}; declarations have {}", all.join(", ")));
            };
            if name == "commitment" || self.fields[..i].iter().any(|f| f.field == *name) {
                return Err(format!("{name} is asked by itself, or twice"));
            }
            if let Some(when) = &field.shown_when {
                let before = self.fields[..i].iter().find(|f| f.field == when.field);
                let Some(Type::Choice(options)) = before.map(FormField::ty) else {
                    return Err(format!(
                        "{name} is shown when {} is answered, which is no choice asked before",
                        when.field
                    ));
                };
                if when.one_of.is_empty() || when.one_of.iter().any(|w| !options.contains(&w.as_str())) {
                    return Err(format!(
                        "{name}: shown_when takes words of {}: {}",
                        when.field,
                        options.join(", ")
                    ));
                }
            }
            let number = matches!(known.ty, Type::Double | Type::Int);
            if (field.min.is_some() || field.max.is_some()) != number {
                return Err(format!("{name}: numbers, and only they, have min and max"));
            }
            if field.min_level.is_some_and(|l| !(1..=5).contains(&l)) {
                return Err(format!("{name}: min_level is 1 to 5"));
            }
        }
        Ok(())
    }
}

/// What is wrong with one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field.
    pub field: String,
    /// Stable code.
    pub code: &'static str,
    /// What to do, in Chinese.
    pub zh: String,
    /// What to do, in English.
    pub en: String,
}

type Wrong = (&'static str, String, String);

fn wrong<T>(code: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Result<T, Wrong> {
    Err((code, zh.into(), en.into()))
}

/// Checks answers against a form; the values by slot of [`Kind::Declaration`], or everything that
/// is wrong. Answers to questions that are not asked are refused: what is not needed is not kept.
pub fn validate(
    form: &Form,
    answers: &Map<String, Json>,
    divisions: &'static Divisions,
    today: Day,
) -> Result<Vec<Value>, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut refuse = |field: &str, (code, zh, en): Wrong| {
        errors.push(FieldError { field: field.to_owned(), code, zh, en })
    };
    let mut values = vec![Value::Missing; Kind::Declaration.schema().len()];
    for name in answers.keys() {
        let asked = form.fields.iter().find(|f| f.field == *name);
        if !asked.is_some_and(|f| f.shown(answers)) {
            let shown: String =
                name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect();
            refuse(
                &shown,
                (
                    "declaration.not_asked",
                    "表单没有询问这一项，请勿填写。".into(),
                    "The form does not ask this; leave it out.".into(),
                ),
            );
        }
    }
    for field in form.fields.iter().filter(|f| f.shown(answers)) {
        let answer = answers.get(&field.field).unwrap_or(&Json::Null);
        let blank = answer.is_null() || answer.as_str().is_some_and(|t| t.trim().is_empty());
        if blank {
            if field.required {
                refuse(
                    &field.field,
                    ("declaration.required", "请填写这一项。".into(), "Please answer this.".into()),
                );
            }
            continue;
        }
        match value(field, answer, divisions, today) {
            // INVARIANT: a form that checks names fields of the schema only.
            Ok(value) => {
                if let Some(slot) = Kind::Declaration.slot(&field.field) {
                    values[slot] = value;
                }
            }
            Err(e) => refuse(&field.field, e),
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

fn value(
    field: &FormField,
    answer: &Json,
    divisions: &'static Divisions,
    today: Day,
) -> Result<Value, Wrong> {
    match field.ty() {
        Type::Bool => match answer {
            Json::Bool(b) => Ok(Value::Bool(*b)),
            _ => wrong("declaration.type", "请选择“是”或“否”。", "Answer true or false."),
        },
        Type::Int | Type::Double => number(field, answer),
        Type::Text | Type::Instant => text(field, answer),
        Type::Choice(options) => choice(answer, options).map(Value::Text),
        Type::Choices(options) => list(answer, options.len(), |item| choice(item, options)).map(Value::List),
        Type::Division => division(field, answer, divisions).map(Value::Text),
        Type::Divisions => {
            list(answer, field.count_max.unwrap_or(COUNT_MAX), |item| division(field, item, divisions))
                .map(Value::List)
        }
        Type::Day => day(field, answer, today),
    }
}

fn number(field: &FormField, answer: &Json) -> Result<Value, Wrong> {
    let (min, max) = (field.min.unwrap_or(f64::MIN), field.max.unwrap_or(f64::MAX));
    match answer.as_f64() {
        Some(n) if (min..=max).contains(&n) => Ok(match field.ty() {
            Type::Int if n.fract() == 0.0 => Value::Int(n as i64),
            Type::Int => return wrong("declaration.number", "请填写整数。", "Give a whole number."),
            _ => Value::Double((n * 100.0).round() / 100.0),
        }),
        Some(_) => wrong(
            "declaration.range",
            format!("应在 {min} 到 {max} 之间，请核对。"),
            format!("It lies between {min} and {max}. Please check it."),
        ),
        None => wrong("declaration.type", "请填写数字。", "Give a number."),
    }
}

fn text(field: &FormField, answer: &Json) -> Result<Value, Wrong> {
    let Some(text) = answer.as_str() else {
        return wrong("declaration.type", "请填写文字。", "Give a text.");
    };
    let longest = field.length_max.unwrap_or(LENGTH_MAX);
    if text.chars().count() > longest {
        return wrong(
            "declaration.length",
            format!("最多 {longest} 个字。"),
            format!("At most {longest} letters."),
        );
    }
    // Control characters and direction overrides have no business in an answer.
    let hidden =
        |c: char| c.is_control() || matches!(c as u32, 0x200E..=0x200F | 0x202A..=0x202E | 0x2066..=0x2069);
    if text.chars().any(hidden) {
        return wrong(
            "declaration.characters",
            "含有不能显示的字符，请删除。",
            "It holds characters that cannot be shown; please remove them.",
        );
    }
    Ok(Value::Text(text.trim().into()))
}

fn choice(answer: &Json, options: &[&str]) -> Result<SmolStr, Wrong> {
    match answer.as_str() {
        Some(word) if options.contains(&word) => Ok(word.into()),
        Some(_) => wrong(
            "declaration.choice",
            "请从所列选项中选择。",
            format!("Choose one of {}.", options.join(", ")),
        ),
        None => wrong(
            "declaration.type",
            "请从所列选项中选择。",
            format!("Choose one of {}.", options.join(", ")),
        ),
    }
}

fn list(
    answer: &Json,
    most: usize,
    each: impl Fn(&Json) -> Result<SmolStr, Wrong>,
) -> Result<Arc<[SmolStr]>, Wrong> {
    let Some(items) = answer.as_array() else {
        return wrong("declaration.type", "这一项应为列表。", "This is a list.");
    };
    if items.len() > most {
        return wrong("declaration.count", format!("最多 {most} 项。"), format!("At most {most}."));
    }
    let mut out: Vec<SmolStr> = Vec::with_capacity(items.len());
    for item in items {
        let item = each(item)?;
        if out.contains(&item) {
            return wrong("declaration.twice", "同一项只填一次。", "Give each only once.");
        }
        out.push(item);
    }
    Ok(out.into())
}

fn division(field: &FormField, answer: &Json, divisions: &'static Divisions) -> Result<SmolStr, Wrong> {
    let Some(found) = answer.as_str().and_then(|code| divisions.get(code)) else {
        return wrong(
            "declaration.division",
            "没有这个地区，请从列表中选择。",
            "There is no such division; choose it from the list.",
        );
    };
    let least = field.min_level.unwrap_or(1);
    // Taiwan has no divisions in the table: the deepest there is will do.
    if found.level < least && found.has_children {
        return wrong(
            "declaration.division_level",
            "请选到更具体的地区（区县或以下）。",
            "Choose a smaller division (a district or county, or below).",
        );
    }
    Ok(found.code.into())
}

fn day(field: &FormField, answer: &Json, today: Day) -> Result<Value, Wrong> {
    let Some(Ok(day)) = answer.as_str().map(Day::parse) else {
        return wrong(
            "declaration.date",
            "没有这个日期，请按 2020-02-11 的格式填写。",
            "There is no such date; write it like 2020-02-11.",
        );
    };
    if day.0 > today.0 + field.future_days_max.unwrap_or(0) {
        return wrong(
            "declaration.future",
            "日期太晚，请核对。",
            "The date lies too far ahead; please check it.",
        );
    }
    if day.0 < today.0 - field.days_back_max.unwrap_or(DAYS_BACK_MAX) {
        return wrong(
            "declaration.past",
            "日期太早，请核对。",
            "The date lies too far back; please check it.",
        );
    }
    Ok(Value::Day(day))
}
