-- Who on the staff may do what, where and until when.

-- A unit of staff (单位): an order needs the signature of another one.
CREATE TABLE office (
    office_id  BLOB PRIMARY KEY,         -- random
    name       TEXT NOT NULL,
    division   TEXT NOT NULL,            -- code, '' the whole country
    created_at BIGINT NOT NULL
) WITHOUT ROWID;

-- A named set of permissions.
CREATE TABLE role (
    name        TEXT PRIMARY KEY,
    permissions BIGINT NOT NULL          -- one bit each, kangma_core::role::Permission
) WITHOUT ROWID;

-- A role given to somebody.
CREATE TABLE staff_grant (
    grant_id   BLOB PRIMARY KEY,         -- random
    staff      TEXT NOT NULL,            -- log-in name
    role       TEXT NOT NULL,
    division   TEXT NOT NULL,            -- code, '' the whole country
    assignment TEXT,                     -- a place or enterprise; NULL: all of the division
    ends_at    BIGINT NOT NULL,
    given_by   TEXT NOT NULL,            -- log-in name, or 'command line'
    created_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX staff_grant_of ON staff_grant (staff);

ALTER TABLE staff DROP COLUMN role;
ALTER TABLE staff ADD COLUMN office_id BLOB NOT NULL DEFAULT x'00000000000000000000000000000000';
ALTER TABLE staff_session ADD COLUMN session_id BLOB NOT NULL DEFAULT x'00000000000000000000000000000000';

-- The office of whoever was there before, who were all reviewers.
INSERT INTO office (office_id, name, division, created_at)
    VALUES (x'00000000000000000000000000000000', '默认单位', '', 0);
INSERT INTO staff_grant (grant_id, staff, role, division, ends_at, given_by, created_at)
    SELECT randomblob(16), name, 'reviewer', '', created_at + 31536000, 'command line', created_at FROM staff;
DELETE FROM staff_session;
