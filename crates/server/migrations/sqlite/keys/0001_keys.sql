-- Each person's data keys, wrapped by the master key, apart from the data and its backups:
-- deleting a row destroys facts, dossier and every copy of them.
CREATE TABLE person_key (
    person_id BLOB NOT NULL,
    class     INTEGER NOT NULL,       -- retention class: 1 health facts
    wrapped   BLOB NOT NULL,
    PRIMARY KEY (person_id, class)
) WITHOUT ROWID;
