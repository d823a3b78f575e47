//! The write-ahead log: what is durable before it is in the database.
//!
//! Two files, written in turns: while what the full one holds is moved into the database, commits
//! go to the other, from its beginning. Both are written over in place: a fsync of what is there
//! already is a flush of the disk, one of a file that grows a commit of the file system as well.
//!
//! A commit is a frame: a header of 28 bytes (little-endian: magic, a number that is another one each
//! time the journal is opened and nobody outside knows, the body's length, the commit's number, a
//! CRC-32 over length, number and body), then its body ([`crate::part`]).
//! Commits are numbered 1, 2, 3 … over both files. Behind the last one stands a header's length of
//! zeros, which the next overwrites; what lies behind those is of an earlier turn, and its numbers
//! are lower.
//!
//! No commit is written before the one before it is synced, so damage with a whole commit behind it
//! hit what had been acknowledged. Damage in the very last commit cannot be told from a torn one.

use std::{
    fs::{File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::sqlite::Moved;

pub(crate) const HEADER: usize = 28;
const MAGIC: [u8; 4] = *b"TWLG";
/// The magic and the salt: a payload cannot be taken for a commit.
const MARK: usize = 12;
const NO_HEADER: [u8; HEADER] = [0; HEADER];
/// A file that grew beyond this, because what it held could not be moved, is cut at its next turn.
const BYTES_KEPT: u64 = 64 << 20;

/// The log's two files.
pub(crate) fn files(folder: &Path) -> [PathBuf; 2] {
    let [.., one, two] = crate::FILES;
    [one, two].map(|name| folder.join(name))
}

/// The log, open for writing.
pub(crate) struct Log {
    folder: PathBuf,
    files: [File; 2],
    current: usize,
    /// Behind the last commit of the current file.
    end: u64,
    next: u64,
    mark: [u8; MARK],
    /// The last commit was refused, and may lie in the file all the same until one overwrites it.
    unsure: bool,
}

impl Log {
    /// Begins anew, with empty files: what they held is in the database.
    pub(crate) fn begin(folder: &Path, moved: Moved) -> io::Result<Self> {
        let [one, two] = files(folder);
        let files = [open(&one)?, open(&two)?];
        #[cfg(unix)]
        sync_names(folder)?;
        let (folder, mark) = (folder.to_owned(), mark(moved.salt));
        Ok(Self { folder, files, current: 0, end: 0, next: moved.number + 1, mark, unsure: false })
    }

    /// How much the current file holds, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.end
    }

    /// Writes a commit and syncs it. `frame` has room for the header at its front. Gives the
    /// commit's number.
    pub(crate) fn append(&mut self, frame: &mut Vec<u8>) -> io::Result<u64> {
        let body = u32::try_from(frame.len() - HEADER)
            .map_err(|_| io::Error::other("a commit of over 4 GiB"))?;
        frame[..MARK].copy_from_slice(&self.mark);
        frame[12..16].copy_from_slice(&body.to_le_bytes());
        frame[16..24].copy_from_slice(&self.next.to_le_bytes());
        let sum = sum(&frame[MARK..24], &frame[HEADER..]);
        frame[24..HEADER].copy_from_slice(&sum.to_le_bytes());
        frame.extend_from_slice(&NO_HEADER);
        self.unsure = true;
        let file = &mut self.files[self.current];
        file.seek(SeekFrom::Start(self.end))?;
        file.write_all(frame)?;
        file.sync_data()?;
        self.unsure = false;
        self.end += (frame.len() - HEADER) as u64;
        self.next += 1;
        Ok(self.next - 1)
    }

    /// Goes on in the other file, from its beginning. Not while a refused commit may come back.
    pub(crate) fn turn(&mut self) -> bool {
        if self.unsure {
            return false;
        }
        self.current = 1 - self.current;
        self.end = 0;
        let file = &self.files[self.current];
        if file.metadata().is_ok_and(|found| found.len() > BYTES_KEPT)
            && let Err(error) = file.set_len(0)
        {
            tracing::warn!(%error, "a long file of the log stays as long as it is");
        }
        true
    }

    /// Everything is in the database: nothing is left behind.
    pub(crate) fn remove(&self) {
        for file in files(&self.folder) {
            if let Err(error) = std::fs::remove_file(&file) {
                tracing::warn!(%error, file = %file.display(), "a file of the log was left behind");
            }
        }
    }
}

fn open(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)
}

fn mark(salt: u64) -> [u8; MARK] {
    let mut mark = [0; MARK];
    mark[..4].copy_from_slice(&MAGIC);
    mark[4..].copy_from_slice(&salt.to_le_bytes());
    mark
}

/// Makes the names of new files durable, where the file system can.
#[cfg(unix)]
fn sync_names(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

fn sum(front: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(front);
    hasher.update(body);
    hasher.finalize()
}

/// What the log holds that is not in the database.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Numbers and bodies of whole commits, in order.
    pub(crate) commits: Vec<(u64, Arc<[u8]>)>,
    /// The highest number that was given to a commit.
    pub(crate) last: u64,
    /// Bytes of a commit that never finished.
    pub(crate) torn: u64,
    /// Where acknowledged commits are damaged or missing.
    pub(crate) damage: Option<Broken>,
}

