-- SQLite keeps people, documents and decisions in the order in which they came
-- (migrations/sqlite/0014_rows.sql). Tables of PostgreSQL are so by themselves.
COMMENT ON TABLE person IS 'A person: guard, validity of the stored decision, and two sealed values.';
