-- As migrations/sqlite/keys/0002_signing.sql.
CREATE TABLE signing_key (
    number      BIGINT PRIMARY KEY,
    pkcs8       BYTEA NOT NULL,
    active_from BIGINT NOT NULL,
    retired_at  BIGINT
);
