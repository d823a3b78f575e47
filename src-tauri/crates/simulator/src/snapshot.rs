//! The graph in a snapshot: blocks of records, so that neither writing nor reading it takes more
//! memory than a block beside the graph itself.
//!
//! A block is its length (8 bytes, little endian), its kind, and records up to its end. The first
//! one is the [`Header`]; then come models, twins, relationships and event routes.

use crate::InstanceError;
use crate::recovery::Telling;
use journal::SnapshotReader;
use std::sync::Arc;
use twin_graph::{Bytes, EventRoute, FORM, Record, RecordError, StoredModel, TwinGraph};

/// A block is ended once it is that long, in bytes: some thousand twins.
const BLOCK: usize = 256 << 10;
/// No block is longer, whatever its length says.
const LONGEST: usize = 1 << 30;
const LENGTH: usize = size_of::<u64>();

const HEADER: u64 = 0;
const MODELS: u64 = 1;
const TWINS: u64 = 2;
const RELATIONSHIPS: u64 = 3;
const ROUTES: u64 = 4;

/// What is in a snapshot.
struct Header {
    version: u64,
    twins: u64,
    relationships: u64,
}

impl Record for Header {
    fn write(&self, to: &mut Vec<u8>) {
        let numbers = [u64::from(FORM), self.version, self.twins, self.relationships];
        numbers.iter().for_each(|number| number.write(to));
    }

    fn read(from: &mut Bytes<'_>) -> Result<Self, RecordError> {
        if u64::read(from)? != u64::from(FORM) {
            return Err(RecordError { at: 0, expected: "the number of the form" });
        }
        let (version, twins) = (u64::read(from)?, u64::read(from)?);
        Ok(Self { version, twins, relationships: u64::read(from)? })
    }
}

/// The blocks of a graph, made one by one.
pub(crate) fn blocks(graph: &TwinGraph) -> impl Iterator<Item = Vec<u8>> {
    let header = Header {
        version: graph.version(),
        twins: graph.twin_count() as u64,
        relationships: graph.relationship_count() as u64,
    };
    let models = graph.stored_models().map(|(_, model)| model);
    blocks_of(HEADER, std::iter::once(header))
        .chain(blocks_of(MODELS, models.cloned()))
        .chain(blocks_of(TWINS, graph.twins().cloned()))
        .chain(blocks_of(RELATIONSHIPS, graph.relationships().cloned()))
        .chain(blocks_of(ROUTES, graph.routes().cloned()))
}

fn blocks_of<T: Record>(
    kind: u64,
    things: impl Iterator<Item = T>,
) -> impl Iterator<Item = Vec<u8>> {
    let mut things = things.peekable();
    std::iter::from_fn(move || {
        things.peek()?;
        let mut block = vec![0; LENGTH];
        kind.write(&mut block);
        while block.len() < BLOCK
            && let Some(thing) = things.next()
        {
            thing.write(&mut block);
        }
        let length = (block.len() - LENGTH) as u64;
        block[..LENGTH].copy_from_slice(&length.to_le_bytes());
        Some(block)
    })
}

/// Reads a snapshot into a graph, block by block.
pub(crate) fn restore(
    reader: &mut SnapshotReader<'_>,
    telling: &mut Telling<'_>,
) -> Result<TwinGraph, InstanceError> {
    let mut blocks = Blocks { reader, bytes: Vec::new() };
    let block = blocks.next()?.ok_or_else(|| unreadable("a header"))?;
    let mut bytes = Bytes::new(&block);
    let header = match u64::read(&mut bytes).map_err(not_ours)? {
        HEADER => Header::read(&mut bytes).map_err(not_ours)?,
        _ => return Err(unreadable("a header")),
    };
    telling.expect(header.version, header.twins + header.relationships);
    let mut graph = TwinGraph::at(header.version);
    let (mut models, mut routes) = (Vec::new(), Vec::new());
    while let Some(block) = blocks.next()? {
        let mut bytes = Bytes::new(&block);
        match u64::read(&mut bytes).map_err(not_ours)? {
            MODELS => models.append(&mut read_all::<StoredModel>(&mut bytes)?),
            TWINS => read_all(&mut bytes)?.into_iter().for_each(|twin| graph.restore_twin(twin)),
            RELATIONSHIPS => {
                let mut relationships = read_all(&mut bytes)?.into_iter();
                relationships.try_for_each(|each| graph.restore_relationship(each))?;
            }
            ROUTES => routes.append(&mut read_all::<Arc<EventRoute>>(&mut bytes)?),
            _ => return Err(unreadable("a kind of block")),
        }
        telling.restored((graph.twin_count() + graph.relationship_count()) as u64)?;
    }
    if (graph.twin_count() as u64, graph.relationship_count() as u64)
        != (header.twins, header.relationships)
    {
        return Err(unreadable("as many twins and relationships as it says"));
    }
    // Together: each is checked with those that it needs.
    graph.restore_models(&models)?;
    Ok(graph.with_routes(routes))
}

/// The pieces of the journal, cut into blocks again.
struct Blocks<'a, 'b> {
    reader: &'a mut SnapshotReader<'b>,
    bytes: Vec<u8>,
}

impl Blocks<'_, '_> {
    /// The next block, without its length.
    fn next(&mut self) -> Result<Option<Vec<u8>>, InstanceError> {
        if !self.fill(LENGTH)? {
            let is_end = self.bytes.is_empty();
            return if is_end { Ok(None) } else { Err(unreadable("a block")) };
        }
        let mut length = [0; LENGTH];
        length.copy_from_slice(&self.bytes[..LENGTH]);
        let length = usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX);
        if length > LONGEST || !self.fill(LENGTH + length)? {
            return Err(unreadable("a whole block"));
        }
        let rest = self.bytes.split_off(LENGTH + length);
        let mut block = std::mem::replace(&mut self.bytes, rest);
        block.drain(..LENGTH);
        Ok(Some(block))
    }

    /// Reads on until that many bytes are there; says whether they are.
    fn fill(&mut self, count: usize) -> Result<bool, InstanceError> {
        while self.bytes.len() < count {
            let Some(piece) = self.reader.next_piece()? else { return Ok(false) };
            self.bytes.extend_from_slice(&piece);
        }
        Ok(true)
    }
}

/// All things of a block.
fn read_all<T: Record>(bytes: &mut Bytes<'_>) -> Result<Vec<T>, InstanceError> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        all.push(T::read(bytes).map_err(not_ours)?);
    }
    Ok(all)
}

fn not_ours(source: RecordError) -> InstanceError {
    InstanceError::Unreadable { what: "the snapshot".into(), source }
}

fn unreadable(expected: &'static str) -> InstanceError {
    not_ours(RecordError { at: 0, expected })
}

#[cfg(test)]
mod tests;
