//! Documents, names, phones and declarations, as people type them and as nobody should.

use kangma_core::declaration::{Form, validate};
use kangma_core::division::divisions;
use kangma_core::identity::{Document, DocumentType, Name, Phone};
use kangma_core::time::Day;
use proptest::prelude::*;

const SAMPLES: [&str; 5] = [
    "11010519491231002X",
    "440524188001010014",
    "34052419800101001X",
    "370101190102039973",
    "513101198201130014",
];

fn today() -> Day {
    Day::parse("2020-02-11").unwrap()
}

fn card(number: &str) -> Result<Document, &'static str> {
    Document::parse(DocumentType::ResidentId, number, None, today()).map_err(|e| e.code)
}

#[test]
fn sample_numbers_pass_in_every_spelling_and_each_damaged_digit_is_found() {
    for number in SAMPLES {
        let whole = card(number).unwrap();
        let spelled = format!(" {} {}-{} ", &number[..6], &number[6..14], number[14..].to_lowercase());
        assert_eq!(card(&spelled).unwrap().key(), whole.key());
        assert!(!format!("{whole:?}").contains(&number[..6]));
        for i in 0..17 {
            let mut damaged = number.as_bytes().to_vec();
            damaged[i] = b'0' + (damaged[i] - b'0' + 1) % 10;
            assert_eq!(card(std::str::from_utf8(&damaged).unwrap()).unwrap_err(), "identity.check_digit");
        }
    }
    assert_eq!(card("1101051949123100").unwrap_err(), "identity.format");
}

#[test]
fn permits_and_passports_have_their_own_shapes() {
    let parse = |ty, number, nation| Document::parse(ty, number, nation, today()).map_err(|e| e.code);
    let first = parse(DocumentType::HkMoPermit, "H1234567801", None).unwrap();
    assert_eq!(first.key(), parse(DocumentType::HkMoPermit, "h1234567802", None).unwrap().key());
    assert!(parse(DocumentType::HkMoPermit, "A12345678", None).is_err());
    assert!(parse(DocumentType::TwPermit, "12345678", None).is_ok());
    assert!(parse(DocumentType::TwPermit, "123456789", None).is_err());
    assert!(parse(DocumentType::Passport, "E12345678", Some("CHN")).is_ok());
    assert_eq!(parse(DocumentType::Passport, "E12345678", None).unwrap_err(), "identity.nationality");
    assert!(parse(DocumentType::ForeignPr, "USA123456789012", None).is_ok());
    assert!(parse(DocumentType::ResidencePermit, SAMPLES[0], None).is_err());
}

#[test]
fn a_mask_never_shows_the_whole_name_and_phones_have_one_spelling() {
    for name in ["张", "张三", "欧阳样例", "𠮷野", "O'Example Testing", "A"] {
        let masked = Name::parse(name).unwrap().masked();
        assert!(masked != name && masked.len() <= 24, "{masked}");
    }
    let same = ["13900000001", "+86 139-0000-0001", "0086 13900000001", "１３９００００００１"];
    assert!(same[..3].iter().all(|p| Phone::parse(p).unwrap().as_str() == "+8613900000001"));
    assert!(Phone::parse("12345").is_err());
}

proptest! {
    #[test]
    fn whatever_is_typed_is_refused_calmly_or_stays_what_it_is(text in ".{0,80}") {
        for ty in DocumentType::ALL {
            if let Ok(d) = Document::parse(ty, &text, Some("USA"), today()) {
                prop_assert_eq!(Document::parse(ty, d.number(), d.nationality(), today()).unwrap(), d);
            }
        }
        if let Ok(name) = Name::parse(&text) {
            prop_assert_eq!(Name::parse(name.as_str()).unwrap(), name);
        }
        if let Ok(phone) = Phone::parse(&text) {
            prop_assert_eq!(Phone::parse(phone.as_str()).unwrap(), phone);
        }
        let form: Form = serde_json::from_value(serde_json::json!({ "commitment": "1", "fields": [
            { "field": "residence", "required": true }, { "field": "contact_on" }, { "field": "address" } ] })).unwrap();
        let answers = serde_json::json!({ "residence": text, "contact_on": text, "address": text });
        let _ = validate(&form, answers.as_object().unwrap(), divisions(), today());
    }
}
