//! Divisions, for forms. URL: `GET /api/v1/divisions`. Data lies in core; no table.

pub mod http;
