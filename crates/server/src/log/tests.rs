//! The tree against an oracle, notes against every change of them.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof};
use proptest::prelude::*;
use sha2::Sha256;
use tlog_tiles::{check_record, check_tree, prove_record, prove_tree, record_hash};

use super::entry::{self, Entry};
use super::note::{Head, NoteError, NoteKey, Signs, Verifier};
use super::prove::Tiles;
use super::tree::{Changed, ENTRIES, Edge, LEVELS_MAX, TileId, WIDTH};
use super::{Kind, digest, sha256};
use crate::db::Value;

fn entry_of(n: u64) -> Vec<u8> {
    Entry { kind: Kind::ALL[n as usize % 7], at_s: 1_700_000_000 + n, digest: sha256(&[&n.to_be_bytes()]) }
        .to_bytes()
}

/// A tree appended to in steps, as the job does: each step begins from stored tiles.
fn in_steps(sizes: &[u64]) -> (Edge, Changed) {
    let (mut stored, mut size) = (Changed::new(), 0);
    let mut edge = Edge::default();
    for end in sizes {
        let tiles = Edge::unfinished(size).into_iter().map(|id| (id, stored[&id].clone())).collect();
        edge = Edge::from_tiles(size, tiles).expect("the stored tiles are those of the size");
        let mut changed = Changed::new();
        (size..*end).for_each(|n| edge.append(&entry_of(n), &mut changed));
        edge.finish(&mut changed);
        stored.extend(changed);
        size = *end;
    }
    (edge, stored)
}

fn oracle(size: u64) -> MemoryBackedTree<Sha256, Vec<u8>> {
    let mut tree = MemoryBackedTree::new();
    (0..size).for_each(|n| tree.push(entry_of(n)));
    tree
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn trees_made_in_steps_prove_what_the_oracle_accepts(
        cuts in prop::collection::vec(1..900_u64, 1..6), pick in any::<prop::sample::Index>()
    ) {
        let sizes: Vec<u64> = cuts.iter().scan(0, |sum, n| { *sum += n; Some(*sum) }).collect();
        let size = *sizes.last().unwrap();
        let (edge, stored) = in_steps(&sizes);
        let oracle = oracle(size);
        prop_assert_eq!(edge.root().0.to_vec(), oracle.root().as_bytes().to_vec());
        let tiles = Tiles(stored.into_iter().collect());
        let index = pick.index(size as usize) as u64;
        let path = prove_record(size, index, &tiles).unwrap();
        prop_assert!(check_record(&path, size, edge.root(), index, record_hash(&entry_of(index))).is_ok());
        let bytes: Vec<u8> = path.iter().flat_map(|hash| hash.0).collect();
        let proof = InclusionProof::<Sha256>::try_from_bytes(bytes).unwrap();
        prop_assert!(oracle.root().verify_inclusion(&entry_of(index), index, &proof).is_ok());
        prop_assert!(check_record(&path, size, edge.root(), index, record_hash(&entry_of(size))).is_err());
        for old in &sizes[..sizes.len() - 1] {
            let grown = prove_tree(size, *old, &tiles).unwrap();
            let before = in_steps(&[*old]).0.root();
            prop_assert!(check_tree(&grown, size, edge.root(), *old, before).is_ok());
            let bytes: Vec<u8> = grown.iter().flat_map(|hash| hash.0).collect();
            let proof = ConsistencyProof::<Sha256>::try_from_bytes(bytes).unwrap();
            let roots = (self::oracle(*old).root(), oracle.root());
            prop_assert!(roots.1.verify_consistency(&roots.0, &proof).is_ok());
        }
    }

    #[test]
    fn a_tile_is_found_by_its_one_path(level in ENTRIES..LEVELS_MAX as i64, n in any::<u32>(), width in 1..=WIDTH) {
        let id = TileId { level, n: u64::from(n) };
        let path = id.path(width);
        prop_assert_eq!(TileId::parse(path.strip_prefix("tile/").unwrap()), Some((id, width)));
    }

    #[test]
    fn no_path_and_no_bundle_brings_it_down(path in "[0-9a-z/.x]{0,40}", bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        TileId::parse(&path);
        entry::split(&bytes);
        Entry::from_bytes(&bytes);
    }
}

