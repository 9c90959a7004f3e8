//! The fonts of badges: those in the program, and those of the operator's folder (the setting `badge_fonts`).
//!
//! The program has DejaVu Sans Condensed, and Noto Sans for scripts that it lacks, in bold alone. Chinese, Japanese and
//! Korean fonts are too large to be in the program (20 MB a weight). Of a folder, only faces are kept that have
//! characters which the faces before them lack.

use std::{
    cmp::Reverse,
    collections::HashMap,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use icu_normalizer::DecomposingNormalizer;
use krilla::{
    Document,
    geom::Point,
    page::PageSettings,
    text::{Font, GlyphId, KrillaGlyph, Tag},
};
use rustybuzz::{
    Face,
    ttf_parser::{self, Permissions, fonts_in_collection},
};

macro_rules! embedded {
    ($($file:literal),+ $(,)?) => { &[$(include_bytes!(concat!("../../../assets/fonts/", $file))),+] };
}

const REGULAR: &[&[u8]] = embedded!["DejaVuSansCondensed.ttf"];
const BOLD: &[&[u8]] = embedded!["DejaVuSansCondensed-Bold.ttf"];
/// For scripts that DejaVu lacks, or has in part.
const OTHER_SCRIPTS: &[&[u8]] = embedded![
    "noto/NotoSansAdlam-Bold.ttf",
    "noto/NotoSansArabic-Bold.ttf",
    "noto/NotoSansArmenian-Bold.ttf",
    "noto/NotoSansBengali-Bold.ttf",
    "noto/NotoSansCanadianAboriginal-Bold.ttf",
    "noto/NotoSansCherokee-Bold.ttf",
    "noto/NotoSansDevanagari-Bold.ttf",
    "noto/NotoSansEthiopic-Bold.ttf",
    "noto/NotoSansGeorgian-Bold.ttf",
    "noto/NotoSansGujarati-Bold.ttf",
    "noto/NotoSansGurmukhi-Bold.ttf",
    "noto/NotoSansHebrew-Bold.ttf",
    "noto/NotoSansKannada-Bold.ttf",
    "noto/NotoSansKhmer-Bold.ttf",
    "noto/NotoSansLao-Bold.ttf",
    "noto/NotoSansMalayalam-Bold.ttf",
    "noto/NotoSansMeeteiMayek-Bold.ttf",
    "noto/NotoSansMyanmar-Bold.ttf",
    "noto/NotoSansOlChiki-Bold.ttf",
    "noto/NotoSansOriya-Bold.ttf",
    "noto/NotoSansSinhala-Bold.ttf",
    "noto/NotoSansTamil-Bold.ttf",
    "noto/NotoSansTelugu-Bold.ttf",
    "noto/NotoSansThaana-Bold.ttf",
    "noto/NotoSansThai-Bold.ttf",
];

/// Weights of the two typefaces (CSS, OpenType).
const WEIGHTS: [f32; 2] = [400.0, 700.0];
/// Folders within the operator's folder are read to this depth.
const DEPTH_MAX: usize = 8;
/// Most font files in the folder.
const FILES_MAX: usize = 10_000;
/// Largest font file, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Most bytes of the folder's fonts that are kept in memory.
const KEPT_BYTES_MAX: usize = 256 << 20;
/// Most faces of a collection.
const FACES_MAX: u32 = 64;
/// Characters of a face with which its use is tried.
const SAMPLE_MAX: usize = 16;

/// The two typefaces of badges.
#[derive(Debug)]
pub struct Fonts {
    pub regular: Typeface,
    /// For names, the category, the level and zones.
    pub bold: Typeface,
}

/// Faces of one weight. Each text is set in the first one that has all of its characters.
#[derive(Debug)]
pub struct Typeface {
    pub faces: Vec<Arc<FontFace>>,
}

/// One face of a font.
pub struct FontFace {
    data: &'static [u8],
    index: u32,
    /// The weight of a font that has many.
    weight: Option<f32>,
    metrics: ttf_parser::Face<'static>,
    /// For shaping and for drawing; read when they are first needed.
    instruments: OnceLock<Option<(Face<'static>, Font)>>,
}

impl std::fmt::Debug for FontFace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FontFace({})", family(&self.metrics))
    }
}

