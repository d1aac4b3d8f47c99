//! Works through imports, a block at a time: one node does it, under a lease; another takes over
//! where it stops. A block that was cut short is done again, and nothing of it is recorded twice.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use kangma_core::table::{Line, LineError, Reader};
use kangma_core::time::DAY_S;

use super::apply::{self, Applied, Origin};
use super::block::{self, Outcome, Raw, Results};
use super::{Counts, Import, State, store};
use crate::admit::Class;
use crate::alarm;
use crate::app::Shared;
use crate::db::{DbError, Unit};
use crate::error::Problem;

/// Imports that are worked on in turns.
const IMPORTS_MAX: i64 = 8;
/// People whose lines are under way at once, so that their commits share a write.
const AT_ONCE: usize = 64;
/// How long to stand back where those who wait for a code are many.
const STAND_BACK: Duration = Duration::from_millis(20);
/// Lines about people of other divisions that need no word from above, and their share of all.
const ELSEWHERE_MAX: i64 = 50;
const ELSEWHERE_PERCENT: i64 = 10;

/// One block of each import that waits. Returns whether there was anything to do.
pub async fn round(app: &Shared) -> Result<bool, Problem> {
    let imports = store::work(&app.db, IMPORTS_MAX).await?;
    let any = !imports.is_empty();
    for import in imports {
        step(app, &import).await?;
    }
    Ok(any)
}

/// A file that nobody started is forgotten after so long.
pub const UNSTARTED_S: i64 = 14 * DAY_S;

