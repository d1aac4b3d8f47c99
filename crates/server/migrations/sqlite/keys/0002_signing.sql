-- The keys that sign passes: one set for all nodes. Numbered, so that of two nodes that make the next
-- key at once one finds the number taken.
CREATE TABLE signing_key (
    number      BIGINT PRIMARY KEY,
    pkcs8       BLOB NOT NULL, -- sealed by the master key
    active_from BIGINT NOT NULL, -- until then it is published, and signs nothing
    retired_at  BIGINT -- since then it only verifies
) WITHOUT ROWID;
