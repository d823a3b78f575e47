//! The fields of each thing that is kept, and the numbers of variants. A number that was given
//! once is never given to something else.

use super::{Bytes, Record, RecordError};
use crate::names::shared;
use crate::{
    AppliedOperation, Cause, Change, ChangeKind, Contents, EventRoute, Operation, OperationKind,
    Origin, Relationship, StoredModel, TraceContext, Twin,
};

macro_rules! fields {
    ($type:ident { $($field:ident),* }) => {
        impl Record for $type {
            fn write(&self, to: &mut Vec<u8>) {
                $(self.$field.write(to);)*
            }

            fn read(from: &mut Bytes<'_>) -> Result<Self, RecordError> {
                Ok(Self { $($field: Record::read(from)?),* })
            }
        }
    };
}

macro_rules! variants {
    ($type:ident { $($number:literal = $variant:ident { $($field:ident),* }),* $(,)? }) => {
        impl Record for $type {
            fn write(&self, to: &mut Vec<u8>) {
                match self {
                    $(Self::$variant { $($field),* } => {
                        to.push($number);
                        $($field.write(to);)*
                    })*
                }
            }

            fn read(from: &mut Bytes<'_>) -> Result<Self, RecordError> {
                Ok(match from.byte(stringify!($type))? {
                    $($number => Self::$variant { $($field: Record::read(from)?),* },)*
                    _ => return Err(from.expected(stringify!($type))),
                })
            }
        }
    };
}

fields!(Change { version, time, cause, kind });
fields!(Cause { trace, origin });
fields!(AppliedOperation { operation, previous });
fields!(Operation { op, path, value });
fields!(StoredModel { document, uploaded, decommissioned });
fields!(EventRoute { id, endpoint, filter });

variants!(OperationKind { 1 = Add {}, 2 = Replace {}, 3 = Remove {} });

variants!(Origin {
    1 = Rest {},
    2 = App {},
    3 = Workspace {},
    4 = Function { name, after, hops },
    5 = Remote {},
});

variants!(ChangeKind {
    1 = ModelsPut { models },
    2 = ModelDecommissioned { id },
    3 = ModelDeleted { id },
    4 = TwinPut { twin, replaced },
    5 = TwinPatched { id, model, patch, source_times, etag },
    6 = TwinDeleted { twin },
    7 = RelationshipPut { relationship, replaced },
    8 = RelationshipPatched { source, id, patch, etag },
    9 = RelationshipDeleted { relationship },
    10 = EventRoutePut { route, replaced },
    11 = EventRouteDeleted { route },
    12 = Telemetry { twin, model, component, message_id, source_time, body },
});

impl Record for TraceContext {
    fn write(&self, to: &mut Vec<u8>) {
        let (trace, span) = self.ids();
        to.extend_from_slice(&trace.to_le_bytes());
        to.extend_from_slice(&span.to_le_bytes());
    }

    fn read(from: &mut Bytes<'_>) -> Result<Self, RecordError> {
        let trace = u128::from_le_bytes(from.array("a trace id")?);
        Ok(Self::new(trace, u64::from_le_bytes(from.array("a span id")?)))
    }
}

impl Record for Twin {
    fn write(&self, to: &mut Vec<u8>) {
        self.id.write(to);
        self.model.write(to);
        self.etag.write(to);
        self.contents.write(to);
        self.components.write(to);
    }

    fn read(from: &mut Bytes<'_>) -> Result<Self, RecordError> {
        Ok(Self {
            id: Record::read(from)?,
            model: shared(from.text()?),
            etag: Record::read(from)?,
            contents: Record::read(from)?,
            components: Record::read(from)?,
        })
    }
}

impl Record for Relationship {
    fn write(&self, to: &mut Vec<u8>) {
        self.id.write(to);
        self.source.write(to);
        self.target.write(to);
        self.name.write(to);
        self.etag.write(to);
        self.properties.write(to);
    }

    fn read(from: &mut Bytes<'_>) -> Result<Self, RecordError> {
        Ok(Self {
            id: Record::read(from)?,
            source: Record::read(from)?,
            target: Record::read(from)?,
            name: shared(from.text()?),
            etag: Record::read(from)?,
            properties: Record::read(from)?,
        })
    }
}

/// A property: what of it is there, then the value and those of its times that are not the
/// twin's own.
mod property {
    pub(super) const VALUE: u8 = 1;
    pub(super) const TIMES: u8 = 2;
    pub(super) const SOURCE: u8 = 4;
    /// It was updated when the twin or component was.
    pub(super) const WITH_ALL: u8 = 8;
}

impl Record for Contents {
    fn write(&self, to: &mut Vec<u8>) {
        self.updated.write(to);
        (self.parts().len() as u64).write(to);
        for (name, value, times) in self.parts() {
            let with_all = times.is_some_and(|times| times.updated == self.updated);
            let source = times.and_then(|times| times.source);
            let bit = |holds: bool, bit: u8| if holds { bit } else { 0 };
            name.write(to);
            to.push(
                bit(value.is_some(), property::VALUE)
                    | bit(times.is_some(), property::TIMES)
                    | bit(source.is_some(), property::SOURCE)
                    | bit(with_all, property::WITH_ALL),
            );
            if let Some(value) = value {
                value.write(to);
            }
            if let Some(times) = times.filter(|_| !with_all) {
                times.updated.write(to);
            }
            if let Some(source) = source {
                source.write(to);
            }
        }
    }

    fn read(from: &mut Bytes<'_>) -> Result<Self, RecordError> {
        let updated = Record::read(from)?;
        let count = from.count()?;
        let part = |_| {
            let name = shared(from.text()?);
            let has = from.byte("what a property has")?;
            let optional = |holds: bool, from: &mut Bytes<'_>| {
                if holds { Record::read(from).map(Some) } else { Ok(None) }
            };
            let value = if has & property::VALUE > 0 { Some(Record::read(from)?) } else { None };
            let timed = has & property::TIMES > 0;
            let with_all = has & property::WITH_ALL > 0;
            let own = optional(timed && !with_all, from)?;
            let source = optional(has & property::SOURCE > 0, from)?;
            Ok((name, value, own.or(timed.then_some(updated)), source))
        };
        let parts = (0..count).map(part).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::of_parts(updated, parts))
    }
}
