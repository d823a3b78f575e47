//! Looks at SQLite's write-ahead log before SQLite does.
//!
//! SQLite cuts the log at the first frame whose checksum is wrong and says nothing. That is right
//! for a torn tail and wrong for damage further up, behind which acknowledged commits would
//! vanish. The two can be told apart: this journal never writes a commit before the one
//! before it is synced, so a commit that another one was chained to had been acknowledged.
//! Damage in the very last commit alone cannot be told from a torn one. Behind the last commit lie
//! those of earlier runs of the log, which is written over from its beginning: they are in the
//! database, and their salt tells them apart.
//!
//! Format: <https://www.sqlite.org/fileformat2.html#walformat>.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// What the log holds, in bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// The header and all frames up to the last whole commit: what SQLite will keep.
    pub(crate) committed: u64,
    /// What this run of the log holds beyond it: commits that never finished.
    pub(crate) torn: u64,
    /// Whether acknowledged commits lie beyond it.
    pub(crate) damaged: bool,
}

/// How long a log of so many frames is, in bytes.
pub(crate) fn bytes_of(frames: u32) -> u64 {
    (HEADER + frames as usize * (FRAME_HEADER + crate::sqlite::PAGE_BYTES)) as u64
}

type Sum = (u32, u32);

pub(crate) fn scan(path: &Path) -> io::Result<Scan> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Scan::default()),
        Err(error) => return Err(error),
    };
    let mut log = BufReader::with_capacity(1 << 18, file);
    let mut header = [0; HEADER];
    let got = fill(&mut log, &mut header)?;
    if got < HEADER {
        return Ok(Scan { torn: got as u64, ..Scan::default() });
    }
    Frames::new(&header).scan(&mut log)
}

struct Frames {
    big_endian: bool,
    page: usize,
    salt: Option<[u8; 8]>,
    /// The running checksum; none from the first broken frame on.
    chain: Option<Sum>,
}

impl Frames {
    fn new(header: &[u8; HEADER]) -> Self {
        let big_endian = header[3] & 1 == 1;
        let sum = checksum(big_endian, (0, 0), &header[..24]);
        let page = word(true, &header[8..12]) as usize;
        let whole = header[..3] == [0x37, 0x7f, 0x06]
            && stored_sum(&header[24..32]) == sum
            && page.is_power_of_two()
            && (512..=65536).contains(&page);
        if whole {
            Self { big_endian, page, salt: Some(salt_of(&header[8..24])), chain: Some(sum) }
        } else {
            let big_endian = cfg!(target_endian = "big");
            Self { big_endian, page: crate::sqlite::PAGE_BYTES, salt: None, chain: None }
        }
    }

    fn scan(mut self, log: &mut impl Read) -> io::Result<Scan> {
        let mut scan = Scan {
            committed: if self.chain.is_some() { HEADER as u64 } else { 0 },
            ..Scan::default()
        };
        let mut end = HEADER as u64;
        let mut end_of_this_run = end;
        let mut commit_before: Option<Sum> = None;
        let mut frame = vec![0; FRAME_HEADER + self.page];
        loop {
            let got = fill(log, &mut frame)?;
            if got < frame.len() {
                if end_of_this_run == end {
                    end_of_this_run += got as u64;
                }
                break;
            }
            end += frame.len() as u64;
            let salt = *self.salt.get_or_insert_with(|| salt_of(&frame));
            let of_this_run = salt == salt_of(&frame);
            if of_this_run {
                end_of_this_run = end;
            }
            let stored = stored_sum(&frame[16..24]);
            let is_commit = word(true, &frame[4..8]) != 0;
            let follows = |seed| of_this_run && self.sum(seed, &frame) == stored;
            if self.chain.is_some_and(follows) {
                self.chain = Some(stored);
                scan.committed = if is_commit { end } else { scan.committed };
            } else {
                scan.damaged |= commit_before.is_some_and(follows);
                self.chain = None;
            }
            commit_before = (is_commit && of_this_run).then_some(stored);
        }
        scan.torn = end_of_this_run.saturating_sub(scan.committed);
        Ok(scan)
    }

    fn sum(&self, seed: Sum, frame: &[u8]) -> Sum {
        let sum = checksum(self.big_endian, seed, &frame[..8]);
        checksum(self.big_endian, sum, &frame[FRAME_HEADER..])
    }
}

fn checksum(big_endian: bool, (mut a, mut b): Sum, bytes: &[u8]) -> Sum {
    for pair in bytes.chunks_exact(8) {
        a = a.wrapping_add(word(big_endian, &pair[..4])).wrapping_add(b);
        b = b.wrapping_add(word(big_endian, &pair[4..])).wrapping_add(a);
    }
    (a, b)
}

fn salt_of(frame: &[u8]) -> [u8; 8] {
    let mut salt = [0; 8];
    salt.copy_from_slice(&frame[8..16]);
    salt
}

fn stored_sum(bytes: &[u8]) -> Sum {
    (word(true, &bytes[..4]), word(true, &bytes[4..]))
}

fn word(big_endian: bool, bytes: &[u8]) -> u32 {
    let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
    if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}

/// Reads until `buffer` is full or the file ends, and says how much.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match from.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}
