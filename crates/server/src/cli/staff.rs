//! `kangma staff`.

use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;

use crate::app::{Clock, Rng};
use crate::db::Db;
use crate::staff::{self, NewStaff};

/// Adds a member of staff with a fresh password, which is printed once and stored only as a hash.
pub fn run(args: &super::Staff) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let now = Clock::system(0).wall();
        let db = Db::open(&args.data.database(), now).await?;
        let mut secret = [0; 15];
        let rng = Rng::system();
        rng.fill(&mut secret);
        let password = B64.encode(secret);
        let new = NewStaff {
            name: &args.name,
            password: &password,
            office: &args.office,
            division: &args.division,
            role: args.role.as_deref(),
            assignment: None,
            ends_at: now.plus_s(args.days * 86_400),
        };
        staff::put_roles(&db, &rng, now).await?;
        staff::put(&db, &rng, &new, now).await?;
        db.close().await;
        println!("{} may log in at /staff with the password {password}", args.name);
        Ok(ExitCode::SUCCESS)
    })
}
