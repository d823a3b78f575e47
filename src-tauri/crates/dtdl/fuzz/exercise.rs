//! What must hold for any input. Shared by the fuzz target, the replay of its corpus and the property test.

use std::{
    cell::Cell,
    sync::LazyLock,
    time::{Duration, Instant},
};

use dtdl::{ContentKind, Interface, Models, ParseOptions, Problems};
use serde_json::{Map, Value, json};

/// Runs one input: text where it begins like JSON, else choices from which a model is made.
pub fn exercise(data: &[u8]) {
    let documents = match data.first() {
        Some(b'{' | b'[' | b'"' | b' ' | b'\n' | 0xEF) => match dtdl::read(data) {
            Ok(document) => vec![document],
            Err(problems) => return explained(&problems),
        },
        _ => Choices::new(data).documents(),
    };
    let size =
        data.len() + documents.iter().map(|document| document.to_string().len()).sum::<usize>();
    // Generous, as other programs slow things down; what is quadratic is far above.
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    let limit = Duration::from_millis(200) + Duration::from_micros(100) * size;
    let is_slow = || {
        let started = Instant::now();
        add(&documents);
        started.elapsed() > limit
    };
    // Once may be the machine, three times is the input.
    assert!(!(is_slow() && is_slow() && is_slow()), "{size} bytes took more than {limit:?}");
}

fn explained(problems: &Problems) {
    assert!(!problems.0.is_empty());
    for problem in problems.iter() {
        assert!(!problem.message.is_empty() && !problem.rule().is_empty());
    }
    assert!(!problems.to_string().is_empty());
}

fn add(documents: &[Value]) {
    let options = ParseOptions { allow_inline_interfaces: true, ..ParseOptions::default() };
    let mut models = BASE.clone();
    match models.add(documents, &options) {
        Err(problems) => {
            explained(&problems);
            assert_eq!(models.len(), 1, "a refused request changes nothing");
        }
        Ok(added) => {
            assert_eq!(models.len(), 1 + added.len());
            added.iter().for_each(|interface| check(interface, &models));
            rebuild(&models, &options);
            again(&mut models, documents, &options);
        }
    }
}

/// What inputs can refer to as being there already.
static BASE: LazyLock<Models> = LazyLock::new(|| {
    let base = json!({
        "@context": "dtmi:dtdl:context;3", "@id": "dtmi:base:Base;1", "@type": "Interface",
        "contents": [{"@type": "Property", "name": "based", "schema": "double"}]
    });
    let mut models = Models::new();
    models.add(&[base], &ParseOptions::default()).expect("the base is valid");
    models
});

fn check(interface: &Interface, models: &Models) {
    assert!(models.is_a(&interface.id, &interface.id));
    for base in &interface.extends {
        assert!(models.is_a(&interface.id, base));
    }
    for (name, content) in &interface.contents {
        assert_eq!(*name, content.name);
        assert!(models.is_a(&interface.id, &content.origin));
        if let ContentKind::Property { schema, .. } | ContentKind::Telemetry { schema } =
            &content.kind
        {
            for value in [
                json!(null),
                json!({"a": [1, {"b": "x"}]}),
                json!("P1D"),
                Value::clone(&interface.document),
            ] {
                if let Err(problems) = schema.check(&value) {
                    assert!(problems.iter().all(|problem| value.pointer(&problem.path).is_some()));
                }
            }
        }
    }
}

/// One by one from the documents as stored, the same models come out.
fn rebuild(models: &Models, options: &ParseOptions) {
    let mut rebuilt = Models::new();
    for model in models.iter() {
        for id in models.dependencies(&model.id) {
            if rebuilt.get(&id).is_none() {
                let document = Value::clone(&models.get(&id).expect("it is listed").document);
                rebuilt.add(&[document], options).expect("what is stored is valid");
            }
        }
    }
    assert!(models.iter().eq(rebuilt.iter()), "what is stored says the same");
}

