-- The reviewers' queue with a clock, appeals, and the evidence to them.

ALTER TABLE review ADD COLUMN division BIGINT NOT NULL DEFAULT 0;      -- county; zeros where only the city is known
ALTER TABLE review ADD COLUMN street BLOB;                             -- keyed hash of the street, where it is known
ALTER TABLE review ADD COLUMN level INTEGER NOT NULL DEFAULT 3;        -- of the office: 1 province to 4 street
ALTER TABLE review ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE review ADD COLUMN claimed_by TEXT;                         -- log-in name
ALTER TABLE review ADD COLUMN claimed_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE review ADD COLUMN settles_at BIGINT;                       -- state 5: takes effect then unless undone
ALTER TABLE review ADD COLUMN finding BLOB;                            -- state 5: sealed, what was found
-- kind: also 3 appeal, 4 confirmation, both of a person.
-- state: also 5 settled and not yet in effect, 6 upheld, 7 allowed, 8 confirmed, 9 refused, 10 withdrawn.

UPDATE review SET due_at = opened_at + 86400;

DROP INDEX review_open;
DROP INDEX review_of_person;
DROP INDEX review_of_account;
CREATE INDEX review_open ON review (division, due_at) WHERE state = 0;
CREATE INDEX review_due ON review (due_at) WHERE state = 0;
CREATE INDEX review_settling ON review (settles_at) WHERE state = 5;
CREATE INDEX review_of_person ON review (person_id) WHERE closed_at IS NULL AND person_id IS NOT NULL;
CREATE INDEX review_of_account ON review (account_id) WHERE closed_at IS NULL AND account_id IS NOT NULL;

-- A person says that a decision is wrong, or brings what releases them. Its place in the queue is
-- the review of the same id.
CREATE TABLE appeal (
    person_id BLOB NOT NULL,
    appeal_id BLOB NOT NULL,           -- keyed hash of the person and the id that the client made
    about     BLOB NOT NULL,           -- the fact that opened the episode, or the returned declaration
    made_at   BIGINT NOT NULL,
    state     INTEGER NOT NULL,        -- 0 open, 1 answered, 2 withdrawn
    body      BLOB NOT NULL,           -- sealed by the person's key: text, ground, rule
    closed_at BIGINT,
    answer    BLOB,                    -- sealed by the person's key: outcome, reason, rule
    PRIMARY KEY (person_id, appeal_id)
) WITHOUT ROWID;

-- One open appeal for each decision.
CREATE UNIQUE INDEX appeal_open ON appeal (person_id, about) WHERE state = 0;

-- What happened to an appeal; append-only.
CREATE TABLE appeal_step (
    person_id BLOB NOT NULL,
    appeal_id BLOB NOT NULL,
    seq       BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    what      INTEGER NOT NULL,        -- 1 made, 2 escalated by the clock, 3 escalated by an officer, 4 answered, 5 withdrawn
    level     INTEGER NOT NULL,        -- of the office after it
    officer   TEXT,                    -- log-in name; NULL where it was the clock or the person
    note      BLOB,                    -- sealed by the person's key
    PRIMARY KEY (person_id, appeal_id, seq)
) WITHOUT ROWID;

-- Answered appeals, counted: an office is a level over a division.
CREATE TABLE appeal_tally (
    day      BIGINT NOT NULL,          -- days since 1970 in the pack's zone
    level    INTEGER NOT NULL,
    division BIGINT NOT NULL,          -- as review.division
    half_hours BIGINT NOT NULL,        -- from making to answer, rounded up, 1000 at most
    answered BIGINT NOT NULL,
    late     BIGINT NOT NULL,
    PRIMARY KEY (day, level, division, half_hours)
) WITHOUT ROWID;

-- Pictures and documents to an appeal.
CREATE TABLE evidence (
    person_id   BLOB NOT NULL,
    evidence_id BLOB NOT NULL,         -- keyed hash of the appeal and the key that the client made
    appeal_id   BLOB NOT NULL,
    seq         BIGINT NOT NULL,         -- from 0, within the appeal
    added_at    BIGINT NOT NULL,
    chunks      BIGINT NOT NULL,
    head        BLOB NOT NULL,         -- sealed by the person's key: type, size, digest
    PRIMARY KEY (person_id, evidence_id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX evidence_of_appeal ON evidence (person_id, appeal_id, seq);

CREATE TABLE evidence_chunk (
    person_id   BLOB NOT NULL,
    evidence_id BLOB NOT NULL,
    seq         BIGINT NOT NULL,
    body        BLOB NOT NULL,         -- sealed by the person's key
    PRIMARY KEY (person_id, evidence_id, seq)
);
