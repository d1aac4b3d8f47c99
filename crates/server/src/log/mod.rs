//! The decision log, which cannot be quietly edited: whatever decides about people leaves a leaf in the
//! same unit, and one node integrates the leaves into a Merkle tree whose signed head anybody can
//! hold it to. spec/log.md is the contract.
//!
//! URLs: `GET /log/checkpoint`, `/log/checkpoint/cosigned`, `/log/tile/…`, `POST /log/cosignature`,
//! `GET /api/v1/public/overrides`, `/public/overrides`. Tables: `leaf`, `log_tile`, `log_head`,
//! `log_witness`, `publication`, and `log_key` in the store of keys.
//!
//! A round reads leaves behind the last that is in the tree, and commits the tiles that change, the
//! new head and how far it has come in one unit, guarded by the size before. A node that dies in
//! between has done nothing, and of two that integrate at once one meets the guard.

mod entry;
pub mod http;
pub mod job;
mod key;
mod note;
pub mod overrides;
mod prove;
pub mod publication;
mod row_store;
mod store;
#[cfg(test)]
mod tests;
mod tree;
pub mod verify;

use aws_lc_rs::digest::{Context, SHA256};
use kangma_core::decision::{Colour, Status};

use kangma_core::time::Instant;

use crate::app::{App, Rng};
use crate::db::{Unit, Value};

pub use job::LogError;
pub use key::LogKey;
pub use note::{NoteKey, Signs, Verifier};
pub use prove::{Proof, Proven, prove};

/// What a leaf speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A stored decision of a person.
    Decision = 1,
    /// A step of a manual change ([`OrderStep`]).
    Order = 2,
    /// Rules that took force.
    Publication = 3,
    /// A list of an office.
    Import = 4,
    /// A member of staff read a person's data.
    Look = 5,
    /// A step of an appeal.
    Appeal = 6,
    /// A right that was given or taken.
    Grant = 7,
    /// What a role allows.
    Role = 8,
    /// A list of areas at risk, or a step that puts one in force.
    Area = 9,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 9] = [
        Kind::Decision,
        Kind::Order,
        Kind::Publication,
        Kind::Import,
        Kind::Look,
        Kind::Appeal,
        Kind::Grant,
        Kind::Role,
        Kind::Area,
    ];

    /// By number.
    pub fn from_u8(n: u8) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| *kind as u8 == n)
    }

    /// In words, for whoever verifies.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Decision => "decision",
            Kind::Order => "order",
            Kind::Publication => "publication",
            Kind::Import => "import",
            Kind::Look => "look",
            Kind::Appeal => "appeal",
            Kind::Grant => "grant",
            Kind::Role => "role",
            Kind::Area => "area",
        }
    }
}

/// What a leaf of an order, or of a request to undo orders, speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStep {
    /// It was written.
    Written = 0,
    /// The level above let it through.
    Approved = 1,
    /// Another office signed it.
    Signed = 2,
    /// It was withdrawn.
    Withdrawn = 3,
    /// Undoing was asked for.
    UndoAsked = 4,
    /// Another office signed that.
    UndoSigned = 5,
}

impl OrderStep {
    fn from_int(n: i64) -> Option<OrderStep> {
        use OrderStep::{Approved, Signed, UndoAsked, UndoSigned, Withdrawn, Written};
        [Written, Approved, Signed, Withdrawn, UndoAsked, UndoSigned]
            .into_iter()
            .find(|step| *step as i64 == n)
    }
}

/// The row that a leaf speaks of.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// What kind of row.
    pub kind: Kind,
    /// Its id.
    pub id: [u8; 16],
    /// Which of several under that id; 0 where there is one.
    pub version: i64,
    /// Who ordered it, of an order.
    pub office: Option<[u8; 16]>,
}

impl Subject {
    /// The only row of an id.
    pub fn new(kind: Kind, id: [u8; 16]) -> Subject {
        Subject { kind, id, version: 0, office: None }
    }

    /// One of several under an id.
    pub fn step(kind: Kind, id: [u8; 16], version: i64) -> Subject {
        Subject { version, ..Subject::new(kind, id) }
    }
}

/// Which of the rows under the id of a list of areas is the list itself; the others are its steps.
pub const AREA_LIST_ROW: i64 = -1;

/// The id under which a role is logged: its name.
pub fn role_id(name: &str) -> [u8; 16] {
    let mut id = [0; 16];
    id.copy_from_slice(&sha256(&[b"kangma role 1\n", name.as_bytes()])[..16]);
    id
}

