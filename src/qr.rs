//! QR codes as rectangles, which pages, letters and printed sheets draw.

use qrcode::{Color, EcLevel, QrCode};

/// Width of the margin that a scanner needs, in modules (ISO/IEC 18004, section 6.3.8).
pub const QUIET_ZONE: u16 = 4;

/// The dark modules of a code; neighbours in a row form one run.
pub struct Modules {
    /// Modules on a side, without the margin.
    pub width: u16,
    /// Column, row and length of each run.
    pub runs: Vec<(u16, u16, u16)>,
}

/// The code of a text, with error correction level M (about 15 %); `None` if the text is too long.
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

/// The code as SVG; a module is one unit wide.
pub fn svg(modules: &Modules) -> String {
    use std::fmt::Write as _;
    let side = modules.width + 2 * QUIET_ZONE;
    let mut path = String::new();
    for (column, row, length) in &modules.runs {
        // Writing to a `String` never fails.
        _ = write!(path, "M{} {}h{length}v1h-{length}z", column + QUIET_ZONE, row + QUIET_ZONE);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}h-{side}z\"/><path d=\"{path}\"/></svg>\n"
    )
}

/// The code as PNG; a module is `scale` pixels wide.
pub fn png(modules: &Modules, scale: u16) -> Option<Vec<u8>> {
    let side = usize::from(modules.width + 2 * QUIET_ZONE) * usize::from(scale);
    let mut pixels = vec![255_u8; side * side];
    for (column, row, length) in &modules.runs {
        let scaled = |module: u16| usize::from(module + QUIET_ZONE) * usize::from(scale);
        let (left, right) = (scaled(*column), scaled(column + length));
        for line in scaled(*row)..scaled(row + 1) {
            pixels.get_mut(line * side + left..line * side + right)?.fill(0);
        }
    }
    let mut written = Vec::new();
    let side = u32::try_from(side).ok()?;
    let mut encoder = png::Encoder::new(&mut written, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&pixels).ok()?;
    writer.finish().ok()?;
    Some(written)
}
