//! What the service does: one binary, `kangma`.

mod account;
mod admit;
mod alarm;
mod app;
mod appeal;
mod area;
mod auth;
mod built_in;
mod check_in;
mod cli;
mod collect;
mod config;
mod dashboard;
mod db;
mod decide;
mod declare;
mod demo;
mod division;
mod error;
mod evidence;
mod gateway;
mod headers;
mod http;
mod identity;
mod import;
mod jobs;
mod lang;
mod limit;
mod listen;
mod log;
mod login;
mod look;
mod metrics;
mod order;
mod packs;
mod pages;
mod pass;
mod person;
mod publication;
mod queue;
mod retention;
mod review;
mod rights;
mod router;
mod scan;
mod seal;
mod service;
mod simulate;
mod site;
mod staff;
mod tally;
#[cfg(test)]
mod testing;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run(cli::Args::parse())
}
