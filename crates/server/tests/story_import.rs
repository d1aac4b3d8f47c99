//! Lists of offices: from a file to facts, each line once, and what is wrong with the others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::{Answer, Person, Server, TempDir, document, well};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// So many days ago, as the service counts them.
fn ago(days: i32) -> String {
    #[expect(clippy::disallowed_methods, reason = "the service under test runs on the system's clock")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    // A day further back than the zone could make it.
    kangma_core::time::Day((now / 86_400) as i32 - days).to_string()
}

/// Sends a file.
async fn send(staff: &Person, kind: &str, division: &str, name: &str, bytes: Vec<u8>) -> Answer {
    let path = format!("/api/v1/imports?kind={kind}&division={division}&name={name}");
    let request = staff
        .client
        .post(format!("{}{path}", staff.base))
        .header("accept-language", "en")
        .bearer_auth(staff.token.as_ref().unwrap())
        .body(bytes);
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status, headers, text, body }
}

async fn sent(staff: &Person, kind: &str, division: &str, bytes: impl Into<Vec<u8>>) -> String {
    let answer = send(staff, kind, division, "list.csv", bytes.into()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer.body["id"].as_str().unwrap().to_owned()
}

async fn start(staff: &Person, id: &str, how: Value) -> Answer {
    staff.post(&format!("/api/v1/imports/{id}/start"), how).await
}

/// Waits until an import is in a state: as long as it goes on, however slow the machine is.
async fn wait(staff: &Person, id: &str, state: &str) -> Value {
    let (mut moved, mut done) = (Instant::now(), Value::Null);
    loop {
        let answer = staff.get_in_turn(&format!("/api/v1/imports/{id}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        if answer.body["state"] == state {
            return answer.body;
        }
        assert!(answer.body["state"] != "done", "it ended before it was {state}: {}", answer.text);
        if answer.body["done_lines"] != done {
            (moved, done) = (Instant::now(), answer.body["done_lines"].clone());
        }
        assert!(moved.elapsed() < Duration::from_secs(120), "not {state}: {}", answer.text);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn run(staff: &Person, id: &str) -> Value {
    let answer = start(staff, id, json!({})).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    wait(staff, id, "done").await
}

async fn imported(staff: &Person, kind: &str, division: &str, text: &str) -> Value {
    let id = sent(staff, kind, division, text).await;
    run(staff, &id).await
}

async fn codes(staff: &Person, id: &str) -> Vec<(i64, String)> {
    let lines = staff.get(&format!("/api/v1/imports/{id}/lines?result=wrong")).await;
    assert_eq!(lines.status, StatusCode::OK, "{lines:?}");
    let items = lines.body["items"].as_array().unwrap();
    items.iter().map(|l| (l["line"].as_i64().unwrap(), l["code"].as_str().unwrap().to_owned())).collect()
}

fn tests(people: std::ops::Range<u32>, result: &str) -> String {
    let day = ago(3);
    let lines = people.map(|n| format!("张测试,{},{day} 08:00,{result},S{n}\r\n", document(n)));
    format!("姓名,证件号码,采样时间,检测结果,样本编号\r\n{}", lines.collect::<String>())
}

#[tokio::test]
async fn a_list_is_looked_at_applied_mended_and_sent_again_and_each_line_is_applied_once() {
    let server = Server::demo();
    let staff = server.officer("admin").await;
    let (a, b, c) = (document(11), document(12), document(13));
    let day = ago(5);
    let slashed = day.replace('-', "/");
    let text = format!(
        "密切接触者名单;;;;\r\n姓名;身份证号码（必填）;末次接触日期;备注;区划代码\r\n张测试;{a};{slashed};=1+1;330106\r\n\
         李样本;{b};10/02/2020;@x;330106\r\n王示例;3.30106E+17;{day};;330106\r\n赵例子;{c};{day};;110105\r\n"
    );
    let (gb, _, damaged) = encoding_rs::GB18030.encode(&text);
    assert!(!damaged);
    let answer = send(&staff, "close_contact", "3301", "list.csv", gb.to_vec()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let columns = &answer.body["columns"];
    assert_eq!((&answer.body["format"], &answer.body["lines"]), (&json!("gb18030"), &json!(4)));
    assert_eq!(columns["header_line"], 2, "the title is no header");
    assert_eq!(columns["mapping"]["document_number"], json!({ "at": 1 }));
    assert_eq!((&columns["remembered"], &columns["missing"]), (&json!(false), &json!([])));
    let id = answer.body["id"].as_str().unwrap().to_owned();

    let wrong = [(4, "line.date"), (5, "line.number_damaged"), (6, "line.place_outside")]
        .map(|(n, c)| (n, c.to_owned()));
    assert_eq!(start(&staff, &id, json!({ "dry_run": true })).await.status, StatusCode::ACCEPTED);
    let checked = wait(&staff, &id, "checked").await;
    assert_eq!(checked["counts"], json!({ "fine": 1, "applied": 0, "known": 0, "wrong": 3 }));
    assert_eq!(codes(&staff, &id).await, wrong);
    let reasons = staff.get(&format!("/api/v1/imports/{id}/reasons")).await.body;
    let counted: Vec<(&str, i64, i64)> = reasons["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["code"].as_str().unwrap(), r["lines"].as_i64().unwrap(), r["first"].as_i64().unwrap()))
        .collect();
    assert_eq!(
        counted,
        [("line.date", 1, 4), ("line.number_damaged", 1, 5), ("line.place_outside", 1, 6)],
        "{reasons}"
    );
    let resident = server.log_in("13700000011").await;
    resident.declare(&well(11)).await;
    assert_eq!(resident.colour().await, "green", "a dry run records nothing");

    let done = run(&staff, &id).await;
    assert_eq!(done["counts"], json!({ "fine": 0, "applied": 1, "known": 0, "wrong": 3 }));
    assert_eq!(codes(&staff, &id).await, wrong);
    assert_eq!(resident.colour().await, "red");
    assert_eq!(start(&staff, &id, json!({})).await.code(), "import.state", "done is done");
    let again = send(&staff, "close_contact", "3301", "renamed.csv", gb.to_vec()).await;
    assert_eq!(
        (again.status, &again.body["id"]),
        (StatusCode::OK, &json!(id)),
        "the same file is the same import"
    );
    assert_eq!(again.body["replayed"], true);

    let errors = staff.get(&format!("/api/v1/imports/{id}/errors.csv")).await;
    let file = errors.text.strip_prefix('\u{feff}').expect("a mark that spreadsheets know");
    assert!(
        file.starts_with("姓名,身份证号码（必填）,末次接触日期,备注,区划代码,Original line,Problem\r\n"),
        "{file}"
    );
    assert!(!file.contains(&a) && file.contains(&c), "only what is wrong, as it came");
    assert!(file.contains(",'@x,"), "no cell is a formula: {file}");
    let mended = errors
        .text
        .replace("10/02/2020", &day)
        .replace("3.30106E+17", &document(14))
        .replace("110105", "330106");
    // Somebody also puts back what was right before.
    let mended = format!("{mended}张测试,{a},{day},,330106,,\r\n");
    let answer = send(&staff, "close_contact", "3301", "errors.csv", mended.into_bytes()).await;
    assert_eq!(answer.body["columns"]["remembered"], true, "it has the columns of the file that it mends");
    let second = answer.body["id"].as_str().unwrap().to_owned();
    let done = run(&staff, &second).await;
    assert_eq!(done["counts"], json!({ "fine": 0, "applied": 3, "known": 1, "wrong": 0 }), "{done}");

    let list = staff.get("/api/v1/imports").await;
    let office = list.body["items"][0]["office"].as_str().unwrap();
    assert!(!office.is_empty() && office != "admin", "the office by its name: {list:?}");
    let ids: Vec<&str> =
        list.body["items"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 2, "{list:?}");
    let third =
        send(&staff, "close_contact", "3301", "next.csv", gb_of(&text.replace("王示例", "王示范"))).await;
    assert_eq!(third.body["columns"]["remembered"], true, "the office's columns are remembered");
    // Sent in error: what was not started is forgotten, and what took effect stays.
    let third = format!("/api/v1/imports/{}", third.body["id"].as_str().unwrap());
    assert_eq!(staff.send(Method::DELETE, &third, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(staff.get(&third).await.status, StatusCode::NOT_FOUND);
    let done = format!("/api/v1/imports/{id}");
    assert_eq!(staff.send(Method::DELETE, &done, None).await.code(), "import.state");
}

fn gb_of(text: &str) -> Vec<u8> {
    encoding_rs::GB18030.encode(text).0.into_owned()
}

#[tokio::test]
async fn somebody_whom_only_a_list_knows_joins_when_they_declare_and_nobody_learns_who_was_known() {
    let server = Server::demo();
    let staff = server.officer("admin").await;
    let known = server.log_in("13700000021").await;
    known.declare(&well(21)).await;
    // One with a code, one whom nobody knew, one of whom the list has no name.
    let text = format!(
        "姓名,证件号码\r\n张测试,{}\r\n章错字,{}\r\n,{}\r\n",
        document(21),
        document(22),
        document(23)
    );
    let id = sent(&staff, "confirmed", "330106", text).await;
    run(&staff, &id).await;
    let lines = staff.get(&format!("/api/v1/imports/{id}/lines")).await;
    let items = lines.body["items"].as_array().unwrap();
    let ends: Vec<Value> = items
        .iter()
        .map(|l| {
            let mut l = l.clone();
            l.as_object_mut().unwrap().remove("line");
            l
        })
        .collect();
    assert_eq!(ends, vec![json!({ "result": "applied" }); 3], "all end alike");
    assert_eq!(known.colour().await, "red");
    for (n, phone) in [(22, "13700000022"), (23, "13700000023")] {
        let resident = server.log_in(phone).await;
        assert_eq!(resident.code().await["status"], "unknown", "the list alone shows nobody a code");
        let declared = resident.declare(&well(n)).await;
        assert_eq!(declared.status, StatusCode::CREATED, "{declared:?}");
        assert_eq!(resident.colour().await, "red", "it is the same person");
        assert_eq!(resident.code().await["name_masked"], "张**", "the name that was confirmed stands");
        assert_eq!(
            resident.declare(&well(n)).await.status,
            StatusCode::CREATED,
            "and is the one that is asked for"
        );
    }
}

#[tokio::test]
async fn a_withdrawn_entry_decides_again_and_the_code_says_so() {
    let server = Server::demo();
    let staff = server.officer("admin").await;
    let resident = server.log_in("13700000031").await;
    resident.declare(&well(31)).await;
    let (day, eve, later) = (ago(5), ago(4), ago(3));
    let line = |status: &str, reference: &str| {
        format!("证件号码,编号,状态,日期\r\n{},{reference},{status},{day}\r\n", document(31))
    };
    imported(&staff, "close_contact", "330106", &line("", "K-1")).await;
    assert_eq!(resident.colour().await, "red");
    let id = sent(&staff, "close_contact", "330106", line("撤销", "K-2")).await;
    run(&staff, &id).await;
    assert_eq!(
        codes(&staff, &id).await,
        [(2, "line.nothing_to_withdraw".to_owned())],
        "not under that reference"
    );
    let other_kind =
        sent(&staff, "quarantine", "330106", line("撤销", "K-1").replace("日期", "开始日期")).await;
    run(&staff, &other_kind).await;
    assert_eq!(resident.colour().await, "red", "another list's reference is another");
    imported(&staff, "close_contact", "330106", &line("withdrawn", "K-1")).await;
    let code = resident.code().await;
    assert_eq!(code["colour"], "green", "{code}");
    let told = code["taken_back"][0]["text"].as_str().unwrap();
    assert!(told.contains(&day) && told.contains("withdrawn"), "{told}");
    // The first file under another name must not bring back what was taken back.
    let old = imported(&staff, "close_contact", "330106", &format!("{}\r\n", line("", "K-1"))).await;
    assert_eq!(old["counts"]["known"], 1);
    assert_eq!(resident.colour().await, "green");
    // A correction puts something in its place.
    imported(&staff, "close_contact", "330106", &line("", "K-3")).await;
    imported(&staff, "close_contact", "330106", &line("更正", "K-3").replace(&day, &later)).await;
    let code = resident.code().await;
    assert_eq!(code["colour"], "red");
    assert!(code["reasons"][0]["since"].as_str().unwrap().starts_with(&format!("{eve}T16:00")), "{code}");
    assert!(code["taken_back"][0]["text"].as_str().unwrap().contains("corrected"), "{code}");
}

#[tokio::test]
async fn a_file_that_may_have_been_cut_off_is_taken_whole_or_asks_for_its_count() {
    let server = Server::demo();
    let staff = server.officer("admin").await;
    let column = |rows: usize| format!("证件号码\r\n{}", "1\r\n".repeat(rows - 1));
    let id = sent(&staff, "confirmed", "3301", column(65_536)).await;
    let import = staff.get(&format!("/api/v1/imports/{id}")).await.body;
    assert_eq!((&import["at_limit"], &import["lines"]), (&json!(true), &json!(65_535)));
    let asked = start(&staff, &id, json!({ "dry_run": true })).await;
    assert_eq!((asked.status.as_u16(), asked.code()), (409, "import.count"));
    assert!(asked.text.contains("65536"), "{asked:?}");
    assert_eq!(start(&staff, &id, json!({ "dry_run": true, "lines": 65_536 })).await.code(), "import.count");
    assert_eq!(
        start(&staff, &id, json!({ "dry_run": true, "lines": 65_535 })).await.status,
        StatusCode::ACCEPTED
    );
    let id = sent(&staff, "confirmed", "3301", column(65_537)).await;
    assert_eq!(start(&staff, &id, json!({ "dry_run": true })).await.status, StatusCode::ACCEPTED);
    let checked = wait(&staff, &id, "checked").await;
    assert_eq!(
        (&checked["lines"], &checked["counts"]["wrong"]),
        (&json!(65_536), &json!(65_536)),
        "none is lost"
    );
    let last = staff.get(&format!("/api/v1/imports/{id}/lines?after=65.535")).await;
    assert_eq!(last.body["items"][0]["line"], 65_537);
    // In full over the network in the drill; every time without it in src/import/tests.rs.
    let full = if std::env::var_os("KANGMA_DRILL").is_some() { 1_048_576 } else { 131_072 };
    println!("the longest list that is sent whole here: {full} rows");
    let id = sent(&staff, "confirmed", "3301", column(full)).await;
    let import = staff.get(&format!("/api/v1/imports/{id}")).await.body;
    assert_eq!(
        (&import["lines"], &import["at_limit"]),
        (&json!(full - 1), &json!(full == 1_048_576)),
        "{import}"
    );
    assert_eq!(
        staff.send(Method::DELETE, &format!("/api/v1/imports/{id}"), None).await.status,
        StatusCode::NO_CONTENT
    );
    let over = send(&staff, "confirmed", "3301", "x.csv", column(1_048_577).into_bytes()).await;
    assert_eq!((over.status.as_u16(), over.code()), (422, "import.rows"));
    assert!(over.text.contains("1048577"), "the count is told: {over:?}");
    let large = send(&staff, "confirmed", "3301", "x.csv", vec![b'1'; 65 << 20]).await;
    assert_eq!((large.status.as_u16(), large.code()), (413, "import.too_large"));
    let ids = staff.get("/api/v1/imports").await.body["items"].as_array().unwrap().len();
    assert_eq!(ids, 2, "what was refused left nothing");
}

#[tokio::test]
async fn killed_stopped_and_killed_again_every_line_is_applied_once() {
    const PEOPLE: u32 = 6_000;
    const BLOCK: i64 = 1_000;
    let dir = Arc::new(TempDir::new());
    let mut server = Server::start(dir.clone(), &["--demo"]);
    let staff = server.officer("admin").await;
    let before = facts(&dir).await;
    let list = tests(100..100 + PEOPLE, "阴性");
    let id = sent(&staff, "test", "3301", list.as_str()).await;
    assert_eq!(start(&staff, &id, json!({})).await.status, StatusCode::ACCEPTED);
    let done = |body: &Value| body["done_lines"].as_i64().unwrap();
    let mut seen = 0;
    for kill in [true, false, true] {
        let staff = server.officer("admin").await;
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let body = staff.get_in_turn(&format!("/api/v1/imports/{id}")).await.body;
            // Half a block further on: in the middle of the next one.
            if done(&body) > seen {
                seen = done(&body);
                break;
            }
            assert!(Instant::now() < until, "{body}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
        if kill {
            server.kill();
            server = Server::start(dir.clone(), &["--demo"]);
        } else {
            let stopped =
                staff.in_turn(Method::POST, &format!("/api/v1/imports/{id}/stop"), Some(json!({}))).await;
            assert_eq!(stopped.body["state"], "stopped", "{stopped:?}");
            // The block that was under way comes to its end, and none after it.
            let (rest, began) = (done(&stopped.body), Instant::now());
            let (mut before, mut still) = (-1, rest);
            while before != still {
                assert!(began.elapsed() < Duration::from_secs(20), "stopped is stopped: {before} {still}");
                tokio::time::sleep(Duration::from_millis(1_000)).await;
                before = still;
                still = done(&staff.get_in_turn(&format!("/api/v1/imports/{id}")).await.body);
            }
            let is_stopped = still <= rest + BLOCK && still < i64::from(PEOPLE);
            assert!(is_stopped, "stopped is stopped: {rest} {still}");
            seen = still;
            assert_eq!(start(&staff, &id, json!({})).await.status, StatusCode::ACCEPTED);
        }
    }
    let staff = server.officer("admin").await;
    let end = wait(&staff, &id, "done").await;
    assert_eq!(end["counts"], json!({ "fine": 0, "applied": PEOPLE, "known": 0, "wrong": 0 }));
    assert_eq!(facts(&dir).await - before, i64::from(PEOPLE), "nothing lost, nothing twice");
    let again = imported(&staff, "test", "3301", &format!("{list}\r\n")).await;
    assert_eq!(again["counts"]["known"], PEOPLE);
    assert_eq!(facts(&dir).await - before, i64::from(PEOPLE));
}

#[tokio::test]
async fn another_node_goes_on_where_one_was_killed() {
    const PEOPLE: u32 = 4_000;
    let dir = Arc::new(TempDir::shared());
    let mut first = Server::start(dir.clone(), &["--demo"]);
    // Alone for a moment, it holds all leases.
    let staff = first.officer("data.city").await;
    let before = counted(&dir).await;
    let id = sent(&staff, "test", "3301", tests(10_000..10_000 + PEOPLE, "阴性")).await;
    assert_eq!(start(&staff, &id, json!({})).await.status, StatusCode::ACCEPTED);
    let until = Instant::now() + Duration::from_secs(60);
    while staff.get_in_turn(&format!("/api/v1/imports/{id}")).await.body["done_lines"] == 0 {
        assert!(Instant::now() < until, "it begins");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let second = Server::start(dir.clone(), &["--demo"]);
    first.kill();
    let staff = second.officer("data.city").await;
    let end = wait(&staff, &id, "done").await;
    assert_eq!(end["counts"], json!({ "fine": 0, "applied": PEOPLE, "known": 0, "wrong": 0 }));
    assert_eq!(counted(&dir).await - before, i64::from(PEOPLE), "nothing lost, nothing twice");
}

/// How many facts stand in PostgreSQL.
async fn counted(dir: &TempDir) -> i64 {
    let rows = crate::common::rows(dir, "SELECT COUNT(*)::text FROM fact").await;
    rows[0][0].as_ref().unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_command_sends_a_list_as_the_page_does_and_says_what_came_of_it() {
    let server = Server::demo();
    let file = server.dir.0.join("名单.csv");
    std::fs::write(&file, format!("证件号码\r\n{}\r\n330106\r\n", document(61))).unwrap();
    let errors = server.dir.0.join("errors.csv");
    let run = |more: &[&str]| {
        let mut command = crate::common::kangma();
        command.arg("import").arg(&file).args([
            "--kind",
            "confirmed",
            "--division",
            "3301",
            "--to",
            &server.base,
        ]);
        let out = command.args(more).env("KANGMA_STAFF_PASSWORD", "demo").output().unwrap();
        (
            out.status.success(),
            String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap(),
        )
    };
    let (well, said) = run(&["--staff", "data.city", "--dry-run"]);
    assert!(!well && said.contains("checked: 1 fine, 0 applied, 0 known, 1 wrong"), "{said}");
    let (_, said) = run(&["--staff", "data.city", "--errors", errors.to_str().unwrap()]);
    assert!(
        said.contains("sent before") && said.contains("done: 0 fine, 1 applied, 0 known, 1 wrong"),
        "{said}"
    );
    assert!(std::fs::read_to_string(&errors).unwrap().contains("330106"));
    let (well, said) = run(&["--staff", "nobody"]);
    assert!(!well && said.contains("staff.wrong"), "{said}");
}

/// How many facts are stored.
async fn facts(dir: &TempDir) -> i64 {
    let sql = "SELECT COUNT(*) FROM fact";
    if crate::common::postgres().is_some() {
        return counted(dir).await;
    }
    let file = rusqlite::Connection::open(dir.0.join("data/kangma.db")).unwrap();
    file.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_list_about_many_people_of_elsewhere_is_held_before_it_colours_anybody() {
    let server = Server::demo();
    let staff = server.officer("admin").await;
    let list = |people: std::ops::Range<u32>, date: &str| {
        let lines = people.map(|n| format!("{},{date}\r\n", document(n)));
        format!("证件号码,日期\r\n{}", lines.collect::<String>())
    };
    // 1,317 people, half of them of another province, as the vaccination registers there know.
    imported(&staff, "vaccination", "110105", &list(1_000..1_658, &ago(9)).replace("日期", "接种日期")).await;
    imported(&staff, "vaccination", "330106", &list(1_658..2_317, &ago(9)).replace("日期", "接种日期")).await;
    let county = server.officer("data").await;
    let id =
        sent(&county, "quarantine", "330106", list(1_000..2_317, &ago(5)).replace("日期", "开始日期")).await;
    assert_eq!(start(&county, &id, json!({})).await.status, StatusCode::ACCEPTED);
    let held = wait(&staff, &id, "held").await;
    assert_eq!(held["counts"]["applied"], 0, "nobody was touched: {held}");
    // The alarm is raised after the list is held.
    let (auditor, began) = (server.officer("auditor").await, Instant::now());
    loop {
        let alarms = auditor.get("/api/v1/alarms").await;
        if alarms.body["items"].as_array().unwrap().iter().any(|a| a["kind"] == "list_held") {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "the auditor knows: {alarms:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let refused = start(&county, &id, json!({})).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (403, "import.held"), "not by who sent it");
    let city = server.officer("data.city").await;
    let path = format!("/api/v1/imports/{id}");
    assert_eq!(county.get(&path).await.body["may_release"], false);
    assert_eq!(city.get(&path).await.body["may_release"], true);
    let released = start(&city, &id, json!({})).await;
    assert_eq!(released.status, StatusCode::ACCEPTED, "by somebody of the level above: {released:?}");
    let done = wait(&staff, &id, "done").await;
    assert_eq!((&done["counts"]["applied"], &done["released_by"]), (&json!(1_317), &json!("data.city")));
    let contacts = |n: u32| {
        (0..n).map(|i| format!("{{\"document_number\":\"{}\"}}\n", document(1_000 + i))).collect::<String>()
    };
    let many = records(&staff, "close_contact", "330106", "key-held-1", contacts(600)).await;
    assert_eq!((many.status.as_u16(), many.code()), (403, "import.held"), "nor by the other door");
    let few = records(&staff, "close_contact", "330106", "key-held-2", contacts(20)).await;
    assert_eq!(few.status, StatusCode::OK, "a few travellers are ordinary: {few:?}");
}

#[tokio::test]
async fn lists_of_another_division_are_not_there_and_none_can_be_sent_for_it() {
    let server = Server::demo();
    let (city, county) = (server.officer("data.city").await, server.officer("data").await);
    let file = format!("证件号码\r\n{}\r\n", document(71));
    let id = sent(&city, "confirmed", "330108", file.clone()).await;
    let at = |rest: &str| format!("/api/v1/imports/{id}{rest}");
    let nowhere = county.get("/api/v1/imports/00000000000000000000000000000000").await;
    let same = |answer: &Answer| (answer.status, answer.body["detail"].clone(), answer.code().to_owned());
    for path in [at(""), at("/lines"), at("/errors.csv")] {
        assert_eq!(same(&county.get(&path).await), same(&nowhere), "{path}");
    }
    assert_eq!(same(&start(&county, &id, json!({})).await), same(&nowhere));
    assert_eq!(same(&county.post(&at("/stop"), json!({})).await), same(&nowhere));
    let mapped = county.send(Method::PUT, &at("/mapping"), Some("{\"mapping\":{}}".into())).await;
    assert_eq!(same(&mapped), same(&nowhere));
    assert_eq!(county.get("/api/v1/imports").await.body["items"], json!([]));
    for division in ["330108", "3301", ""] {
        let refused = send(&county, "confirmed", division, "x.csv", file.clone().into_bytes()).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{division}: {refused:?}");
        let refused = records(&county, "confirmed", division, "elsewhere-1", String::new()).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{division}: {refused:?}");
    }
    let reviewer = server.reviewer().await;
    assert_eq!(reviewer.get("/api/v1/imports").await.status, StatusCode::FORBIDDEN, "a right of its own");
}

async fn records(staff: &Person, kind: &str, division: &str, key: &str, body: String) -> Answer {
    let request = staff
        .client
        .request(Method::POST, format!("{}/api/v1/records?kind={kind}&division={division}", staff.base))
        .header("accept-language", "en")
        .header("idempotency-key", key)
        .bearer_auth(staff.token.as_ref().unwrap())
        .body(body);
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status, headers, text, body }
}

#[tokio::test]
async fn machines_send_records_and_each_is_answered_once_and_for_all() {
    let server = Server::demo();
    let staff = server.officer("admin").await;
    let day = ago(3);
    let record = |n: u32, result: &str| {
        json!({ "document_number": document(n), "sampled_at": format!("{day}T08:00:00+08:00"), "result": result, "reference": format!("R{n}") })
            .to_string()
    };
    let body =
        [record(51, "negative"), record(52, "perhaps"), record(53, "positive"), record(51, "negative")]
            .join("\n");
    let answer = records(&staff, "test", "330106", "batch-0001", body.clone()).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let results = |a: &Answer| -> Vec<String> {
        let items = a.body["items"].as_array().unwrap();
        items.iter().map(|i| i["result"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(results(&answer), ["applied", "wrong", "applied", "known"]);
    assert_eq!(answer.body["items"][1]["column"], "result");
    let again = records(&staff, "test", "330106", "batch-0001", body.clone()).await;
    assert_eq!(again.body, answer.body, "the same key has the same answer");
    let other = records(&staff, "test", "330106", "batch-0002", body).await;
    assert_eq!(results(&other), ["known", "wrong", "known", "known"]);
    for (body, code) in [
        ("{".to_owned(), "import.record"),
        ("{\"shoe_size\":\"42\"}".into(), "import.record"),
        ("{\"dose\":\"1\"}".into(), "import.record"),
    ] {
        assert_eq!(records(&staff, "test", "330106", "batch-0003", body).await.code(), code);
    }
    let many = "{}\n".repeat(1_001);
    assert_eq!(records(&staff, "test", "330106", "batch-0004", many).await.code(), "import.records");
    assert_eq!(records(&staff, "shoes", "330106", "batch-0005", String::new()).await.code(), "import.kind");
    assert_eq!(
        records(&staff, "test", "999999", "batch-0006", String::new()).await.code(),
        "import.division"
    );
    let nobody = Person { token: Some("x".into()), ..staff.clone() };
    assert_eq!(
        records(&nobody, "test", "330106", "batch-0007", String::new()).await.status,
        StatusCode::UNAUTHORIZED
    );
}

/// The most memory that a process held at once, in MB.
#[cfg(target_os = "linux")]
fn peak_mb(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn two_of_the_largest_files_at_once_take_the_memory_that_is_promised_and_a_third_waits_its_turn() {
    // GB18030 grows by half when it is read: the costliest text of its size.
    let file = |seed: u32| {
        let mut file = gb_of("证件号码,姓名,备注\r\n");
        let rest = gb_of(&format!(",张测试,{}\r\n", "备注".repeat(600)));
        for n in 0.. {
            if file.len() > 62 << 20 {
                break;
            }
            file.extend_from_slice(format!("{seed}-{n}").as_bytes());
            file.extend_from_slice(&rest);
        }
        file
    };
    let server = Server::demo();
    let staff = server.officer("admin").await;
    let before = peak_mb(&server);
    let (one, two, three) = (file(1), file(2), file(3));
    assert!(one.len() > 61 << 20 && one.len() < 64 << 20, "{}", one.len());
    let answers = tokio::join!(
        send(&staff, "confirmed", "3301", "1.csv", one),
        send(&staff, "confirmed", "3301", "2.csv", two),
        send(&staff, "confirmed", "3301", "3.csv", three),
    );
    let answers = [answers.0, answers.1, answers.2];
    let taken = answers.iter().filter(|a| a.status == StatusCode::CREATED).count();
    let waits = answers.iter().filter(|a| a.code() == "import.busy").count();
    assert_eq!((taken, waits), (2, 1), "{:?}", answers.map(|a| a.status));
    let after = peak_mb(&server);
    println!("two files of 62 MB: {before} MB before, {after} MB at most");
    assert!(after < before + 500, "docs/import.md promises it: {before} MB before, {after} MB at most");
}

/// As many texts as a workbook may have, each of its own, in as few bytes as they take.
#[cfg(target_os = "linux")]
fn costliest_workbook() -> Vec<u8> {
    use std::io::Write as _;
    use zip::write::{SimpleFileOptions, ZipWriter};
    const TEXTS: u32 = 4_194_303;
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut part = |name: &str, text: &[u8]| {
        zip.start_file(name, SimpleFileOptions::default().compression_level(Some(1))).unwrap();
        zip.write_all(text).unwrap();
    };
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006";
    let tie = |kind: &str, to: &str| {
        format!(
            "<Relationships xmlns=\"{package}/relationships\"><Relationship Id=\"rId1\" Type=\"{office}/{kind}\" Target=\"{to}\"/></Relationships>"
        )
    };
    part("[Content_Types].xml", format!("<Types xmlns=\"{package}/content-types\"/>").as_bytes());
    part("_rels/.rels", tie("officeDocument", "xl/workbook.xml").as_bytes());
    part("xl/workbook.xml", format!("<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets><sheet name=\"S\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>").as_bytes());
    part("xl/_rels/workbook.xml.rels", tie("worksheet", "worksheets/sheet1.xml").as_bytes());
    let mut texts = format!("<sst xmlns=\"{main}\"><si><t>证件号码</t></si>");
    (1..TEXTS).for_each(|n| texts += &format!("<si><t>{n:08x}</t></si>"));
    part("xl/sharedStrings.xml", (texts + "</sst>").as_bytes());
    let row = |n: u32| format!("<row r=\"{n}\"><c r=\"A{n}\" t=\"s\"><v>{}</v></c></row>", (n - 1) * 37);
    let rows: String = (1..=100_000).map(row).collect();
    part(
        "xl/worksheets/sheet1.xml",
        format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>").as_bytes(),
    );
    zip.finish().unwrap().into_inner()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn two_workbooks_of_as_many_texts_as_may_be_take_no_more_memory_than_two_texts() {
    let file = costliest_workbook();
    assert!(file.len() < 64 << 20, "{}", file.len());
    let server = Server::demo();
    let staff = server.officer("admin").await;
    let before = peak_mb(&server);
    let answers = tokio::join!(
        send(&staff, "confirmed", "3301", "1.xlsx", file.clone()),
        send(&staff, "confirmed", "3302", "2.xlsx", file),
    );
    for answer in [&answers.0, &answers.1] {
        assert_eq!(
            (answer.status, &answer.body["lines"]),
            (StatusCode::CREATED, &json!(99_999)),
            "{answer:?}"
        );
    }
    let after = peak_mb(&server);
    println!("two workbooks of four million texts: {before} MB before, {after} MB at most");
    assert!(after < before + 500, "docs/import.md promises it: {before} MB before, {after} MB at most");
}
