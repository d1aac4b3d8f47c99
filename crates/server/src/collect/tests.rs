//! What cannot be brought about over the interface: rules that change while an entry is cut short, and
//! somebody who is recorded for months.

use kangma_core::fact::{Fact, Kind, Source, Value, Values};
use kangma_core::id::{AccountId, PersonId};
use kangma_core::identity::Name;
use serde_json::json;

use super::ask::EntryRequest;
use super::{Collector, Item, Kept, What, entry, keep};
use crate::app::{Rng, Shared};
use crate::db::Unit;
use crate::decide::{self, Missing, Recording};
use crate::look::{self, Looker, Purpose};
use crate::person;
use crate::testing::{Dir, open};

async fn service(name: &str) -> (Shared, Dir) {
    let dir = Dir::new(name);
    (open(&dir, Rng::seeded(7), None, |_| ()).await, dir)
}

fn looker() -> Looker {
    Looker { name: "lead".into(), role: "collector".into(), office: "样例街道".into() }
}

fn entry_of(app: &Shared, temperature_c: f64) -> EntryRequest {
    let ask = json!({
        "id": "6f2c1f0e-6f0a-4a51-9d55-000000000001", "kind": "vehicle", "plate": "浙A12345",
        "seen_at": app.clock.now(), "division": "330106",
        "people": [{ "pass": "KM1:NO", "temperature_c": temperature_c }],
    });
    serde_json::from_value(ask).unwrap()
}

#[tokio::test]
async fn an_entry_that_todays_rules_refuse_to_complete_is_still_answered_as_another_one() {
    let (app, _dir) = service("collect_cut").await;
    let by = Collector {
        name: "lead".into(),
        office: "样例街道".into(),
        names: true,
        looks_up: false,
        looker: looker(),
    };
    // Taken when the rules had another form, and cut short before its first person.
    let before = entry_of(&app, 52.0);
    assert!(before.check(&app).is_err());
    let item = Item::new(&app, &by, [1; 16], "entry", &before);
    let whole = Kept::new(What::Vehicle, "浙A12345", app.clock.now());
    let unit = keep(&app, Unit::new("collect.entry"), &item, &whole);
    app.db.commit(keep(&app, unit, &item.unfinished(), &before)).await.unwrap();
    let now = entry_of(&app, 36.5);
    let other = Item::new(&app, &by, [1; 16], "entry", &now);
    let (_, people) = now.check(&app).unwrap_or_else(|p| panic!("{}", p.code));
    for _ in 0..2 {
        let refused = entry::enter(&app, &by, &other, &now, &people).await.err().map(|p| p.code);
        assert_eq!(refused, Some("collect.other_content"), "what to do about it can be done");
    }
}

#[tokio::test]
async fn months_of_being_recorded_push_no_look_up_out_of_the_list_of_looks() {
    let (app, _dir) = service("collect_months").await;
    let id = PersonId([5; 16]);
    let named = Recording {
        missing: Missing::Make(Name::parse("张测试").unwrap()),
        unit: "test.make",
        facts: &|_| Ok(Vec::new()),
        attach: &decide::nothing_else,
    };
    decide::record(&app, id, named).await.unwrap_or_else(|p| panic!("{}", p.code));
    look::record(&app, &looker(), id, Purpose::Tracing, "").await.unwrap_or_else(|p| panic!("{}", p.code));
    for _ in 0..12 {
        // By documents whose colours were looked up, and by codes.
        let mut facts = Vec::new();
        let mut unit = Unit::new("test.looks");
        for n in 0..50 {
            let now = app.clock.now();
            let mut fact = Fact {
                id: app.new_fact_id(),
                kind: Kind::Observation,
                happened: now,
                recorded: now,
                source: Source::Staff,
                values: Values::default(),
            };
            for (field, text) in [("office", "样例街道"), ("by", "lead"), ("role", "collector")] {
                fact.set(field, Value::Text(text.into()));
            }
            let look = look::New::collected(&app, &looker(), id, fact.id).await;
            unit = look.unwrap_or_else(|p| panic!("{}", p.code)).add_to(unit, &app);
            if n % 25 == 0 {
                facts.push(fact);
            }
        }
        app.db.commit(unit).await.unwrap();
        let seen = Recording {
            missing: Missing::Refuse,
            unit: "test.seen",
            facts: &|_| Ok(facts.clone()),
            attach: &decide::nothing_else,
        };
        decide::record(&app, id, seen).await.unwrap_or_else(|p| panic!("{}", p.code));
    }
    let person = person::load(&app, id).await.unwrap_or_else(|p| panic!("{}", p.code)).unwrap();
    let shown =
        look::of(&app, AccountId([9; 16]), Some(&person)).await.unwrap_or_else(|p| panic!("{}", p.code));
    let others: Vec<_> = shown.iter().filter(|look| look.purpose != Purpose::Collect).collect();
    assert_eq!((others.len(), shown.len()), (1, 501), "bounded apart");
    assert_eq!(others[0].purpose, Purpose::Tracing);
    assert!(shown.windows(2).all(|pair| pair[0].at >= pair[1].at), "the newest first");
}
