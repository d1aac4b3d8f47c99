-- The reviewers' queue with a clock, appeals, and the evidence to them; migrations/sqlite says what
-- each column is.

ALTER TABLE review ADD COLUMN division BIGINT NOT NULL DEFAULT 0;
ALTER TABLE review ADD COLUMN street BYTEA;
ALTER TABLE review ADD COLUMN level BIGINT NOT NULL DEFAULT 3;
ALTER TABLE review ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE review ADD COLUMN claimed_by TEXT;
ALTER TABLE review ADD COLUMN claimed_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE review ADD COLUMN settles_at BIGINT;
ALTER TABLE review ADD COLUMN finding BYTEA;
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
    person_id BYTEA NOT NULL,
    appeal_id BYTEA NOT NULL,
    about     BYTEA NOT NULL,
    made_at   BIGINT NOT NULL,
    state     BIGINT NOT NULL,
    body      BYTEA NOT NULL,
    closed_at BIGINT,
    answer    BYTEA,
    PRIMARY KEY (person_id, appeal_id)
);

-- One open appeal for each decision.
CREATE UNIQUE INDEX appeal_open ON appeal (person_id, about) WHERE state = 0;

-- What happened to an appeal; append-only.
CREATE TABLE appeal_step (
    person_id BYTEA NOT NULL,
    appeal_id BYTEA NOT NULL,
    seq       BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    what      BIGINT NOT NULL,
    level     BIGINT NOT NULL,
    officer   TEXT,
    note      BYTEA,
    PRIMARY KEY (person_id, appeal_id, seq)
);

-- Answered appeals, counted: an office is a level over a division.
CREATE TABLE appeal_tally (
    day      BIGINT NOT NULL,
    level    BIGINT NOT NULL,
    division BIGINT NOT NULL,
    half_hours BIGINT NOT NULL,
    answered BIGINT NOT NULL,
    late     BIGINT NOT NULL,
    PRIMARY KEY (day, level, division, half_hours)
);

-- Pictures and documents to an appeal.
CREATE TABLE evidence (
    person_id   BYTEA NOT NULL,
    evidence_id BYTEA NOT NULL,
    appeal_id   BYTEA NOT NULL,
    seq         BIGINT NOT NULL,
    added_at    BIGINT NOT NULL,
    chunks      BIGINT NOT NULL,
    head        BYTEA NOT NULL,
    PRIMARY KEY (person_id, evidence_id)
);

CREATE UNIQUE INDEX evidence_of_appeal ON evidence (person_id, appeal_id, seq);

CREATE TABLE evidence_chunk (
    person_id   BYTEA NOT NULL,
    evidence_id BYTEA NOT NULL,
    seq         BIGINT NOT NULL,
    body        BYTEA NOT NULL,
    PRIMARY KEY (person_id, evidence_id, seq)
);
