-- The same tables and columns as migrations/sqlite/0001_first.sql, which says what each is for;
-- a test compares the two.

CREATE TABLE account (
    account_id  BYTEA PRIMARY KEY,
    person_id   BYTEA,
    phone       BYTEA NOT NULL,
    claim       BYTEA,
    claim_state BIGINT NOT NULL,
    claim_at    BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL
);

CREATE TABLE device (
    account_id BYTEA NOT NULL,
    token_hash BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, token_hash)
);

CREATE TABLE one_time_code (
    account_id BYTEA NOT NULL,
    purpose    BIGINT NOT NULL,
    code_hash  BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    tries_left BIGINT NOT NULL,
    window_at  BIGINT NOT NULL,
    sent       BIGINT NOT NULL,
    PRIMARY KEY (account_id, purpose)
);

-- Room in each page lets an update stay where the row was.
CREATE TABLE person (
    person_id    BYTEA PRIMARY KEY,
    version      BIGINT NOT NULL,
    next_seq     BIGINT NOT NULL,
    tokens_after BIGINT NOT NULL,
    decided_at   BIGINT NOT NULL,
    review_at    BIGINT,
    pack         BYTEA NOT NULL,
    state        BYTEA NOT NULL,
    dossier      BYTEA NOT NULL
) WITH (fillfactor = 80);

-- Sealed bytes do not compress.
ALTER TABLE person ALTER COLUMN dossier SET STORAGE EXTERNAL;

CREATE INDEX person_review_at ON person (review_at) WHERE review_at IS NOT NULL;

CREATE TABLE document (
    document_id BYTEA PRIMARY KEY,
    person_id   BYTEA NOT NULL,
    profile     BYTEA NOT NULL,
    created_at  BIGINT NOT NULL
);

CREATE TABLE fact (
    person_id   BYTEA NOT NULL,
    seq         BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    body        BYTEA NOT NULL,
    PRIMARY KEY (person_id, seq)
);

CREATE TABLE decision (
    person_id  BYTEA NOT NULL,
    version    BIGINT NOT NULL,
    decided_at BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (person_id, version)
);

CREATE TABLE review (
    review_id  BYTEA PRIMARY KEY,
    kind       BIGINT NOT NULL,
    person_id  BYTEA,
    account_id BYTEA,
    rule       TEXT NOT NULL,
    opened_at  BIGINT NOT NULL,
    state      BIGINT NOT NULL,
    closed_at  BIGINT,
    closed_by  TEXT
);

CREATE INDEX review_open ON review (opened_at) WHERE state = 0;
CREATE INDEX review_of_person ON review (person_id) WHERE state = 0 AND person_id IS NOT NULL;
CREATE INDEX review_of_account ON review (account_id) WHERE state = 0 AND account_id IS NOT NULL;

CREATE TABLE staff (
    name       TEXT PRIMARY KEY,
    password   TEXT NOT NULL,
    role       TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE staff_session (
    token_hash BYTEA PRIMARY KEY,
    name       TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
