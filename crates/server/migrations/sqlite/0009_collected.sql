-- What collectors sent, so that it is recorded once however often it is sent. The facts themselves lie
-- with the people they are about.
CREATE TABLE collected (
    officer_id  BLOB NOT NULL,            -- keyed hash of the collector's log-in name
    item_id     BLOB NOT NULL,            -- the number that the collector's page made
    part        BIGINT NOT NULL,          -- 0 is the whole; 1 and on are the people of an entry
    received_at BIGINT NOT NULL,
    digest      BLOB NOT NULL,            -- keyed hash of what was sent
    body        BLOB NOT NULL,            -- what was answered, sealed by the master key
    PRIMARY KEY (officer_id, item_id, part)
) WITHOUT ROWID;

CREATE INDEX collected_recent ON collected (officer_id, received_at) WHERE part = 0;

CREATE INDEX collected_old ON collected (received_at);
