//! What staff may do: every staff route for every role, inside and outside the scope; giving rights,
//! sessions, the second factor, looking people up.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::{Person, Server, TempDir, document, environment, kangma, prepare, well};
use kangma_core::role::{PERMISSIONS, Permission, Permissions, ROLES};
use kangma_core::time::Instant;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Who may use a route.
enum Need {
    /// Anybody, logged in or not.
    Nothing,
    /// Every officer, for what is their own.
    Session,
    /// Whoever holds one of these.
    One(&'static [Permission]),
}

struct Route {
    method: Method,
    path: &'static str,
    need: Need,
    /// Query and body that are right as far as they go.
    query: &'static str,
    body: Option<Value>,
}

fn route(method: &str, path: &'static str, need: Need) -> Route {
    Route { method: method.parse().unwrap(), path, need, query: "", body: None }
}

impl Route {
    fn body(self, body: Value) -> Route {
        Route { body: Some(body), ..self }
    }

    fn query(self, query: &'static str) -> Route {
        Route { query, ..self }
    }

    /// The path of something that is not there, in the demo's county.
    fn address(&self) -> String {
        let path = self.path.replace("{division}", "330106").replace("{name}", "nobody-there");
        let id = "0123456789abcdef0123456789abcdef";
        let path = path.replace("{id}", id).replace("{evidence}", id).replace("{simulation}", id);
        format!("{path}{}", self.query)
    }

