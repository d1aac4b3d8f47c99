//! Whole journeys over HTTP, faults, the style of the code: one binary, because each takes as long to link.

mod common;
#[path = "../../core/tests/common/issuer.rs"]
mod issuer;
mod openapi;
mod story_appeals;
mod story_areas;
mod story_away;
mod story_backup;
mod story_certificates;
mod story_code;
mod story_collect;
mod story_dashboard;
mod story_faults;
mod story_import;
mod story_languages;
mod story_load;
mod story_log;
mod story_looks;
mod story_nodes;
mod story_ops;
mod story_orders;
mod story_publish;
mod story_retention;
mod story_rights;
mod story_simulate;
mod story_write_pack;
mod tidy;
