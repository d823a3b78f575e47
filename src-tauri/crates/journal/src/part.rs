//! What a file of the log holds, in memory: read from there until it is in the database.
//!
//! A commit's body is its writes one after another: a tag and what [`Write`] says, numbers
//! little-endian, texts and payloads behind their length of four bytes. A part keeps the bodies as
//! they are and only notes where in them things lie; of what is written again (extents, cursors,
//! values) the last.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{
    StoreError, StreamId,
    store::{Extent, Kept, Write},
};

const STREAM: u8 = 1;
const RECORDS: u8 = 2;
const TRIM: u8 = 3;
const EXTENT: u8 = 4;
const CURSOR: u8 = 5;
const VALUE: u8 = 6;
const CHUNK: u8 = 7;
const SNAPSHOT: u8 = 8;

/// Adds a write to a commit's body.
pub(crate) fn encode(write: &Write<'_>, body: &mut Vec<u8>) {
    let mut put = Encoder(body);
    match *write {
        Write::Stream { stream, name } => {
            put.tag(STREAM).u32(stream.0).bytes(name.as_bytes());
        }
        Write::Records { stream, first, at, payloads } => {
            put.tag(RECORDS).u32(stream.0).u64(first).u64(at as u64).u32(payloads.len() as u32);
            for payload in payloads {
                put.bytes(payload);
            }
        }
        Write::Trim { stream, before } => {
            put.tag(TRIM).u32(stream.0).u64(before);
        }
        Write::Extent { stream, extent } => {
            let Extent { first, head, bytes } = extent;
            put.tag(EXTENT).u32(stream.0).u64(first).u64(head).u64(bytes);
        }
        Write::Cursor { name, stream, position } => {
            put.tag(CURSOR).u32(stream.0).u64(position).bytes(name.as_bytes());
        }
        Write::Value { key, payload } => {
            put.tag(VALUE).bytes(key.as_bytes()).bytes(payload);
        }
        Write::SnapshotChunk { snapshot, index, payload } => {
            put.tag(CHUNK).u64(snapshot).u32(index).bytes(payload);
        }
        Write::Snapshot { snapshot, stream, position, bytes } => {
            put.tag(SNAPSHOT).u64(snapshot).u32(stream.0).u64(position).u64(bytes);
        }
        Write::Mark => {}
    }
}

struct Encoder<'a>(&'a mut Vec<u8>);

impl Encoder<'_> {
    fn tag(&mut self, tag: u8) -> &mut Self {
        self.0.push(tag);
        self
    }

    fn u32(&mut self, number: u32) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn u64(&mut self, number: u64) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    /// No longer than [`crate::MAX_RECORD_BYTES`], or a name.
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.u32(bytes.len() as u32);
        self.0.extend_from_slice(bytes);
        self
    }
}

/// A place in one of a part's bodies.
#[derive(Debug, Clone, Copy)]
struct Place {
    body: u32,
    at: u32,
    length: u32,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    /// When it was appended, in milliseconds since 1970.
    at: i64,
    payload: Place,
}

/// Records of a stream, dense from `first` on.
#[derive(Debug)]
struct Records {
    first: u64,
    held: Vec<Held>,
}

/// A snapshot that is complete.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Completed {
    pub(crate) snapshot: u64,
    pub(crate) stream: StreamId,
    pub(crate) position: u64,
    pub(crate) bytes: u64,
}

/// The commits of one file of the log.
#[derive(Debug, Default)]
pub(crate) struct Part {
    bodies: Vec<Arc<[u8]>>,
    /// The number of its last commit; 0 while it has none.
    pub(crate) last: u64,
    pub(crate) streams: Vec<(StreamId, String)>,
    records: BTreeMap<StreamId, Records>,
    pub(crate) trims: BTreeMap<StreamId, u64>,
    pub(crate) extents: BTreeMap<StreamId, Extent>,
    pub(crate) cursors: HashMap<String, (StreamId, u64)>,
    values: HashMap<String, Place>,
    /// By number of the snapshot and of the piece.
    chunks: BTreeMap<(u64, u32), Place>,
    pub(crate) snapshots: Vec<Completed>,
}