/// Adds a leaf to the unit that writes the row it speaks of, whose columns are given.
pub fn leaf(unit: Unit, app: &App, subject: Subject, columns: &[Value]) -> Unit {
    leaf_of(unit, app, app.new_id(), subject, digest(subject.kind, columns), None)
}

/// The same for what is done before there is a service, as on the command line.
pub fn leaf_by(unit: Unit, rng: &Rng, wall: Instant, subject: Subject, columns: &[Value]) -> Unit {
    let (mut leaf_id, mut salt) = ([0; 16], [0; 16]);
    rng.fill(&mut leaf_id);
    rng.fill(&mut salt);
    let leaf = store::NewLeaf { leaf_id, subject, digest: digest(subject.kind, columns), said: None, salt };
    store::add_leaf(unit, leaf, wall.0 * 1000)
}

/// The same under an id of its own, by which it is found again; `said` commits to what the row's
/// subject was told ([`Told`]).
pub fn leaf_of(
    unit: Unit,
    app: &App,
    leaf_id: [u8; 16],
    subject: Subject,
    row: [u8; 32],
    said: Option<[u8; 32]>,
) -> Unit {
    let mut salt = [0; 16];
    app.rng.fill(&mut salt);
    let leaf = store::NewLeaf { leaf_id, subject, digest: whole(&row, said.as_ref()), said, salt };
    store::add_leaf(unit, leaf, app.clock.wall_ms())
}

/// Digest of a stored row: its kind and its columns, each with its type and length. Over what is
/// stored, sealed as it is: it is checked without keys, and outlives the key of the person.
pub fn digest(kind: Kind, columns: &[Value]) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    hash.update(b"kangma row 1\n");
    hash.update(&[kind as u8]);
    for column in columns {
        let number;
        let (tag, bytes): (u8, &[u8]) = match column {
            Value::Null => (0, &[]),
            Value::Int(n) => {
                number = n.to_be_bytes();
                (1, &number)
            }
            Value::Bytes(bytes) => (2, bytes),
            Value::Text(text) => (3, text.as_bytes()),
        };
        hash.update(&[tag]);
        hash.update(&(bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    }
    finish(hash)
}

/// The digest of a decision's row.
pub fn decision_digest(person: [u8; 16], version: i64, decided_at: i64, body: &[u8]) -> [u8; 32] {
    digest(Kind::Decision, &[person.into(), version.into(), decided_at.into(), body.into()])
}

/// A leaf's digest: the row's, and what was said.
fn whole(row: &[u8; 32], said: Option<&[u8; 32]>) -> [u8; 32] {
    said.map_or(*row, |said| sha256(&[row, said]))
}

/// What a person was told, so that they can find it in the log: which leaf, and a secret number that
/// keeps others from trying the few things it could say. Kept sealed with the person's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The leaf.
    pub leaf_id: [u8; 16],
    /// The secret number.
    pub nonce: [u8; 16],
}

impl Told {
    /// A new one.
    pub fn new(app: &App) -> Told {
        let mut nonce = [0; 16];
        app.rng.fill(&mut nonce);
        Told { leaf_id: app.new_id(), nonce }
    }

    /// As stored.
    pub fn to_bytes(self) -> [u8; 32] {
        let mut out = [0; 32];
        out[..16].copy_from_slice(&self.leaf_id);
        out[16..].copy_from_slice(&self.nonce);
        out
    }

    /// From what is stored.
    pub fn from_bytes(bytes: &[u8; 32]) -> Told {
        let mut told = Told { leaf_id: [0; 16], nonce: [0; 16] };
        told.leaf_id.copy_from_slice(&bytes[..16]);
        told.nonce.copy_from_slice(&bytes[16..]);
        told
    }

    /// Commits to a statement.
    pub fn commit(&self, statement: &str) -> [u8; 32] {
        sha256(&[&self.nonce, statement.as_bytes()])
    }
}

/// What a decision said to its holder, in the words that the log commits to.
pub fn statement(status: Status, colour: Option<Colour>) -> String {
    let status = match status {
        Status::Unknown => "unknown",
        Status::Pending => "pending",
        Status::Returned => "returned",
        Status::Active => "active",
        Status::Expired => "expired",
    };
    let colour = colour.map_or("grey", Colour::name);
    format!("kangma decision 1\ncolour {colour}\nstatus {status}\n")
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    parts.iter().for_each(|part| hash.update(part));
    finish(hash)
}

fn finish(hash: Context) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(hash.finish().as_ref());
    out
}
