-- Counts of people per division and day; migrations/sqlite/0004_tally.sql says what each table is for.

CREATE TABLE tally (
    cell_id BYTEA PRIMARY KEY,
    version BIGINT NOT NULL,
    body    BYTEA NOT NULL
) WITH (fillfactor = 70);

-- Sealed bytes do not compress.
ALTER TABLE tally ALTER COLUMN body SET STORAGE EXTERNAL;

-- Small and always changing: swept before its dead rows are many.
CREATE TABLE tally_outbox (
    change_id BYTEA PRIMARY KEY,
    body      BYTEA NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
