use kangma_core::time::{DAY_S, Instant};

use super::keys::{SigningKeys, SigningKeysError};
use crate::db::{Db, DbConfig};
use crate::seal::{Keys, Master};

struct Dir(std::path::PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let dir = std::env::temp_dir().join(format!("kangma-{name}-{}", std::process::id()));
        std::fs::remove_dir_all(&dir).ok();
        Dir(dir)
    }

    async fn open(&self) -> (Db, Master) {
        let master = Keys::load_or_create(&self.0, true).unwrap().master;
        (Db::open_keys(&DbConfig::in_dir(&self.0), Instant(0)).await.unwrap(), master)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn statuses(keys: &SigningKeys, now: Instant) -> Vec<String> {
    let set = keys.jwks(now);
    let status = |k: &serde_json::Value| k["kangma:status"].as_str().unwrap().to_owned();
    let mut all: Vec<String> = set["keys"].as_array().unwrap().iter().map(status).collect();
    all.sort();
    all
}

fn kid(keys: &SigningKeys, now: Instant) -> [u8; 8] {
    keys.with_active(now, |signer| signer.key_id())
}

#[tokio::test]
async fn a_key_is_published_before_it_signs_and_verifies_after_it_signed() {
    let dir = Dir::new("rotate");
    let (db, master) = dir.open().await;
    let start = Instant(1_600_000_000);
    let day = |n: i64| start.plus_s(n * DAY_S);
    let open = async |fresh, at| SigningKeys::open(db.clone(), master.clone(), fresh, at).await;
    let keys = open(true, start).await.unwrap();
    let first = kid(&keys, start);
    assert!(!keys.rotate(day(27)).await.unwrap());
    assert_eq!(statuses(&keys, day(27)), ["active"]);
    assert!(keys.rotate(day(28)).await.unwrap());
    assert_eq!(statuses(&keys, day(28)), ["active", "pending"]);
    assert_eq!(kid(&keys, day(29)), first, "a pending key does not sign");
    assert!(keys.rotate(day(30)).await.unwrap());
    assert_eq!(statuses(&keys, day(30)), ["active", "retired"]);
    assert_ne!(kid(&keys, day(30)), first);
    // A restart, or another node, reads the same keys.
    let again = open(false, day(30)).await.unwrap();
    assert_eq!(kid(&again, day(30)), kid(&keys, day(30)));
    assert!(again.rotate(day(31)).await.unwrap());
    assert_eq!(statuses(&again, day(31)), ["active"], "the retired key is gone");
}

#[tokio::test]
async fn nodes_that_rotate_at_once_make_one_key() {
    let dir = Dir::new("rotate-both");
    let (db, master) = dir.open().await;
    let start = Instant(1_600_000_000);
    let open = async || SigningKeys::open(db.clone(), master.clone(), true, start).await.unwrap();
    let (a, b) = tokio::join!(open(), open());
    assert_eq!(kid(&a, start), kid(&b, start));
    let later = start.plus_s(29 * DAY_S);
    let (moved_a, moved_b) = tokio::join!(a.rotate(later), b.rotate(later));
    assert!(moved_a.unwrap() != moved_b.unwrap(), "one of them made it");
    assert_eq!(a.jwks(later)["keys"], b.jwks(later)["keys"]);
    assert_eq!(statuses(&a, later), ["active", "pending"]);
}

#[tokio::test]
async fn keys_are_never_made_anew_for_an_existing_database_nor_opened_by_another_master() {
    let dir = Dir::new("private");
    let (db, master) = dir.open().await;
    let now = Instant(1_600_000_000);
    let open = async |fresh, master: &Master| SigningKeys::open(db.clone(), master.clone(), fresh, now).await;
    assert!(matches!(open(false, &master).await, Err(SigningKeysError::Missing)));
    open(true, &master).await.unwrap();
    let other = Dir::new("private-other");
    let stranger = Keys::load_or_create(&other.0, true).unwrap().master;
    assert!(matches!(open(false, &stranger).await, Err(SigningKeysError::Damaged(1))));
}

#[test]
fn a_pass_says_the_county_however_deep_the_code_that_somebody_gave() {
    for (given, said) in
        [(330_106_002_051, 330_106), (330_106_002, 330_106), (330_106, 330_106), (33, 33), (0, 0)]
    {
        assert_eq!(super::county(given), said, "{given}");
    }
}
