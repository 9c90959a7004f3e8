//! Provides the documents of a release: loads them if they are stored, otherwise makes and stores them.

use std::{sync::Arc, time::Instant as Stopwatch};

use super::{ReleaseDocuments, store};
use crate::{
    agenda,
    database::{Connection, Database, DatabaseError},
    programme::{ProgrammeError, snapshot::Snapshot},
};

/// Makes release documents: a version of the service under a public URL.
#[derive(Debug, Clone)]
pub struct DocumentBuilder {
    /// The address at which the public reaches the service.
    pub base_url: Arc<str>,
    name: Arc<str>,
}

impl DocumentBuilder {
    pub fn new(base_url: &str) -> Self {
        let name = format!("{} {base_url}", env!("SOURCES_DIGEST"));
        Self { base_url: base_url.into(), name: name.into() }
    }

    /// The documents of a release, none of which is made yet.
    pub fn begin(&self, snapshot: Arc<Snapshot>) -> ReleaseDocuments {
        ReleaseDocuments::new(snapshot, Arc::clone(&self.base_url))
    }

    /// The stored documents of a release, if the same version of the service under the same URL stored them.
    pub fn load(
        &self,
        connection: &mut Connection,
        snapshot: &Arc<Snapshot>,
    ) -> Result<Option<ReleaseDocuments>, DatabaseError> {
        let parts = store::load(connection, snapshot.place.id, snapshot.release.number, &self.name)?;
        if parts.is_empty() {
            return Ok(None);
        }
        let documents = ReleaseDocuments::of_parts(Arc::clone(snapshot), Arc::clone(&self.base_url), parts);
        // What cannot be read is made again.
        Ok(documents
            .inspect_err(|error| tracing::error!(%error, "the stored documents of a release cannot be read"))
            .ok())
    }

    /// Makes all documents of a release and stores them.
    ///
    /// # Errors
    /// A document cannot be made, or the store fails.
    pub async fn provide(
        &self,
        database: &Database,
        snapshot: &Snapshot,
        documents: Arc<ReleaseDocuments>,
    ) -> Result<(), ProgrammeError> {
        let started = Stopwatch::now();
        let made = Arc::clone(&documents);
        #[expect(clippy::disallowed_methods, reason = "no store is touched")]
        let completed = tokio::task::spawn_blocking(move || made.complete()).await;
        match completed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(DatabaseError::Corrupt(error.to_string()).into()),
            Err(_) => return Err(DatabaseError::Interrupted.into()),
        }
        let made_after = started.elapsed();
        let (stored, made_by, place) = (Arc::clone(&documents), Arc::clone(&self.name), snapshot.place.clone());
        let release = (snapshot.release.number, snapshot.release.updated_at);
        let turn = place.slug.to_string();
        let is_stored = database
            .write_in_turn("store release documents", &turn, move |tx| {
                agenda::actions::lock(tx, &place)?;
                Ok::<_, ProgrammeError>(store::insert(tx, place.id, release, &made_by, &stored)?)
            })
            .await?;
        if !is_stored {
            // The release was rewritten, or another one followed, in the meantime.
            return Ok(());
        }
        documents.set_stored();
        tracing::info!(
            conference.slug = %snapshot.place.slug,
            release = snapshot.release.number,
            ?made_after,
            stored_after = ?started.elapsed(),
            "the documents of a release are stored"
        );
        Ok(())
    }
}
