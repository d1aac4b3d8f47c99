//! `kangma seed`: fills a database with made-up residents, the same ones for the same seed and instant.
//!
//! Of 100 residents 95 have nothing active, 3 had symptoms in the last week and are mostly yellow,
//! and 2 met a confirmed case and are red. Those who have something to show checked in each day
//! since; of the others one in three checked in once to four times. All declared once, one to six
//! days ago. Newcomers logged in and declared nothing yet.

use std::process::ExitCode;
use std::sync::{Arc, LazyLock};
use std::time::Instant as Stopwatch;

use futures_util::{StreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use kangma_core::decision::Colour;
use kangma_core::declaration::validate;
use kangma_core::division::divisions;
use kangma_core::fact::{Fact, Facts, Kind, Source, Value, Values};
use kangma_core::id::{AccountId, FactId, PersonId};
use kangma_core::tally::{Change, Folded, fold};
use kangma_core::time::{DAY_S, Instant};

use super::people::{Case, Made, SEED};
use crate::account;
use crate::app::{App, Rng, Shared};
use crate::config::Config;
use crate::db::Rows;
use crate::decide;
use crate::demo;
use crate::person::{self, Profile};
use crate::seal::Dek;
use crate::tally;

/// People, or accounts, in one transaction.
const BATCH: usize = 4_000;
/// Batches that are built at once: one more than there are cores to build on.
const AHEAD: usize = 3;
/// Beyond this, documents would come round again.
const PEOPLE_MAX: u64 = 20_000_000;
/// A demo starts within seconds.
const NEIGHBOURS_MAX: u64 = 100_000;

/// How many.
#[derive(clap::Args, Debug)]
pub struct Seed {
    /// Settings of the service; only the data and the pack matter.
    #[command(flatten)]
    pub config: Config,
    /// How many residents.
    #[arg(long, default_value_t = 100_000)]
    pub people: u64,
    /// How many more who logged in and declared nothing yet; a tenth of the people without it.
    #[arg(long)]
    pub newcomers: Option<u64>,
    /// Which made-up population.
    #[arg(long, default_value_t = SEED)]
    pub seed: u64,
    /// The instant at which all this was so, such as 2022-04-06T08:00:00+08:00; now without it. The
    /// same seed and instant make the same people, facts and colours.
    #[arg(long, value_parser = Instant::parse)]
    pub at: Option<Instant>,
    /// Let them live in all 41,352 streets and towns of the country instead of Hangzhou's districts.
    #[arg(long)]
    pub nationwide: bool,
    /// Print one line of JSON at the end.
    #[arg(long)]
    pub json: bool,
}

/// Fills the database. Refuses one that already has such people.
pub fn run(args: Seed) -> anyhow::Result<ExitCode> {
    let newcomers = args.newcomers.unwrap_or(args.people / 10);
    anyhow::ensure!(
        args.people.saturating_add(newcomers) <= PEOPLE_MAX,
        "seed.limits: at most {PEOPLE_MAX} residents and newcomers"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let began = Stopwatch::now();
        let app = App::open(args.config, Rng::system()).await?;
        let at = args.at.unwrap_or_else(|| app.clock.now());
        let homes = if args.nationwide { Homes::Nationwide } else { Homes::Districts };
        let town = Town { seed: args.seed, from: 0, people: args.people, newcomers, homes, at };
        fill(&app, town, !args.json).await?;
        app.db.clone().close().await;
        app.key_store.clone().close().await;
        let s = began.elapsed().as_secs_f64();
        if args.json {
            println!(
                "{}",
                serde_json::json!({ "people": args.people, "newcomers": newcomers, "seconds": s })
            );
        } else {
            println!("{} people and {newcomers} newcomers in {s:.1} s", args.people);
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Whom to make, and when all this was so.
#[derive(Clone, Copy, Debug)]
struct Town {
    seed: u64,
    /// Number of the first.
    from: u64,
    people: u64,
    newcomers: u64,
    homes: Homes,
    at: Instant,
}

/// What people give as where they live.
#[derive(Clone, Copy, Debug)]
enum Homes {
    /// A district of Hangzhou.
    Districts,
    /// A street or town of such a district.
    Streets,
    /// A street or town anywhere in the country.
    Nationwide,
}

/// Fills a fresh demo with neighbours of its residents, so that a first visitor sees numbers: with five
/// people nearly all are withheld. The last of all numbers that there are, so that `kangma seed` can
/// still make others beside them; who is there already is left alone.
pub async fn neighbours(app: &Shared) -> anyhow::Result<()> {
    let people = u64::from(app.config.demo_people);
    anyhow::ensure!(
        people <= NEIGHBOURS_MAX,
        "demo.limits: --demo-people is at most {NEIGHBOURS_MAX}; `kangma seed` makes more"
    );
    if people == 0 || demo::is_planted(app).await? || tally::knows_anybody(app).await? {
        return Ok(());
    }
    let (from, homes, at) = (PEOPLE_MAX - people, Homes::Streets, app.clock.now());
    fill(app, Town { seed: SEED, from, people, newcomers: 0, homes, at }, false).await
}

/// Fills a database for a test.
#[cfg(test)]
pub async fn town(app: &Shared, people: u64, at: Instant) -> anyhow::Result<()> {
    fill(app, Town { seed: SEED, from: 0, people, newcomers: 0, homes: Homes::Districts, at }, false).await
}

/// Streets and towns of the whole country.
static STREETS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let below = |codes: Vec<&'static str>| -> Vec<&'static str> {
        codes.iter().flat_map(|code| divisions().children(Some(code)).map(|d| d.code)).collect()
    };
    let provinces = divisions().children(None).map(|d| d.code).collect();
    below(below(below(provinces)))
});

/// Adds people `from..from + people`, and the accounts of the newcomers after them.
async fn fill(app: &Shared, town: Town, show: bool) -> anyhow::Result<()> {
    let today = app.packs.base().zone.day_of(town.at);
    let bar = if show { ProgressBar::new(town.people * 2 + town.newcomers) } else { ProgressBar::hidden() };
    bar.set_style(ProgressStyle::with_template("{bar:40} {percent} %, {eta} left")?);
    // In the order of the tables' keys: the trees then grow at one end.
    let mut people: Vec<(PersonId, u64)> = (town.from..town.from + town.people)
        .map(|i| (app.keys.person_id(&Made::new(town.seed, i).document(today).key()), i))
        .collect();
    people.sort_unstable();
    let folded = batches(app, people, &bar, move |app, batch| build(app, town, batch)).await?;
    tally::add(app, &folded).await?;
    tally::set_all_counted(app).await?;
    let mut accounts: Vec<(AccountId, u64)> = (town.from..town.from + town.people + town.newcomers)
        .map(|i| (app.keys.account_id(Made::new(town.seed, i).phone().as_str()), i))
        .collect();
    accounts.sort_unstable();
    batches(app, accounts, &bar, move |app, batch| Ok(Batch::accounts(app, town, batch))).await?;
    bar.finish_and_clear();
    Ok(())
}

/// Rows of one transaction, and those for the store of keys.
struct Batch {
    keys: Option<Rows>,
    tables: Vec<Rows>,
    /// What is to be counted of them.
    folded: Folded,
}

/// Builds batches on other threads, some ahead, and writes them in order; returns what is to be
/// counted of all.
async fn batches<T: Copy + Send + 'static>(
    app: &Shared,
    all: Vec<T>,
    bar: &ProgressBar,
    build: impl Fn(&Shared, &[T]) -> anyhow::Result<Batch> + Copy + Send + 'static,
) -> anyhow::Result<Folded> {
    let mut all_folded = Folded::new();
    let mut built = stream::iter(all.chunks(BATCH))
        .map(|batch| {
            let (app, batch) = (Arc::clone(app), batch.to_vec());
            tokio::task::spawn_blocking(move || build(&app, &batch).map(|built| (batch.len(), built)))
        })
        .buffered(AHEAD);
    while let Some(batch) = built.next().await {
        let (n, Batch { keys, tables, folded }) = batch??;
        let keys = async {
            match keys {
                Some(rows) => app.key_store.bulk(vec![rows]).await,
                None => Ok(()),
            }
        };
        tokio::try_join!(keys, app.db.bulk(tables)).map_err(|e| {
            anyhow::anyhow!("seed: {e}; a database is seeded once, so choose an empty folder")
        })?;
        for (place, days) in folded {
            let sums = all_folded.entry(place).or_default();
            for (day, counts) in days {
                let sum = sums.entry(day).or_default();
                sum.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
            }
        }
        bar.inc(n as u64);
    }
    Ok(all_folded)
}

impl Batch {
    fn accounts(app: &Shared, town: Town, batch: &[(AccountId, u64)]) -> Batch {
        let today = app.packs.base().zone.day_of(town.at);
        let mut rows = account::Filling::default();
        for (id, i) in batch {
            let made = Made::new(town.seed, *i);
            let person =
                (*i < town.from + town.people).then(|| app.keys.person_id(&made.document(today).key()));
            account::fill(&mut rows, app, *id, &made.phone(), person, town.at);
        }
        Batch { keys: None, tables: vec![rows.into_rows()], folded: Folded::new() }
    }
}

fn build(app: &Shared, town: Town, batch: &[(PersonId, u64)]) -> anyhow::Result<Batch> {
    let ids: Vec<PersonId> = batch.iter().map(|(id, _)| *id).collect();
    let (deks, keys) = app.person_keys.fresh(&ids);
    let mut rows = person::Filling::default();
    let mut changes = Vec::with_capacity(batch.len());
    for ((id, i), dek) in batch.iter().zip(deks) {
        changes.push(add(app, &mut rows, town, (*id, *i), dek)?);
    }
    Ok(Batch { keys: Some(keys), tables: rows.into_rows(), folded: fold(&changes) })
}

fn add(
    app: &Shared,
    rows: &mut person::Filling,
    town: Town,
    (id, i): (PersonId, u64),
    dek: Dek,
) -> anyhow::Result<Change> {
    let made = Made::new(town.seed, i);
    let (name, document) = (made.name(), made.document(app.packs.base().zone.day_of(town.at)));
    let mut facts = facts(app, town, made)?;
    let mut person = person::with_key(id, &name, dek, Facts::new(facts.clone()));
    let decision = decide::now(app, &person, town.at);
    facts.extend(decision.records.iter().cloned());
    decision.records.iter().for_each(|f| person.facts.push(f.clone()));
    let to = person::fill(rows, &person, &facts, &decision, &Profile::new(&name, &document));
    // They count from the day of their declaration, so that there are days before this one.
    let declared = facts.iter().find(|f| f.kind == Kind::Declaration).map_or(town.at, |f| f.recorded);
    let day = app.packs.base().zone.day_of(declared);
    Ok(Change { day, at_ms: 0, from: None, to, new_red: to.colour == Some(Colour::Red) })
}

/// What is known of a made-up resident.
fn facts(app: &Shared, town: Town, made: Made) -> anyhow::Result<Vec<Fact>> {
    let pack = app.packs.base();
    let zone = &pack.zone;
    let today = zone.day_of(town.at);
    let days_ago = made.below(6, 7) as i64 + 1;
    let declared = town.at.plus_s(made.below(36_000, 9) as i64 - days_ago * DAY_S);
    let fact = |n: u64, kind, source, at: Instant| Fact {
        id: fact_id(made, n, at),
        kind,
        happened: at,
        recorded: at,
        source,
        values: Values::default(),
    };
    let account = app.keys.account_id(made.phone().as_str());
    let mut identity = fact(0, Kind::Identity, Source::IdentityCheck, declared);
    identity.set("method", Value::Text("gateway".into()));
    identity.set("account", Value::Text(account.to_string().into()));
    identity.set("bound", Value::Bool(true));
    let mut declaration = fact(1, Kind::Declaration, Source::Resident, declared);
    let mut answers = made.answers(0);
    let own: Vec<&str>;
    let streets: &[&str] = match town.homes {
        Homes::Districts => &[],
        Homes::Streets => {
            own = divisions().children(Some(made.district())).map(|d| d.code).collect();
            &own
        }
        Homes::Nationwide => &STREETS,
    };
    if !streets.is_empty() {
        let street = streets[made.below(streets.len() as u64, 30) as usize];
        answers.insert("residence".to_owned(), street.into());
    }
    declaration.values = validate(&app.packs.base().form, &answers, divisions(), today)
        .map_err(|e| {
            anyhow::anyhow!(
                "seed: the pack's form refuses a made-up declaration: {:?}",
                e.first().map(|e| e.code)
            )
        })?
        .into();
    declaration.set("commitment", Value::Text(app.packs.base().form.commitment.as_str().into()));
    let mut facts = vec![identity, declaration];
    let check_ins = match made.case() {
        Case::Well if made.below(3, 4) == 0 => made.below(4, 5) as i64 + 1,
        Case::Well => 0,
        Case::Symptoms | Case::Contact => days_ago,
    };
    for ago in (0..check_ins.min(days_ago)).rev() {
        let morning = zone.start_of(today.plus(-(ago as i32))).plus_s(30_000).min(town.at);
        let mut check_in = fact(2 + ago as u64, Kind::CheckIn, Source::Resident, morning);
        let temperature = 36.2 + made.below(8, 20 + ago as u64) as f64 / 10.0;
        check_in.set("temperature_c", Value::Double((temperature * 10.0).round() / 10.0));
        check_in.set("symptoms", Value::List([].into()));
        facts.push(check_in);
    }
    Ok(facts)
}

/// As [`App::new_id`] makes them, but the same each time.
fn fact_id(made: Made, n: u64, at: Instant) -> FactId {
    let mut chance = [0; 10];
    chance[..8].copy_from_slice(&made.below(u64::MAX, 100 + n).to_be_bytes());
    chance[9] = n as u8;
    let ms = at.0.unsigned_abs() * 1000;
    FactId(*uuid::Builder::from_unix_timestamp_millis(ms, &chance).as_uuid().as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use aws_lc_rs::digest::{Context, SHA256};
    use kangma_core::decision::Colour;

    use super::*;
    use crate::testing::{Dir, open};

    const N: u64 = 2_000;

    async fn seeded(name: &str, seed: u64, at: Instant) -> (Shared, Dir) {
        let dir = Dir::new(name);
        let app = open(&dir, Rng::system(), None, |_| ()).await;
        let homes = Homes::Districts;
        fill(&app, Town { seed, from: 0, people: N, newcomers: 100, homes, at }, false).await.unwrap();
        (app, dir)
    }

    /// All that is known of everybody, without what depends on the installation's keys: the digest
    /// of the recorded facts, and how many have which colour.
    async fn digest(app: &Shared, seed: u64, at: Instant) -> (Vec<u8>, BTreeMap<Option<Colour>, u64>) {
        let today = app.packs.base().zone.day_of(at);
        let (mut sum, mut colours) = (Context::new(&SHA256), BTreeMap::new());
        for i in 0..N {
            let made = Made::new(seed, i);
            let id = app.keys.person_id(&made.document(today).key());
            let person = person::load(app, id).await.unwrap().expect("everybody is stored");
            let recorded = person::recorded_facts(app, id).await.unwrap();
            assert_eq!(recorded.len(), person.facts.len(), "the dossier holds what was recorded");
            let account = app.keys.account_id(made.phone().as_str());
            let known = account::find(app, account).await.unwrap().expect("everybody has a phone");
            assert_eq!(known.person, Some(id));
            let state = person.stored.unwrap();
            assert!(state.held_by(account));
            *colours.entry(state.colour()).or_default() += 1;
            let profile = person::profile(app, id).await.unwrap().unwrap();
            let text = format!("{}{}{:?}{:?}", profile.number, person.name, state.colour(), state.review_at);
            sum.update(text.as_bytes());
            for fact in recorded.iter() {
                let mut fact = fact.clone();
                if fact.kind == Kind::Identity {
                    fact.set("account", Value::Text(known.phone.as_str().into()));
                }
                sum.update(&person::encode_fact(&fact));
            }
        }
        (sum.finish().as_ref().to_vec(), colours)
    }

    #[test]
    fn the_demos_neighbours_are_none_of_its_residents() {
        let today = kangma_core::time::Day(20_000);
        let residents: Vec<&str> = demo::STORIES.iter().map(demo::Story::number).collect();
        for i in PEOPLE_MAX - NEIGHBOURS_MAX..PEOPLE_MAX {
            let number = Made::new(SEED, i).document(today).number().to_owned();
            assert!(!residents.contains(&number.as_str()), "{i}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_same_seed_and_instant_make_the_same_people_facts_and_colours() {
        let at = Instant::parse("2022-04-06T08:00:00+08:00").unwrap();
        let (one, _one) = seeded("one", 7, at).await;
        let (other, _other) = seeded("other", 7, at).await;
        let (third, _third) = seeded("third", 8, at).await;
        let (digest_of_one, colours) = digest(&one, 7, at).await;
        assert_eq!((digest_of_one.clone(), colours.clone()), digest(&other, 7, at).await);
        assert_ne!(digest_of_one, digest(&third, 8, at).await.0);
        let share = |colour| *colours.get(&Some(colour)).unwrap_or(&0) as f64 / N as f64;
        assert!((0.93..0.97).contains(&share(Colour::Green)), "{colours:?}");
        assert!((0.02..0.04).contains(&share(Colour::Yellow)), "{colours:?}");
        assert!((0.01..0.03).contains(&share(Colour::Red)), "{colours:?}");
        let newcomer = one.keys.account_id(Made::new(7, N + 5).phone().as_str());
        assert_eq!(account::find(&one, newcomer).await.unwrap().expect("logged in").person, None);
    }
}
