//! All documents of a release, ready to be sent.

use std::{
    collections::HashMap,
    io,
    num::NonZero,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use actix_web::http::header::HeaderValue;
use bytes::Bytes;

use super::{Coding, Publication};
use crate::{
    http::entity_tag,
    programme::{negotiate::Language, snapshot::Snapshot},
    values::{LanguageTag, TextValue as _},
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
    plain: Body,
    /// In the order of [`Coding::ALL`].
    coded: [Body; 3],
}

impl Whole {
    /// A document, compressed in every way.
    ///
    /// # Errors
    /// There is no memory.
    pub fn make(content_type: &'static str, language: &Language, plain: Vec<u8>) -> io::Result<Self> {
        let coded: io::Result<Vec<_>> = Coding::ALL.iter().map(|coding| coding.compress(&plain)).collect();
        Self::of(content_type, language, plain, coded?)
    }

    fn of(content_type: &'static str, language: &Language, plain: Vec<u8>, coded: Vec<Vec<u8>>) -> io::Result<Self> {
        let coded: Vec<Body> = coded.into_iter().map(Body::new).collect();
        Ok(Self {
            content_type: HeaderValue::from_static(content_type),
            language: language.tag().and_then(|tag| HeaderValue::from_str(tag.as_str()).ok()),
            plain: Body::new(plain),
            coded: coded.try_into().map_err(|_| io::Error::other("a coding is missing"))?,
        })
    }

    /// The document in a coding, or plain.
    pub fn body(&self, coding: Option<Coding>) -> &Body {
        match coding {
            None => &self.plain,
            Some(Coding::Brotli) => &self.coded[0],
            Some(Coding::Zstd) => &self.coded[1],
            Some(Coding::Gzip) => &self.coded[2],
        }
    }
}

/// A stored part of an edition: a publication in a language and a coding.
#[derive(Debug)]
pub struct Part {
    /// The publication's word.
    pub publication: String,
    /// The language's tag, or `*` for all.
    pub language: String,
    /// The coding's word.
    pub coding: String,
    /// The bytes.
    pub body: Vec<u8>,
}

/// Every publication of a release.
#[derive(Debug, Default)]
pub struct Edition(HashMap<Publication, Vec<(Language, Whole)>>);

impl Edition {
    /// Writes and compresses every publication, on all cores.
    ///
    /// # Errors
    /// There is no memory.
    pub fn make(snapshot: &Snapshot, base_url: &str) -> io::Result<Self> {
        let languages = languages(snapshot);
        let jobs: Vec<(Publication, &Language)> = Publication::all()
            .flat_map(|publication| languages.iter().map(move |language| (publication, language)))
            .collect();
        let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(jobs.len())));
        let work = || -> io::Result<()> {
            while let Some((publication, language)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Some(plain) = publication.write(snapshot, language, base_url) {
                    let whole = Whole::make(publication.content_type(), language, plain)?;
                    done.lock().unwrap_or_else(|broken| broken.into_inner()).push((
                        *publication,
                        (*language).clone(),
                        whole,
                    ));
                }
            }
            Ok(())
        };
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(io::Error::other("a panic"))))
        })?;
        let mut edition = Self::default();
        for (publication, language, whole) in done.into_inner().unwrap_or_else(|broken| broken.into_inner()) {
            edition.0.entry(publication).or_default().push((language, whole));
        }
        Ok(edition)
    }

    /// A document in a language; none where the release has nothing of the kind.
    pub fn get(&self, publication: Publication, language: &Language) -> Option<&Whole> {
        let wholes = self.0.get(&publication)?;
        wholes.iter().find(|(known, _)| known == language).map(|(_, whole)| whole)
    }

    /// What is stored of it: the plain bytes are those that any of the codings gives back.
    pub fn parts(&self) -> impl Iterator<Item = (Publication, &str, Coding, &Bytes)> {
        self.0.iter().flat_map(|(publication, wholes)| {
            wholes.iter().flat_map(move |(language, whole)| {
                let language = language.tag().map_or(ALL_LANGUAGES, LanguageTag::as_str);
                Coding::ALL
                    .iter()
                    .map(move |coding| (*publication, language, *coding, &whole.body(Some(*coding)).bytes))
            })
        })
    }

    /// The edition that these parts are of.
    ///
    /// # Errors
    /// A part is missing or was not made by this version.
    pub fn of_parts(parts: Vec<Part>) -> io::Result<Self> {
        let unknown = || io::Error::other("a stored part is unknown");
        let mut packed: HashMap<(Publication, String), HashMap<Coding, Vec<u8>>> = HashMap::new();
        for part in parts {
            let publication = Publication::from_word(&part.publication).ok_or_else(unknown)?;
            let coding = Coding::from_word(&part.coding).ok_or_else(unknown)?;
            packed.entry((publication, part.language)).or_default().insert(coding, part.body);
        }
        let mut edition = Self::default();
        for ((publication, language), mut bodies) in packed {
            let language = match language.as_str() {
                ALL_LANGUAGES => Language::All,
                tag => Language::One(LanguageTag::parse(tag).map_err(|_| unknown())?),
            };
            let coded: Vec<_> = Coding::ALL.iter().filter_map(|coding| bodies.remove(coding)).collect();
            let plain = Coding::Zstd.expand(coded.get(1).ok_or_else(unknown)?)?;
            let whole = Whole::of(publication.content_type(), &language, plain, coded)?;
            edition.0.entry(publication).or_default().push((language, whole));
        }
        Ok(edition)
    }
}

/// What stands for a language where a document has all.
const ALL_LANGUAGES: &str = "*";

/// The languages that documents are made in: each of the conference's, and all at once.
fn languages(snapshot: &Snapshot) -> Vec<Language> {
    let each = snapshot.agenda.conference.languages.iter().cloned().map(Language::One);
    each.chain([Language::All]).collect()
}
