//! Providing the edition of a release: loaded where it is stored, else completed and stored.

use std::{sync::Arc, time::Instant as Stopwatch};

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
        let name = format!("{} {base_url}", env!("SOURCES_DIGEST"));
        Self { base_url: base_url.into(), name: name.into() }
    }

    /// The edition of a release, of which nothing is made yet.
    pub fn begin(&self, snapshot: Arc<Snapshot>) -> Edition {
        Edition::new(snapshot, Arc::clone(&self.base_url))
    }

    /// The stored edition of a release, if such a service stored it.
    ///
    /// # Errors
    /// The store fails.
    pub fn load(
        &self,
        connection: &mut Connection,
        snapshot: &Arc<Snapshot>,
    ) -> Result<Option<Edition>, DatabaseError> {
        let parts = store::load(connection, snapshot.place.id, snapshot.release.number, &self.name)?;
        if parts.is_empty() {
            return Ok(None);
        }
        let edition = Edition::of_parts(Arc::clone(snapshot), Arc::clone(&self.base_url), parts);
        // What cannot be read is made anew.
        Ok(edition.inspect_err(|error| tracing::error!(%error, "a stored edition cannot be read")).ok())
    }

    /// Completes the edition of a release and stores it.
    ///
    /// # Errors
    /// A document cannot be made, or the store fails.
    pub async fn provide(
        &self,
        database: &Database,
        snapshot: &Snapshot,
        edition: Arc<Edition>,
    ) -> Result<(), ProgrammeError> {
        let started = Stopwatch::now();
        let made = Arc::clone(&edition);
        #[expect(clippy::disallowed_methods, reason = "no store is touched")]
        let completed = tokio::task::spawn_blocking(move || made.complete()).await;
        match completed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(DatabaseError::Corrupt(error.to_string()).into()),
            Err(_) => return Err(DatabaseError::Interrupted.into()),
        }
        let made_after = started.elapsed();
        let (stored, made_by, place) = (Arc::clone(&edition), Arc::clone(&self.name), snapshot.place.clone());
        let release = (snapshot.release.number, snapshot.release.updated_at);
        let turn = place.slug.to_string();
        let is_stored = database
            .write_in_turn("store an edition", &turn, move |tx| {
                agenda::actions::lock(tx, &place)?;
                Ok::<_, ProgrammeError>(store::insert(tx, place.id, release, &made_by, &stored)?)
            })
            .await?;
        if !is_stored {
            // It is of a release that was rewritten or followed by another meanwhile.
            return Ok(());
        }
        edition.set_stored();
        tracing::info!(
            conference.slug = %snapshot.place.slug,
            release = snapshot.release.number,
            ?made_after,
            stored_after = ?started.elapsed(),
            "an edition is complete"
        );
        Ok(())
    }
}
