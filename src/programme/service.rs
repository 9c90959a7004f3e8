//! The service that the handlers of the programme share: the latest releases in memory, and the store for older ones.

use std::sync::Arc;

use super::{
    ProgrammeError, Programmes, Snapshot, documents::ReleaseDocuments, filter::ReleaseNumber, release::PublicRelease,
    releases,
};
use crate::{
    access::ServerSecret,
    database::{Connection, Database},
    values::Code,
};

#[derive(Clone)]
pub struct ProgrammeService {
    pub database: Database,
    /// The latest releases, in memory.
    pub programmes: Programmes,
    /// The codes of placeholders and the links to previews are derived from it.
    pub secret: ServerSecret,
    /// The address at which the public reaches the service, without a slash at the end.
    pub public_url: Arc<str>,
}

/// Caches may keep an answer for 10 seconds, and serve it for a minute more while they fetch a new one.
pub const CACHE_BRIEFLY: &str = "public, max-age=10, stale-while-revalidate=60";

/// For a release that was requested by its number. It can change nevertheless: a redaction must reach everybody who
/// asks again.
const CACHE_FOR_A_DAY: &str = "public, max-age=86400";

/// A release that a request asks for.
pub struct ServedRelease {
    pub snapshot: Arc<Snapshot>,
    /// Its ready-made documents; `None` if it is not the latest release.
    pub documents: Option<Arc<ReleaseDocuments>>,
    /// The value of the header `Cache-Control`.
    pub cache_control: &'static str,
}

/// The latest release of a conference, or the release with the given number.
pub async fn find_release(
    service: &ProgrammeService,
    slug: &Code,
    version: Option<ReleaseNumber>,
) -> Result<ServedRelease, ProgrammeError> {
    let (snapshot, documents) =
        service.programmes.get_with_documents(slug.as_str()).ok_or(ProgrammeError::NotFound("conference"))?;
    match version {
        None => Ok(ServedRelease { snapshot, documents: Some(documents), cache_control: CACHE_BRIEFLY }),
        Some(number) if number.0 == snapshot.release.number => {
            Ok(ServedRelease { snapshot, documents: Some(documents), cache_control: CACHE_FOR_A_DAY })
        }
        Some(number) => {
            let snapshot = load_older(service, &snapshot, number).await?;
            Ok(ServedRelease { snapshot, documents: None, cache_control: CACHE_FOR_A_DAY })
        }
    }
}

async fn load_older(
    service: &ProgrammeService,
    current: &Snapshot,
    number: ReleaseNumber,
) -> Result<Arc<Snapshot>, ProgrammeError> {
    let conference = current.conference.clone();
    let (id, number) = (conference.id, number.0);
    let _permit = service.programmes.old_release_permit().await;
    let load = move |tx: &mut Connection| releases::load_public(tx, id, number).map_err(ProgrammeError::from);
    let release = service.database.read(load).await?;
    let PublicRelease { row, public_agenda, history } = release.ok_or(ProgrammeError::NotFound("release"))?;
    Ok(Arc::new(Snapshot::new(conference, row, public_agenda).with_history(history).with_uid_host(&current.uid_host)))
}
