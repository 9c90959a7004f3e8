//! A digest of the sources: a service knows by it what was written by another version of itself.

use std::{
    collections::BTreeSet,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

fn collect_files(folder: &Path, paths: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { collect_files(&path, paths) } else { _ = paths.insert(path) }
    }
}

fn main() {
    let mut paths = BTreeSet::from([PathBuf::from("Cargo.lock")]);
    collect_files(Path::new("src"), &mut paths);
    let mut hasher = DefaultHasher::new();
    for path in paths {
        path.hash(&mut hasher);
        fs::read(&path).unwrap_or_default().hash(&mut hasher);
    }
    // `cargo run` gives it to the service, too, which takes PLENARY_ variables for settings: so it is not called so.
    println!("cargo::rustc-env=SOURCES_DIGEST={:016x}", hasher.finish());
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=Cargo.lock");
}