    async fn ask(&self, who: &Person) -> crate::common::Answer {
        who.send(self.method.clone(), &self.address(), self.body.as_ref().map(Value::to_string)).await
    }
}

const DESK: Need = Need::One(&[Permission::Review, Permission::Appeal, Permission::Approve]);
/// An enterprise's right is for its own place, which `story_collect` lives: for a division it opens nothing.
const COLLECT: Need = Need::One(&[Permission::Collect]);
const SEEN: Need = Need::One(&[Permission::Collect, Permission::Enterprise]);
const GIVING: Need = Need::One(&[Permission::GrantRights]);
const IMPORT: Need = Need::One(&[Permission::Import]);
const ORDER: Need = Need::One(&[Permission::Order]);
const ORDERS: Need = Need::One(&[Permission::Order, Permission::CountersignOrder]);
const SEE_ORDERS: Need = Need::One(&[Permission::Order, Permission::CountersignOrder, Permission::Audit]);
const RULES: Need = Need::One(&[Permission::Rules]);
const PUBLISH: Need = Need::One(&[Permission::PublishRules]);
const SEE_RULES: Need = Need::One(&[Permission::Rules, Permission::PublishRules]);
const NUMBERS: Need = Need::One(&[Permission::Dashboard]);

fn routes(now: Instant) -> Vec<Route> {
    let (soon, late) = (now.plus_s(86_400), now.plus_s(2 * 86_400));
    let grant = json!({ "role": "collector", "division": "330106", "ends_at": soon });
    let finding = json!({ "outcome": "approve", "code": "as_declared", "reason": "seen" });
    let look = json!({ "document": { "type": "resident_id", "number": document(77) }, "purpose": "help", "reason": "asked" });
    let invitation = json!({ "name": "new.one", "office": "样例街道网格中心", "division": "330106" });
    let order = json!({
        "of": { "document": { "type": "resident_id", "number": document(79) } }, "rule": "HZ-NONE",
        "evidence": "report", "reference": "2026-1", "until": soon,
    });
    let undo = json!({
        "division": "330106", "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", "reason": "in error",
    });
    let seen = |mut body: Value| {
        body["id"] = json!("01234567-89ab-4def-8123-456789abcdef");
        body["division"] = json!("330106");
        body["seen_at"] = json!("2026-01-01T00:00:00Z");
        body
    };
    let target = "?kind=confirmed&division=330106&name=list.csv";
    vec![
        route("POST", "/api/v1/staff/login", Need::Nothing).body(json!({ "name": "x", "password": "y" })),
        route("POST", "/api/v1/staff/invitations/accept", Need::Nothing)
            .body(json!({ "token": "AA", "password": "long enough by far" })),
        route("POST", "/api/v1/staff/logout", Need::Nothing),
        route("GET", "/api/v1/staff/me", Need::Session),
        route("GET", "/api/v1/staff/sessions", Need::Session),
        route("DELETE", "/api/v1/staff/sessions/{id}", Need::Session),
        route("POST", "/api/v1/staff/password", Need::Session)
            .body(json!({ "old": "wrong", "new": "long enough by far" })),
        route("POST", "/api/v1/staff/second-factor", Need::Session),
        route("POST", "/api/v1/staff/second-factor/confirm", Need::Session).body(json!({ "code": "000000" })),
        route("GET", "/api/v1/staff/accounts", GIVING),
        route("GET", "/api/v1/staff/accounts/{name}", GIVING),
        route("DELETE", "/api/v1/staff/accounts/{name}", GIVING),
        route("DELETE", "/api/v1/staff/accounts/{name}/second-factor", GIVING),
        route("POST", "/api/v1/staff/accounts/{name}/grants", GIVING).body(grant),
        route("DELETE", "/api/v1/staff/grants/{id}", GIVING),
        route("POST", "/api/v1/staff/invitations", GIVING).body(invitation),
        route("GET", "/api/v1/staff/roles", GIVING),
        route("GET", "/api/v1/staff/roles/{name}", GIVING),
        route("DELETE", "/api/v1/staff/accounts/{name}/sessions", GIVING),
        route("DELETE", "/api/v1/staff/invitations/{name}", GIVING),
        route("PUT", "/api/v1/staff/roles/{name}", GIVING).body(json!({ "permissions": ["collect"] })),
        route("POST", "/api/v1/people/look-up", Need::One(&[Permission::LookUp])).body(look),
        route("GET", "/api/v1/reviews", DESK),
        route("GET", "/api/v1/review-reasons", DESK),
        route("GET", "/api/v1/reviews/{id}", DESK),
        route("POST", "/api/v1/reviews/{id}", DESK).body(finding),
        route("POST", "/api/v1/reviews/{id}/claim", DESK),
        route("DELETE", "/api/v1/reviews/{id}/claim", DESK),
        route("POST", "/api/v1/reviews/{id}/escalation", DESK)
            .body(json!({ "code": "not_mine", "reason": "another office" })),
        route("GET", "/api/v1/reviews/{id}/evidence/{evidence}", DESK),
        route("POST", "/api/v1/reviews/{id}/undo", DESK),
        route("GET", "/api/v1/alarms", Need::One(&[Permission::Audit])),
        route("POST", "/api/v1/alarms/{id}", Need::One(&[Permission::Audit]))
            .body(json!({ "reason": "called them" })),
        route("GET", "/api/v1/observations", SEEN),
        route("POST", "/api/v1/observations", COLLECT).body(seen(json!({ "pass": "KM1:x" }))),
        route("POST", "/api/v1/entries", COLLECT)
            .body(seen(json!({ "kind": "household", "people": [{ "pass": "KM1:x" }] }))),
        route("POST", "/api/v1/assisted-declarations", Need::One(&[Permission::Collect])).body(seen(
            json!({ "declaration": well(78), "consent": { "how": "spoken", "witness": "a neighbour" } }),
        )),
        route("GET", "/api/v1/orders", SEE_ORDERS),
        route("POST", "/api/v1/orders", ORDER).body(order),
        route("GET", "/api/v1/orders/{id}", SEE_ORDERS),
        route("POST", "/api/v1/orders/{id}/approval", ORDER),
        route("POST", "/api/v1/orders/{id}/signature", Need::One(&[Permission::CountersignOrder])),
        route("POST", "/api/v1/orders/{id}/withdrawal", ORDERS).body(json!({ "reason": "in error" })),
        route("GET", "/api/v1/drafts", RULES),
        route("POST", "/api/v1/drafts", RULES).body(json!({ "division": "330106" })),
        route("GET", "/api/v1/drafts/{id}", RULES),
        route("PUT", "/api/v1/drafts/{id}/files", RULES).body(json!({ "version": 1, "files": {} })),
        route("POST", "/api/v1/drafts/{id}/check", RULES),
        route("POST", "/api/v1/drafts/{id}/cases", RULES),
        route("POST", "/api/v1/drafts/{id}/try", RULES).body(json!({ "files": {} })),
        route("GET", "/api/v1/drafts/{id}/simulations", RULES),
        route("POST", "/api/v1/drafts/{id}/simulations", RULES).body(json!({ "sample": 10 })),
        route("GET", "/api/v1/drafts/{id}/simulations/{simulation}", RULES),
        route("POST", "/api/v1/drafts/{id}/simulations/{simulation}/stop", RULES),
        route("POST", "/api/v1/drafts/{id}/proposal", RULES).body(json!({
            "reference": "2026-1", "starts_at": soon, "sunset": late, "shadow_s": 60, "stages": [],
        })),
        route("GET", "/api/v1/publications", SEE_RULES),
        route("GET", "/api/v1/publications/{id}", SEE_RULES),
        route("GET", "/api/v1/publications/{id}/files", SEE_RULES),
        route("POST", "/api/v1/publications/{id}/signature", PUBLISH)
            .body(json!({ "digest": "0123456789abcdef" })),
        route("POST", "/api/v1/publications/{id}/shadow", PUBLISH),
        route("POST", "/api/v1/publications/{id}/publish", PUBLISH),
        route("POST", "/api/v1/publications/{id}/stop", PUBLISH).body(json!({ "reason": "in error" })),
        route("POST", "/api/v1/publications/{id}/rollback", PUBLISH).body(json!({ "reason": "in error" })),
        route("GET", "/api/v1/areas", SEE_RULES),
        route("POST", "/api/v1/areas", RULES).body(json!({
            "division": "330106", "reference": "2026-1", "reason": "a trial", "entries": [],
        })),
        route("POST", "/api/v1/areas/check", RULES).body(json!({ "division": "330106", "entries": [] })),
        route("GET", "/api/v1/areas/{id}", SEE_RULES),
        route("POST", "/api/v1/areas/{id}/signature", PUBLISH).body(json!({ "digest": "0123456789abcdef" })),
        route("POST", "/api/v1/areas/{id}/withdrawal", SEE_RULES).body(json!({ "reason": "in error" })),
        route("GET", "/api/v1/order-undos", SEE_ORDERS),
        route("POST", "/api/v1/order-undos", ORDER).body(undo),
        route("POST", "/api/v1/order-undos/{id}/signature", Need::One(&[Permission::CountersignOrder])),
        route("GET", "/api/v1/import-kinds", IMPORT),
        route("GET", "/api/v1/imports", IMPORT),
        route("POST", "/api/v1/imports", IMPORT).query(target).body(json!("name,number")),
        route("GET", "/api/v1/imports/{id}", IMPORT),
        route("DELETE", "/api/v1/imports/{id}", IMPORT),
        route("GET", "/api/v1/imports/{id}/errors.csv", IMPORT),
        route("GET", "/api/v1/imports/{id}/lines", IMPORT),
        route("GET", "/api/v1/imports/{id}/reasons", IMPORT),
        route("PUT", "/api/v1/imports/{id}/mapping", IMPORT).body(json!({ "mapping": {} })),
        route("POST", "/api/v1/imports/{id}/start", IMPORT).body(json!({})),
        route("POST", "/api/v1/imports/{id}/stop", IMPORT),
        route("POST", "/api/v1/records", IMPORT).query("?kind=confirmed&division=330106").body(json!({})),
        route("GET", "/api/v1/dashboard/{division}/numbers", NUMBERS),
        route("GET", "/api/v1/dashboard/{division}/series", NUMBERS),
        route("GET", "/api/v1/dashboard/{division}/children", NUMBERS),
        route("GET", "/api/v1/dashboard/{division}/map", NUMBERS),
        route("POST", "/api/v1/dashboard/{division}/export.csv", Need::One(&[Permission::Export]))
            .body(json!({ "reason": "for the morning's report" })),
        route("GET", "/api/v1/dashboard/{division}/live", NUMBERS),
        route("GET", "/api/v1/dashboard/{division}/appeals", NUMBERS),
        route("GET", "/api/v1/service", Need::One(&[Permission::Operate])),
    ]
}

/// Every staff route that the service describes is in the table, and nothing else.
async fn all_classified(server: &Server) {
    let api = Person::nobody(server).get("/api/openapi.json").await.body;
    let mut described: Vec<String> = Vec::new();
    for (path, operations) in api["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            if operation["tags"].as_array().is_some_and(|tags| tags.contains(&json!("staff"))) {
                described.push(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    let mut classified: Vec<String> =
        routes(Instant(0)).iter().map(|r| format!("{} {}", r.method, r.path)).collect();
    described.sort();
    classified.sort();
    assert_eq!(classified, described, "each staff route says who may use it");
}

fn opens_a_stream(route: &Route) -> bool {
    route.path.ends_with("/live")
}

/// The account of each role, given by an administrator in one division.
async fn officers(
    server: &Server,
    admin: &Person,
    division: &str,
) -> Vec<(&'static str, Permissions, Person)> {
    let mut all = Vec::new();
    for (role, permissions) in ROLES {
        let name = format!("{role}.{division}");
        let invited = json!({ "name": name, "office": format!("样例{division}"), "division": division });
        let invited = admin.post("/api/v1/staff/invitations", invited).await;
        assert_eq!(invited.status, StatusCode::CREATED, "{invited:?}");
        let password = "correct horse battery";
        let taken = json!({ "token": invited.body["token"], "password": password });
        let accepted = elsewhere(server, "invitations/accept", taken.clone()).await;
        assert_eq!(accepted.0, StatusCode::CREATED, "{accepted:?}");
        let again = elsewhere(server, "invitations/accept", taken).await;
        assert_eq!((again.0, &again.1["code"]), (StatusCode::NOT_FOUND, &json!("rights.invitation_over")));
        let grant = json!({ "role": role, "division": division, "ends_at": admin.in_days(30).await });
        let given = admin.post(&format!("/api/v1/staff/accounts/{name}/grants"), grant).await;
        assert_eq!(given.status, StatusCode::CREATED, "{given:?}");
        all.push((role, permissions, log_in(server, &name, password).await));
    }
    all
}

async fn log_in(server: &Server, name: &str, password: &str) -> Person {
    let (status, answer) = elsewhere(server, "login", json!({ "name": name, "password": password })).await;
    assert_eq!(status, StatusCode::OK, "{answer:?}");
    Person { token: Some(answer["token"].as_str().unwrap().to_owned()), ..Person::nobody(server) }
}

/// From an address that nobody used before: tries of passwords are limited by address.
async fn elsewhere(server: &Server, path: &str, body: Value) -> (StatusCode, Value) {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let from = std::net::Ipv4Addr::from(0x0a00_0000 + NEXT.fetch_add(1, Ordering::Relaxed));
    let request = crate::common::client().post(format!("{}/api/v1/staff/{path}", server.base)).json(&body);
    let answer = request.header("x-forwarded-for", from.to_string()).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

fn browser(name: &str) -> reqwest::Client {
    crate::common::client();
    reqwest::Client::builder().user_agent(name.to_owned()).build().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_asks_for_its_right_of_every_role_inside_and_outside_the_scope() {
    let server = Server::start(Arc::new(TempDir::new()), &["--demo", "--trust-proxy"]);
    all_classified(&server).await;
    let admin = server.officer("admin").await;
    let here = officers(&server, &admin, "330106").await;
    let far = officers(&server, &admin, "650102").await;
    let mut refused = 0;
    let (mut open, mut closed) = (BTreeSet::new(), BTreeSet::new());
    let role_far: BTreeSet<_> = far.iter().map(|(.., who)| who.token.clone()).collect();
    for route in routes(admin.in_days(0).await) {
        let label = format!("{} {}", route.method, route.path);
        let nobody = route.ask(&Person::nobody(&server)).await;
        let public = matches!(route.need, Need::Nothing);
        if !public {
            assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{label}, nobody: {nobody:?}");
        }
        for (role, permissions, who) in here.iter().chain(&far) {
            let holds = match route.need {
                Need::Nothing | Need::Session => true,
                Need::One(any) => any.iter().any(|p| permissions.contains(*p)),
            };
            if holds && opens_a_stream(&route) {
                continue;
            }
            // What ends one's own session is asked of the demo's administrator's, further below.
            if route.path == "/api/v1/staff/logout" {
                continue;
            }
            let answer = route.ask(who).await;
            assert!(!answer.status.is_server_error(), "{label}, {role}: {answer:?}");
            if holds {
                assert_ne!(answer.code(), "auth.unauthorised", "{label}, {role}: {answer:?}");
                if !role_far.contains(&who.token) && answer.code() == "auth.not_allowed" {
                    closed.insert(format!("{label}, {role}"));
                }
            } else {
                refused += 1;
                let hidden = route.path.contains("{division}") && answer.status == StatusCode::NOT_FOUND;
                if !hidden && (answer.status, answer.code()) != (StatusCode::FORBIDDEN, "auth.not_allowed") {
                    open.insert(format!("{label}: {} {}", answer.status, answer.code()));
                }
            }
        }
        // Outside: with the right, elsewhere. Nothing of here is given, and nothing is said of it.
        for (role, permissions, who) in &far {
            let Need::One(any) = route.need else { continue };
            let asks_of_here = route.path.contains("{division}") || route.query.contains("division=");
            if any.iter().any(|p| permissions.contains(*p)) && asks_of_here {
                let answer = route.ask(who).await;
                assert!(
                    [StatusCode::NOT_FOUND, StatusCode::FORBIDDEN].contains(&answer.status),
                    "{label}, {role} of elsewhere: {answer:?}"
                );
            }
        }
    }
    assert!(open.is_empty(), "refused otherwise, or not at all, without the right: {open:#?}");
    // Inside its scope a right opens what it is for; what is everybody's takes the whole country.
    let whole_country = |label: &String| label.contains("/api/v1/staff/roles");
    closed.retain(|label| !whole_country(label));
    assert!(closed.is_empty(), "refused with the right: {closed:#?}");
    assert!(refused > 300, "{refused} refusals were asked for");
    let of = |all: &[(&'static str, Permissions, Person)], role: &str| {
        all.iter().find(|(name, ..)| *name == role).unwrap().2.clone()
    };
    no_leak(&server, &of(&here, "administrator"), &of(&far, "administrator")).await;
}

/// What exists here answers somebody of elsewhere as what does not exist at all.
async fn no_leak(server: &Server, here: &Person, far: &Person) {
    let resident = server.log_in("13700000801").await;
    let declared = resident.declare(&well(801)).await;
    assert_eq!(declared.status, StatusCode::CREATED, "{declared:?}");
    let look = |n: u32| json!({ "document": { "type": "resident_id", "number": document(n) }, "purpose": "help", "reason": "asked at the desk" });
    let there = here.post("/api/v1/people/look-up", look(801)).await;
    assert_eq!((there.status, &there.body["colour"]), (StatusCode::OK, &json!("green")), "{there:?}");
    let list = format!("姓名,证件号码\n张测试,{}\n", document(801));
    let target = "/api/v1/imports?kind=confirmed&division=330106&name=a.csv";
    let imported = here.send(Method::POST, target, Some(list)).await;
    assert_eq!(imported.status, StatusCode::CREATED, "{imported:?}");
    let import = imported.body["id"].as_str().unwrap();
    let pairs = [
        ("/api/v1/staff/accounts/collector".to_owned(), "/api/v1/staff/accounts/nobody-there".to_owned()),
        (format!("/api/v1/imports/{import}"), "/api/v1/imports/00000000000000000000000000000001".to_owned()),
        ("/api/v1/dashboard/330106/numbers".to_owned(), "/api/v1/dashboard/999999/numbers".to_owned()),
    ];
    for (exists, does_not) in pairs {
        assert_eq!(here.get(&exists).await.status, StatusCode::OK, "{exists}");
        let (one, other) = (far.get(&exists).await, far.get(&does_not).await);
        assert_eq!((one.status, one.code()), (other.status, other.code()), "{exists}");
        assert_eq!(one.status, StatusCode::NOT_FOUND, "{exists}");
    }
    let (one, other) = (
        far.post("/api/v1/people/look-up", look(801)).await,
        far.post("/api/v1/people/look-up", look(802)).await,
    );
    assert_eq!((one.status, one.code()), (other.status, other.code()));
    assert_eq!(one.code(), "look.nobody");
    // The person sees who looked, and not those who were told nothing.
    let looks = resident.get("/api/v1/me/looks").await.body;
    let items = looks["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{looks}");
    assert_eq!(
        (&items[0]["role"], &items[0]["purpose"]),
        (&json!("administrator"), &json!("help")),
        "{looks}"
    );
    assert!(
        !looks.to_string().contains("asked at the desk")
            && !looks.to_string().contains("administrator.330106")
    );
    // And whoever guesses is told that it was counted.
    let notices = far.get("/api/v1/staff/me").await.body["notices"].to_string();
    assert!(notices.contains("guessing"), "{notices}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_gives_only_what_one_holds_there_and_not_longer_and_it_ends_at_once() {
    let server = Server::demo();
    let admin = server.officer("admin").await;
    let role = json!({ "permissions": ["grant_rights", "review", "collect"] });
    let made = admin.send(Method::PUT, "/api/v1/staff/roles/street_lead", Some(role.to_string())).await;
    assert_eq!((made.status, &made.body["version"]), (StatusCode::OK, &json!(0)), "{made:?}");
    let give = async |who: &Person, to: &str, role: &str, division: &str, end: Instant| {
        let grant = json!({ "role": role, "division": division, "ends_at": end });
        who.post(&format!("/api/v1/staff/accounts/{to}/grants"), grant).await
    };
    // A second factor is taken off by somebody else.
    let own = admin.send(Method::DELETE, "/api/v1/staff/accounts/admin/second-factor", None).await;
    assert_eq!((own.status, own.code()), (StatusCode::CONFLICT, "rights.own_second_factor"));
    let end = admin.in_days(180).await;
    let (before, after) = (end.plus_s(-86_400), end.plus_s(86_400));
    let given = give(&admin, "collector", "street_lead", "330106", end).await;
    assert_eq!(given.status, StatusCode::CREATED, "{given:?}");
    let lead = server.officer("collector").await;
    let fine = give(&lead, "verifier", "collector", "330106", before).await;
    assert_eq!(fine.status, StatusCode::CREATED, "{fine:?}");
    for (role, division, end) in [
        ("reviewer", "330106", before),
        ("collector", "3301", before),
        ("collector", "330106", after),
        ("administrator", "330106", before),
    ] {
        let refused = give(&lead, "verifier", role, division, end).await;
        assert_eq!(
            (refused.status, refused.code()),
            (StatusCode::FORBIDDEN, "rights.not_held"),
            "{role} {division} {end}"
        );
    }
    // Of another division's office nothing is known.
    let elsewhere = give(&lead, "auditor", "collector", "330106", before).await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND, "{elsewhere:?}");
    let widened = json!({ "permissions": ["collect", "order"] }).to_string();
    let widened = lead.send(Method::PUT, "/api/v1/staff/roles/collector", Some(widened)).await;
    assert_eq!(widened.status, StatusCode::FORBIDDEN, "roles are everybody's");

    // A living session loses a right with its grant, and gains what its role gains.
    assert_eq!(lead.get("/api/v1/reviews").await.status, StatusCode::OK);
    let less = json!({ "permissions": ["grant_rights", "collect"], "version": 0 }).to_string();
    let less = admin.send(Method::PUT, "/api/v1/staff/roles/street_lead", Some(less)).await;
    assert_eq!((less.status, &less.body["version"]), (StatusCode::OK, &json!(1)), "{less:?}");
    assert_eq!(lead.get("/api/v1/reviews").await.status, StatusCode::FORBIDDEN);
    assert_eq!(lead.get("/api/v1/staff/roles").await.status, StatusCode::OK);
    let id = given.body["id"].as_str().unwrap();
    let ended = admin.send(Method::DELETE, &format!("/api/v1/staff/grants/{id}"), None).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT, "{ended:?}");
    assert_eq!(lead.get("/api/v1/staff/roles").await.status, StatusCode::FORBIDDEN);
    let gone = admin.send(Method::DELETE, "/api/v1/staff/accounts/collector", None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
    assert_eq!(lead.get("/api/v1/staff/me").await.status, StatusCode::UNAUTHORIZED, "the session ended too");
    let login = json!({ "name": "collector", "password": "demo" });
    assert_eq!(
        Person::nobody(&server).post("/api/v1/staff/login", login).await.status,
        StatusCode::UNAUTHORIZED
    );
}

/// Two look at a role; the first saves. Whoever saves from what they saw before is told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_page_does_not_overwrite_a_newer_change_of_a_role() {
    let server = Server::demo();
    let (one, other) = (server.officer("admin").await, server.officer("admin").await);
    let path = "/api/v1/staff/roles/reviewer";
    let put = async |who: &Person, path: &str, permissions: Value, version: Value| {
        let body = json!({ "permissions": permissions, "version": version });
        who.send(Method::PUT, path, Some(body.to_string())).await
    };
    let seen = one.get(path).await.body["role"].clone();
    assert_eq!(seen, other.get(path).await.body["role"]);
    assert_eq!((&seen["version"], &seen["holders"]), (&json!(0), &json!(1)), "{seen}");
    let list = one.get("/api/v1/staff/roles").await.body;
    assert!(list["items"].as_array().unwrap().contains(&seen), "{list}");

    let saved = put(&one, path, json!(["review"]), json!(0)).await;
    assert_eq!((saved.status, &saved.body["version"]), (StatusCode::OK, &json!(1)), "{saved:?}");
    // From the old version, from one that never was, and as if it were new.
    for version in [json!(0), json!(7), Value::Null] {
        let late = put(&other, path, json!(["review", "appeal", "export"]), version.clone()).await;
        assert_eq!((late.status, late.code()), (StatusCode::CONFLICT, "rights.role_changed"), "{version}");
    }
    let now = other.get(path).await.body["role"].clone();
    assert_eq!((&now["permissions"], &now["version"]), (&json!(["review"]), &json!(1)), "{now}");
    // Of two at one moment one is told.
    let sets = [json!(["review", "appeal"]), json!(["review", "look_up"])];
    let [first, second] = sets;
    let (a, b) = tokio::join!(put(&one, path, first, json!(1)), put(&other, path, second, json!(1)));
    let mut statuses = [a.status, b.status];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::OK, StatusCode::CONFLICT], "{a:?} {b:?}");
    // A new role says that it is new, and nothing of a version that is not there.
    let new = "/api/v1/staff/roles/night_watch";
    assert_eq!(put(&one, new, json!(["verify"]), json!(0)).await.code(), "rights.role_changed");
    assert_eq!(put(&one, new, json!(["verify"]), Value::Null).await.status, StatusCode::OK);
    assert_eq!(put(&other, new, json!(["collect"]), Value::Null).await.code(), "rights.role_changed");
    assert_eq!(other.get("/api/v1/staff/roles/not_there").await.status, StatusCode::NOT_FOUND);
    // Nobody takes the right to give from themselves, nor their own account.
    let administrator = one.get("/api/v1/staff/roles/administrator").await.body["role"].clone();
    let less =
        put(&one, "/api/v1/staff/roles/administrator", json!(["review"]), administrator["version"].clone())
            .await;
    assert_eq!((less.status, less.code()), (StatusCode::CONFLICT, "rights.own_right"));
    let own = one.send(Method::DELETE, "/api/v1/staff/accounts/admin", None).await;
    assert_eq!((own.status, own.code()), (StatusCode::CONFLICT, "rights.own_account"));
}

/// What the room of accounts shows: whom one gives rights to, what they hold, where they are logged in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_are_listed_with_what_they_hold_and_logged_out_and_invitations_taken_back() {
    let server = Server::demo();
    let admin = server.officer("admin").await;
    let lead = json!({ "permissions": ["grant_rights", "collect", "verify"], "version": null });
    admin.send(Method::PUT, "/api/v1/staff/roles/street_lead", Some(lead.to_string())).await;
    let grant = json!({ "role": "street_lead", "division": "330106", "ends_at": admin.in_days(180).await });
    let given = admin.post("/api/v1/staff/accounts/collector/grants", grant).await;
    assert_eq!(given.status, StatusCode::CREATED, "{given:?}");
    let lead = server.officer("collector").await;
    let all = lead.get("/api/v1/staff/accounts").await.body;
    let names: Vec<&str> =
        all["items"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["approver", "collector", "data", "manager", "verifier"],
        "offices of the county alone"
    );
    let of =
        |name: &str| all["items"].as_array().unwrap().iter().find(|a| a["name"] == name).unwrap().clone();
    assert_eq!(of("verifier")["grants"][0]["role"], "verifier", "{all}");
    assert_eq!(of("collector")["grants"].as_array().unwrap().len(), 2, "{all}");
    // Who holds a role elsewhere is not told.
    let reviewers = lead.get("/api/v1/staff/roles/reviewer").await.body;
    assert_eq!(
        (&reviewers["holders"], &reviewers["role"]["holders"]),
        (&json!([]), &json!(0)),
        "{reviewers}"
    );
    assert_eq!(admin.get("/api/v1/staff/roles/reviewer").await.body["holders"][0]["name"], "reviewer");

    let verifier = server.officer("verifier").await;
    let seen = lead.get("/api/v1/staff/accounts/verifier").await.body;
    assert_eq!(seen["sessions"].as_array().unwrap().len(), 1, "{seen}");
    let out = lead.send(Method::DELETE, "/api/v1/staff/accounts/verifier/sessions", None).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT, "{out:?}");
    assert_eq!(verifier.get("/api/v1/staff/me").await.status, StatusCode::UNAUTHORIZED);

    let invite = json!({ "name": "new.one", "office": "样例街道网格中心", "division": "330106" });
    let token = lead.post("/api/v1/staff/invitations", invite).await.body["token"].clone();
    let elsewhere = json!({ "name": "new.far", "office": "样例市大数据局", "division": "" });
    assert_eq!(admin.post("/api/v1/staff/invitations", elsewhere).await.status, StatusCode::CREATED);
    let invited = lead.get("/api/v1/staff/accounts").await.body["invited"].clone();
    assert_eq!((invited.as_array().unwrap().len(), &invited[0]["name"]), (1, &json!("new.one")), "{invited}");
    assert!(!invited.to_string().contains(token.as_str().unwrap()));
    let back = async |name: &str| {
        lead.send(Method::DELETE, &format!("/api/v1/staff/invitations/{name}"), None).await.status
    };
    assert_eq!((back("new.far").await, back("nobody").await), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    assert_eq!(back("new.one").await, StatusCode::NO_CONTENT);
    let late = elsewhere_accept(&server, &token).await;
    assert_eq!((late.0, &late.1["code"]), (StatusCode::NOT_FOUND, &json!("rights.invitation_over")));
}

async fn elsewhere_accept(server: &Server, token: &Value) -> (StatusCode, Value) {
    elsewhere(server, "invitations/accept", json!({ "token": token, "password": "correct horse battery" }))
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_listed_ended_and_taken_along_to_nowhere() {
    let server = Server::demo();
    let client = browser("Browser/1");
    let ask = async |client: &reqwest::Client, token: &str, from: &str| {
        let request = client.get(format!("{}/api/v1/staff/me", server.base)).bearer_auth(token);
        request.header("x-forwarded-for", from).send().await.unwrap().status()
    };
    let login = client
        .post(format!("{}/api/v1/staff/login", server.base))
        .json(&json!({ "name": "reviewer", "password": "demo" }))
        .send()
        .await
        .unwrap();
    let token = login.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned();
    assert_eq!(ask(&client, &token, "192.0.2.1").await, StatusCode::OK);
    assert_eq!(
        ask(&browser("Browser/2"), &token, "192.0.2.1").await,
        StatusCode::OK,
        "an updated browser, at one place"
    );

    let one = server.officer("reviewer").await;
    let other = server.officer("reviewer").await;
    let list = one.get("/api/v1/staff/sessions").await.body;
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 3, "{list}");
    let me = other.get("/api/v1/staff/me").await.body;
    let id = me["session"].as_str().unwrap();
    // One's own, then the latest: also of those that were opened in one second.
    assert_eq!(
        (&items[0]["own"], &items[1]["id"], &items[2]["browser"]),
        (&json!(true), &json!(id), &json!("Browser/1")),
        "{list}"
    );
    let ended = one.send(Method::DELETE, &format!("/api/v1/staff/sessions/{id}"), None).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT, "{ended:?}");
    assert_eq!(other.get("/api/v1/staff/me").await.status, StatusCode::UNAUTHORIZED);
    // Somebody else's session is not there to be ended.
    let auditor = server.officer("auditor").await;
    let own = one.get("/api/v1/staff/me").await.body["session"].as_str().unwrap().to_owned();
    let refused = auditor.send(Method::DELETE, &format!("/api/v1/staff/sessions/{own}"), None).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);

