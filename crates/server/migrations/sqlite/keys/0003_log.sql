-- The key that signs heads of the decision log: one for all nodes.
CREATE TABLE log_key (
    number BIGINT PRIMARY KEY,
    name   TEXT NOT NULL, -- of the log, in every head
    seed   BLOB NOT NULL -- sealed by the master key
) WITHOUT ROWID;
