-- As migrations/sqlite/keys/0001_keys.sql.
CREATE TABLE person_key (
    person_id BYTEA NOT NULL,
    class     BIGINT NOT NULL,
    wrapped   BYTEA NOT NULL,
    PRIMARY KEY (person_id, class)
);
