//! What an editor asks: highlighting, diagnostics, completion.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use adt_query::{Severity, TokenKind, complete, diagnose, highlight};
use dtdl::{Models, ParseOptions};
use proptest::prelude::*;
use serde_json::json;

fn models() -> Models {
    let property = |name: &str, schema: serde_json::Value| json!({"@type": "Property", "name": name, "schema": schema});
    let mut models = Models::default();
    let place = json!({"@type": "Object", "fields": [{"name": "street", "schema": "string"}]});
    let documents = [
        json!({"@id": "dtmi:t:Battery;1", "@type": "Interface", "@context": "dtmi:dtdl:context;2",
            "contents": [property("level", json!("double"))]}),
        json!({"@id": "dtmi:t:Room;1", "@type": "Interface", "@context": "dtmi:dtdl:context;2", "contents": [
            property("temperature", json!("double")), property("order", json!("integer")), property("place", place),
            {"@type": "Relationship", "name": "contains", "properties": [property("since", json!("date"))]}]}),
        json!({"@id": "dtmi:t:Thermostat;1", "@type": "Interface", "@context": "dtmi:dtdl:context;2", "contents": [
            property("setPoint", json!("double")),
            {"@type": "Component", "name": "battery", "schema": "dtmi:t:Battery;1"}]}),
    ];
    models.add(&documents, &ParseOptions::default()).unwrap();
    models
}

/// What completion offers where `|` stands.
fn offered(text: &str) -> Vec<String> {
    let at = text.find('|').unwrap();
    let completion = complete(&text.replacen('|', "", 1), at, &models());
    completion.items.into_iter().map(|item| item.text).collect()
}

#[test]
fn completes() {
    for (text, expected) in [
        ("|", vec!["SELECT"]),
        ("sel|", vec!["SELECT"]),
        ("SELECT | FROM DIGITALTWINS T", vec!["T", "$dtId", "temperature", "COUNT", "TOP", "*"]),
        ("SELECT T.| FROM DIGITALTWINS T", vec!["$dtId", "temperature", "setPoint", "[[order]]"]),
        ("SELECT T.te| FROM DIGITALTWINS T", vec!["temperature"]),
        ("SELECT R.| FROM RELATIONSHIPS R", vec!["$relationshipId", "since"]),
        ("SELECT * |", vec!["FROM"]),
        ("SELECT * FROM |", vec!["DIGITALTWINS", "RELATIONSHIPS"]),
        ("SELECT * FROM DIGITALTWINS |", vec!["MATCH", "JOIN", "WHERE"]),
        ("SELECT R FROM DIGITALTWINS T JOIN R RELATED |", vec!["T", "R"]),
        ("SELECT R FROM DIGITALTWINS T JOIN R RELATED T.|", vec!["contains"]),
        ("SELECT a FROM DIGITALTWINS MATCH (a)-[:|", vec!["contains"]),
        ("SELECT * FROM DIGITALTWINS WHERE |", vec!["temperature", "IS_OF_MODEL", "NOT", "("]),
        ("SELECT * FROM DIGITALTWINS T WHERE T.temperature |", vec!["=", "<=", "IN", "NIN"]),
        ("SELECT * FROM DIGITALTWINS T WHERE T.battery.|", vec!["level"]),
        ("SELECT * FROM DIGITALTWINS T WHERE T.place.|", vec!["street"]),
        ("SELECT * FROM DIGITALTWINS T WHERE T.$metadata.|", vec!["$model", "$lastUpdateTime"]),
        ("SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(|", vec!["T", "'dtmi:t:Room;1'"]),
        ("SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL('dtmi:t:R|", vec!["dtmi:t:Room;1"]),
        ("SELECT * FROM DIGITALTWINS WHERE a = 1 |", vec!["AND", "OR"]),
    ] {
        let offered = offered(text);
        for item in expected {
            assert!(
                offered.iter().any(|text| text == item),
                "{text}: {item} is not in {offered:?}"
            );
        }
    }
    assert_eq!(
        offered("SELECT T.setP| FROM DIGITALTWINS T WHERE IS_OF_MODEL('dtmi:t:Room;1')"),
        Vec::<String>::new()
    );
    assert_eq!(offered("SELECT nonsense here |"), Vec::<String>::new());
    assert_eq!(offered("SELECT * FROM DIGITALTWINS WHERE name = '|"), Vec::<String>::new());
    let completion = complete("SELECT T.te FROM DIGITALTWINS T", 11, &models());
    assert_eq!(completion.replace, 9..11);
    assert_eq!(completion.items[0].detail, "double");
}

