//! Sheets of badges as PDF: A4, eight badges of 90 × 55 mm, with cut marks.

use krilla::{
    Document,
    color::rgb::Color,
    geom::{PathBuilder, Point, Rect},
    metadata::Metadata,
    page::PageSettings,
    paint::{Fill, Stroke},
    surface::Surface,
};

use super::{
    BadgeData,
    fonts::Fonts,
    in_first_language,
    printable::{BadgeText, PrintedTexts, UnprintableText},
    type_setting::{Block, Space},
};
use crate::{
    access::badge::{Badge, BadgeKey},
    agenda::Agenda,
    qr::{Modules, QUIET_ZONE, modules},
    values::{Code, TextValue as _},
};

/// Points per millimetre.
const MM: f32 = 72.0 / 25.4;
/// Size of the paper (A4) in millimetres.
const PAPER_SIZE: (f32, f32) = (210.0, 297.0);
/// Size of a badge in millimetres.
const BADGE_SIZE: (f32, f32) = (90.0, 55.0);
/// Columns and rows of badges on a sheet.
const GRID: (u16, u16) = (2, 4);
/// Margin inside a badge in millimetres.
const MARGIN: f32 = 4.0;
/// Height of the band in millimetres.
const BAND_HEIGHT: f32 = 9.0;
/// Side of the QR code with its quiet zone, in millimetres.
const CODE_SIDE: f32 = 30.0;
/// Width of the text beside the QR code, in millimetres.
const TEXT_WIDTH: f32 = BADGE_SIZE.0 - CODE_SIDE - 2.0 * MARGIN;
/// Colour of the band if the badge has none.
const DEFAULT_BAND_COLOUR: (u8, u8, u8) = (0x33, 0x3f, 0x50);
/// Where the texts of the person begin and end, in millimetres from the top.
const PERSON_SPAN: (f32, f32) = (BAND_HEIGHT + 2.5, BADGE_SIZE.1 - 7.5);
/// Largest and smallest font size of a name, in points.
const NAME_SIZES: (f32, f32) = (19.0, 8.0);
/// Height of the line on which a name can be written by hand, in millimetres.
const WRITING_HEIGHT: f32 = 9.0;

/// Renders badges as a PDF document, eight on a page; one empty page if there are none. Returns also the references of
/// badges with a text that is not printed as it is written.
///
/// # Errors
/// The PDF library fails.
pub fn print(
    agenda: &Agenda,
    key: &BadgeKey,
    badges: &[BadgeData],
    fonts: &Fonts,
) -> Result<(Vec<u8>, Vec<String>), String> {
    let mut unprintable = Vec::new();
    let name = in_first_language(&agenda.conference.name, agenda);
    let mut document = Document::new();
    document.set_metadata(Metadata::new().title(name).creator("Plenary".to_owned()));
    let (columns, rows) = GRID;
    let left = (PAPER_SIZE.0 - f32::from(columns) * BADGE_SIZE.0) / 2.0;
    let top = (PAPER_SIZE.1 - f32::from(rows) * BADGE_SIZE.1) / 2.0;
    let paper = || PageSettings::from_wh(PAPER_SIZE.0 * MM, PAPER_SIZE.1 * MM).ok_or("there is no such paper");
    let mut sheets = badges.chunks(usize::from(columns * rows)).peekable();
    if sheets.peek().is_none() {
        document.start_page_with(paper()?);
    }
    for sheet in sheets {
        let mut page = document.start_page_with(paper()?);
        let mut surface = page.surface();
        draw_cut_marks(&mut surface, left, top);
        let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row)));
        for (badge, (column, row)) in sheet.iter().zip(cells) {
            let origin = (left + f32::from(column) * BADGE_SIZE.0, top + f32::from(row) * BADGE_SIZE.1);
            let mut canvas = BadgeCanvas { surface: &mut surface, origin, fonts };
            let registration = &badge.registration;
            let payload = Badge { registration: registration.id, generation: registration.token_generation };
            let code = modules(&key.sign(payload)).ok_or("a payload is too long for a code")?;
            let texts = PrintedTexts::of(badge, agenda, fonts);
            let blocks = PersonBlocks::set(badge, &texts, fonts);
            canvas.draw(badge, &texts, &blocks, &code);
            if !texts.unprintable.is_empty() || blocks.is_cut() {
                unprintable.push(registration.reference.clone());
            }
        }
    }
    let document = document.finish().map_err(|error| format!("{error:?}"))?;
    Ok((document, unprintable))
}

