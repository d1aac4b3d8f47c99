//! Requests as bytes, and the tokens in them.

use std::cell::RefCell;
use std::io::Write as _;

use kangma_core::time::{Day, Instant, Zone};
use serde_json::json;

use super::Load;
use super::mix::{Ask, Kind, Mix};
use crate::app::Clock;
use crate::auth;
use crate::cli::people::Made;
use crate::seal::Keys;

/// Tokens that are kept, about 90 bytes each; beyond, one is made for each request.
const TOKENS_MAX: u64 = 2_000_000;
/// A token is made anew when it is older than this; it counts for half an hour.
const TOKEN_OLD_S: i64 = 20 * 60;

/// Makes requests.
pub struct Maker {
    seed: u64,
    people: u64,
    keys: Keys,
    clock: Clock,
    today: Day,
    commitment: String,
    host: String,
    tokens: RefCell<Vec<(i64, Box<str>)>>,
    /// Files that the page names.
    pub assets: Vec<String>,
    /// Passes for scans.
    pub passes: Vec<String>,
}

impl Maker {
    /// With the keys of a service's data folder.
    pub fn new(args: &Load) -> anyhow::Result<Maker> {
        let clock = Clock::system(0);
        Ok(Maker {
            seed: args.seed,
            people: args.people,
            keys: Keys::load(&args.data_dir.join("keys"))?,
            today: Zone::named("Asia/Shanghai")?.day_of(clock.wall()),
            clock,
            commitment: crate::packs::load(None)?.base().form.commitment.clone(),
            host: args.to.first().map(ToString::to_string).unwrap_or_default(),
            tokens: RefCell::default(),
            assets: Vec::new(),
            passes: Vec::new(),
        })
    }

    /// Makes the tokens of a run beforehand, so that the generator costs little while it sends.
    pub fn prepare(&self, mix: &Mix, requests: u64) {
        let mut out = Vec::new();
        for i in 0..requests.min(TOKENS_MAX) {
            let ask = mix.ask(i);
            if matches!(ask.kind, Kind::Code | Kind::Declaration | Kind::CheckIn) {
                self.bear(&mut out, ask.who);
                out.clear();
            }
        }
    }

    fn token(&self, who: u64, now: Instant) -> String {
        let made = Made::new(self.seed, who);
        let account = self.keys.account_id(made.phone().as_str());
        // Beyond the people are those who logged in and declared nothing yet.
        let person = (who < self.people).then(|| self.keys.person_id(&made.document(self.today).key()));
        auth::encode(&self.keys, account, person, now)
    }

    fn bear(&self, out: &mut Vec<u8>, who: u64) {
        let now = self.clock.wall();
        let mut tokens = self.tokens.borrow_mut();
        let at = who as usize;
        if who >= TOKENS_MAX {
            out.extend_from_slice(self.token(who, now).as_bytes());
            return;
        }
        if tokens.len() <= at {
            tokens.resize(at + 1, (i64::MIN, Box::default()));
        }
        let (made_at, token) = &mut tokens[at];
        if made_at.saturating_add(TOKEN_OLD_S) < now.0 {
            (*made_at, *token) = (now.0, self.token(who, now).into());
        }
        out.extend_from_slice(token.as_bytes());
    }

    fn declaration(&self, who: u64, turn: u64) -> String {
        let made = Made::new(self.seed, who);
        json!({
            "name": made.name().as_str(),
            "document": { "type": "resident_id", "number": made.document(self.today).number() },
            "answers": made.answers(turn),
            "commitment": self.commitment,
        })
        .to_string()
    }

    /// Token and body as a line of JSON, for another generator.
    pub fn line(&self, ask: &Ask) -> String {
        let body = (ask.kind == Kind::Declaration).then(|| self.declaration(ask.who, ask.nth));
        json!({ "token": self.token(ask.who, self.clock.wall()), "body": body }).to_string()
    }

    /// Writes a request over what `out` held.
    pub fn write(&self, out: &mut Vec<u8>, ask: &Ask) {
        out.clear();
        let path = match ask.kind {
            Kind::Livez => "/livez",
            Kind::Page => "/",
            Kind::Asset => &self.assets[(ask.nth % self.assets.len() as u64) as usize],
            Kind::Site => "/api/v1/site",
            Kind::Form => "/api/v1/declaration-form",
            Kind::Declaration => "/api/v1/declarations",
            Kind::Code => "/api/v1/me/code",
            Kind::CheckIn => "/api/v1/me/check-ins",
            Kind::Scan => "/api/v1/scans",
        };
        let body = match ask.kind {
            Kind::Declaration => Some(self.declaration(ask.who, ask.nth)),
            Kind::CheckIn => Some(r#"{"temperature_c":36.5,"symptoms":[]}"#.to_owned()),
            Kind::Scan => {
                let pass = &self.passes[(ask.nth % self.passes.len() as u64) as usize];
                Some(json!({ "pass": pass }).to_string())
            }
            _ => None,
        };
        let method = if body.is_some() { "POST" } else { "GET" };
        for part in [method, " ", path, " HTTP/1.1\r\nhost: ", &self.host, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        match ask.kind {
            Kind::Code | Kind::Declaration | Kind::CheckIn => {
                out.extend_from_slice(b"authorization: Bearer ");
                self.bear(out, ask.who);
                out.extend_from_slice(b"\r\n");
            }
            Kind::Page | Kind::Asset => out.extend_from_slice(b"accept-encoding: br\r\n"),
            // Scans come from many gates; a service that trusts its proxy counts them by gate.
            Kind::Scan => {
                write!(out, "x-forwarded-for: {}\r\n", Mix::gate(ask.nth)).expect("writing into memory");
            }
            _ => {}
        }
        match body {
            Some(body) => {
                write!(out, "content-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len())
                    .expect("writing into memory");
                out.extend_from_slice(body.as_bytes());
            }
            None => out.extend_from_slice(b"\r\n"),
        }
    }
}

/// The files under /assets/ that a page names.
pub fn assets_of(page: &str) -> Vec<String> {
    let names = page.split('"').filter(|part| part.starts_with("/assets/"));
    let mut assets: Vec<String> = names.map(ToOwned::to_owned).collect();
    assets.sort();
    assets.dedup();
    assets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_its_files() {
        let page = r#"<script type="module" src="/assets/a.js"></script><link href="/assets/b.css">
            <link rel="modulepreload" href="/assets/a.js"><link href="/icon.svg">"#;
        assert_eq!(assets_of(page), ["/assets/a.js", "/assets/b.css"]);
    }
}
