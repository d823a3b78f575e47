//! AMQP's types: values, read from and written to bytes (OASIS AMQP 1.0, part 1).
//!
//! Reading is bounded: by the bytes that there are, by depth, and by how many elements may stand
//! for no bytes at all. It never panics, whatever the bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;

/// How deep lists, maps, arrays and described values may nest.
const DEEPEST: usize = 32;
/// How many elements of arrays may stand for no bytes of their own, all arrays of what is read
/// together: nulls, trues, empty lists, and those whose descriptor is written once for all.
const MOST_EMPTY: usize = 4_096;
/// The longest name of a described type in an array, where it is repeated for every element.
const LONGEST_NAME: usize = 255;

/// A value of any of AMQP's types.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // They are AMQP's own names.
pub enum Value {
    Null,
    Bool(bool),
    Ubyte(u8),
    Ushort(u16),
    Uint(u32),
    Ulong(u64),
    Byte(i8),
    Short(i16),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    Decimal32([u8; 4]),
    Decimal64([u8; 8]),
    Decimal128([u8; 16]),
    Char(char),
    /// Milliseconds since 1970.
    Timestamp(i64),
    Uuid([u8; 16]),
    Binary(Bytes),
    String(String),
    Symbol(String),
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
    /// Elements of one type.
    Array(Vec<Value>),
    /// A descriptor and what it describes.
    Described(Box<(Value, Value)>),
}

/// Bytes that are no AMQP.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the bytes are no AMQP: {what}")]
pub struct Malformed {
    /// What was wrong.
    pub what: &'static str,
}

pub(crate) const fn malformed(what: &'static str) -> Malformed {
    Malformed { what }
}

impl Value {
    /// A symbol.
    #[must_use]
    pub fn symbol(text: &str) -> Self {
        Self::Symbol(text.to_owned())
    }

