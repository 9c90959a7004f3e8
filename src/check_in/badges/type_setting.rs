//! Type-setting of badges: shapes text in every script of the fonts, also from right to left, in the largest size that
//! fits.

use krilla::text::{Font, GlyphId, KrillaGlyph};
use rustybuzz::{Direction, Face, UnicodeBuffer};
use unicode_bidi::ParagraphBidiInfo;

const REGULAR: &[u8] = include_bytes!("../../../assets/fonts/DejaVuSansCondensed.ttf");
const BOLD: &[u8] = include_bytes!("../../../assets/fonts/DejaVuSansCondensed-Bold.ttf");

/// Step by which the font size is reduced, in points.
const STEP: f32 = 0.5;
/// Ends a text that was cut.
const ELLIPSIS: char = '\u{2026}';

pub struct Fonts {
    pub regular: Typeface,
    /// For names, the category, the level and zones.
    pub bold: Typeface,
}

impl Fonts {
    /// Reads the embedded fonts; `None` if they are broken.
    pub fn load() -> Option<Self> {
        Some(Self { regular: Typeface::read(REGULAR)?, bold: Typeface::read(BOLD)? })
    }
}

/// A font, for shaping (rustybuzz) and for drawing (krilla).
pub struct Typeface {
    face: Face<'static>,
    pub font: Font,
}

/// A shaped line of text.
pub struct SetLine {
    pub text: String,
    /// Glyphs from left to right, for a font size of 1.
    pub glyphs: Vec<KrillaGlyph>,
    /// Width at a font size of 1.
    pub width: f32,
}

/// Lines of one font size.
pub struct Block {
    pub lines: Vec<SetLine>,
    /// Font size in points.
    pub size: f32,
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
}

impl Typeface {
    fn read(data: &'static [u8]) -> Option<Self> {
        Some(Self { face: Face::from_slice(data, 0)?, font: Font::new(data.into(), 0)? })
    }

