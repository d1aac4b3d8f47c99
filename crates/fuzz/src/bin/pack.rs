//! A pack that ships, one of whose files is whatever comes: refused in words, or it loads, decides, tells
//! itself and runs its cases. The first two bytes say which pack and which file, the rest is the file.
#![no_main]

use std::sync::OnceLock;

use kangma_core::rules::cases::run_cases;
use kangma_core::rules::pack::{Library, Pack, PackFiles};
use libfuzzer_sys::{Corpus, fuzz_target};

#[path = "../../../core/tests/common/loaded.rs"]
mod loaded;
#[path = "../../../core/tests/common/shipped.rs"]
mod shipped;

fuzz_target!(|input: &[u8]| -> Corpus {
    let [pack, file, text @ ..] = input else { return Corpus::Reject };
    let Ok(text) = std::str::from_utf8(text) else { return Corpus::Reject };
    static SHIPPED: OnceLock<(Vec<PackFiles>, Library)> = OnceLock::new();
    let (packs, library) = SHIPPED.get_or_init(|| {
        let packs = shipped::shipped();
        let library = Library::new(packs.clone());
        (packs, library)
    });
    let mut files = packs[usize::from(*pack) % packs.len()].clone();
    let name = files.0.keys().nth(usize::from(*file) % files.0.len()).unwrap().clone();
    files.0.insert(name, text.to_owned());
    match Pack::load_with(&files, library) {
        Err(errors) => assert!(!errors.to_string().is_empty()),
        Ok(pack) => {
            loaded::tell(&pack);
            let _ = run_cases(&pack, &files);
        }
    }
    Corpus::Keep
});