    /// The text of a string or symbol.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::String(text) | Self::Symbol(text) => Some(text),
            _ => None,
        }
    }

    /// Any integer, and a timestamp's milliseconds.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        Some(match *self {
            Self::Ubyte(n) => n.into(),
            Self::Ushort(n) => n.into(),
            Self::Uint(n) => n.into(),
            Self::Ulong(n) => i64::try_from(n).ok()?,
            Self::Byte(n) => n.into(),
            Self::Short(n) => n.into(),
            Self::Int(n) => n.into(),
            Self::Long(n) | Self::Timestamp(n) => n,
            _ => return None,
        })
    }

    /// Any integer that is not negative and fits.
    #[must_use]
    pub fn as_u32(&self) -> Option<u32> {
        self.as_i64().and_then(|n| u32::try_from(n).ok())
    }

    /// A boolean.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// A list's or array's elements.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Self::List(values) | Self::Array(values) = self { Some(values) } else { None }
    }

    /// A map's pairs.
    #[must_use]
    pub fn as_map(&self) -> Option<&[(Value, Value)]> {
        if let Self::Map(pairs) = self { Some(pairs) } else { None }
    }

    /// What a map has under a key that is a string or symbol.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.iter().find(|(k, _)| k.as_text() == Some(key)).map(|(_, value)| value)
    }

    /// The described value, or the value itself.
    #[must_use]
    pub fn undescribed(&self) -> &Value {
        if let Self::Described(described) = self { described.1.undescribed() } else { self }
    }

    /// Reads one value and all of the bytes.
    ///
    /// # Errors
    /// [`Malformed`], also when bytes are left.
    pub fn read(bytes: Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let value = reader.value()?;
        if reader.is_empty() { Ok(value) } else { Err(malformed("bytes follow the value")) }
    }

    /// Writes the value.
    pub fn write(&self, out: &mut BytesMut) {
        match self {
            Self::Null => out.put_u8(0x40),
            Self::Bool(true) => out.put_u8(0x41),
            Self::Bool(false) => out.put_u8(0x42),
            Self::Uint(0) => out.put_u8(0x43),
            Self::Ulong(0) => out.put_u8(0x44),
            // Constructors may be one byte long where the value is small.
            &Self::Uint(n @ 1..=255) => out.put_slice(&[0x52, n.to_be_bytes()[3]]),
            &Self::Ulong(n @ 1..=255) => out.put_slice(&[0x53, n.to_be_bytes()[7]]),
            Self::Binary(bytes) => short_or_long(out, 0xa0, bytes),
            Self::String(text) => write_string(out, text),
            Self::Symbol(text) => write_symbol(out, text),
            Self::Described(described) => {
                out.put_u8(0);
                described.0.write(out);
                described.1.write(out);
            }
            other => {
                out.put_u8(other.widest());
                other.write_widest(out);
            }
        }
    }

    /// The value as bytes of its own.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::new();
        self.write(&mut out);
        out.freeze()
    }

    /// The constructor that can hold every value of this type.
    fn widest(&self) -> u8 {
        match self {
            Self::Null => 0x40,
            Self::Bool(_) => 0x56,
            Self::Ubyte(_) => 0x50,
            Self::Ushort(_) => 0x60,
            Self::Uint(_) => 0x70,
            Self::Ulong(_) => 0x80,
            Self::Byte(_) => 0x51,
            Self::Short(_) => 0x61,
            Self::Int(_) => 0x71,
            Self::Long(_) => 0x81,
            Self::Float(_) => 0x72,
            Self::Double(_) => 0x82,
            Self::Decimal32(_) => 0x74,
            Self::Decimal64(_) => 0x84,
            Self::Decimal128(_) => 0x94,
            Self::Char(_) => 0x73,
            Self::Timestamp(_) => 0x83,
            Self::Uuid(_) => 0x98,
            Self::Binary(_) => 0xb0,
            Self::String(_) => 0xb1,
            Self::Symbol(_) => 0xb3,
            Self::List(_) => 0xd0,
            Self::Map(_) => 0xd1,
            Self::Array(_) => 0xf0,
            Self::Described(_) => 0,
        }
    }

    fn write_widest(&self, out: &mut BytesMut) {
        match self {
            Self::Null => {}
            &Self::Bool(value) => out.put_u8(value.into()),
            &Self::Ubyte(n) => out.put_u8(n),
            &Self::Ushort(n) => out.put_u16(n),
            &Self::Uint(n) => out.put_u32(n),
            &Self::Ulong(n) => out.put_u64(n),
            &Self::Byte(n) => out.put_i8(n),
            &Self::Short(n) => out.put_i16(n),
            &Self::Int(n) => out.put_i32(n),
            &Self::Long(n) | &Self::Timestamp(n) => out.put_i64(n),
            &Self::Float(n) => out.put_f32(n),
            &Self::Double(n) => out.put_f64(n),
            Self::Decimal32(bytes) => out.put_slice(bytes),
            Self::Decimal64(bytes) => out.put_slice(bytes),
            Self::Decimal128(bytes) | Self::Uuid(bytes) => out.put_slice(bytes),
            &Self::Char(c) => out.put_u32(c.into()),
            Self::Binary(bytes) => long(out, bytes),
            Self::String(text) | Self::Symbol(text) => long(out, text.as_bytes()),
            Self::List(values) => list(out, values),
            Self::Map(pairs) => compound(out, pairs.len() * 2, |out| {
                for (key, value) in pairs {
                    key.write(out);
                    value.write(out);
                }
            }),
            Self::Array(values) => compound(out, values.len(), |out| write_array(out, values)),
            Self::Described(described) => described.1.write_widest(out),
        }
    }
}

/// Writes a text as [`Value::String`].
pub fn write_string(out: &mut BytesMut, text: &str) {
    short_or_long(out, 0xa1, text.as_bytes());
}

/// Writes a text as [`Value::Symbol`].
pub fn write_symbol(out: &mut BytesMut, text: &str) {
    short_or_long(out, 0xa3, text.as_bytes());
}

fn list(out: &mut BytesMut, values: &[Value]) {
    compound(out, values.len(), |out| values.iter().for_each(|value| value.write(out)));
}

/// Writes a list as [`Value::List`], of values that are borrowed.
pub(crate) fn write_list(out: &mut BytesMut, values: &[Value]) {
    out.put_u8(0xd0);
    list(out, values);
}

/// Writes a map as [`Value::Map`], whose keys are strings and borrowed, as its values are.
pub(crate) fn write_map<'a>(
    out: &mut BytesMut,
    pairs: impl ExactSizeIterator<Item = (&'a str, &'a Value)>,
) {
    out.put_u8(0xd1);
    compound(out, pairs.len() * 2, |out| {
        for (key, value) in pairs {
            write_string(out, key);
            value.write(out);
        }
    });
}