fn again(models: &mut Models, documents: &[Value], options: &ParseOptions) {
    let before = models.clone();
    if models.len() > 1 {
        assert!(models.add(documents, options).is_err(), "what is there is not added again");
    }
    models.replace(documents, options).expect("replacing a model by itself");
    assert!(models.iter().eq(before.iter()));
}

/// Models made of bytes: each byte is a choice, so that small changes of the bytes are small changes of the model.
struct Choices<'a> {
    bytes: &'a [u8],
    next: Cell<usize>,
}

const IDS: [&str; 9] = [
    "dtmi:a:A;1",
    "dtmi:a:B;1",
    "dtmi:a:C;1",
    "dtmi:a:D;1.2",
    "dtmi:base:Base;1",
    "dtmi:a:Missing;1",
    "dtmi:a;",
    "dtmi:dtdl:x;1",
    "not an id",
];
const CONTEXTS: [&str; 8] = [
    "dtmi:dtdl:context;3",
    "dtmi:dtdl:context;2",
    "dtmi:dtdl:extension:quantitativeTypes;1",
    "dtmi:dtdl:extension:annotation;1",
    "dtmi:dtdl:extension:overriding;1",
    "dtmi:dtdl:extension:mqtt;1",
    "dtmi:iotcentral:context;2",
    "dtmi:foo:bar;1",
];
const TYPES: [&str; 22] = [
    "Property",
    "Telemetry",
    "Command",
    "Relationship",
    "Component",
    "Interface",
    "Object",
    "Array",
    "Map",
    "Enum",
    "Field",
    "EnumValue",
    "Temperature",
    "Velocity",
    "ValueAnnotation",
    "Override",
    "Indexed",
    "Mqtt",
    "Historized",
    "TemperatureUnit",
    "Boolean",
    "Nonsense",
];
const KEYS: [&str; 30] = [
    "name",
    "schema",
    "contents",
    "extends",
    "schemas",
    "fields",
    "enumValues",
    "enumValue",
    "valueSchema",
    "mapKey",
    "mapValue",
    "elementSchema",
    "unit",
    "writable",
    "target",
    "minMultiplicity",
    "maxMultiplicity",
    "properties",
    "request",
    "response",
    "displayName",
    "description",
    "comment",
    "annotates",
    "overrides",
    "index",
    "@context",
    "@language",
    "dtmi:dtdl:property:name;3",
    "x:y",
];
const TEXTS: [&str; 22] = [
    "a",
    "b",
    "c",
    "1x",
    "double",
    "integer",
    "string",
    "boolean",
    "point",
    "dateTime",
    "degreeCelsius",
    "kilometrePerHour",
    "TemperatureUnit",
    "unit",
    "",
    "P1D",
    "dtmi:a:s;1",
    "dtmi:a:t;1",
    "dtmi:a:A;1",
    "dtmi:base:Base;1",
    "dtmi:dtdl:instance:Schema:double;2",
    "asynchronous",
];

