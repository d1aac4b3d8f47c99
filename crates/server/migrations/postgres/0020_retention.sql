-- How far the people were looked through for facts that have had their days.

-- One row for each part of the people, in which the last look is over or goes on.
CREATE TABLE retention_walk (
    part    BIGINT PRIMARY KEY,
    day     BIGINT NOT NULL,          -- civil day on which it began
    past    BYTEA,                    -- id of the last person who was looked at
    is_over BIGINT NOT NULL,          -- 0 or 1
    people  BIGINT NOT NULL,          -- looked at
    facts   BIGINT NOT NULL,          -- erased
    held    BIGINT NOT NULL           -- people of whom something stays that is past its days
);
