//! JSON as the existing explorer writes it, and files of models.
//!
//! `{"digitalTwinsFileInfo": {"fileVersion": "1.0.0"}, "digitalTwinsGraph": {"digitalTwins": […], "relationships": […]},
//! "digitalTwinsModels": […]}`, in any order. A list of DTDL interfaces, or one interface by itself, is read as models.

use crate::graph::Sink;
use crate::new_file::NewFile;
use crate::sentence::sentence;
use crate::{At, GraphWriter, Place, RelationshipRecord, TwinRecord, WriteError, record};
use dtdl::strict::{self, Strict};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

const MODELS: &str = "/digitalTwinsModels";
const TWINS: &str = "/digitalTwinsGraph/digitalTwins";
const RELATIONSHIPS: &str = "/digitalTwinsGraph/relationships";

pub(crate) fn read(file: &Arc<str>, input: impl Read, sink: &mut Sink) -> io::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_reader(input);
    let part = Part { file, sink, what: What::Document };
    let done = part.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match done {
        Ok(()) => Ok(()),
        Err(error) if error.is_io() => Err(error.into()),
        Err(error) => {
            let place = Place { file: file.clone(), at: At::Line(error.line()) };
            let column = format!("column {}", error.column());
            sink.problems.add(&place, column, sentence(&error));
            Ok(())
        }
    }
}

#[derive(Clone, Copy)]
enum What {
    Document,
    Graph,
    List(&'static str),
}

/// A part of the file that is read item by item.
struct Part<'a> {
    file: &'a Arc<str>,
    sink: &'a mut Sink,
    what: What,
}

impl Part<'_> {
    fn within(&mut self, what: What) -> Part<'_> {
        Part { file: self.file, sink: self.sink, what }
    }

    fn place(&self, at: At) -> Place {
        Place { file: self.file.clone(), at }
    }

    fn item(&mut self, list: &'static str, index: usize, value: Value) {
        let place = self.place(At::Item(list, index));
        let Value::Object(object) = value else {
            let message = "Each item is a JSON object. Make it one, or delete it.";
            return self.sink.problems.add(&place, "", message);
        };
        match list {
            TWINS => {
                if let Some(twin) = record::checked_twin(object, place, &mut self.sink.problems) {
                    self.sink.twin(twin);
                }
            }
            RELATIONSHIPS => {
                if let Some(edge) =
                    record::checked_relationship(object, place, &mut self.sink.problems)
                {
                    self.sink.relationship(edge);
                }
            }
            _ => self.sink.model(Value::Object(object), place),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.what {
            What::Document => deserializer.deserialize_any(self),
            What::Graph => deserializer.deserialize_map(self),
            What::List(_) => deserializer.deserialize_seq(self),
        }
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            What::Document => f.write_str("an object with digitalTwinsGraph, or models"),
            What::Graph => f.write_str("an object with digitalTwins and relationships"),
            What::List(_) => f.write_str("a list"),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        // A list by itself is one of models.
        let list = if let What::List(list) = self.what { list } else { "" };
        let mut index = 0;
        while let Some(value) = items.next_element_seed(Strict::default())? {
            self.item(list, index, value);
            index += 1;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let mut rest = Map::new();
        let mut is_graph = false;
        while let Some(name) = members.next_key::<String>()? {
            let part = match (self.what, name.as_str()) {
                (What::Document, "digitalTwinsGraph") => What::Graph,
                (What::Document, "digitalTwinsModels") => What::List(MODELS),
                (What::Graph, "digitalTwins") => What::List(TWINS),
                (What::Graph, "relationships") => What::List(RELATIONSHIPS),
                (What::Document, "digitalTwinsFileInfo") | (What::Graph, _) => {
                    members.next_value::<IgnoredAny>()?;
                    continue;
                }
                _ => {
                    strict::check_new(&rest, &name)?;
                    let value = members.next_value_seed(Strict::default())?;
                    rest.insert(name, value);
                    continue;
                }
            };
            is_graph = true;
            members.next_value_seed(self.within(part))?;
        }
        if matches!(self.what, What::Graph) || is_graph {
            return Ok(());
        }
        let place = self.place(At::File);
        if rest.contains_key("@id") || rest.contains_key("@type") {
            self.sink.model(Value::Object(rest), place);
        } else {
            let message = "There is neither a digitalTwinsGraph nor a model in this file. Is it an export of another program?";
            self.sink.problems.add(&place, "", message);
        }
        Ok(())
    }
}

/// Writes the explorer's form as the items come; for [`Writer::models_only`] a bare list of models.
pub(crate) struct Writer {
    file: NewFile,
    part: usize,
    empty: bool,
    between: &'static [&'static str],
}

/// What stands before the models, the twins, the relationships, and at the end.
const EXPLORER: &[&str] = &[
    "{\"digitalTwinsFileInfo\":{\"fileVersion\":\"1.0.0\"},\n\"digitalTwinsModels\":[",
    "],\n\"digitalTwinsGraph\":{\"digitalTwins\":[",
    "],\n\"relationships\":[",
    "]}}\n",
];

impl Writer {
    pub(crate) fn new(file: NewFile) -> Result<Self, WriteError> {
        Self::start(file, EXPLORER)
    }

    /// A list of models and nothing else.
    pub(crate) fn models_only(file: NewFile) -> Result<Self, WriteError> {
        Self::start(file, &["[", "]\n"])
    }

    fn start(mut file: NewFile, between: &'static [&'static str]) -> Result<Self, WriteError> {
        file.write(between[0].as_bytes())?;
        Ok(Self { file, part: 0, empty: true, between })
    }

    fn enter(&mut self, part: usize) -> Result<(), WriteError> {
        while self.part < part {
            self.part += 1;
            self.empty = true;
            self.file.write(self.between[self.part].as_bytes())?;
        }
        Ok(())
    }

    fn item(&mut self, part: usize, item: &Value) -> Result<(), WriteError> {
        self.enter(part)?;
        let comma = if self.empty { "" } else { "," };
        self.empty = false;
        self.file.write(format!("{comma}\n{item}").as_bytes())
    }
}

impl GraphWriter for Writer {
    fn model(&mut self, document: &Value) -> Result<(), WriteError> {
        self.item(0, document)
    }

    fn twin(&mut self, twin: &TwinRecord) -> Result<(), WriteError> {
        self.item(1, &twin.to_json())
    }

    fn relationship(&mut self, edge: &RelationshipRecord) -> Result<(), WriteError> {
        self.item(2, &edge.to_json())
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<PathBuf>, WriteError> {
        self.enter(self.between.len() - 1)?;
        Ok(vec![self.file.finish()?])
    }
}