/// Draws the cut marks outside the badges.
fn draw_cut_marks(surface: &mut Surface<'_>, left: f32, top: f32) {
    let (columns, rows) = GRID;
    let (right, bottom) = (left + f32::from(columns) * BADGE_SIZE.0, top + f32::from(rows) * BADGE_SIZE.1);
    let mut lines = PathBuilder::new();
    let mut line = |from: (f32, f32), to: (f32, f32)| {
        lines.move_to(from.0 * MM, from.1 * MM);
        lines.line_to(to.0 * MM, to.1 * MM);
    };
    for column in 0..=columns {
        let x = left + f32::from(column) * BADGE_SIZE.0;
        line((x, top - 7.0), (x, top - 2.0));
        line((x, bottom + 2.0), (x, bottom + 7.0));
    }
    for row in 0..=rows {
        let y = top + f32::from(row) * BADGE_SIZE.1;
        line((left - 7.0, y), (left - 2.0, y));
        line((right + 2.0, y), (right + 7.0, y));
    }
    surface.set_fill(None);
    surface.set_stroke(Some(Stroke { width: 0.25, ..Stroke::default() }));
    if let Some(path) = lines.finish() {
        surface.draw_path(&path);
    }
    surface.set_stroke(None);
}

/// The texts of a badge that are not printed as they are written: for lack of a font, or of space.
pub fn unprintable_texts(badge: &BadgeData, agenda: &Agenda, fonts: &Fonts) -> Vec<UnprintableText> {
    let mut texts = PrintedTexts::of(badge, agenda, fonts);
    let blocks = PersonBlocks::set(badge, &texts, fonts);
    let cut = blocks.all().into_iter().filter_map(|(field, block)| Some((field, block.cut_text.clone()?)));
    let person = &badge.registration.person;
    for (field, printed) in cut {
        let text = match field {
            BadgeText::Name if blocks.latin_name.cut_text.as_ref() == Some(&printed) => texts.latin_name.clone(),
            BadgeText::Name => badge.name(),
            BadgeText::Honorific => person.honorific.clone().unwrap_or_default(),
            BadgeText::Organisation => person.organisation.clone().unwrap_or_default(),
            _ => texts.delegation.clone(),
        };
        let cut = UnprintableText { field, text, missing: String::new(), printed, fonts: Vec::new() };
        texts.unprintable.push(cut);
    }
    texts.unprintable
}

/// The texts about the person, as they are set.
struct PersonBlocks {
    honorific: Block,
    name: Block,
    latin_name: Block,
    organisation: Block,
    delegation: Block,
}

impl PersonBlocks {
    /// Sets the name as large as there is space for all of them. If something is cut, more lines are used, as long as
    /// there is space for them.
    fn set(badge: &BadgeData, texts: &PrintedTexts, fonts: &Fonts) -> Self {
        let usual = Self::set_in_lines(badge, texts, fonts, 2, 2);
        if !usual.is_cut() {
            return usual;
        }
        let more = Self::set_in_lines(badge, texts, fonts, 3, 4);
        let height: f32 = more.all().iter().map(|(_, block)| block.height()).sum();
        if height <= Self::height(texts) { more } else { usual }
    }

    /// Height for all of them, in points.
    fn height(texts: &PrintedTexts) -> f32 {
        let writing_height = if texts.lacks_name { WRITING_HEIGHT } else { 0.0 };
        (PERSON_SPAN.1 - PERSON_SPAN.0 - writing_height - 1.0) * MM
    }