#[test]
fn tiles_have_the_paths_of_the_format_and_no_others() {
    assert_eq!(TileId { level: 0, n: 1_234_067 }.path(WIDTH), "tile/0/x001/x234/067");
    assert_eq!(TileId { level: ENTRIES, n: 5 }.path(17), "tile/entries/005.p/17");
    for wrong in
        ["0/5", "0/0005", "0/x000/005", "0/005.p/256", "0/005.p/0", "0/005.p/+7", "8/000", "-1/000", "0/", ""]
    {
        assert_eq!(TileId::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn a_tree_grows_over_three_levels_of_tiles() {
    let size = 65_536 + 300;
    let (edge, stored) = in_steps(&[1, 255, 256, 257, 65_535, 65_536, size]);
    assert_eq!(edge.root().0.to_vec(), oracle(size).root().as_bytes().to_vec());
    assert!(stored.contains_key(&TileId { level: 2, n: 0 }));
    assert!(stored.iter().all(|(id, body)| match id.level {
        ENTRIES => entry::split(body).unwrap().len() == id.width(size),
        _ => body.len() == 32 * id.width(size),
    }));
}

#[test]
fn an_edge_of_other_tiles_is_none() {
    let (_, stored) = in_steps(&[300]);
    let tiles = |change: &dyn Fn(&mut Changed)| {
        let mut tiles: Changed =
            Edge::unfinished(300).into_iter().map(|id| (id, stored[&id].clone())).collect();
        change(&mut tiles);
        Edge::from_tiles(300, tiles)
    };
    assert!(tiles(&|_| {}).is_some());
    for id in Edge::unfinished(300) {
        assert!(tiles(&|all| drop(all.remove(&id))).is_none(), "{id:?} is missing");
        let cut = |all: &mut Changed| all.get_mut(&id).unwrap().truncate(31);
        assert!(tiles(&cut).is_none(), "{id:?} is short");
    }
}

#[test]
fn an_entry_has_one_encoding_and_names_nobody() {
    let bytes = entry_of(3);
    assert_eq!(bytes.len(), 44);
    assert_eq!(Entry::from_bytes(&bytes).unwrap().to_bytes(), bytes);
    let mut long = bytes.clone();
    long.push(0);
    assert!(Entry::from_bytes(&long).is_none() && Entry::from_bytes(&bytes[..43]).is_none());
    let salted = |salt: &[u8]| Entry::of(Kind::Look, 5_999, salt, &[7; 32]);
    assert_eq!(salted(b"a").at_s, 5);
    assert_ne!(salted(b"a").digest, salted(b"b").digest);
}

#[test]
fn a_digest_tells_columns_types_and_kinds_apart() {
    let of = |columns: &[Value]| digest(Kind::Decision, columns);
    assert_ne!(of(&["ab".into(), "c".into()]), of(&["a".into(), "bc".into()]));
    assert_ne!(of(&[Value::Null]), of(&["".into()]));
    assert_ne!(of(&["a".into()]), of(&[b"a".as_slice().into()]));
    assert_ne!(of(&[1.into()]), digest(Kind::Order, &[1.into()]));
}

fn head(size: u64) -> Head {
    Head { size, root: [size as u8; 32] }
}

#[test]
fn a_head_is_only_what_the_log_signed() {
    let key = NoteKey::from_seed("code.example.org/log", Signs::Notes, &[1; 32]).unwrap();
    let other = NoteKey::from_seed("code.example.org/log", Signs::Notes, &[2; 32]).unwrap();
    let note = key.sign(&head(5));
    assert_eq!(Head::open(&note, key.verifier()).unwrap(), head(5));
    assert!(matches!(Head::open(&note, other.verifier()), Err(NoteError::Signature(_))));
    let at = note.find("\n\n").unwrap();
    for i in 0..note.len() {
        let mut bytes = note.clone().into_bytes();
        bytes[i] ^= 1;
        let Ok(text) = String::from_utf8(bytes) else { continue };
        assert!(Head::open(&text, key.verifier()).is_err(), "byte {i} of {}", at);
    }
    let text = key.verifier().to_string();
    assert_eq!(&Verifier::parse(&text).unwrap(), key.verifier());
    for wrong in [text.replace("org", "com"), format!("{text}A"), "a+b".into(), String::new()] {
        assert_eq!(Verifier::parse(&wrong), Err(NoteError::Key));
    }
}

#[test]
fn a_witness_signs_under_the_log_and_neither_can_stand_for_the_other() {
    let log = NoteKey::from_seed("code.example.org/log", Signs::Notes, &[1; 32]).unwrap();
    let text = NoteKey::file_of("witness.example.org", Signs::Cosignatures, &[3; 32]).unwrap();
    let witness = NoteKey::parse(&text).unwrap();
    let note = log.sign(&head(5));
    let line = witness.cosign(&note, 1_700_000_000).unwrap();
    let both = note.clone() + &line;
    assert_eq!(witness.verifier().line_in(&both), Some(line.trim_end()));
    assert_eq!(Head::open(&both, log.verifier()).unwrap(), head(5));
    assert!(witness.verifier().line_in(&(log.sign(&head(6)) + &line)).is_none(), "of another head");
    let posing = NoteKey::from_seed("witness.example.org", Signs::Notes, &[3; 32]).unwrap();
    assert!(Head::open(&both, posing.verifier()).is_err());
    assert!(Verifier::witness(&log.verifier().to_string()).is_err());
}
