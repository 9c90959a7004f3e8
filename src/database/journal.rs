//! Protects an embedded store's file from a write-ahead log (the journal, `-wal`) that belongs to another copy.
//!
//! SQLite applies the journal that is beside a file when it opens the file, and cannot detect that the journal was
//! written for another copy: it silently destroys a backup that was restored beside the old journal. So each opening
//! writes a random id into the file itself (`user_version`, which SQLite leaves to applications) and into a note beside
//! it (`-opened`). A journal is applied only to a file that has one of the noted ids, and then the file is checked.
//!
//! Nor can SQLite detect that a journal is missing: it opens the file as it was before. So each write gives the file a
//! number (`application_id`), which is noted after the commit. A file without a journal whose number is behind the
//! noted one lacks the latest writes and is not opened. If another program has put the journal into the file, the
//! number is right.
//!
//! Several processes may have the file open at the same time. Each holds a shared lock on the note; a process that
//! finds no other takes the lock exclusively while it checks and renews the id, and the others leave the id as it is.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant as Timer},
};

use diesel::{
    Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection,
    connection::SimpleConnection as _,
    dsl::sql,
    sql_query,
    sql_types::{BigInt, Integer},
};

use super::DatabaseError;

/// Offset of `user_version` in the header of an SQLite file, in bytes (<https://www.sqlite.org/fileformat.html>).
const ID_OFFSET: usize = 60;
/// Offset of `application_id`.
const WRITE_OFFSET: usize = 68;
/// Offsets of the page size and of the number of pages.
const PAGE_OFFSET: usize = 16;
const PAGES_OFFSET: usize = 28;
/// The first bytes of every SQLite file.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// The part of the header that is read.
const HEADER_BYTES: usize = 72;
/// Two ids in hexadecimal, each followed by a space.
const IDS_BYTES: usize = 18;
/// The ids, the number of the last write, and a line feed.
const NOTE_BYTES: usize = IDS_BYTES + 9;

/// Interval and number of attempts for a file that another process is opening or closing.
const RETRY_PAUSE: Duration = Duration::from_millis(20);
const RETRIES: u32 = 50;

/// Most symbolic links that are followed.
const LINKS_MAX: u32 = 40;

/// Values of a file's header.
#[derive(Clone, Copy, Default)]
struct Header {
    id: u32,
    /// Number of the last write.
    write_number: u32,
    /// Length of the file, and its length according to its header.
    bytes: u64,
    declared_bytes: u64,
}

/// The content of a note; `None` if the note is new or cannot be parsed.
struct Note {
    /// The ids that the file may have.
    ids: Option<[u32; 2]>,
    last_write: Option<u32>,
}

/// An open file. It must be dropped after the last connection to it: then other processes may lock the file
/// exclusively.
pub struct OpenFile {
    note: File,
    /// The new id of the file, which is already noted.
    new_id: Mutex<Option<u32>>,
}