/// A place in the log behind which acknowledged commits cannot be used.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) file: PathBuf,
    /// Bytes before it, all of them whole commits.
    pub(crate) intact: u64,
    /// Bytes behind it.
    pub(crate) lost: u64,
}

/// Reads both files, for what is beyond the database.
pub(crate) fn scan(folder: &Path, moved: Moved) -> io::Result<Found> {
    let mut sides = Vec::new();
    for path in files(folder) {
        match std::fs::read(&path) {
            Ok(bytes) => sides.push(Side::new(path, bytes, mark(moved.salt))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    sides.sort_by_key(Side::first);
    let mut found = Found { last: moved.number, ..Found::default() };
    for side in &sides {
        for (number, body) in &side.frames {
            if *number == found.last + 1 {
                found.commits.push((*number, Arc::from(&side.bytes[body.clone()])));
                found.last = *number;
            }
        }
    }
    let highest = sides.iter().filter_map(Side::highest).max().unwrap_or(0);
    if highest > found.last {
        let hurt = sides.iter().find(|side| side.highest().is_some_and(|n| n > found.last));
        let broken = sides.iter().find(|side| side.is_broken_at(found.last)).or(hurt);
        found.damage = broken.map(|side| Broken {
            file: side.path.clone(),
            intact: side.end as u64,
            lost: (side.bytes.len() - side.end) as u64,
        });
        found.last = highest;
    } else {
        let newest =
            sides.iter().filter(|side| side.first().is_none_or(|_| side.last() == found.last));
        found.torn = newest.map(|side| side.torn as u64).sum();
    }
    Ok(found)
}

/// One of the files.
struct Side {
    path: PathBuf,
    bytes: Vec<u8>,
    /// From the beginning on, each one's number following the one's before.
    frames: Vec<(u64, Range<usize>)>,
    /// Behind those.
    end: usize,
    /// Bytes there, at the most, of a commit that is not whole.
    torn: usize,
    /// The highest number of a whole commit further behind, where it is higher than those before.
    beyond: Option<u64>,
}

impl Side {
    fn new(path: PathBuf, bytes: Vec<u8>, mark: [u8; MARK]) -> Self {
        let mut frames: Vec<(u64, Range<usize>)> = Vec::new();
        let mut end = 0;
        while let Some((number, body)) = frame(&bytes, end, mark)
            && frames.last().is_none_or(|(last, _)| number == last + 1)
        {
            end = body.end;
            frames.push((number, body));
        }
        let last = frames.last().map_or(0, |(last, _)| *last);
        let beyond = (end..bytes.len().saturating_sub(HEADER))
            .filter(|&at| bytes[at..].starts_with(&mark) && number_at(&bytes, at) > last)
            .filter_map(|at| Some(frame(&bytes, at, mark)?.0))
            .max();
        let rest = &bytes[end..];
        let is_clean = rest[..rest.len().min(HEADER)].iter().all(|byte| *byte == 0);
        let said =
            rest.get(12..16).filter(|_| rest.starts_with(&mark)).and_then(<[u8]>::first_chunk);
        let length = said.map_or(rest.len(), |said| HEADER + u32::from_le_bytes(*said) as usize);
        let torn = if is_clean { 0 } else { length.min(rest.len()) };
        Self { path, bytes, frames, end, torn, beyond }
    }

    fn first(&self) -> Option<u64> {
        self.frames.first().map(|(first, _)| *first)
    }

    fn last(&self) -> u64 {
        self.frames.last().map_or(0, |(last, _)| *last)
    }

    fn highest(&self) -> Option<u64> {
        self.beyond.max(self.frames.last().map(|(last, _)| *last))
    }

    /// Whether the commit behind `last` should be found at its end, or at its beginning.
    fn is_broken_at(&self, last: u64) -> bool {
        self.last() == last || (self.frames.is_empty() && self.beyond.is_some())
    }
}

/// The number and body of the whole commit that begins at `at`.
fn frame(bytes: &[u8], at: usize, mark: [u8; MARK]) -> Option<(u64, Range<usize>)> {
    let header = bytes.get(at..at + HEADER)?;
    if !header.starts_with(&mark) {
        return None;
    }
    let length = u32::from_le_bytes(*header[12..16].first_chunk()?) as usize;
    let stored = u32::from_le_bytes(*header[24..].first_chunk()?);
    let body = at + HEADER..(at + HEADER).checked_add(length)?;
    let is_whole = sum(&header[MARK..24], bytes.get(body.clone())?) == stored;
    is_whole.then(|| (number_at(bytes, at), body))
}

fn number_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at + 16..).and_then(|rest| rest.first_chunk()).map_or(0, |n| u64::from_le_bytes(*n))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SALT: u64 = 0x5417;

    fn scanned(folder: &tempfile::TempDir, moved: u64) -> Found {
        scan(folder.path(), Moved { number: moved, salt: SALT }).unwrap()
    }

    fn append(log: &mut Log, says: &str) -> u64 {
        log.append(&mut [&[0; HEADER], says.as_bytes()].concat()).unwrap()
    }

    fn numbers(found: &Found) -> Vec<u64> {
        found.commits.iter().map(|(number, _)| *number).collect()
    }

    /// Commits 1 to 9, three in a file before it turns: 4 to 6 are written over by nothing, 1 to 3
    /// by 7 to 9, which are shorter.
    fn turned() -> (tempfile::TempDir, Log) {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::begin(folder.path(), Moved { number: 0, salt: SALT }).unwrap();
        for number in 1..=9 {
            append(&mut log, &"x".repeat(200 - 20 * number));
            if number == 3 || number == 6 {
                assert!(log.turn());
            }
        }
        (folder, log)
    }

    #[test]
    fn what_is_beyond_the_database_is_found_over_both_files() {
        let (folder, _log) = turned();
        for moved in 3..=9 {
            let found = scanned(&folder, moved);
            assert_eq!(numbers(&found), (moved + 1..=9).collect::<Vec<_>>());
            assert!(found.damage.is_none(), "{found:?}");
            assert_eq!((found.last, found.torn), (9, 0));
        }
    }

    #[test]
    fn a_commit_that_was_refused_is_written_over_before_the_log_turns() {
        let (folder, mut log) = turned();
        log.unsure = true;
        assert!(!log.turn());
        assert_eq!(append(&mut log, "another"), 10);
        assert!(log.turn());
        assert_eq!(append(&mut log, "in the other file"), 11);
        assert_eq!(numbers(&scanned(&folder, 6)), [7, 8, 9, 10, 11]);
    }

    #[test]
    fn damage_is_told_by_what_lies_behind_it_in_either_file() {
        let (folder, log) = turned();
        let paths = files(folder.path());
        // The first and last commit of each file: its beginning, and what is to be found.
        let end = log.bytes() as usize;
        let last = end - HEADER - 20;
        let cases: [(usize, usize, &[u64], bool); 4] = [
            (1, HEADER + 3, &[], true),
            (1, 3 * HEADER + 120 + 100 + 3, &[4, 5], true),
            (0, HEADER + 3, &[4, 5, 6], true),
            (0, last + HEADER + 3, &[4, 5, 6, 7, 8], false),
        ];
        for (file, at, expected, is_damage) in cases {
            let whole = std::fs::read(&paths[file]).unwrap();
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            std::fs::write(&paths[file], bytes).unwrap();
            let found = scanned(&folder, 3);
            assert_eq!(numbers(&found), expected, "file {file} at {at}");
            assert_eq!(found.damage.is_some(), is_damage, "file {file} at {at}: {found:?}");
            assert_eq!(found.torn > 0, !is_damage, "file {file} at {at}: {found:?}");
            assert_eq!(found.last, if is_damage { 9 } else { 8 });
            std::fs::write(&paths[file], whole).unwrap();
        }
        std::fs::remove_file(&paths[1]).unwrap();
        let found = scanned(&folder, 3);
        assert!(found.commits.is_empty() && found.damage.is_some(), "a file is missing: {found:?}");
        assert!(scanned(&folder, 6).damage.is_none());
    }

    #[test]
    fn what_a_payload_says_is_no_commit() {
        let forged = |salt| {
            let folder = tempfile::tempdir().unwrap();
            let mut log = Log::begin(folder.path(), Moved { number: 1 << 40, salt }).unwrap();
            append(&mut log, "forged");
            std::fs::read(&files(folder.path())[0]).unwrap()
        };
        for (salt, is_taken) in [(SALT + 1, false), (SALT, true)] {
            let folder = tempfile::tempdir().unwrap();
            let mut log = Log::begin(folder.path(), Moved { number: 0, salt: SALT }).unwrap();
            let mut frame = [vec![0; HEADER], forged(salt)].concat();
            log.append(&mut frame).unwrap();
            let path = &files(folder.path())[0];
            let mut bytes = std::fs::read(path).unwrap();
            bytes[0] ^= 1;
            std::fs::write(path, bytes).unwrap();
            let found = scanned(&folder, 0);
            assert_eq!(found.damage.is_some(), is_taken, "{found:?}");
        }
    }

    #[test]
    fn damage_to_what_is_in_the_database_already_is_none() {
        let (folder, _log) = turned();
        let path = &files(folder.path())[1];
        let mut bytes = std::fs::read(path).unwrap();
        bytes[HEADER + 3] ^= 1;
        std::fs::write(path, bytes).unwrap();
        let found = scanned(&folder, 6);
        assert_eq!((numbers(&found), found.damage.is_none()), (vec![7, 8, 9], true));
    }
}
