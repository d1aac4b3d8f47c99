//! Identity documents, names and phone numbers: formats, check digits, masks.
//!
//! What people type is normalised first: full-width letters, spaces and dashes inside a number, lower
//! case. Formats and grades: resident identity card GB 11643-1999 (A); residence permits with prefixes
//! 81, 82, 83 (C); Hong Kong and Macao permit (A); Taiwan permit (C); passports and the foreign
//! permanent resident card (general knowledge).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Day;

/// Kind of an identity document.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentType {
    /// Resident identity card (居民身份证).
    ResidentId,
    /// Residence permit of Hong Kong, Macao and Taiwan residents (港澳台居民居住证).
    ResidencePermit,
    /// Permit of Hong Kong and Macao residents (港澳居民来往内地通行证).
    HkMoPermit,
    /// Permit of Taiwan residents (台湾居民来往大陆通行证).
    TwPermit,
    /// Passport (护照).
    Passport,
    /// Foreign permanent resident card (外国人永久居留身份证).
    ForeignPr,
}

impl DocumentType {
    /// Every kind.
    pub const ALL: [DocumentType; 6] = [
        DocumentType::ResidentId,
        DocumentType::ResidencePermit,
        DocumentType::HkMoPermit,
        DocumentType::TwPermit,
        DocumentType::Passport,
        DocumentType::ForeignPr,
    ];

    /// Its name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            DocumentType::ResidentId => "resident_id",
            DocumentType::ResidencePermit => "residence_permit",
            DocumentType::HkMoPermit => "hk_mo_permit",
            DocumentType::TwPermit => "tw_permit",
            DocumentType::Passport => "passport",
            DocumentType::ForeignPr => "foreign_pr",
        }
    }

    /// Its code at interfaces of gates (A: a gate maker's interface; residence permits share the
    /// card's number space and code).
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            DocumentType::ResidentId | DocumentType::ResidencePermit => "10",
            DocumentType::HkMoPermit => "14",
            DocumentType::TwPermit => "15",
            DocumentType::Passport => "20",
            DocumentType::ForeignPr => "34",
        }
    }
}

/// Why a document, name or phone was refused. Never repeats what was typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{code}: {en}")]
pub struct IdentityError {
    /// Stable code.
    pub code: &'static str,
    /// What to do, in Chinese.
    pub zh: &'static str,
    /// What to do, in English.
    pub en: &'static str,
}

const fn wrong(code: &'static str, zh: &'static str, en: &'static str) -> IdentityError {
    IdentityError { code, zh, en }
}

const CHECK_DIGIT: IdentityError = wrong(
    "identity.check_digit",
    "证件号码有误（校验位不符），请逐位核对。",
    "The number has a mistake: its check digit does not fit. Please compare it digit by digit.",
);
const BIRTH_DATE: IdentityError = wrong(
    "identity.birth_date",
    "证件号码中的出生日期不存在或在今天之后，请核对。",
    "The date of birth in the number does not exist or lies in the future. Please check it.",
);
const EIGHTEEN: IdentityError = wrong(
    "identity.format",
    "身份证号码为 18 位，前 17 位是数字，最后一位是数字或 X。",
    "An identity number has 18 characters: 17 digits, then a digit or X.",
);
const RESIDENCE: IdentityError = wrong(
    "identity.format",
    "居住证号码为 18 位，以 810000、820000 或 830000 开头。",
    "A residence permit's number has 18 characters and begins with 810000, 820000 or 830000.",
);
const HK_MO: IdentityError = wrong(
    "identity.format",
    "通行证号码以 H 或 M 开头，后面是 8 位或 10 位数字。",
    "The permit's number is H or M and then 8 or 10 digits.",
);
const TW: IdentityError =
    wrong("identity.format", "通行证号码为 8 位或 10 位数字。", "The permit's number has 8 or 10 digits.");
