//! What can stand at a place of a query, from the parser that would read it.

use super::lexer::{Token, is_word};
use super::parser::{Expected, Parser, is, is_reserved};
use super::syntax::Kind;
use super::vocabulary::{OF_METADATA, OF_RELATIONSHIPS, OF_TWINS, Vocabulary};
use dtdl::Models;
use std::ops::Range;

/// What can stand at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The bytes that an item replaces: what is written of it already.
    pub replace: Range<usize>,
    /// What fits what is written, aliases first.
    pub items: Vec<CompletionItem>,
}

/// Something that can stand at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletionItem {
    /// What is inserted.
    pub text: String,
    /// What it is.
    pub kind: CompletionKind,
    /// More about it: the schema of a property, the collection of an alias. Empty where there is
    /// nothing to say.
    pub detail: String,
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletionKind {
    /// The alias of a collection.
    Alias,
    /// A property of a twin or of a relationship.
    Property,
    /// The name of relationships.
    RelationshipName,
    /// A DTMI.
    ModelId,
    /// A word of the language.
    Keyword,
    /// A function of the language.
    Function,
    /// A comparison or a bracket.
    Symbol,
}

/// The names of the functions, as the documentation lists them.
const FUNCTIONS: [&str; 12] = [
    "ARRAY_CONTAINS",
    "CONTAINS",
    "ENDSWITH",
    "IS_BOOL",
    "IS_DEFINED",
    "IS_NULL",
    "IS_NUMBER",
    "IS_OBJECT",
    "IS_OF_MODEL",
    "IS_PRIMITIVE",
    "IS_STRING",
    "STARTSWITH",
];

/// What can stand at byte `at` of a text that may end anywhere. Nothing behind an error.
pub fn complete(text: &str, at: usize, models: &Models) -> Completion {
    let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (start, quoted) = beginning(&text[..at]);
    let written = &text[start..at];
    let mut parser = Parser::new(&text[..start - usize::from(quoted)]);
    // Where it ends too early is just where something can stand.
    let _ = parser.query();
    let mut offers = Offers { items: Vec::new(), written, quoted };
    if parser.expected.0 + 1 == parser.tokens.len() {
        let known = Known { aliases: aliases(text), models, models_of: models_of(text) };
        for expected in &parser.expected.1 {
            offers.expected(expected, &known);
        }
    }
    let order = |item: &CompletionItem| item.kind as u8;
    offers.items.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.text.cmp(&b.text)));
    offers.items.dedup_by(|a, b| a.text == b.text);
    Completion { replace: start..at, items: offers.items }
}

/// Where what is being written begins, and whether it is within quotes.
fn beginning(before: &str) -> (usize, bool) {
    let mut open = None;
    let mut chars = before.char_indices();
    while let Some((index, char)) = chars.next() {
        match (char, open) {
            ('\\', Some(_)) => drop(chars.next()),
            ('\'', Some(_)) => open = None,
            ('\'', None) => open = Some(index + 1),
            _ => {}
        }
    }
    match open {
        Some(start) => (start, true),
        None => (before.trim_end_matches(is_word).len(), false),
    }
}

/// The aliases of the whole text: SELECT is written before FROM declares them.
fn aliases(text: &str) -> Vec<(String, Kind)> {
    let mut parser = Parser::new(text);
    let Some(from) = parser.tokens.iter().position(|placed| is(placed, "FROM")) else {
        return Vec::new();
    };
    parser.begin_at(from + 1);
    // What is declared before an error is declared.
    let _ = parser.source();
    let named = parser.variables.into_iter();
    named.filter_map(|variable| Some((variable.name?, variable.kind))).collect()
}

/// The models that IS_OF_MODEL asks for, with the alias that it names.
fn models_of(text: &str) -> Vec<(Option<String>, String)> {
    let parser = Parser::new(text);
    let at = |index: usize| parser.tokens.get(index).map(|placed| &placed.token);
    let calls = (0..parser.tokens.len()).filter(|&index| is(&parser.tokens[index], "IS_OF_MODEL"));
    calls
        .filter_map(|index| match (at(index + 2), at(index + 4)) {
            (Some(Token::Text(model)), _) => Some((None, model.clone())),
            (Some(Token::Word(alias)), Some(Token::Text(model))) => {
                Some((Some(alias.clone()), model.clone()))
            }
            _ => None,
        })
        .collect()
}

struct Known<'k> {
    aliases: Vec<(String, Kind)>,
    models: &'k Models,
    models_of: Vec<(Option<String>, String)>,
}

