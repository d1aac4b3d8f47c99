//! The golden description of the interface. A change of the interface shows as a change of one
//! file: `UPDATE_GOLDEN=1 cargo test -p kangma openapi` rewrites it.

use std::path::Path;

use crate::common::{Person, Server};

#[tokio::test]
async fn the_description_of_the_interface_is_the_golden_one() {
    let server = Server::demo();
    let answer = Person::nobody(&server).get("/api/openapi.json").await;
    let now = serde_json::to_string_pretty(&answer.body).unwrap() + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/openapi.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        golden == now,
        "the interface changed: UPDATE_GOLDEN=1 cargo test -p kangma openapi, and say so in CHANGELOG"
    );
    assert_eq!(answer.body["openapi"], "3.1.0");
}

/// Where two types have one name, the description of one of them is the other's.
#[test]
fn no_two_types_of_the_interface_have_one_name() {
    let mut files = Vec::new();
    crate::common::collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    crate::common::collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src"), &mut files);
    let mut names = std::collections::BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        for (at, _) in text.match_indices("ToSchema)]") {
            let mut name = None;
            for line in text[at..].lines().skip(1) {
                if let Some(as_) = line.trim().strip_prefix("#[schema(as = ") {
                    name = as_.split([')', ',']).next().map(str::to_owned);
                }
                let mut words =
                    line.split_whitespace().skip_while(|w| !["struct", "enum"].contains(w)).skip(1);
                if !line.trim_start().starts_with(['/', '#'])
                    && let Some(own) = words.next()
                {
                    let own: String = own.chars().take_while(|c| c.is_alphanumeric()).collect();
                    let name = name.unwrap_or(own);
                    let before = names.insert(name.clone(), file.clone());
                    assert!(
                        before.is_none(),
                        "{name} is in {before:?} and in {}: give one `as`",
                        file.display()
                    );
                    break;
                }
            }
        }
    }
    assert!(names.len() > 200, "{}", names.len());
}

#[tokio::test]
async fn every_operation_says_what_it_does_and_every_page_answers() {
    let server = Server::demo();
    let nobody = Person::nobody(&server);
    let spec = nobody.get("/api/openapi.json").await.body;
    for (path, operations) in spec["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            assert!(operation["summary"].as_str().is_some_and(|s| s.len() > 10), "{method} {path}");
            assert!(operation["responses"].as_object().is_some_and(|r| !r.is_empty()), "{method} {path}");
        }
    }
    for name in [
        "/api/v1/login/codes",
        "/api/v1/login",
        "/api/v1/declarations",
        "/api/v1/me/code",
        "/api/v1/me/check-ins",
        "/api/v1/scans",
        "/api/v1/divisions",
        "/.well-known/kangma/keys.json",
        "/demo/outbox",
        "/demo/advance",
        "/livez",
        "/readyz",
    ] {
        assert!(spec["paths"][name].is_object(), "other programs rely on {name}");
    }
    for page in [
        "/",
        "/checkpoint",
        "/staff",
        "/demo",
        "/demo/outbox",
        "/api/docs/",
        "/livez",
        "/readyz",
        "/.well-known/kangma/keys.json",
    ] {
        let answer = nobody
            .client
            .get(format!("{}{page}", server.base))
            .header("accept", "text/html")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{page}");
        if answer.headers()["content-type"].to_str().unwrap().starts_with("text/html") {
            let csp = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
            assert!(
                csp.contains("default-src 'none'") && !csp.contains("script-src 'self' 'unsafe-inline'"),
                "{page}: {csp}"
            );
            assert!(!csp.contains("http"), "{page}: a foreign host in {csp}");
        }
    }
}
