//! Provides the documents of a release: loads them if they are stored, otherwise makes and stores them.

use std::{sync::Arc, time::Instant as Timer};

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
    made_by: Arc<str>,
}

impl DocumentBuilder {
    pub fn new(base_url: &str) -> Self {
        let made_by = format!("{} {base_url}", env!("SOURCES_DIGEST"));
        Self { base_url: base_url.into(), made_by: made_by.into() }
    }

    /// The documents of a release, none of which is made yet.
    pub fn unmade_documents(&self, snapshot: Arc<Snapshot>) -> ReleaseDocuments {
        ReleaseDocuments::new(snapshot, Arc::clone(&self.base_url))
    }

    /// The stored documents of a release, if the same version of the service under the same URL stored them.
    pub fn load(
        &self,
        connection: &mut Connection,
        snapshot: &Arc<Snapshot>,
    ) -> Result<Option<ReleaseDocuments>, DatabaseError> {
        let stored = store::load(connection, snapshot.conference.id, snapshot.release.number, &self.made_by)?;
        if stored.is_empty() {
            return Ok(None);
        }
        let documents = ReleaseDocuments::from_stored(Arc::clone(snapshot), Arc::clone(&self.base_url), stored);
        // What cannot be read is made again.
        Ok(documents
            .inspect_err(|error| tracing::error!(%error, "the stored documents of a release cannot be read"))
            .ok())
    }

    /// Makes all documents of a release and stores them.
    ///
    /// # Errors
    /// A document cannot be made, or the store fails.
    pub async fn complete_and_store(
        &self,
        database: &Database,
        snapshot: &Snapshot,
        documents: Arc<ReleaseDocuments>,
    ) -> Result<(), ProgrammeError> {
        let started = Timer::now();
        let documents_to_make = Arc::clone(&documents);
        #[expect(clippy::disallowed_methods, reason = "no store is touched")]
        let completed = tokio::task::spawn_blocking(move || documents_to_make.complete()).await;
        match completed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(DatabaseError::Corrupt(error.to_string()).into()),
            Err(_) => return Err(DatabaseError::Interrupted.into()),
        }
        let made_after = started.elapsed();
        let (documents_to_store, made_by, conference) =
            (Arc::clone(&documents), Arc::clone(&self.made_by), snapshot.conference.clone());
        let (number, updated_at) = (snapshot.release.number, snapshot.release.updated_at);
        let turn = conference.slug.to_string();
        let is_stored = database
            .write_in_turn("store release documents", &turn, move |tx| {
                agenda::actions::lock(tx, &conference)?;
                Ok::<_, ProgrammeError>(store::insert(
                    tx,
                    conference.id,
                    number,
                    updated_at,
                    &made_by,
                    &documents_to_store,
                )?)
            })
            .await?;
        if !is_stored {
            // The release was rewritten, or another one followed, in the meantime.
            return Ok(());
        }
        documents.set_stored();
        tracing::info!(
            conference.slug = %snapshot.conference.slug,
            release = number,
            ?made_after,
            stored_after = ?started.elapsed(),
            "the documents of a release are stored"
        );
        Ok(())
    }
}
