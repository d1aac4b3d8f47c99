//! Writes `spec/vectors/pass.json` and the specimens: run it from the root of the repository.
//!
//! ```sh
//! cargo run -p kangma-core --example pass_vectors              # adds what is new
//! cargo run -p kangma-core --example pass_vectors -- NAME…     # makes these anew
//! cargo run -p kangma-core --example pass_vectors -- --all     # makes all anew
//! ```
//!
//! Signatures differ each time they are made, so an entry that is there keeps its pass. What a
//! verifier has to answer is written here by hand, never taken from a verifier.

use std::collections::BTreeMap;
use std::fs;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use kangma_core::decision::Colour;
use kangma_core::pass::{Claims, SPECIMEN_JWK, Signer, SoftSigner, issue};
use kangma_core::time::Instant;
use serde::Serialize;
use serde_json::{Value, json};

const FILE: &str = "spec/vectors/pass.json";
const ABOUT: &str = "Test vectors of the Kangma pass; the contract is spec/pass.md. Each names the one \
    thing that it covers. The private keys are test keys, published here on purpose: trust none of them.";

/// Private keys, published on purpose. `specimen` is the well-known one of spec/pass.md.
const SIGNING_KEYS: [(&str, &str); 5] = [
    (
        "specimen",
        r#"{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"nTrp9iumACM","x":"8BQvB8v7u5kflDyKKmwjNHAYV4eieoORO45SR8T1FEQ","y":"aE_ny6mcexJ6LqaGIa6OjkJalYx1Q8zcqGQcY1O_IE4","d":"OVUTK3nHyiSrNtqEuBrgi9QKQdNZ7q1ZuTkhIXMp5iY"}"#,
    ),
    (
        "main",
        r#"{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"VxTnNDkhdto","x":"9crqqVYNrt-mE7N66G0Sbmv13VzuQxTSAu-917ODhR8","y":"5nVaTOPw7MYEvO4dUw4w8y3vetkq9qTS7gFK2YvrMl4","d":"-3olYZMhXQzDxDguzif033Qo7Itp8KfMnVynXJyt6vQ"}"#,
    ),
    (
        "retired",
        r#"{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"624eh8jgOS4","x":"UTG54win5EFBX9MA9KtRsvlVd0--fU0tM78IeANCyVo","y":"q2eyGMD7rUP7R5MYRypuoEb6mO3PqzQn4-otA4kozdA","d":"ddLnMXAaXg0tlcW5wxS56SWAJJAVtXWJAGNT32-7kPM"}"#,
    ),
    (
        "pending",
        r#"{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"BRNsvdtgCYA","x":"9Mvsqa_9IE2bTcUKnufs8bMn0Xx40B1LgUT1VfYQm8Y","y":"5Ku00hY_RXIC2SUFxV058ra9ixXIlxFr1Axe24qFokY","d":"RXw_KzFNHiTMpiiDUYgyGjhU1l8fTWZTMbS8IynVR5k"}"#,
    ),
    (
        "stranger",
        r#"{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"bIPCyPpyuYc","x":"XHyEN9t4iC8GBLtpH-NPUCtC8Ootu4tIL_fbv2xMDhU","y":"_8V1aMoMhTMsaxrEhrWTTg8-nfEOcTrFIwLGMTOeSsA","d":"TPeS5vTmeNVxWk2lZ9su4Zbxx8jaqjT0FCM6afTXmXs"}"#,
    ),
];

/// 2020-02-11T06:23:00Z.
const T: i64 = 1_581_402_180;
const RETIRED_NOT_AFTER: &str = "2020-02-11T12:00:00Z";

// ---------------------------------------------------------------- CBOR, right or wrong

fn head(major: u8, n: u64) -> Vec<u8> {
    let major = major << 5;
    match n {
        0..=23 => vec![major | n as u8],
        24..=0xff => vec![major | 24, n as u8],
        0x100..=0xffff => [&[major | 25][..], &(n as u16).to_be_bytes()].concat(),
        0x1_0000..=0xffff_ffff => [&[major | 26][..], &(n as u32).to_be_bytes()].concat(),
        _ => [&[major | 27][..], &n.to_be_bytes()].concat(),
    }
}

fn int(n: i64) -> Vec<u8> {
    if n >= 0 { head(0, n as u64) } else { head(1, !n as u64) }
}

fn bytes(b: &[u8]) -> Vec<u8> {
    [head(2, b.len() as u64), b.to_vec()].concat()
}

fn text(t: &str) -> Vec<u8> {
    [head(3, t.len() as u64), t.as_bytes().to_vec()].concat()
}

fn array(n: u64) -> Vec<u8> {
    head(4, n)
}

fn map(n: u64) -> Vec<u8> {
    head(5, n)
}

// ---------------------------------------------------------------- drafts of passes

/// Each part as encoded bytes, so that any one can be spoilt.
#[derive(Clone)]
struct Payload {
    map: Vec<u8>,
    issuer: Vec<u8>,
    expires: Vec<u8>,
    issued: Vec<u8>,
    label: Vec<u8>,
    array: Vec<u8>,
    items: Vec<Vec<u8>>,
    tail: Vec<u8>,
}

const COLOUR: usize = 0;
const DIVISION: usize = 1;
const VERSION: usize = 2;
const NAME: usize = 3;
const HANDLE: usize = 4;
const AGE: usize = 5;
const FRESH: usize = 6;

