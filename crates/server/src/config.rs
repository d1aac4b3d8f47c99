//! Settings: from the command line or the environment, each with its default.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::db::{DbConfig, Place};

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
    /// Where the data lies.
    #[command(flatten)]
    pub data: Data,
    /// Rule pack folder, or a folder of such folders, each for its own division; the built-in Hangzhou pack
    /// of 11 February 2020 without it.
    #[arg(long, env = "KANGMA_PACK")]
    pub pack: Option<PathBuf>,
    /// Keys of issuers whose health certificates are taken (JSON, see docs/import.md); none without it.
    #[arg(long, env = "KANGMA_TRUST_LIST")]
    pub trust_list: Option<PathBuf>,
    /// Issuer in passes, at most 6 bytes.
    #[arg(long, env = "KANGMA_ISSUER", default_value = "hz")]
    pub issuer: String,
    /// Approved map for the dashboard (GeoJSON, see docs/operate/dashboard.md); without it `map.geojson`
    /// of the data folder, if there is one.
    #[arg(long, env = "KANGMA_MAP")]
    pub map: Option<PathBuf>,
    /// Origin that residents see; `https://…` makes cookies Secure.
    #[arg(long, env = "KANGMA_ORIGIN", default_value = "http://localhost")]
    pub origin: String,
    /// Demo mode: five residents with stories, an outbox page instead of text messages, and
    /// a clock that can be advanced. Never for real people.
    #[arg(long, env = "KANGMA_DEMO")]
    pub demo: bool,
    /// Made-up neighbours of those five in a fresh demo, so that numbers are not all withheld.
    #[arg(long, env = "KANGMA_DEMO_PEOPLE", default_value_t = 6_000)]
    pub demo_people: u32,
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
    /// People whose state is kept in memory, about 700 bytes each; 0 keeps nobody.
    #[arg(long, env = "KANGMA_CACHE_PEOPLE", default_value_t = 100_000)]
    pub cache_people: usize,
    /// Take the client's address from X-Forwarded-For: only behind a proxy that sets it.
    #[arg(long, env = "KANGMA_TRUST_PROXY")]
    pub trust_proxy: bool,
    /// Addresses by which an office with several lines reaches the service, with commas in between, such as
    /// 203.0.113.0/28,198.51.100.7/32: all of them count as one place (see docs/operate/staff.md).
    #[arg(long = "office-lines", env = "KANGMA_OFFICE_LINES", value_delimiter = ',')]
    pub office_lines: Vec<crate::staff::Range>,
    /// One-time codes that one address may ask for in ten minutes.
    #[arg(long, env = "KANGMA_CODES_PER_ADDRESS", default_value_t = 300)]
    pub codes_per_address: u32,
    /// Scans that one address may ask for in a minute.
    #[arg(long, env = "KANGMA_SCANS_PER_ADDRESS", default_value_t = 1200)]
    pub scans_per_address: u32,
    /// Reads of one's own code and records that one person may make in a minute, half of them at once.
    #[arg(long, env = "KANGMA_READS_PER_PERSON", default_value_t = 60)]
    pub reads_per_person: u32,
    /// Declarations that one person may make in an hour.
    #[arg(long, env = "KANGMA_DECLARATIONS_PER_PERSON", default_value_t = 10)]
    pub declarations_per_person: u32,
    /// Days for which the lines of a list are kept that is finished (results, and what was wrong, as it came), or
    /// that was stopped or held and that nobody let go on.
    #[arg(long, env = "KANGMA_LIST_DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub list_days: u32,
    /// Orders that one account, or one office, may write in an hour; further ones wait for the level above.
    #[arg(long, env = "KANGMA_ORDERS_PER_HOUR", default_value_t = 20)]
    pub orders_per_hour: usize,
    /// Requests that may be inside handlers at once; more wait, each class for its own time.
    #[arg(long, env = "KANGMA_IN_FLIGHT", default_value_t = 1_024)]
    pub in_flight: usize,
    /// Connections that may be open at once; more wait in the system's queue. Each takes an open file.
    #[arg(long, env = "KANGMA_CONNECTIONS", default_value_t = 10_000)]
    pub connections: usize,
    /// Seconds to go on serving after SIGTERM while /readyz says 503: 5 behind a balancer that asks
    /// it each second or two.
    #[arg(long, env = "KANGMA_DRAIN_WAIT", default_value_t = 0)]
    pub drain_wait: u32,
    /// Address of a listener of its own for Prometheus, such as 127.0.0.1:9464; none without it.
    /// Never an address that residents can reach.
    #[arg(long, env = "KANGMA_METRICS")]
    pub metrics: Option<SocketAddr>,
    /// Keys of witnesses whose signatures the decision log takes, with spaces in between, each as
    /// `kangma log witness` prints it.
    #[arg(long = "witness", env = "KANGMA_WITNESSES", value_delimiter = ' ', value_parser = crate::log::Verifier::witness)]
    pub witnesses: Vec<crate::log::Verifier>,
}

/// Where data and keys lie: a folder, or a folder for the keys and a PostgreSQL server.
#[derive(clap::Args, Clone, Debug)]
pub struct Data {
    /// Folder of the keys and, without DATABASE_URL, of the embedded database.
    #[arg(long, env = "DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// PostgreSQL database: postgres://user:password@host:5432/name, with sslmode and sslrootcert as
    /// usual. Give it by the environment: other users can list arguments.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// PostgreSQL database for the store of keys, apart from the data and its backups. Without it,
    /// the schema `kangma_keys` of the same database.
    #[arg(long, env = "KANGMA_KEYS_URL", hide_env_values = true)]
    pub keys_url: Option<String>,
}

impl Data {
    /// The database.
    pub fn database(&self) -> DbConfig {
        match &self.database_url {
            Some(url) => DbConfig::at(Place::Server { url: url.clone(), schema: None }),
            None => DbConfig::in_dir(&self.data_dir),
        }
    }

    /// The store of keys.
    pub fn key_store(&self) -> DbConfig {
        DbConfig::at(match (&self.keys_url, &self.database_url) {
            (Some(url), _) => Place::Server { url: url.clone(), schema: None },
            (None, Some(url)) => Place::Server { url: url.clone(), schema: Some("kangma_keys") },
            (None, None) => Place::File(self.key_dir().join("keys.db")),
        })
    }

    /// Folder of `master.json`.
    pub fn key_dir(&self) -> PathBuf {
        self.data_dir.join("keys")
    }
}

impl Config {
    /// Cookies get `Secure` and the `__Host-` prefix.
    pub fn https(&self) -> bool {
        self.origin.starts_with("https://")
    }
}
