//! Which secret belongs to which store. A service that runs with another secret than before refuses every link, code
//! and badge that was made until then, and only their holders notice. So the store keeps the fingerprint of its secret,
//! and nothing runs with another one ([`ServerSecret::find`], [`recognise`]) until an operator says so ([`adopt`]).

use std::{
    io,
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{
    FILE_NAME, ServerSecret,
    store::{self, DerivedCounts},
};
use crate::{
    access::audit::{self, AuditAction, Entry, ResourceKind},
    clock,
    database::{Connection, Database, DatabaseError, Retry, lock_store},
};

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("data_dir {}: {source}", .folder.display())]
    File { folder: PathBuf, source: io::Error },
    /// The store has a secret, and the file is missing.
    #[error(
        "{} is missing: the links, codes and badges of this store were made with it. Put it back from the backup \
         (docs/operations.md); if it is lost, `plenary secret adopt` makes another, and all of them are void", .0.display()
    )]
    Missing(PathBuf),
    /// The store has another secret.
    #[error(
        "{} is not the key of this store: the links, codes and badges of this store were made with another. Put that one \
         back from the backup, or copy it from the other process of this store (docs/operations.md); if it is lost, \
         `plenary secret adopt` takes this one, and all of them are void", .0.display()
    )]
    Foreign(PathBuf),
    /// A running service would go on with the secret that it has loaded.
    #[error(
        "another process has this store open, and goes on with the key that it was started with: stop every process of \
         this store first"
    )]
    InUse,
    /// Another secret was put in place while this process waited for the store.
    #[error("{} was put there while this process waited for the store: start it again", .0.display())]
    Replaced(PathBuf),
    #[error(transparent)]
    Store(#[from] DatabaseError),
}

impl Retry for SecretError {
    fn may_retry(&self) -> bool {
        matches!(self, Self::Store(error) if error.may_retry())
    }
}

/// The secret with which a process starts.
#[derive(Debug, Clone)]
pub struct StartSecret {
    pub secret: ServerSecret,
    /// Whether it is in the folder. If not, it was created while the store was unavailable, which may have another one.
    pub is_saved: bool,
}

impl ServerSecret {
    /// Like [`Self::find`], for a start that waits for its store: if the store is unavailable and there is no secret,
    /// one is created, and [`recognise`] decides later whether it may be used.
    ///
    /// # Errors
    /// Those of [`Self::find`], except that the store is unavailable.
    pub async fn find_or_create(database: &Database, folder: &Path) -> Result<StartSecret, SecretError> {
        match Self::find(database, folder).await {
            Err(SecretError::Store(_)) => {
                let secret = Self::unsaved();
                let secret = secret.map_err(|source| SecretError::File { folder: folder.to_owned(), source })?;
                Ok(StartSecret { secret, is_saved: false })
            }
            found => Ok(StartSecret { secret: found?, is_saved: true }),
        }
    }

    /// The secret in `folder`; or a new one, if there is none and the store never had one. The store is migrated only
    /// if it must be asked.
    ///
    /// # Errors
    /// [`SecretError::Missing`], or the file or the store fails.
    pub async fn find(database: &Database, folder: &Path) -> Result<Self, SecretError> {
        let file_error = |source| SecretError::File { folder: folder.to_owned(), source };
        if let Some(loaded) = Self::load(folder).map_err(file_error)? {
            return Ok(loaded);
        }
        database.migrate().await?;
        if !database.read(has_secret).await? {
            return Self::create(folder).map_err(file_error);
        }
        // Another process with this folder may just have created it: it writes the file before it records the
        // fingerprint in the store.
        Self::load(folder).map_err(file_error)?.ok_or_else(|| SecretError::Missing(folder.join(FILE_NAME)))
    }
}

/// Whether anything was ever made with a secret. A store from before fingerprints has none, so its rows decide.
fn has_secret(connection: &mut Connection) -> Result<bool, SecretError> {
    let none = DerivedCounts { registrations: 0, invitations: 0, delegations: 0, releases: 0 };
    Ok(store::fingerprint(connection)?.is_some() || store::count_derived(connection)? != none)
}

