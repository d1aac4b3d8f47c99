use std::os::unix::fs::PermissionsExt as _;

use kangma_core::time::{DAY_S, Instant};

use super::keys::{SigningKeys, SigningKeysError};

struct Dir(std::path::PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let dir = std::env::temp_dir().join(format!("kangma-{name}-{}", std::process::id()));
        std::fs::remove_dir_all(&dir).ok();
        Dir(dir)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn statuses(keys: &SigningKeys, now: Instant) -> Vec<String> {
    let set = keys.jwks(now);
    let mut all: Vec<String> = set["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|k| k["kangma:status"].as_str().unwrap().to_owned())
        .collect();
    all.sort();
    all
}

fn kid(keys: &SigningKeys, now: Instant) -> [u8; 8] {
    keys.with_active(now, |signer| signer.key_id())
}

#[test]
fn a_key_is_published_before_it_signs_and_verifies_after_it_signed() {
    let dir = Dir::new("rotate");
    let start = Instant(1_600_000_000);
    let day = |n: i64| start.plus_s(n * DAY_S);
    let keys = SigningKeys::load_or_create(&dir.0, true, start).unwrap();
    let first = kid(&keys, start);
    assert!(!keys.rotate(day(27)).unwrap());
    assert_eq!(statuses(&keys, day(27)), ["active"]);
    assert!(keys.rotate(day(28)).unwrap());
    assert_eq!(statuses(&keys, day(28)), ["active", "pending"]);
    assert_eq!(kid(&keys, day(29)), first, "a pending key does not sign");
    assert!(keys.rotate(day(30)).unwrap());
    assert_eq!(statuses(&keys, day(30)), ["active", "retired"]);
    assert_ne!(kid(&keys, day(30)), first);
    // A restart reads the same keys.
    let again = SigningKeys::load_or_create(&dir.0, false, day(30)).unwrap();
    assert_eq!(kid(&again, day(30)), kid(&keys, day(30)));
    assert!(again.rotate(day(31)).unwrap());
    assert_eq!(statuses(&again, day(31)), ["active"]);
    assert_eq!(std::fs::read_dir(&dir.0).unwrap().count(), 1, "the retired key's file is gone");
}

#[test]
fn key_files_are_private_and_never_made_anew_for_an_existing_database() {
    let dir = Dir::new("private");
    let now = Instant(1_600_000_000);
    assert!(matches!(SigningKeys::load_or_create(&dir.0, false, now), Err(SigningKeysError::Missing(_))));
    drop(SigningKeys::load_or_create(&dir.0, true, now).unwrap());
    let file = std::fs::read_dir(&dir.0).unwrap().next().unwrap().unwrap().path();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(&dir.0).unwrap().permissions().mode() & 0o777, 0o700);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(SigningKeys::load_or_create(&dir.0, false, now), Err(SigningKeysError::Permissions(_))));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&file, "{}").unwrap();
    assert!(matches!(SigningKeys::load_or_create(&dir.0, false, now), Err(SigningKeysError::Damaged(_))));
}
