//! Texts by language: display names and descriptions.

use std::collections::{BTreeMap, btree_map::Entry};

use serde_json::Value as Json;

use super::{
    Parser,
    literal::{LiteralRule, Place, is_longer, utf16_length},
};
use crate::{
    context::Context,
    jsonld::{self, Node},
    problem::shorten,
};

impl Parser {
    pub(super) fn texts(
        &mut self,
        place: &Place<'_>,
        rule: &LiteralRule,
        value: &Json,
        context: &Context,
    ) -> Option<BTreeMap<String, String>> {
        match value {
            Json::Object(map) => Some(self.language_map(place, rule, Node::new(map))),
            other => Some(self.language_list(place, rule, jsonld::values(other), context)),
        }
    }

    /// `{"en": "Room", "de": "Raum"}`
    fn language_map(
        &mut self,
        place: &Place<'_>,
        rule: &LiteralRule,
        node: Node<'_>,
    ) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        let keywords = ["@language", "@value", "@context", "@id", "@type", "@graph"];
        let tagged = node.has("@language")
            && node.keyword("@value").is_some_and(Json::is_string)
            && node.properties().next().is_none();
        for keyword in keywords.into_iter().filter(|key| node.has(key)).chain(node.other_keywords())
        {
            let which = match keyword {
                "@language" | "@value" if tagged => "langTagValueInLangMap",
                _ => "langMapObjKeyword",
            };
            let message = format!(
                "\"{}\" has {keyword}, which a map from language to text has not. Write {{\"en\": \"…\"}}.",
                place.property
            );
            self.report(place.problem(which, message).value(keyword));
        }
        for (code, value) in node.properties() {
            if !is_language_code(code) {
                let message = format!(
                    "\"{}\" is no code of a language, like \"en\" or \"en-US\".",
                    shorten(code)
                );
                self.report(place.problem("langStringInvalidCode", message).value(code));
            }
            match value {
                Json::String(text) => {
                    self.check_language_text(place, rule, text);
                    texts.insert(code.to_owned(), text.clone());
                }
                other => {
                    let message = format!("The text for \"{}\" is no string.", shorten(code));
                    self.report(place.problem("langStringValueNotString", message).value(other));
                }
            }
        }
        texts
    }

    /// `"Room"`, or a list of such and of `{"@language": "de", "@value": "Raum"}`
    fn language_list(
        &mut self,
        place: &Place<'_>,
        rule: &LiteralRule,
        values: &[Json],
        context: &Context,
    ) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        for value in values {
            let found = match value {
                Json::String(text) => Some(("en".to_owned(), text.as_str())),
                Json::Object(map) => self.tagged_text(place, Node::new(map), context),
                other => {
                    let message = format!(
                        "\"{}\" has a value that is neither a string nor an object.",
                        place.property
                    );
                    self.report(
                        place.problem("langStringElementNotStringOrObject", message).value(other),
                    );
                    None
                }
            };
            let Some((code, text)) = found else { continue };
            self.check_language_text(place, rule, text);
            match texts.entry(code) {
                Entry::Vacant(vacant) => {
                    vacant.insert(text.to_owned());
                }
                Entry::Occupied(doubled) => {
                    let code = doubled.key();
                    let message =
                        format!("\"{}\" has two texts for \"{code}\". Keep one.", place.property);
                    self.report(
                        place.problem("langStringElementCodeNotUnique", message).value(code),
                    );
                }
            }
        }
        texts
    }

    fn tagged_text<'a>(
        &mut self,
        place: &Place<'_>,
        node: Node<'a>,
        context: &Context,
    ) -> Option<(String, &'a str)> {
        let code = match node.keyword("@language") {
            None => "en",
            Some(Json::String(code)) if !code.is_empty() => code,
            Some(other) => {
                let message = "The @language of a text is no string. Give a code like \"en\".";
                self.report(place.problem("langStringElementCodeNotString", message).value(other));
                return None;
            }
        };
        if !is_language_code(code) {
            let message = format!(
                "\"{}\" is no code of a language, like \"en\" or \"en-US\".",
                shorten(code)
            );
            self.report(place.problem("langStringElementInvalidCode", message).value(code));
        }
        self.check_tagged_text(place, node, context);
        match node.keyword("@value") {
            Some(Json::String(text)) => Some((code.to_owned(), text)),
            Some(other) => {
                let message = "The @value of a text is no string.";
                self.report(place.problem("langStringElementValueNotString", message).value(other));
                None
            }
            None => {
                let message = "A text has no @value. Write it as a string, or {\"@language\": \"en\", \"@value\": \"…\"}.";
                self.report(place.problem("langStringElementNoValue", message));
                None
            }
        }
    }

    fn check_tagged_text(&mut self, place: &Place<'_>, node: Node<'_>, context: &Context) {
        let mut refuse = |rule: &str, key: &str| {
            let message = format!(
                "A text of \"{}\" has {key}, which has no place there. Remove it.",
                place.property
            );
            self.report(place.problem(rule, message).value(key));
        };
        for (keyword, rule) in [
            ("@context", "langStringElementContext"),
            ("@id", "langStringElementId"),
            ("@graph", "langStringElementGraph"),
        ] {
            if node.has(keyword) {
                refuse(rule, keyword);
            }
        }
        if context.restricts_keywords() {
            if node.has("@type") {
                refuse("langStringElementType", "@type");
            }
            node.other_keywords().for_each(|keyword| refuse("langStringElementKeyword", keyword));
        }
        node.properties().for_each(|(key, _)| refuse("langStringElementInvalidProp", key));
    }

    fn check_language_text(&mut self, place: &Place<'_>, rule: &LiteralRule, text: &str) {
        if let Some(max) = rule.max_length
            && is_longer(text, max)
        {
            let message = format!(
                "A text of \"{}\" has {} characters; {max} is the most. Shorten it.",
                place.property,
                utf16_length(text)
            );
            self.report(place.problem("langStringValueTooLong", message).value(text));
        }
    }
}

/// `^[a-z]{2,4}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$`
fn is_language_code(code: &str) -> bool {
    let mut parts = code.split('-');
    let language = parts.next().is_some_and(|part| {
        (2..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase())
    });
    let mut part = parts.next();
    if part.is_some_and(is_script) {
        part = parts.next();
    }
    if part.is_some_and(is_region) {
        part = parts.next();
    }
    language && part.is_none()
}

fn is_script(part: &str) -> bool {
    match part.as_bytes() {
        [first, rest @ ..] => {
            rest.len() == 3 && first.is_ascii_uppercase() && rest.iter().all(u8::is_ascii_lowercase)
        }
        [] => false,
    }
}

fn is_region(part: &str) -> bool {
    match part.as_bytes() {
        [a, b] => a.is_ascii_uppercase() && b.is_ascii_uppercase(),
        digits => digits.len() == 3 && digits.iter().all(u8::is_ascii_digit),
    }
}
