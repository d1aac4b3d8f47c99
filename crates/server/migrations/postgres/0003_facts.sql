-- SQLite keeps facts in the order in which they came (migrations/sqlite/0003_facts.sql). A table of
-- PostgreSQL does so by itself; its key stays, since Citus shards by it.
COMMENT ON TABLE fact IS 'Everything known of a person; append-only.';