/// Opens the file at `path`, or creates it, readable by its owner only.
///
/// Nothing else in this process may have the file open: closing it here would release SQLite's own locks.
///
/// # Errors
/// The journal beside the file belongs to another copy, or the journal or the file is missing (then nothing was
/// changed); the file is damaged; or a file cannot be read or written.
pub fn open(path: &Path) -> io::Result<OpenFile> {
    let mut options = OpenOptions::new();
    let note_path = with_suffix(path, "-opened");
    let note = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&note_path);
    let note = note.map_err(|error| with_path(&note_path, &error))?;
    let is_first = lock_note(&note)?;
    let journal = with_suffix(path, "-wal");
    let has_journal = has_journal(path);
    let (header, Note { ids, last_write: noted_write }) = (header_of(path)?, read_note(&note)?);
    let is_noted = ids.is_some_and(|ids| ids.contains(&header.id));
    if !is_sqlite(path)? {
        return Err(io::Error::other(damaged_message(path, "it is no SQLite file")));
    }
    if header.bytes == 0 && has_journal {
        return Err(io::Error::other(journal_without_file_message(path, &journal)));
    }
    if has_journal && ids.is_some() && !is_noted {
        return Err(io::Error::other(foreign_journal_message(path, &journal)));
    }
    // A first start may have been killed after it created the file and before it wrote to it.
    let was_written_to = noted_write.is_some_and(|write| write > 0) || !path.try_exists()?;
    if is_first && ids.is_some() && header.bytes == 0 && was_written_to {
        return Err(io::Error::other(file_missing_message(path)));
    }
    if !has_journal && header.is_cut_off() {
        return Err(io::Error::other(damaged_message(path, "its end is missing")));
    }
    let noted_write = noted_write.filter(|_| is_noted);
    if !has_journal && is_behind(path, &note, noted_write, is_first)? {
        return Err(io::Error::other(writes_missing_message(path, &journal)));
    }
    if is_first {
        // SQLite gives its journal the permissions of the file.
        let created = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        created.map_err(|error| with_path(path, &error))?;
        let examined_write = if has_journal { Some(examine(path, noted_write)?) } else { None };
        // 0 is the id of a file that was never opened.
        let new_id = uuid::Uuid::new_v4().as_fields().0.max(1);
        // The journal may have changed the header; or not yet, if another program has the file open.
        let Header { id, write_number, .. } = header_of(path)?;
        note_write_number(&note, examined_write.unwrap_or(write_number))?;
        // Both ids are valid until the new one is certainly in the file.
        note_ids(&note, [id, new_id])?;
        // A process that gets the lock between these two calls finds the file in order, and chooses an id of its own.
        note.unlock()?;
        note.lock_shared()?;
        return Ok(OpenFile { note, new_id: Mutex::new(Some(new_id)) });
    }
    Ok(OpenFile { note, new_id: Mutex::default() })
}

/// Follows symbolic links, also to a missing file: SQLite's journal is beside the target.
pub fn target(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        let Ok(next) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(next);
    }
    path
}