impl FontFace {
    fn read(data: &'static [u8], index: u32, weight: Option<f32>) -> Option<Self> {
        let mut metrics = ttf_parser::Face::parse(data, index).ok()?;
        if let Some(weight) = weight {
            metrics.set_variation(ttf_parser::Tag::from_bytes(b"wght"), weight)?;
        }
        Some(Self { data, index, weight, metrics, instruments: OnceLock::new() })
    }

    /// For shaping (rustybuzz) and for drawing (krilla); `None` if the font is broken.
    pub fn instruments(&self) -> Option<&(Face<'static>, Font)> {
        let read = || {
            let coordinates: Vec<_> = self.weight.map(|weight| (Tag::new(b"wght"), weight)).into_iter().collect();
            let font = Font::new_variable(self.data.into(), self.index, &coordinates)?;
            Some((Face::from_face(self.metrics.clone()), font))
        };
        self.instruments.get_or_init(read).as_ref()
    }

    /// Whether the face can set these characters, which belong together.
    pub fn covers(&self, cluster: &str) -> bool {
        let has = |letter: char| is_invisible(letter) || self.metrics.glyph_index(letter).is_some();
        cluster.chars().all(|letter| {
            // The shaper writes a letter with a mark as two glyphs where the font has no single one.
            has(letter) || {
                let parts = DecomposingNormalizer::new_nfd().normalize(letter.encode_utf8(&mut [0; 4])).into_owned();
                parts.chars().count() > 1 && parts.chars().all(has)
            }
        })
    }

    /// How far a glyph reaches above and below the line, for a font size of 1.
    pub fn extent(&self, glyph: u32) -> (f32, f32) {
        let units = f32::from(self.metrics.units_per_em());
        let id = u16::try_from(glyph).unwrap_or_default();
        let bounds = self.metrics.glyph_bounding_box(ttf_parser::GlyphId(id));
        bounds.map_or((0.0, 0.0), |bounds| (f32::from(bounds.y_max) / units, -f32::from(bounds.y_min) / units))
    }
}

/// Whether a character has no glyph of its own: joiners and selectors of variants.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}'
        | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

fn family(face: &ttf_parser::Face<'_>) -> String {
    let names = face.names().into_iter().filter(|name| name.name_id == ttf_parser::name_id::FULL_NAME);
    names.filter_map(|name| name.to_string()).next().unwrap_or_default()
}

