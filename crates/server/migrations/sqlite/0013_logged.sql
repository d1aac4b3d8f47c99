-- What leaves of the decision log speak of besides decisions.

-- A right that ended early; its row keeps what was given.
ALTER TABLE staff_grant ADD COLUMN ended_at BIGINT;
ALTER TABLE staff_grant ADD COLUMN ended_by TEXT;

-- Changes of a role, counted: each has a leaf.
ALTER TABLE role ADD COLUMN version BIGINT NOT NULL DEFAULT 0;

-- Rules that took force, in the order in which nodes began with them; append-only.
CREATE TABLE publication (
    number       BIGINT PRIMARY KEY,
    pack         TEXT NOT NULL,
    version      TEXT NOT NULL,
    digest       BLOB NOT NULL,           -- of all files but the cases
    published_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX look_of_leaf ON look (look_id);
-- Few: all that is not a decision.
CREATE INDEX leaf_act ON leaf (kind, id, version) WHERE kind <> 1;
