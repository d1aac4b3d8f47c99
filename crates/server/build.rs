//! Embeds the built pages. `make` builds them first; without them the binary still builds and says so.

fn main() {
    let dist = std::path::Path::new("../../web/dist");
    if !dist.join("index.html").exists() {
        println!("cargo::warning=web/dist is missing: run `make web`, or the pages will be empty");
        std::fs::create_dir_all(dist).expect("web/ can be written");
    }
    println!("cargo::rerun-if-changed=../../web/dist");
    memory_serve::load_directory("../../web/dist");
}