/// One constructor, then the elements without theirs. An empty array is one of nulls.
fn write_array(out: &mut BytesMut, values: &[Value]) {
    let mut first = values.first().unwrap_or(&Value::Null);
    while let Value::Described(described) = first {
        out.put_u8(0);
        described.0.write(out);
        first = &described.1;
    }
    out.put_u8(first.widest());
    values.iter().for_each(|value| value.write_widest(out));
}

fn length(bytes: usize) -> u32 {
    // Frames are at most 4 GiB, so that nothing this long is ever written.
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn long(out: &mut BytesMut, bytes: &[u8]) {
    out.put_u32(length(bytes.len()));
    out.put_slice(bytes);
}

fn short_or_long(out: &mut BytesMut, short: u8, bytes: &[u8]) {
    match u8::try_from(bytes.len()) {
        Ok(size) => {
            out.put_slice(&[short, size]);
            out.put_slice(bytes);
        }
        Err(_) => {
            out.put_u8(short + 0x10);
            long(out, bytes);
        }
    }
}

/// Size and count, then the contents; the size is known only behind them.
pub(crate) fn compound(out: &mut BytesMut, count: usize, contents: impl FnOnce(&mut BytesMut)) {
    let at = out.len();
    out.put_u32(0);
    out.put_u32(length(count));
    contents(out);
    let size = length(out.len() - at - 4);
    out[at..at + 4].copy_from_slice(&size.to_be_bytes());
}

/// Reads values one behind the other. What it hands out shares the bytes.
#[derive(Clone, Debug)]
pub struct Reader {
    bytes: Bytes,
    /// How many of [`MOST_EMPTY`] are left.
    spare: usize,
}

impl Reader {
    /// Begins at the first byte.
    #[must_use]
    pub fn new(bytes: Bytes) -> Self {
        Self { bytes, spare: MOST_EMPTY }
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many bytes are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.bytes.len()
    }

    /// What is left.
    #[must_use]
    pub fn rest(self) -> Bytes {
        self.bytes
    }

    /// The next value.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn value(&mut self) -> Result<Value, Malformed> {
        self.value_at(0)
    }

    /// The text of the next value, a string or symbol, as bytes that are UTF-8.
    ///
    /// # Errors
    /// [`Malformed`], also when it is of another type. What is left then begins within the value.
    pub fn text(&mut self) -> Result<Bytes, Malformed> {
        let bytes = match self.u8()? {
            constructor @ (0xa1 | 0xb1 | 0xa3 | 0xb3) => self.variable(constructor)?,
            _ => return Err(malformed("a text is due")),
        };
        std::str::from_utf8(&bytes).map_err(|_| malformed("text that is not UTF-8"))?;
        Ok(bytes)
    }

    /// Passes over the next value.
    ///
    /// # Errors
    /// [`Malformed`], also when there are fewer bytes than its size says.
    pub fn skip(&mut self) -> Result<(), Malformed> {
        let mut constructor = self.u8()?;
        let mut depth = 0;
        while constructor == 0 {
            depth += 1;
            if depth > DEEPEST {
                return Err(malformed("it nests too deep"));
            }
            // A descriptor is a simple value; one that is described itself is not taken.
            let descriptor = self.u8()?;
            self.skip_contents(descriptor)?;
            constructor = self.u8()?;
        }
        self.skip_contents(constructor)
    }

    fn skip_contents(&mut self, constructor: u8) -> Result<(), Malformed> {
        let width = match constructor >> 4 {
            0x4 => 0,
            0x5 => 1,
            0x6 => 2,
            0x7 => 4,
            0x8 => 8,
            0x9 => 16,
            0xa | 0xc | 0xe => self.u8()?.into(),
            0xb | 0xd | 0xf => self.size()?,
            _ => return Err(malformed("an unknown type")),
        };
        self.take(width).map(drop)
    }

    /// The code of a described value whose descriptor is a number or a symbol of AMQP's own, and
    /// nothing else of it.
    pub(crate) fn descriptor(&mut self) -> Result<Value, Malformed> {
        match self.u8()? {
            0 => self.value_at(1),
            _ => Err(malformed("a described value is due")),
        }
    }

    fn value_at(&mut self, depth: usize) -> Result<Value, Malformed> {
        let constructor = self.u8()?;
        self.contents(constructor, depth)
    }

    fn contents(&mut self, constructor: u8, depth: usize) -> Result<Value, Malformed> {
        if depth > DEEPEST {
            return Err(malformed("it nests too deep"));
        }
        Ok(match constructor {
            0x00 => {
                let descriptor = self.value_at(depth + 1)?;
                Value::Described(Box::new((descriptor, self.value_at(depth + 1)?)))
            }
            0x40 => Value::Null,
            0x41 => Value::Bool(true),
            0x42 => Value::Bool(false),
            0x43 => Value::Uint(0),
            0x44 => Value::Ulong(0),
            0x45 => Value::List(Vec::new()),
            0x50 => Value::Ubyte(self.u8()?),
            0x51 => Value::Byte(self.fixed::<1>()?[0].cast_signed()),
            0x52 => Value::Uint(self.u8()?.into()),
            0x53 => Value::Ulong(self.u8()?.into()),
            0x54 => Value::Int(self.u8()?.cast_signed().into()),
            0x55 => Value::Long(self.u8()?.cast_signed().into()),
            0x56 => match self.u8()? {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                _ => return Err(malformed("a boolean that is neither")),
            },
            0x60 => Value::Ushort(u16::from_be_bytes(self.fixed()?)),
            0x61 => Value::Short(i16::from_be_bytes(self.fixed()?)),
            0x70 => Value::Uint(u32::from_be_bytes(self.fixed()?)),
            0x71 => Value::Int(i32::from_be_bytes(self.fixed()?)),
            0x72 => Value::Float(f32::from_be_bytes(self.fixed()?)),
            0x73 => Value::Char(
                char::from_u32(u32::from_be_bytes(self.fixed()?))
                    .ok_or(malformed("a character that is none"))?,
            ),
            0x74 => Value::Decimal32(self.fixed()?),
            0x80 => Value::Ulong(u64::from_be_bytes(self.fixed()?)),
            0x81 => Value::Long(i64::from_be_bytes(self.fixed()?)),
            0x82 => Value::Double(f64::from_be_bytes(self.fixed()?)),
            0x83 => Value::Timestamp(i64::from_be_bytes(self.fixed()?)),
            0x84 => Value::Decimal64(self.fixed()?),
            0x94 => Value::Decimal128(self.fixed()?),
            0x98 => Value::Uuid(self.fixed()?),
            0xa0 | 0xb0 => Value::Binary(self.variable(constructor)?),
            0xa1 | 0xb1 => Value::String(text(&self.variable(constructor)?)?),
            0xa3 | 0xb3 => Value::Symbol(text(&self.variable(constructor)?)?),
            0xc0 | 0xd0 => {
                let (mut inner, count) = self.compound(constructor)?;
                let mut values = Vec::with_capacity(count.min(64));
                for _ in 0..count {
                    values.push(inner.value_at(depth + 1)?);
                }
                self.end(&inner, Value::List(values))?
            }
            0xc1 | 0xd1 => {
                let (mut inner, count) = self.compound(constructor)?;
                if count % 2 != 0 {
                    return Err(malformed("a map with a key and no value"));
                }
                let mut pairs = Vec::with_capacity((count / 2).min(64));
                for _ in 0..count / 2 {
                    pairs.push((inner.value_at(depth + 1)?, inner.value_at(depth + 1)?));
                }
                self.end(&inner, Value::Map(pairs))?
            }
            0xe0 | 0xf0 => {
                let (mut inner, count) = self.compound_unchecked(constructor)?;
                let array = inner.array(count, depth + 1)?;
                self.end(&inner, array)?
            }
            _ => return Err(malformed("an unknown type")),
        })
    }

    fn array(&mut self, count: usize, depth: usize) -> Result<Value, Malformed> {
        let mut descriptors = Vec::new();
        let mut constructor = self.u8()?;
        while constructor == 0 {
            let descriptor = self.value_at(depth + descriptors.len() + 1)?;
            let fits = match &descriptor {
                Value::Ulong(_) => true,
                Value::Symbol(name) => name.len() <= LONGEST_NAME,
                _ => false,
            };
            if !fits {
                return Err(malformed("an array whose descriptor is no code and no name"));
            }
            descriptors.push(descriptor);
            constructor = self.u8()?;
        }
        let empty = constructor >> 4 == 4 || !descriptors.is_empty();
        let most = if empty { self.spare } else { self.left() };
        if count > most {
            return Err(malformed("an array with more elements than bytes"));
        }
        self.spare -= if empty { count } else { 0 };
        let mut values = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            let mut value = self.contents(constructor, depth + descriptors.len())?;
            for descriptor in descriptors.iter().rev() {
                value = Value::Described(Box::new((descriptor.clone(), value)));
            }
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    /// The value that was read from `inner`, if nothing is left behind it there.
    fn end(&mut self, inner: &Self, value: Value) -> Result<Value, Malformed> {
        self.spare = inner.spare;
        if inner.is_empty() {
            Ok(value)
        } else {
            Err(malformed("a size that is not its contents'"))
        }
    }

    /// A list's or map's contents and the number of its elements, each of which has a byte.
    fn compound(&mut self, constructor: u8) -> Result<(Self, usize), Malformed> {
        let (inner, count) = self.compound_unchecked(constructor)?;
        if count > inner.left() {
            return Err(malformed("more elements than bytes"));
        }
        Ok((inner, count))
    }

    fn compound_unchecked(&mut self, constructor: u8) -> Result<(Self, usize), Malformed> {
        let mut inner = Self { bytes: self.variable(constructor)?, spare: self.spare };
        let count = if constructor & 0x10 == 0 { inner.u8()?.into() } else { inner.size()? };
        Ok((inner, count))
    }

    /// What has its size before it, in one byte or in four.
    fn variable(&mut self, constructor: u8) -> Result<Bytes, Malformed> {
        let size = if constructor & 0x10 == 0 { self.u8()?.into() } else { self.size()? };
        self.take(size)
    }

    fn size(&mut self) -> Result<usize, Malformed> {
        let size = u32::from_be_bytes(self.fixed()?);
        usize::try_from(size).map_err(|_| malformed("a size beyond memory"))
    }

    fn u8(&mut self) -> Result<u8, Malformed> {
        if self.bytes.is_empty() {
            return Err(malformed("it ends in the middle"));
        }
        Ok(self.bytes.get_u8())
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let mut fixed = [0; N];
        if self.bytes.len() < N {
            return Err(malformed("it ends in the middle"));
        }
        self.bytes.copy_to_slice(&mut fixed);
        Ok(fixed)
    }

    fn take(&mut self, size: usize) -> Result<Bytes, Malformed> {
        if self.bytes.len() < size {
            return Err(malformed("it ends in the middle"));
        }
        Ok(self.bytes.split_to(size))
    }
}

fn text(bytes: &[u8]) -> Result<String, Malformed> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| malformed("text that is not UTF-8"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut BytesMut)) -> Bytes {
        let mut out = BytesMut::new();
        write(&mut out);
        out.freeze()
    }

    proptest! {
        #[test]
        fn what_is_borrowed_is_written_as_what_is_owned(texts in prop::collection::vec(".{0,300}", 0..4)) {
            let values: Vec<_> = texts.iter().cloned().map(Value::String).collect();
            let list = written(|out| write_list(out, &values));
            prop_assert_eq!(list, Value::List(values.clone()).to_bytes());
            let pairs = || texts.iter().zip(&values);
            let map = written(|out| write_map(out, pairs().map(|(key, value)| (key.as_str(), value))));
            let owned = pairs().map(|(key, value)| (Value::String(key.clone()), value.clone()));
            prop_assert_eq!(map, Value::Map(owned.collect()).to_bytes());
            for text in &texts {
                let both = written(|out| {
                    write_string(out, text);
                    write_symbol(out, text);
                });
                let mut reader = Reader::new(both.clone());
                prop_assert_eq!(reader.text().unwrap(), text.as_bytes());
                prop_assert_eq!(reader.text().unwrap(), text.as_bytes());
                prop_assert!(reader.is_empty());
                let owned = [Value::String(text.clone()), Value::symbol(text)];
                prop_assert_eq!(both, owned.map(|value| value.to_bytes()).concat());
            }
        }
    }

    #[test]
    fn what_is_no_text_is_not_read_as_one() {
        for bytes in [&b""[..], b"\x40", b"\xa1\x02x", b"\xa0\x01x", b"\xa1\x01\xff"] {
            assert!(Reader::new(Bytes::from_static(bytes)).text().is_err(), "{bytes:?}");
        }
    }
}