#[test]
fn highlights() {
    let text = "SELECT T.name FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, 'dtmi:t:Room;1') AND T.x >= 1.5 OR 'a' = b";
    let pieces = highlight(text);
    let kind =
        |piece: &str| pieces.iter().find(|it| &text[it.bytes.clone()] == piece).unwrap().kind;
    for (piece, expected) in [
        ("SELECT", TokenKind::Keyword),
        ("T", TokenKind::Alias),
        ("name", TokenKind::Property),
        ("DIGITALTWINS", TokenKind::Keyword),
        ("IS_OF_MODEL", TokenKind::Function),
        ("'dtmi:t:Room;1'", TokenKind::ModelId),
        (">=", TokenKind::Operator),
        ("1.5", TokenKind::Number),
        ("'a'", TokenKind::Text),
        (".", TokenKind::Punctuation),
    ] {
        assert_eq!(kind(piece), expected, "{piece}");
    }
    let pieces = highlight("SELECT a FROM DIGITALTWINS MATCH (a)-[r:x]->(b) ?");
    assert_eq!(pieces.last().unwrap().kind, TokenKind::Unknown);
    assert!(pieces.iter().any(|piece| piece.kind == TokenKind::RelationshipName));
}

#[test]
fn diagnoses() {
    let found = |text: &str| diagnose(text, &models());
    assert_eq!(
        found("SELECT T.temperature, T.$dtId FROM DIGITALTWINS T WHERE T.battery.level > 1"),
        []
    );
    let error = &found("SELECT * FROM DIGITALTWINS WHERE tags[0] = 'x'")[0];
    assert_eq!((error.severity, error.bytes.clone()), (Severity::Error, 37..38));
    for (text, about, message) in [
        (
            "SELECT * FROM DIGITALTWINS WHERE Temperature = 1",
            "Temperature",
            "No model has a property Temperature",
        ),
        (
            "SELECT * FROM DIGITALTWINS WHERE IS_OF_MODEL('dtmi:t:X;1')",
            "'dtmi:t:X;1'",
            "There is no model dtmi:t:X;1",
        ),
        (
            "SELECT R FROM DIGITALTWINS T JOIN R RELATED T.contain WHERE T.$dtId = 'x'",
            "contain",
            "No model has a relationship contain",
        ),
        (
            "SELECT a FROM DIGITALTWINS MATCH (a)-[*3..3]->(b) WHERE a.$dtId = 'x'",
            "..",
            "exclusive",
        ),
    ] {
        let found = found(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(&text[found[0].bytes.clone()], about);
        assert!(found[0].message.contains(message), "{text}: {found:?}");
    }
}

proptest! {
    /// Whatever is written, and wherever the cursor stands.
    #[test]
    fn never_panics(text in "\\PC{0,60}", at in 0_usize..70) {
        let models = models();
        let completion = complete(&text, at, &models);
        prop_assert!(text.get(completion.replace).is_some());
        for piece in highlight(&text) {
            prop_assert!(text.get(piece.bytes).is_some());
        }
        for diagnostic in diagnose(&text, &models) {
            prop_assert!(text.get(diagnostic.bytes).is_some());
        }
    }
}
