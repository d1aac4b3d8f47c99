-- What leaves of the decision log speak of besides decisions;
-- migrations/sqlite/0013_logged.sql says what each column is for.

ALTER TABLE staff_grant ADD COLUMN ended_at BIGINT;
ALTER TABLE staff_grant ADD COLUMN ended_by TEXT;
ALTER TABLE role ADD COLUMN version BIGINT NOT NULL DEFAULT 0;

CREATE TABLE publication (
    number       BIGINT PRIMARY KEY,
    pack         TEXT NOT NULL,
    version      TEXT NOT NULL,
    digest       BYTEA NOT NULL,
    published_at BIGINT NOT NULL
);

CREATE INDEX look_of_leaf ON look (look_id);
CREATE INDEX leaf_act ON leaf (kind, id, version) WHERE kind <> 1;
