-- Who on the staff may do what, where and until when; migrations/sqlite/0007_rights.sql says what each
-- table is for.

CREATE TABLE office (
    office_id  BYTEA PRIMARY KEY,
    name       TEXT NOT NULL,
    division   TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE role (
    name        TEXT PRIMARY KEY,
    permissions BIGINT NOT NULL
);

CREATE TABLE staff_grant (
    grant_id   BYTEA PRIMARY KEY,
    staff      TEXT NOT NULL,
    role       TEXT NOT NULL,
    division   TEXT NOT NULL,
    assignment TEXT,
    ends_at    BIGINT NOT NULL,
    given_by   TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX staff_grant_of ON staff_grant (staff);

ALTER TABLE staff DROP COLUMN role;
ALTER TABLE staff ADD COLUMN office_id BYTEA NOT NULL DEFAULT '\x00000000000000000000000000000000';
ALTER TABLE staff_session ADD COLUMN session_id BYTEA NOT NULL DEFAULT '\x00000000000000000000000000000000';

INSERT INTO office (office_id, name, division, created_at)
    VALUES ('\x00000000000000000000000000000000', '默认单位', '', 0);
INSERT INTO staff_grant (grant_id, staff, role, division, ends_at, given_by, created_at)
    SELECT decode(replace(gen_random_uuid()::text, '-', ''), 'hex'), name, 'reviewer', '', created_at + 31536000,
        'command line', created_at FROM staff;
DELETE FROM staff_session;