impl Known<'_> {
    /// The names of what an alias can be of.
    fn vocabulary(&self, alias: Option<&str>) -> Vocabulary<'_> {
        let asked: Vec<&str> = self
            .models_of
            .iter()
            .filter(|(of, _)| of.is_none() || of.as_deref() == alias)
            .map(|(_, model)| model.as_str())
            .filter(|model| self.models.get(model).is_some())
            .collect();
        Vocabulary::of_some(self.models, |model| {
            asked.iter().all(|asked| self.models.is_a(model, asked))
        })
    }

    fn kind_of(&self, alias: &str) -> Option<Kind> {
        self.aliases.iter().find(|(name, _)| name == alias).map(|(_, kind)| *kind)
    }
}

struct Offers<'o> {
    items: Vec<CompletionItem>,
    written: &'o str,
    quoted: bool,
}

impl Offers<'_> {
    fn offer(&mut self, text: &str, kind: CompletionKind, detail: &str) {
        let begins = text.get(..self.written.len());
        if begins.is_some_and(|begins| begins.eq_ignore_ascii_case(self.written)) {
            let detail = detail.to_owned();
            self.items.push(CompletionItem { text: text.to_owned(), kind, detail });
        }
    }

    /// A name, in brackets where it is a word of the language.
    fn name(&mut self, name: &str, kind: CompletionKind, detail: &str) {
        if is_reserved(name) || !name.chars().all(is_word) {
            self.offer(&format!("[[{name}]]"), kind, detail);
        } else {
            self.offer(name, kind, detail);
        }
    }

    fn expected(&mut self, expected: &Expected, known: &Known<'_>) {
        if self.quoted {
            if *expected == Expected::ModelId {
                for model in known.models.iter() {
                    self.offer(&model.id, CompletionKind::ModelId, "");
                }
            }
            return;
        }
        match expected {
            Expected::Keyword(word) => self.offer(word, CompletionKind::Keyword, ""),
            Expected::Symbol(symbol) if self.written.is_empty() => {
                self.offer(symbol, CompletionKind::Symbol, "");
            }
            Expected::Function => {
                FUNCTIONS.iter().for_each(|name| self.offer(name, CompletionKind::Function, ""));
            }
            Expected::Alias => self.aliases(known),
            Expected::Name => {
                self.aliases(known);
                if let [] | [_] = known.aliases.as_slice() {
                    let alias = known.aliases.first();
                    let kind = alias.map_or(Kind::Twin, |(_, kind)| *kind);
                    self.properties(known, alias.map(|(name, _)| name.as_str()), kind);
                }
            }
            Expected::Property(path) => self.within(known, path),
            Expected::RelationshipName(alias) => {
                for name in known.vocabulary(alias.as_deref()).relationships {
                    self.name(name, CompletionKind::RelationshipName, "");
                }
            }
            Expected::ModelId => {
                for model in known.models.iter() {
                    self.offer(&format!("'{}'", model.id), CompletionKind::ModelId, "");
                }
            }
            Expected::Symbol(_) | Expected::NewName | Expected::Value | Expected::Number => {}
        }
    }

    fn aliases(&mut self, known: &Known<'_>) {
        for (name, kind) in &known.aliases {
            let detail = match kind {
                Kind::Twin => "twins",
                Kind::Relationship => "relationships",
            };
            self.name(name, CompletionKind::Alias, detail);
        }
    }

    fn properties(&mut self, known: &Known<'_>, alias: Option<&str>, kind: Kind) {
        let (own, vocabulary) = match kind {
            Kind::Twin => (OF_TWINS.as_slice(), known.vocabulary(alias)),
            Kind::Relationship => (OF_RELATIONSHIPS.as_slice(), Vocabulary::of(known.models)),
        };
        own.iter().for_each(|name| self.offer(name, CompletionKind::Property, ""));
        let properties = match kind {
            Kind::Twin => vocabulary.properties,
            Kind::Relationship => vocabulary.their_properties,
        };
        for (name, detail) in properties {
            self.name(name, CompletionKind::Property, &detail);
        }
    }

    /// What follows a dot behind a path, which may begin with an alias.
    fn within(&mut self, known: &Known<'_>, path: &[String]) {
        let alias = path.first().and_then(|first| Some((first, known.kind_of(first)?)));
        let inner = if alias.is_some() { &path[1..] } else { path };
        match (alias, inner) {
            (Some((alias, kind)), []) => self.properties(known, Some(alias), kind),
            (_, [metadata]) if metadata == "$metadata" => {
                OF_METADATA.iter().for_each(|name| self.offer(name, CompletionKind::Property, ""));
                for (name, detail) in Vocabulary::of(known.models).properties {
                    self.name(name, CompletionKind::Property, &detail);
                }
            }
            (_, [metadata, _]) if metadata == "$metadata" => {
                for name in ["lastUpdateTime", "sourceTime"] {
                    self.offer(name, CompletionKind::Property, "dateTime");
                }
            }
            (_, inner) => {
                for (name, detail) in Vocabulary::of(known.models).within(inner) {
                    self.name(&name, CompletionKind::Property, &detail);
                }
            }
        }
    }
}
