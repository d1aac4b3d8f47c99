-- Several nodes on one database; migrations/sqlite/0002_nodes.sql says what each table is for.

-- Read by transaction number from the oldest that may still be open: whatever commits later has a
-- number at or above it, so no change is missed.
CREATE TABLE change (
    people BYTEA NOT NULL,
    xid    BIGINT NOT NULL DEFAULT (pg_current_xact_id()::text::bigint)
);

CREATE INDEX change_xid ON change (xid);

CREATE TABLE lease (
    name       TEXT PRIMARY KEY,
    holder     BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE node (
    node_id BYTEA PRIMARY KEY,
    seen_at BIGINT NOT NULL
);