/// A record in a part.
pub(crate) struct InPart<'a> {
    pub(crate) position: u64,
    pub(crate) at: i64,
    pub(crate) payload: &'a [u8],
}

impl Part {
    /// Adds a commit, given its body.
    ///
    /// # Errors
    /// When the body is none.
    pub(crate) fn add(&mut self, number: u64, body: Arc<[u8]>) -> Result<(), StoreError> {
        let index = u32::try_from(self.bodies.len()).unwrap_or(u32::MAX);
        let mut reader = Reader { body: &body, index, at: 0 };
        while reader.at < body.len() {
            self.note(&mut reader).ok_or_else(|| {
                StoreError::Failed(format!("commit {number} of the log says what nobody wrote"))
            })?;
        }
        self.last = number;
        self.bodies.push(body);
        Ok(())
    }

    fn note(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        match reader.u8()? {
            STREAM => self.streams.push((StreamId(reader.u32()?), reader.text()?.to_owned())),
            RECORDS => {
                let (stream, first) = (StreamId(reader.u32()?), reader.u64()?);
                let (at, count) = (reader.u64()? as i64, reader.u32()?);
                let records = self
                    .records
                    .entry(stream)
                    .or_insert_with(|| Records { first, held: Vec::new() });
                if records.first + records.held.len() as u64 != first {
                    return None;
                }
                for _ in 0..count {
                    records.held.push(Held { at, payload: reader.place()? });
                }
            }
            TRIM => drop(self.trims.insert(StreamId(reader.u32()?), reader.u64()?)),
            EXTENT => {
                let stream = StreamId(reader.u32()?);
                let (first, head, bytes) = (reader.u64()?, reader.u64()?, reader.u64()?);
                self.extents.insert(stream, Extent { first, head, bytes });
            }
            CURSOR => {
                let cursor = (StreamId(reader.u32()?), reader.u64()?);
                put(&mut self.cursors, reader.text()?, cursor);
            }
            VALUE => {
                let key = reader.text()?;
                put(&mut self.values, key, reader.place()?);
            }
            CHUNK => {
                let piece = (reader.u64()?, reader.u32()?);
                self.chunks.insert(piece, reader.place()?);
            }
            SNAPSHOT => self.snapshots.push(Completed {
                snapshot: reader.u64()?,
                stream: StreamId(reader.u32()?),
                position: reader.u64()?,
                bytes: reader.u64()?,
            }),
            _ => return None,
        }
        Some(())
    }

    /// A stream's records from `from` on; none where it does not hold that one.
    pub(crate) fn records(
        &self,
        stream: StreamId,
        from: u64,
    ) -> Option<impl Iterator<Item = InPart<'_>>> {
        let records = self.records.get(&stream)?;
        let skip = usize::try_from(from.checked_sub(records.first)?).ok()?;
        let held = records.held.get(skip..).filter(|held| !held.is_empty())?;
        Some((from..).zip(held).map(|(position, held)| InPart {
            position,
            at: held.at,
            payload: self.at(held.payload),
        }))
    }

    /// All its records that were not trimmed since, stream by stream.
    pub(crate) fn kept(
        &self,
    ) -> impl Iterator<Item = (StreamId, impl Iterator<Item = InPart<'_>>)> {
        self.records.iter().filter_map(|(&stream, records)| {
            let trimmed = self.trims.get(&stream).copied().unwrap_or(0);
            Some((stream, self.records(stream, records.first.max(trimmed))?))
        })
    }

    pub(crate) fn value(&self, key: &str) -> Option<&[u8]> {
        Some(self.at(*self.values.get(key)?))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.values.iter().map(|(key, place)| (key.as_str(), self.at(*place)))
    }

    pub(crate) fn chunk(&self, snapshot: u64, index: u32) -> Option<&[u8]> {
        Some(self.at(*self.chunks.get(&(snapshot, index))?))
    }

    pub(crate) fn chunks(&self) -> impl Iterator<Item = (u64, u32, &[u8])> {
        self.chunks.iter().map(|(&(snapshot, index), place)| (snapshot, index, self.at(*place)))
    }

    fn at(&self, place: Place) -> &[u8] {
        let at = place.at as usize;
        &self.bodies[place.body as usize][at..at + place.length as usize]
    }
}

