//! Certificates of other countries: a pack takes over the rules of a country, an office sends what
//! somebody showed, and the code follows.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;

use crate::common::{Answer, Person, Server, TempDir, document, kangma, well};
use crate::issuer::{Issuer, vaccination};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

fn run(args: &[&str], input: &str) -> Output {
    use std::io::Write as _;
    let mut child = kangma()
        .args(args)
        .env_remove("KANGMA_TRUST_LIST")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    child.wait_with_output().unwrap()
}

fn out(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// All doses, and none that the issuer takes back.
fn rules() -> Value {
    let rule = |id: &str, ty: &str, country: &str, desc: &str, logic: Value| {
        json!({
            "Identifier": id, "Type": ty, "Country": country, "Version": "1.0.0", "SchemaVersion": "1.0.0",
            "Engine": "CERTLOGIC", "EngineVersion": "1.3.0", "CertificateType": "Vaccination",
            "Description": [{ "lang": "en", "desc": desc }], "ValidFrom": "2020-01-01T00:00:00Z",
            "ValidTo": "2099-01-01T00:00:00Z", "AffectedFields": [], "Logic": logic,
        })
    };
    json!([
        rule(
            "VR-XA-0001",
            "Acceptance",
            "XA",
            "All doses were given.",
            json!({ ">=": [{ "var": "payload.v.0.dn" }, { "var": "payload.v.0.sd" }] })
        ),
        rule(
            "IR-XB-0001",
            "Invalidation",
            "XB",
            "A centre that gave certificates without vaccinating.",
            json!({ "!": [{ "===": [{ "var": "payload.v.0.is" }, "Never There"] }] })
        ),
    ])
}

/// The built-in pack, with a rule on certificates.
fn pack(dir: &Path) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/hangzhou-2020-02-11");
    let to = dir.join("pack");
    std::fs::create_dir_all(to.join("words")).unwrap();
    for file in ["pack.toml", "rules.toml", "words/zh.toml", "words/en.toml"] {
        std::fs::copy(from.join(file), to.join(file)).unwrap();
    }
    let rules = dir.join("rules.json");
    std::fs::write(&rules, self::rules().to_string()).unwrap();
    let done =
        run(&["pack", "import-certlogic", rules.to_str().unwrap(), "--into", to.to_str().unwrap()], "");
    assert!(done.status.success() && out(&done).contains("2 rules of XA, XB"), "{}", out(&done));
    let append = |file: &str, text: &str| {
        let path = to.join(file);
        std::fs::write(&path, std::fs::read_to_string(&path).unwrap() + text).unwrap();
    };
    append(
        "rules.toml",
        "\n[[rule]]\nid = \"T-YELLOW-CERTIFICATE\"\non = \"certificate\"\nwhen = '!accepted(\"XA\")'\n\
         stages = [{ colour = \"yellow\", release = { days = 7 } }]\n\
         source = { title = \"made up\", url = \"https://example.org\", grade = \"D\" }\n",
    );
    for lang in ["zh", "en"] {
        append(
            &format!("words/{lang}.toml"),
            "\n[rules.T-YELLOW-CERTIFICATE]\ntitle = \"Not accepted\"\nwhy = \"Why.\"\nwhat_to_do = \"Stay.\"\n",
        );
    }
    to
}

async fn send(staff: &Person, key: &str, lines: &[Value]) -> Answer {
    let body: Vec<String> = lines.iter().map(ToString::to_string).collect();
    let request = staff
        .client
        .request(Method::POST, format!("{}/api/v1/records?kind=certificate&division=330106", staff.base))
        .header("accept-language", "en")
        .header("idempotency-key", key)
        .bearer_auth(staff.token.as_ref().unwrap())
        .body(body.join("\n"));
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status, headers, text, body }
}

