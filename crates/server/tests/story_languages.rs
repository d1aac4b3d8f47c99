//! A resident of Guangdong reads Traditional Chinese, one of Hangzhou on the same service cannot: languages
//! are those of the pack in force for the person.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use crate::common::{Person, Server, TempDir, document, kangma, well, with};
use kangma_core::time::{Instant, Zone};
use reqwest::StatusCode;
use serde_json::{Value, json};

fn packs(of: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs").join(of).to_str().unwrap().to_owned()
}

fn serve(pack: &str) -> Server {
    Server::start(Arc::new(TempDir::new()), &["--demo", "--pack", pack])
}

/// Reads in a language, as a browser asks.
async fn read(
    person: &Person,
    path: &str,
    language: &str,
) -> (reqwest::StatusCode, reqwest::header::HeaderMap, Value) {
    let mut request = person.client.get(format!("{}{path}", person.base)).header("accept-language", language);
    if let Some(token) = &person.token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    (status, headers, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null))
}

/// Declares as the form of a place asks.
async fn resident(server: &Server, n: u32, place: &str) -> Person {
    let person = server.log_in(&format!("1380000{n:04}")).await;
    let form = person.get(&format!("/api/v1/declaration-form?division={place}")).await.body;
    let asked: Vec<&str> =
        form["fields"].as_array().unwrap().iter().map(|f| f["field"].as_str().unwrap()).collect();
    let mut declaration = with(well(n), json!({ "residence": place }));
    declaration["answers"].as_object_mut().unwrap().retain(|field, _| asked.contains(&field.as_str()));
    declaration["commitment"] = form["commitment"]["version"].clone();
    let declared = person.declare(&declaration).await;
    assert_eq!(declared.status, StatusCode::CREATED, "{declared:?}");
    person
}