/// Drops what never came in whole, what nobody started, and the lines of lists that were finished, stopped
/// or held long ago.
pub async fn sweep(app: &Shared) -> Result<(), DbError> {
    for (id, changed_at) in store::resting(&app.db, app.clock.now().plus_s(-super::lines_s(app))).await? {
        match store::drop_lines(&app.db, id, changed_at).await {
            Ok(()) | Err(DbError::Conflict) => {}
            Err(e) => return Err(e),
        }
    }
    for (id, changed_at) in store::unstarted(&app.db, app.clock.now().plus_s(-UNSTARTED_S)).await? {
        match store::drop_unstarted(&app.db, id, changed_at).await {
            Ok(()) | Err(DbError::Conflict) => {}
            Err(e) => return Err(e),
        }
    }
    let before = app.clock.now().plus_s(-super::upload::RECEIVING_S);
    for (id, changed_at) in store::old(&app.db, before).await? {
        match store::forget(&app.db, id, changed_at).await {
            Ok(()) | Err(DbError::Conflict) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

async fn step(app: &Shared, import: &Import) -> Result<(), Problem> {
    if import.done >= import.blocks {
        let unit = store::finish(Unit::new("import.finish"), import, app.clock.now());
        return settled(app.db.commit(unit).await);
    }
    let n = import.done;
    let (sealed, _) = store::block(&app.db, import.id, n).await?.ok_or_else(Problem::internal)?;
    let lines: Vec<Raw> = block::open(app, "lines", import.id, n, &sealed)?;
    let about = import.about(app)?;
    let pack = app.packs.base();
    let reader = Reader::new(import.kind, &about.mapping, &pack.zone, import.created_at)
        .trusting(&app.trust)
        .speaking(pack.vocabulary);
    let origin =
        Origin { id: import.id, office: import.office, division: &import.division, by: &about.sent_by };
    let read: Vec<(u32, Result<Line, LineError>)> = lines
        .iter()
        .map(|raw| {
            let line = reader.read(&raw.cells);
            (raw.number, line.and_then(|line| apply::allowed(origin, &line).map(|()| line)))
        })
        .collect();
    let mut counts = Counts::default();
    let results = if import.state == State::Checking {
        read.into_iter().map(|(number, line)| (number, line.map(|_| Outcome::Fine))).collect()
    } else {
        counts.elsewhere = elsewhere(app, origin, &read).await?;
        if about.released_by.is_none() && too_many(import, counts.elsewhere, lines.len()) {
            let held = store::move_to(&app.db, import, State::Held, import.about.clone(), app.clock.now());
            settled(held.await)?;
            return alarm::raise(app, alarm::Kind::ListHeld, &about.sent_by, &import.division).await;
        }
        run(app, origin, read).await?
    };
    let mut kept = Results::default();
    for (number, result) in results {
        let count = match result {
            Ok(Outcome::Fine) => &mut counts.fine,
            Ok(Outcome::Applied) => &mut counts.applied,
            Ok(Outcome::Known) => &mut counts.known,
            _ => &mut counts.wrong,
        };
        *count += 1;
        kept.push(number, result);
    }
    let result = block::seal(app, "result", import.id, n, &kept);
    let stays = (import.state == State::Running).then(|| stays(app, import, lines, &kept));
    settled(store::progress(&app.db, import.id, n, (result, stays), counts, app.clock.now()).await)
}

/// The lines that are still needed: those to be mended.
fn stays(app: &Shared, import: &Import, lines: Vec<Raw>, results: &Results) -> Vec<u8> {
    let mut outcomes = results.iter();
    let wrong: Vec<Raw> = lines
        .into_iter()
        .filter(|_| outcomes.next().is_some_and(|(_, outcome, _)| outcome == Outcome::Wrong))
        .collect();
    block::seal(app, "lines", import.id, import.done, &wrong)
}

/// Somebody else was quicker, or has stopped it: the next round sees how it stands.
fn settled(done: Result<(), DbError>) -> Result<(), Problem> {
    match done {
        Ok(()) | Err(DbError::Conflict) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

fn too_many(import: &Import, here: i64, lines: usize) -> bool {
    let counts = import.counts;
    beyond(counts.elsewhere + here, counts.applied + counts.known + counts.wrong + lines as i64)
}

fn beyond(elsewhere: i64, all: i64) -> bool {
    elsewhere > ELSEWHERE_MAX && elsewhere * 100 > all * ELSEWHERE_PERCENT
}

/// Whether a batch of records needs a word from above.
pub async fn too_many_elsewhere(
    app: &Shared,
    origin: Origin<'_>,
    read: &[(u32, Result<Line, LineError>)],
) -> Result<bool, Problem> {
    Ok(beyond(elsewhere(app, origin, read).await?, read.len() as i64))
}

async fn elsewhere(
    app: &Shared,
    origin: Origin<'_>,
    read: &[(u32, Result<Line, LineError>)],
) -> Result<i64, Problem> {
    let mut n = 0;
    for (_, line) in read {
        if let Ok(line) = line {
            n += i64::from(apply::is_elsewhere(app, origin, line).await?);
        }
    }
    Ok(n)
}

/// All lines of a block: people beside each other, the lines of one person in their order.
pub async fn run(
    app: &Shared,
    origin: Origin<'_>,
    read: Vec<(u32, Result<Line, LineError>)>,
) -> Result<Vec<(u32, Applied)>, Problem> {
    let mut results: Vec<(u32, Option<Applied>)> = Vec::with_capacity(read.len());
    let mut people: Vec<Vec<(usize, u32, Line)>> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (i, (number, line)) in read.into_iter().enumerate() {
        match line {
            Ok(line) => {
                let at = *known.entry(line.document.key()).or_insert_with(|| {
                    people.push(Vec::new());
                    people.len() - 1
                });
                people[at].push((i, number, line));
                results.push((number, None));
            }
            Err(e) => results.push((number, Some(Err(e)))),
        }
    }
    let done: Vec<Vec<(usize, Applied)>> = futures_util::stream::iter(people)
        .map(|lines| async move {
            let mut done = Vec::with_capacity(lines.len());
            for (i, number, line) in lines {
                let _place = place(app).await;
                done.push((i, apply::apply(app, origin, number, line).await?));
            }
            Ok::<_, Problem>(done)
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    for (i, applied) in done.into_iter().flatten() {
        results[i].1 = Some(applied);
    }
    results.into_iter().map(|(number, result)| Ok((number, result.ok_or_else(Problem::internal)?))).collect()
}

/// A place among all requests, in the class that is refused first: whoever waits for a code goes
/// before a list.
async fn place(app: &Shared) -> tokio::sync::SemaphorePermit<'_> {
    loop {
        if let Some(place) = app.gate.enter(Class::Export).await {
            return place;
        }
        tokio::time::sleep(STAND_BACK).await;
    }
}
