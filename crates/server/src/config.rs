//! Settings: from the command line or the environment, each with its default.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// How the service runs. Secrets come from the environment or files, never from arguments
/// that other users of the machine can list.
#[derive(clap::Args, Clone, Debug)]
pub struct Config {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, env = "PORT", default_value_t = 8080)]
    pub port: u16,
    /// Address to listen on. Put a TLS proxy in front of anything but loopback.
    #[arg(long, env = "KANGMA_BIND", default_value = "127.0.0.1")]
    pub bind: IpAddr,
    /// Folder of the database and the keys.
    #[arg(long, env = "DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// Rule pack folder; the built-in Hangzhou pack of 11 February 2020 without it.
    #[arg(long, env = "KANGMA_PACK")]
    pub pack: Option<PathBuf>,
    /// Issuer in passes, at most 6 bytes.
    #[arg(long, env = "KANGMA_ISSUER", default_value = "hz")]
    pub issuer: String,
    /// Origin that residents see; `https://…` makes cookies Secure.
    #[arg(long, env = "KANGMA_ORIGIN", default_value = "http://localhost")]
    pub origin: String,
    /// Demo mode: five residents with stories, an outbox page instead of text messages, and
    /// a clock that can be advanced. Never for real people.
    #[arg(long, env = "KANGMA_DEMO")]
    pub demo: bool,
    /// Gateway that sends one-time codes: receives `{phone, text}` by POST.
    #[arg(long, env = "KANGMA_SMS_URL")]
    pub sms_url: Option<String>,
    /// Bearer token for the text-message gateway.
    #[arg(env = "KANGMA_SMS_TOKEN", hide = true, long, hide_env_values = true)]
    pub sms_token: Option<String>,
    /// Gateway that checks identities: receives `{name, document_type, number, phone}` by POST,
    /// answers `{confirmed: bool}`. Without one, a reviewer checks.
    #[arg(long, env = "KANGMA_IDENTITY_URL")]
    pub identity_url: Option<String>,
    /// Bearer token for the identity gateway.
    #[arg(env = "KANGMA_IDENTITY_TOKEN", hide = true, long, hide_env_values = true)]
    pub identity_token: Option<String>,
    /// Take the client's address from X-Forwarded-For: only behind a proxy that sets it.
    #[arg(long, env = "KANGMA_TRUST_PROXY")]
    pub trust_proxy: bool,
    /// One-time codes that one address may ask for in ten minutes.
    #[arg(long, env = "KANGMA_CODES_PER_ADDRESS", default_value_t = 300)]
    pub codes_per_address: u32,
    /// Scans that one address may ask for in a minute.
    #[arg(long, env = "KANGMA_SCANS_PER_ADDRESS", default_value_t = 1200)]
    pub scans_per_address: u32,
    /// Address of a listener of its own for Prometheus, such as 127.0.0.1:9464; none without it.
    /// Never an address that residents can reach.
    #[arg(long, env = "KANGMA_METRICS")]
    pub metrics: Option<SocketAddr>,
}

impl Config {
    /// Cookies get `Secure` and the `__Host-` prefix.
    pub fn https(&self) -> bool {
        self.origin.starts_with("https://")
    }
}
