//! A service for unit tests, on a folder and, with PostgreSQL, on schemas that no other test has.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser as _;
use kangma_core::time::Instant;

use crate::app::{App, Clock, Rng, Shared};
use crate::config::Config;

/// A folder, removed with what is in it.
pub struct Dir {
    path: PathBuf,
    name: String,
}

impl Dir {
    /// One that no other test has, nor another one of the same test.
    pub fn new(name: &str) -> Dir {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        // It names schemas as well.
        let name = format!("{}_{}_{n}", name.replace('-', "_"), std::process::id());
        let path = std::env::temp_dir().join(format!("kangma-{name}"));
        // What a run left that was killed and had this one's number.
        std::fs::remove_dir_all(&path).ok();
        Dir { path, name }
    }

    /// Where it is, or is to be.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.path).ok();
    }
}

/// Opens the service of a folder, with a clock that stands still where an instant is given. Who opens it
/// again, after it was closed, finds what was stored.
pub async fn open(dir: &Dir, rng: Rng, at: Option<Instant>, set: impl FnOnce(&mut Config)) -> Shared {
    #[derive(clap::Parser)]
    struct Only {
        #[command(flatten)]
        config: Config,
    }
    let mut config = Only::parse_from(["kangma", "--data-dir", dir.path.to_str().unwrap()]).config;
    if std::env::var("KANGMA_TEST_ENGINE").is_ok_and(|engine| engine == "postgres") {
        let url = std::env::var("KANGMA_TEST_POSTGRES_URL").unwrap();
        let schema = |part: &str| Some(format!("{url}?options=-csearch_path%3D{}{part}", dir.name));
        (config.data.database_url, config.data.keys_url) = (schema(""), schema("_keys"));
    }
    set(&mut config);
    let app = App::open(config, rng).await.unwrap();
    let Some(at) = at else { return app };
    let mut app = Arc::into_inner(app).unwrap();
    app.clock = Clock::stopped(at);
    Arc::new(app)
}
