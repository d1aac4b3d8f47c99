-- What dashboards keep beside the counts; migrations/sqlite/0008_dashboard.sql says what each table is for.

CREATE TABLE dashboard_export (
    export_id BYTEA PRIMARY KEY,
    at        BIGINT NOT NULL,
    officer   TEXT NOT NULL,
    division  TEXT NOT NULL,
    row_count BIGINT NOT NULL,
    reason    BYTEA NOT NULL
);

CREATE TABLE heartbeat (
    device_id BYTEA PRIMARY KEY,
    kind      BIGINT NOT NULL,
    division  BIGINT NOT NULL,
    keys_at   BIGINT NOT NULL,
    outbox    BIGINT NOT NULL,
    seen_at   BIGINT NOT NULL
) WITH (fillfactor = 70);
