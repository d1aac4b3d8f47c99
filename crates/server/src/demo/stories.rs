//! Five residents whose stories explain the product. Nobody real: names say so, numbers are made up.

use kangma_core::declaration::validate;
use kangma_core::division::divisions;
use kangma_core::fact::{Fact, Kind, Source, Value};
use kangma_core::identity::{Document, DocumentType, Name, Phone};

use crate::account::{self, Claim};
use crate::app::Shared;
use crate::check_in::{self, CheckIn};
use crate::decide::{self, Missing, Recording};
use crate::declare;
use crate::error::Problem;
use crate::person::{self, Profile};
use crate::staff::{self, NewStaff};

/// One resident.
#[derive(Debug)]
pub struct Story {
    /// To log in with.
    pub phone: &'static str,
    /// Colour at the start.
    pub colour: &'static str,
    /// In Chinese.
    pub zh: &'static str,
    /// In English.
    pub en: &'static str,
    name: &'static str,
    number: &'static str,
    declared_days_ago: i32,
    answers: &'static str,
    /// Days ago with a normal check-in.
    check_ins: std::ops::Range<i32>,
    /// A day ago that was missed, if any.
    missed: Option<i32>,
}

#[cfg(test)]
impl Story {
    /// Of their document.
    pub fn number(&self) -> &'static str {
        self.number
    }
}

/// The five.
pub static STORIES: [Story; 5] = [
    Story {
        phone: "13900000001",
        colour: "green",
        zh: "住在西湖区，一切正常：绿码。",
        en: "Lives in Xihu district, all well: a green code.",
        name: "林示例",
        number: "330106199001010018",
        declared_days_ago: 3,
        answers: r#"{"subject":"resident","residence":"330106","in_city":true,"contact":"none","health":"well","overseas":false,"under_measure":"none","temperature_c":36.4,"symptoms":[]}"#,
        check_ins: 0..0,
        missed: None,
    },
    Story {
        phone: "13900000002",
        colour: "yellow",
        zh: "前几天发热咳嗽，黄码：已连续正常打卡 4 天，今天打卡是第 5 天。",
        en: "Had fever and a cough, so yellow: four normal check-ins in a row; today's is the fifth.",
        name: "周样例",
        number: "330102198505050021",
        declared_days_ago: 4,
        answers: r#"{"subject":"resident","residence":"330102","in_city":true,"contact":"none","health":"unwell","overseas":false,"under_measure":"none","temperature_c":37.8,"symptoms":["fever","dry_cough"]}"#,
        check_ins: 1..5,
        missed: None,
    },
    Story {
        phone: "13900000003",
        colour: "red",
        zh: "接触过确诊病人，红码：已连续正常打卡 13 天。今天打卡，再“前进一天”，过了零点自动转绿。",
        en: "Met a confirmed case, so red: 13 normal check-ins in a row. Check in today, advance one day, and midnight turns the code green by itself.",
        name: "陈演示",
        number: "330105197808080038",
        declared_days_ago: 13,
        answers: r#"{"subject":"resident","residence":"330105","in_city":true,"contact":"confirmed","health":"well","overseas":false,"under_measure":"none","temperature_c":36.5,"symptoms":[]}"#,
        check_ins: 1..14,
        missed: None,
    },
    Story {
        phone: "13900000004",
        colour: "grey",
        zh: "自称健康却填报发热，自相矛盾：灰码待审核，由审核员批准或退回。",
        en: "Says well but declares a fever, which contradicts itself: grey until a reviewer approves or returns it.",
        name: "吴测试",
        number: "330108199512120043",
        declared_days_ago: 0,
        answers: r#"{"subject":"resident","residence":"330108","in_city":true,"contact":"none","health":"well","overseas":false,"under_measure":"none","temperature_c":38.2,"symptoms":["fever"]}"#,
        check_ins: 0..0,
        missed: None,
    },
    Story {
        phone: "13900000005",
        colour: "red",
        zh: "从湖北来杭，红码：中途漏打一天卡，连续天数从头算起。",
        en: "Came from Hubei, so red: one day's check-in was missed, and the run started again.",
        name: "郑范例",
        number: "330109196606060056",
        declared_days_ago: 8,
        answers: r#"{"subject":"intending","residence":"420106","destination":"330109","in_city":false,"contact":"none","health":"well","overseas":false,"under_measure":"none","temperature_c":36.6,"symptoms":[]}"#,
        check_ins: 1..9,
        missed: Some(4),
    },
];

