-- Orders that staff write by hand, and what is unusual about them.

-- An order and how far it has come, for lists; the truth is the order's fact on the person, and
-- neither person nor rule stands here in clear.
CREATE TABLE staff_order (
    order_id   BLOB PRIMARY KEY,      -- the fact's
    state      INTEGER NOT NULL,      -- 0 held for the level above, 1 waits for a signature, 2 signed, 3 withdrawn
    officer    TEXT NOT NULL,         -- log-in name of who wrote it
    office     BLOB NOT NULL,
    division   TEXT NOT NULL,         -- of the person, at most the county
    covers     TEXT NOT NULL,         -- the division that the officer's right to order covered
    urgent     INTEGER NOT NULL,
    ordered_at BIGINT NOT NULL,
    until      BIGINT NOT NULL,
    approved_by TEXT,                 -- of the level above, where it was held
    signed_by  TEXT,
    signed_at  BIGINT,
    withdrawn_by TEXT,
    withdrawn_at BIGINT,
    salt       BLOB NOT NULL,         -- random: of the digest in the decision log
    body       BLOB NOT NULL          -- sealed by the master key: person, rule, evidence, reference
) WITHOUT ROWID;

CREATE INDEX staff_order_by_state ON staff_order (state, ordered_at);
CREATE INDEX staff_order_by_officer ON staff_order (officer, ordered_at);

-- A request to withdraw every order of an account, a place and a time; acts when signed.
CREATE TABLE order_undo (
    undo_id    BLOB PRIMARY KEY,
    asked_by   TEXT NOT NULL,
    office     BLOB NOT NULL,
    asked_at   BIGINT NOT NULL,
    signed_by  TEXT,
    signed_at  BIGINT,
    done_at    BIGINT,
    undone     BIGINT NOT NULL,       -- orders withdrawn so far
    body       BLOB NOT NULL          -- sealed by the master key: whose, where, when, why, and the scopes of both
) WITHOUT ROWID;

-- How often an account, an office or a place did a thing lately.
CREATE TABLE pace (
    pace_key BLOB PRIMARY KEY,        -- keyed hash of the thing and who did it
    version  BIGINT NOT NULL,
    marks    BLOB NOT NULL            -- instants, 8 bytes each, the oldest first; bounded
) WITHOUT ROWID;

-- Unusual patterns, one row a kind, account, place and day, counted up.
CREATE TABLE alarm (
    alarm_id   BLOB PRIMARY KEY,      -- keyed hash of what makes it one
    kind       TEXT NOT NULL,
    officer    TEXT NOT NULL,         -- log-in name; empty where it is about a place
    division   TEXT NOT NULL,         -- where
    raised_at  BIGINT NOT NULL,
    last_at    BIGINT NOT NULL,
    times      BIGINT NOT NULL,
    seen       BIGINT NOT NULL,       -- how many of them an auditor has answered for
    answered_by TEXT,
    answered_at BIGINT,
    answer     BLOB                   -- sealed by the master key
) WITHOUT ROWID;

CREATE INDEX alarm_open ON alarm (last_at) WHERE seen < times;
