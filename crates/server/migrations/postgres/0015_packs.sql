-- Published packs: versions, drafts, and the steps that put them in force.

-- The files of a pack; its digest is checked whenever it is read.
CREATE TABLE pack_version (
    digest     TEXT PRIMARY KEY,
    pack       TEXT NOT NULL,
    version    TEXT NOT NULL,
    division   TEXT NOT NULL,
    author     TEXT NOT NULL,         -- log-in name
    created_at BIGINT NOT NULL,
    files      BYTEA NOT NULL         -- compressed
);

-- What is being written; binds nobody.
CREATE TABLE pack_draft (
    draft_id   BYTEA PRIMARY KEY,
    division   TEXT NOT NULL,         -- where its authors hold the right
    author     TEXT NOT NULL,
    version    BIGINT NOT NULL,       -- guard: grows with each change
    updated_at BIGINT NOT NULL,
    files      BYTEA NOT NULL
);

-- Steps of publications, only ever added: what is in force follows from them. Each is a leaf of the
-- decision log.
CREATE TABLE pack_step (
    publication_id BYTEA NOT NULL,
    seq        BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    officer    TEXT NOT NULL,         -- empty where the service took it by itself
    office     BYTEA NOT NULL,
    body       TEXT NOT NULL,         -- JSON: what was done
    PRIMARY KEY (publication_id, seq)
);

-- How many people or decisions differ between a pack on trial and the rules beside it.
CREATE TABLE pack_count (
    publication_id BYTEA NOT NULL,
    stage      BIGINT NOT NULL,       -- from 0; -1 in shadow
    was        BIGINT NOT NULL,       -- colour under the rules in force before; 0 none
    becomes    BIGINT NOT NULL,
    people     BIGINT NOT NULL,
    PRIMARY KEY (publication_id, stage, was, becomes)
);
