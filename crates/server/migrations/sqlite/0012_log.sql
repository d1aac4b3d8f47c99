-- The decision log: what is to be logged, and the tree that it is integrated into.

-- One row for each thing that is logged, written in the same unit; append-only. In order of rowid.
CREATE TABLE leaf (
    turn    BIGINT NOT NULL DEFAULT 0, -- of the other engine: number of the transaction
    seq     INTEGER NOT NULL PRIMARY KEY, -- the rowid: order of commit
    leaf_id BLOB NOT NULL,            -- made by time
    kind    INTEGER NOT NULL,         -- 1 decision, 2 order, 3 publication, 4 import, 5 look, 6 appeal, 7 grant
    id      BLOB NOT NULL,            -- the row that it speaks of
    version BIGINT NOT NULL,          -- and which of several under that id; 0 where there is one
    digest  BLOB NOT NULL,            -- of that row
    said    BLOB,                     -- commitment to what its subject was told; part of the digest
    salt    BLOB NOT NULL,            -- random, so that nobody finds a row by trying
    at      BIGINT NOT NULL,          -- milliseconds
    office  BLOB                      -- of an order
);

CREATE UNIQUE INDEX leaf_of_id ON leaf (leaf_id);
-- A step of an appeal is found by the leaf that speaks of it.
CREATE INDEX appeal_step_of_leaf ON appeal_step (appeal_id, seq);
CREATE INDEX leaf_order ON leaf (at) WHERE kind = 2;

-- Tiles of 256 hashes and bundles of 256 entries; the last of each level grows until it is full.
CREATE TABLE log_tile (
    level      INTEGER NOT NULL,      -- 0 and up; -1 for entries
    n          BIGINT NOT NULL,
    width      INTEGER NOT NULL,
    first_turn BIGINT NOT NULL,       -- of entries: which leaf is the first, for finding one
    first_seq  BIGINT NOT NULL,
    body       BLOB NOT NULL,
    PRIMARY KEY (level, n)
);

CREATE INDEX log_tile_first ON log_tile (first_turn, first_seq) WHERE level = -1;

-- The tree head: one row, and the leaf that was integrated last.
CREATE TABLE log_head (
    head_id INTEGER NOT NULL PRIMARY KEY, -- 1
    size    BIGINT NOT NULL,          -- guard of every update
    turn    BIGINT NOT NULL,
    seq     BIGINT NOT NULL,
    at      BIGINT NOT NULL,          -- milliseconds
    note    BLOB NOT NULL             -- signed; empty before the first leaf
);

-- The newest head that each witness signed.
CREATE TABLE log_witness (
    witness TEXT PRIMARY KEY,
    size    BIGINT NOT NULL,
    note    BLOB NOT NULL             -- that head, with the witness's line
) WITHOUT ROWID;

INSERT INTO log_head (head_id, size, turn, seq, at, note) VALUES (1, 0, 0, 0, 0, x'');
