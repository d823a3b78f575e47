//! Frames: what goes over the wire, one after the other (part 2.3).

use crate::value::{Malformed, malformed};
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The smallest limit on a frame's size that the specification allows a peer to have.
pub const MIN_MAX_FRAME: u32 = 512;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A performative, or nothing: a sign of life.
    Amqp = 0,
    /// A step of authentication.
    Sasl = 1,
}

/// A frame that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it carries.
    pub kind: Kind,
    /// The session's channel.
    pub channel: u16,
    /// A performative and its payload; empty for a sign of life.
    pub body: Bytes,
}

/// Takes the next frame out of what was read, if it is there in full.
///
/// # Errors
/// A frame larger than `max`, with a header that cannot be, or of an unknown kind. The stream
/// cannot be read any further then.
pub fn next(read: &mut BytesMut, max: u32) -> Result<Option<Frame>, Malformed> {
    let Some(header) = read.get(..8) else { return Ok(None) };
    let size = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
    let (offset, kind) = (usize::from(header[4]) * 4, header[5]);
    let channel = u16::from_be_bytes([header[6], header[7]]);
    if size > max {
        return Err(malformed("a frame larger than the size agreed upon"));
    }
    let size = usize::try_from(size).map_err(|_| malformed("a frame beyond memory"))?;
    if offset < 8 || offset > size {
        return Err(malformed("a frame whose header does not fit it"));
    }
    let kind = match kind {
        0 => Kind::Amqp,
        1 => Kind::Sasl,
        _ => return Err(malformed("a frame of an unknown kind")),
    };
    if read.len() < size {
        read.reserve(size - read.len());
        return Ok(None);
    }
    let mut body = read.split_to(size).freeze();
    body.advance(offset);
    Ok(Some(Frame { kind, channel, body }))
}

/// Writes a frame around what `body` writes.
pub fn write(out: &mut BytesMut, kind: Kind, channel: u16, body: impl FnOnce(&mut BytesMut)) {
    let at = out.len();
    out.put_slice(&[0, 0, 0, 0, 2, kind as u8]);
    out.put_u16(channel);
    body(out);
    // A frame is split by its writer long before it could be 4 GiB.
    let size = u32::try_from(out.len() - at).unwrap_or(u32::MAX);
    out[at..at + 4].copy_from_slice(&size.to_be_bytes());
}
