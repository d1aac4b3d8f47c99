-- Lists of offices on their way in.

-- A file that was sent, and how far it has come.
CREATE TABLE import (
    import_id  BYTEA PRIMARY KEY,      -- keyed hash of office, division, kind and the file: sent again it is the same
    office     BYTEA NOT NULL,
    division   TEXT NOT NULL,         -- for which it was sent; empty for the whole country
    kind       BIGINT NOT NULL,       -- of list
    state      BIGINT NOT NULL,       -- 0 coming in, 1 ready, 2 checking, 3 checked, 4 running, 5 stopped, 6 held, 7 done
    lines      BIGINT NOT NULL,
    blocks     BIGINT NOT NULL,
    done       BIGINT NOT NULL,       -- blocks that are finished
    fine       BIGINT NOT NULL,       -- lines by result
    applied    BIGINT NOT NULL,
    known      BIGINT NOT NULL,
    wrong      BIGINT NOT NULL,
    elsewhere  BIGINT NOT NULL,       -- lines about people of other divisions
    about      BYTEA NOT NULL,         -- sealed by the master key: file name, headers, mapping, who
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE INDEX import_work ON import (state, changed_at);

-- Its lines in blocks, and what became of them. Cells of lines that were taken are dropped.
CREATE TABLE import_block (
    import_id BYTEA NOT NULL,
    block     BIGINT NOT NULL,
    lines     BYTEA NOT NULL,          -- sealed by the master key
    result    BYTEA,                   -- sealed by the master key
    PRIMARY KEY (import_id, block)
);

-- What an office's columns meant the last time.
CREATE TABLE import_mapping (
    office      BYTEA NOT NULL,
    fingerprint BYTEA NOT NULL,        -- keyed hash of the kind and the headers
    mapping     BYTEA NOT NULL,        -- sealed by the master key
    PRIMARY KEY (office, fingerprint)
);
