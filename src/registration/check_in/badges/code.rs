//! A QR code as rectangles: what a picture and a printed sheet draw alike.

use qrcode::{Color, EcLevel, QrCode};

/// The margin that a reader needs around it, in modules (ISO/IEC 18004, 6.3.8).
pub const QUIET_ZONE: u16 = 4;

/// The dark modules of a code, those of a row that touch as one.
pub struct Modules {
    /// How many modules there are to a side, without the margin.
    pub width: u16,
    /// Left end, row, and length.
    pub runs: Vec<(u16, u16, u16)>,
}

/// The code of a text, readable with up to 15 % of it lost; nothing, if the text is too long.
pub fn modules(text: &str) -> Option<Modules> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = u16::try_from(code.width()).ok()?;
    let colours = code.to_colors();
    let mut runs = Vec::new();
    for (row, modules) in (0..).zip(colours.chunks(code.width())) {
        let mut column = 0;
        for run in modules.chunk_by(|one, next| one == next) {
            let length = u16::try_from(run.len()).ok()?;
            if run.first() == Some(&Color::Dark) {
                runs.push((column, row, length));
            }
            column += length;
        }
    }
    Some(Modules { width, runs })
}

/// The code as SVG, one unit a module.
pub fn svg(modules: &Modules) -> String {
    use std::fmt::Write as _;
    let side = modules.width + 2 * QUIET_ZONE;
    let mut path = String::new();
    for (column, row, length) in &modules.runs {
        // A text takes all that is written to it.
        _ = write!(path, "M{} {}h{length}v1h-{length}z", column + QUIET_ZONE, row + QUIET_ZONE);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}h-{side}z\"/><path d=\"{path}\"/></svg>\n"
    )
}