    fn set_in_lines(
        badge: &BadgeData,
        texts: &PrintedTexts,
        fonts: &Fonts,
        name_lines: usize,
        organisation_lines: usize,
    ) -> Self {
        let language = badge.language_of_name();
        let space = |size, size_min, lines| Space { width: TEXT_WIDTH * MM, size, size_min, lines, language };
        let honorific = fonts.regular.fit(&texts.honorific, space(8.0, 6.0, 1));
        let latin_name = fonts.regular.fit(&texts.latin_name, space(11.0, 6.0, 1));
        let organisation = fonts.regular.fit(&texts.organisation, space(9.0, 6.0, organisation_lines));
        let delegation = fonts.bold.fit(&texts.delegation, space(9.0, 6.0, 1));
        let others: f32 =
            [&honorific, &latin_name, &organisation, &delegation].iter().map(|block| block.height()).sum();
        let height = Self::height(texts) - others;
        let (mut size, size_min) = NAME_SIZES;
        let mut name = fonts.bold.fit(&texts.name, space(size, size_min, name_lines));
        while name.height() > height && size > size_min {
            size -= 1.0;
            name = fonts.bold.fit(&texts.name, space(size, size_min, name_lines));
        }
        Self { honorific, name, latin_name, organisation, delegation }
    }

    fn is_cut(&self) -> bool {
        self.all().iter().any(|(_, block)| block.cut_text.is_some())
    }

    /// Each with the text of the badge that it is.
    fn all(&self) -> [(BadgeText, &Block); 5] {
        [
            (BadgeText::Honorific, &self.honorific),
            (BadgeText::Name, &self.name),
            (BadgeText::Name, &self.latin_name),
            (BadgeText::Organisation, &self.organisation),
            (BadgeText::Delegation, &self.delegation),
        ]
    }
}

/// Draws one badge. Positions are in millimetres from its top left corner.
struct BadgeCanvas<'a, 'b> {
    surface: &'a mut Surface<'b>,
    origin: (f32, f32),
    fonts: &'a Fonts,
}

impl BadgeCanvas<'_, '_> {
    fn draw(&mut self, badge: &BadgeData, texts: &PrintedTexts, blocks: &PersonBlocks, code: &Modules) {
        self.draw_band(badge, texts);
        self.draw_code(code);
        self.draw_person(texts, blocks);
        self.draw_foot(badge, texts);
    }

    /// Draws honorific, name, organisation and delegation.
    fn draw_person(&mut self, texts: &PrintedTexts, blocks: &PersonBlocks) {
        let mut y = self.draw_block(&blocks.honorific, PERSON_SPAN.0);
        y = self.draw_block(&blocks.name, y);
        if texts.lacks_name {
            y += WRITING_HEIGHT;
            self.draw_rectangle(MARGIN, y - 0.5, TEXT_WIDTH, 0.2);
        }
        y = self.draw_block(&blocks.latin_name, y) + 1.0;
        y = self.draw_block(&blocks.organisation, y);
        self.draw_block(&blocks.delegation, y);
    }

