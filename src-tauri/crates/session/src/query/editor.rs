//! What an editor asks while a query is written.

use crate::wire::{QueryOffer, QueryOffers, QueryPiece, QueryPieceKind, QueryProblem, QueryText};
use adt_query::{CompletionKind, Severity, TokenKind};
use dtdl::Models;

/// Longer texts are no queries: the service refuses them, and looking at each letter of them
/// would hold the editor up.
const MOST_BYTES: usize = 4 * adt_limits::Limit::QueryText.row().number() as usize;

/// Colours and problems of a text.
pub(super) fn describe(text: &str, models: &Models) -> QueryText {
    if text.trim().is_empty() {
        return QueryText { pieces: Vec::new(), problems: Vec::new() };
    }
    let units = Units::of(text);
    let problems = adt_query::diagnose(text, models).into_iter().map(|found| QueryProblem {
        from: units.at(found.bytes.start),
        to: units.at(found.bytes.end),
        refused: found.severity == Severity::Error,
        message: found.message,
    });
    let problems = problems.collect();
    if text.len() > MOST_BYTES {
        return QueryText { pieces: Vec::new(), problems };
    }
    let pieces = adt_query::highlight(text).into_iter().map(|piece| QueryPiece {
        from: units.at(piece.bytes.start),
        to: units.at(piece.bytes.end),
        kind: kind_of(piece.kind),
    });
    QueryText { pieces: pieces.collect(), problems }
}

/// What can stand at a place.
pub(super) fn offer(text: &str, at: u32, models: &Models) -> QueryOffers {
    let units = Units::of(text);
    let completion = adt_query::complete(text, units.byte_of(at), models);
    let items = completion.items.into_iter().map(|item| QueryOffer {
        text: item.text,
        kind: kind_of_offer(item.kind),
        detail: item.detail,
    });
    QueryOffers { from: units.at(completion.replace.start), items: items.collect() }
}

fn kind_of(kind: TokenKind) -> QueryPieceKind {
    match kind {
        TokenKind::Keyword => QueryPieceKind::Keyword,
        TokenKind::Function => QueryPieceKind::Function,
        TokenKind::Alias => QueryPieceKind::Alias,
        TokenKind::Property => QueryPieceKind::Property,
        TokenKind::RelationshipName => QueryPieceKind::RelationshipName,
        TokenKind::Text => QueryPieceKind::Text,
        TokenKind::ModelId => QueryPieceKind::ModelId,
        TokenKind::Number => QueryPieceKind::Number,
        TokenKind::Operator | TokenKind::Punctuation => QueryPieceKind::Mark,
        TokenKind::Name => QueryPieceKind::Name,
        TokenKind::Unknown => QueryPieceKind::Unknown,
    }
}

fn kind_of_offer(kind: CompletionKind) -> QueryPieceKind {
    match kind {
        CompletionKind::Alias => QueryPieceKind::Alias,
        CompletionKind::Property => QueryPieceKind::Property,
        CompletionKind::RelationshipName => QueryPieceKind::RelationshipName,
        CompletionKind::ModelId => QueryPieceKind::ModelId,
        CompletionKind::Keyword => QueryPieceKind::Keyword,
        CompletionKind::Function => QueryPieceKind::Function,
        CompletionKind::Symbol => QueryPieceKind::Mark,
    }
}

/// Between bytes and UTF-16 units of a text.
struct Units<'t> {
    text: &'t str,
    /// Of ASCII both are the same.
    ascii: bool,
}

impl<'t> Units<'t> {
    fn of(text: &'t str) -> Self {
        Self { text, ascii: text.is_ascii() }
    }

    fn at(&self, byte: usize) -> u32 {
        let units = match self.ascii {
            true => byte,
            false => self.text.get(..byte).map_or(byte, |before| before.encode_utf16().count()),
        };
        u32::try_from(units).unwrap_or(u32::MAX)
    }

    fn byte_of(&self, unit: u32) -> usize {
        let wanted = unit as usize;
        if self.ascii {
            return wanted.min(self.text.len());
        }
        let mut units = 0;
        let found = self.text.char_indices().find(|(_, char)| {
            let here = units >= wanted;
            units += char.len_utf16();
            here
        });
        found.map_or(self.text.len(), |(byte, _)| byte)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn places_are_utf_16_units() {
        let text = "SELECT * FROM DIGITALTWINS T WHERE T.name = '🏢ü' AND T.x = ";
        let units: Vec<u16> = text.encode_utf16().collect();
        let told = describe(text, &Models::default());
        let shown = |piece: &QueryPiece| {
            String::from_utf16(&units[piece.from as usize..piece.to as usize]).unwrap()
        };
        let words: Vec<String> = told.pieces.iter().map(shown).collect();
        assert_eq!(words[0], "SELECT");
        assert!(words.contains(&"'🏢ü'".to_owned()));
        let [problem] = &told.problems[..] else { panic!("{:?}", told.problems) };
        assert_eq!((problem.from as usize, problem.refused), (units.len(), true));
    }

    #[test]
    fn offers_begin_where_the_word_does() {
        let text = "SELECT * FROM DIGITALTWINS T WHERE T.name = '🏢' AND T.$d";
        let units = u32::try_from(text.encode_utf16().count()).unwrap();
        let offers = offer(text, units, &Models::default());
        assert_eq!(offers.from, units - 2);
        assert!(offers.items.iter().any(|item| item.text == "$dtId"));
    }

    #[test]
    fn an_empty_text_is_no_mistake() {
        assert!(describe(" \n", &Models::default()).problems.is_empty());
    }
}
