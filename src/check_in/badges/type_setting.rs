//! Type-setting of badges: finds the fonts for a text in any script, shapes it, also from right to left, and sets it in
//! the largest size that fits.

use std::{ops::Range, sync::Arc};

use icu_normalizer::ComposingNormalizer;
use krilla::text::{GlyphId, KrillaGlyph};
use rustybuzz::{Direction, Language, UnicodeBuffer};
use unicode_bidi::ParagraphBidiInfo;
use unicode_script::{Script, UnicodeScript as _};
use unicode_segmentation::UnicodeSegmentation as _;

use super::fonts::{FontFace, Typeface};

/// Step by which the font size is reduced, in points.
const STEP: f32 = 0.5;
/// Ends a text that was cut.
const ELLIPSIS: char = '\u{2026}';
/// Least height of a line above and below the letters' foot, for a font size of 1.
const LINE_EXTENT_MIN: (f32, f32) = (1.0, 0.2);
/// Greatest height, for a name with marks on marks on marks.
const LINE_EXTENT_MAX: (f32, f32) = (2.0, 1.0);

/// Glyphs of one face, from left to right, for a font size of 1.
pub struct GlyphRun {
    pub face: Arc<FontFace>,
    pub text: String,
    pub glyphs: Vec<KrillaGlyph>,
    /// Width at a font size of 1.
    pub width: f32,
}

/// A shaped line of text.
pub struct SetLine {
    /// From left to right.
    pub runs: Vec<GlyphRun>,
    /// Width at a font size of 1.
    pub width: f32,
}

/// Lines of one font size.
pub struct Block {
    pub lines: Vec<SetLine>,
    /// Font size in points.
    pub size: f32,
    /// What is printed, if it is not the whole text.
    pub cut_text: Option<String>,
}

/// Space that a text may fill.
#[derive(Debug, Clone, Copy)]
pub struct Space {
    /// Width of a line in points.
    pub width: f32,
    /// Preferred font size in points.
    pub size: f32,
    /// Smallest font size in points.
    pub size_min: f32,
    /// Greatest number of lines.
    pub lines: usize,
    /// The language of the text as a tag, where it is known: China, Japan and Korea write some characters differently.
    pub language: Option<&'static str>,
}

/// What a typeface can set of a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Settable {
    /// The text, composed and without control characters. A word with a letter that no font has is left out; of a word
    /// with a symbol that no font has, the symbol.
    pub text: String,
    /// The characters that no font has, each once.
    pub missing: String,
    /// Whether words were left out.
    pub lacks_words: bool,
}

impl SetLine {
    /// How far the line reaches above and below the letters' foot, for a font size of 1.
    fn extent(&self) -> (f32, f32) {
        let (mut above, mut below) = LINE_EXTENT_MIN;
        for run in &self.runs {
            for glyph in &run.glyphs {
                let (top, bottom) = run.face.extent(glyph.glyph_id.to_u32());
                above = above.max(top + glyph.y_offset);
                below = below.max(bottom - glyph.y_offset);
            }
        }
        (above.min(LINE_EXTENT_MAX.0), below.min(LINE_EXTENT_MAX.1))
    }
}

impl Block {
    /// Distance of each line's foot from the top of the block, and the height of the block, in points.
    pub fn baselines(&self) -> (Vec<f32>, f32) {
        let mut y = 0.0;
        let mut baselines = Vec::with_capacity(self.lines.len());
        for line in &self.lines {
            let (above, below) = line.extent();
            baselines.push(y + above * self.size);
            y += (above + below) * self.size;
        }
        (baselines, y)
    }

    /// In points.
    pub fn height(&self) -> f32 {
        self.baselines().1
    }
}

impl Typeface {
    /// What of the text can be set.
    pub fn settable(&self, text: &str) -> Settable {
        let composed = ComposingNormalizer::new_nfc().normalize(text);
        let is_missing = |cluster: &&str| !self.faces.iter().any(|face| face.covers(cluster));
        let mut settable = Settable::default();
        let mut words = Vec::new();
        for word in composed.split_whitespace() {
            let word: String = word.chars().filter(|letter| !letter.is_control()).collect();
            let missing: Vec<&str> = word.graphemes(true).filter(is_missing).collect();
            for cluster in &missing {
                if !settable.missing.contains(cluster) {
                    settable.missing.push_str(cluster);
                }
            }
            if missing.iter().any(|cluster| cluster.chars().any(char::is_alphanumeric)) {
                settable.lacks_words = true;
                continue;
            }
            words.push(word.graphemes(true).filter(|cluster| !missing.contains(cluster)).collect::<String>());
        }
        words.retain(|word| !word.is_empty());
        settable.text = words.join(" ");
        settable
    }