const PASSPORT: IdentityError = wrong(
    "identity.format",
    "护照号码由 5 到 15 位字母和数字组成；中国护照以 E 或 G 等字母开头，共 9 位。",
    "A passport's number has 5 to 15 letters and digits; a Chinese one begins with a letter and has 9.",
);
const NATIONALITY: IdentityError = wrong(
    "identity.nationality",
    "请选择护照的国籍（三个字母的代码，例如 CHN）。",
    "Please choose the passport's nationality (a code of three letters such as CHN).",
);
const FOREIGN: IdentityError = wrong(
    "identity.format",
    "永久居留身份证号码为 15 位（3 个字母和 12 位数字），或以 9 开头的 18 位。",
    "The card's number is 3 letters and 12 digits, or 18 characters that begin with 9.",
);

/// A checked identity document.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    ty: DocumentType,
    number: String,
    nationality: Option<String>,
}

/// Longest number that is read at all, in characters: spaces and dashes included.
const TYPED_MAX: usize = 64;

impl Document {
    /// Reads a number as people type it. `today` bounds dates of birth.
    pub fn parse(
        ty: DocumentType,
        number: &str,
        nationality: Option<&str>,
        today: Day,
    ) -> Result<Document, IdentityError> {
        let format = match ty {
            DocumentType::ResidentId => EIGHTEEN,
            DocumentType::ResidencePermit => RESIDENCE,
            DocumentType::HkMoPermit => HK_MO,
            DocumentType::TwPermit => TW,
            DocumentType::Passport => PASSPORT,
            DocumentType::ForeignPr => FOREIGN,
        };
        let number = normalise(number).ok_or(format)?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let nationality = nationality.map(str::trim).filter(|n| !n.is_empty()).map(str::to_ascii_uppercase);
        match ty {
            DocumentType::ResidentId => card(&number, EIGHTEEN, today)?,
            DocumentType::ResidencePermit => {
                if !["810000", "820000", "830000"].iter().any(|p| number.starts_with(p)) {
                    return Err(RESIDENCE);
                }
                card(&number, RESIDENCE, today)?;
            }
            DocumentType::HkMoPermit => {
                let rest =
                    number.strip_prefix(['H', 'M']).filter(|r| digits(r) && [8, 10].contains(&r.len()));
                rest.ok_or(HK_MO)?;
            }
            DocumentType::TwPermit => {
                if !digits(&number) || ![8, 10].contains(&number.len()) {
                    return Err(TW);
                }
            }
            DocumentType::Passport => {
                let nation = nationality.as_deref().ok_or(NATIONALITY)?;
                if nation.len() != 3 || !nation.bytes().all(|b| b.is_ascii_uppercase()) {
                    return Err(NATIONALITY);
                }
                let chinese = number.len() == 9
                    && number.as_bytes()[0].is_ascii_uppercase()
                    && number.as_bytes()[2..].iter().all(u8::is_ascii_digit);
                if !(5..=15).contains(&number.len()) || nation == "CHN" && !chinese {
                    return Err(PASSPORT);
                }
            }
            DocumentType::ForeignPr => {
                let bytes = number.as_bytes();
                let old = bytes.len() == 15
                    && bytes[..3].iter().all(u8::is_ascii_uppercase)
                    && bytes[3..].iter().all(u8::is_ascii_digit);
                if !old {
                    if !number.starts_with('9') {
                        return Err(FOREIGN);
                    }
                    card(&number, FOREIGN, today)?;
                }
            }
        }
        let nationality = nationality.filter(|_| ty == DocumentType::Passport);
        Ok(Document { ty, number, nationality })
    }

    /// Its kind.
    #[must_use]
    pub fn ty(&self) -> DocumentType {
        self.ty
    }

