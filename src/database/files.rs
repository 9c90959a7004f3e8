//! Detects that the files of an embedded store were moved or removed under a running service. SQLite would go on
//! writing into files without a name, and everything would be lost when the process ends.
//!
//! Every write checks, right before it commits, whether the store's file, its write-ahead log (`-wal`) and the index of
//! that (`-shm`) are still the files that this process has open ([`Files::check`]), and no connection is opened to
//! another file. If the same file comes back, it is used again; another file in its place needs a restart.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use diesel::{SqliteConnection, connection::SimpleConnection as _};

use super::{Connection, DatabaseError, Store};

/// Device and inode number of a file.
type Identity = (u64, u64);

/// The files of the store, as they were when they were opened.
pub(super) struct Files {
    path: PathBuf,
    file: Identity,
    sidecars: Mutex<Option<SidecarFiles>>,
    /// Whether the store's own file is missing; whether those beside it are.
    is_lost: [AtomicBool; 2],
}

/// The files that SQLite keeps beside the store while a connection is open. This connection stays open, so that they
/// never change by themselves.
struct SidecarFiles {
    files: [(PathBuf, Identity); 2],
    _connection: SqliteConnection,
}

fn identity(path: &Path) -> io::Result<Identity> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

fn is_same_file(path: &Path, expected: Identity) -> bool {
    identity(path).is_ok_and(|present| present == expected)
}

impl Files {
    /// Remembers the existing files of the store at `path`.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let (path, file) = (path.to_owned(), identity(path)?);
        Ok(Self { path, file, sidecars: Mutex::default(), is_lost: Default::default() })
    }

    /// Checks the store's own file before a connection is opened, which would create a missing file.
    ///
    /// # Errors
    /// [`DatabaseError::Moved`].
    pub(super) fn check_file(&self) -> Result<(), DatabaseError> {
        self.report(0, is_same_file(&self.path, self.file))
    }

    /// Checks all of the files.
    ///
    /// # Errors
    /// [`DatabaseError::Moved`]: what is written now would be lost.
    pub(super) fn check(&self) -> Result<(), DatabaseError> {
        self.check_file()?;
        let mut sidecars = self.sidecars.lock().unwrap_or_else(PoisonError::into_inner);
        if sidecars.is_none() {
            *sidecars = Some(self.open_sidecars()?);
        }
        self.report(
            1,
            sidecars.iter().flat_map(|sidecars| &sidecars.files).all(|(path, expected)| is_same_file(path, *expected)),
        )
    }

    /// Closes the connection that is kept open, at a stop.
    pub(super) fn close(&self) {
        *self.sidecars.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn open_sidecars(&self) -> Result<SidecarFiles, DatabaseError> {
        let opened = Store::Sqlite(self.path.clone()).connect();
        let Connection::Sqlite(mut connection) = opened.map_err(|error| DatabaseError::Unavailable(error.into()))?
        else {
            return Err(DatabaseError::unavailable("the store is none of files"));
        };
        // SQLite opens the write-ahead log at the first read.
        connection.batch_execute("SELECT count(*) FROM sqlite_schema")?;
        let file = |suffix: &str| -> io::Result<(PathBuf, Identity)> {
            let mut path = self.path.clone().into_os_string();
            path.push(suffix);
            let path = PathBuf::from(path);
            let identity = identity(&path)?;
            Ok((path, identity))
        };
        let files = [file("-wal"), file("-shm")];
        let [Ok(journal), Ok(index)] = files else {
            self.report(1, false)?;
            return Err(DatabaseError::Moved);
        };
        Ok(SidecarFiles { files: [journal, index], _connection: connection })
    }

    /// Logs once that the files are missing, and once that they are back.
    fn report(&self, index: usize, are_present: bool) -> Result<(), DatabaseError> {
        let path = self.path.display();
        let was_lost = self.is_lost.get(index).is_some_and(|lost| lost.swap(!are_present, Ordering::AcqRel));
        match (are_present, was_lost) {
            (false, false) => tracing::error!(%path, "the store's files are not where they were: writes stop"),
            (true, true) => tracing::info!(%path, "the store's files are back"),
            _ => {}
        }
        if are_present { Ok(()) } else { Err(DatabaseError::Moved) }
    }
}

/// Creates a folder, and its parents, that only its owner can enter.
///
/// # Errors
/// It cannot be created.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    if fs::metadata(folder).is_ok_and(|metadata| metadata.is_dir()) {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
