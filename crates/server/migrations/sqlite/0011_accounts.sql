-- Accounts of staff: a second factor, where their sessions are used, what they should know, and
-- invitations. And who on the staff looked at whom.

ALTER TABLE staff ADD COLUMN totp BLOB;                                 -- sealed by the master key
ALTER TABLE staff ADD COLUMN totp_confirmed BIGINT NOT NULL DEFAULT 0;  -- 1 once a code of it was right
ALTER TABLE staff ADD COLUMN totp_step BIGINT NOT NULL DEFAULT 0;       -- the last code's: each works once
ALTER TABLE staff ADD COLUMN ended_at BIGINT;                           -- NULL: may log in

ALTER TABLE staff_session ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE staff_session ADD COLUMN address BLOB NOT NULL DEFAULT x'';  -- keyed hash of where it was opened
ALTER TABLE staff_session ADD COLUMN agent TEXT NOT NULL DEFAULT '';     -- the browser's name for itself

-- What an account's owner is told at the next log-in, and an auditor any time.
CREATE TABLE staff_event (
    staff     TEXT NOT NULL,
    kind      BIGINT NOT NULL,           -- kangma::staff::Event
    window_at BIGINT NOT NULL,           -- start of the ten minutes
    count     BIGINT NOT NULL,
    PRIMARY KEY (staff, kind, window_at)
) WITHOUT ROWID;

-- Somebody who may choose a password of their own, once.
CREATE TABLE invitation (
    token_hash BLOB PRIMARY KEY,
    staff      TEXT NOT NULL,
    office_id  BLOB NOT NULL,
    given_by   TEXT NOT NULL,
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;

-- A reading of a person by staff; shown to the person.
CREATE TABLE look (
    person_id BLOB NOT NULL,
    look_id   BLOB NOT NULL,
    looked_at BIGINT NOT NULL,
    staff     TEXT NOT NULL,             -- log-in name
    body      BLOB NOT NULL,             -- sealed by the person's key: role, office, purpose, reason
    PRIMARY KEY (person_id, look_id)
) WITHOUT ROWID;
