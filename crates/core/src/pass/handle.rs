//! Handles: new in each pass, and only the holder of the key finds the person.

use aws_lc_rs::hmac;

use crate::id::PersonId;

/// Makes and opens handles.
///
/// `r = HMAC(k, "r" ‖ person ‖ state version ‖ slot)[..8]`; the handle is `r` and the person XOR
/// `HMAC(k, "e" ‖ r)[..16]`. Without `k`, two handles of one person have nothing in common, so venues
/// that compare notes cannot follow anybody; with it, scans find the person without a table, and the
/// unexpired handles of a superseded state can be listed again. Within one slot a state has one
/// handle, so a pass renewed sooner than a slot shows it again.
///
/// A handle proves nothing by itself: only ever open one out of a pass whose signature is right.
#[derive(Clone)]
pub struct HandleKey(hmac::Key);

impl HandleKey {
    /// From 32 random bytes, kept outside the database.
    #[must_use]
    pub fn new(key: [u8; 32]) -> HandleKey {
        HandleKey(hmac::Key::new(hmac::HMAC_SHA256, &key))
    }

    /// The handle of a person's state in an issue slot.
    #[must_use]
    pub fn seal(&self, person: PersonId, state_version: u64, slot: u64) -> [u8; 24] {
        let (version, slot) = (state_version.to_be_bytes(), slot.to_be_bytes());
        let r = self.hash(&[b"r", &person.0, &version, &slot]);
        let mut handle = [0; 24];
        handle[..8].copy_from_slice(&r[..8]);
        let stream = self.hash(&[b"e", &r[..8]]);
        for (i, byte) in person.0.iter().enumerate() {
            handle[8 + i] = byte ^ stream[i];
        }
        handle
    }

    /// The person of a handle. Of a handle that this key did not make, somebody who does not exist.
    #[must_use]
    pub fn open(&self, handle: &[u8; 24]) -> PersonId {
        let stream = self.hash(&[b"e", &handle[..8]]);
        PersonId(std::array::from_fn(|i| handle[8 + i] ^ stream[i]))
    }

    fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        parts.iter().for_each(|part| context.update(part));
        context.sign().as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes")
    }
}

impl std::fmt::Debug for HandleKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HandleKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_finds_the_person_and_no_two_handles_look_alike() {
        let key = HandleKey::new([7; 32]);
        let person = PersonId([3; 16]);
        let handles = [key.seal(person, 1, 1), key.seal(person, 1, 2), key.seal(person, 2, 1)];
        for (i, handle) in handles.iter().enumerate() {
            assert_eq!(key.open(handle), person);
            assert_ne!(HandleKey::new([8; 32]).open(handle), person);
            for other in &handles[i + 1..] {
                assert!(handle.iter().zip(other).filter(|(a, b)| a == b).count() < 6);
            }
        }
        assert_eq!(key.seal(person, 1, 1), handles[0], "the issuer can list a state's handles again");
    }

    #[test]
    fn a_handle_is_what_the_specification_says() {
        // Worked by hand from spec/pass.md, with another implementation of HMAC.
        let handle = HandleKey::new([7; 32]).seal(PersonId([3; 16]), 5, 9);
        let hex: String = handle.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "720809a3f6097860b1c6f709fb5aac0185947690dfa9dc66");
    }
}
