//! Values as offices type them and as spreadsheets leave them.

use super::LineError;
use super::column::Column;
use crate::time::{DAY_S, Day, Instant, Zone};

/// A cell without what programs add around a text: marks of order, spaces, and the quote or formula
/// that keeps a spreadsheet from taking a number for one (`'0123`, `="0123"`).
#[must_use]
pub fn clean(cell: &str) -> &str {
    let unseen = |c: char| {
        c.is_whitespace() || c.is_control() || "\u{feff}\u{200b}\u{200c}\u{200d}\u{2060}".contains(c)
    };
    let mut text = cell.trim_matches(unseen);
    if let Some(inner) = text.strip_prefix("=\"").and_then(|t| t.strip_suffix('"')) {
        text = inner;
    }
    text.strip_prefix('\'').unwrap_or(text).trim_matches(unseen)
}

const DAMAGED: LineError = LineError {
    column: Column::DocumentNumber,
    code: "line.number_damaged",
    zh: "证件号码已被表格软件改成数字，末尾几位已丢失。请把该列设为“文本”后从原件重新填写。",
    en: "A spreadsheet turned the number into a decimal and lost its last digits. Format the column as text and fill it in again from the source.",
};

/// Whether a text is a number in powers of ten, such as `3.30106E+17`.
fn in_powers(text: &str) -> bool {
    text.split_once(['e', 'E']).is_some_and(|(mantissa, power)| {
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        let power = power.strip_prefix(['+', '-']).unwrap_or(power);
        let mantissa =
            mantissa.split_once('.').map_or_else(|| digits(mantissa), |(a, b)| digits(a) && digits(b));
        digits(power) && mantissa && power.len() <= 3
    })
}

/// A document's number, as far as a spreadsheet left it whole.
pub fn document_number(cell: &str) -> Result<&str, LineError> {
    let text = clean(cell);
    // A passport may hold an E between digits; no document holds a point or a sign of the power.
    if in_powers(text) && text.contains(['.', '+']) {
        return Err(DAMAGED);
    }
    match text.strip_suffix(".0").or_else(|| text.strip_suffix(".00")) {
        Some(whole) if whole.bytes().all(|b| b.is_ascii_digit()) => Ok(whole),
        _ => Ok(text),
    }
}

/// What to say of a number that is not one: a card whose last digits became noughts was rounded.
#[must_use]
pub fn perhaps_damaged(number: &str, otherwise: LineError) -> LineError {
    let rounded = number.len() == 18 && number.bytes().all(|b| b.is_ascii_digit()) && number.ends_with("000");
    if rounded { DAMAGED } else { otherwise }
}

/// A day, and the seconds into it where a time stands beside it.
///
/// Year first (`2020-02-11`, `2020/2/11`, `2020.2.11`, `20200211`, `2020年2月11日`), the month as a
/// word (`11 Feb 2020`), the days of a spreadsheet (`43872`, `43872.5`), or day and month in
/// numbers where only one order is possible (`25/02/2020`). What could be two days is none.
#[must_use]
pub fn civil(cell: &str) -> Option<(Day, Option<i64>)> {
    let half = half_width(clean(cell));
    let text = half.trim();
    if text.len() > 40 {
        return None;
    }
    if let Some(found) = serial(text) {
        return Some(found);
    }
    let (date, time) = split_time(text);
    let seconds = match time {
        Some(time) => Some(clock(time)?),
        None => None,
    };
    Some((day(date)?, seconds))
}

/// An instant: a day is its beginning, in the zone.
#[must_use]
pub fn moment(cell: &str, zone: &Zone) -> Option<Instant> {
    let text = clean(cell);
    if text.contains('T')
        && let Ok(at) = Instant::parse(text)
    {
        return Some(at);
    }
    let (day, seconds) = civil(text)?;
    Some(zone.start_of(day).plus_s(seconds.unwrap_or(0)))
}

fn half_width(text: &str) -> String {
    let to_half = |c: char| match c {
        '！'..='～' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
        '\u{3000}' => ' ',
        c => c,
    };
    text.chars().map(to_half).collect()
}

/// Days of a spreadsheet since the end of 1899, with the fraction as the time of day. Years 1990 to
/// 2079: a number outside is no date that an office means.
fn serial(text: &str) -> Option<(Day, Option<i64>)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.len() != 5 || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let days: i32 = whole.parse().ok()?;
    if !(32_874..=65_746).contains(&days) {
        return None;
    }
    let seconds = match fraction {
        "" => None,
        f => Some((format!("0.{f}").parse::<f64>().ok()? * DAY_S as f64).round() as i64),
    };
    // 25,569 days lie between the spreadsheet's beginning and 1970.
    Some((Day(days - 25_569), seconds.filter(|s| *s > 0)))
}

/// The date, and what stands behind it.
fn split_time(text: &str) -> (&str, Option<&str>) {
    let Some(colon) = text.find(':').or_else(|| text.find('时')) else { return (text, None) };
    let until = |i: usize| (text[..i].trim_end(), Some(text[i..].trim_start_matches(['T', ' '])));
    match text[..colon].rfind(['T', ' ', '日']) {
        Some(i) if text[i..].starts_with('日') => until(i + '日'.len_utf8()),
        Some(i) => until(i),
        None => (text, None),
    }
}