    let wrong = json!({ "name": "reviewer", "password": "guess" });
    Person::nobody(&server).post("/api/v1/staff/login", wrong).await;
    let told = one.get("/api/v1/staff/me").await.body["notices"].to_string();
    assert!(told.contains("wrong_password"), "{told}");

    let change = json!({ "old": "demo", "new": "a much longer one" });
    let changed = one.post("/api/v1/staff/password", change).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    assert_eq!(one.get("/api/v1/staff/me").await.status, StatusCode::UNAUTHORIZED, "every session ended");
    let new = Person { token: changed.body["token"].as_str().map(str::to_owned), ..one };
    assert_eq!(new.get("/api/v1/staff/me").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_from_another_address_and_browser_ends_and_its_owner_is_told() {
    let server = Server::start(Arc::new(TempDir::new()), &["--demo", "--trust-proxy"]);
    let call = async |agent: &str, from: &str, token: Option<&str>| {
        let client = browser(agent);
        let request = match token {
            Some(token) => client.get(format!("{}/api/v1/staff/me", server.base)).bearer_auth(token),
            None => client
                .post(format!("{}/api/v1/staff/login", server.base))
                .json(&json!({ "name": "data", "password": "demo" })),
        };
        let answer = request.header("x-forwarded-for", from).send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    let (_, session) = call("Browser/1", "192.0.2.1", None).await;
    let token = session["token"].as_str().unwrap();
    assert_eq!(call("Browser/1", "198.51.100.9", Some(token)).await.0, StatusCode::OK, "one moves about");
    let (status, problem) = call("Thief/1", "203.0.113.5", Some(token)).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNAUTHORIZED, &json!("staff.elsewhere")));
    assert_eq!(
        call("Browser/1", "192.0.2.1", Some(token)).await.0,
        StatusCode::UNAUTHORIZED,
        "for both of them"
    );
    let (_, session) = call("Browser/1", "192.0.2.1", None).await;
    let me = call("Browser/1", "192.0.2.1", session["token"].as_str()).await.1;
    assert!(me["notices"].to_string().contains("used_elsewhere"), "{me}");
}

/// One browser at several addresses: whoever moves stays logged in, and two places are noticed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_used_from_two_places_by_turns_ends_for_both_and_whoever_moves_stays_logged_in() {
    let lines = "203.0.113.0/25,198.51.100.7/32";
    let server =
        Server::start(Arc::new(TempDir::new()), &["--demo", "--trust-proxy", "--office-lines", lines]);
    let client = browser("Browser/1");
    let ask = async |from: &str, path: &str, token: Option<&str>| {
        let url = format!("{}/api/v1/staff/{path}", server.base);
        let request = match token {
            Some(token) => client.get(url).bearer_auth(token),
            None => client.post(url).json(&json!({ "name": "data", "password": "demo" })),
        };
        let request = request.header("x-forwarded-for", from).header("accept-language", "en");
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    let log_in = async |from: &str| {
        let (status, session) = ask(from, "login", None).await;
        assert_eq!(status, StatusCode::OK, "{session}");
        session["token"].as_str().unwrap().to_owned()
    };
    let at = async |from: &str, token: &str| ask(from, "me", Some(token)).await;
    let stays = async |from: &str, token: &str| {
        let (status, answer) = at(from, token).await;
        assert_eq!(status, StatusCode::OK, "{from}: {answer}");
    };
    let written = async |stays: i64| {
        let sql = format!("SELECT count(*) FROM staff_session WHERE length(trail) = {}", 17 * stays);
        crate::common::count(&server.dir, &sql).await
    };

    // Out of the office, through the town and on; a carrier's addresses, and both kinds of them.
    let token = log_in("192.0.2.1").await;
    for from in ["192.0.2.1", "192.0.2.77", "192.0.2.1"] {
        stays(from, &token).await;
    }
    assert_eq!(written(1).await, 1, "nothing is written for one place");
    for from in ["100.64.1.1", "100.64.1.9", "100.64.1.1", "100.64.2.1", "100.64.3.1"] {
        stays(from, &token).await;
    }
    for _ in 0..3 {
        stays("2001:db8:1:a::1", &token).await;
        stays("100.64.3.1", &token).await;
        stays("2001:db8:1:b:2::7", &token).await;
    }
    assert_eq!(written(5).await, 1, "each network once");
    // An office with two lines, as the settings say.
    let office = log_in("203.0.113.9").await;
    for from in ["198.51.100.7", "203.0.113.9", "198.51.100.7", "203.0.113.100"] {
        stays(from, &office).await;
    }
    // Back where it was a moment ago, as a telephone that lost its network is; and to and fro at once, as two
    // are: somebody else went on there.
    stays("100.64.2.1", &token).await;
    let (status, first) = at("100.64.3.1", &token).await;
    assert_eq!((status, &first["code"]), (StatusCode::UNAUTHORIZED, &json!("staff.elsewhere")), "{first}");
    for from in ["100.64.3.1", "100.64.2.1", "192.0.2.1", "2001:db8:9::1"] {
        let (status, again) = at(from, &token).await;
        assert_eq!((status, &again["code"]), (StatusCode::UNAUTHORIZED, &first["code"]), "{from}: {again}");
        assert_eq!(again["detail"], first["detail"], "one sentence for all");
    }
    let told: BTreeSet<&str> = first.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(told, BTreeSet::from(["code", "detail", "instance", "status", "title", "type"]));
    assert_eq!(at("100.64.3.1", "AAAA").await.1["code"], "auth.required", "of no session nothing is said");
    // Whoever has the token cannot make it one that never was.
    let out = client.post(format!("{}/api/v1/staff/logout", server.base));
    let out = out.header("cookie", format!("km_staff={token}")).header("x-kangma", "1").send().await.unwrap();
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    assert_eq!(at("192.0.2.1", &token).await.1["code"], "staff.elsewhere", "after logging out");
    assert_eq!(written(0).await, 1, "where it was used is forgotten");

    // The owner reads it at the next log-in and among the sessions; another session of theirs goes on.
    stays("203.0.113.9", &office).await;
    let (_, me) = at("203.0.113.9", &office).await;
    let notice = &me["notices"][0];
    assert_eq!((&notice["kind"], &notice["count"]), (&json!("used_elsewhere"), &json!(1)), "{me}");
    let (_, list) = ask("203.0.113.9", "sessions", Some(&office)).await;
    let ended: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|s| (&s["own"], &s["elsewhere"])).collect();
    assert_eq!(ended, [(&json!(true), &json!(false)), (&json!(false), &json!(true))], "{list}");
    let admin = server.officer("admin").await;
    let seen = admin.get("/api/v1/staff/accounts/data").await.body;
    assert_eq!(seen["sessions"].as_array().unwrap().len(), 1, "those that live: {seen}");
    for (file, bytes) in crate::common::stored(&server.dir).await {
        for address in ["192.0.2.", "100.64.", "2001:db8", "203.0.113."] {
            assert!(!bytes.windows(address.len()).any(|w| w == address.as_bytes()), "{file} holds {address}");
        }
    }
}

