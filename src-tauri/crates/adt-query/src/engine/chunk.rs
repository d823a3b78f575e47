//! A part of a column: the values of one property in consecutive places, by type.

use crate::value::Seen;
use serde_json::Value;
use twin_graph::Timestamp;

/// Places of a chunk.
pub(super) const WIDTH: usize = 4_096;
/// Places whose truth is one machine word.
pub(super) const WORD: usize = 64;

/// What stands in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Type {
    /// Nothing is there: the place is free.
    Free,
    /// The twin or relationship has no such property.
    Absent,
    Null,
    False,
    True,
    Number,
    Text,
    Time,
    Array,
    Object,
}

#[derive(Clone)]
pub(super) struct Chunk {
    types: Vec<Type>,
    /// NaN where there is no number. Empty where there is none at all.
    numbers: Vec<f64>,
    /// In ticks; 0 where there is no time. Empty where there is none at all.
    times: Vec<i64>,
    texts: Texts,
    /// Whether every number is exactly the one of the document.
    exact: bool,
}

/// Texts one behind the other. Empty where there is none at all.
#[derive(Clone, Default)]
struct Texts {
    ends: Vec<u32>,
    bytes: String,
}

impl Texts {
    fn get(&self, place: usize) -> &str {
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let end = self.ends.get(place).copied().unwrap_or_default();
        self.bytes.get(start.unwrap_or_default() as usize..end as usize).unwrap_or_default()
    }
}

impl Chunk {
    /// A chunk of nothing but free places.
    pub(super) fn free() -> Self {
        Self {
            types: vec![Type::Free; WIDTH],
            numbers: Vec::new(),
            times: Vec::new(),
            texts: Texts::default(),
            exact: true,
        }
    }

    /// Puts values (`None` for a free place) where they now are.
    pub(super) fn put(&mut self, values: &[(usize, Option<Seen<'_>>)]) {
        let mut texts: Vec<(usize, &str)> = Vec::new();
        let mut texts_change = false;
        for (place, value) in values {
            let place = *place;
            // An id is the same after every change: texts are written anew only where one differs.
            if self.types[place] == Type::Text {
                match value {
                    Some(Seen::Text(text)) if self.texts.get(place) == *text => continue,
                    _ => texts_change = true,
                }
            }
            if let Some(number) = self.numbers.get_mut(place) {
                *number = f64::NAN;
            }
            self.types[place] = match value {
                None => Type::Free,
                Some(Seen::Absent) => Type::Absent,
                Some(Seen::Text(text) | Seen::TimeText(text, _)) => {
                    texts.push((place, text));
                    Type::Text
                }
                Some(Seen::Time(time)) => {
                    self.times.resize(WIDTH, 0);
                    self.times[place] = time.ticks();
                    Type::Time
                }
                Some(Seen::Object(value)) => self.put_json(place, value),
                Some(Seen::Json(value)) => self.put_json(place, value),
            };
        }
        if texts_change || !texts.is_empty() {
            self.put_texts(&texts);
        }
    }

    fn put_json(&mut self, place: usize, value: &Value) -> Type {
        match value {
            Value::Null => Type::Null,
            Value::Bool(false) => Type::False,
            Value::Bool(true) => Type::True,
            Value::Number(number) => {
                self.numbers.resize(WIDTH, f64::NAN);
                let (float, exact) = float_of(number);
                self.numbers[place] = float;
                self.exact &= exact;
                Type::Number
            }
            Value::Array(_) => Type::Array,
            // `Seen::of_json` makes `Seen::Text` of a text.
            Value::String(_) | Value::Object(_) => Type::Object,
        }
    }

    /// Writes all texts anew: those given at their places, the others as they were.
    fn put_texts(&mut self, changed: &[(usize, &str)]) {
        let mut texts = Texts { ends: Vec::with_capacity(WIDTH), bytes: String::new() };
        texts.bytes.reserve(self.texts.bytes.len() + 16 * changed.len());
        let mut changed = changed.iter().peekable();
        for place in 0..WIDTH {
            match changed.next_if(|(at, _)| *at == place) {
                Some((_, text)) => texts.bytes.push_str(text),
                None if self.types[place] == Type::Text => {
                    texts.bytes.push_str(self.texts.get(place));
                }
                None => {}
            }
            texts.ends.push(u32::try_from(texts.bytes.len()).unwrap_or(u32::MAX));
        }
        texts.bytes.shrink_to_fit();
        self.texts = texts;
    }

    pub(super) fn types(&self, word: usize) -> &[Type] {
        &self.types[word * WORD..][..WORD]
    }

    /// The numbers of a word; `None` where the chunk has none, or not exactly.
    pub(super) fn numbers(&self, word: usize) -> Option<&[f64]> {
        self.numbers.get(word * WORD..(word + 1) * WORD).filter(|_| self.exact)
    }

    pub(super) fn has_numbers(&self) -> bool {
        !self.numbers.is_empty()
    }

    /// What stands in a place that holds a text or a time; `None` for what only the document has.
    pub(super) fn seen(&self, place: usize) -> Option<Seen<'_>> {
        match self.types[place] {
            Type::Text => Some(Seen::Text(self.texts.get(place))),
            Type::Time => Some(Seen::Time(Timestamp::from_ticks(self.times[place]))),
            Type::Free | Type::Absent => Some(Seen::Absent),
            _ => None,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.types.len()
            + 8 * (self.numbers.len() + self.times.len())
            + 4 * self.texts.ends.len()
            + self.texts.bytes.len()
    }
}

/// A number as a float, and whether it is still the same number.
pub(super) fn float_of(number: &serde_json::Number) -> (f64, bool) {
    let float = number.as_f64().unwrap_or(f64::NAN);
    let exact = match (number.as_i64(), number.as_u64()) {
        (Some(integer), _) => integer.unsigned_abs() <= 1 << 53,
        (None, Some(_)) => false,
        _ => true,
    };
    (float, exact)
}
