//! The documents of a release, ready to be sent.

use std::{
    collections::HashMap,
    io,
    num::NonZero,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use actix_web::http::header::HeaderValue;
use bytes::Bytes;

use super::{Coding, Publication, coding::decompress_zstd};
use crate::{
    http::{conditional::LastModified, entity_tag},
    programme::{negotiate::Language, snapshot::Snapshot},
    values::LanguageTag,
};

/// A document in one coding.
#[derive(Debug, Clone)]
pub struct Body {
    pub bytes: Bytes,
    /// Its strong entity tag.
    pub entity_tag: HeaderValue,
}

impl Body {
    fn new(bytes: Vec<u8>) -> Self {
        // Cannot fail: a tag consists of letters, digits and quotes.
        let entity_tag = HeaderValue::from_str(&entity_tag(&bytes)).unwrap_or(HeaderValue::from_static("\"\""));
        Self { bytes: bytes.into(), entity_tag }
    }
}

/// A document in one language, plain and in every coding.
#[derive(Debug, Clone)]
pub struct Document {
    pub content_type: HeaderValue,
    /// The language of its texts; `None` if it contains all.
    pub language: Option<HeaderValue>,
    /// The time of the last change of the release.
    pub modified: LastModified,
    plain: Body,
    /// In the order of [`Coding::ALL`]: each is compressed once, when it is first requested.
    encoded: [OnceLock<Body>; 3],
}

impl Document {
    /// A document that is not compressed yet.
    pub fn new(content_type: &'static str, language: &Language, modified: LastModified, plain: Vec<u8>) -> Self {
        Self {
            content_type: HeaderValue::from_static(content_type),
            language: language.tag().and_then(|tag| HeaderValue::from_str(tag.as_str()).ok()),
            modified,
            plain: Body::new(plain),
            encoded: Default::default(),
        }
    }

    fn encoded(&self, coding: Coding) -> &OnceLock<Body> {
        let [brotli, zstd, gzip] = &self.encoded;
        match coding {
            Coding::Brotli => brotli,
            Coding::Zstd => zstd,
            Coding::Gzip => gzip,
        }
    }

    /// The document in a coding, or plain.
    pub fn body(&self, coding: Option<Coding>) -> &Body {
        let Some(coding) = coding else {
            return &self.plain;
        };
        self.encoded(coding).get_or_init(|| Body::new(coding.compress(&self.plain.bytes)))
    }

    /// An estimate of its size in memory, in bytes.
    pub fn memory_size(&self) -> usize {
        self.plain.bytes.len() * 3 / 2 + 1024
    }
}

/// A stored document: a publication in a language and a coding.
#[derive(Debug)]
pub struct StoredDocument {
    /// `None` if this version does not know it.
    pub publication: Option<Publication>,
    /// The language tag.
    pub language: String,
    pub coding: Coding,
    pub body: Vec<u8>,
}

/// A document in each language of the conference.
type ByLanguage = Vec<(LanguageTag, OnceLock<Option<Document>>)>;

/// Every publication of a release. Each is written once and compressed once: when it is first requested, or when all
/// are made ([`ReleaseDocuments::complete`]), whichever comes first.
#[derive(Debug)]
pub struct ReleaseDocuments {
    snapshot: Arc<Snapshot>,
    base_url: Arc<str>,
    /// A document is `None` if the release has no such content.
    documents_by_publication: HashMap<Publication, ByLanguage>,
    is_stored: AtomicBool,
}

impl ReleaseDocuments {
    /// The documents of a release, none of which is made yet.
    pub fn new(snapshot: Arc<Snapshot>, base_url: Arc<str>) -> Self {
        let languages = &snapshot.agenda.conference.languages;
        let unmade =
            |publication| (publication, languages.iter().map(|language| (language.clone(), OnceLock::new())).collect());
        let documents_by_publication = Publication::all().map(unmade).collect();
        Self { snapshot, base_url, documents_by_publication, is_stored: AtomicBool::new(false) }
    }

    fn make_document(&self, publication: Publication, language: &LanguageTag) -> Option<Document> {
        let language = Language::One(language.clone());
        let plain = publication.write(&self.snapshot, &language, &self.base_url)?;
        let modified = LastModified::of(self.snapshot.release.updated_at);
        Some(Document::new(publication.content_type(), &language, modified, plain))
    }

    /// A document in a language. `None` if the release has no such content, or for all languages at once.
    pub fn get(&self, publication: Publication, language: &Language) -> Option<&Document> {
        let tag = language.tag()?;
        let (tag, document) = self
            .documents_by_publication
            .get(&publication)?
            .iter()
            .find(|(document_language, _)| document_language == tag)?;
        document.get_or_init(|| self.make_document(publication, tag)).as_ref()
    }

    /// Makes every document that is not made yet, in every coding, on all processor cores but one.
    ///
    /// # Errors
    /// A document cannot be made.
    pub fn complete(&self) -> io::Result<()> {
        let jobs: Vec<_> = self
            .documents_by_publication
            .iter()
            .flat_map(|(publication, by_language)| by_language.iter().map(move |slot| (*publication, slot)))
            .collect();
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some((publication, (language, document))) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Some(document) = document.get_or_init(|| self.make_document(*publication, language)) {
                    Coding::ALL.iter().for_each(|coding| _ = document.body(Some(*coding)));
                }
            }
        };
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        thread::scope(|scope| {
            let workers: Vec<_> = (1..cores.max(2)).map(|_| scope.spawn(work)).collect();
            let results = workers
                .into_iter()
                .map(|worker| worker.join().map_err(|_| io::Error::other("a document cannot be made")));
            results.collect()
        })
    }

    pub fn is_stored(&self) -> bool {
        self.is_stored.load(Ordering::Acquire)
    }

    pub fn set_stored(&self) {
        self.is_stored.store(true, Ordering::Release);
    }

    /// What is stored of complete documents. The plain bytes are not stored: decompressing any coding gives them.
    pub fn encoded_documents(&self) -> impl Iterator<Item = (Publication, &str, Coding, &Bytes)> {
        let documents = self.documents_by_publication.iter().flat_map(|(publication, by_language)| {
            by_language.iter().filter_map(move |(language, document)| {
                Some((*publication, language.as_str(), document.get()?.as_ref()?))
            })
        });
        documents.flat_map(|(publication, language, document)| {
            Coding::ALL.iter().map(move |coding| (publication, language, *coding, &document.body(Some(*coding)).bytes))
        })
    }

    /// The documents of a release, from what is stored of them.
    ///
    /// # Errors
    /// A document is missing, or this version does not know it.
    pub fn from_stored(snapshot: Arc<Snapshot>, base_url: Arc<str>, stored: Vec<StoredDocument>) -> io::Result<Self> {
        let unreadable = || io::Error::other("a stored part is unknown");
        let mut bodies_by_document: HashMap<(Publication, String), HashMap<Coding, Vec<u8>>> = HashMap::new();
        for document in stored {
            let publication = document.publication.ok_or_else(unreadable)?;
            bodies_by_document
                .entry((publication, document.language))
                .or_default()
                .insert(document.coding, document.body);
        }
        let modified = LastModified::of(snapshot.release.updated_at);
        let documents = Self::new(snapshot, base_url);
        for (publication, by_language) in &documents.documents_by_publication {
            for (language, document) in by_language {
                let Some(mut bodies) = bodies_by_document.remove(&(*publication, language.as_str().to_owned())) else {
                    document.get_or_init(|| None);
                    continue;
                };
                let plain = decompress_zstd(bodies.get(&Coding::Zstd).ok_or_else(unreadable)?)?;
                let language = Language::One(language.clone());
                let restored = Document::new(publication.content_type(), &language, modified.clone(), plain);
                for coding in Coding::ALL {
                    let body = bodies.remove(&coding).ok_or_else(unreadable)?;
                    restored.encoded(coding).get_or_init(|| Body::new(body));
                }
                document.get_or_init(|| Some(restored));
            }
        }
        documents.set_stored();
        Ok(documents)
    }
}
