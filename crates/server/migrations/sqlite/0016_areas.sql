-- Lists of areas at risk: versions, only ever added, and the steps that put them in force.

-- The whole list of one division; its digest, which a step holds, is checked whenever it is read. A leaf of
-- the decision log.
CREATE TABLE area_list (
    version_id BLOB PRIMARY KEY,
    entries    BLOB NOT NULL         -- compressed
);

-- What acts when follows from these alone. Each is a leaf of the decision log.
CREATE TABLE area_step (
    version_id BLOB NOT NULL,
    seq        BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    officer    TEXT NOT NULL,         -- empty where the service took it by itself
    office     BLOB NOT NULL,
    body       TEXT NOT NULL,         -- JSON: what was done
    PRIMARY KEY (version_id, seq)
);

-- Which parts of the people were looked through for lists that act since an instant, and what came of it.
CREATE TABLE area_walk (
    turn       BIGINT NOT NULL,       -- since when the lists act
    part       BIGINT NOT NULL,
    people     BIGINT NOT NULL,
    touched    BIGINT NOT NULL,       -- decided again
    changed    BIGINT NOT NULL,       -- of whom with another colour
    PRIMARY KEY (turn, part)
);
