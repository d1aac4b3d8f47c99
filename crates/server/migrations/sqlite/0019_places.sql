-- A session that is used from two places is noticed, ends, and says so until its time is over.

-- Its column address is read and written by nodes of the version before alone, while they are replaced.
ALTER TABLE staff_session ADD COLUMN trail BLOB NOT NULL DEFAULT x'';         -- networks of the last ten minutes: keyed hashes, kangma::staff::Trail
ALTER TABLE staff_session ADD COLUMN elsewhere BIGINT NOT NULL DEFAULT 0;     -- 1: it was used from two places, and opens nothing