impl<'a> Choices<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, next: Cell::new(0) }
    }

    /// The next choice below `count`; the first one where the bytes have ended.
    fn below(&self, count: usize) -> usize {
        let position = self.next.get();
        self.next.set(position + 1);
        self.bytes.get(position).map_or(0, |byte| usize::from(*byte) % count)
    }

    fn of<'b>(&self, options: &[&'b str]) -> &'b str {
        options[self.below(options.len())]
    }

    fn has_more(&self) -> bool {
        self.next.get() < self.bytes.len()
    }

    fn documents(&self) -> Vec<Value> {
        let mut documents = Vec::new();
        while self.has_more() && documents.len() < 8 {
            documents.push(self.interface(documents.len()));
        }
        documents
    }

    /// True once in `count`: what is wrong should be rare, or nothing behind it is reached.
    fn rarely(&self, count: usize) -> bool {
        self.below(count) == count - 1
    }

    fn interface(&self, position: usize) -> Value {
        let mut context = vec![json!(CONTEXTS[self.below(2)])];
        for _ in 0..self.below(4) {
            context.push(json!(CONTEXTS[2 + self.below(if self.rarely(8) { 6 } else { 4 })]));
        }
        let id = if self.rarely(8) { self.of(&IDS) } else { IDS[position % 4] };
        let mut interface = json!({
            "@context": context, "@id": id, "@type": "Interface",
            "contents": (0..self.below(6)).map(|n| self.content(n)).collect::<Vec<_>>()
        });
        if let Value::Object(map) = &mut interface {
            for _ in 0..self.below(3) {
                map.insert(
                    self.of(&["extends", "schemas", "displayName", "comment"]).to_owned(),
                    self.value(3),
                );
            }
        }
        interface
    }

    fn content(&self, position: usize) -> Value {
        let mut types = vec![json!(TYPES[self.below(5)])];
        if self.rarely(3) {
            types.push(json!(TYPES[12 + self.below(7)]));
        }
        if self.rarely(12) {
            types.push(json!(self.of(&TYPES)));
        }
        let name = if self.rarely(8) { self.of(&TEXTS).to_owned() } else { format!("n{position}") };
        let mut content = json!({"@type": types, "name": name, "schema": self.schema(4)});
        if let Value::Object(map) = &mut content {
            if types.contains(&json!("Relationship")) || types.contains(&json!("Command")) {
                map.remove("schema");
            }
            if self.rarely(3) {
                self.extend(map, 3);
            }
        }
        content
    }

    fn extend(&self, map: &mut Map<String, Value>, depth: usize) {
        for _ in 0..self.below(4) {
            map.insert(self.of(&KEYS).to_owned(), self.value(depth));
        }
    }

    fn schema(&self, depth: usize) -> Value {
        match self.below(if depth == 0 { 2 } else { 6 }) {
            0 => json!("double"),
            1 if self.rarely(4) => json!(self.of(&TEXTS)),
            1 => json!(TEXTS[4 + self.below(6)]),
            2 => json!({"@type": "Array", "elementSchema": self.schema(depth - 1)}),
            3 => json!({"@type": "Map", "mapKey": {"name": "k", "schema": "string"},
                "mapValue": {"name": "v", "schema": self.schema(depth - 1)}}),
            4 => {
                json!({"@type": "Enum", "valueSchema": self.of(&["integer", "string"]), "enumValues":
                (0..self.below(4)).map(|n| json!({"name": format!("e{n}"), "enumValue": self.value(0)})).collect::<Vec<_>>()})
            }
            _ => {
                json!({"@type": "Object", "@id": self.of(&["dtmi:a:s;1", "dtmi:a:t;1", "dtmi:a:u;1"]), "fields":
                (0..self.below(4)).map(|n| json!({"name": format!("f{n}"), "schema": self.schema(depth - 1)})).collect::<Vec<_>>()})
            }
        }
    }

    fn value(&self, depth: usize) -> Value {
        match self.below(if depth == 0 { 6 } else { 10 }) {
            0 => json!(self.of(&TEXTS)),
            1 => json!(self.of(&IDS)),
            2 => json!(self.below(3)),
            3 => json!(1.5e300),
            4 => json!(true),
            5 if self.rarely(8) => Value::Null,
            5 => json!("heating"),
            6 => (0..self.below(4)).map(|_| self.value(depth - 1)).collect(),
            7 => self.schema(depth - 1),
            8 => {
                json!({"@value": self.value(0), "@type": self.of(&["xsd:integer", "xsd:string", "xsd:boolean"])})
            }
            _ => {
                let mut map = Map::new();
                map.insert("@type".to_owned(), json!(self.of(&TYPES)));
                self.extend(&mut map, depth - 1);
                map.into()
            }
        }
    }
}
