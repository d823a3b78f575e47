//! What texts must look like.

use crate::{dtmi::Dtmi, metamodel::Pattern};

pub(super) fn describe(pattern: Pattern) -> &'static str {
    match pattern {
        Pattern::Name => {
            "a name: it must begin with a letter, end with a letter or digit, and have only letters, digits and underscores"
        }
        Pattern::Dtmi => "a DTMI",
        Pattern::Topic => "a topic: labels and {tokens} between slashes",
        Pattern::Group => "a group: printable characters without space, \", +, #, {, } and /",
    }
}

pub(super) fn matches(pattern: Pattern, text: &str, version: u8) -> bool {
    match pattern {
        Pattern::Name => {
            let ends = text.as_bytes().last().is_some_and(u8::is_ascii_alphanumeric);
            let starts = text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
            starts && ends && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        }
        Pattern::Dtmi => Dtmi::is_well_formed_in(text, version),
        Pattern::Topic => is_topic(text),
        Pattern::Group => !text.is_empty() && text.bytes().all(is_topic_byte),
    }
}

/// The labels of a topic hold printable ASCII without space, `"`, `+`, `#`, `{`, `}` and `/`.
fn is_topic_byte(byte: u8) -> bool {
    matches!(byte, b'!' | b'$'..=b'*' | b','..=b'.' | b'0'..=b'z' | b'|' | b'~')
}

fn is_topic(text: &str) -> bool {
    text.split('/').enumerate().all(|(position, label)| {
        let token =
            label.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).is_some_and(|token| {
                let (scope, name) = token.split_once(':').unwrap_or(("any", token));
                [scope, name].iter().all(|part| {
                    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphabetic())
                })
            });
        let plain = !label.is_empty() && label.bytes().all(is_topic_byte);
        token || (plain && (position > 0 || !label.starts_with('$')))
    })
}
