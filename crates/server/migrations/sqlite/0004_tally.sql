-- Counts of people per division and day, and what waits to be folded into them. Neither row names a
-- person or a place: the decision record on counting says what a thief of the database could join.

-- Counts of one place, of today and of ninety days before.
CREATE TABLE tally (
    cell_id BLOB PRIMARY KEY,             -- keyed hash of the place
    version BIGINT NOT NULL,              -- guard of every update
    body    BLOB NOT NULL                 -- sealed by the master key
) WITHOUT ROWID;

-- What is counted of somebody has changed; deleted in the unit that folds it.
CREATE TABLE tally_outbox (
    change_id BLOB PRIMARY KEY,           -- random
    body      BLOB NOT NULL               -- sealed by the master key, of one length
) WITHOUT ROWID;
