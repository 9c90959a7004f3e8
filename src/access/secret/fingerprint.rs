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
    store::{self, Derived},
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
    Overtaken(PathBuf),
    #[error(transparent)]
    Store(#[from] DatabaseError),
}

impl Retry for SecretError {
    fn may_retry(&self) -> bool {
        matches!(self, Self::Store(error) if error.may_retry())
    }
}

/// Where a secret comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was in the folder, or it was created because the store has none.
    Known,
    /// It was created while the store was unavailable and is not saved yet: the store may have another one.
    Unasked,
}

impl ServerSecret {
    /// Like [`Self::find`], for a start that waits for its store: if the store is unavailable and there is no secret,
    /// one is created, and [`recognise`] decides later whether it may be used.
    ///
    /// # Errors
    /// Those of [`Self::find`], except that the store is unavailable.
    pub async fn find_or_make(database: &Database, folder: &Path) -> Result<(Self, Origin), SecretError> {
        match Self::find(database, folder).await {
            Err(SecretError::Store(_)) => {
                let made = Self::throwaway();
                Ok((made.map_err(|source| SecretError::File { folder: folder.to_owned(), source })?, Origin::Unasked))
            }
            found => Ok((found?, Origin::Known)),
        }
    }

    /// The secret in `folder`; or a new one, if there is none and the store never had one. The store is migrated only
    /// if it must be asked.
    ///
    /// # Errors
    /// [`SecretError::Missing`], or the file or the store fails.
    pub async fn find(database: &Database, folder: &Path) -> Result<Self, SecretError> {
        let in_folder = |source| SecretError::File { folder: folder.to_owned(), source };
        if let Some(found) = Self::load(folder).map_err(in_folder)? {
            return Ok(found);
        }
        database.migrate().await?;
        if !database.read(has_a_key).await? {
            return Self::make(folder).map_err(in_folder);
        }
        // Another process with this folder may just have created it: it writes the file before it tells the store.
        Self::load(folder).map_err(in_folder)?.ok_or_else(|| SecretError::Missing(folder.join(FILE_NAME)))
    }
}

/// Whether anything was ever made with a secret. A store from before fingerprints has none, so its rows decide.
fn has_a_key(connection: &mut Connection) -> Result<bool, SecretError> {
    let none = Derived { registrations: 0, invitations: 0, delegations: 0, releases: 0 };
    Ok(store::fingerprint(connection)?.is_some() || store::derived(connection)? != none)
}

/// Checks that `secret`, from `folder`, is the secret of this store, which must be migrated. A store without a secret
/// takes this one.
///
/// # Errors
/// [`SecretError::Foreign`]; [`SecretError::Missing`] or [`SecretError::Overtaken`] if the secret was created while the
/// store was unavailable; or the store fails.
pub async fn recognise(
    database: &Database,
    (secret, origin): (&ServerSecret, Origin),
    folder: &Path,
) -> Result<(), SecretError> {
    if origin == Origin::Unasked {
        keep_unasked(database, secret, folder).await?;
    }
    let own = secret.fingerprint();
    let known = match database.read(|tx| Ok::<_, SecretError>(store::fingerprint(tx)?)).await? {
        Some(known) => known,
        None => {
            let own = own.clone();
            let first = move |tx: &mut Connection| {
                lock_store(tx)?;
                if let Some(known) = store::fingerprint(tx)? {
                    return Ok(known);
                }
                store::set_fingerprint(tx, &own, clock::now())?;
                Ok::<_, SecretError>(own.clone())
            };
            database.write("note the key of the store", first).await?
        }
    };
    if known == own { Ok(()) } else { Err(SecretError::Foreign(folder.join(FILE_NAME))) }
}

/// Saves a secret that was created while the store was unavailable, if the store never had one.
async fn keep_unasked(database: &Database, secret: &ServerSecret, folder: &Path) -> Result<(), SecretError> {
    let in_folder = |source| SecretError::File { folder: folder.to_owned(), source };
    let found = match ServerSecret::load(folder).map_err(in_folder)? {
        Some(found) => found,
        None if database.read(has_a_key).await? => return Err(SecretError::Missing(folder.join(FILE_NAME))),
        None => secret.keep(folder).map_err(in_folder)?,
    };
    let is_own = found.fingerprint() == secret.fingerprint();
    if is_own { Ok(()) } else { Err(SecretError::Overtaken(folder.join(FILE_NAME))) }
}

/// Checks, without any change, that the file in `folder` is the secret of this store. A store without a secret accepts
/// any.
///
/// # Errors
/// [`SecretError::Foreign`], [`SecretError::Missing`], or the file or the store fails.
pub async fn check(database: &Database, folder: &Path) -> Result<(), SecretError> {
    let Some(known) = database.read(|tx| Ok::<_, SecretError>(store::fingerprint(tx)?)).await? else { return Ok(()) };
    let found = ServerSecret::load(folder).map_err(|source| SecretError::File { folder: folder.to_owned(), source })?;
    match found {
        None => Err(SecretError::Missing(folder.join(FILE_NAME))),
        Some(found) if found.fingerprint() == known => Ok(()),
        Some(_) => Err(SecretError::Foreign(folder.join(FILE_NAME))),
    }
}

/// The result of [`adopt`].
#[derive(Debug)]
pub struct Adopted {
    pub path: PathBuf,
    /// Whether the secret was created by the command.
    pub is_new: bool,
    /// What is void now; `None` if the secret was already that of the store.
    pub void: Option<Derived>,
}

/// Makes the secret in `folder`, or a new one if there is none, the secret of this store, which must be migrated. The
/// audit trail records it.
///
/// # Errors
/// [`SecretError::InUse`], or the file or the store fails.
pub async fn adopt(database: &Database, folder: &Path) -> Result<Adopted, SecretError> {
    let in_folder = |source| SecretError::File { folder: folder.to_owned(), source };
    let found = ServerSecret::load(folder).map_err(in_folder)?;
    let before = database.read(store::fingerprint).await?;
    let is_known = found.as_ref().is_some_and(|found| Some(found.fingerprint()) == before);
    if !is_known && !database.is_alone().map_err(in_folder)? {
        return Err(SecretError::InUse);
    }
    let is_new = found.is_none();
    let secret = found.map_or_else(|| ServerSecret::make(folder), Ok).map_err(in_folder)?;
    let own = secret.fingerprint();
    let adoption = move |tx: &mut Connection| {
        lock_store(tx)?;
        let before = store::fingerprint(tx)?;
        if before.as_ref() == Some(&own) {
            return Ok::<_, SecretError>(None);
        }
        store::set_fingerprint(tx, &own, clock::now())?;
        let entry = Entry {
            action: AuditAction::Adopt,
            resource: ResourceKind::Secret,
            id: FILE_NAME.to_owned(),
            code: FILE_NAME.to_owned(),
            before: before.map(|fingerprint| json!({ "fingerprint": fingerprint })),
            after: Some(json!({ "fingerprint": own })),
        };
        audit::record_command(tx, "adopt_secret", &[entry])?;
        Ok(Some(store::derived(tx)?))
    };
    let void = database.write("adopt a key", adoption).await?;
    Ok(Adopted { path: folder.join(FILE_NAME), is_new, void })
}
