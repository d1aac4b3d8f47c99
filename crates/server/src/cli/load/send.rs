//! Connections that take up arrivals, each one request at a time.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::Instant as Tick;

use super::plan::Plan;
use super::report::{Report, Run};
use super::request::Maker;
use super::wire::{ANSWER_WAIT, Wire};

/// How often the generator looks how late it wakes up.
const LOOK: Duration = Duration::from_millis(10);
/// After a connection that could not be made.
const PAUSE: Duration = Duration::from_millis(50);

/// Connects, sends what the plan says, and counts.
pub async fn send(
    to: &[SocketAddr],
    connections: usize,
    maker: Maker,
    plan: Plan,
) -> anyhow::Result<(Report, Run)> {
    let mut wires = Vec::new();
    for n in 0..connections {
        let node = n % to.len();
        let wire = connect(to, node).await.context("load.connect: the service does not answer")?;
        wires.push((node, wire));
    }
    let (maker, plan) = (Rc::new(maker), Rc::new(plan));
    let report = Rc::new(RefCell::new(Report::new()));
    let to: Rc<[SocketAddr]> = to.into();
    let before = busy();
    let began = Tick::now() + Duration::from_millis(50);
    let lookout = tokio::task::spawn_local(look(began, Rc::clone(&report)));
    let mut tasks = Vec::new();
    for (node, wire) in wires {
        let line = Line { node, to: Rc::clone(&to), maker: Rc::clone(&maker), plan: Rc::clone(&plan), began };
        tasks.push(tokio::task::spawn_local(line.run(wire, Rc::clone(&report))));
    }
    for task in tasks {
        task.await?;
    }
    lookout.abort();
    lookout.await.ok();
    let run = Run {
        profile: String::new(),
        rate: 0.0,
        took: began.elapsed(),
        busy: busy().zip(before).and_then(|(now, before)| now.checked_sub(before)),
        dropped: plan.dropped(),
        connections,
        nodes: to.iter().map(ToString::to_string).collect(),
    };
    let report = Rc::into_inner(report).context("all tasks have ended")?.into_inner();
    Ok((report, run))
}

/// To a node, or to the next one that takes connections.
async fn connect(to: &[SocketAddr], node: usize) -> std::io::Result<Wire> {
    let mut last = std::io::ErrorKind::AddrNotAvailable.into();
    for k in 0..to.len() {
        match Wire::connect(to[(node + k) % to.len()]).await {
            Ok(wire) => return Ok(wire),
            Err(e) => last = e,
        }
    }
    Err(last)
}

/// One connection's share of the work.
struct Line {
    node: usize,
    to: Rc<[SocketAddr]>,
    maker: Rc<Maker>,
    plan: Rc<Plan>,
    began: Tick,
}

impl Line {
    async fn run(self, first: Wire, report: Rc<RefCell<Report>>) {
        let mut wire = Some(first);
        let mut request = Vec::with_capacity(1024);
        while let Some((due, ask)) = self.plan.take(self.node, self.elapsed()) {
            // The run begins a moment after its lines do: the first arrival waits for that as well.
            if Tick::now() < self.began + due {
                self.maker.write(&mut request, &ask);
                tokio::time::sleep_until(self.began + due).await;
                report.borrow_mut().late(self.elapsed().saturating_sub(due));
            } else {
                self.maker.write(&mut request, &ask);
            }
            let mut open = match wire.take() {
                Some(open) => open,
                None => match connect(&self.to, self.node).await {
                    Ok(open) => open,
                    Err(_) => {
                        report.borrow_mut().failure(ask.kind);
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                },
            };
            match tokio::time::timeout(ANSWER_WAIT, open.exchange(&request)).await {
                Ok(Ok(answer)) => {
                    let elapsed = self.elapsed();
                    report.borrow_mut().answer(ask.kind, answer, elapsed, elapsed.saturating_sub(due));
                    wire = (!answer.close).then_some(open);
                }
                Ok(Err(_)) | Err(_) => report.borrow_mut().failure(ask.kind),
            }
        }
    }

    fn elapsed(&self) -> Duration {
        Tick::now().saturating_duration_since(self.began)
    }
}

/// Looks how late this process wakes up, for ever: connections that are all busy tell nothing.
async fn look(began: Tick, report: Rc<RefCell<Report>>) {
    let mut due = began;
    loop {
        due = (due + LOOK).max(Tick::now());
        tokio::time::sleep_until(due).await;
        report.borrow_mut().late(due.elapsed());
    }
}

/// Processor time of this thread, which is the only busy one; known on Linux.
fn busy() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}
