//! A JSON error as a sentence.

/// What a JSON error says, without its position.
pub(crate) fn sentence(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    match error.classify() {
        serde_json::error::Category::Data => format!("{}.", capital(what)),
        _ => format!("This is not JSON: {what}. Mend it."),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use dtdl::strict::parse;

    #[test]
    fn says_what_to_do() {
        for (text, words) in [
            (r#"{"a": 1, "a": 2}"#, "The key «a» is there twice; keep one of them."),
            ("{} {}", "This is not JSON: trailing characters. Mend it."),
            ("{", "This is not JSON"),
        ] {
            let told = sentence(&parse(text).unwrap_err());
            assert!(told.contains(words), "{text}: {told}");
        }
    }
}
