//! Demo mode: five residents whose stories explain the product, an outbox instead of a telephone
//! network, specimen codes, and a clock that can be advanced. Outside demo mode none of these
//! exists: the routes are not there.
//!
//! URLs: `GET /demo`, `GET /demo/outbox`, `POST /demo/advance`. Table: `setting`.

pub mod http;
mod store;
mod stories;

pub use store::{lead_s, save_lead};
#[cfg(test)]
pub use stories::STORIES;
pub use stories::Story;
pub use stories::{plant, told};

/// Whether the residents are there already.
pub async fn is_planted(app: &crate::app::Shared) -> Result<bool, crate::db::DbError> {
    store::planted(&app.db).await
}

/// Days that one call may advance.
pub const DAYS_MAX: u32 = 60;

/// The password of everybody in [`STAFF`]: of no use outside demo mode.
pub const PASSWORD: &str = "demo";

/// The demo's staff: log-in name, office, its division, role. Two offices, since an order needs both.
pub const STAFF: [(&str, &str, &str, &str); 11] = [
    ("reviewer", "样例市卫生健康委员会", "", "reviewer"),
    ("admin", "样例市大数据局", "", "administrator"),
    ("collector", "样例街道网格中心", "330106", "collector"),
    ("verifier", "样例街道网格中心", "330106", "verifier"),
    ("approver", "样例区疾控中心", "330106", "approver"),
    ("data", "样例区指挥部办公室", "330106", "data_admin"),
    ("data.city", "样例市指挥部办公室", "3301", "data_admin"),
    ("rules", "样例市卫生健康委员会", "", "rule_maker"),
    ("auditor", "样例市审计办公室", "", "auditor"),
    ("manager", "样例企业", "330106", "enterprise_manager"),
    ("operator", "样例市大数据局", "", "operator"),
];
