-- What-if runs of drafts, and counts of comparisons that can be written again without counting twice.

-- A draft tried on everybody: who asked, how far it is, and what came out, which is counts that may be
-- shown and nothing else.
CREATE TABLE pack_simulation (
    simulation_id BLOB PRIMARY KEY,
    draft_id      BLOB NOT NULL,
    draft_version BIGINT NOT NULL,
    asked_at      BIGINT NOT NULL,
    asked_by      TEXT NOT NULL,      -- log-in name
    at            BIGINT NOT NULL,    -- the instant that is asked about
    division      TEXT NOT NULL,      -- whose people; empty is everybody
    sample        BIGINT NOT NULL,    -- percent of them
    state         BIGINT NOT NULL,    -- 0 runs, 1 done, 2 stopped, 3 failed
    reason        TEXT NOT NULL,      -- why it failed: a code
    lease_until   BIGINT NOT NULL,    -- a run whose node does not renew this has failed
    done          BIGINT NOT NULL,    -- thousandths
    digest        TEXT NOT NULL,      -- of the draft's pack
    report        TEXT,               -- JSON
    places        TEXT                -- JSON: changes by division, rounded up to fives
);

-- One at a time of a draft.
CREATE UNIQUE INDEX pack_simulation_runs ON pack_simulation (draft_id) WHERE state = 0;
CREATE INDEX pack_simulation_of_draft ON pack_simulation (draft_id, simulation_id);

-- Each node writes what it has counted in all, so that a write whose outcome nobody knows is simply
-- done again.
ALTER TABLE pack_count RENAME TO pack_count_before;

CREATE TABLE pack_count (
    publication_id BLOB NOT NULL,
    node       BLOB NOT NULL,         -- random, of one run of a process; empty: before nodes counted apart
    stage      BIGINT NOT NULL,       -- from 0; -1 in shadow
    was        BIGINT NOT NULL,       -- colour under the rules in force before; 0 none
    becomes    BIGINT NOT NULL,
    people     BIGINT NOT NULL,
    PRIMARY KEY (publication_id, node, stage, was, becomes)
);

INSERT INTO pack_count (publication_id, node, stage, was, becomes, people)
    SELECT publication_id, X'', stage, was, becomes, people FROM pack_count_before;

DROP TABLE pack_count_before;
