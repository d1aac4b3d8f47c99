//! `kangma tally`: counts everybody anew, and holds the stored counts to that.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::ensure;
use kangma_core::tally::{Cell, Counts, MEASURES, Measure, Place, places};

use crate::app::{App, Rng, Shared};
use crate::config::Config;
use crate::tally::{self, Read};
use crate::{decide, jobs, person};

/// What to do about the counts. The service has to be stopped: people change while it runs.
#[derive(clap::Subcommand, Debug)]
pub enum TallyCommand {
    /// Compare the counts with the people themselves, and change nothing that is wrong.
    Check(Box<Config>),
    /// Put right what differs. The days before today stay as they are.
    Rebuild(Box<Config>),
}

/// People, or places, in one look.
const LOOK: usize = 2_000;
/// Differences that are named.
const NAMED_MAX: usize = 10;

/// Runs one of them; exit 1 where the counts were wrong and still are.
pub fn run(command: TallyCommand) -> anyhow::Result<ExitCode> {
    let (config, mends) = match command {
        TallyCommand::Check(config) => (config, false),
        TallyCommand::Rebuild(config) => (config, true),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let app = App::open(*config, Rng::system()).await?;
        let done = work(&app, mends).await;
        app.db.clone().close().await;
        app.key_store.clone().close().await;
        done
    })
}

async fn work(app: &Shared, mends: bool) -> anyhow::Result<ExitCode> {
    let alive = jobs::alive(app).await?;
    ensure!(
        alive == 0,
        "tally.running: {alive} nodes use this database; stop them, wait ten seconds and retry"
    );
    let failed = |p: crate::error::Problem| anyhow::anyhow!("{}: {}", p.code, p.en);
    if mends {
        decide::job::count_all(app, || true).await.map_err(failed)?;
    }
    tally::fold_all(app).await?;
    let Everybody { people, counts } = count(app).await?;
    let (all, mut stored) = (tally::all_places(), BTreeMap::new());
    for some in all.chunks(LOOK) {
        stored.extend(some.iter().copied().zip(tally::read(app, some).await?));
    }
    let wrong: Vec<Place> = all.into_iter().filter(|p| differs(&counts, &stored, *p).is_some()).collect();
    // Where, and of what; never how many.
    for place in wrong.iter().take(NAMED_MAX) {
        let measures = differs(&counts, &stored, *place).unwrap_or_default();
        eprintln!("{place}: {}", measures.join(", "));
    }
    if wrong.is_empty() {
        println!("the counts of {people} people agree");
        return Ok(ExitCode::SUCCESS);
    }
    if !mends {
        println!("{} places differ from the {people} people; run: kangma tally rebuild", wrong.len());
        return Ok(ExitCode::FAILURE);
    }
    let today = app.packs.base().zone.day_of(app.clock.now());
    let mended = stored.into_iter().map(|(place, Read { mut cell, .. })| {
        let mut missing = counts.get(&place).copied().unwrap_or_default();
        missing.iter_mut().zip(cell.standing_now()).for_each(|(n, stored)| *n -= stored);
        if missing != [0; MEASURES] {
            cell.add(today, &missing);
        }
        (place, cell)
    });
    let cells: BTreeMap<Place, Cell> = mended.filter(|(_, cell)| *cell != Cell::default()).collect();
    tally::replace(app, &cells).await?;
    println!("{} places put right for {people} people", wrong.len());
    Ok(ExitCode::SUCCESS)
}

struct Everybody {
    people: usize,
    counts: BTreeMap<Place, Counts>,
}

async fn count(app: &Shared) -> anyhow::Result<Everybody> {
    let mut all = Everybody { people: 0, counts: BTreeMap::new() };
    let mut last = None;
    loop {
        let states = person::states_after(app, last, LOOK as i64).await;
        let states = states.map_err(|p| anyhow::anyhow!("{}: {}", p.code, p.en))?;
        let Some((id, _)) = states.last() else { return Ok(all) };
        last = Some(*id);
        for counted in states.iter().filter_map(|(_, state)| state.as_ref()?.counted()) {
            all.people += 1;
            for place in places(counted.division) {
                let sums = all.counts.entry(place).or_default();
                sums.iter_mut().zip(counted.counts()).for_each(|(sum, n)| *sum += n);
            }
        }
    }
}

/// The measures in which a place's stored counts are not those of its people.
fn differs(
    counts: &BTreeMap<Place, Counts>,
    stored: &BTreeMap<Place, Read>,
    place: Place,
) -> Option<Vec<&'static str>> {
    let counted = counts.get(&place).copied().unwrap_or_default();
    let stored = stored.get(&place).map(|read| read.cell.standing_now()).unwrap_or_default();
    let differing = Measure::ALL.into_iter().filter(|m| counted[*m as usize] != stored[*m as usize]);
    let names: Vec<&str> = differing.map(Measure::name).collect();
    (!names.is_empty()).then_some(names)
}