/// The residents of a demo; none where the pack's form asks other questions than they answered.
pub fn told(app: &Shared) -> &'static [Story] {
    let pack = app.packs.base();
    let today = pack.zone.day_of(app.clock.now());
    let fits = |story: &Story| {
        let answers = serde_json::from_str(story.answers).unwrap_or_default();
        validate(&pack.form, &answers, divisions(), today).is_ok()
    };
    if STORIES.iter().all(fits) { &STORIES } else { &[] }
}

/// Plants the stories and the demo's staff, once in the life of a database. Everything goes
/// through the same funnel as a resident's own; only the days of the past are written in.
pub async fn plant(app: &Shared) -> anyhow::Result<()> {
    if super::store::planted(&app.db).await? {
        return Ok(());
    }
    let now = app.clock.wall();
    for (name, office, division, role) in super::STAFF {
        let ends_at = now.plus_s(365 * 86_400);
        let password = super::PASSWORD;
        // Who manages an enterprise does so at its own place.
        let assignment = (role == "enterprise_manager").then_some(office);
        let new = NewStaff { name, password, office, division, role: Some(role), assignment, ends_at };
        staff::put(&app.db, &app.rng, &new, now).await?;
    }
    for story in told(app) {
        one(app, story).await.map_err(|p| anyhow::anyhow!("{}: {}: {}", story.phone, p.code, p.en))?;
    }
    super::store::set_planted(&app.db).await?;
    Ok(())
}

async fn one(app: &Shared, story: &Story) -> Result<(), Problem> {
    let refused = Problem::refused;
    let now = app.clock.now();
    let pack = app.packs.base();
    let zone = &pack.zone;
    let today = zone.day_of(now);
    let day = |ago: i32| zone.start_of(today.plus(-ago));
    let phone = Phone::parse(story.phone).map_err(|e| refused("phone", &e))?;
    let name = Name::parse(story.name).map_err(|e| refused("name", &e))?;
    let document = Document::parse(DocumentType::ResidentId, story.number, None, today)
        .map_err(|e| refused("document.number", &e))?;
    let answers = serde_json::from_str(story.answers).expect("a story's answers are JSON");
    let declared_on = today.plus(-story.declared_days_ago);
    let values = validate(&app.packs.base().form, &answers, divisions(), declared_on).map_err(|e| {
        Problem::bad_request(
            "demo.story",
            "",
            format!("{:?}", e.iter().map(|e| (&e.field, e.code)).collect::<Vec<_>>()),
        )
    })?;
    let at = if story.declared_days_ago == 0 { now } else { day(story.declared_days_ago).plus_s(9 * 3600) };
    let mut declaration = Fact {
        id: app.new_fact_id(),
        kind: Kind::Declaration,
        happened: at,
        recorded: now,
        source: Source::Resident,
        values: values.into(),
    };
    declaration.set("commitment", Value::Text(app.packs.base().form.commitment.as_str().into()));
    let account = app.keys.account_id(phone.as_str());
    account::open(app, account, &phone).await?;
    let claim = Claim {
        profile: Profile::new(&name, &document),
        at,
        declaration: person::encode_fact(&declaration),
        refused: None,
    };
    declare::confirm(app, account, &claim, "demo", |unit| unit).await?;
    let well = CheckIn { temperature_c: 36.5, symptoms: Vec::new() };
    let days = story.check_ins.clone().filter(|ago| Some(*ago) != story.missed);
    // Half past nine: after the declaration of the same day.
    let check_ins: Vec<Fact> = days.map(|ago| check_in::fact(app, day(ago).plus_s(34_200), &well)).collect();
    let person = app.keys.person_id(&document.key());
    let recording = Recording {
        missing: Missing::Refuse,
        unit: "demo.plant",
        facts: &|_| Ok(check_ins.clone()),
        attach: &decide::nothing_else,
    };
    decide::record(app, person, recording).await?;
    Ok(())
}
