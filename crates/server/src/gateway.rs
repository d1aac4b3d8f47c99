//! Calling an operator's gateways.

use std::time::Duration;

/// A client for an operator's gateways: ten seconds at most, no redirects.
pub fn client() -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .redirect(reqwest::redirect::Policy::none())
        .build()?)
}
