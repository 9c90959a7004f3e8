//! Static files of the pages (CSS, JavaScript, images). Each is served under a name with its hash, so that browsers can
//! cache it for ever.

use std::{collections::BTreeMap, io, path::Path};

use actix_web::web;

use super::texts::read_dir;
use crate::{http::conditional::entity_tag, programme::documents::Coding};

const SHIPPED: &[(&str, &str)] = &[
    ("site.css", include_str!("../../config/site/site.css")),
    ("forms.css", include_str!("../../config/site/forms.css")),
    ("site.js", include_str!("../../config/site/site.js")),
    ("forms.js", include_str!("../../config/site/forms.js")),
];

pub(super) struct File {
    pub(super) content_type: &'static str,
    pub(super) bytes: web::Bytes,
    /// Compressed forms, if they are smaller.
    pub(super) compressed: Vec<(Coding, web::Bytes)>,
}

/// Every file, by the name under which it is served.
pub struct Assets {
    prefix: String,
    pub(super) files: BTreeMap<String, File>,
    names: BTreeMap<String, String>,
}

impl Assets {
    /// Loads the shipped files, and those in `folder`, which replace shipped ones of the same name; they are served
    /// under `prefix`.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn load(folder: Option<&Path>, prefix: &str) -> io::Result<Self> {
        let mut sources: BTreeMap<String, Vec<u8>> =
            SHIPPED.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
        for path in folder.map(read_dir).transpose()?.unwrap_or_default() {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_file() && content_type(name).is_some() {
                sources.insert(name.to_owned(), std::fs::read(&path)?);
            }
        }
        let (mut files, mut names) = (BTreeMap::new(), BTreeMap::new());
        for (name, bytes) in sources {
            let Some((content_type, (stem, extension))) = content_type(&name).zip(name.rsplit_once('.')) else {
                continue;
            };
            let hash: String = entity_tag(&bytes).chars().filter(char::is_ascii_alphanumeric).take(12).collect();
            let hashed_name = format!("{stem}.{hash}.{extension}");
            let compressed = Coding::ALL.into_iter().map(|coding| (coding, coding.compress(&bytes)));
            let compressed = compressed.filter(|(_, compressed_bytes)| compressed_bytes.len() < bytes.len());
            let compressed =
                compressed.map(|(coding, compressed_bytes)| (coding, web::Bytes::from(compressed_bytes))).collect();
            names.insert(name.clone(), hashed_name.clone());
            files.insert(hashed_name, File { content_type, bytes: web::Bytes::from(bytes), compressed });
        }
        Ok(Self { prefix: prefix.to_owned(), files, names })
    }

    /// The path under which a file is served.
    pub fn path(&self, name: &str) -> Option<String> {
        self.names.get(name).map(|hashed_name| format!("{}/assets/{hashed_name}", self.prefix))
    }
}

/// The media type of a file, by its extension; other files are not served.
fn content_type(name: &str) -> Option<&'static str> {
    Some(match name.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" => "image/jpeg",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        _ => return None,
    })
}
