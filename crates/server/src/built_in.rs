//! The packs that ship, as they are built in: what runs where no folder is named, and what other packs
//! may extend.

use anyhow::Context as _;
use kangma_core::rules::pack::{Library, PackFiles};

static PACKS: include_dir::Dir<'_> = include_dir::include_dir!("$CARGO_MANIFEST_DIR/../../packs");

/// Every pack that ships, in order of folder.
pub fn all() -> anyhow::Result<Vec<PackFiles>> {
    let packs = PACKS.dirs().filter(|dir| dir.get_file(dir.path().join("pack.toml")).is_some()).map(|dir| {
        let mut files = PackFiles::default();
        let of_pack = |path: &std::path::Path| path.extension().is_some_and(|e| e == "toml" || e == "json");
        let files_in = dir.find("**/*").context("the built-in packs")?.filter_map(|e| e.as_file());
        for file in files_in.filter(|f| of_pack(f.path())) {
            let text = file.contents_utf8().context("a pack file is UTF-8")?;
            let name = file.path().strip_prefix(dir.path())?.to_string_lossy().into_owned();
            files.0.insert(name, text.to_owned());
        }
        Ok(files)
    });
    packs.collect()
}

/// All of them, for packs that extend them.
pub fn library() -> anyhow::Result<Library> {
    Ok(Library::new(all()?))
}

/// One of them, by its id.
pub fn pack(id: &str) -> anyhow::Result<PackFiles> {
    library()?.get(id).cloned().with_context(|| format!("no pack {id} is built in"))
}
