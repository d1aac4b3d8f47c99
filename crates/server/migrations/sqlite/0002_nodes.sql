-- Several nodes on one database. SQLite has one process, which needs none of this; the tables are
-- there so that both engines have one schema.

-- People whose state changed: what other nodes forget from memory.
CREATE TABLE change (
    people BLOB NOT NULL,              -- ids, 16 bytes each: one row a commit
    xid    BIGINT NOT NULL DEFAULT 0   -- PostgreSQL's transaction number
);

CREATE INDEX change_xid ON change (xid);

-- Work that one node does for all: held for some seconds, then free for whoever comes.
CREATE TABLE lease (
    name       TEXT PRIMARY KEY,
    holder     BLOB NOT NULL,            -- node
    expires_at BIGINT NOT NULL           -- milliseconds since 1970, by the holder's clock
) WITHOUT ROWID;

-- Nodes that were lately alive.
CREATE TABLE node (
    node_id BLOB PRIMARY KEY,            -- random at each start
    seen_at BIGINT NOT NULL              -- milliseconds since 1970
) WITHOUT ROWID;
