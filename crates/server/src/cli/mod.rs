//! The command line.

mod area;
mod backup;
mod certlogic;
mod diff;
mod doctor;
mod import;
mod load;
mod log;
mod new;
mod order;
pub mod pack;
mod pass;
mod people;
mod publish;
pub mod seed;
pub mod serve;
mod simulate;
mod staff;
mod tally;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, Data};

/// Kangma (康码): an open health-code platform.
#[derive(Parser, Debug)]
#[command(version, about)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the service.
    Serve(Box<Config>),
    /// Bring the database to this version's schema, and stop.
    Migrate(Migrate),
    /// Copy the data, or the keys, into a new folder, while the service runs.
    Backup(backup::Backup),
    /// Put such a copy where nothing is yet.
    Restore(backup::Backup),
    /// Look at keys, database, pack and disk, and say what to mend.
    Doctor(Doctor),
    /// Fill the database with made-up residents.
    Seed(Box<seed::Seed>),
    /// Hold the counts of people to the people themselves.
    #[command(subcommand)]
    Tally(tally::TallyCommand),
    /// Send a list to a running service.
    Import(Box<import::Import>),
    /// Hold the decision log to its head, and witness it.
    #[command(subcommand)]
    Log(log::LogCommand),
    /// Send load to a service on this machine.
    Load(load::Load),
    /// Add a reviewer, or give one a new password (printed once).
    Staff(Staff),
    /// Keep lists of areas at risk.
    #[command(subcommand)]
    Area(area::AreaCommand),
    /// Undo orders that staff wrote by hand.
    #[command(subcommand)]
    Order(order::OrderCommand),
    /// Check, test, explain and try rule packs.
    #[command(subcommand)]
    Pack(pack::PackCommand),
    /// Verify passes.
    #[command(subcommand)]
    Pass(pass::PassCommand),
}

/// What to bring up to date.
#[derive(clap::Args, Debug)]
pub struct Migrate {
    /// Where the data lies.
    #[command(flatten)]
    pub data: Data,
    /// Spread the tables over the shards of a Citus cluster whose coordinator DATABASE_URL names.
    #[arg(long)]
    pub citus: bool,
}

/// What to look at.
#[derive(clap::Args, Debug)]
pub struct Doctor {
    /// Where the data lies.
    #[command(flatten)]
    pub data: Data,
    /// Rule pack folder; the built-in pack without it.
    #[arg(long, env = "KANGMA_PACK")]
    pub pack: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Whom to add.
#[derive(clap::Args, Debug)]
pub struct Staff {
    /// Where the data lies.
    #[command(flatten)]
    pub data: Data,
    /// Log-in name.
    pub name: String,
    /// Name of the office (unit) that they belong to; made if new.
    #[arg(long, default_value = "默认单位")]
    pub office: String,
    /// Code of the office's division, where the role is given; the whole country without it.
    #[arg(long, default_value = "")]
    pub division: String,
    /// A role to give: administrator for the first, who gives the others theirs.
    #[arg(long)]
    pub role: Option<String>,
    /// For how many days.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(i64).range(1..=3_650))]
    pub days: i64,
}

/// Runs a command. What went wrong is one sentence on standard error.
pub fn run(args: Args) -> ExitCode {
    let done = match args.command {
        Command::Serve(config) => serve::run(*config),
        Command::Migrate(args) => serve::migrate(&args),
        Command::Backup(args) => backup::backup(&args),
        Command::Restore(args) => backup::bring_back(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Seed(args) => seed::run(*args),
        Command::Tally(command) => tally::run(command),
        Command::Import(args) => import::run(&args),
        Command::Log(command) => log::run(command),
        Command::Load(args) => load::run(&args),
        Command::Staff(args) => staff::run(&args),
        Command::Area(command) => area::run_command(&command),
        Command::Order(command) => order::run(command),
        Command::Pack(command) => pack::run(command),
        Command::Pass(command) => pass::run(command, || crate::app::Clock::system(0).wall()),
    };
    done.unwrap_or_else(|e| {
        eprintln!("kangma: {e:#}");
        ExitCode::FAILURE
    })
}
