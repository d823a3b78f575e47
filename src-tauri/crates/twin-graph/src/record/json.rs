//! JSON values in binary.

use super::{Bytes, Record, RecordError, write_text};
use crate::PropertyValue;
use serde_json::{Map, Number, Value};

/// Deeper than anything that a request's parser lets through.
const DEEPEST: usize = 256;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INTEGER: u8 = 3;
const UNSIGNED: u8 = 4;
const DOUBLE: u8 = 5;
const TEXT: u8 = 6;
const ARRAY: u8 = 7;
const OBJECT: u8 = 8;

fn write_integer(value: i64, to: &mut Vec<u8>) {
    to.push(INTEGER);
    (((value << 1) ^ (value >> 63)) as u64).write(to);
}

fn write_double(value: f64, to: &mut Vec<u8>) {
    to.push(DOUBLE);
    to.extend_from_slice(&value.to_le_bytes());
}

fn write_unsigned(value: u64, to: &mut Vec<u8>) {
    to.push(UNSIGNED);
    value.write(to);
}

fn read_integer(from: &mut Bytes<'_>) -> Result<i64, RecordError> {
    let value = u64::read(from)?;
    Ok((value >> 1) as i64 ^ -((value & 1) as i64))
}

fn read_double(from: &mut Bytes<'_>) -> Result<f64, RecordError> {
    from.array("a double").map(f64::from_le_bytes)
}

impl Record for Value {
    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Null => to.push(NULL),
            Self::Bool(value) => to.push(if *value { TRUE } else { FALSE }),
            Self::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(value), _) => write_integer(value, to),
                (None, Some(value)) => write_unsigned(value, to),
                (None, None) => write_double(number.as_f64().unwrap_or_default(), to),
            },
            Self::String(text) => {
                to.push(TEXT);
                write_text(text, to);
            }
            Self::Array(values) => {
                to.push(ARRAY);
                values.write(to);
            }
            Self::Object(members) => {
                to.push(OBJECT);
                (members.len() as u64).write(to);
                for (name, value) in members {
                    write_text(name, to);
                    value.write(to);
                }
            }
        }
    }

    fn read(from: &mut Bytes<'_>) -> Result<Self, RecordError> {
        let kind = from.byte("a kind of JSON")?;
        read_value(kind, from)
    }
}

fn read_value(kind: u8, from: &mut Bytes<'_>) -> Result<Value, RecordError> {
    Ok(match kind {
        NULL => Value::Null,
        FALSE => Value::Bool(false),
        TRUE => Value::Bool(true),
        INTEGER => read_integer(from)?.into(),
        UNSIGNED => u64::read(from)?.into(),
        DOUBLE => {
            let number = Number::from_f64(read_double(from)?);
            Value::Number(number.ok_or_else(|| from.expected("a finite double"))?)
        }
        TEXT => Value::String(String::read(from)?),
        ARRAY => nested(from, |from| Vec::read(from).map(Value::Array))?,
        OBJECT => nested(from, read_object)?,
        _ => return Err(from.expected("a kind of JSON")),
    })
}

fn nested<T>(
    from: &mut Bytes<'_>,
    read: impl FnOnce(&mut Bytes<'_>) -> Result<T, RecordError>,
) -> Result<T, RecordError> {
    if from.depth == DEEPEST {
        return Err(from.expected("JSON of less depth"));
    }
    from.depth += 1;
    let done = read(from);
    from.depth -= 1;
    done
}

fn read_object(from: &mut Bytes<'_>) -> Result<Value, RecordError> {
    let count = from.count()?;
    let mut members = Map::with_capacity(count);
    for _ in 0..count {
        members.insert(String::read(from)?, Value::read(from)?);
    }
    Ok(Value::Object(members))
}

impl Record for PropertyValue {
    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Null => to.push(NULL),
            Self::Bool(value) => to.push(if *value { TRUE } else { FALSE }),
            Self::Integer(value) => write_integer(*value, to),
            Self::Unsigned(value) => write_unsigned(*value, to),
            Self::Double(value) => write_double(*value, to),
            Self::Text(text) => {
                to.push(TEXT);
                write_text(text, to);
            }
            Self::Json(value) => value.write(to),
        }
    }

    fn read(from: &mut Bytes<'_>) -> Result<Self, RecordError> {
        Ok(match from.byte("a kind of JSON")? {
            NULL => Self::Null,
            FALSE => Self::Bool(false),
            TRUE => Self::Bool(true),
            INTEGER => Self::Integer(read_integer(from)?),
            UNSIGNED => Self::Unsigned(u64::read(from)?),
            DOUBLE => Self::Double(read_double(from)?),
            TEXT => Self::Text(from.text()?.into()),
            other => Self::Json(Box::new(read_value(other, from)?)),
        })
    }
}