#[tokio::test]
async fn a_certificate_that_was_shown_is_checked_kept_sealed_and_judged_by_the_rules_of_the_pack() {
    // What is read beside the data lies apart: rules say what certificates say.
    let (dir, beside) = (Arc::new(TempDir::new()), TempDir::new());
    let pack = pack(&beside.0);
    let (issuer, stranger) = (Issuer::es256(1), Issuer::es256(1));
    let trust = beside.0.join("trust.json");
    std::fs::write(&trust, issuer.trust_list()).unwrap();
    let (pack, trust) = (pack.to_str().unwrap(), trust.to_str().unwrap());
    let server = Server::start(Arc::clone(&dir), &["--demo", "--pack", pack, "--trust-list", trust]);
    let staff = server.officer("admin").await;
    let mut people = Vec::new();
    for n in 11..15 {
        let person = server.log_in(&format!("137000000{n}")).await;
        person.declare(&well(n)).await;
        assert_eq!(person.colour().await, "green");
        people.push(person);
    }
    let line =
        |n: u32, certificate: String| json!({ "document_number": document(n), "certificate": certificate });
    let mut taken_back = vaccination(2, 2, "1950-01-01");
    taken_back["v"][0]["is"] = json!("Never There");
    let mut bare = vaccination(1, 2, "1950-01-01");
    bare["v"][0].as_object_mut().unwrap().remove("sd");
    let lines = [
        line(11, issuer.issue(&vaccination(2, 2, "1950-01-01"))),
        line(12, issuer.issue(&vaccination(1, 2, "1950-01-01"))),
        line(13, issuer.issue(&taken_back)),
        line(14, issuer.issue(&bare)),
        line(14, stranger.issue(&vaccination(1, 2, "1950-01-01"))),
        line(14, issuer.issue(&vaccination(1, 2, "1950-01-02"))),
        line(14, "HC1:".into()),
    ];
    let answer = send(&staff, "certificates-1", &lines).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let ends = |answer: &Answer| -> Vec<String> {
        let items = answer.body["items"].as_array().unwrap().iter();
        items.map(|i| i["code"].as_str().or(i["result"].as_str()).unwrap().to_owned()).collect()
    };
    let applied = ["applied"; 4].map(str::to_owned).to_vec();
    let refused = ["certificate.signature", "line.certificate_holder", "certificate.cose"].map(str::to_owned);
    assert_eq!(ends(&answer), [applied, refused.to_vec()].concat(), "{answer:?}");
    assert_eq!(send(&staff, "certificates-1", &lines).await.body, answer.body, "sent again it is the same");
    let mut colours = Vec::new();
    for person in &people {
        colours.push(person.colour().await);
    }
    assert_eq!(colours, ["green", "yellow", "yellow", "green"], "what the certificate lacks worsens nothing");
    let code = people[1].code().await;
    assert_eq!(code["reasons"][0]["rule"], "T-YELLOW-CERTIFICATE", "{code}");
    assert_eq!(code["reasons"][0]["evidence"][0]["kind"], "certificate", "{code}");

    // Neither database nor log says what the certificates say.
    for (what, bytes) in crate::common::stored(&dir).await {
        for word in ["EU/1/20/1528", "Never There", "MUSTER", "URN:UVCI"] {
            let found = bytes.windows(word.len()).any(|w| w == word.as_bytes());
            assert!(!found, "{what} holds {word}");
        }
    }
    let log = std::fs::read_to_string(&server.log).unwrap();
    assert!(!log.contains("HC1:") && !log.contains("URN:UVCI"), "the log repeats a certificate");
}

#[test]
fn the_command_line_takes_rules_over_whole_and_tells_what_they_make_of_a_certificate() {
    let dir = TempDir::new();
    let pack = pack(&dir.0);
    let path = pack.to_str().unwrap();
    let at = "2022-03-01T10:00:00+08:00";
    let eval = |input: &str, more: &[&str]| {
        let args = ["pack", "certlogic-eval", path, "--at", at, "--lang", "en", "--country"];
        run(&[&args[..], more].concat(), input)
    };
    let whole = eval(&vaccination(2, 2, "1950").to_string(), &["XA"]);
    assert!(whole.status.success() && out(&whole).starts_with("XA accepted\n"), "{}", out(&whole));
    let half = eval(&vaccination(1, 2, "1950").to_string(), &["XA", "--json"]);
    let told: Value = serde_json::from_slice(&half.stdout).unwrap();
    assert_eq!((half.status.code(), &told["accepted"]), (Some(1), &json!("refused")), "{told}");
    assert_eq!(told["rules"][1]["outcome"], "failed", "{told}");
    assert_eq!((&told["rules"][0]["id"], &told["signature_checked"]), (&json!("IR-XB-0001"), &json!(false)));
    let issuer = Issuer::ps256(3);
    let trust = dir.0.join("trust.json");
    std::fs::write(&trust, issuer.trust_list()).unwrap();
    let text = issuer.issue(&vaccination(2, 2, "1950"));
    let with_keys = eval(&text, &["XA", "--trust-list", trust.to_str().unwrap()]);
    assert!(with_keys.status.success(), "{}", out(&with_keys));
    let without = eval(&text, &["XA"]);
    assert!(out(&without).contains("certificate.key"), "{}", out(&without));
    assert!(out(&eval("{}", &["XA"])).contains("certificate.payload"));
    assert!(
        out(&eval(&text, &["XC", "--trust-list", trust.to_str().unwrap()])).contains("certlogic.country")
    );

    let facts = json!({ "facts": [{ "kind": "certificate", "at": "2022-03-01 09:00", "payload": vaccination(1, 2, "1950") }] });
    let told = run(&["pack", "explain", path, "--at", at, "--lang", "en"], &facts.to_string());
    assert!(
        out(&told).contains("XA refused\n  failed  VR-XA-0001 1.0.0  All doses were given."),
        "{}",
        out(&told)
    );

    let mut bad = rules();
    bad[0]["Logic"] = json!({ "or": [true] });
    bad[1]["Version"] = json!("9.0.0");
    let file = dir.0.join("bad.json");
    std::fs::write(&file, bad.to_string()).unwrap();
    let refused = run(&["pack", "import-certlogic", file.to_str().unwrap(), "--into", path], "");
    assert!(
        !refused.status.success() && out(&refused).contains("VR-XA-0001: Logic.or: there is no operation"),
        "{}",
        out(&refused)
    );
    assert_eq!(std::fs::read_dir(pack.join("certlogic")).unwrap().count(), 2, "nothing was taken over");

    let rules = std::fs::read_to_string(pack.join("rules.toml")).unwrap();
    std::fs::write(pack.join("rules.toml"), rules.replace("accepted(\"XA\")", "accepted(\"XD\")")).unwrap();
    let checked = run(&["pack", "check", path], "");
    assert!(
        out(&checked).contains("rule.country") && out(&checked).contains("did you mean XA?"),
        "{}",
        out(&checked)
    );
}
