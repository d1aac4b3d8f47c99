-- What dashboards keep beside the counts.

-- Files that offices took along, and why.
CREATE TABLE dashboard_export (
    export_id BLOB PRIMARY KEY,
    at        BIGINT NOT NULL,
    officer   TEXT NOT NULL,              -- log-in name
    division  TEXT NOT NULL,              -- whose children the file lists
    row_count BIGINT NOT NULL,
    reason    BLOB NOT NULL               -- sealed by the master key
) WITHOUT ROWID;

-- What pages at checkpoints and of collectors last said of themselves; no person is in it.
CREATE TABLE heartbeat (
    device_id BLOB PRIMARY KEY,           -- random, made by the page
    kind      INTEGER NOT NULL,           -- 1 checkpoint, 2 collector
    division  BIGINT NOT NULL,            -- 0 where it was not told
    keys_at   BIGINT NOT NULL,            -- since when it has its keys
    outbox    BIGINT NOT NULL,            -- items that it has yet to send
    seen_at   BIGINT NOT NULL
) WITHOUT ROWID;
