-- Accounts of staff, and who looked at whom; migrations/sqlite/0011_accounts.sql says what each is for.

ALTER TABLE staff ADD COLUMN totp BYTEA;
ALTER TABLE staff ADD COLUMN totp_confirmed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE staff ADD COLUMN totp_step BIGINT NOT NULL DEFAULT 0;
ALTER TABLE staff ADD COLUMN ended_at BIGINT;

ALTER TABLE staff_session ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE staff_session ADD COLUMN address BYTEA NOT NULL DEFAULT ''::bytea;
ALTER TABLE staff_session ADD COLUMN agent TEXT NOT NULL DEFAULT '';

CREATE TABLE staff_event (
    staff     TEXT NOT NULL,
    kind      BIGINT NOT NULL,
    window_at BIGINT NOT NULL,
    count     BIGINT NOT NULL,
    PRIMARY KEY (staff, kind, window_at)
);

CREATE TABLE invitation (
    token_hash BYTEA PRIMARY KEY,
    staff      TEXT NOT NULL,
    office_id  BYTEA NOT NULL,
    given_by   TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE look (
    person_id BYTEA NOT NULL,
    look_id   BYTEA NOT NULL,
    looked_at BIGINT NOT NULL,
    staff     TEXT NOT NULL,
    body      BYTEA NOT NULL,
    PRIMARY KEY (person_id, look_id)
);
