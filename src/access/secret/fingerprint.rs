//! Which key belongs to which store. A service that runs with another key than the one before refuses every link, code
//! and badge that was made until then, and says so to nobody but their holders. So the store keeps the fingerprint of
//! its key, and nothing runs with another one ([`ServerSecret::find`], [`recognise`]) until somebody says that it shall
//! ([`adopt`]).

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
    access::{
        Actor,
        audit::{self, Entry},
    },
    clock,
    database::{Connection, Database, DatabaseError, Retry, alone},
};

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read or made.
    #[error("data_dir {}: {source}", .folder.display())]
    File {
        /// The folder of the file.
        folder: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// The store has a key, and the file is not there.
    #[error(
        "{} is missing: the links, codes and badges of this store were made with it. Put it back from the backup \
         (docs/operations.md); if it is lost, `plenary secret adopt` makes another, and all of them are void", .0.display()
    )]
    Missing(PathBuf),
    /// The store has another key.
    #[error(
        "{} is not the key of this store: the links, codes and badges of this store were made with another. Put that one \
         back from the backup, or copy it from the other process of this store (docs/operations.md); if it is lost, \
         `plenary secret adopt` takes this one, and all of them are void", .0.display()
    )]
    Foreign(PathBuf),
    /// A running service would go on with the key that it knows.
    #[error(
        "another process has this store open, and goes on with the key that it was started with: stop every process of \
         this store first"
    )]
    InUse,
    /// Another key came into its place while this process waited for the store.
    #[error("{} was put there while this process waited for the store: start it again", .0.display())]
    Overtaken(PathBuf),
    /// The store.
    #[error(transparent)]
    Store(#[from] DatabaseError),
}

impl Retry for SecretError {
    fn may_retry(&self) -> bool {
        matches!(self, Self::Store(error) if error.may_retry())
    }
}

/// Where a key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was there, or the store agreed that there was none.
    Known,
    /// It was made while the store could not be asked, and is in no file yet: another may be missing.
    Unasked,
}

impl ServerSecret {
    /// [`Self::find`] for a start that waits for its store: where that is away and there is no key, one is made, and
    /// [`recognise`] says later whether it may stay.
    ///
    /// # Errors
    /// Those of [`Self::find`], but not that the store is away.
    pub async fn find_or_make(database: &Database, folder: &Path) -> Result<(Self, Origin), SecretError> {
        match Self::find(database, folder).await {
            Err(SecretError::Store(_)) => {
                let made = Self::throwaway();
                Ok((made.map_err(|source| SecretError::File { folder: folder.to_owned(), source })?, Origin::Unasked))
            }
            found => Ok((found?, Origin::Known)),
        }
    }

    /// The key in `folder`; a new one, if there is none and the store never had any. The store is brought to this
    /// version only where that must be asked.
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
        // Another process with this folder may just have made it: it writes the file first.
        Self::load(folder).map_err(in_folder)?.ok_or_else(|| SecretError::Missing(folder.join(FILE_NAME)))
    }
}

/// Whether anything was ever made under a key. A store of a version that kept no fingerprint tells by what is in it.
fn has_a_key(connection: &mut Connection) -> Result<bool, SecretError> {
    let none = Derived { registrations: 0, invitations: 0, delegations: 0, releases: 0 };
    Ok(store::fingerprint(connection)?.is_some() || store::derived(connection)? != none)
}

/// Makes sure that `secret`, of `folder`, is the key of this store, which must be of this version. A store that knows
/// none yet takes this one for its own.
///
/// # Errors
/// [`SecretError::Foreign`]; [`SecretError::Missing`] or [`SecretError::Overtaken`] where the key was made before the
/// store could be asked; or the store fails.
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
                alone(tx)?;
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

/// Writes a key that was made before the store could be asked, where the store never had any.
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

/// Whether the file in `folder` is the key of this store, for who changes nothing. A store that knows no key takes any.
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

/// What became of the key of a store.
#[derive(Debug)]
pub struct Adopted {
    /// The file with the key.
    pub path: PathBuf,
    /// Whether there was none.
    pub is_new: bool,
    /// What has something that is void now; nothing, if the key was that of the store before.
    pub void: Option<Derived>,
}

/// Makes the key in `folder`, or a new one if there is none, the key of this store, which must be of this version. It
/// stands in the audit trail.
///
/// # Errors
/// The file or the store fails.
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
        alone(tx)?;
        let before = store::fingerprint(tx)?;
        if before.as_ref() == Some(&own) {
            return Ok::<_, SecretError>(None);
        }
        store::set_fingerprint(tx, &own, clock::now())?;
        let entry = Entry {
            action: "adopt".to_owned(),
            resource: "secret".to_owned(),
            id: FILE_NAME.to_owned(),
            code: FILE_NAME.to_owned(),
            before: before.map(|fingerprint| json!({ "fingerprint": fingerprint })),
            after: Some(json!({ "fingerprint": own })),
        };
        audit::record(tx, &Actor::command_line(), "adopt_secret", None, &[entry])?;
        Ok(Some(store::derived(tx)?))
    };
    let void = database.write("adopt a key", adoption).await?;
    Ok(Adopted { path: folder.join(FILE_NAME), is_new, void })
}
