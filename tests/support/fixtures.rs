//! The files in `tests/fixtures`, whose README says where each is from.

use std::path::{Path, PathBuf};

use super::app::repository;

/// A file or folder of `tests/fixtures`.
pub fn fixture(path: &str) -> PathBuf {
    repository().join("tests/fixtures").join(path)
}

/// The schedules to import: those of the folder in `PLENARY_TEST_SCHEDULES`, whole files of real conferences, or else
/// the fixtures, which are cut from such files or invented in their shapes.
pub fn schedules() -> Vec<PathBuf> {
    let folder = std::env::var_os("PLENARY_TEST_SCHEDULES").map_or_else(|| fixture("schedules"), PathBuf::from);
    let is_schedule = |path: &Path| path.extension().is_some_and(|extension| extension == "xml" || extension == "json");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| is_schedule(path));
    files.sort();
    assert!(!files.is_empty(), "{} has no schedule", folder.display());
    files
}
