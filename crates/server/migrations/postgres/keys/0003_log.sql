-- As migrations/sqlite/keys/0003_log.sql.
CREATE TABLE log_key (
    number BIGINT PRIMARY KEY,
    name   TEXT NOT NULL,
    seed   BYTEA NOT NULL
);
