//! Brings a PostgreSQL schema to this version.

use kangma_core::time::Instant;
use tokio_postgres::{Client, Error};

use super::super::OpenError;
use super::super::migrate::{Dialect, Migration, compare};
use super::link::Target;

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    number BIGINT PRIMARY KEY, name TEXT NOT NULL, hash BYTEA NOT NULL, applied_at BIGINT NOT NULL)";
/// Nodes that start together migrate one after the other: an advisory lock of our own number.
const LOCK: &str = "SELECT pg_advisory_lock(7352001)";
const UNLOCK: &str = "SELECT pg_advisory_unlock(7352001)";

/// Applies what is missing.
pub async fn run(
    client: &mut Client,
    target: &Target,
    known: &[Migration],
    now: Instant,
) -> Result<(), OpenError> {
    let fail = |e: Error| target.open_error(&e);
    client.batch_execute("SET lock_timeout = 0; SET statement_timeout = 0").await.map_err(fail)?;
    client.batch_execute(LOCK).await.map_err(fail)?;
    let done = locked(client, target, known, now).await;
    client.batch_execute(UNLOCK).await.map_err(fail)?;
    done
}

async fn locked(
    client: &mut Client,
    target: &Target,
    known: &[Migration],
    now: Instant,
) -> Result<(), OpenError> {
    let fail = |e: Error| target.open_error(&e);
    make_schema(client).await.map_err(fail)?;
    look(client, target, known).await?;
    client.batch_execute(LEDGER).await.map_err(fail)?;
    let count = "SELECT COUNT(*) FROM schema_migration";
    let applied: i64 = client.query_one(count, &[]).await.map_err(fail)?.get(0);
    for (number, migration) in (1_i64..).zip(known).skip(usize::try_from(applied).unwrap_or(0)) {
        let step = client.transaction().await.map_err(fail)?;
        step.batch_execute(migration.sql(Dialect::Postgres)).await.map_err(fail)?;
        let insert = "INSERT INTO schema_migration (number, name, hash, applied_at) VALUES ($1, $2, $3, $4)";
        let hash = migration.hash(Dialect::Postgres);
        step.execute(insert, &[&number, &migration.name, &hash, &now.0]).await.map_err(fail)?;
        step.commit().await.map_err(fail)?;
    }
    Ok(())
}

/// The schema that new tables fall into may not be there yet.
pub async fn make_schema(client: &Client) -> Result<(), Error> {
    let missing = "SELECT current_schema() IS NULL, split_part(current_setting('search_path'), ',', 1)";
    let row = client.query_one(missing, &[]).await?;
    if row.get::<_, bool>(0) {
        let schema: String = row.get(1);
        client.batch_execute(&format!("CREATE SCHEMA IF NOT EXISTS {schema}")).await?;
    }
    Ok(())
}

/// Looks without changing anything. Returns whether there is a schema.
pub async fn look(client: &Client, target: &Target, known: &[Migration]) -> Result<bool, OpenError> {
    let fail = |e: Error| target.open_error(&e);
    let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() \
                  AND table_type = 'BASE TABLE'";
    let tables: Vec<String> =
        client.query(tables, &[]).await.map_err(fail)?.iter().map(|row| row.get(0)).collect();
    if !tables.iter().any(|t| t == "schema_migration") {
        return if tables.is_empty() { Ok(false) } else { Err(OpenError::Foreign(target.name.clone())) };
    }
    let applied = "SELECT number, hash FROM schema_migration ORDER BY number";
    let applied: Vec<(i64, Vec<u8>)> =
        client.query(applied, &[]).await.map_err(fail)?.iter().map(|row| (row.get(0), row.get(1))).collect();
    compare(&target.name, known, Dialect::Postgres, &applied)?;
    Ok(!applied.is_empty())
}