    /// The text without control characters; characters that the font lacks are written in Latin letters.
    fn writable(&self, text: &str) -> String {
        let mut writable = String::with_capacity(text.len());
        for letter in text.chars().filter(|letter| !letter.is_control()) {
            if self.face.glyph_index(letter).is_some() {
                writable.push(letter);
            } else {
                writable.push_str(deunicode::deunicode_char(letter).unwrap_or_default());
            }
        }
        writable.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Shapes a text as one line.
    fn shape(&self, text: &str) -> SetLine {
        let units = self.face.units_per_em() as f32;
        let mut line = SetLine { text: text.to_owned(), glyphs: Vec::new(), width: 0.0 };
        if text.is_empty() {
            return line;
        }
        let bidi = ParagraphBidiInfo::new(text, None);
        let (levels, runs) = bidi.visual_runs(0..text.len());
        for run in runs {
            let is_rtl = levels.get(run.start).is_some_and(|level| level.is_rtl());
            let Some(part) = text.get(run.clone()) else { continue };
            let mut buffer = UnicodeBuffer::new();
            buffer.push_str(part);
            buffer.guess_segment_properties();
            buffer.set_direction(if is_rtl { Direction::RightToLeft } else { Direction::LeftToRight });
            let shaped = rustybuzz::shape(&self.face, &[], buffer);
            let starts = clusters(shaped.glyph_infos(), part.len());
            for (info, position) in shaped.glyph_infos().iter().zip(shaped.glyph_positions()) {
                let start = info.cluster as usize;
                let end = starts.iter().copied().find(|next| *next > start).unwrap_or(part.len());
                line.glyphs.push(KrillaGlyph {
                    glyph_id: GlyphId::new(info.glyph_id),
                    text_range: run.start + start..run.start + end,
                    x_advance: position.x_advance as f32 / units,
                    x_offset: position.x_offset as f32 / units,
                    y_offset: position.y_offset as f32 / units,
                    y_advance: position.y_advance as f32 / units,
                    location: None,
                });
                line.width += position.x_advance as f32 / units;
            }
        }
        line
    }

    /// Sets a text in the largest size that fits. A text that does not fit even in the smallest size is cut.
    pub fn fit(&self, text: &str, space: Space) -> Block {
        let text = self.writable(text);
        let words: Vec<(&str, f32)> = text.split(' ').map(|word| (word, self.shape(word).width)).collect();
        let space_width = self.shape(" ").width;
        let mut size = space.size;
        loop {
            let lines = wrap(&words, space_width, space.width / size);
            let is_narrow_enough = |line: &String| self.shape(line).width * size <= space.width;
            if lines.len() <= space.lines && lines.iter().all(is_narrow_enough) {
                return Block { lines: lines.iter().map(|line| self.shape(line)).collect(), size };
            }
            if size - STEP < space.size_min {
                return Block { lines: self.cut(lines, space.lines, space.width / size), size };
            }
            size -= STEP;
        }
    }

    /// The first `lines_max` lines. The last one ends with an ellipsis if lines were left out; so does a word that is
    /// too long for its line.
    fn cut(&self, lines: Vec<String>, lines_max: usize, width: f32) -> Vec<SetLine> {
        let has_more = lines.len() > lines_max;
        let last = lines_max.saturating_sub(1);
        let cut = |(index, line): (usize, String)| {
            let mut shaped = self.shape(&line);
            let is_cut = has_more && index == last;
            let mut letters: Vec<char> = line.chars().collect();
            if is_cut {
                shaped = self.shape(&format!("{line}{ELLIPSIS}"));
            }
            while shaped.width > width && letters.pop().is_some() {
                let shorter: String = letters.iter().collect();
                shaped = self.shape(&format!("{}{ELLIPSIS}", shorter.trim_end()));
            }
            shaped
        };
        lines.into_iter().take(lines_max).enumerate().map(cut).collect()
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

/// Distributes words over lines of at most `width`.
fn wrap(words: &[(&str, f32)], space_width: f32, width: f32) -> Vec<String> {
    let mut lines: Vec<(String, f32)> = Vec::new();
    for (word, word_width) in words {
        match lines.last_mut() {
            Some((line, line_width)) if *line_width + space_width + word_width <= width => {
                line.push(' ');
                line.push_str(word);
                *line_width += space_width + word_width;
            }
            _ => lines.push(((*word).to_owned(), *word_width)),
        }
    }
    lines.into_iter().map(|(line, _)| line).filter(|line| !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(text: &str) -> (Vec<String>, f32) {
        let fonts = Fonts::load().unwrap();
        let block = fonts.bold.fit(text, Space { width: 150.0, size: 20.0, size_min: 9.0, lines: 2 });
        for line in &block.lines {
            assert!(line.width * block.size <= 150.0, "{}", line.text);
        }
        (block.lines.into_iter().map(|line| line.text).collect(), block.size)
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
    }

    #[test]
    fn what_the_font_lacks_is_written_in_latin_letters() {
        let fonts = Fonts::load().unwrap();
        assert_eq!(fonts.bold.writable("Ελένη Đặng Žižek"), "Ελένη Đặng Žižek");
        assert_eq!(fonts.bold.writable("فاطمة الزهراء"), "فاطمة الزهراء");
        assert_eq!(fonts.bold.writable("潘基文\u{7}"), "Pan Ji Wen");
    }

    #[test]
    fn arabic_is_joined_and_runs_from_right_to_left() {
        let fonts = Fonts::load().unwrap();
        let line = fonts.bold.shape("محمد Ali");
        let ranges: Vec<_> = line.glyphs.iter().map(|glyph| glyph.text_range.start).collect();
        // The paragraph runs from right to left: the Latin word is at its left end.
        assert_eq!(ranges.first(), Some(&9));
        assert_eq!(ranges.last(), Some(&0));
        let isolated = fonts.bold.shape("م").glyphs[0].glyph_id;
        assert!(line.glyphs.last().unwrap().glyph_id != isolated);
    }
}