/// Seconds into the day: `08:30`, `8:30:05`, `08:30:00.000`, `8时30分`, `8:30 PM`.
fn clock(text: &str) -> Option<i64> {
    let upper = text.trim().trim_end_matches('Z').to_ascii_uppercase();
    let (text, shift) = match (upper.strip_suffix("PM"), upper.strip_suffix("AM")) {
        (Some(rest), _) => (rest.trim(), Some(12)),
        (_, Some(rest)) => (rest.trim(), Some(0)),
        _ => (upper.as_str(), None),
    };
    let text = text.split('.').next()?;
    let mut parts = text.split([':', '时', '分', '秒']).filter(|p| !p.is_empty());
    let mut next = |max: i64| -> Option<Option<i64>> {
        let Some(part) = parts.next() else { return Some(None) };
        let n: i64 = part.parse().ok()?;
        (part.len() <= 2 && (0..=max).contains(&n)).then_some(Some(n))
    };
    let (h, m, s) = (next(23)??, next(59)?.unwrap_or(0), next(59)?.unwrap_or(0));
    let h = match shift {
        Some(_) if !(1..=12).contains(&h) => return None,
        Some(shift) => h % 12 + shift,
        None => h,
    };
    parts.next().is_none().then_some(h * 3600 + m * 60 + s)
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

fn day(text: &str) -> Option<Day> {
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        let n = |r: std::ops::Range<usize>| text[r].parse::<i16>().ok();
        return date(n(0..4)?, n(4..6)?, n(6..8)?);
    }
    let parts: Vec<&str> =
        text.split(|c: char| "-/.年月日, ".contains(c)).filter(|p| !p.is_empty()).collect();
    let [a, b, c] = parts.as_slice() else { return None };
    let number = |t: &str| t.parse::<i16>().ok().filter(|_| t.bytes().all(|b| b.is_ascii_digit()));
    let month = |t: &str| {
        let t = t.to_ascii_lowercase();
        let i = MONTHS.iter().position(|m| t.len() >= 3 && t.starts_with(m))?;
        t.bytes().all(|b| b.is_ascii_lowercase()).then_some(i as i16 + 1)
    };
    if a.len() == 4 {
        return date(number(a)?, number(b)?, number(c)?);
    }
    if c.len() != 4 {
        return None;
    }
    let year = number(c)?;
    if let Some(month) = month(b) {
        return date(year, month, number(a)?);
    }
    if let Some(month) = month(a) {
        return date(year, month, number(b)?);
    }
    match (number(a)?, number(b)?) {
        (a, b) if a == b => date(year, a, b),
        (a, b) if a > 12 => date(year, b, a),
        (a, b) if b > 12 => date(year, a, b),
        // The eleventh of February, or the second of November.
        _ => None,
    }
}

fn date(year: i16, month: i16, day: i16) -> Option<Day> {
    Day::from_ymd(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_the_usual_shapes() {
        for text in [
            "2020-02-11",
            "2020/2/11",
            "2020.2.11",
            "20200211",
            "2020年2月11日",
            "２０２０年２月１１日",
            "43872",
            "43872.0",
            "11 Feb 2020",
            "11-Feb-2020",
            "Feb 11, 2020",
            "February 11, 2020",
            " '2020-02-11 ",
            "\u{feff}2020-2-11",
            "=\"2020-02-11\"",
        ] {
            assert_eq!(
                civil(text).map(|(d, s)| (d.to_string(), s)),
                Some(("2020-02-11".into(), None)),
                "{text}"
            );
        }
        for (text, seconds) in [
            ("2020-02-11 08:30", 30_600),
            ("2020-02-11T08:30:05", 30_605),
            ("2020/2/11 8:30:05.000", 30_605),
            ("2020年2月11日 8时30分", 30_600),
            ("2020年2月11日8:30", 30_600),
            ("43872.5", 43_200),
            ("2020-02-11 8:30 PM", 73_800),
            ("2020-02-11 12:05 AM", 300),
        ] {
            assert_eq!(
                civil(text).map(|(d, s)| (d.to_string(), s)),
                Some(("2020-02-11".into(), Some(seconds))),
                "{text}"
            );
        }
        assert_eq!(civil("25/02/2020").unwrap().0.to_string(), "2020-02-25");
        assert_eq!(civil("02/25/2020").unwrap().0.to_string(), "2020-02-25");
    }

    #[test]
    fn what_could_be_two_days_or_none_is_refused() {
        for text in [
            "",
            "11/02/2020",
            "2020-02-30",
            "2020-13-01",
            "20201301",
            "tomorrow",
            "11-02-20",
            "2020-02-11 25:00",
            "1",
            "999999",
            "2020-02",
            "2020-02-11 08:30 XM",
            "11 Febr2 2020",
            "2020-02-11 8:30:00:00",
            "12345",
            "99999",
        ] {
            assert_eq!(civil(text), None, "{text}");
        }
    }

    #[test]
    fn an_instant_is_taken_in_the_zone_or_with_its_own_offset() {
        let zone = Zone::named("Asia/Shanghai").unwrap();
        for text in ["2020-02-11 08:30", "2020-02-11T00:30:00Z", "2020-02-11T08:30:00+08:00"] {
            assert_eq!(moment(text, &zone).unwrap().to_string(), "2020-02-11T00:30:00Z", "{text}");
        }
    }

    #[test]
    fn numbers_that_a_spreadsheet_kept_are_cleaned_and_those_it_rounded_are_refused() {
        for (typed, read) in [
            ("'33010619800101001X", "33010619800101001X"),
            ("=\"33010619800101001X\"", "33010619800101001X"),
            ("\t33010619800101001X \u{200b}", "33010619800101001X"),
            ("12345678.0", "12345678"),
            ("E12345678", "E12345678"),
            ("1E1234567", "1E1234567"),
        ] {
            assert_eq!(document_number(typed), Ok(read), "{typed:?}");
        }
        for typed in ["3.30106E+17", "3.30106198001010e17", "3E+17"] {
            assert_eq!(document_number(typed), Err(DAMAGED), "{typed}");
        }
    }
}
