//! Connections that are kept: each has one task that connects, asks now and then whether the server
//! still answers, and connects again.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::sync::CancellationToken;

use super::super::{DbError, OpenError};

/// A server that does not answer for this long is away.
const ANSWER_MAX: Duration = Duration::from_secs(4);
const HEARTBEAT: Duration = Duration::from_millis(500);
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// Between two attempts to connect.
const AGAIN: Duration = Duration::from_millis(300);

/// What every connection starts with. Whatever the server's own defaults: an acknowledged commit
/// is on disk, and nothing waits for ever.
const SESSION: &str = "SET synchronous_commit = on; SET statement_timeout = '10s'; SET lock_timeout = '5s'; \
     SET idle_in_transaction_session_timeout = '10s'";

/// Where to connect, and how.
#[derive(Clone)]
pub struct Target {
    config: Config,
    tls: MakeRustlsConnect,
    schema: Option<&'static str>,
    /// File of the server's authority.
    root: Option<String>,
    /// Host, port and database, for messages.
    pub name: String,
}

impl Target {
    /// Reads a URL. Beyond what the driver knows: `sslmode=verify-full` and `sslrootcert=FILE`.
    pub fn parse(url: &str, schema: Option<&'static str>) -> Result<Target, OpenError> {
        let scheme = url.split("://").next().unwrap_or_default();
        if !["postgres", "postgresql"].contains(&scheme) {
            return Err(OpenError::Url("DATABASE_URL is not the address of a PostgreSQL database".into()));
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut root = None;
        let mut rest = Vec::new();
        for part in query.split('&').filter(|p| !p.is_empty()) {
            match part.split_once('=') {
                Some(("sslrootcert", file)) => root = Some(file.to_owned()),
                Some(("sslmode", "verify-full" | "verify-ca")) => rest.push("sslmode=require"),
                _ => rest.push(part),
            }
        }
        let text = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
        let mut config: Config =
            text.parse().map_err(|e: tokio_postgres::Error| OpenError::Url(explain(&e)))?;
        if config.get_application_name().is_none() {
            config.application_name("kangma");
        }
        config
            .connect_timeout(CONNECT_MAX)
            .keepalives_idle(Duration::from_secs(30))
            .tcp_user_timeout(Duration::from_secs(10));
        let host = config.get_hosts().first().map_or_else(String::new, |h| match h {
            tokio_postgres::config::Host::Tcp(name) => name.clone(),
            tokio_postgres::config::Host::Unix(path) => path.display().to_string(),
        });
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let name = format!("{host}:{port}/{}", config.get_dbname().unwrap_or_default());
        Ok(Target { tls: tls(root.as_deref(), &name)?, config, schema, root, name })
    }

    /// A connection, with the task that drives it.
    pub async fn connect(&self) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error> {
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        let task = tokio::spawn(async move {
            if let Err(e) = connection.await {
                tracing::warn!(cause = explain(&e), "a connection to the database ended");
            }
        });
        client.batch_execute(SESSION).await?;
        if let Some(schema) = self.schema {
            client.batch_execute(&format!("SET search_path = {schema}")).await?;
        }
        Ok((client, task))
    }

    /// The database's name.
    pub fn database(&self) -> &str {
        self.config.get_dbname().unwrap_or("postgres")
    }

    /// What PostgreSQL's own programs read from the environment, the password among it.
    pub fn environment(&self) -> Vec<(&'static str, std::ffi::OsString)> {
        use std::os::unix::ffi::OsStringExt as _;
        let mut env: Vec<(&'static str, std::ffi::OsString)> = Vec::new();
        match self.config.get_hosts().first() {
            Some(tokio_postgres::config::Host::Tcp(name)) => env.push(("PGHOST", name.into())),
            Some(tokio_postgres::config::Host::Unix(path)) => env.push(("PGHOST", path.into())),
            None => {}
        }
        env.push(("PGPORT", self.config.get_ports().first().copied().unwrap_or(5432).to_string().into()));
        env.push(("PGDATABASE", self.database().into()));
        env.extend(self.config.get_user().map(|user| ("PGUSER", user.into())));
        env.extend(
            self.config.get_password().map(|p| ("PGPASSWORD", std::ffi::OsString::from_vec(p.to_vec()))),
        );
        env.push((
            "PGSSLMODE",
            match (self.config.get_ssl_mode(), &self.root) {
                (tokio_postgres::config::SslMode::Disable, _) => "disable",
                (_, Some(_)) => "verify-full",
                (tokio_postgres::config::SslMode::Require, None) => "require",
                _ => "prefer",
            }
            .into(),
        ));
        env.extend(self.root.as_ref().map(|file| ("PGSSLROOTCERT", file.into())));
        env
    }

    /// An error that names the server.
    pub fn open_error(&self, e: &tokio_postgres::Error) -> OpenError {
        let mut cause = explain(e);
        if cause.contains("TLS handshake") {
            cause.push_str(
                ". Give the server's authority with sslrootcert=FILE in the URL; sslmode=disable only on a network that nobody else can read",
            );
        }
        OpenError::Io { database: self.name.clone(), cause }
    }
}

fn tls(root: Option<&str>, name: &str) -> Result<MakeRustlsConnect, OpenError> {
    let mut roots = rustls::RootCertStore::empty();
    match root {
        Some(file) => {
            let bad = |e: &dyn std::fmt::Display| OpenError::Io {
                database: name.to_owned(),
                cause: format!("sslrootcert {file}: {e}"),
            };
            for certificate in CertificateDer::pem_file_iter(file).map_err(|e| bad(&e))? {
                roots.add(certificate.map_err(|e| bad(&e))?).map_err(|e| bad(&e))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| OpenError::Io { database: name.to_owned(), cause: e.to_string() })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// What went wrong, with the cause beneath it, and never a value of a row: the server's `detail`,
/// which may quote one, is left out.
pub fn explain(e: &tokio_postgres::Error) -> String {
    match (e.as_db_error(), e.source()) {
        (Some(db), _) => format!("{} ({})", db.message(), db.code().code()),
        (None, Some(source)) => format!("{e}: {source}"),
        (None, None) => e.to_string(),
    }
}

impl From<tokio_postgres::Error> for DbError {
    fn from(e: tokio_postgres::Error) -> DbError {
        let Some(code) = e.code() else {
            // No answer of the server's: the connection broke, or we sent something impossible.
            let broke = e.is_closed() || e.source().is_some_and(|s| s.is::<std::io::Error>());
            return if broke { DbError::Away } else { DbError::Other(explain(&e)) };
        };
        match *code {
            SqlState::UNIQUE_VIOLATION => DbError::Conflict,
            SqlState::DISK_FULL => DbError::Full,
            SqlState::ADMIN_SHUTDOWN
            | SqlState::CRASH_SHUTDOWN
            | SqlState::CANNOT_CONNECT_NOW
            | SqlState::READ_ONLY_SQL_TRANSACTION => DbError::Away,
            SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE => DbError::Busy,
            _ => DbError::Other(explain(&e)),
        }
    }
}

/// An open connection and its prepared statements.
pub struct Session {
    /// The driver's handle; requests on it are pipelined.
    pub client: Client,
    prepared: Mutex<HashMap<usize, Statement>>,
}

impl Session {
    /// A statement, prepared once, by the address of its static.
    pub async fn prepare(
        &self,
        address: usize,
        sql: impl FnOnce() -> String,
    ) -> Result<Statement, tokio_postgres::Error> {
        if let Some(known) = self.known().get(&address) {
            return Ok(known.clone());
        }
        let statement = self.client.prepare(&sql()).await?;
        self.known().insert(address, statement.clone());
        Ok(statement)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<usize, Statement>> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is kept.
#[derive(Clone)]
pub struct Link(Arc<RwLock<Option<Arc<Session>>>>);

impl Link {
    /// Connects, or says why not; then goes on by itself until `stop`.
    pub async fn open(target: &Target, stop: &CancellationToken) -> Result<Link, OpenError> {
        let first = target.connect().await.map_err(|e| target.open_error(&e))?;
        let link = Link(Arc::new(RwLock::new(None)));
        tokio::spawn(keep(link.clone(), target.clone(), first, stop.clone()));
        // The task sets the session before it first waits; a reader that comes earlier sets it too.
        while link.session().is_err() {
            tokio::task::yield_now().await;
        }
        Ok(link)
    }

    /// The session, if the server is there.
    pub fn session(&self) -> Result<Arc<Session>, DbError> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(DbError::Away)
    }

    fn set(&self, session: Option<Arc<Session>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = session;
    }
}

async fn keep(link: Link, target: Target, first: (Client, JoinHandle<()>), stop: CancellationToken) {
    let mut next = Some(first);
    let mut told = false;
    loop {
        if let Some((client, mut task)) = next.take() {
            let session = Arc::new(Session { client, prepared: Mutex::default() });
            link.set(Some(Arc::clone(&session)));
            if told {
                tracing::info!(server = target.name, "the database answers again");
            }
            told = false;
            tokio::select! {
                () = stop.cancelled() => return,
                _ = &mut task => {}
                () = until_silent(&session) => {}
            }
            // Requests that wait on it fail at once, as away.
            task.abort();
            link.set(None);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
        match tokio::time::timeout(CONNECT_MAX, target.connect()).await {
            Ok(Ok(connected)) => next = Some(connected),
            Ok(Err(e)) if !told => {
                tracing::error!(server = target.name, cause = explain(&e), "the database is away");
                told = true;
            }
            _ => {}
        }
    }
}

/// Returns when the server no longer answers on this connection, or refuses to write.
async fn until_silent(session: &Session) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        // An empty query is answered even inside a failed transaction.
        let answer = tokio::time::timeout(ANSWER_MAX, session.client.simple_query("")).await;
        if !matches!(answer, Ok(Ok(_))) {
            return;
        }
    }
}