impl InPart<'_> {
    pub(crate) fn kept(&self) -> Kept {
        Kept { position: self.position, at: self.at, bytes: self.payload.len() as u64 }
    }
}

fn put<T>(map: &mut HashMap<String, T>, key: &str, value: T) {
    match map.get_mut(key) {
        Some(kept) => *kept = value,
        None => drop(map.insert(key.to_owned(), value)),
    }
}

/// Reads a body; nothing where it ends too early.
struct Reader<'a> {
    body: &'a [u8],
    index: u32,
    at: usize,
}

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let taken = *self.body.get(self.at..)?.first_chunk()?;
        self.at += N;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn place(&mut self) -> Option<Place> {
        let length = self.u32()?;
        let at = self.at;
        self.at = at.checked_add(length as usize).filter(|end| *end <= self.body.len())?;
        Some(Place { body: self.index, at: u32::try_from(at).ok()?, length })
    }

    fn text(&mut self) -> Option<&'a str> {
        let Place { at, length, .. } = self.place()?;
        std::str::from_utf8(self.body.get(at as usize..at as usize + length as usize)?).ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const STREAM: StreamId = StreamId(1);

    fn body(writes: &[Write<'_>]) -> Arc<[u8]> {
        let mut body = Vec::new();
        writes.iter().for_each(|write| encode(write, &mut body));
        body.into()
    }

    fn records(first: u64, payloads: &[Vec<u8>]) -> Arc<[u8]> {
        body(&[Write::Records { stream: STREAM, first, at: 5, payloads }])
    }

    #[test]
    fn it_gives_what_was_written_and_the_last_of_what_was_written_again() {
        let extent = |head| Extent { first: 1, head, bytes: head };
        let mut part = Part::default();
        part.add(7, records(3, &[vec![3], vec![], vec![5; 300]])).unwrap();
        let again = [
            Write::Stream { stream: StreamId(2), name: "zwei" },
            Write::Value { key: "k", payload: b"old" },
            Write::Value { key: "k", payload: b"new" },
            Write::Cursor { name: "c", stream: STREAM, position: 1 },
            Write::Cursor { name: "c", stream: STREAM, position: 2 },
            Write::Extent { stream: STREAM, extent: extent(5) },
            Write::Extent { stream: STREAM, extent: extent(6) },
            Write::SnapshotChunk { snapshot: 1, index: 0, payload: b"given up" },
            Write::SnapshotChunk { snapshot: 1, index: 0, payload: b"piece" },
            Write::Snapshot { snapshot: 1, stream: STREAM, position: 2, bytes: 5 },
            Write::Trim { stream: STREAM, before: 4 },
            Write::Mark,
        ];
        part.add(8, body(&again)).unwrap();
        part.add(9, records(6, &[vec![6]])).unwrap();

        let of = |from| part.records(STREAM, from).map(|found| found.map(|r| r.position).collect());
        assert_eq!(of(3), Some(vec![3, 4, 5, 6]));
        assert_eq!((of(2), of(7)), (None, None));
        let kept: Vec<_> = part.kept().flat_map(|(_, kept)| kept.map(|r| r.position)).collect();
        assert_eq!(kept, [4, 5, 6], "what was trimmed since is not moved");
        assert_eq!(part.records(STREAM, 5).unwrap().next().unwrap().payload, [5; 300]);
        assert_eq!((part.last, part.value("k")), (9, Some(&b"new"[..])));
        assert_eq!((part.cursors["c"], part.extents[&STREAM]), ((STREAM, 2), extent(6)));
        assert_eq!(part.chunk(1, 0), Some(&b"piece"[..]));
        assert_eq!((part.snapshots.len(), part.streams.len()), (1, 1));
    }

    #[test]
    fn a_body_that_ends_early_or_leaves_a_hole_is_refused() {
        let whole = records(1, &[vec![1; 9], vec![2; 9]]);
        for length in 1..whole.len() {
            assert!(Part::default().add(1, whole[..length].into()).is_err(), "{length}");
        }
        let mut part = Part::default();
        part.add(1, whole).unwrap();
        assert!(part.add(2, records(4, &[vec![]])).is_err());
        assert!(part.add(3, Arc::from([99])).is_err());
    }
}
