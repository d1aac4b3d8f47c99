//! Check-ins in a row.

use super::known::Known;
use super::stage::{Span, first_in};
use crate::decision::{BrokenBy, RunBroken};
use crate::rules::pack::{OnAbnormal, OnMissed, Pack};
use crate::time::{Day, Instant, Now};

/// A run of check-ins up to now.
pub(super) struct Run {
    pub(super) count: u32,
    pub(super) broken: Option<RunBroken>,
    /// When the stage ended: the run was long enough and the gate open.
    pub(super) ended: Option<Instant>,
    /// When the run can be long enough at the earliest.
    pub(super) earliest: Instant,
}

/// Follows a run from a stage's first day. It is met while it holds at least `of` days; the stage
/// ends when it is met within one of `spans`, unless it broke before.
pub(super) fn follow_run(
    pack: &Pack,
    known: &Known<'_>,
    now: &Now,
    first_day: Day,
    begin: Instant,
    of: u32,
    spans: &[Span],
) -> Run {
    let terms = &pack.check_in;
    // How many days without a check-in stand still; every number of them if none.
    let allowed = match terms.on_missed_day {
        OnMissed::Restart => Some(0),
        OnMissed::Grace(n) => Some(i32::try_from(n).unwrap_or(i32::MAX - 2)),
        OnMissed::Pause => None,
    };
    let from = if terms.opening_day_counts { first_day } else { first_day.plus(1) };
    let mut run = Run { count: 0, broken: None, ended: None, earliest: begin };
    let mut last = from.plus(-1); // the last day that is settled, by a check-in or as missed
    let mut counted = false; // whether `last` counts for the run
    let mut met: Option<Instant> = None;
    let ended = |met: Option<Instant>, latest| met.and_then(|met| first_in(spans, met, latest));
    // The day that breaks a run that nothing is said to after `last`; it does at that day's end.
    let breaks = |last: Day| allowed.map(|n| last.plus(1).plus(n));
    let start = known.check_ins.partition_point(|c| c.day < from);
    for check_in in &known.check_ins[start..] {
        if let Some(broken) = breaks(last).filter(|day| *day < check_in.day) {
            run.ended = ended(met, Some(pack.zone.start_of(broken.plus(1))));
            if run.ended.is_some() {
                return run;
            }
            run.restart(broken, BrokenBy::Missed);
            met = None;
        }
        run.ended = ended(met, Some(check_in.fact.happened));
        if run.ended.is_some() {
            return run;
        }
        let same_day = check_in.day == last;
        if known.is_normal(pack, check_in) {
            // The first of a day counts; after an abnormal one nothing on that day does.
            if !same_day {
                run.count += 1;
                counted = true;
                if run.count >= of && met.is_none() {
                    met = Some(check_in.fact.happened.max(begin));
                }
            }
        } else if terms.on_abnormal == OnAbnormal::Restart {
            run.restart(check_in.day, BrokenBy::Abnormal);
            counted = false;
            met = None;
        } else {
            if same_day && counted {
                run.count -= 1;
                if run.count < of {
                    met = None;
                }
            }
            counted = false;
        }
        last = check_in.day;
    }
    // From here on nothing more is recorded: what has time alone done?
    let broken = breaks(last);
    let end = ended(met, broken.map(|day| pack.zone.start_of(day.plus(1))));
    if let Some(end) = end
        && now.reached(end)
    {
        run.ended = Some(end);
        return run;
    }
    let today = now.today(&pack.zone);
    if let Some(day) = broken.filter(|day| *day < today) {
        run.restart(day, BrokenBy::Missed);
    }
    let left = of.saturating_sub(run.count);
    // The next day that can count: today if nothing was said yet, else tomorrow.
    let next = if last < today { today.max(from) } else { today.plus(1) };
    run.earliest = match left {
        0 => met.unwrap_or(begin),
        left => pack.zone.start_of(next.plus(left as i32 - 1)),
    };
    run
}

impl Run {
    fn restart(&mut self, on: Day, why: BrokenBy) {
        if self.count > 0 {
            self.broken = Some(RunBroken { on, why });
            self.count = 0;
        }
    }
}
