//! The packs that ship, as files.

use std::path::Path;

use kangma_core::rules::pack::PackFiles;

fn read(dir: &Path, base: &Path, files: &mut PackFiles) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            read(&path, base, files);
        } else if path.extension().is_some_and(|e| e == "toml" || e == "json") {
            let name = path.strip_prefix(base).unwrap().to_string_lossy().into_owned();
            files.0.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// Every one of them, in order of folder.
pub fn shipped() -> Vec<PackFiles> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs");
    let mut folders: Vec<_> = std::fs::read_dir(dir).unwrap().flatten().map(|e| e.path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    let all = folders.iter().map(|folder| {
        let mut files = PackFiles::default();
        read(folder, folder, &mut files);
        files
    });
    all.collect()
}
