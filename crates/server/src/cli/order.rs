//! `kangma order`.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use kangma_core::time::Instant;

use crate::app::{App, Rng};
use crate::config::Config;
use crate::http::sentence;
use crate::order::notice;
use crate::order::undo::{self, Undo};

/// How long messages to residents may take after the last order is withdrawn.
const MESSAGES_WAIT: Duration = Duration::from_secs(60);

/// What to do about orders.
#[derive(Subcommand, Debug)]
pub enum OrderCommand {
    /// Withdraw every order of an account, a place and a time; each person is decided again and told.
    Undo(Box<UndoArgs>),
}

/// Which orders.
#[derive(Args, Debug)]
pub struct UndoArgs {
    /// Settings of the service.
    #[command(flatten)]
    pub config: Config,
    /// Log-in name of who wrote them; everybody's without it.
    #[arg(long, default_value = "")]
    pub by: String,
    /// Of people in this division; everywhere without it.
    #[arg(long, default_value = "")]
    pub division: String,
    /// Written from this instant on, such as 2022-06-13T00:00:00+08:00.
    #[arg(long, value_parser = instant)]
    pub from: Instant,
    /// Until this one.
    #[arg(long, value_parser = instant)]
    pub to: Instant,
    /// Why; residents and auditors read it.
    #[arg(long)]
    pub reason: String,
}

fn instant(text: &str) -> Result<Instant, String> {
    Instant::parse(text).map_err(|e| e.to_string())
}

/// Runs it. Frees only: a release that two offices signed is taken back by two offices.
pub fn run(command: OrderCommand) -> anyhow::Result<ExitCode> {
    let OrderCommand::Undo(args) = command;
    let reason = sentence("reason", &args.reason, 500).map_err(|p| anyhow::anyhow!("--reason: {}", p.en))?;
    let undo = Undo {
        officer: args.by.clone(),
        division: args.division.clone(),
        from: args.from.0,
        to: args.to.0,
        reason: reason.to_owned(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let app = App::open(args.config, Rng::system()).await?;
        let undone = undo::all(&app, &undo, "command line").await;
        notice::sent(MESSAGES_WAIT).await;
        app.db.clone().close().await;
        app.key_store.clone().close().await;
        let undone = undone.map_err(|p| anyhow::anyhow!("{}: {}", p.code, p.en))?;
        println!("{} orders withdrawn; everybody concerned was decided again", undone.orders);
        if undone.releases_left > 0 {
            println!("{} releases left: two offices take those back, at /staff", undone.releases_left);
        }
        Ok(ExitCode::SUCCESS)
    })
}
