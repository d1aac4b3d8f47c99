//! Standard input to standard output, compressed for `crates/core/data`.

use std::io::{Read as _, Write as _};

fn main() -> std::io::Result<()> {
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text)?;
    std::io::stdout().write_all(&zstd::encode_all(text.as_slice(), 19)?)
}
