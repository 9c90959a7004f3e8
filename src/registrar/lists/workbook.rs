//! Export of registrations as a workbook (XLSX). Rows are written to files without a name: no other process can open
//! them, and they disappear with the last handle, even if the process is killed.

use std::{
    fs::File,
    io::{self, BufWriter, Seek as _, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use rust_xlsxwriter::{Format, XlsxError};

use super::ExportError;

/// Rows of a sheet below its header: the format allows 1,048,576 in all.
const ROWS_MAX: u32 = 1_048_575;
/// Cells above which the file may exceed 4 GiB, the limit of a plain ZIP container.
const CELLS_OF_PLAIN_CONTAINER: u64 = 30_000_000;
/// Limit of UTF-16 units in a cell.
const CELL_MAX: usize = 32_767;

/// A workbook that is being written.
pub struct Workbook {
    book: rust_xlsxwriter::Workbook,
    folder: PathBuf,
    header: Vec<String>,
    sheets: usize,
    /// Rows of the last sheet below its header.
    rows: u32,
    cells: u64,
}

fn export_error(error: XlsxError) -> ExportError {
    match error {
        XlsxError::IoError(error) => ExportError::Write(error),
        other => error_of_text(&format!("{other:?}")),
    }
}

/// An error that the library reports only as text.
fn error_of_text(text: &str) -> ExportError {
    let is_full = ["StorageFull", "QuotaExceeded"].iter().any(|kind| text.contains(kind));
    ExportError::Write(if is_full { io::ErrorKind::StorageFull.into() } else { io::Error::other(text.to_owned()) })
}

/// Runs the library, which panics when a file cannot be written, and makes an error of the panic.
fn catch_panic<T>(write: impl FnOnce() -> Result<T, ExportError>) -> Result<T, ExportError> {
    catch_unwind(AssertUnwindSafe(write)).unwrap_or_else(|panic| {
        Err(error_of_text(
            panic.downcast_ref::<String>().map_or("a file of a workbook cannot be written", String::as_str),
        ))
    })
}

impl Workbook {
    /// Creates a workbook with a header; its files are in `folder`.
    ///
    /// # Errors
    /// No file can be created in the folder.
    pub fn create(folder: &Path, header: Vec<String>) -> Result<Self, ExportError> {
        let mut book = rust_xlsxwriter::Workbook::new();
        book.set_tempdir(folder).map_err(export_error)?;
        let mut workbook = Self { book, folder: folder.to_owned(), header, sheets: 0, rows: 0, cells: 0 };
        catch_panic(|| workbook.add_sheet())?;
        Ok(workbook)
    }

    fn add_sheet(&mut self) -> Result<(), ExportError> {
        self.sheets += 1;
        self.rows = 0;
        let name = match self.sheets {
            1 => "Registrations".to_owned(),
            number => format!("Registrations {number}"),
        };
        let bold = Format::new().set_bold();
        let sheet = self.book.add_worksheet_with_constant_memory().map_err(export_error)?;
        sheet.set_name(name).map_err(export_error)?;
        sheet.set_freeze_panes(1, 0).map_err(export_error)?;
        for (column, name) in (0_u16..).zip(&self.header) {
            sheet.write_string_with_format(0, column, name, &bold).map_err(export_error)?;
        }
        Ok(())
    }

    /// Adds rows. Each cell is a text, so none is a formula.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add(&mut self, rows: &[Vec<String>]) -> Result<(), ExportError> {
        catch_panic(|| self.add_rows(rows))
    }

    fn add_rows(&mut self, rows: &[Vec<String>]) -> Result<(), ExportError> {
        for row in rows {
            if self.rows == ROWS_MAX {
                self.add_sheet()?;
            }
            self.rows += 1;
            let sheet = self.book.worksheet_from_index(self.sheets - 1).map_err(export_error)?;
            for (column, cell) in (0_u16..).zip(row) {
                if !cell.is_empty() {
                    sheet.write_string(self.rows, column, truncated(cell)).map_err(export_error)?;
                    self.cells += 1;
                }
            }
        }
        Ok(())
    }

    /// The finished file, positioned at its beginning, and its length in bytes.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self) -> Result<(File, u64), ExportError> {
        catch_panic(|| self.save())
    }

    fn save(mut self) -> Result<(File, u64), ExportError> {
        self.book.use_zip_large_file(self.cells > CELLS_OF_PLAIN_CONTAINER);
        let file = tempfile::tempfile_in(&self.folder).map_err(ExportError::Write)?;
        let mut writer = BufWriter::new(file);
        self.book.save_to_writer(&mut writer).map_err(export_error)?;
        writer.flush().map_err(ExportError::Write)?;
        let mut file = writer.into_inner().map_err(|error| ExportError::Write(error.into_error()))?;
        let length = file.stream_position().map_err(ExportError::Write)?;
        file.rewind().map_err(ExportError::Write)?;
        Ok((file, length))
    }
}

/// The beginning of a text that fits into a cell.
fn truncated(cell: &str) -> &str {
    if cell.len() <= CELL_MAX {
        return cell;
    }
    let mut units = 0;
    let end = cell.char_indices().find(|(_, letter)| {
        units += letter.len_utf16();
        units > CELL_MAX
    });
    end.and_then(|(end, _)| cell.get(..end)).unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_cut_to_what_the_format_takes() {
        assert_eq!(truncated("日本"), "日本");
        assert_eq!(truncated(&"é".repeat(40_000)).chars().count(), CELL_MAX);
        assert_eq!(truncated(&"é".repeat(20_000)).chars().count(), 20_000);
    }
}