    /// Draws the band at the top, with the conference's name and the level.
    fn draw_band(&mut self, badge: &BadgeData, texts: &PrintedTexts) {
        let (red, green, blue) =
            badge.colour.as_ref().and_then(|colour| rgb(&colour.text())).unwrap_or(DEFAULT_BAND_COLOUR);
        self.set_fill(Color::new(red, green, blue));
        self.draw_rectangle(0.0, 0.0, BADGE_SIZE.0, BAND_HEIGHT);
        // Luminance (ITU-R BT.601): black letters on a light band, white ones on a dark band.
        let is_light = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue) > 140_000;
        self.set_fill(if is_light { Color::black() } else { Color::white() });
        let fonts = self.fonts;
        let width = (BADGE_SIZE.0 - 3.0 * MARGIN - 18.0) * MM;
        let space = Space { width, size: 9.0, size_min: 5.0, lines: 2, language: None };
        let mut name = fonts.regular.fit(&texts.conference, space);
        // Letters of some scripts are higher than the band has space for.
        let mut size = name.size;
        while name.height() > BAND_HEIGHT * MM && size > space.size_min {
            size -= 0.5;
            name = fonts.regular.fit(&texts.conference, Space { size, ..space });
        }
        let height = name.height() / MM;
        self.draw_block(&name, (BAND_HEIGHT - height) / 2.0);
        let level_space = Space { width: 18.0 * MM, size: 13.0, lines: 1, ..space };
        let level = fonts.bold.fit(&texts.level, level_space);
        let y = (BAND_HEIGHT - level.height() / MM) / 2.0;
        let width = level.lines.first().map_or(0.0, |line| line.width * level.size / MM);
        self.draw_block_at(&level, BADGE_SIZE.0 - MARGIN - width, y);
        self.set_fill(Color::black());
    }

    /// Draws the QR code with its quiet zone.
    fn draw_code(&mut self, code: &Modules) {
        let module = CODE_SIDE / f32::from(code.width + 2 * QUIET_ZONE);
        let corner = (BADGE_SIZE.0 - CODE_SIDE, BAND_HEIGHT);
        let mut path = PathBuilder::new();
        for (column, row, length) in &code.runs {
            let x = (self.origin.0 + corner.0 + f32::from(column + QUIET_ZONE) * module) * MM;
            let y = (self.origin.1 + corner.1 + f32::from(row + QUIET_ZONE) * module) * MM;
            if let Some(run) = Rect::from_xywh(x, y, f32::from(*length) * module * MM, module * MM) {
                path.push_rect(run);
            }
        }
        self.set_fill(Color::black());
        if let Some(path) = path.finish() {
            self.surface.draw_path(&path);
        }
    }

    /// Draws the category at the bottom, and zones and reference below the QR code.
    fn draw_foot(&mut self, badge: &BadgeData, texts: &PrintedTexts) {
        let fonts = self.fonts;
        let space = Space { width: TEXT_WIDTH * MM, size: 10.0, size_min: 5.0, lines: 1, language: None };
        let category = fonts.bold.fit(&texts.category, space);
        self.draw_block(&category, BADGE_SIZE.1 - 2.5 - category.height() / MM);
        let space = Space { width: (CODE_SIDE - MARGIN - 1.0) * MM, size: 7.5, size_min: 4.5, lines: 2, ..space };
        let zones = badge.zones.iter().map(Code::as_str).collect::<Vec<_>>().join(" · ");
        let x = BADGE_SIZE.0 - CODE_SIDE + 2.5;
        self.draw_block_at(&fonts.bold.fit(&zones, space), x, BAND_HEIGHT + CODE_SIDE + 0.5);
        let reference = fonts.regular.fit(&badge.registration.reference, Space { size: 6.5, lines: 1, ..space });
        self.draw_block_at(&reference, x, BADGE_SIZE.1 - 2.5 - reference.height() / MM);
    }

    /// Draws lines below `y`. Answers where they end.
    fn draw_block(&mut self, block: &Block, y: f32) -> f32 {
        self.draw_block_at(block, MARGIN, y);
        y + block.height() / MM
    }

    fn draw_block_at(&mut self, block: &Block, x: f32, y: f32) {
        let (baselines, _) = block.baselines();
        for (line, baseline) in block.lines.iter().zip(baselines) {
            let mut start = Point::from_xy((self.origin.0 + x) * MM, (self.origin.1 + y) * MM + baseline);
            for run in &line.runs {
                if let Some((_, font)) = run.face.instruments() {
                    self.surface.draw_glyphs(start, &run.glyphs, font.clone(), &run.text, block.size, false);
                }
                start.x += run.width * block.size;
            }
        }
    }

    fn draw_rectangle(&mut self, x: f32, y: f32, width: f32, height: f32) {
        let mut path = PathBuilder::new();
        let (left, top) = (self.origin.0 + x, self.origin.1 + y);
        if let Some(rect) = Rect::from_xywh(left * MM, top * MM, width * MM, height * MM) {
            path.push_rect(rect);
        }
        if let Some(path) = path.finish() {
            self.surface.draw_path(&path);
        }
    }

    fn set_fill(&mut self, colour: Color) {
        self.surface.set_fill(Some(Fill { paint: colour.into(), ..Fill::default() }));
    }
}

/// Red, green and blue of a colour such as `#003399`.
fn rgb(colour: &str) -> Option<(u8, u8, u8)> {
    let number = u32::from_str_radix(colour.strip_prefix('#')?, 16).ok()?;
    let [_, red, green, blue] = number.to_be_bytes();
    Some((red, green, blue))
}
