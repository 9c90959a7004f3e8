//! The files that pages are styled and bettered with, each under a name that holds its hash: whoever has it never asks
//! again.

use std::{collections::BTreeMap, io, path::Path};

use actix_web::{HttpRequest, HttpResponse, get, http::header, web};

use super::{Site, texts::read_dir};
use crate::{
    http::{Problem, conditional::entity_tag, problem::NOT_FOUND},
    programme::publication::Coding,
};

const SHIPPED: &[(&str, &str)] = &[
    ("site.css", include_str!("../../config/site/site.css")),
    ("forms.css", include_str!("../../config/site/forms.css")),
    ("site.js", include_str!("../../config/site/site.js")),
    ("forms.js", include_str!("../../config/site/forms.js")),
];

struct File {
    content_type: &'static str,
    plain: web::Bytes,
    /// In each coding, where that is shorter.
    coded: Vec<(Coding, web::Bytes)>,
}

/// Every file, by the name under which it is served.
pub struct Assets {
    prefix: String,
    files: BTreeMap<String, File>,
    names: BTreeMap<String, String>,
}

impl Assets {
    /// What ships, and over it what stands in `folder`; served under `prefix`.
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
            let served = format!("{stem}.{hash}.{extension}");
            let coded = Coding::ALL.into_iter().map(|coding| (coding, coding.compress(&bytes)));
            let coded = coded.filter(|(_, packed)| packed.len() < bytes.len());
            let coded = coded.map(|(coding, packed)| (coding, web::Bytes::from(packed))).collect();
            names.insert(name.clone(), served.clone());
            files.insert(served, File { content_type, plain: web::Bytes::from(bytes), coded });
        }
        Ok(Self { prefix: prefix.to_owned(), files, names })
    }

    /// The path under which a file is served.
    pub fn path(&self, name: &str) -> Option<String> {
        self.names.get(name).map(|served| format!("{}/assets/{served}", self.prefix))
    }
}

/// What the files of this name are; nothing else is served.
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

/// A file.
#[get("/assets/{name}")]
pub async fn asset(
    request: HttpRequest,
    site: web::Data<Site>,
    name: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let file = site.assets.files.get(name.as_str()).ok_or_else(|| Problem::new(&NOT_FOUND))?;
    let accepted = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let coding = Coding::choose(accepted);
    let coded = file.coded.iter().find(|(of, _)| Some(*of) == coding);
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, file.content_type))
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::VARY, "Accept-Encoding"));
    if let Some((coding, _)) = coded {
        response.insert_header((header::CONTENT_ENCODING, coding.as_str()));
    }
    Ok(response.body(coded.map_or(&file.plain, |(_, packed)| packed).clone()))
}