    /// The normalised number.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.number
    }

    /// Of passports, ISO 3166 alpha-3.
    #[must_use]
    pub fn nationality(&self) -> Option<&str> {
        self.nationality.as_deref()
    }

    /// What the keyed hash is taken of: the same for every spelling, and for every issue of a
    /// Hong Kong and Macao permit, whose last two digits count the issues.
    #[must_use]
    pub fn key(&self) -> String {
        let stable = match self.ty {
            DocumentType::HkMoPermit => &self.number[..9],
            _ => &self.number,
        };
        match &self.nationality {
            Some(nation) => format!("{}:{nation}:{stable}", self.ty.name()),
            None => format!("{}:{stable}", self.ty.name()),
        }
    }

    /// First and last two characters.
    #[must_use]
    pub fn masked(&self) -> String {
        let n = self.number.len();
        format!("{}{}{}", &self.number[..2], "*".repeat(n - 4), &self.number[n - 2..])
    }

    /// Date of birth, where the number holds one.
    #[must_use]
    pub fn birth_day(&self) -> Option<Day> {
        (self.number.len() == 18).then(|| birth(&self.number)).flatten()
    }

    /// The address code of an identity card is neither of today nor of the past that we know: worth
    /// a look, never a refusal, since codes are retired and issued by other rules.
    #[must_use]
    pub fn unusual_address(&self) -> bool {
        self.ty == DocumentType::ResidentId && !crate::division::known_address_code(&self.number[..6])
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({:?}, ***)", self.ty)
    }
}

/// Full-width to ASCII, capitals, without spaces and dashes; `None` where something else remains.
fn normalise(typed: &str) -> Option<String> {
    let mut out = String::with_capacity(24);
    for (i, c) in typed.chars().enumerate() {
        if i >= TYPED_MAX {
            return None;
        }
        let c = match c {
            '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => char::from_u32(c as u32 - 0xFEE0)?,
            c => c,
        };
        match c.to_ascii_uppercase() {
            c if c.is_ascii_alphanumeric() => out.push(c),
            c if c.is_whitespace() || "-‐‑–—－()（）".contains(c) => {}
            _ => return None,
        }
    }
    (out.len() >= 5).then_some(out)
}

/// GB 11643: weights, and check characters by the remainder.
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/// An 18-character number with date of birth and check digit.
fn card(number: &str, format: IdentityError, today: Day) -> Result<(), IdentityError> {
    let b = number.as_bytes();
    let shape =
        b.len() == 18 && b[..17].iter().all(u8::is_ascii_digit) && (b[17].is_ascii_digit() || b[17] == b'X');
    if !shape {
        return Err(format);
    }
    let sum: u32 = b.iter().zip(WEIGHTS).map(|(c, w)| u32::from(c - b'0') * w).sum();
    if b[17] != b"10X98765432"[(sum % 11) as usize] {
        return Err(CHECK_DIGIT);
    }
    let oldest = Day::from_ymd(1880, 1, 1).ok_or(BIRTH_DATE)?;
    match birth(number) {
        Some(day) if day >= oldest && day <= today => Ok(()),
        _ => Err(BIRTH_DATE),
    }
}

fn birth(number: &str) -> Option<Day> {
    let part = |r: std::ops::Range<usize>| number.get(r)?.parse::<i16>().ok();
    Day::from_ymd(part(6..10)?, part(10..12)? as i8, part(12..14)? as i8)
}

/// A person's name.
#[derive(Clone, PartialEq, Eq)]
pub struct Name(String);

/// Longest name, in letters.
pub const NAME_LETTERS_MAX: usize = 100;
/// Longest mask, in bytes: what a pass has room for.
const MASK_BYTES_MAX: usize = 24;