    /// The parts of a text that are one script and one face each, as ranges of bytes.
    fn itemise(&self, text: &str) -> Vec<(Range<usize>, Arc<FontFace>)> {
        let mut items: Vec<(Range<usize>, Arc<FontFace>)> = Vec::new();
        for segment in scripts(text) {
            let part = text.get(segment.clone()).unwrap_or_default();
            // One face for the whole script, so that its letters join and look alike.
            if let Some(face) = self.faces.iter().find(|face| face.covers(part)) {
                items.push((segment, Arc::clone(face)));
                continue;
            }
            let mut is_first = true;
            for (start, cluster) in part.grapheme_indices(true) {
                let range = segment.start + start..segment.start + start + cluster.len();
                let previous = items.last_mut().filter(|_| !is_first);
                match previous {
                    Some((last, face)) if face.covers(cluster) => last.end = range.end,
                    _ => {
                        let face = self.faces.iter().find(|face| face.covers(cluster)).or(self.faces.first());
                        items.extend(face.map(|face| (range, Arc::clone(face))));
                    }
                }
                is_first = false;
            }
        }
        items
    }

    /// Shapes a text as one line.
    fn shape(&self, text: &str, language: Option<&str>) -> SetLine {
        let mut line = SetLine { runs: Vec::new(), width: 0.0 };
        if text.is_empty() {
            return line;
        }
        let bidi = ParagraphBidiInfo::new(text, None);
        let (levels, runs) = bidi.visual_runs(0..text.len());
        for run in runs {
            let is_rtl = levels.get(run.start).is_some_and(|level| level.is_rtl());
            let Some(part) = text.get(run) else { continue };
            let mut items = self.itemise(part);
            if is_rtl {
                items.reverse();
            }
            let direction = if is_rtl { Direction::RightToLeft } else { Direction::LeftToRight };
            let shaped = items
                .into_iter()
                .filter_map(|(range, face)| GlyphRun::shape(face, part.get(range)?, direction, language));
            line.runs.extend(shaped);
        }
        line.width = line.runs.iter().map(|run| run.width).sum();
        line
    }

    /// Sets a text in the largest size that fits. One that does not fit even in the smallest size is divided at
    /// hyphens, and else cut.
    pub fn fit(&self, text: &str, space: Space) -> Block {
        let text = self.settable(text).text;
        let whole_words = self.fit_pieces(&text, space, false);
        match whole_words.cut_text {
            Some(_) if text.contains(is_hyphen) => self.fit_pieces(&text, space, true),
            _ => whole_words,
        }
    }

    fn fit_pieces(&self, text: &str, space: Space, divides_at_hyphens: bool) -> Block {
        let shape = |text: &str| self.shape(text, space.language);
        let pieces: Vec<Piece<'_>> =
            pieces(text, divides_at_hyphens).map(|(text, has_space)| (text, has_space, shape(text).width)).collect();
        let space_width = shape(" ").width;
        let mut size = space.size;
        loop {
            let lines = wrap(&pieces, space_width, space.width / size);
            let is_narrow_enough = |line: &String| shape(line).width * size <= space.width;
            if lines.len() <= space.lines && lines.iter().all(is_narrow_enough) {
                return Block { lines: lines.iter().map(|line| shape(line)).collect(), size, cut_text: None };
            }
            if size - STEP < space.size_min {
                let (lines, texts): (Vec<_>, Vec<_>) = self.cut(lines, space, space.width / size).into_iter().unzip();
                return Block { lines, size, cut_text: Some(texts.join(" ")) };
            }
            size -= STEP;
        }
    }

    /// The first lines that the space has, each with its text. The last one ends with an ellipsis if lines were left
    /// out; so does a word that is too long for its line.
    fn cut(&self, lines: Vec<String>, space: Space, width: f32) -> Vec<(SetLine, String)> {
        let has_more = lines.len() > space.lines;
        let last = space.lines.saturating_sub(1);
        let shape = |text: &str| self.shape(text, space.language);
        let cut = |(index, line): (usize, String)| {
            let mut text = line.clone();
            if has_more && index == last {
                text.push(ELLIPSIS);
            }
            let mut shaped = shape(&text);
            // Whole clusters: a vowel sign without its consonant is no text.
            let mut clusters: Vec<&str> = line.graphemes(true).collect();
            while shaped.width > width && clusters.pop().is_some() {
                text = format!("{}{ELLIPSIS}", clusters.concat().trim_end());
                shaped = shape(&text);
            }
            (shaped, text)
        };
        lines.into_iter().take(space.lines).enumerate().map(cut).collect()
    }
}

