-- The first schema. Instants are seconds since 1970 (BIGINT); ids are 16 bytes.
-- Sealed columns are AEAD ciphertexts bound to table, column and row. The columns that are
-- stored in clear, and why each may be, are listed in docs/decisions/0004-clear-columns.md.

-- A phone's account. A pointer: the binding's truth is an identity fact on the person.
CREATE TABLE account (
    account_id BLOB PRIMARY KEY,      -- keyed hash of the phone number
    person_id  BLOB,                  -- NULL until an identity is confirmed
    phone      BLOB NOT NULL,         -- sealed by the master key
    claim      BLOB,                  -- sealed by the master key: a declaration not yet anybody's
    claim_state INTEGER NOT NULL,     -- 0 none, 1 needs proof, 2 in review, 3 refused
    claim_at   BIGINT NOT NULL,       -- when the claim was made, 0 where there is none
    version    BIGINT NOT NULL,       -- guard of every update
    created_at BIGINT NOT NULL
) WITHOUT ROWID;

-- A phone or browser that stays logged in. The token is stored hashed.
CREATE TABLE device (
    account_id BLOB NOT NULL,
    token_hash BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, token_hash)
) WITHOUT ROWID;

-- One-time codes sent out: one living code per account and purpose.
CREATE TABLE one_time_code (
    account_id BLOB NOT NULL,
    purpose    INTEGER NOT NULL,      -- 1 login, 2 proof of identity
    code_hash  BLOB NOT NULL,         -- keyed hash
    expires_at BIGINT NOT NULL,
    tries_left INTEGER NOT NULL,
    window_at  BIGINT NOT NULL,       -- start of the throttling window
    sent       INTEGER NOT NULL,      -- codes sent in this window
    PRIMARY KEY (account_id, purpose)
) WITHOUT ROWID;

-- A person: guard, validity of the stored decision, and two sealed values. `state` is what a
-- code read needs; `dossier` is the typed facts that rules read, rebuilt from `fact` at will.
CREATE TABLE person (
    person_id    BLOB PRIMARY KEY,
    version      BIGINT NOT NULL,
    next_seq     BIGINT NOT NULL,
    tokens_after BIGINT NOT NULL,     -- no token issued before this instant counts
    decided_at   BIGINT NOT NULL,
    review_at    BIGINT,              -- NULL: time alone changes nothing
    pack         BLOB NOT NULL,       -- digest of the effective pack of the stored decision
    state        BLOB NOT NULL,       -- sealed by the person's key
    dossier      BLOB NOT NULL        -- sealed by the person's key
) WITHOUT ROWID;

CREATE INDEX person_review_at ON person (review_at) WHERE review_at IS NOT NULL;

-- Documents that lead to a person: the first, and later ones.
CREATE TABLE document (
    document_id BLOB PRIMARY KEY,     -- keyed hash of type and normalised number
    person_id   BLOB NOT NULL,
    profile     BLOB NOT NULL,        -- sealed by the person's key: name, type, number, nationality
    created_at  BIGINT NOT NULL
) WITHOUT ROWID;

-- Everything known of a person; append-only.
CREATE TABLE fact (
    person_id   BLOB NOT NULL,
    seq         BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    body        BLOB NOT NULL,        -- sealed by the person's key
    PRIMARY KEY (person_id, seq)
) WITHOUT ROWID;

-- Every decision that differed from the one before; append-only.
CREATE TABLE decision (
    person_id  BLOB NOT NULL,
    version    BIGINT NOT NULL,       -- the person's version that it belongs to
    decided_at BIGINT NOT NULL,
    body       BLOB NOT NULL,         -- sealed by the person's key
    PRIMARY KEY (person_id, version)
) WITHOUT ROWID;

-- What waits for a reviewer, and what became of it.
CREATE TABLE review (
    review_id  BLOB PRIMARY KEY,
    kind       INTEGER NOT NULL,      -- 1 declaration, 2 identity
    person_id  BLOB,                  -- of a declaration
    account_id BLOB,                  -- of an identity claim
    rule       TEXT NOT NULL,         -- the pack's review rule, or identity.claim
    opened_at  BIGINT NOT NULL,
    state      INTEGER NOT NULL,      -- 0 open, 1 approved, 2 returned, 3 found false, 4 overtaken
    closed_at  BIGINT,
    closed_by  TEXT
) WITHOUT ROWID;

CREATE INDEX review_open ON review (opened_at) WHERE state = 0;

-- Staff who may log in.
CREATE TABLE staff (
    name       TEXT PRIMARY KEY,
    password   TEXT NOT NULL,         -- argon2id
    role       TEXT NOT NULL,         -- reviewer
    created_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE staff_session (
    token_hash BLOB PRIMARY KEY,
    name       TEXT NOT NULL,
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;

-- Single values of the installation, such as the demo clock's lead.
CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX review_of_person ON review (person_id) WHERE state = 0 AND person_id IS NOT NULL;
CREATE INDEX review_of_account ON review (account_id) WHERE state = 0 AND account_id IS NOT NULL;
