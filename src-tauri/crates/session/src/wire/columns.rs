//! Large answers: one binary message of typed columns, and its decoder for the page.
//!
//! A message is its head as JSON, then its columns in the order in which [`columns!`] declares
//! them. Head and columns each begin with their length as a `u32` (bytes of the head, elements of
//! a column) and four bytes of nothing, and are filled up to a multiple of eight bytes, so that the
//! page takes typed arrays on the message itself. All numbers are little-endian. A column of texts
//! is two columns: where each text ends, in UTF-16 units, and all texts as UTF-8.
//!
//! [`columns!`] makes the Rust type, its encoder and decoder, and the text of the TypeScript
//! decoder, which is kept in `ui/src/wire` like all wire types.

/// A message that does not read as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message ends too soon or is not of its form")]
pub struct Malformed;

/// A column of texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// Where each ends, in UTF-16 units from the begin of all.
    ends: Vec<u32>,
    text: String,
    units: u32,
}

impl Texts {
    /// Adds one.
    pub fn push(&mut self, text: &str) {
        let units = if text.is_ascii() { text.len() } else { text.encode_utf16().count() };
        self.units = self.units.saturating_add(u32::try_from(units).unwrap_or(u32::MAX));
        self.text.push_str(text);
        self.ends.push(self.units);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = String> + '_ {
        let mut units = self.text.encode_utf16();
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let length = end.saturating_sub(start) as usize;
            start = end;
            let text: Vec<u16> = units.by_ref().take(length).collect();
            String::from_utf16_lossy(&text)
        })
    }
}

impl<'a> FromIterator<&'a str> for Texts {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Self {
        let mut all = Self::default();
        texts.into_iter().for_each(|text| all.push(text));
        all
    }
}

/// Something that stands in a message.
pub(super) trait Column: Sized {
    /// How many bytes it takes at most, for the message's capacity.
    fn size(&self) -> usize;
    fn write(&self, out: &mut Vec<u8>);
    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed>;
}

macro_rules! number_columns {
    ($($number:ty),*) => {$(
        impl Column for Vec<$number> {
            fn size(&self) -> usize {
                16 + self.len() * size_of::<$number>()
            }

            fn write(&self, out: &mut Vec<u8>) {
                begin(out, self.len());
                for number in self {
                    out.extend_from_slice(&number.to_le_bytes());
                }
                fill(out);
            }

            fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
                const SIZE: usize = size_of::<$number>();
                let bytes = from.take(SIZE)?;
                let (numbers, _) = bytes.as_chunks::<SIZE>();
                Ok(numbers.iter().map(|bytes| <$number>::from_le_bytes(*bytes)).collect())
            }
        }
    )*};
}

number_columns!(u8, u16, u32, f32, f64);

impl Column for Texts {
    fn size(&self) -> usize {
        self.ends.size() + 16 + self.text.len()
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.ends.write(out);
        begin(out, self.text.len());
        out.extend_from_slice(self.text.as_bytes());
        fill(out);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let ends = Vec::<u32>::read(from)?;
        let text = from.take(1)?;
        let text = std::str::from_utf8(text).map_err(|_| Malformed)?.to_owned();
        let units = ends.last().copied().unwrap_or(0);
        Ok(Self { ends, text, units })
    }
}

fn begin(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
}

fn fill(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(8), 0);
}

/// Writes the head, as the first of a message.
pub(super) fn write_head(head: &impl serde::Serialize, out: &mut Vec<u8>) {
    let head = serde_json::to_vec(head).unwrap_or_default();
    begin(out, head.len());
    out.extend_from_slice(&head);
    fill(out);
}

/// Goes through a message.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// The bytes of the next part, whose elements have a size.
    pub(super) fn take(&mut self, size: usize) -> Result<&'a [u8], Malformed> {
        let (begin, rest) = self.0.split_at_checked(8).ok_or(Malformed)?;
        let length =
            begin.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)).ok_or(Malformed)?;
        let bytes = (length as usize).checked_mul(size).ok_or(Malformed)?;
        let (part, rest) = rest.split_at_checked(bytes).ok_or(Malformed)?;
        let filling = bytes.next_multiple_of(8) - bytes;
        self.0 = rest.get(filling..).ok_or(Malformed)?;
        Ok(part)
    }
}