impl GlyphRun {
    fn shape(face: Arc<FontFace>, text: &str, direction: Direction, language: Option<&str>) -> Option<Self> {
        let (shaper, _) = face.instruments()?;
        let units = shaper.units_per_em() as f32;
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.guess_segment_properties();
        buffer.set_direction(direction);
        if let Some(language) = language.and_then(|language| language.parse::<Language>().ok()) {
            buffer.set_language(language);
        }
        let shaped = rustybuzz::shape(shaper, &[], buffer);
        let starts = clusters(shaped.glyph_infos(), text.len());
        let glyphs: Vec<KrillaGlyph> = shaped
            .glyph_infos()
            .iter()
            .zip(shaped.glyph_positions())
            .map(|(info, position)| {
                let start = info.cluster as usize;
                let end = starts.iter().copied().find(|next| *next > start).unwrap_or(text.len());
                KrillaGlyph {
                    glyph_id: GlyphId::new(info.glyph_id),
                    text_range: start..end,
                    x_advance: position.x_advance as f32 / units,
                    x_offset: position.x_offset as f32 / units,
                    y_offset: position.y_offset as f32 / units,
                    y_advance: position.y_advance as f32 / units,
                    location: None,
                }
            })
            .collect();
        let width = glyphs.iter().map(|glyph| glyph.x_advance).sum();
        Some(Self { text: text.to_owned(), glyphs, width, face })
    }
}

/// Byte offsets at which the clusters of a run begin, in order, and the run's length.
fn clusters(infos: &[rustybuzz::GlyphInfo], length: usize) -> Vec<usize> {
    let mut starts: Vec<usize> = infos.iter().map(|info| info.cluster as usize).collect();
    starts.push(length);
    starts.sort_unstable();
    starts.dedup();
    starts
}

/// The script of a cluster; `None` if many scripts share its characters.
fn script(cluster: &str) -> Option<Script> {
    let is_shared = |script: &Script| matches!(script, Script::Common | Script::Inherited | Script::Unknown);
    cluster.chars().map(|letter| letter.script()).find(|script| !is_shared(script))
}

/// The parts of a text that are of one script each. What scripts share (spaces, digits, signs) belongs to what is
/// before it; at the beginning, to what follows.
fn scripts(text: &str) -> Vec<Range<usize>> {
    let mut segments: Vec<(Range<usize>, Option<Script>)> = Vec::new();
    for (start, cluster) in text.grapheme_indices(true) {
        let end = start + cluster.len();
        let script = script(cluster);
        match segments.last_mut() {
            Some((last, last_script)) if script.is_none() || last_script.is_none() || *last_script == script => {
                last.end = end;
                *last_script = last_script.or(script);
            }
            _ => segments.push((start..end, script)),
        }
    }
    segments.into_iter().map(|(segment, _)| segment).collect()
}

/// A piece of text after which a line may end: the text, whether a space is before it, and its width.
type Piece<'a> = (&'a str, bool, f32);

fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{2010}' | '/')
}

/// The words of a text, each with whether a space is before it. Chinese and Japanese are written without spaces: a line
/// may end between any two of their characters; also after a hyphen, if asked for.
fn pieces(text: &str, divides_at_hyphens: bool) -> impl Iterator<Item = (&str, bool)> {
    text.split(' ').flat_map(move |word| {
        let mut pieces: Vec<Range<usize>> = Vec::new();
        let (mut is_after_ideograph, mut is_after_hyphen) = (false, false);
        for (start, cluster) in word.grapheme_indices(true) {
            let end = start + cluster.len();
            let is_ideograph = matches!(script(cluster), Some(Script::Han | Script::Hiragana | Script::Katakana));
            match pieces.last_mut() {
                Some(piece) if !(is_after_hyphen || is_ideograph && is_after_ideograph) => piece.end = end,
                _ => pieces.push(start..end),
            }
            is_after_ideograph = is_ideograph;
            is_after_hyphen = divides_at_hyphens && cluster.ends_with(is_hyphen);
        }
        pieces.into_iter().enumerate().filter_map(|(index, piece)| Some((word.get(piece)?, index == 0)))
    })
}

