//! Spreads the tables over the shards of a Citus cluster.
//!
//! Everything about a person lies on one shard, by person; everything about a phone by account.
//! Small tables that units of any person write are on every node. What nodes of Kangma tell each
//! other, and the counts of people with their outbox, stay on the coordinator, to which they all connect.

use tokio_postgres::{Client, Error};

use super::super::OpenError;
use super::link::Target;

/// Tables and their columns, of the main database and of the store of keys; the first of each
/// kind is what the others lie beside.
const SPREAD: &[(&str, &str)] = &[
    ("person", "person_id"),
    ("fact", "person_id"),
    ("decision", "person_id"),
    ("look", "person_id"),
    ("appeal", "person_id"),
    ("appeal_step", "person_id"),
    ("evidence", "person_id"),
    ("evidence_chunk", "person_id"),
    // A person's first document has the person's own id, and is written in one unit with them.
    ("document", "document_id"),
    // What one collector sent; the facts of it lie with the people.
    ("collected", "officer_id"),
    ("account", "account_id"),
    ("device", "account_id"),
    ("one_time_code", "account_id"),
    ("person_key", "person_id"),
    ("import_block", "import_id"),
];
const EVERYWHERE: &[&str] = &[
    "review",
    "appeal_tally",
    "staff",
    "staff_session",
    "office",
    "role",
    "staff_grant",
    "staff_order",
    "order_undo",
    "pace",
    "alarm",
    "staff_event",
    "invitation",
    "setting",
    "signing_key",
    "import",
    "import_mapping",
    "publication",
    "pack_version",
    "pack_draft",
    "pack_step",
    "pack_count",
    "area_list",
    "area_step",
    "area_turn",
    "area_walk",
    "retention_walk",
    "pack_simulation",
];

const TABLES: &str =
    "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()";
const DONE: &str = "SELECT c.relname::text FROM pg_dist_partition d JOIN pg_class c ON c.oid = d.logicalrelid \
     JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema()";

/// Spreads what is not yet spread; returns the names of those tables.
pub async fn spread(client: &Client, target: &Target) -> Result<Vec<&'static str>, OpenError> {
    let there = "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus')";
    let there: bool = client.query_one(there, &[]).await.map_err(|e| target.open_error(&e))?.get(0);
    if !there {
        return Err(OpenError::Io {
            database: target.name.clone(),
            cause:
                "Citus is not installed here: CREATE EXTENSION citus on the coordinator and every worker, \
                    then add the workers with citus_add_node"
                    .into(),
        });
    }
    spread_missing(client).await.map_err(|e| target.open_error(&e))
}

async fn spread_missing(client: &Client) -> Result<Vec<&'static str>, Error> {
    client.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0").await?;
    let names = async |sql| -> Result<Vec<String>, Error> {
        Ok(client.query(sql, &[]).await?.iter().map(|row| row.get(0)).collect())
    };
    let (present, mut done) = (names(TABLES).await?, names(DONE).await?);
    let missing =
        |table: &str, done: &[String]| present.iter().any(|t| t == table) && !done.iter().any(|t| t == table);
    let mut spread = Vec::new();
    for (table, column) in SPREAD {
        if !missing(table, &done) {
            continue;
        }
        let beside =
            SPREAD.iter().map(|(t, _)| *t).find(|t| done.iter().any(|d| d == t)).unwrap_or("default");
        let sql = "SELECT create_distributed_table($1::text::regclass, $2, colocate_with => $3)";
        client.query(sql, &[table, column, &beside]).await?;
        done.push((*table).to_owned());
        spread.push(*table);
    }
    for table in EVERYWHERE {
        if missing(table, &done) {
            client.query("SELECT create_reference_table($1::text::regclass)", &[table]).await?;
            spread.push(*table);
        }
    }
    Ok(spread)
}