/// Checks that the secret, from `folder`, is the secret of this store, which must be migrated. A store without a secret
/// takes this one.
///
/// # Errors
/// [`SecretError::Foreign`]; [`SecretError::Missing`] or [`SecretError::Replaced`] if the secret was created while the
/// store was unavailable; or the store fails.
pub async fn verify_fingerprint(database: &Database, start: &StartSecret, folder: &Path) -> Result<(), SecretError> {
    if !start.is_saved {
        save_secret(database, &start.secret, folder).await?;
    }
    let fingerprint = start.secret.fingerprint();
    let stored = match database.read(|tx| Ok::<_, SecretError>(store::fingerprint(tx)?)).await? {
        Some(stored) => stored,
        None => {
            let fingerprint = fingerprint.clone();
            let record_fingerprint = move |tx: &mut Connection| {
                lock_store(tx)?;
                if let Some(stored) = store::fingerprint(tx)? {
                    return Ok(stored);
                }
                store::set_fingerprint(tx, &fingerprint, clock::now())?;
                Ok::<_, SecretError>(fingerprint.clone())
            };
            database.write("note the key of the store", record_fingerprint).await?
        }
    };
    if stored == fingerprint { Ok(()) } else { Err(SecretError::Foreign(folder.join(FILE_NAME))) }
}

/// Saves a secret that was created while the store was unavailable, if the store never had one.
async fn save_secret(database: &Database, secret: &ServerSecret, folder: &Path) -> Result<(), SecretError> {
    let file_error = |source| SecretError::File { folder: folder.to_owned(), source };
    let loaded = match ServerSecret::load(folder).map_err(file_error)? {
        Some(loaded) => loaded,
        None if database.read(has_secret).await? => return Err(SecretError::Missing(folder.join(FILE_NAME))),
        None => secret.save(folder).map_err(file_error)?,
    };
    let is_own = loaded.fingerprint() == secret.fingerprint();
    if is_own { Ok(()) } else { Err(SecretError::Replaced(folder.join(FILE_NAME))) }
}

/// Checks, without any change, that the file in `folder` is the secret of this store. A store without a secret accepts
/// any.
///
/// # Errors
/// [`SecretError::Foreign`], [`SecretError::Missing`], or the file or the store fails.
pub async fn check(database: &Database, folder: &Path) -> Result<(), SecretError> {
    let Some(stored) = database.read(|tx| Ok::<_, SecretError>(store::fingerprint(tx)?)).await? else { return Ok(()) };
    let loaded =
        ServerSecret::load(folder).map_err(|source| SecretError::File { folder: folder.to_owned(), source })?;
    match loaded {
        None => Err(SecretError::Missing(folder.join(FILE_NAME))),
        Some(loaded) if loaded.fingerprint() == stored => Ok(()),
        Some(_) => Err(SecretError::Foreign(folder.join(FILE_NAME))),
    }
}

/// The result of [`adopt`].
#[derive(Debug)]
pub struct Adoption {
    pub path: PathBuf,
    /// Whether the secret was created by the command.
    pub is_new: bool,
    /// What is invalid now; `None` if the secret was already that of the store.
    pub invalidated: Option<DerivedCounts>,
}

/// Makes the secret in `folder`, or a new one if there is none, the secret of this store, which must be migrated. The
/// audit trail records it.
///
/// # Errors
/// [`SecretError::InUse`], or the file or the store fails.
pub async fn adopt(database: &Database, folder: &Path) -> Result<Adoption, SecretError> {
    let file_error = |source| SecretError::File { folder: folder.to_owned(), source };
    let loaded = ServerSecret::load(folder).map_err(file_error)?;
    let before = database.read(store::fingerprint).await?;
    let is_stored = loaded.as_ref().is_some_and(|loaded| Some(loaded.fingerprint()) == before);
    if !is_stored && !database.is_alone().map_err(file_error)? {
        return Err(SecretError::InUse);
    }
    let is_new = loaded.is_none();
    let secret = loaded.map_or_else(|| ServerSecret::create(folder), Ok).map_err(file_error)?;
    let fingerprint = secret.fingerprint();
    let adopt_secret = move |tx: &mut Connection| {
        lock_store(tx)?;
        let before = store::fingerprint(tx)?;
        if before.as_ref() == Some(&fingerprint) {
            return Ok::<_, SecretError>(None);
        }
        store::set_fingerprint(tx, &fingerprint, clock::now())?;
        let entry = Entry {
            action: AuditAction::Adopt,
            resource: ResourceKind::Secret,
            id: FILE_NAME.to_owned(),
            code: FILE_NAME.to_owned(),
            before: before.map(|fingerprint| json!({ "fingerprint": fingerprint })),
            after: Some(json!({ "fingerprint": fingerprint })),
        };
        audit::record_command(tx, "adopt_secret", &[entry])?;
        Ok(Some(store::count_derived(tx)?))
    };
    let invalidated = database.write("adopt a key", adopt_secret).await?;
    Ok(Adoption { path: folder.join(FILE_NAME), is_new, invalidated })
}