impl Fonts {
    /// Reads the fonts of the program, and those of the operator's folder. A file that cannot be used is named in the
    /// log.
    ///
    /// # Errors
    /// The folder cannot be read, has no font or too much of it.
    pub fn load(folder: Option<&Path>) -> io::Result<Self> {
        let embedded = |fonts: &[&'static [u8]]| -> Vec<Arc<FontFace>> {
            fonts.iter().filter_map(|data| FontFace::read(data, 0, None)).map(Arc::new).collect()
        };
        let others = embedded(OTHER_SCRIPTS);
        let typeface = |first: &[&'static [u8]]| Typeface { faces: [embedded(first), others.clone()].concat() };
        let mut fonts = Self { regular: typeface(REGULAR), bold: typeface(BOLD) };
        if let Some(folder) = folder {
            let files = font_files(folder)?;
            let candidates: Vec<Candidate> = files.iter().flat_map(|file| candidates(file)).collect();
            if candidates.is_empty() {
                return Err(io::Error::other(format!("{}: no font (.ttf, .otf, .ttc) can be used", folder.display())));
            }
            let mut kept = KeptFiles::default();
            for (typeface, weight) in [&mut fonts.regular, &mut fonts.bold].into_iter().zip(WEIGHTS) {
                typeface.complete(&candidates, weight, &mut kept)?;
            }
            let faces = fonts.bold.faces.len().saturating_sub(BOLD.len() + OTHER_SCRIPTS.len());
            tracing::info!(folder = %folder.display(), files = files.len(), faces, "read the fonts of badges");
        }
        Ok(fonts)
    }
}

impl Typeface {
    /// Adds each face that has characters which the faces before it lack: upright ones first, then those of the nearest
    /// weight, without serifs, in the order of their paths.
    fn complete(&mut self, candidates: &[Candidate], weight: f32, kept: &mut KeptFiles) -> io::Result<()> {
        let mut covered = vec![false; CODE_POINTS];
        for face in &self.faces {
            characters(&face.metrics).into_iter().for_each(|letter| cover(&mut covered, letter));
        }
        let mut order: Vec<&Candidate> = candidates.iter().collect();
        order.sort_by_key(|candidate| candidate.rank(weight));
        for candidate in order {
            let added: Vec<char> = candidate.characters().filter(|letter| !is_covered(&covered, *letter)).collect();
            if added.is_empty() {
                continue;
            }
            let data = kept.read(&candidate.path)?;
            let variable_weight = candidate.weights.map(|(least, greatest)| weight.clamp(least, greatest));
            match FontFace::read(data, candidate.index, variable_weight).filter(|face| can_be_drawn(face, &added)) {
                Some(face) => {
                    added.into_iter().for_each(|letter| cover(&mut covered, letter));
                    self.faces.push(Arc::new(face));
                }
                None => warn_unused(&candidate.path, "its outlines cannot be read"),
            }
        }
        Ok(())
    }
}

const CODE_POINTS: usize = 0x11_0000;

fn cover(covered: &mut [bool], letter: char) {
    if let Some(is_covered) = covered.get_mut(letter as usize) {
        *is_covered = true;
    }
}

fn is_covered(covered: &[bool], letter: char) -> bool {
    covered.get(letter as usize).copied().unwrap_or(true)
}

fn warn_unused(path: &Path, reason: &str) {
    tracing::warn!(file = %path.display(), reason, "badge_fonts: this font file is not used");
}

/// The font files of a folder and of those within it, in the order of their paths.
fn font_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            // A link that leads nowhere is no font.
            let Ok(metadata) = std::fs::metadata(&path) else { continue };
            let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            if metadata.is_dir() && depth < DEPTH_MAX {
                folders.push((path, depth + 1));
            } else if metadata.is_file()
                && ["ttf", "otf", "ttc", "otc"].contains(&extension.to_ascii_lowercase().as_str())
            {
                if metadata.len() > FILE_BYTES_MAX {
                    warn_unused(&path, "it is larger than 64 MB");
                } else {
                    files.push(path);
                }
            }
            if files.len() > FILES_MAX || folders.len() > FILES_MAX {
                return Err(io::Error::other(format!("more than {FILES_MAX} files: name a smaller folder")));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// A face of the folder. Its file is read again if it is used.
struct Candidate {
    path: PathBuf,
    index: u32,
    is_italic: bool,
    is_monospaced: bool,
    has_serifs: bool,
    weight: f32,
    /// Least and greatest weight of a font that has many.
    weights: Option<(f32, f32)>,
    /// Characters, as ranges.
    ranges: Vec<(char, char)>,
}

impl Candidate {
    fn read(path: &Path, data: &[u8], index: u32) -> Result<Self, &'static str> {
        let face = ttf_parser::Face::parse(data, index).map_err(|_| "it is broken, or no font")?;
        let tables = face.tables();
        if tables.glyf.is_none() && tables.cff.is_none() && tables.cff2.is_none() {
            return Err("it has no outlines");
        }
        if face.permissions() == Some(Permissions::Restricted) {
            return Err("its licence does not allow that it is put into documents");
        }
        let mut ranges: Vec<(char, char)> = Vec::new();
        for letter in characters(&face) {
            match ranges.last_mut() {
                Some((_, last)) if *last as u32 + 1 == letter as u32 => *last = letter,
                _ => ranges.push((letter, letter)),
            }
        }
        if ranges.is_empty() {
            return Err("it has no characters");
        }
        let axes = face.variation_axes().into_iter();
        let weights = axes.filter(|axis| axis.tag == ttf_parser::Tag::from_bytes(b"wght"));
        Ok(Self {
            path: path.to_owned(),
            index,
            is_italic: face.is_italic() || face.is_oblique(),
            is_monospaced: face.is_monospaced(),
            has_serifs: family(&face).contains("Serif"),
            weight: f32::from(face.weight().to_number()),
            weights: weights.map(|axis| (axis.min_value, axis.max_value)).next().filter(|(least, most)| least <= most),
            ranges,
        })
    }

    /// Faces of a lower rank come first.
    fn rank(&self, weight: f32) -> impl Ord + use<'_> {
        let nearest = self.weights.map_or(self.weight, |(least, greatest)| weight.clamp(least, greatest));
        let distance = (nearest - weight).abs() as u32;
        (
            self.is_italic,
            distance,
            self.is_monospaced,
            self.has_serifs,
            Reverse(self.ranges.len()),
            &self.path,
            self.index,
        )
    }

