-- What collectors sent; migrations/sqlite/0009_collected.sql says what each column is for.

CREATE TABLE collected (
    officer_id  BYTEA NOT NULL,
    item_id     BYTEA NOT NULL,
    part        BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    digest      BYTEA NOT NULL,
    body        BYTEA NOT NULL,
    PRIMARY KEY (officer_id, item_id, part)
);

ALTER TABLE collected ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE INDEX collected_recent ON collected (officer_id, received_at) WHERE part = 0;

CREATE INDEX collected_old ON collected (received_at);