/// All of a page's requests come from the new network at once; and two at one moment from two places.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_is_one_whatever_comes_at_once() {
    let server = Server::start(Arc::new(TempDir::new()), &["--demo", "--trust-proxy"]);
    let client = browser("Browser/1");
    let me = async |from: String, token: String| {
        let request = client.get(format!("{}/api/v1/staff/me", server.base)).bearer_auth(token);
        request.header("x-forwarded-for", from).send().await.unwrap().status()
    };
    let log_in = async || {
        let request = client.post(format!("{}/api/v1/staff/login", server.base));
        let request = request.header("x-forwarded-for", "192.0.2.1");
        let answer = request.json(&json!({ "name": "data", "password": "demo" })).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned()
    };
    let token = log_in().await;
    let at_once = (0..30).map(|n| me(format!("198.51.100.{n}"), token.clone()));
    let answers = futures_util::future::join_all(at_once).await;
    assert!(answers.iter().all(|status| *status == StatusCode::OK), "{answers:?}");
    let token = log_in().await;
    let by_turns = (0..30).map(|n| me(format!("198.51.{}.1", 100 + n % 2), token.clone()));
    let answers = futures_util::future::join_all(by_turns).await;
    let known = [StatusCode::OK, StatusCode::UNAUTHORIZED];
    assert!(answers.iter().all(|status| known.contains(status)), "{answers:?}");
    // All of one place may be read before the first of the other moves the session: that is one move, and
    // the two are told apart when they go on.
    let mut turns = 0;
    while me(format!("198.51.{}.1", 100 + turns % 2), token.clone()).await == StatusCode::OK {
        turns += 1;
        assert!(turns < 8, "two places go on by turns");
    }
    for from in ["198.51.100.1", "198.51.101.1"] {
        assert_eq!(me(from.into(), token.clone()).await, StatusCode::UNAUTHORIZED, "{from}");
    }
    let admin = server.officer("admin").await;
    assert_eq!(admin.get("/api/v1/staff/accounts/data").await.body["sessions"].as_array().unwrap().len(), 1);
    let data = server.officer("data").await.get("/api/v1/staff/me").await.body;
    assert_eq!(data["notices"][0]["count"], 1, "it is told once: {data}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_runs_the_service_is_told_once_where_sessions_of_several_accounts_end() {
    let server = Server::start(Arc::new(TempDir::new()), &["--demo", "--trust-proxy"]);
    let client = browser("Browser/1");
    let said = || {
        let log = std::fs::read_to_string(&server.log).unwrap();
        log.lines().filter(|line| line.contains("KANGMA_OFFICE_LINES")).map(str::to_owned).collect::<Vec<_>>()
    };
    for (n, name) in ["data", "approver", "auditor", "collector", "reviewer"].into_iter().enumerate() {
        let one = server.officer(name).await;
        let mut turns = 0;
        loop {
            let request = client.get(format!("{}/api/v1/staff/me", server.base));
            let request = request.bearer_auth(one.token.as_ref().unwrap());
            let request = request.header("x-forwarded-for", format!("198.51.{}.1", turns % 2));
            // The same browser as at the log-in.
            let answer = request.header("user-agent", "").send().await.unwrap();
            if answer.status() == StatusCode::UNAUTHORIZED {
                break;
            }
            turns += 1;
            assert!(turns < 8, "an edge that varies looks like two places");
        }
        assert_eq!(said().len(), usize::from(n >= 2), "after {} accounts: {:?}", n + 1, said());
    }
    let line = &said()[0];
    assert!(line.contains("WARN") && line.contains("KANGMA_TRUST_PROXY"), "{line}");
    assert!(!line.contains("198.51.") && !line.contains("auditor"), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looking_again_and_again_for_people_who_are_not_there_raises_an_alarm() {
    let server = Server::demo();
    let (officer, auditor) = (server.officer("admin").await, server.officer("auditor").await);
    let alarmed = async || auditor.get("/api/v1/alarms").await.body.to_string().contains("guessing");
    for n in 901..905 {
        assert!(!alarmed().await, "before {n}: some are typed wrongly");
        let look = json!({ "document": { "type": "resident_id", "number": document(n) }, "purpose": "help", "reason": "asked at the desk" });
        assert_eq!(officer.post("/api/v1/people/look-up", look).await.code(), "look.nobody");
    }
    assert!(alarmed().await, "the fourth in an hour");
    let told = officer.get("/api/v1/staff/me").await.body["notices"].to_string();
    assert!(told.contains("guessing"), "the account's owner is told: {told}");
    // Names and numbers until one fits: the account waits, whether anybody is there or not.
    let mut tries = 4;
    let last = loop {
        let look = json!({ "document": { "type": "resident_id", "number": document(905 + tries) }, "purpose": "help", "reason": "asked at the desk" });
        let answer = officer.post("/api/v1/people/look-up", look).await;
        tries += 1;
        if answer.code() != "look.nobody" || tries > 40 {
            break answer;
        }
    };
    assert_eq!((last.status, last.code()), (StatusCode::TOO_MANY_REQUESTS, "look.too_many"), "after {tries}");
    assert!(
        (20..=25).contains(&tries) && last.headers.contains_key("retry-after"),
        "after {tries}: {last:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_site_changes_nothing_with_an_officers_cookie() {
    let server = Server::demo();
    let admin = server.officer("admin").await;
    let token = admin.token.clone().unwrap();
    let ask = async |name: &str, site: &str, own: bool| {
        let body = json!({ "name": name, "office": "样例街道网格中心", "division": "330106" });
        let request = crate::common::client()
            .post(format!("{}/api/v1/staff/invitations", server.base))
            .header("cookie", format!("km_staff={token}"))
            .header("sec-fetch-site", site)
            .json(&body);
        let request = if own { request.header("x-kangma", "1") } else { request };
        request.send().await.unwrap()
    };
    for (site, own) in
        [("cross-site", true), ("same-site", true), ("cross-site", false), ("same-origin", false)]
    {
        let refused = ask("from.elsewhere", site, own).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{site} {own}");
        let body: Value = refused.json().await.unwrap();
        assert_eq!(body["code"], "auth.cross_site", "{site} {own}: {body}");
    }
    assert_eq!(ask("from.here", "same-origin", true).await.status(), StatusCode::CREATED);
    let invited = admin.get("/api/v1/staff/accounts").await.body["invited"].clone();
    assert_eq!(
        (invited.as_array().unwrap().len(), &invited[0]["name"]),
        (1, &json!("from.here")),
        "{invited}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_of_an_account_cannot_be_guessed_and_its_owner_is_told() {
    let server = Server::start(Arc::new(TempDir::new()), &["--demo", "--trust-proxy"]);
    let owner = server.officer("auditor").await;
    let guess = async |name: &str, password: &str| {
        elsewhere(&server, "login", json!({ "name": name, "password": password })).await
    };
    let (known, unknown) = (guess("auditor", "guess").await, guess("nobody-there", "guess").await);
    assert_eq!((known.0, &known.1["code"]), (unknown.0, &unknown.1["code"]));
    assert_eq!(known.1["detail"], unknown.1["detail"], "one sentence for both");
    // From ever new addresses: the account itself makes them wait, one that is not there too.
    for name in ["auditor", "nobody-there"] {
        let mut last = StatusCode::UNAUTHORIZED;
        for _ in 0..40 {
            last = guess(name, "guess").await.0;
            if last == StatusCode::TOO_MANY_REQUESTS {
                break;
            }
        }
        assert_eq!(last, StatusCode::TOO_MANY_REQUESTS, "{name}");
    }
    let told = owner.get("/api/v1/staff/me").await.body["notices"].to_string();
    assert!(told.contains("wrong_password"), "{told}");
}

/// Outside the demo, the rights that matter need a second factor; each of its codes works once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_second_factor_the_rights_that_matter_are_not_there() {
    let dir = Arc::new(TempDir::new());
    prepare(&dir);
    let added = kangma()
        .args(["staff", "first", "--role", "administrator"])
        .envs(environment(&dir))
        .output()
        .unwrap();
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let said = String::from_utf8(added.stdout).unwrap();
    let password = said.split_whitespace().last().unwrap();
    let server = Server::start(dir, &[]);
    let first = log_in(&server, "first", password).await;
    assert_eq!(first.get("/api/v1/reviews").await.status, StatusCode::OK);
    assert_eq!(first.get("/api/v1/staff/roles").await.status, StatusCode::FORBIDDEN);

    let enrolled = first.post("/api/v1/staff/second-factor", json!({})).await;
    let totp = totp_rs::Totp::from_url(enrolled.body["otpauth"].as_str().unwrap()).unwrap();
    #[expect(clippy::disallowed_methods, reason = "an authenticator has its own clock")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let code = totp.generate(now).to_string();
    let confirm =
        async |code: &str| first.post("/api/v1/staff/second-factor/confirm", json!({ "code": code })).await;
    assert_eq!(confirm("000").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(confirm(&code).await.status, StatusCode::NO_CONTENT);
    assert_eq!(first.get("/api/v1/staff/roles").await.status, StatusCode::OK, "at once");
    assert_eq!(first.post("/api/v1/staff/second-factor", json!({})).await.status, StatusCode::CONFLICT);

    let nobody = Person::nobody(&server);
    let login = async |code: Option<&str>| {
        nobody
            .post("/api/v1/staff/login", json!({ "name": "first", "password": password, "code": code }))
            .await
    };
    assert_eq!(login(None).await.code(), "staff.code_needed");
    assert_eq!(login(Some(&code)).await.code(), "staff.wrong", "it was used");
    // The next one, which the allowance for clocks that differ lets in at once.
    let next = totp.generate(now + 30).to_string();
    assert_eq!(login(Some(&next)).await.status, StatusCode::OK);
    assert_eq!(login(Some(&next)).await.code(), "staff.wrong", "once");
}

#[test]
fn the_first_roles_and_permissions_are_what_the_guide_says() {
    let guide = include_str!("../../../docs/operate/staff.md");
    for permission in PERMISSIONS {
        assert!(guide.contains(&format!("`{}`", permission.name())), "{}", permission.name());
    }
    for (role, set) in ROLES {
        let line = guide.lines().find(|l| l.starts_with(&format!("| `{role}` |"))).expect(role);
        for permission in PERMISSIONS {
            let all = set == Permissions::of(&PERMISSIONS) && line.contains("everything");
            let named = all || line.contains(&format!("`{}`", permission.name()));
            assert_eq!(named, set.contains(permission), "{role}: {}", permission.name());
        }
    }
}
