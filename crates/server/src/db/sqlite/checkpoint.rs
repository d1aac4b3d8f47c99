//! Moves the log into the file beside the writer, so that no unit waits for it.
//!
//! By itself SQLite moves the log on the connection whose commit filled it, and whoever writes waits: most
//! of a second for 400 MB, each some seconds of a busy day. Here a connection of its own moves it
//! while the writer goes on. What comes meanwhile is less with each pass; the last of it the writer moves,
//! after which the log begins anew.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::super::OpenError;
use super::{PAGE, Writer, io};

/// Passes beside the writer: each leaves what was written during it.
const PASSES_MAX: usize = 4;
/// Pages that the writer is left with: some milliseconds.
const LEFT: i64 = 1_000;

/// The writer's side.
pub struct Checkpoints {
    /// Pages in the log after the last commit.
    pages: Arc<AtomicI64>,
    /// The log is moved when it has this many.
    limit: i64,
    /// Or this many, where a reader of old pages kept it from beginning anew.
    next: i64,
    is_moving: bool,
    ask: Sender<()>,
    moved: Receiver<()>,
    thread: JoinHandle<()>,
}

impl Checkpoints {
    /// Of a writer's file. `limit` is in pages of the size of new files: one that was made before has larger ones.
    pub fn of(writer: &mut Writer, path: &Path, limit: i64) -> Result<Checkpoints, OpenError> {
        let pages = Arc::new(AtomicI64::new(0));
        let told = Arc::clone(&pages);
        let hook = move |_: &mut rusqlite::hooks::Wal, n: std::ffi::c_int| {
            told.store(n.into(), Ordering::Relaxed);
            Ok(())
        };
        let open = || -> rusqlite::Result<(Connection, i64)> {
            // In place of SQLite's own, which is such a hook as well.
            writer.connection.wal_hook(Some(hook))?;
            let connection = Connection::open(path)?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
            Ok((connection, (limit * PAGE / page).max(1)))
        };
        let (connection, limit) = open().map_err(|e| io(path, e))?;
        let (ask, asked) = channel();
        let (done, moved) = channel();
        let work = move || {
            while asked.recv().is_ok() {
                move_pages(&connection);
                if done.send(()).is_err() {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new().name("db-checkpoint".into()).spawn(work);
        let thread = thread.map_err(|e| io(path, e))?;
        Ok(Checkpoints { pages, limit, next: limit, is_moving: false, ask, moved, thread })
    }

    /// Looks, after a group is committed and answered.
    pub fn look(&mut self, writer: &Connection) {
        if self.is_moving {
            match self.moved.try_recv() {
                Err(TryRecvError::Empty) => {}
                _ => self.finish(writer),
            }
            return;
        }
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.limit {
            // It began anew.
            self.next = self.limit;
        }
        if pages >= self.next {
            self.is_moving = self.ask.send(()).is_ok();
            if !self.is_moving {
                // The thread is gone: then it is done as SQLite would.
                self.finish(writer);
            }
        }
    }

    /// Moves the rest, so that the next unit begins the log anew.
    fn finish(&mut self, writer: &Connection) {
        self.is_moving = false;
        pass(writer);
        self.next = self.pages.load(Ordering::Relaxed) + self.limit;
    }

    /// Waits for a move that goes on: the writer's last one wants the file alone.
    pub fn end(self) {
        drop(self.ask);
        self.thread.join().ok();
    }
}

fn move_pages(connection: &Connection) {
    for _ in 0..PASSES_MAX {
        match pass(connection) {
            Some(left) if left > LEFT => {}
            _ => return,
        }
    }
}

/// Moves what the log holds now; how many pages came meanwhile or are still read.
fn pass(connection: &Connection) -> Option<i64> {
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
    match connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], row) {
        Ok((log, moved)) => Some(log - moved),
        Err(e) => {
            tracing::warn!(%e, "the log was not moved into the file; it is tried again when it has grown");
            None
        }
    }
}