#[tokio::test]
async fn each_place_answers_in_the_languages_of_its_own_pack() {
    let server = serve(&packs(""));
    let nobody = Person::nobody(&server);
    let (_, _, site) = read(&nobody, "/api/v1/site", "zh-HK").await;
    let names = |of: &Value| {
        of.as_array().unwrap().iter().map(|l| l["lang"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        (names(&site["languages"]), &site["language"]),
        (vec!["zh".into(), "en".into()], &json!("zh"))
    );
    let (south, east) = (resident(&server, 601, "440106").await, resident(&server, 602, "330106").await);

    let (_, _, code) = read(&south, "/api/v1/me/code", "zh-HK, en;q=0.5").await;
    assert_eq!(code["word"], "藍碼");
    let (_, _, there) = read(&nobody, code["dress"]["languages"].as_str().unwrap(), "zh-HK").await;
    assert_eq!(names(&there["languages"]), ["zh", "en", "zh-Hant"]);
    assert_eq!((&there["language"], &there["languages"][2]["name"]), (&json!("zh-Hant"), &json!("繁體中文")));
    let (status, _, _) = read(&nobody, "/api/v1/languages/00", "zh-HK").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(code["dress"]["colours"][0]["more"], json!({ "zh-Hant": "藍碼" }));
    let (_, _, elsewhere) = read(&east, "/api/v1/me/code", "zh-HK, en;q=0.5").await;
    assert_eq!((&elsewhere["word"], &elsewhere["dress"]), (&json!("绿码"), &Value::Null));
    let (_, _, english) = read(&south, "/api/v1/me/code", "en, zh-Hant;q=0.9").await;
    assert_eq!(english["word"], "Blue code");
    assert_eq!(
        english["dress"]["colours"][0].get("more"),
        None,
        "an answer has the words of its own language"
    );

    // Why, what ends it and what to do; and the form, down to its documents.
    let admin = server.officer("admin").await;
    let zone = Zone::named("Asia/Shanghai").unwrap();
    let day = zone.day_of(Instant::parse(site["server_time"].as_str().unwrap()).unwrap()).to_string();
    let listed = json!({ "document_number": document(601), "stay": "home", "from": day, "until": day });
    let sent = admin
        .client
        .post(format!("{}/api/v1/records?kind=quarantine", server.base))
        .bearer_auth(admin.token.as_ref().unwrap())
        .header("content-type", "application/x-ndjson")
        .header("idempotency-key", "languages-601")
        .body(listed.to_string())
        .send()
        .await
        .unwrap();
    assert!(sent.status().is_success(), "{}", sent.text().await.unwrap());
    let (_, _, code) = read(&south, "/api/v1/me/code", "zh-Hant, zh").await;
    let reason = &code["reasons"][0];
    assert_eq!((&code["word"], &reason["title"]), (&json!("紅碼"), &json!("集中或居家隔離，有結束日期")));
    assert_eq!(reason["why"], "記錄顯示您正在集中或居家隔離。");
    assert_eq!(reason["progress"][0]["text"], "隔離最後一天結束：0/1");
    assert!(reason["what_to_do"].as_str().unwrap().starts_with("請留在隔離處。"), "{reason}");
    let (_, _, form) = read(&nobody, "/api/v1/declaration-form?division=440106", "zh-TW").await;
    assert_eq!(form["pack"]["name"], "廣東粵康碼規則（2020年3月，紅藍兩色）");
    assert_eq!(form["fields"][0]["options"][0]["label"], "住在廣東");
    assert_eq!(form["document_types"][2]["label"], "港澳居民來往內地通行證");
    let (_, _, form) = read(&nobody, "/api/v1/declaration-form?division=330106", "zh-TW").await;
    assert_eq!(form["document_types"][2]["label"], "港澳居民来往内地通行证");
    // What no pack says is said in Chinese to whoever reads Chinese, and in English to all others.
    let (status, _, refused) = read(&nobody, "/api/v1/me/code", "zh-Hant").await;
    assert_eq!(
        (status, refused["detail"].as_str().unwrap()),
        (StatusCode::UNAUTHORIZED, "登录已失效，请重新登录。")
    );
}

#[tokio::test]
async fn the_pages_words_come_under_an_address_that_never_changes() {
    let server = serve(&packs("guangdong-2020-03"));
    let nobody = Person::nobody(&server);
    let (_, _, site) = read(&nobody, "/api/v1/site", "fr, zh-MO;q=0.8, en;q=0.7").await;
    assert_eq!(site["language"], "zh-Hant");
    assert_eq!(site["symptoms"][0]["more"], json!({ "zh-Hant": "發燒" }));
    let further = &site["languages"][2];
    assert_eq!(
        (&further["lang"], &further["name"], &further["dir"]),
        (&json!("zh-Hant"), &json!("繁體中文"), &json!("ltr"))
    );
    assert_eq!(site["languages"][0], json!({ "lang": "zh", "name": "简体中文", "dir": "ltr" }));
    let pages = further["pages"].as_str().unwrap();
    let (status, headers, texts) = read(&nobody, pages, "en").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(texts["resident"]["code.title"], "我的健康碼");
    assert_eq!(texts["checkpoint"]["word.expired"], "已過期");
    assert_eq!(texts.get("server"), None, "the service says those itself");
    let packed = nobody.client.get(format!("{}{pages}", server.base)).header("accept-encoding", "br, gzip");
    let packed = packed.send().await.unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let bytes = packed.bytes().await.unwrap();
    assert!(bytes.starts_with(&[0x1f, 0x8b]) && bytes.len() < 12 * 1024, "{} bytes", bytes.len());
    for gone in [
        pages.replace("zh-Hant", "bo"),
        pages.replace("zh-Hant", "zh"),
        "/api/v1/page-texts/00/zh-Hant".into(),
    ] {
        let (status, _, said) = read(&nobody, &gone, "en").await;
        assert_eq!((status, &said["code"]), (StatusCode::NOT_FOUND, &json!("not_found")), "{gone}");
    }
}

/// A code is read each minute, and a read has 2 KB however many languages there are.
#[tokio::test]
async fn a_code_read_stays_within_its_bytes_whatever_languages_the_place_ships() {
    let dir = Arc::new(TempDir::new());
    let root = dir.0.join("packs");
    copy(Path::new(&packs("")), &root);
    let south = root.join("guangdong-2020-03");
    let change = |name: &str, of: &dyn Fn(&str) -> String| {
        let text = of(&std::fs::read_to_string(south.join(name)).unwrap());
        std::fs::write(south.join(name), text).unwrap();
    };
    let more: Vec<String> = (b'a'..b'n').map(|c| format!("qa{}-Hant", char::from(c))).collect();
    let named = more.iter().map(|lang| format!("\"{lang}\", ")).collect::<String>();
    // And symptoms that are not those of the installation.
    let vocabulary = "[vocabulary]\nsymptoms = [\"dry_cough\", \"fever\", \"fatigue\", \"diarrhoea\", \"runny_nose\", \"sore_throat\"]\n\n[display]\n";
    change("pack.toml", &|text| {
        text.replace("\"zh-Hant\"", &format!("{named}\"zh-Hant\"")).replace("[display]\n", vocabulary)
    });
    for lang in &more {
        for of in ["words", "pages"] {
            let from = south.join(of).join("zh-Hant.toml");
            std::fs::copy(from, south.join(of).join(format!("{lang}.toml"))).unwrap();
        }
    }
    let server = Server::start(dir, &["--demo", "--pack", root.to_str().unwrap()]);
    let person = resident(&server, 611, "440106").await;
    let bytes = async |language: &str| {
        let request = person.client.get(format!("{}/api/v1/me/code", person.base));
        let request = request.header("accept-language", language).bearer_auth(person.token.as_ref().unwrap());
        let answer = request.send().await.unwrap();
        // The line of the status, each line of the head, and the empty one.
        let head: usize = answer.headers().iter().map(|(n, v)| n.as_str().len() + v.len() + 4).sum();
        let body = answer.bytes().await.unwrap();
        let code: Value = serde_json::from_slice(&body).unwrap();
        ("HTTP/1.1 200 OK\r\n\r\n".len() + head + body.len(), code)
    };
    for language in ["zh-Hant", "qam-Hant", "en"] {
        let (bytes, code) = bytes(language).await;
        assert!(code["dress"]["symptoms"].is_array() && code["dress"]["languages"].is_string(), "{code}");
        assert!((1_000..2_048).contains(&bytes), "{bytes} in {language}: {code}");
    }
    let nobody = Person::nobody(&server);
    let (_, code) = bytes("en").await;
    let (_, _, there) = read(&nobody, code["dress"]["languages"].as_str().unwrap(), "qac").await;
    assert_eq!((there["languages"].as_array().unwrap().len(), &there["language"]), (16, &json!("qac-Hant")));
    // All say the same, and so do all that fetch it.
    assert_eq!(
        there["languages"][3]["pages"].as_str().unwrap().replace(&more[1], &more[2]),
        there["languages"][4]["pages"].as_str().unwrap()
    );
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A city adds a language without building the software.
#[test]
fn the_command_says_what_a_language_leaves_out_and_lists_it_to_be_filled_in() {
    let dir = TempDir::new();
    let pack = dir.0.join("our-city");
    let run = |args: &[&str]| -> Output { kangma().args(args).current_dir(&dir.0).output().unwrap() };
    let said = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap();
    assert!(
        run(&["pack", "new", "our-city", "--division", "330106", "--template", "contact"]).status.success()
    );
    let put = |name: &str, text: String| {
        std::fs::create_dir_all(pack.join(name).parent().unwrap()).unwrap();
        std::fs::write(pack.join(name), text).unwrap();
    };
    let read = |name: &str| std::fs::read_to_string(pack.join(name)).unwrap();
    put("pack.toml", format!("languages = [\"zh\", \"en\", \"ug\"]\n{}", read("pack.toml")));
    put("words/ug.toml", format!("language = \"ئۇيغۇرچە\"\n{}", read("words/en.toml")));
    let checked = run(&["pack", "check", "our-city"]);
    assert!(checked.status.success(), "{checked:?}");
    let told = said(&checked);
    assert!(
        told.contains("warning: in ug the pages leave ")
            && told.contains("to English; kangma pack pages our-city --lang ug"),
        "{told}"
    );
    // What it lists can be put into the file as it is, and then nothing is left.
    let listed = said(&run(&["pack", "pages", "our-city"]));
    assert!(
        listed.contains("\n[resident]\n") && listed.contains("\n\"app.next\" = \"Continue\"\n"),
        "{listed}"
    );
    put("pages/ug.toml", listed);
    let told = said(&run(&["pack", "check", "our-city"]));
    assert!(!told.contains("warning"), "{told}");
    assert!(said(&run(&["pack", "pages", "our-city"])).starts_with("# pages/ug.toml: 0 texts are missing"));
    assert!(said(&run(&["pack", "show", "our-city", "--effective"])).contains("pages/ug.toml"));
    assert!(!run(&["pack", "pages", "our-city", "--lang", "en"]).status.success());
}
