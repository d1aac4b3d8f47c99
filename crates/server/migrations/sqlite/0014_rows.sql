-- People, their documents and decisions in the order in which they came, found by an index of their
-- keys alone. A table WITHOUT ROWID keeps whole rows in the inner pages of its tree: with a kilobyte
-- a person that is four to a page, ten pages to go through for a million of them, and every row
-- beyond a quarter of a page continued on another one.
ALTER TABLE person RENAME TO person_by_key;
ALTER TABLE document RENAME TO document_by_key;
ALTER TABLE decision RENAME TO decision_by_key;
DROP INDEX person_review_at;

CREATE TABLE person (
    person_id    BLOB NOT NULL PRIMARY KEY,
    version      BIGINT NOT NULL,
    next_seq     BIGINT NOT NULL,
    tokens_after BIGINT NOT NULL,     -- no token issued before this instant counts
    decided_at   BIGINT NOT NULL,
    review_at    BIGINT,              -- NULL: time alone changes nothing
    pack         BLOB NOT NULL,       -- digest of the effective pack of the stored decision
    state        BLOB NOT NULL,       -- sealed by the person's key
    dossier      BLOB NOT NULL        -- sealed by the person's key
);

CREATE TABLE document (
    document_id BLOB NOT NULL PRIMARY KEY, -- keyed hash of type and normalised number
    person_id   BLOB NOT NULL,
    profile     BLOB NOT NULL,        -- sealed by the person's key: name, type, number, nationality
    created_at  BIGINT NOT NULL
);

CREATE TABLE decision (
    person_id  BLOB NOT NULL,
    version    BIGINT NOT NULL,       -- the person's version that it belongs to
    decided_at BIGINT NOT NULL,
    body       BLOB NOT NULL,         -- sealed by the person's key
    PRIMARY KEY (person_id, version)
);

INSERT INTO person (person_id, version, next_seq, tokens_after, decided_at, review_at, pack, state, dossier)
    SELECT person_id, version, next_seq, tokens_after, decided_at, review_at, pack, state, dossier FROM person_by_key;
INSERT INTO document (document_id, person_id, profile, created_at)
    SELECT document_id, person_id, profile, created_at FROM document_by_key;
INSERT INTO decision (person_id, version, decided_at, body)
    SELECT person_id, version, decided_at, body FROM decision_by_key;

DROP TABLE person_by_key;
DROP TABLE document_by_key;
DROP TABLE decision_by_key;

-- With the key beside the instant, a share of the people is found without their rows.
CREATE INDEX person_review_at ON person (review_at, person_id) WHERE review_at IS NOT NULL;
