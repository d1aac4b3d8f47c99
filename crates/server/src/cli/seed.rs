//! `kangma seed`: fills a database with made-up residents, the same ones for the same number.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant as Stopwatch;

use indicatif::{ProgressBar, ProgressStyle};
use kangma_core::declaration::validate;
use kangma_core::division::divisions;
use kangma_core::fact::{Fact, Facts, Kind, Source, Value};
use kangma_core::id::{FactId, PersonId};
use kangma_core::time::{DAY_S, Instant};

use super::people::{Case, Made};
use crate::account;
use crate::app::{App, Rng, Shared};
use crate::check_in::{self, CheckIn};
use crate::config::Config;
use crate::db::Unit;
use crate::decide;
use crate::person::{self, Profile};

/// People in one unit.
const BATCH: usize = 1_000;

/// How many.
#[derive(clap::Args, Debug)]
pub struct Seed {
    /// Settings of the service; only the data folder and the pack matter.
    #[command(flatten)]
    pub config: Config,
    /// How many residents.
    #[arg(long, default_value_t = 100_000)]
    pub people: u64,
    /// Print one line of JSON at the end.
    #[arg(long)]
    pub json: bool,
}

/// Fills the database. Refuses one that already has such people.
pub fn run(args: Seed) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let began = Stopwatch::now();
        let app = App::open(args.config, Rng::seeded(args.people)).await?;
        fill(&app, args.people, !args.json).await?;
        app.db.clone().close().await;
        app.key_store.clone().close().await;
        let s = began.elapsed().as_secs_f64();
        if args.json {
            println!("{}", serde_json::json!({ "people": args.people, "seconds": s }));
        } else {
            println!("{} people in {s:.1} s", args.people);
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Adds people `0..n`.
pub async fn fill(app: &Shared, n: u64, show: bool) -> anyhow::Result<()> {
    let today = app.pack.zone.day_of(app.clock.now());
    // In the order of the tables' keys: the trees then grow at one end.
    let mut order: Vec<(PersonId, u64)> =
        (0..n).map(|i| (app.keys.person_id(&Made { i }.document(today).key()), i)).collect();
    order.sort_unstable();
    let bar = if show { ProgressBar::new(n) } else { ProgressBar::hidden() };
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} people, {per_sec}, {eta} left")?);
    let (batches, mut ready) = tokio::sync::mpsc::channel::<Unit>(4);
    let builder = {
        let (app, order) = (Arc::clone(app), order);
        tokio::spawn(async move {
            for batch in order.chunks(BATCH) {
                let ids: Vec<PersonId> = batch.iter().map(|(id, _)| *id).collect();
                app.person_keys.ensure_many(&ids).await.map_err(|e| anyhow::anyhow!("{e}"))?;
                let mut unit = Unit::new("seed.batch");
                for (id, i) in batch {
                    unit = add(&app, unit, *id, &Made { i: *i }).await?;
                }
                if batches.send(unit).await.is_err() {
                    break;
                }
            }
            anyhow::Ok(())
        })
    };
    while let Some(unit) = ready.recv().await {
        app.db.commit(unit).await.map_err(|e| {
            anyhow::anyhow!("seed: {e}; a database is seeded once, so choose an empty folder")
        })?;
        bar.inc(BATCH as u64);
    }
    builder.await??;
    bar.finish_and_clear();
    Ok(())
}

async fn add(app: &Shared, unit: Unit, id: PersonId, made: &Made) -> anyhow::Result<Unit> {
    let now = app.clock.now();
    let zone = &app.pack.zone;
    let today = zone.day_of(now);
    let (name, document, phone) = (made.name(), made.document(today), made.phone());
    let account = app.keys.account_id(phone.as_str());
    let days_ago = made.below(6, 7) as i64 + 1;
    let at = Instant(now.0 - days_ago * DAY_S + made.below(36_000, 9) as i64);
    let fact = |kind, source, at| Fact {
        id: FactId(app.new_id()),
        kind,
        happened: at,
        recorded: at,
        source,
        values: Vec::new(),
    };
    let mut identity = fact(Kind::Identity, Source::IdentityCheck, at);
    identity.set("method", Value::Text("gateway".into()));
    identity.set("account", Value::Text(account.to_string().into()));
    identity.set("bound", Value::Bool(true));
    let mut declaration = fact(Kind::Declaration, Source::Resident, at);
    declaration.values = validate(&app.pack.form, &made.answers(0), divisions(), today).map_err(|e| {
        anyhow::anyhow!(
            "seed: the pack's form refuses a made-up declaration: {:?}",
            e.first().map(|e| e.code)
        )
    })?;
    declaration.set("commitment", Value::Text(app.pack.form.commitment.as_str().into()));
    let mut facts = vec![identity, declaration];
    if made.case() != Case::Well {
        let well = CheckIn { temperature_c: 36.5, symptoms: Vec::new() };
        facts.extend((1..=days_ago).map(|ago| {
            check_in::fact(app, zone.start_of(today.plus(1 - ago as i32)).plus_s(30_000).min(now), &well)
        }));
    }
    let mut person = person::new(app, id, &name).await.map_err(|p| anyhow::anyhow!("{}", p.en))?;
    person.facts = Facts::new(facts.clone());
    let decision = decide::now(app, &person, now);
    facts.extend(decision.records.iter().cloned());
    decision.records.iter().for_each(|f| person.facts.push(f.clone()));
    let unit = person::write(unit, &person, &facts, &decision, Instant(0));
    let unit = person::add_document(unit, app, &person, &Profile::new(&name, &document), &document, now);
    Ok(account::add_holder(unit, app, account, &phone, id, now))
}