impl Payload {
    fn of(c: &Claims) -> Payload {
        Payload {
            map: map(4),
            issuer: [int(1), text(&c.issuer)].concat(),
            expires: [int(4), int(c.expires.0)].concat(),
            issued: [int(6), int(c.issued.0)].concat(),
            label: int(-65537),
            array: array(7),
            items: vec![
                int(c.colour as i64),
                int(c.division as i64),
                text(&c.pack_version),
                text(&c.name_masked),
                bytes(&c.handle),
                int(c.issued.0 - c.state_at.0),
                int(c.fresh_s.into()),
            ],
            tail: Vec::new(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let p = self.clone();
        [p.map, p.issuer, p.expires, p.issued, p.label, p.array, p.items.concat(), p.tail].concat()
    }
}

struct Maker {
    signers: BTreeMap<&'static str, SoftSigner>,
}

impl Maker {
    fn new() -> Maker {
        let signers = SIGNING_KEYS.map(|(name, jwk)| {
            let jwk: Value = serde_json::from_str(jwk).unwrap();
            let part = |n: &str| B64.decode(jwk[n].as_str().unwrap()).unwrap();
            let public = [vec![4], part("x"), part("y")].concat();
            let pair = EcdsaKeyPair::from_private_key_and_public_key(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                &part("d"),
                &public,
            );
            let der = pair.unwrap().to_pkcs8v1().unwrap();
            (name, SoftSigner::from_pkcs8(der.as_ref()).unwrap())
        });
        Maker { signers: signers.into_iter().collect() }
    }

    fn sign(&self, key: &str, message: &[u8]) -> Vec<u8> {
        self.signers[key].sign(message).unwrap().to_vec()
    }

    fn header(&self, key: &str) -> Vec<u8> {
        [map(2), int(1), int(-7), int(4), bytes(&self.signers[key].key_id())].concat()
    }

    /// A pass of any protected header and payload, rightly signed.
    fn cose(&self, key: &str, header: &[u8], payload: &[u8]) -> Vec<u8> {
        let signature = self.sign(key, &to_be_signed("Signature1", header, &[], payload));
        sign1(header, payload, &signature)
    }

    fn signed(&self, header: &[u8]) -> String {
        armour(&self.cose("main", header, &Payload::of(&claims()).bytes()))
    }

    fn payload(&self, spoil: impl FnOnce(&mut Payload)) -> String {
        let mut payload = Payload::of(&claims());
        spoil(&mut payload);
        armour(&self.cose("main", &self.header("main"), &payload.bytes()))
    }

    fn signature(&self, spoil: impl FnOnce(&mut Vec<u8>)) -> String {
        let (header, payload) = (self.header("main"), Payload::of(&claims()).bytes());
        let mut signature = self.sign("main", &to_be_signed("Signature1", &header, &[], &payload));
        spoil(&mut signature);
        armour(&sign1(&header, &payload, &signature))
    }

    /// The bytes of a right pass, spoilt after signing.
    fn bytes(&self, spoil: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut bytes = self.cose("main", &self.header("main"), &Payload::of(&claims()).bytes());
        spoil(&mut bytes);
        armour(&bytes)
    }

    fn issue(&self, key: &str, claims: &Claims) -> String {
        issue(claims, &self.signers[key]).unwrap()
    }
}

fn to_be_signed(context: &str, header: &[u8], aad: &[u8], payload: &[u8]) -> Vec<u8> {
    [array(4), text(context), bytes(header), bytes(aad), bytes(payload)].concat()
}

fn sign1(header: &[u8], payload: &[u8], signature: &[u8]) -> Vec<u8> {
    [array(4), bytes(header), map(0), bytes(payload), bytes(signature)].concat()
}

fn armour(bytes: &[u8]) -> String {
    format!("KM1:{}", base45::encode(bytes))
}

fn claims() -> Claims {
    Claims {
        issuer: "330100".into(),
        issued: Instant(T),
        expires: Instant(T + 3600),
        state_at: Instant(T),
        fresh_s: 600,
        colour: Colour::Green,
        division: 330_106,
        pack_version: "1.0.0".into(),
        name_masked: "张*".into(),
        handle: std::array::from_fn(|i| 0xa0 + i as u8),
    }
}

fn with(change: impl FnOnce(&mut Claims)) -> Claims {
    let mut c = claims();
    change(&mut c);
    c
}

/// The other signature that verifies wherever this one does: s becomes n − s.
fn other_s(signature: &mut [u8]) {
    const N: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
        0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let mut borrow = 0;
    for i in (0..32).rev() {
        let d = i16::from(N[i]) - i16::from(signature[32 + i]) - borrow;
        borrow = i16::from(d < 0);
        signature[32 + i] = (d & 0xff) as u8;
    }
}

/// s in its upper half?
fn high(signature: &[u8]) -> bool {
    let mut other = signature.to_vec();
    other_s(&mut other);
    signature[32..] > other[32..]
}

/// r and s as X9.62 writes them.
fn der(signature: &[u8]) -> Vec<u8> {
    let part = |b: &[u8]| {
        let b: Vec<u8> = b.iter().copied().skip_while(|b| *b == 0).collect();
        let b = if b[0] & 0x80 != 0 { [vec![0], b].concat() } else { b };
        [vec![2, b.len() as u8], b].concat()
    };
    let both = [part(&signature[..32]), part(&signature[32..])].concat();
    [vec![0x30, both.len() as u8], both].concat()
}

// ---------------------------------------------------------------- the vectors

#[derive(Serialize)]
struct Vector {
    name: String,
    covers: String,
    pass: String,
    keys: &'static str,
    now: Instant,
    verdict: &'static str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<Claims>,
}

struct Vectors {
    all: Vec<Vector>,
    /// Passes that are there and stay.
    kept: BTreeMap<String, String>,
}

impl Vectors {
    #[allow(clippy::too_many_arguments)]
    fn add(
        &mut self,
        name: &str,
        covers: &str,
        pass: String,
        keys: &'static str,
        now: i64,
        (verdict, code): (&'static str, &'static str),
        claims: Option<Claims>,
    ) {
        assert!(!self.all.iter().any(|v| v.name == name), "{name} twice");
        let pass = self.kept.remove(name).unwrap_or(pass);
        let (name, covers) = (name.to_owned(), covers.to_owned());
        self.all.push(Vector { name, covers, pass, keys, now: Instant(now), verdict, code, claims });
    }

    /// Genuine and in time.
    fn good(&mut self, name: &str, covers: &str, pass: String, now: i64, claims: Claims) {
        self.add(name, covers, pass, "all", now, ("good", "pass.good"), Some(claims));
    }

    /// Genuine, with another answer.
    fn genuine(
        &mut self,
        name: &str,
        covers: &str,
        pass: String,
        now: i64,
        answer: (&'static str, &'static str),
        claims: Claims,
    ) {
        self.add(name, covers, pass, "all", now, answer, Some(claims));
    }

    /// Refused a minute after it was signed.
    fn bad(&mut self, name: &str, covers: &str, pass: String, answer: (&'static str, &'static str)) {
        self.add(name, covers, pass, "all", T + 60, answer, None);
    }
}

fn not_a_pass(code: &'static str) -> (&'static str, &'static str) {
    ("not_a_pass", code)
}

const FORGED: (&str, &str) = ("forged", "pass.signature");
const AS_OF: (&str, &str) = ("as_of", "pass.stale");
const EXPIRED: (&str, &str) = ("expired", "pass.expired");
const EARLY: (&str, &str) = ("not_yet_valid", "pass.not_yet_valid");
const SPECIMEN: (&str, &str) = ("specimen", "pass.specimen");
const UNKNOWN: (&str, &str) = ("unknown_key", "pass.key");

fn genuine(v: &mut Vectors, m: &Maker) {
    let c = claims();
    v.good("green", "a green pass a minute after it was signed", m.issue("main", &c), T + 60, c.clone());
    let yellow = with(|c| c.colour = Colour::Yellow);
    v.good("yellow", "colour 2 is yellow", m.issue("main", &yellow), T + 60, yellow);
    let red = with(|c| c.colour = Colour::Red);
    v.good("red", "colour 3 is red", m.issue("main", &red), T + 60, red);
    let longest = with(|c| {
        (c.expires, c.state_at, c.fresh_s) = (Instant(T + 86_400), Instant(T - 65_535), 65_535);
        (c.division, c.name_masked) = (999_999, "欧阳欧阳欧阳欧*".to_owned() + "**");
    });
    assert_eq!(longest.name_masked.len(), 24);
    let pass = m.issue("main", &longest);
    assert_eq!(pass.len(), 276);
    v.good("longest", "every claim as long as it may be: 181 bytes, 276 characters", pass, T - 1, longest);
    let shortest = with(|c| {
        (c.issuer, c.pack_version, c.name_masked) = ("k".into(), "1".into(), "*".into());
        (c.division, c.fresh_s, c.expires) = (0, 1, Instant(T + 1));
    });
    v.good("shortest", "every claim as short as it may be", m.issue("main", &shortest), T, shortest);
    let c = claims();
    v.good("pending_key", "a pending key verifies already", m.issue("pending", &c), T + 60, c.clone());
    let noon = Instant::parse(RETIRED_NOT_AFTER).unwrap().0;
    let late = with(|c| {
        (c.issued, c.state_at, c.expires) = (Instant(noon - 60), Instant(noon - 60), Instant(noon + 3600));
    });
    v.good(
        "retired_key_in_time",
        "a retired key, a second before its end",
        m.issue("retired", &late),
        noon - 1,
        late.clone(),
    );
    v.add(
        "retired_key_over",
        "a retired key at its end, however young the pass",
        m.issue("retired", &late),
        "all",
        noon,
        UNKNOWN,
        None,
    );
    let c = claims();
    v.add(
        "retired_key_backdated",
        "a retired key cannot be made to count again by an early date in the pass",
        m.issue("retired", &c),
        "all",
        noon + 60,
        UNKNOWN,
        None,
    );
    v.good(
        "skew_limit",
        "90 seconds before it was signed: clocks may differ by that",
        m.issue("main", &c),
        T - 90,
        c.clone(),
    );
    v.genuine("skew_over", "91 seconds before it was signed", m.issue("main", &c), T - 91, EARLY, c.clone());
    v.genuine(
        "from_far_future",
        "a year before it was signed",
        m.issue("main", &c),
        T - 31_536_000,
        EARLY,
        c.clone(),
    );
    v.good("fresh_last_second", "the last second of its freshness", m.issue("main", &c), T + 599, c.clone());
    v.genuine(
        "stale_first_second",
        "the first second after its freshness",
        m.issue("main", &c),
        T + 600,
        AS_OF,
        c.clone(),
    );
    v.genuine(
        "valid_last_second",
        "the last second before it runs out",
        m.issue("main", &c),
        T + 3599,
        AS_OF,
        c.clone(),
    );
    v.genuine(
        "expired_at_exp",
        "run out at the very second that it names",
        m.issue("main", &c),
        T + 3600,
        EXPIRED,
        c.clone(),
    );
    v.genuine(
        "expired_by_a_second",
        "run out a second ago",
        m.issue("main", &c),
        T + 3601,
        EXPIRED,
        c.clone(),
    );
    v.genuine(
        "expired_by_years",
        "run out years ago",
        m.issue("main", &c),
        T + 200_000_000,
        EXPIRED,
        c.clone(),
    );
    let full = with(|c| c.fresh_s = 3600);
    v.good(
        "fresh_until_it_expires",
        "no stale time where freshness reaches the end",
        m.issue("main", &full),
        T + 3599,
        full.clone(),
    );
    v.genuine(
        "expired_is_not_stale",
        "expiry goes before staleness",
        m.issue("main", &full),
        T + 3600,
        EXPIRED,
        full,
    );
    let old = with(|c| c.state_at = Instant(T - 1200));
    v.genuine(
        "resigned_old_state",
        "signed anew over an old state: freshness counts from the state",
        m.issue("main", &old),
        T,
        AS_OF,
        old,
    );
    let never = with(|c| c.fresh_s = 0);
    v.genuine(
        "never_fresh",
        "a freshness of nought is stale at once",
        m.issue("main", &never),
        T,
        AS_OF,
        never,
    );
    let day = with(|c| (c.expires, c.fresh_s) = (Instant(T + 86_400), 60_000));
    v.good("lifetime_of_a_day", "a lifetime of 86,400 seconds", m.issue("main", &day), T + 59_999, day);
    let nowhere = with(|c| c.division = 0);
    v.good("division_unknown", "division 0 is unknown", m.issue("main", &nowhere), T + 60, nowhere);
    let c = claims();
    v.good(
        "line_end",
        "a line end after the pass, as scanners add",
        m.issue("main", &c) + "\r\n",
        T + 60,
        c.clone(),
    );
    v.good(
        "white_space_around",
        "spaces, tabs and line ends around it",
        format!(" \t\n{} \t\r\n ", m.issue("main", &c)),
        T + 60,
        c.clone(),
    );
    v.good(
        "low_s",
        "s in its lower half",
        m.signature(|s| {
            if high(s) {
                other_s(s)
            }
        }),
        T + 60,
        c.clone(),
    );
    v.good(
        "high_s",
        "s in its upper half: both forms count, for a pass is known by its handle",
        m.signature(|s| {
            if !high(s) {
                other_s(s)
            }
        }),
        T + 60,
        c.clone(),
    );
    v.genuine("specimen", "the specimen key, in time", m.issue("specimen", &c), T + 60, SPECIMEN, c.clone());
    v.genuine(
        "specimen_expired",
        "the specimen key, long run out",
        m.issue("specimen", &c),
        T + 200_000_000,
        SPECIMEN,
        c.clone(),
    );
    v.genuine(
        "specimen_early",
        "the specimen key, from the future",
        m.issue("specimen", &c),
        T - 31_536_000,
        SPECIMEN,
        c.clone(),
    );
    v.add(
        "specimen_listed",
        "the specimen key stays one where a key set lists it",
        m.issue("specimen", &c),
        "lists_specimen",
        T + 60,
        SPECIMEN,
        Some(c.clone()),
    );
    v.add(
        "specimen_without_keys",
        "the specimen key is known without any key set",
        m.issue("specimen", &c),
        "none",
        T + 60,
        SPECIMEN,
        Some(c),
    );
}

fn text_steps(v: &mut Vectors, m: &Maker) {
    let pass = m.issue("main", &claims());
    let body = &pass[4..];
    let length = not_a_pass("pass.length");
    v.bad("empty", "no text", String::new(), not_a_pass("pass.prefix"));
    v.bad("longest_text_read", "4,296 bytes are still read", "A".repeat(4296), not_a_pass("pass.prefix"));
    v.bad("text_unread", "4,297 bytes are refused unread", "A".repeat(4297), length);
    v.bad(
        "text_unread_in_bytes",
        "length is measured in bytes: 1,433 letters of three",
        "码".repeat(1433),
        length,
    );
    v.bad(
        "text_unread_with_prefix",
        "a pass with 4,100 spaces after it",
        format!("{pass}{}", " ".repeat(4100)),
        length,
    );
    v.bad("a_character_too_long", "277 characters", format!("KM1:{}", "0".repeat(273)), length);
    let long = m.payload(|p| {
        p.items[NAME] = text(&"*".repeat(48));
    });
    assert!(long.len() > 276);
    v.bad("oversize", "rightly signed, but larger than 181 bytes", long, length);
    let prefix = not_a_pass("pass.prefix");
    v.bad("prefix_of_europe", "the prefix of a European certificate", format!("HC1:{body}"), prefix);
    v.bad(
        "prefix_of_next_version",
        "the prefix of a version that does not exist yet",
        format!("KM2:{body}"),
        prefix,
    );
    v.bad("prefix_lower_case", "the prefix in lower case", format!("km1:{body}"), prefix);
    v.bad("prefix_missing", "Base45 without a prefix", body.to_owned(), prefix);
    v.bad("prefix_cut", "the prefix without its colon", format!("KM1{body}"), prefix);
    v.bad("prefix_wide_colon", "the prefix with a full-width colon", format!("KM1：{body}"), prefix);
    v.bad("prefix_inside", "a pass inside an address", format!("https://example.org/?p={pass}"), prefix);
    v.bad("byte_order_mark", "a byte order mark is no white space", format!("\u{feff}{pass}"), prefix);
    v.bad("payment_code", "somebody's payment code", "https://pay.example.org/qr/8f2c10".into(), prefix);
    let base45 = not_a_pass("pass.base45");
    v.bad("base45_lower_case", "Base45 in lower case", format!("KM1:{}", body.to_lowercase()), base45);
    v.bad("base45_foreign_letter", "a letter outside the alphabet", spoil_text(&pass, 20, "!"), base45);
    v.bad("base45_wide_letter", "a full-width letter", spoil_text(&pass, 20, "Ａ"), base45);
    v.bad("base45_line_end_inside", "a line end in the middle", spoil_text(&pass, 20, "\n"), base45);
    v.bad("base45_lone_letter", "a single letter is left over", lone_letter(&pass), base45);
    v.bad("base45_group_too_large", "a group of three over 65,535", spoil_text(&pass, 4, ":::"), base45);
    v.bad(
        "base45_pair_too_large",
        "a last pair over 255",
        format!("KM1:{}::", &body[..body.len() / 3 * 3]),
        base45,
    );
    v.bad("nothing_after_prefix", "a prefix and nothing", "KM1:".into(), not_a_pass("pass.cbor"));
}

/// Replaces as many letters at a place as the replacement has.
fn spoil_text(pass: &str, at: usize, with: &str) -> String {
    format!("{}{with}{}", &pass[..at], &pass[at + with.chars().count()..])
}

/// Cut so that the last group has one letter.
fn lone_letter(pass: &str) -> String {
    pass[..4 + (pass.len() - 4) / 3 * 3 - 2].to_owned()
}

fn structure(v: &mut Vectors, m: &Maker) {
    let cbor = not_a_pass("pass.cbor");
    let header = m.header("main");
    let payload = Payload::of(&claims()).bytes();
    let signature = m.sign("main", &to_be_signed("Signature1", &header, &[], &payload));
    let parts =
        |head: Vec<u8>, p: Vec<u8>, u: Vec<u8>, d: Vec<u8>, s: Vec<u8>| armour(&[head, p, u, d, s].concat());
    let right = || (array(4), bytes(&header), map(0), bytes(&payload), bytes(&signature));
    let (a, p, u, d, s) = right();
    v.bad(
        "tagged",
        "tag 18 before the structure: only the untagged form counts",
        armour(&[vec![0xd2], sign1(&header, &payload, &signature)].concat()),
        cbor,
    );
    v.bad(
        "cwt_tagged",
        "tags 61 and 18 before the structure",
        armour(&[vec![0xd8, 61, 0xd2], sign1(&header, &payload, &signature)].concat()),
        cbor,
    );
    v.bad(
        "array_of_three",
        "a structure of three",
        armour(&[array(3), p.clone(), d.clone(), s.clone()].concat()),
        cbor,
    );
    v.bad(
        "array_of_five",
        "one item more in the structure",
        armour(&[array(5), p.clone(), u.clone(), d.clone(), s.clone(), int(0)].concat()),
        cbor,
    );
    v.bad(
        "map_for_array",
        "a map in place of the structure",
        parts(map(4), p.clone(), u.clone(), d.clone(), s.clone()),
        cbor,
    );
    v.bad(
        "array_indefinite",
        "a structure of indefinite length",
        armour(&[vec![0x9f], p.clone(), u.clone(), d.clone(), s.clone(), vec![0xff]].concat()),
        cbor,
    );
    v.bad(
        "array_head_long",
        "the structure's head is not the shortest",
        parts(vec![0x98, 4], p.clone(), u.clone(), d.clone(), s.clone()),
        cbor,
    );
    v.bad("trailing_byte", "a byte after the structure", m.bytes(|b| b.push(0)), cbor);
    v.bad("trailing_item", "another item after the structure", m.bytes(|b| b.extend(text("x"))), cbor);
    v.bad(
        "protected_as_map",
        "the protected header as a map, not bytes",
        parts(a.clone(), header.clone(), u.clone(), d.clone(), s.clone()),
        cbor,
    );
    v.bad(
        "protected_indefinite",
        "the protected header in chunks",
        parts(a.clone(), [vec![0x5f], p.clone(), vec![0xff]].concat(), u.clone(), d.clone(), s.clone()),
        cbor,
    );
    v.bad(
        "unprotected_as_array",
        "the unprotected header as an array",
        parts(a.clone(), p.clone(), array(0), d.clone(), s.clone()),
        cbor,
    );
    v.bad(
        "payload_absent",
        "a payload that is sent apart",
        parts(a.clone(), p.clone(), u.clone(), vec![0xf6], s.clone()),
        cbor,
    );
    v.bad(
        "payload_as_map",
        "the payload as a map, not bytes",
        parts(a.clone(), p.clone(), u.clone(), payload.clone(), s.clone()),
        cbor,
    );
    let long = [vec![0x59, 0, payload.len() as u8], payload.clone()].concat();
    v.bad(
        "payload_length_long",
        "the payload's length is not the shortest",
        parts(a.clone(), p.clone(), u.clone(), long, s.clone()),
        cbor,
    );
    v.bad(
        "signature_as_text",
        "the signature as text",
        parts(a.clone(), p.clone(), u.clone(), d.clone(), text(&"s".repeat(64))),
        cbor,
    );
    v.bad(
        "signature_absent",
        "no signature",
        parts(a.clone(), p.clone(), u.clone(), d.clone(), vec![0xf6]),
        cbor,
    );
    v.bad(
        "declared_4_gib",
        "a length of 4 GiB is declared",
        armour(&[a.clone(), vec![0x5a, 0xff, 0xff, 0xff, 0xff], header.clone()].concat()),
        cbor,
    );
    v.bad(
        "declared_8_eib",
        "a length of 64 bits is declared",
        armour(
            &[a.clone(), vec![0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], header.clone()].concat(),
        ),
        cbor,
    );
    v.bad(
        "declared_huge_array",
        "an array of 4 billion is declared",
        armour(&[vec![0x9a, 0xff, 0xff, 0xff, 0xff], p.clone()].concat()),
        cbor,
    );
    v.bad(
        "reserved_head",
        "a head that CBOR reserves",
        armour(&[a.clone(), vec![0x5c], header.clone()].concat()),
        cbor,
    );
    v.bad("deep_nesting", "181 arrays, each in the last", armour(&[0x81; 181]), cbor);
    v.bad(
        "deep_nesting_inside",
        "170 arrays where the protected header stands",
        armour(&[a.clone(), vec![0x81; 170]].concat()),
        cbor,
    );
    v.bad("break_alone", "the end of something that never began", armour(&[0xff]), cbor);
    v.bad("text_item", "a text in place of the structure", armour(&text("green")), cbor);
    let whole = sign1(&header, &payload, &signature).len();
    for (name, at, covers) in [
        ("truncated_head", 1, "cut after the first head"),
        ("truncated_header", 8, "cut inside the protected header"),
        ("truncated_after_header", 15, "cut after the protected header"),
        ("truncated_payload", 50, "cut inside the payload"),
        ("truncated_signature", whole - 32, "cut between r and s"),
        ("truncated_by_a_byte", whole - 1, "the last byte is missing"),
    ] {
        v.bad(name, covers, m.bytes(|b| b.truncate(at)), cbor);
    }
    let unsigned = not_a_pass("pass.header");
    v.bad(
        "unprotected_key_id",
        "something stands in the unprotected header",
        parts(a.clone(), p, [map(1), int(4), bytes(b"12345678")].concat(), d.clone(), s.clone()),
        unsigned,
    );
    v.bad(
        "unprotected_only",
        "both headers stand unprotected",
        parts(a, bytes(&[]), header.clone(), d, s),
        unsigned,
    );
}

fn headers(v: &mut Vectors, m: &Maker) {
    let kid = m.signers["main"].key_id();
    let h = not_a_pass("pass.header");
    let of = |parts: &[Vec<u8>]| m.signed(&parts.concat());
    let (alg, key) = ([int(1), int(-7)].concat(), [int(4), bytes(&kid)].concat());
    v.bad("header_empty", "a protected header of no bytes", of(&[]), h);
    v.bad("header_empty_map", "a protected header that says nothing", of(&[map(0)]), h);
    v.bad(
        "header_as_array",
        "a protected header that is an array",
        of(&[array(2), alg.clone(), key.clone()]),
        h,
    );
    v.bad("header_without_algorithm", "no algorithm", of(&[map(1), key.clone()]), h);
    v.bad("header_without_key_id", "no key id", of(&[map(1), alg.clone()]), h);
    v.bad("algorithm_eddsa", "another algorithm: EdDSA", of(&[map(2), int(1), int(-8), key.clone()]), h);
    v.bad("algorithm_es384", "another algorithm: ES384", of(&[map(2), int(1), int(-35), key.clone()]), h);
    v.bad("algorithm_none", "no algorithm: 0", of(&[map(2), int(1), int(0), key.clone()]), h);
    v.bad("algorithm_by_name", "the algorithm as text", of(&[map(2), int(1), text("ES256"), key.clone()]), h);
    v.bad(
        "algorithm_long",
        "the algorithm is not in its shortest form",
        of(&[map(2), int(1), vec![0x38, 6], key.clone()]),
        h,
    );
    v.bad("key_id_short", "a key id of 7 bytes", of(&[map(2), alg.clone(), int(4), bytes(&kid[..7])]), h);
    v.bad(
        "key_id_long",
        "a key id of 9 bytes",
        of(&[map(2), alg.clone(), int(4), bytes(&[&kid[..], &[0]].concat())]),
        h,
    );
    v.bad("key_id_as_text", "the key id as text", of(&[map(2), alg.clone(), int(4), text("VxTnNDkh")]), h);
    v.bad(
        "header_out_of_order",
        "the key id before the algorithm",
        of(&[map(2), key.clone(), alg.clone()]),
        h,
    );
    v.bad(
        "header_duplicate_algorithm",
        "the algorithm twice",
        of(&[map(3), alg.clone(), alg.clone(), key.clone()]),
        h,
    );
    v.bad(
        "header_duplicate_key_id",
        "the key id twice",
        of(&[map(3), alg.clone(), key.clone(), key.clone()]),
        h,
    );
    v.bad(
        "header_unknown_label",
        "a header that we do not know: content type",
        of(&[map(3), alg.clone(), int(3), int(60), key.clone()]),
        h,
    );
    v.bad(
        "header_text_label",
        "a label that is text",
        of(&[map(3), alg.clone(), key.clone(), text("x"), int(1)]),
        h,
    );
    v.bad(
        "header_negative_label",
        "a label below nought",
        of(&[map(3), alg.clone(), key.clone(), int(-1), int(1)]),
        h,
    );
    v.bad(
        "header_indefinite",
        "a header map of indefinite length",
        of(&[vec![0xbf], alg.clone(), key.clone(), vec![0xff]]),
        h,
    );
    v.bad(
        "header_map_long",
        "the header map's head is not the shortest",
        of(&[vec![0xb8, 2], alg.clone(), key.clone()]),
        h,
    );
    v.bad(
        "header_promises_more",
        "the header map promises more than it holds",
        of(&[map(3), alg.clone(), key.clone()]),
        h,
    );
    v.bad(
        "header_promises_billions",
        "the header map promises 4 billion entries",
        of(&[vec![0xba, 0xff, 0xff, 0xff, 0xff], alg.clone(), key.clone()]),
        h,
    );
    v.bad(
        "header_trailing_byte",
        "a byte after the header map",
        of(&[map(2), alg.clone(), key.clone(), vec![0]]),
        h,
    );
    let critical = not_a_pass("pass.critical");
    v.bad(
        "critical_unknown",
        "a critical header that we do not know",
        of(&[map(4), alg.clone(), int(2), array(1), int(7), key.clone(), int(7), int(1)]),
        critical,
    );
    v.bad(
        "critical_known",
        "critical is refused whatever it names",
        of(&[map(3), alg.clone(), int(2), array(1), int(4), key.clone()]),
        critical,
    );
    v.bad(
        "critical_empty",
        "an empty list of critical headers",
        of(&[map(3), alg, int(2), array(0), key]),
        critical,
    );
}

fn signatures(v: &mut Vectors, m: &Maker) {
    let c = claims();
    let (header, payload) = (m.header("main"), Payload::of(&c).bytes());
    v.bad("unknown_key", "a key outside the set", m.issue("stranger", &c), UNKNOWN);
    v.add("no_keys", "a verifier without keys", m.issue("main", &c), "none", T + 60, UNKNOWN, None);
    let mut other = header.clone();
    *other.last_mut().unwrap() ^= 1;
    v.bad(
        "key_id_changed",
        "a bit of the key id changed",
        armour(&m.cose("main", &other, &payload)),
        UNKNOWN,
    );
    v.add(
        "unknown_key_expired",
        "the key goes before the time",
        m.issue("stranger", &c),
        "all",
        T + 9999,
        UNKNOWN,
        None,
    );
    v.bad(
        "another_key",
        "signed by a stranger under our key id",
        armour(&m.cose("stranger", &header, &payload)),
        FORGED,
    );
    v.bad(
        "key_id_of_another_known_key",
        "the key id exchanged for another known key's",
        armour(&sign1(
            &m.header("pending"),
            &payload,
            &m.sign("main", &to_be_signed("Signature1", &header, &[], &payload)),
        )),
        FORGED,
    );
    v.bad(
        "specimen_forged",
        "the specimen key's id with a stranger's signature",
        armour(&m.cose("stranger", &m.header("specimen"), &payload)),
        FORGED,
    );
    v.bad("signature_r_first_bit", "the first bit of r changed", m.signature(|s| s[0] ^= 0x80), FORGED);
    v.bad("signature_r_last_bit", "the last bit of r changed", m.signature(|s| s[31] ^= 1), FORGED);
    v.bad("signature_s_first_bit", "the first bit of s changed", m.signature(|s| s[32] ^= 0x80), FORGED);
    v.bad("signature_s_last_bit", "the last bit of s changed", m.signature(|s| s[63] ^= 1), FORGED);
    v.bad("signature_r_zero", "r is nought", m.signature(|s| s[..32].fill(0)), FORGED);
    v.bad("signature_s_zero", "s is nought", m.signature(|s| s[32..].fill(0)), FORGED);
    v.bad("signature_zero", "a signature of noughts", m.signature(|s| s.fill(0)), FORGED);
    v.bad("signature_ones", "r and s beyond the order of the curve", m.signature(|s| s.fill(0xff)), FORGED);
    v.bad("signature_swapped", "s before r", m.signature(|s| s.rotate_left(32)), FORGED);
    v.bad("signature_short", "a signature of 63 bytes", m.signature(|s| s.truncate(63)), FORGED);
    v.bad("signature_long", "a signature of 65 bytes", m.signature(|s| s.push(0)), FORGED);
    v.bad("signature_empty", "a signature of no bytes", m.signature(Vec::clear), FORGED);
    v.bad("signature_der", "r and s in DER", m.signature(|s| *s = der(s)), FORGED);
    let elsewhere = with(|c| c.handle = [7; 24]);
    v.bad(
        "signature_of_another_pass",
        "the signature of another pass",
        m.signature(|s| {
            *s = m.sign("main", &to_be_signed("Signature1", &header, &[], &Payload::of(&elsewhere).bytes()))
        }),
        FORGED,
    );
    v.bad(
        "signature_over_payload",
        "a signature over the payload alone",
        m.signature(|s| *s = m.sign("main", &payload)),
        FORGED,
    );
    v.bad(
        "signature_context",
        "a signature for another purpose: \"Signature\"",
        m.signature(|s| *s = m.sign("main", &to_be_signed("Signature", &header, &[], &payload))),
        FORGED,
    );
    v.bad(
        "signature_aad",
        "a signature with something added from outside",
        m.signature(|s| *s = m.sign("main", &to_be_signed("Signature1", &header, b"x", &payload))),
        FORGED,
    );
    let changed = |name: &str, covers: &str, from: &Claims, to: &Claims, v: &mut Vectors| {
        let signature = m.sign("main", &to_be_signed("Signature1", &header, &[], &Payload::of(from).bytes()));
        v.bad(name, covers, armour(&sign1(&header, &Payload::of(to).bytes(), &signature)), FORGED);
    };
    changed(
        "issuer_changed",
        "the issuer changed after signing",
        &c,
        &with(|c| c.issuer = "330200".into()),
        v,
    );
    changed("colour_changed", "red made green after signing", &with(|c| c.colour = Colour::Red), &c, v);
    changed(
        "expiry_changed",
        "the expiry put off after signing",
        &c,
        &with(|c| c.expires = Instant(T + 86_400)),
        v,
    );
    changed(
        "issued_changed",
        "the date put off after signing",
        &c,
        &with(|c| (c.issued, c.state_at) = (Instant(T + 50), Instant(T + 50))),
        v,
    );
    changed("division_changed", "the division changed after signing", &c, &with(|c| c.division = 330_102), v);
    changed(
        "version_changed",
        "the pack's version changed after signing",
        &c,
        &with(|c| c.pack_version = "1.0.1".into()),
        v,
    );
    changed("name_changed", "the name changed after signing", &c, &with(|c| c.name_masked = "李*".into()), v);
    changed("handle_changed", "the handle changed after signing", &c, &elsewhere, v);
    changed(
        "age_changed",
        "the state made younger after signing",
        &with(|c| c.state_at = Instant(T - 3000)),
        &c,
        v,
    );
    changed("freshness_changed", "the freshness prolonged after signing", &c, &with(|c| c.fresh_s = 3600), v);
    let forged = m.signature(|s| s[40] ^= 4);
    v.add("forged_and_expired", "the signature goes before the time", forged, "all", T + 9999, FORGED, None);
    v.bad(
        "payload_empty_unsigned",
        "an empty payload under another's signature",
        armour(&sign1(&header, &[], &m.sign("main", &to_be_signed("Signature1", &header, &[], &payload)))),
        FORGED,
    );
}

/// Rightly signed by a known key, yet not what the format says.
fn claim_steps(v: &mut Vectors, m: &Maker) {
    let wrong = not_a_pass("pass.claims");
    let of = |name: &str, covers: &str, v: &mut Vectors, spoil: &dyn Fn(&mut Payload)| {
        v.bad(name, covers, m.payload(spoil), wrong);
    };
    let empty = armour(&m.cose("main", &m.header("main"), &[]));
    v.bad("payload_empty", "a payload of no bytes", empty, wrong);
    let noise = armour(&m.cose("main", &m.header("main"), &[0xff; 40]));
    v.bad("payload_noise", "a payload that is no CBOR", noise, wrong);
    let words = armour(&m.cose("main", &m.header("main"), &text("green")));
    v.bad("payload_text", "a payload that is a text", words, wrong);
    let nested = armour(&m.cose("main", &m.header("main"), &[0xa1; 90]));
    v.bad("payload_nested", "a payload of maps, each in the last", nested, wrong);
    of("issuer_missing", "no issuer", v, &|p| (p.map, p.issuer) = (map(3), vec![]));
    of("expiry_missing", "no expiry", v, &|p| (p.map, p.expires) = (map(3), vec![]));
    of("issued_missing", "no date of issue", v, &|p| (p.map, p.issued) = (map(3), vec![]));
    of("private_missing", "no claim of ours", v, &|p| {
        (p.map, p.label, p.array, p.items) = (map(3), vec![], vec![], vec![])
    });
    of("claim_unknown", "one claim more: a CWT id", v, &|p| {
        p.map = map(5);
        p.issued.extend([int(7), bytes(&[1])].concat());
    });
    of("claims_out_of_order", "issued before expires", v, &|p| std::mem::swap(&mut p.expires, &mut p.issued));
    of("claim_duplicate", "the expiry twice", v, &|p| p.issued = [int(4), int(T + 9)].concat());
    of("claim_duplicate_more", "the expiry twice beside the rest", v, &|p| {
        p.map = map(5);
        p.expires.extend(p.expires.clone());
    });
    of("claims_indefinite", "a claims map of indefinite length", v, &|p| {
        (p.map, p.tail) = (vec![0xbf], vec![0xff])
    });
    of("claims_map_long", "the claims map's head is not the shortest", v, &|p| p.map = vec![0xb8, 4]);
    of("claims_trailing_byte", "a byte after the claims", v, &|p| p.tail = vec![0]);
    of("issuer_empty", "an empty issuer", v, &|p| p.issuer = [int(1), text("")].concat());
    of("issuer_long", "an issuer of 7 bytes", v, &|p| p.issuer = [int(1), text("3301000")].concat());
    of("issuer_bytes", "the issuer as bytes", v, &|p| p.issuer = [int(1), bytes(b"330100")].concat());
    of("expiry_text", "the expiry as text", v, &|p| p.expires = [int(4), text("2020")].concat());
    of("expiry_float", "the expiry as a floating-point number", v, &|p| {
        p.expires = [int(4), vec![0xfb, 0x41, 0xd7, 0x90, 0x91, 0, 0, 0, 0]].concat()
    });
    of("expiry_negative", "an expiry before 1970", v, &|p| p.expires = [int(4), int(-1)].concat());
    of("expiry_64_bits", "an expiry beyond 32 bits", v, &|p| {
        p.expires = [int(4), int(T + (1 << 32))].concat()
    });
    of("expiry_long", "the expiry is not in its shortest form", v, &|p| {
        p.expires = [vec![4, 0x1b, 0, 0, 0, 0], ((T + 3600) as u32).to_be_bytes().to_vec()].concat()
    });
    of("expiry_tagged", "the expiry under the tag of a date", v, &|p| {
        p.expires = [int(4), vec![0xc1], int(T + 3600)].concat()
    });
    of("issued_bignum", "the date of issue as a big number", v, &|p| {
        p.issued = [int(6), vec![0xc2], bytes(&(T as u32).to_be_bytes())].concat()
    });
    of("issued_null", "the date of issue is null", v, &|p| p.issued = [int(6), vec![0xf6]].concat());
    of("expires_at_issue", "it expires when it is issued", v, &|p| p.expires = [int(4), int(T)].concat());
    of("expires_before_issue", "it expires before it is issued", v, &|p| {
        p.expires = [int(4), int(T - 1)].concat()
    });
    of("lifetime_over_a_day", "a lifetime of 86,401 seconds", v, &|p| {
        p.expires = [int(4), int(T + 86_401)].concat()
    });
    of("private_label_other", "another private claim", v, &|p| p.label = int(-65538));
    of("private_as_map", "our claim as a map", v, &|p| p.array = map(7));
    of("private_short", "our claim without its last item", v, &|p| {
        p.array = array(6);
        p.items.pop();
    });
    of("private_long", "our claim with one item more", v, &|p| {
        p.array = array(8);
        p.items.push(int(0));
    });
    of("private_indefinite", "our claim of indefinite length", v, &|p| {
        (p.array, p.tail) = (vec![0x9f], vec![0xff])
    });
    let item = |name: &str, covers: &str, at: usize, value: Vec<u8>, v: &mut Vectors| {
        v.bad(name, covers, m.payload(|p| p.items[at] = value), wrong);
    };
    item("colour_nought", "colour 0", COLOUR, int(0), v);
    item("colour_unknown", "colour 4", COLOUR, int(4), v);
    item("colour_wraps", "colour 257, which is 1 in eight bits", COLOUR, int(257), v);
    item("colour_text", "the colour as a word", COLOUR, text("green"), v);
    item("colour_long", "the colour is not in its shortest form", COLOUR, vec![0x18, 1], v);
    item("colour_true", "the colour is true", COLOUR, vec![0xf5], v);
    item("division_large", "a division of seven digits", DIVISION, int(1_000_000), v);
    item("division_negative", "a division below nought", DIVISION, int(-330_106), v);
    item("division_text", "the division as text", DIVISION, text("330106"), v);
    item("version_empty", "an empty version", VERSION, text(""), v);
    item("version_long", "a version of 6 bytes", VERSION, text("1.10.0"), v);
    item("version_number", "the version as a number", VERSION, int(1), v);
    item("name_empty", "an empty name", NAME, text(""), v);
    v.bad(
        "name_long",
        "a name of 25 bytes, the rest short",
        m.payload(|p| {
            p.items[NAME] = text(&"*".repeat(25));
            p.items[DIVISION] = int(0);
        }),
        wrong,
    );
    item("name_not_utf8", "a name that is not UTF-8", NAME, vec![0x63, 0xe5, 0xbc, 0x2a], v);
    item("name_surrogate", "a name with half a surrogate pair", NAME, vec![0x63, 0xed, 0xa0, 0x80], v);
    item("name_overlong", "a name in overlong UTF-8", NAME, vec![0x62, 0xc0, 0xaa], v);
    item(
        "name_in_chunks",
        "a name in chunks",
        NAME,
        [vec![0x7f], text("张"), text("*"), vec![0xff]].concat(),
        v,
    );
    item("name_nested", "an array in place of the name", NAME, [array(1), text("张*")].concat(), v);
    item("handle_short", "a handle of 23 bytes", HANDLE, bytes(&[7; 23]), v);
    item("handle_long", "a handle of 25 bytes", HANDLE, bytes(&[7; 25]), v);
    item("handle_text", "the handle as text", HANDLE, text("abcdefghijklmnopqrstuvwx"), v);
    item("age_long", "a state older than 65,535 seconds", AGE, int(65_536), v);
    item("age_negative", "a state younger than its pass", AGE, int(-1), v);
    item("freshness_long", "a freshness over 65,535 seconds", FRESH, int(65_536), v);
    item("freshness_undefined", "a freshness that is undefined", FRESH, vec![0xf7], v);
    let late = m.payload(|p| p.items[COLOUR] = int(4));
    v.add("claims_wrong_and_expired", "the claims go before the time", late, "all", T + 9999, wrong, None);
}

// ---------------------------------------------------------------- key sets

#[derive(Serialize)]
struct KeySetVector {
    name: &'static str,
    covers: &'static str,
    jwks: String,
    /// The code of the error; null for a set that is taken.
    code: Option<&'static str>,
}

fn public(name: &str) -> Value {
    let (_, jwk) = SIGNING_KEYS.iter().find(|(n, _)| *n == name).unwrap();
    let mut jwk: Value = serde_json::from_str(jwk).unwrap();
    jwk.as_object_mut().unwrap().remove("d");
    jwk["kangma:status"] = "active".into();
    jwk
}

fn public_with(name: &str, member: &str, value: Value) -> Value {
    let mut jwk = public(name);
    jwk[member] = value;
    jwk
}

fn key_sets() -> Value {
    let mut retired = public_with("retired", "kangma:status", "retired".into());
    retired["kangma:not_after"] = RETIRED_NOT_AFTER.into();
    let pending = public_with("pending", "kangma:status", "pending".into());
    json!({
        "all": { "keys": [public("main"), retired, pending], "issued_at": "2020-02-11T06:00:00Z" },
        "lists_specimen": { "keys": [public("main"), public("specimen")] },
        "none": { "keys": [] },
    })
}

fn key_set_vectors() -> Vec<KeySetVector> {
    let one = |jwk: Value| json!({ "keys": [jwk] }).to_string();
    let main = |member: &str, value: Value| one(public_with("main", member, value));
    let without = |member: &str| {
        let mut jwk = public("main");
        jwk.as_object_mut().unwrap().remove(member);
        one(jwk)
    };
    let many = |n: usize| json!({ "keys": vec![json!({ "kty": "oct" }); n] }).to_string();
    let x = "9crqqVYNrt-mE7N66G0Sbmv13VzuQxTSAu-917ODhR8";
    let rsa = json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" });
    let (_, private) = SIGNING_KEYS[1];
    let entry = |name, covers, jwks, code| KeySetVector { name, covers, jwks, code };
    let late = || public_with("main", "kangma:status", "retired".into());
    let mut ended = late();
    ended["kangma:not_after"] = "tomorrow".into();
    vec![
        entry("active", "one active key", one(public("main")), None),
        entry("no_status", "a key without a status is active", without("kangma:status"), None),
        entry("empty", "an empty set is a set", r#"{"keys":[]}"#.into(), None),
        entry("sixty_four", "64 keys are taken", many(64), None),
        entry("other_type", "an RSA key is passed over", one(rsa), None),
        entry("other_curve", "a P-384 key is passed over", main("crv", "P-384".into()), None),
        entry(
            "other_algorithm",
            "a key for another algorithm is passed over",
            main("alg", "ECDH-ES".into()),
            None,
        ),
        entry("other_use", "a key for encryption is passed over", main("use", "enc".into()), None),
        entry("not_json", "no JSON", "{".into(), Some("keys.format")),
        entry("not_an_object", "a list in place of the set", "[]".into(), Some("keys.format")),
        entry("no_list", "no list of keys", "{}".into(), Some("keys.format")),
        entry("list_of_texts", "keys that are texts", r#"{"keys":["x"]}"#.into(), Some("keys.format")),
        entry("no_type", "a key without a type", without("kty"), Some("keys.format")),
        entry("sixty_five", "65 keys", many(65), Some("keys.limit")),
        entry(
            "too_long",
            "more than 64 KiB",
            format!("{}{}", " ".repeat(65_536), many(0)),
            Some("keys.limit"),
        ),
        entry(
            "private",
            "a private key",
            json!({ "keys": [serde_json::from_str::<Value>(private).unwrap()] }).to_string(),
            Some("keys.private"),
        ),
        entry("point_missing", "no y", without("y"), Some("keys.point")),
        entry("point_short", "x of 31 bytes", main("x", B64.encode([1; 31]).into()), Some("keys.point")),
        entry("point_long", "x of 33 bytes", main("x", B64.encode([1; 33]).into()), Some("keys.point")),
        entry("point_padded", "x with padding", main("x", format!("{x}=").into()), Some("keys.point")),
        entry(
            "point_plain_base64",
            "x in the other Base64 alphabet",
            main("x", x.replace('-', "+").into()),
            Some("keys.point"),
        ),
        entry(
            "point_loose_bits",
            "x with bits set after its end",
            main("x", (x[..42].to_owned() + "9").into()),
            Some("keys.point"),
        ),
        entry(
            "point_off_curve",
            "a point off the curve",
            main("y", B64.encode([1; 32]).into()),
            Some("keys.point"),
        ),
        entry(
            "point_nought",
            "the point (0, 0)",
            {
                let mut k = public("main");
                (k["x"], k["y"]) = (B64.encode([0; 32]).into(), B64.encode([0; 32]).into());
                one(k)
            },
            Some("keys.point"),
        ),
        entry("kid_missing", "no kid", without("kid"), Some("keys.kid")),
        entry(
            "kid_of_another",
            "the kid of another key",
            main("kid", "624eh8jgOS4".into()),
            Some("keys.kid"),
        ),
        entry(
            "kid_whole_thumbprint",
            "a kid of 32 bytes",
            main("kid", B64.encode([7; 32]).into()),
            Some("keys.kid"),
        ),
        entry(
            "status_unknown",
            "a status that we do not know",
            main("kangma:status", "lost".into()),
            Some("keys.status"),
        ),
        entry(
            "status_number",
            "a status that is a number",
            main("kangma:status", 1.into()),
            Some("keys.status"),
        ),
        entry("retired_without_end", "a retired key without an end", one(late()), Some("keys.status")),
        entry("end_no_instant", "an end that is no instant", one(ended), Some("keys.status")),
        entry(
            "duplicate",
            "the same key twice",
            json!({ "keys": [public("main"), public("main")] }).to_string(),
            Some("keys.duplicate"),
        ),
    ]
}

// ---------------------------------------------------------------- the file

fn main() {
    let anew: Vec<String> = std::env::args().skip(1).collect();
    let stays = |name: &str| !anew.iter().any(|a| a == "--all" || a == name);
    let old: Value =
        fs::read_to_string(FILE).ok().and_then(|t| serde_json::from_str(&t).ok()).unwrap_or_default();
    let text_of = |v: &Value, member: &str| v[member].as_str().map(str::to_owned);
    let kept = old["vectors"].as_array().into_iter().flatten();
    let kept = kept.filter_map(|v| Some((text_of(v, "name")?, text_of(v, "pass")?)));
    let kept = kept.filter(|(name, _)| stays(name)).collect();
    let maker = Maker::new();
    let mut v = Vectors { all: Vec::new(), kept };
    genuine(&mut v, &maker);
    text_steps(&mut v, &maker);
    structure(&mut v, &maker);
    headers(&mut v, &maker);
    signatures(&mut v, &maker);
    claim_steps(&mut v, &maker);
    let key_set_vectors = key_set_vectors();
    let bad = v.all.iter().filter(|v| v.verdict != "good").count();
    println!("{} vectors, {bad} of them not good; {} key sets", v.all.len(), key_set_vectors.len());

    // One entry a line, so that a change shows as one.
    fn lines<T: Serialize>(all: &[T]) -> String {
        let lines: Vec<String> =
            all.iter().map(|v| format!("    {}", serde_json::to_string(v).unwrap())).collect();
        lines.join(",\n")
    }
    let members = |all: Vec<(String, Value)>| {
        let lines: Vec<String> =
            all.iter().map(|(name, v)| format!("    {}: {v}", Value::from(name.as_str()))).collect();
        lines.join(",\n")
    };
    let signing = SIGNING_KEYS.iter().map(|(n, jwk)| (n.to_string(), serde_json::from_str(jwk).unwrap()));
    let Value::Object(sets) = key_sets() else { unreachable!() };
    let file = format!(
        "{{\n  \"about\": {},\n  \"signing_keys\": {{\n{}\n  }},\n  \"key_sets\": {{\n{}\n  }},\n  \"vectors\": [\n{}\n  ],\n  \"key_set_vectors\": [\n{}\n  ]\n}}\n",
        Value::from(ABOUT),
        members(signing.collect()),
        members(sets.into_iter().collect()),
        lines(&v.all),
        lines(&key_set_vectors),
    );
    fs::create_dir_all("spec/vectors").unwrap();
    fs::write(FILE, file).unwrap();

    let constant: Value = serde_json::from_str(SPECIMEN_JWK).unwrap();
    assert_eq!(constant["x"], public("specimen")["x"], "the specimen key is the same everywhere");
    for colour in [Colour::Green, Colour::Yellow, Colour::Red] {
        let path = format!("crates/core/src/pass/specimen.{}.txt", colour.name());
        let there = fs::read_to_string(&path).is_ok_and(|t| !t.is_empty());
        if !there || !stays("specimens") {
            let name = with(|c| {
                c.colour = colour;
                (c.issuer, c.name_masked, c.handle) = ("demo".into(), "样*".into(), [0; 24]);
            });
            fs::write(path, maker.issue("specimen", &name)).unwrap();
        }
    }
}