/// Distributes pieces over lines of at most `width`.
fn wrap(pieces: &[Piece<'_>], space_width: f32, width: f32) -> Vec<String> {
    let mut lines: Vec<(String, f32)> = Vec::new();
    for (piece, has_space, piece_width) in pieces {
        let space_width = if *has_space { space_width } else { 0.0 };
        match lines.last_mut() {
            Some((line, line_width)) if *line_width + space_width + piece_width <= width => {
                if *has_space {
                    line.push(' ');
                }
                line.push_str(piece);
                *line_width += space_width + piece_width;
            }
            _ => lines.push(((*piece).to_owned(), *piece_width)),
        }
    }
    lines.into_iter().map(|(line, _)| line).filter(|line| !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::fonts::Fonts, *};

    fn fit(text: &str) -> (Vec<String>, f32) {
        let fonts = Fonts::load(None).unwrap();
        let block = fonts.bold.fit(text, Space { width: 150.0, size: 20.0, size_min: 9.0, lines: 2, language: None });
        let text = |line: &SetLine| line.runs.iter().map(|run| run.text.as_str()).collect::<String>();
        for line in &block.lines {
            assert!(line.width * block.size <= 150.0, "{}", text(line));
        }
        (block.lines.iter().map(text).collect(), block.size)
    }

    #[test]
    fn a_name_that_is_too_long_is_divided_at_its_hyphen_before_it_is_cut() {
        let (lines, size) = fit("Wolfeschlegelsteinhausen-Donaudampfschiff");
        assert_eq!(lines, ["Wolfeschlegelsteinhausen-", "Donaudampfschiff"]);
        assert!(size >= 9.0);
    }

    #[test]
    fn a_name_is_made_smaller_then_cut_and_never_longer_than_its_line() {
        assert_eq!(fit("Ada Lovelace"), (vec!["Ada Lovelace".to_owned()], 20.0));
        let (lines, size) = fit("Maria da Conceição Rodrigues");
        assert_eq!((lines.len(), size), (2, 15.0));
        let (lines, size) = fit("Wolfeschlegelsteinhausenbergerdorff");
        assert_eq!((lines.len(), size), (1, 9.0));
        assert!(lines[0].ends_with('…'));
        let (lines, _) = fit(&"Lorem ipsum dolor sit amet consectetur ".repeat(9));
        assert_eq!(lines.len(), 2);
        assert!(lines[1].ends_with('…') && !lines[0].ends_with('…'));
        for nothing in ["", " ", "\u{7}", "\u{2029}"] {
            assert_eq!(fit(nothing), (vec![], 20.0));
        }
        // A text is cut between syllables, not within one.
        let (lines, _) = fit("สุนทรเทพประสิทธิ์วรวิทย์กิจจานุรักษ์สถาพร");
        assert!(lines[0].strip_suffix('…').is_some_and(|kept| "สุนทรเทพประสิทธิ์วรวิทย์กิจจานุรักษ์สถาพร".starts_with(kept)));
    }

    #[test]
    fn names_in_the_scripts_of_the_program_s_fonts_are_set_as_they_are_written() {
        let fonts = Fonts::load(None).unwrap();
        for name in [
            "Ελένη Đặng Žižek",
            "Щербакова Ólafur",
            "فاطمة الزهراء",
            "محمد عبد الله",
            "ڊاڪٽر", // Sindhi, which DejaVu has in part
            "דוד כהן",
            "Նարեկ Մարտիրոսյան",
            "ნინო ანანიაშვილი",
            "सुनीता शर्मा",
            "রবীন্দ্রনাথ ঠাকুর",
            "ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ",
            "નરેન્દ્ર",
            "ଓଡ଼ିଆ",
            "தமிழ் செல்வன்",
            "రామ్ చరణ్",
            "ಕುವೆಂಪು",
            "മലയാളം",
            "ශ්‍රී ලංකා",
            "สมชาย ใจดี",
            "ສົມສັກ",
            "အောင်ဆန်း",
            "ខ្មែរ",
            "አበበ ቢቂላ",
            "ޑިވެހި",
            "ᏣᎳᎩ",
            "ᐃᓄᒃᑎᑐᑦ",
            "𞤀𞤣𞤤𞤢𞤥",
            "ᱥᱟᱱᱛᱟᱲᱤ",
            "ꯃꯩꯇꯩ",
            "Zoë 😀",
            "Ada सुनीता 2 محمد",
        ] {
            for typeface in [&fonts.regular, &fonts.bold] {
                let settable = typeface.settable(name);
                assert_eq!((settable.missing.as_str(), settable.lacks_words), ("", false), "{name}");
                let runs = typeface.shape(&settable.text, None).runs;
                let glyphs = || runs.iter().flat_map(|run| &run.glyphs);
                assert!(glyphs().count() > 0 && glyphs().all(|glyph| glyph.glyph_id.to_u32() != 0), "{name}");
                let shaped: usize = runs.iter().map(|run| run.text.len()).sum();
                assert_eq!(shaped, settable.text.len(), "{name}");
            }
        }
    }

    #[test]
    fn a_word_that_no_font_has_is_left_out_and_never_written_otherwise() {
        let fonts = Fonts::load(None).unwrap();
        let settable = |text: &str| {
            let Settable { text, missing, lacks_words } = fonts.bold.settable(text);
            (text, missing, lacks_words)
        };
        let answer = |text: &str, missing: &str, lacks_words| (text.to_owned(), missing.to_owned(), lacks_words);
        assert_eq!(settable("潘基文\u{7}"), answer("", "潘基文", true));
        assert_eq!(settable("Ada 김철수"), answer("Ada", "김철수", true));
        assert_eq!(settable("Zoe\u{308} 🧑🏽‍🚀 🦄x"), answer("Zoë x", "🧑🏽‍🚀🦄", false));
    }

    #[test]
    fn scripts_are_shaped_apart_and_run_as_they_are_read() {
        let fonts = Fonts::load(None).unwrap();
        let line = fonts.bold.shape("محمد Ali", None);
        let words: Vec<_> = line.runs.iter().map(|run| run.text.as_str()).collect();
        // The paragraph runs from right to left: the Latin word is at its left end.
        assert_eq!(words, ["Ali", "محمد "]);
        let ranges: Vec<_> = line.runs[1].glyphs.iter().map(|glyph| glyph.text_range.start).collect();
        assert!(ranges.is_sorted_by(|left, right| left > right), "{ranges:?}");
        let isolated = fonts.bold.shape("م", None).runs[0].glyphs[0].glyph_id;
        assert!(line.runs[1].glyphs.last().unwrap().glyph_id != isolated);
        // Within a line from right to left, the parts of several faces, too.
        let line = fonts.bold.shape("דוד محمد", None);
        let words: Vec<_> = line.runs.iter().map(|run| run.text.as_str()).collect();
        assert_eq!(words, ["محمد", "דוד "]);
        // The vowel sign stands before its consonant, the conjunct is one glyph: क् + ष = क्ष.
        let glyphs = |text: &str| fonts.bold.shape(text, None).runs[0].glyphs.len();
        assert_eq!((glyphs("क्ष"), glyphs("कष")), (1, 2));
        assert_eq!(scripts("2 Ada, सुनीता 3!"), [0..7, 7..28]);
    }

    #[test]
    fn an_operator_s_fonts_have_the_forms_of_each_country_and_both_weights() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/fonts");
        let fonts = Fonts::load(Some(&folder)).unwrap();
        // Of the collection one face of each weight, and the variable font.
        let embedded = Fonts::load(None).unwrap();
        for (more, typeface) in [(&fonts.regular, &embedded.regular), (&fonts.bold, &embedded.bold)] {
            assert_eq!(more.faces.len(), typeface.faces.len() + 2, "{:?}", more.faces);
        }
        let glyphs = |language| -> Vec<u32> {
            let line = fonts.bold.shape("直骨", language);
            line.runs.iter().flat_map(|run| &run.glyphs).map(|glyph| glyph.glyph_id.to_u32()).collect()
        };
        assert_eq!(glyphs(Some("ja")), glyphs(None));
        assert!(glyphs(Some("zh-hans")) != glyphs(Some("ja")));
        let width = |typeface: &Typeface| typeface.shape("ᮘ", None).width;
        assert!(width(&fonts.bold) > width(&fonts.regular));
    }

    #[test]
    fn chinese_and_japanese_lines_end_between_characters() {
        let broken: Vec<_> = pieces("日本 Ki-moon 東京都x", false).collect();
        let due = [("日", true), ("本", false), ("Ki-moon", true), ("東", true), ("京", false), ("都x", false)];
        assert_eq!(broken, due);
        let pieces: Vec<Piece<'_>> = broken.into_iter().map(|(text, has_space)| (text, has_space, 1.0)).collect();
        assert_eq!(wrap(&pieces, 1.0, 3.0), ["日本", "Ki-moon 東", "京都x"]);
    }

    #[test]
    fn a_script_with_high_letters_has_higher_lines() {
        let fonts = Fonts::load(None).unwrap();
        let space = Space { width: 200.0, size: 10.0, size_min: 10.0, lines: 1, language: None };
        let height = |text: &str| fonts.bold.fit(text, space).height();
        assert!((height("Ada") - 12.0).abs() < 0.01);
        assert!(height("ကြွ") > 14.0, "{}", height("ကြွ"));
        assert!(height(&format!("A{}", "\u{301}".repeat(50))) <= 30.0);
    }
}
