//! All documents of a release, ready to be sent.

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

use super::{Coding, Publication, coding::expand_zstd};
use crate::{
    http::{conditional::LastModified, entity_tag},
    programme::{negotiate::Language, snapshot::Snapshot},
    values::LanguageTag,
};

/// A document in one coding.
#[derive(Debug, Clone)]
pub struct Body {
    /// What is sent.
    pub bytes: Bytes,
    /// Its strong entity tag.
    pub tag: HeaderValue,
}

impl Body {
    fn new(bytes: Vec<u8>) -> Self {
        // A tag is letters, digits and quotes.
        let tag = HeaderValue::from_str(&entity_tag(&bytes)).unwrap_or(HeaderValue::from_static("\"\""));
        Self { bytes: bytes.into(), tag }
    }
}

/// A document in one language, plain and in every coding.
#[derive(Debug, Clone)]
pub struct Whole {
    /// Its media type.
    pub content_type: HeaderValue,
    /// The language of its texts, if it has one.
    pub language: Option<HeaderValue>,
    /// When it last changed.
    pub modified: LastModified,
    plain: Body,
    /// In the order of [`Coding::ALL`]: each is compressed once, when it is first asked for.
    coded: [OnceLock<Body>; 3],
}

impl Whole {
    /// A document that is not compressed yet.
    pub fn new(content_type: &'static str, language: &Language, modified: LastModified, plain: Vec<u8>) -> Self {
        Self {
            content_type: HeaderValue::from_static(content_type),
            language: language.tag().and_then(|tag| HeaderValue::from_str(tag.as_str()).ok()),
            modified,
            plain: Body::new(plain),
            coded: Default::default(),
        }
    }

    fn coded(&self, coding: Coding) -> &OnceLock<Body> {
        let [brotli, zstd, gzip] = &self.coded;
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
        self.coded(coding).get_or_init(|| Body::new(coding.compress(&self.plain.bytes)))
    }

    /// About how many bytes it takes.
    pub fn weight(&self) -> usize {
        self.plain.bytes.len() * 3 / 2 + 1024
    }
}

/// A stored part of an edition: a publication in a language and a coding.
#[derive(Debug)]
pub struct Part {
    /// The publication's word.
    pub publication: String,
    /// The language's tag.
    pub language: String,
    /// The coding's word.
    pub coding: String,
    /// The bytes.
    pub body: Vec<u8>,
}

/// A document in each language.
type InEach = Vec<(LanguageTag, OnceLock<Option<Whole>>)>;

/// Every publication of a release. Each is written once and compressed once: when it is first asked for, or when all
/// are made ([`Edition::complete`]), whichever comes first.
#[derive(Debug)]
pub struct Edition {
    snapshot: Arc<Snapshot>,
    base_url: Arc<str>,
    /// None where the release has nothing of the kind.
    wholes: HashMap<Publication, InEach>,
    is_stored: AtomicBool,
}

impl Edition {
    /// The edition of a release, of which nothing is made yet.
    pub fn new(snapshot: Arc<Snapshot>, base_url: Arc<str>) -> Self {
        let languages = &snapshot.agenda.conference.languages;
        let in_each =
            |publication| (publication, languages.iter().map(|language| (language.clone(), OnceLock::new())).collect());
        let wholes = Publication::all().map(in_each).collect();
        Self { snapshot, base_url, wholes, is_stored: AtomicBool::new(false) }
    }

    fn make(&self, publication: Publication, language: &LanguageTag) -> Option<Whole> {
        let language = Language::One(language.clone());
        let plain = publication.write(&self.snapshot, &language, &self.base_url)?;
        let modified = LastModified::of(self.snapshot.release.updated_at);
        Some(Whole::new(publication.content_type(), &language, modified, plain))
    }

    /// A document in a language; none where the release has nothing of the kind, or in all languages at once.
    pub fn get(&self, publication: Publication, language: &Language) -> Option<&Whole> {
        let tag = language.tag()?;
        let (tag, whole) = self.wholes.get(&publication)?.iter().find(|(known, _)| known == tag)?;
        whole.get_or_init(|| self.make(publication, tag)).as_ref()
    }

    /// Makes what is not made yet, in every coding, on all cores but one.
    ///
    /// # Errors
    /// A document cannot be made.
    pub fn complete(&self) -> io::Result<()> {
        let jobs: Vec<_> = self
            .wholes
            .iter()
            .flat_map(|(publication, wholes)| wholes.iter().map(move |each| (*publication, each)))
            .collect();
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some((publication, (language, whole))) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Some(whole) = whole.get_or_init(|| self.make(*publication, language)) {
                    Coding::ALL.iter().for_each(|coding| _ = whole.body(Some(*coding)));
                }
            }
        };
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        thread::scope(|scope| {
            let workers: Vec<_> = (1..cores.max(2)).map(|_| scope.spawn(work)).collect();
            let ended = workers
                .into_iter()
                .map(|worker| worker.join().map_err(|_| io::Error::other("a document cannot be made")));
            ended.collect()
        })
    }

    /// Whether it is in the store.
    pub fn is_stored(&self) -> bool {
        self.is_stored.load(Ordering::Acquire)
    }

    /// It is in the store now.
    pub fn set_stored(&self) {
        self.is_stored.store(true, Ordering::Release);
    }

    /// What is stored of a complete one: the plain bytes are those that any of the codings gives back.
    pub fn parts(&self) -> impl Iterator<Item = (Publication, &str, Coding, &Bytes)> {
        let wholes = self.wholes.iter().flat_map(|(publication, wholes)| {
            wholes
                .iter()
                .filter_map(move |(language, whole)| Some((*publication, language.as_str(), whole.get()?.as_ref()?)))
        });
        wholes.flat_map(|(publication, language, whole)| {
            Coding::ALL.iter().map(move |coding| (publication, language, *coding, &whole.body(Some(*coding)).bytes))
        })
    }

    /// The edition of a release that these parts are of.
    ///
    /// # Errors
    /// A part is missing or was not made by this version.
    pub fn of_parts(snapshot: Arc<Snapshot>, base_url: Arc<str>, parts: Vec<Part>) -> io::Result<Self> {
        let unknown = || io::Error::other("a stored part is unknown");
        let mut packed: HashMap<(Publication, String), HashMap<Coding, Vec<u8>>> = HashMap::new();
        for part in parts {
            let publication = Publication::from_word(&part.publication).ok_or_else(unknown)?;
            let coding = Coding::from_word(&part.coding).ok_or_else(unknown)?;
            packed.entry((publication, part.language)).or_default().insert(coding, part.body);
        }
        let modified = LastModified::of(snapshot.release.updated_at);
        let edition = Self::new(snapshot, base_url);
        for (publication, wholes) in &edition.wholes {
            for (language, whole) in wholes {
                let Some(mut bodies) = packed.remove(&(*publication, language.as_str().to_owned())) else {
                    whole.get_or_init(|| None);
                    continue;
                };
                let plain = expand_zstd(bodies.get(&Coding::Zstd).ok_or_else(unknown)?)?;
                let language = Language::One(language.clone());
                let made = Whole::new(publication.content_type(), &language, modified.clone(), plain);
                for coding in Coding::ALL {
                    let body = bodies.remove(&coding).ok_or_else(unknown)?;
                    made.coded(coding).get_or_init(|| Body::new(body));
                }
                whole.get_or_init(|| Some(made));
            }
        }
        edition.set_stored();
        Ok(edition)
    }
}