    fn characters(&self) -> impl Iterator<Item = char> {
        self.ranges.iter().flat_map(|(first, last)| *first..=*last)
    }
}

/// The faces of a file; what cannot be used is named in the log.
fn candidates(path: &Path) -> Vec<Candidate> {
    let data = match std::fs::read(path) {
        Ok(data) => data,
        Err(error) => {
            warn_unused(path, &error.to_string());
            return Vec::new();
        }
    };
    let count = fonts_in_collection(&data).unwrap_or(1).min(FACES_MAX);
    let read = |index| Candidate::read(path, &data, index).inspect_err(|reason| warn_unused(path, reason)).ok();
    (0..count).filter_map(read).collect()
}

/// The characters of a face that have a glyph, in order.
fn characters(face: &ttf_parser::Face<'_>) -> Vec<char> {
    let mut letters = Vec::new();
    for table in face.tables().cmap.iter().flat_map(|cmap| cmap.subtables).filter(|table| table.is_unicode()) {
        table.codepoints(|code_point| letters.extend(char::from_u32(code_point)));
    }
    letters.sort_unstable();
    letters.dedup();
    letters.retain(|letter| face.glyph_index(*letter).is_some_and(|glyph| glyph.0 != 0));
    letters
}

/// Files of the folder that are in use. They are kept for the life of the process.
#[derive(Default)]
struct KeptFiles {
    files: HashMap<PathBuf, &'static [u8]>,
    bytes: usize,
}

impl KeptFiles {
    fn read(&mut self, path: &Path) -> io::Result<&'static [u8]> {
        if let Some(data) = self.files.get(path) {
            return Ok(data);
        }
        let data = std::fs::read(path)?;
        self.bytes += data.len();
        if self.bytes > KEPT_BYTES_MAX {
            return Err(io::Error::other("badges would keep more than 256 MB of fonts: name a smaller folder"));
        }
        let data: &'static [u8] = Box::leak(data.into_boxed_slice());
        self.files.insert(path.to_owned(), data);
        Ok(data)
    }
}

/// Whether some characters of the face can be put into a document. A font may be broken where only drawing looks, and
/// libraries may panic there.
fn can_be_drawn(face: &FontFace, letters: &[char]) -> bool {
    let step = (letters.len() / SAMPLE_MAX).max(1);
    let attempt = || {
        let (_, font) = face.instruments()?;
        let glyphs: Vec<_> =
            letters.iter().step_by(step).filter_map(|letter| face.metrics.glyph_index(*letter)).collect();
        let glyph = |glyph: &ttf_parser::GlyphId| {
            KrillaGlyph::new(GlyphId::new(glyph.0.into()), 1.0, 0.0, 0.0, 0.0, 0..1, None)
        };
        let glyphs: Vec<_> = glyphs.iter().map(glyph).collect();
        let mut document = Document::new();
        let mut page = document.start_page_with(PageSettings::from_wh(100.0, 100.0)?);
        page.surface().draw_glyphs(Point::from_xy(0.0, 50.0), &glyphs, font.clone(), " ", 10.0, false);
        page.finish();
        document.finish().ok()
    };
    catch_unwind(AssertUnwindSafe(attempt)).is_ok_and(|document| document.is_some())
}