/// Declares a message: its head, and its columns with their types.
macro_rules! columns {
    (
        $(#[$doc:meta])*
        pub struct $name:ident {
            $(#[doc = $head_doc:literal])*
            pub head: $head:ident,
            $($(#[doc = $column_doc:literal])* pub $column:ident: $kind:ident,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $(#[doc = $head_doc])*
            pub head: $head,
            $($(#[doc = $column_doc])* pub $column: $crate::wire::columns::rust_column!($kind),)*
        }

        impl $name {
            /// The message as it is sent.
            pub fn encode(&self) -> Vec<u8> {
                use $crate::wire::columns::{Column, write_head};
                let mut out = Vec::with_capacity(4096 $(+ self.$column.size())*);
                write_head(&self.head, &mut out);
                $(self.$column.write(&mut out);)*
                out
            }

            /// Reads a message.
            ///
            /// # Errors
            /// Where it ends too soon or is not of its form.
            pub fn decode(
                message: &[u8],
            ) -> Result<Self, $crate::wire::columns::Malformed> {
                use $crate::wire::columns::{Column, Malformed, Reader};
                let mut from = Reader(message);
                let head = serde_json::from_slice(from.take(1)?).map_err(|_| Malformed)?;
                Ok(Self { head, $($column: Column::read(&mut from)?,)* })
            }

            /// The decoder in TypeScript.
            #[cfg(test)]
            pub(crate) fn typescript() -> String {
                $crate::wire::columns::typescript(
                    stringify!($name),
                    stringify!($head),
                    &[$((
                        stringify!($column),
                        stringify!($kind),
                        concat!($($column_doc),*),
                    ),)*],
                )
            }
        }
    };
}

macro_rules! rust_column {
    (texts) => { $crate::wire::columns::Texts };
    ($number:ident) => { Vec<$number> };
}

pub(super) use {columns, rust_column};

#[cfg(test)]
pub(super) fn typescript(name: &str, head: &str, columns: &[(&str, &str, &str)]) -> String {
    use std::fmt::Write;
    let array = |kind: &str| match kind {
        "u8" => "Uint8Array",
        "u16" => "Uint16Array",
        "u32" => "Uint32Array",
        "f32" => "Float32Array",
        "f64" => "Float64Array",
        _ => "string[]",
    };
    let mut text = format!(
        "// This file was generated from session/src/wire. Do not edit this file manually.\n\
         import {{ ColumnReader }} from \"../host/columns\";\n\
         import type {{ {head} }} from \"./{head}\";\n\n\
         export type {name} = {{\nhead: {head},\n"
    );
    for (column, kind, doc) in columns {
        let _ = writeln!(text, "/**\n *{doc}\n */\n{}: {},", camel(column), array(kind));
    }
    let _ = write!(
        text,
        "}};\n\nexport function decode{name}(message: ArrayBuffer): {name} {{\n\
         const from = new ColumnReader(message);\nreturn {{\n\
         head: from.json() as {head},\n"
    );
    for (column, kind, _) in columns {
        let _ = writeln!(text, "{}: from.{kind}(),", camel(column));
    }
    text + "};\n}\n"
}

#[cfg(test)]
fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| {
        let (initial, rest) = part.split_at(1);
        format!("{name}{}{rest}", initial.to_uppercase())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
    pub struct Head {
        pub what: String,
    }

    columns! {
        /// One column of each type.
        pub struct Sample {
            pub head: Head,
            /// Bytes.
            pub small_ones: u8,
            /// Two bytes each.
            pub shorts: u16,
            /// Names.
            pub names: texts,
            /// Places.
            pub places: f32,
            /// Indexes.
            pub rows: u32,
            /// Values.
            pub values: f64,
        }
    }

    proptest! {
        #[test]
        fn a_message_reads_as_it_was_written(
            what in ".*",
            small_ones: Vec<u8>,
            shorts: Vec<u16>,
            names in prop::collection::vec(".*", 0..8),
            rows: Vec<u32>,
            cut in any::<prop::sample::Index>(),
        ) {
            let sample = Sample {
                head: Head { what },
                small_ones,
                shorts,
                places: rows.iter().map(|&row| row as f32).collect(),
                values: rows.iter().map(|&row| f64::from(row)).collect(),
                rows,
                names: names.iter().map(String::as_str).collect(),
            };
            let message = sample.encode();
            let read = Sample::decode(&message);
            prop_assert_eq!(read.as_ref(), Ok(&sample));
            prop_assert_eq!(sample.names.iter().collect::<Vec<_>>(), names);
            let cut = cut.index(message.len());
            prop_assert_eq!(Sample::decode(&message[..cut]), Err(Malformed));
        }
    }

    #[test]
    fn the_decoder_names_columns_as_the_page_does() {
        let text = Sample::typescript();
        assert!(text.contains("smallOnes: Uint8Array,"), "{text}");
        assert!(text.contains("names: from.texts(),"), "{text}");
    }
}
