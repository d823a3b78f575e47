//! The device registry in a snapshot: a line of JSON a device, so that neither writing nor reading
//! it takes more memory than some devices beside the registry itself.

use super::device::{Device, Kept};
use journal::{JournalError, SnapshotReader};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A piece is ended once it is that long, in bytes.
const PIECE: usize = 64 << 10;

/// A line.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    device: Arc<str>,
    kept: Cow<'a, Kept>,
}

/// The pieces of a snapshot, made as they are asked for: each device as it is then.
pub(super) fn pieces(devices: &[Arc<Device>]) -> impl Iterator<Item = Vec<u8>> {
    let mut rest = devices.iter();
    std::iter::from_fn(move || {
        let mut piece = Vec::new();
        while piece.len() < PIECE
            && let Some(device) = rest.next()
        {
            let line = Line { device: device.id.clone(), kept: Cow::Owned(device.kept()) };
            match serde_json::to_writer(&mut piece, &line) {
                Ok(()) => piece.push(b'\n'),
                Err(error) => {
                    tracing::error!(%error, device = %device.id, "a device cannot be written");
                }
            }
        }
        (!piece.is_empty()).then_some(piece)
    })
}

/// The devices of a snapshot, and its position. A line that cannot be read is told in the log.
pub(super) fn read(
    reader: &mut SnapshotReader<'_>,
) -> Result<(u64, BTreeMap<Arc<str>, Kept>), JournalError> {
    let mut devices = BTreeMap::new();
    let mut bytes = Vec::new();
    while let Some(piece) = reader.next_piece()? {
        let behind = bytes.len();
        bytes.extend_from_slice(&piece);
        let Some(end) = bytes[behind..].iter().rposition(|byte| *byte == b'\n') else { continue };
        let rest = bytes.split_off(behind + end + 1);
        take_lines(&bytes, &mut devices);
        bytes = rest;
    }
    take_lines(&bytes, &mut devices);
    Ok((reader.position(), devices))
}

fn take_lines(bytes: &[u8], devices: &mut BTreeMap<Arc<str>, Kept>) {
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice::<Line<'_>>(line) {
            Ok(line) => drop(devices.insert(line.device, line.kept.into_owned())),
            Err(error) => {
                tracing::error!(%error, "a device of the registry's snapshot is not readable");
            }
        }
    }
}