/// Takes the lock exclusively if no other process has it.
fn lock_alone(note: &File) -> io::Result<bool> {
    match note.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether the file has a journal that is not empty.
fn has_journal(path: &Path) -> bool {
    fs::metadata(with_suffix(path, "-wal")).is_ok_and(|metadata| metadata.len() > 0)
}

/// Takes the lock: exclusively if no process has the file open, otherwise shared. A process that opens the file holds
/// it exclusively, and may fail: so whoever waited for it tries again to be the first.
fn lock_note(note: &File) -> io::Result<bool> {
    loop {
        if lock_alone(note)? {
            return Ok(true);
        }
        match note.try_lock_shared() {
            Ok(()) => {
                note.unlock()?;
                if lock_alone(note)? {
                    return Ok(true);
                }
                note.lock_shared()?;
                return Ok(false);
            }
            Err(TryLockError::WouldBlock) => thread::sleep(RETRY_PAUSE),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Whether a file without a journal lacks writes that are noted. If another process has the file open, the journal may
/// be missing because that process is just closing the file: then the file has all writes in a moment.
fn is_behind(path: &Path, note: &File, noted_write: Option<u32>, is_first: bool) -> io::Result<bool> {
    let Some(mut noted_write) = noted_write else { return Ok(false) };
    for _ in 0..RETRIES {
        if !header_of(path)?.is_behind(noted_write) {
            return Ok(false);
        }
        if is_first {
            return Ok(true);
        }
        thread::sleep(RETRY_PAUSE);
        noted_write = read_note(note)?.last_write.unwrap_or(noted_write);
        if has_journal(path) {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Header {
    fn is_cut_off(self) -> bool {
        self.bytes < self.declared_bytes
    }

    /// Whether the file lacks the write of this number. Numbers wrap around.
    fn is_behind(self, number: u32) -> bool {
        number.wrapping_sub(self.write_number).cast_signed() > 0
    }
}

impl OpenFile {
    /// Gives a write its number, right before the commit; `None` if it has changed no row since `changes`.
    pub fn number_write(connection: &mut SqliteConnection, changes: i64) -> Result<Option<u32>, DatabaseError> {
        if Self::changes(connection)? == changes {
            return Ok(None);
        }
        let last: i32 = sql::<Integer>("PRAGMA application_id").get_result(connection)?;
        let number = last.wrapping_add(1);
        connection.batch_execute(&format!("PRAGMA application_id = {number}"))?;
        Ok(Some(number.cast_unsigned()))
    }

    /// Number of rows that a connection has changed so far.
    pub fn changes(connection: &mut SqliteConnection) -> Result<i64, DatabaseError> {
        Ok(diesel::select(sql::<BigInt>("total_changes()")).get_result(connection)?)
    }

    /// Whether no other process has the file open.
    ///
    /// # Errors
    /// The system cannot tell.
    pub fn is_alone(&self) -> io::Result<bool> {
        self.note.unlock()?;
        let is_alone = lock_alone(&self.note)?;
        self.note.unlock()?;
        self.note.lock_shared()?;
        Ok(is_alone)
    }

    /// Notes the number of a committed write, before its caller is answered. The note is not synced: a note that is
    /// behind the file does no harm.
    pub fn record_write(&self, number: u32) {
        if let Err(error) = note_write_number(&self.note, number) {
            tracing::debug!(%error, "a write was not noted beside the store");
        }
    }

    /// Writes the new id into the file, once; does nothing if another process has opened it first. This happens later
    /// than the opening, so that a start does not wait for another writer before it listens.
    ///
    /// # Errors
    /// The store or the note cannot be written; the next opening chooses another id.
    pub fn renew_id(&self, connection: &mut SqliteConnection) -> Result<(), DatabaseError> {
        let Some(new_id) = self.new_id.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return Ok(());
        };
        let unavailable = |error: io::Error| DatabaseError::Unavailable(Box::new(error));
        // Another opening between the check and the shared lock has noted its own id: that one counts.
        if read_note(&self.note).map_err(unavailable)?.ids.is_none_or(|[_, noted]| noted != new_id) {
            return Ok(());
        }
        connection.batch_execute(&format!("PRAGMA user_version = {}", new_id.cast_signed()))?;
        // PASSIVE waits for nobody; a reader may prevent it from finishing.
        let checkpoint: Checkpoint = sql_query("PRAGMA wal_checkpoint(PASSIVE)").get_result(connection)?;
        if checkpoint.busy == 0 && checkpoint.log == checkpoint.checkpointed {
            note_ids(&self.note, [new_id, new_id]).map_err(unavailable)?;
        }
        Ok(())
    }
}

/// The path of a file next to `path`, with a suffix.
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// The values in the file itself, without those in its journal; zeros if there is no file.
fn header_of(path: &Path) -> io::Result<Header> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Header::default()),
        Err(error) => return Err(with_path(path, &error)),
    };
    let bytes = file.metadata()?.len();
    let mut header = Vec::with_capacity(HEADER_BYTES);
    file.take(HEADER_BYTES as u64).read_to_end(&mut header)?;
    let number = |offset: usize| {
        let bytes = header.get(offset..).and_then(|bytes| bytes.first_chunk());
        bytes.copied().map(u32::from_be_bytes).unwrap_or_default()
    };
    let page_bytes = header.get(PAGE_OFFSET..).and_then(|bytes| bytes.first_chunk());
    let page_bytes = match page_bytes.copied().map(u16::from_be_bytes).unwrap_or_default() {
        // 65,536 does not fit into two bytes and is written as 1.
        1 => 65_536,
        bytes => u64::from(bytes),
    };
    let declared_bytes = page_bytes * u64::from(number(PAGES_OFFSET));
    Ok(Header { id: number(ID_OFFSET), write_number: number(WRITE_OFFSET), bytes, declared_bytes })
}

/// Whether the file is an SQLite file, empty, or missing.
fn is_sqlite(path: &Path) -> io::Result<bool> {
    let mut start = Vec::with_capacity(MAGIC.len());
    match File::open(path) {
        Ok(file) => file.take(MAGIC.len() as u64).read_to_end(&mut start)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    Ok(start.is_empty() || start == MAGIC)
}

fn read_note(note: &File) -> io::Result<Note> {
    let mut bytes = [0; NOTE_BYTES];
    let length = note.read_at(&mut bytes, 0)?;
    let text = bytes.get(..length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
    let mut numbers = text.split_ascii_whitespace().map(|number| u32::from_str_radix(number, 16).ok());
    let mut number = || numbers.next().flatten();
    Ok(Note { ids: number().zip(number()).map(|(one, other)| [one, other]), last_write: number() })
}

fn note_ids(note: &File, ids: [u32; 2]) -> io::Result<()> {
    let [one, other] = ids;
    note.write_all_at(format!("{one:08x} {other:08x} ").as_bytes(), 0)?;
    note.sync_all()
}

fn note_write_number(note: &File, number: u32) -> io::Result<()> {
    note.write_all_at(format!("{number:08x}\n").as_bytes(), IDS_BYTES as u64)
}

/// Adds the file's path to a system error.
fn with_path(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Reasons why a start ends.
fn foreign_journal_message(path: &Path, journal: &Path) -> String {
    let (path, journal) = (path.display(), journal.display());
    format!(
        "{journal} is the journal of another copy of {path} and would destroy it; nothing was changed. If {path} was \
         restored from a backup, move {journal} and {path}-shm to another folder and start again; if not, put the \
         file back that was there before (docs/operations.md)"
    )
}

fn writes_missing_message(path: &Path, journal: &Path) -> String {
    let (path, journal) = (path.display(), journal.display());
    format!(
        "{path} lacks what was written to it last, and its journal {journal} is missing or damaged; nothing was changed. \
         Put the journal back; if it is lost, or {path} was restored from a backup, move {path}-opened to another \
         folder and start again (docs/operations.md)"
    )
}

fn file_missing_message(path: &Path) -> String {
    let path = path.display();
    format!(
        "{path} is not there or empty, but {path}-opened, which was made with it, says that it was written to. Put {path} \
         back; to begin with an empty store, move {path}-opened to another folder (docs/operations.md)"
    )
}

fn journal_without_file_message(path: &Path, journal: &Path) -> String {
    let (path, journal) = (path.display(), journal.display());
    format!(
        "{path} is not there or empty, but its journal {journal} is, and has what was written last; nothing was changed. \
         Put {path} back and leave the journal where it is (docs/operations.md)"
    )
}

/// Opens the file with its journal and checks that it is intact and has the noted write: SQLite reads a journal up to
/// the first invalid frame and takes that for its end. Returns the number of the last write.
fn examine(path: &Path, noted_write: Option<u32>) -> io::Result<u32> {
    let started = Timer::now();
    let connection = SqliteConnection::establish(&path.to_string_lossy());
    let mut connection = connection.map_err(|error| io::Error::other(damaged_message(path, &error.to_string())))?;
    // This must be the first statement, because it reads the file. Settings before it would fail on a damaged file.
    let check = sql_query("PRAGMA quick_check(1)").load::<QuickCheck>(&mut connection);
    let finding = match check.as_deref() {
        Ok([only]) if only.quick_check == "ok" => {
            let write_number = sql::<Integer>("PRAGMA application_id").get_result::<i32>(&mut connection);
            let write_number = write_number.map_err(io::Error::other)?.cast_unsigned();
            if noted_write.is_some_and(|noted| (Header { write_number, ..Header::default() }).is_behind(noted)) {
                std::mem::forget(connection);
                return Err(io::Error::other(writes_missing_message(path, &with_suffix(path, "-wal"))));
            }
            let duration_ms = started.elapsed().as_millis();
            tracing::info!(duration_ms, "the service was not stopped gracefully; the store was examined and is whole");
            return Ok(write_number);
        }
        Ok(check) => check.first().map(|check| check.quick_check.clone()).unwrap_or_default(),
        Err(error) => error.to_string(),
    };
    // Closing the connection would copy the journal into the file. The process ends, and both stay as they are.
    std::mem::forget(connection);
    Err(io::Error::other(damaged_message(path, &finding)))
}

fn damaged_message(path: &Path, finding: &str) -> String {
    let path = path.display();
    let finding = finding.replace('\n', " ");
    format!("{path} is damaged ({finding}); nothing was changed: restore it from a backup (docs/operations.md)")
}

#[derive(QueryableByName)]
struct QuickCheck {
    #[diesel(sql_type = diesel::sql_types::Text)]
    quick_check: String,
}

#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    busy: i32,
    #[diesel(sql_type = diesel::sql_types::Integer)]
    log: i32,
    #[diesel(sql_type = diesel::sql_types::Integer)]
    checkpointed: i32,
}
