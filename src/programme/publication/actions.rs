//! Providing the edition of a release: loaded where it is stored, else made and stored.

use std::sync::Arc;

use super::{Edition, store};
use crate::{
    agenda,
    database::{Connection, Database, DatabaseError},
    programme::{ProgrammeError, snapshot::Snapshot},
};

/// Who makes editions: a version of the service under a public URL.
#[derive(Debug, Clone)]
pub struct Maker {
    /// How the world reaches the service.
    pub base_url: Arc<str>,
    name: Arc<str>,
}

impl Maker {
    /// This version of the service under this URL.
    pub fn new(base_url: &str) -> Self {
        let name = format!("{} {base_url}", env!("PLENARY_SOURCES"));
        Self { base_url: base_url.into(), name: name.into() }
    }

    /// The stored edition of a release, if such a service stored it.
    ///
    /// # Errors
    /// The store fails.
    pub fn load(&self, connection: &mut Connection, snapshot: &Snapshot) -> Result<Option<Edition>, DatabaseError> {
        let parts = store::load(connection, snapshot.place.id, snapshot.release.number, &self.name)?;
        if parts.is_empty() {
            return Ok(None);
        }
        Edition::of_parts(parts).map(Some).map_err(|error| DatabaseError::Corrupt(error.to_string()))
    }

    /// Makes the edition of a release and stores it.
    ///
    /// # Errors
    /// There is no memory, or the store fails.
    pub async fn provide(&self, database: &Database, snapshot: Arc<Snapshot>) -> Result<Arc<Edition>, ProgrammeError> {
        let (base_url, of) = (Arc::clone(&self.base_url), Arc::clone(&snapshot));
        let made = tokio::task::spawn_blocking(move || Edition::make(&of, &base_url)).await;
        let edition = match made {
            Ok(Ok(edition)) => Arc::new(edition),
            Ok(Err(error)) => return Err(DatabaseError::Corrupt(error.to_string()).into()),
            Err(_) => return Err(DatabaseError::Interrupted.into()),
        };
        let (stored, made_by, place) = (Arc::clone(&edition), Arc::clone(&self.name), snapshot.place.clone());
        let release = (snapshot.release.number, snapshot.release.updated_at);
        let turn = place.slug.to_string();
        database
            .write_in_turn("store an edition", &turn, move |tx| {
                agenda::actions::lock(tx, &place)?;
                Ok::<_, ProgrammeError>(store::insert(tx, place.id, release, &made_by, &stored)?)
            })
            .await?;
        Ok(edition)
    }
}
