-- Where sessions are used; migrations/sqlite/0019_places.sql says what each is for.

ALTER TABLE staff_session ADD COLUMN trail BYTEA NOT NULL DEFAULT ''::bytea;
ALTER TABLE staff_session ADD COLUMN elsewhere BIGINT NOT NULL DEFAULT 0;