impl Name {
    /// Reads a name of 1 to 100 letters, in any script, rare characters included.
    pub fn parse(typed: &str) -> Result<Name, IdentityError> {
        const LENGTH: IdentityError =
            wrong("name.length", "请填写姓名，1 到 100 个字。", "Please give the name, 1 to 100 letters.");
        const LETTERS: IdentityError = wrong(
            "name.letters",
            "姓名只能含文字、空格、间隔号、连字符、撇号和句点。",
            "A name has letters, spaces, middle dots, hyphens, apostrophes and full stops only.",
        );
        if typed.len() > 8 * NAME_LETTERS_MAX {
            return Err(LENGTH);
        }
        let mut name = String::with_capacity(typed.len());
        for word in typed.split_whitespace() {
            if !name.is_empty() {
                name.push(' ');
            }
            name.extend(word.chars().map(|c| match c {
                '•' | '・' | '‧' | '∙' | '⋅' | '●' | '．' => '·',
                '’' | '‘' | '`' | 'ʼ' => '\'',
                '‐' | '‑' | '–' | '－' => '-',
                c => c,
            }));
        }
        let marks = |c: char| " ·'-.".contains(c);
        // Combining marks are part of letters in many scripts; they are not `alphabetic` themselves.
        let combining = |c: char| matches!(c as u32, 0x300..=0x36F | 0x64B..=0x65F | 0x900..=0xDFF | 0xE00..=0xEFF | 0x1AB0..=0x1AFF | 0xFE00..=0xFE0F | 0xE0100..=0xE01EF);
        if name.chars().any(|c| !(c.is_alphabetic() || marks(c) || combining(c))) {
            return Err(LETTERS);
        }
        let letters = name.chars().filter(|c| c.is_alphabetic()).count();
        if letters == 0 || name.chars().count() > NAME_LETTERS_MAX {
            return Err(LENGTH);
        }
        Ok(Name(name))
    }

    /// As it is kept.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first letter and a star for each other, at most 24 bytes, never the whole name: 张*, O***.
    #[must_use]
    pub fn masked(&self) -> String {
        let mut letters = self.0.chars();
        let first = letters.next().unwrap_or('*');
        let rest = letters.count();
        if rest == 0 {
            return "*".to_owned();
        }
        let stars = rest.min(4).min(MASK_BYTES_MAX - first.len_utf8());
        format!("{first}{}", "*".repeat(stars))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Name(***)")
    }
}

/// A phone number, canonical: `+` and digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone(String);

impl Phone {
    /// Reads a mainland mobile number, or one with `+` and its country code.
    pub fn parse(typed: &str) -> Result<Phone, IdentityError> {
        const FORMAT: IdentityError = wrong(
            "phone.format",
            "请填写 11 位手机号；境外号码请以 + 和国家代码开头。",
            "Please give an 11-digit mobile number, or + and the country code for a foreign one.",
        );
        if typed.chars().count() > TYPED_MAX {
            return Err(FORMAT);
        }
        let mut plus = false;
        let mut digits = String::with_capacity(16);
        for c in typed.trim().chars() {
            match c {
                '+' | '＋' if digits.is_empty() && !plus => plus = true,
                '0'..='9' => digits.push(c),
                '０'..='９' => digits.push(char::from_u32(c as u32 - 0xFEE0).unwrap_or('0')),
                ' ' | '-' | '(' | ')' | '　' => {}
                _ => return Err(FORMAT),
            }
        }
        if !plus && let Some(rest) = digits.strip_prefix("00") {
            (plus, digits) = (true, rest.to_owned());
        }
        let mainland = |d: &str| d.len() == 11 && d.starts_with('1') && d.as_bytes()[1] >= b'3';
        let national = digits.strip_prefix("86").filter(|d| mainland(d));
        if !plus {
            let number = if mainland(&digits) { Some(digits.as_str()) } else { national };
            return number.map(|d| Phone(format!("+86{d}"))).ok_or(FORMAT);
        }
        let chinese = digits.starts_with("86");
        let fine = if chinese {
            national.is_some()
        } else {
            (7..=15).contains(&digits.len()) && !digits.starts_with('0')
        };
        if fine { Ok(Phone(format!("+{digits}"))) } else { Err(FORMAT) }
    }

    /// `+` and digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Such as 139****0001.
    #[must_use]
    pub fn masked(&self) -> String {
        let shown = self.0.strip_prefix("+86").unwrap_or(&self.0);
        let n = shown.len();
        format!("{}****{}", &shown[..3], &shown[n - 4.min(n - 3)..])
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(***)")
    }
}
