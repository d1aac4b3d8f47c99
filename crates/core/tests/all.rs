//! Cases, vectors and properties of what is true: one binary, because each takes as long to link.

mod certlogic;
mod common;
#[path = "common/condition.rs"]
mod condition;
mod decide_duties;
mod decide_properties;
mod decide_terms;
mod documents;
mod expr;
mod expr_against_cel;
mod expr_diagnostics;
mod expr_hostile;
mod hcert;
#[path = "common/issuer.rs"]
mod issuer;
mod language;
#[path = "common/loaded.rs"]
mod loaded;
mod orders;
mod pack_breaks;
mod packs;
mod packs_extend;
mod packs_hostile;
mod packs_languages;
mod packs_site;
mod packs_told;
mod pass_against_others;
mod pass_properties;
mod pass_vectors;
mod retention;
mod rule_vectors;
mod sentences;
mod set;
#[path = "common/shipped.rs"]
mod shipped;
mod table_hostile;
#[path = "common/worked.rs"]
mod worked;
