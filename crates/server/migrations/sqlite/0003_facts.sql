-- Facts in the order in which they came, not in that of people: each declaration adds to the last
-- page instead of changing one somewhere among millions. A person's facts are read from the dossier;
-- the rows are the truth that it is rebuilt from, all at once. That nobody has two facts of one number
-- is held by the guard of the person's row, which every unit that adds a fact updates.
ALTER TABLE fact RENAME TO fact_by_person;

CREATE TABLE fact (
    person_id   BLOB NOT NULL,
    seq         BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    body        BLOB NOT NULL         -- sealed by the person's key
);

INSERT INTO fact (person_id, seq, recorded_at, body)
    SELECT person_id, seq, recorded_at, body FROM fact_by_person;

DROP TABLE fact_by_person;
