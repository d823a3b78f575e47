//! Bad input: an error with its place, at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use dtdl::{Models, ParseOptions, Problems};
use serde_json::{Value, json};

/// What takes a second alone may take ten beside other programs; what is not linear takes hours.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads and adds a text, in a time that leaves no doubt.
fn refused(text: &[u8]) -> Problems {
    let started = Instant::now();
    let mut models = Models::new();
    let problems = match dtdl::read(text) {
        Err(problems) => problems,
        Ok(document) => models.add(&[document], &ParseOptions::default()).expect_err("it is wrong"),
    };
    assert!(models.is_empty());
    assert!(started.elapsed() < PATIENCE, "took {:?}", started.elapsed());
    assert!(problems.iter().all(|problem| problem.message.len() < 10_000));
    problems
}

fn add(documents: &[Value]) -> Result<Models, Problems> {
    let started = Instant::now();
    let mut models = Models::new();
    let result = models.add(documents, &ParseOptions::default()).map(|_| models);
    assert!(started.elapsed() < PATIENCE, "took {:?}", started.elapsed());
    result
}

fn first_rule(problems: &Problems) -> &str {
    problems.0[0].rule()
}

fn interface(id: &str, more: Value) -> Value {
    let mut document = json!({"@context": "dtmi:dtdl:context;3", "@id": id, "@type": "Interface"});
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    document
}

#[test]
fn ten_megabytes_of_nested_arrays() {
    let problems = refused("[".repeat(10_000_000).as_bytes());
    assert_eq!(first_rule(&problems), "nestingTooDeep");
    assert!(problems.to_string().contains("line 1 column"), "{problems}");
    let wide = format!("[{}1]", "[],".repeat(3_000_000));
    assert_eq!(first_rule(&refused(wide.as_bytes())), "notJsonObject");
}

#[test]
fn deep_values_that_were_never_text() {
    let mut value = json!("double");
    for _ in 0..200 {
        value = json!({"@type": "Array", "elementSchema": value});
    }
    let document = interface(
        "dtmi:x:A;1",
        json!({"contents": [{"@type": "Property", "name": "p", "schema": value}]}),
    );
    assert_eq!(first_rule(&add(&[document]).unwrap_err()), "nestingTooDeep");
}

#[test]
fn depth_is_guarded_behind_any_number_of_problems() {
    let hopeless = interface("dtmi:x:A;1", json!({"contents": vec![5; 20_000]}));
    // The macro would copy it at each level.
    let mut deep = Value::Null;
    for _ in 0..10_000 {
        deep = Value::Array(vec![deep]);
    }
    let mut second = interface("dtmi:x:B;1", json!({}));
    second.as_object_mut().unwrap().insert("contents".to_owned(), deep);
    let documents = [hopeless, second];
    assert!(add(&documents).is_err());
    // Dropping a value of that depth would be as deep.
    std::mem::forget(documents);
}

#[test]
fn a_model_of_broken_shape_does_not_hide_the_others() {
    let broken = interface("dtmi:x:A;1", json!({"comment": null}));
    let wrong = interface(
        "dtmi:x:B;1",
        json!({"contents": [{"@type": "Property", "name": "p"}], "extends": "dtmi:x:A;1"}),
    );
    let problems = add(&[json!([broken, wrong])]).unwrap_err();
    let rules: Vec<_> = problems.iter().map(|problem| problem.rule()).collect();
    assert_eq!(rules, ["propertyValueNull", "missingObjectProperty"]);
    assert_eq!(problems.0[0].model.as_deref(), Some("dtmi:x:A;1"));
}

#[test]
fn doubled_keys_are_not_lost() {
    let problems = refused(b"{\n  \"@id\": \"dtmi:x:A;1\",\n  \"@id\": \"dtmi:x:B;1\"\n}");
    assert_eq!(first_rule(&problems), "duplicateKey");
    assert!(problems.to_string().contains("line 3"), "{problems}");
}

#[test]
fn circles_of_extends() {
    let circle = |n: usize| -> Vec<Value> {
        (0..n)
            .map(|i| {
                interface(
                    &format!("dtmi:x:I{i};1"),
                    json!({"extends": format!("dtmi:x:I{};1", (i + 1) % n)}),
                )
            })
            .collect()
    };
    for length in [1, 2, 10, 2_000] {
        let problems = add(&circle(length)).unwrap_err();
        assert!(
            problems.iter().any(|problem| problem.rule() == "recursiveStructureNarrow"),
            "{problems}"
        );
    }
}

#[test]
fn a_chain_of_extends_may_have_ten_links() {
    let chain = |n: usize| -> Vec<Value> {
        (0..=n)
            .map(|i| match i {
                0 => interface("dtmi:x:I0;1", json!({})),
                _ => interface(
                    &format!("dtmi:x:I{i};1"),
                    json!({"extends": format!("dtmi:x:I{};1", i - 1)}),
                ),
            })
            .collect()
    };
    assert!(add(&chain(10)).is_ok());
    let problems = add(&chain(11)).unwrap_err();
    assert_eq!(first_rule(&problems), "excessiveDepthNarrow");
    assert!(add(&chain(5_000)).is_err());
}

#[test]
fn two_models_with_one_identifier() {
    let model = interface("dtmi:x:A;1", json!({}));
    let problems = add(&[model.clone(), model]).unwrap_err();
    assert_eq!(first_rule(&problems), "duplicateDefinition");
    assert_eq!(problems.0[0].value.as_deref(), Some("dtmi:x:A;1"));
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let text = "\u{FEFF}{\"@context\": \"dtmi:dtdl:context;3\", \"@id\": \"dtmi:x:A;1\", \"@type\": \"Interface\"}";
    let document = dtdl::read(text.as_bytes()).unwrap();
    assert!(add(&[document]).is_ok());
}

#[test]
fn invalid_utf_8_has_a_place() {
    let problems = refused(b"{\n  \"@id\": \"dtmi:x:\xff;1\"\n}");
    assert_eq!(first_rule(&problems), "invalidJson");
    assert!(problems.to_string().contains("line 2 column 18"), "{problems}");
}

#[test]
fn an_identifier_of_ten_thousand_characters() {
    let id = format!("dtmi:{};1", "a".repeat(10_000));
    let problems = add(&[interface(&id, json!({}))]).unwrap_err();
    assert_eq!(first_rule(&problems), "idTooLong");
    assert!(problems.to_string().contains("10007 characters"), "{problems}");
}

#[test]
fn numbers_past_64_bits() {
    let text = r#"{"@context": "dtmi:dtdl:context;3", "@id": "dtmi:x:A;1", "@type": "Interface", "contents": [
        {"@type": "Relationship", "name": "r", "maxMultiplicity": 18446744073709551616}]}"#;
    let problems = refused(text.as_bytes());
    assert_eq!(first_rule(&problems), "integerNotInteger");
    assert_eq!(problems.0[0].property.as_deref(), Some("maxMultiplicity"));
    assert_eq!(first_rule(&refused(b"{\"@id\": 1e999}")), "invalidJson");
}

#[test]
fn an_empty_or_broken_text() {
    for text in ["", "{", "nul", "\"dtmi:x:A;1\"", "{} {}", "[{]"] {
        assert!(!refused(text.as_bytes()).0.is_empty());
    }
}

#[test]
fn names_that_would_multiply_in_identifiers() {
    let fields: Vec<Value> =
        (0..20_000).map(|n| json!({"name": format!("f{n}"), "schema": "double"})).collect();
    let document = interface(
        "dtmi:x:A;1",
        json!({"contents": [{
            "@type": "Property", "name": "n".repeat(500_000), "schema": {"@type": "Object", "fields": fields}
        }]}),
    );
    assert_eq!(first_rule(&add(&[document]).unwrap_err()), "idTooLong");
}

#[test]
fn shared_schemas_cost_what_they_are_not_what_they_stand_for() {
    // Each refers to the next twice: two to the power of forty if each way were walked.
    let schemas: Vec<Value> = (0..40)
        .map(|n| {
            json!({"@id": format!("dtmi:x:s{n};1"), "@type": "Object", "fields": [
                {"name": "a", "schema": format!("dtmi:x:s{};1", n + 1)},
                {"name": "b", "schema": format!("dtmi:x:s{};1", n + 1)}
            ]})
        })
        .chain([json!({"@id": "dtmi:x:s40;1", "@type": "Array", "elementSchema": "double"})])
        .collect();
    let problems = add(&[interface("dtmi:x:A;1", json!({"schemas": schemas}))]).unwrap_err();
    assert!(problems.iter().any(|problem| problem.rule() == "excessiveDepthWide"), "{problems}");
}

#[test]
fn a_lattice_of_extends() {
    let mut models = Vec::new();
    for level in 0..10 {
        for n in 0..40 {
            let extends: Vec<String> = match level {
                0 => Vec::new(),
                _ => (0..40).map(|base| format!("dtmi:x:L{}I{base};1", level - 1)).collect(),
            };
            models.push(interface(&format!("dtmi:x:L{level}I{n};1"), json!({"extends": extends,
                "contents": [{"@type": "Property", "name": format!("p{level}x{n}"), "schema": "double"}]})));
        }
    }
    let problems = add(&models).unwrap_err();
    assert!(problems.iter().all(|problem| problem.rule() == "excessiveCount"), "{problems}");
}

#[test]
fn a_wide_base_with_many_heirs_is_bounded() {
    let contents: Vec<Value> = (0..3_000)
        .map(|n| json!({"@type": "Property", "name": format!("p{n}"), "schema": "double"}))
        .collect();
    let mut models = vec![interface("dtmi:x:Base;1", json!({"contents": contents}))];
    models.extend(
        (0..3_000)
            .map(|n| interface(&format!("dtmi:x:I{n};1"), json!({"extends": "dtmi:x:Base;1"}))),
    );
    let problems = add(&models).unwrap_err();
    assert_eq!(problems.0[0].rule(), "excessiveCount");
}

#[test]
fn many_siblings_that_refer_to_each_other() {
    let mut contents = vec![json!({"@type": "Telemetry", "name": "t", "schema": "double"})];
    contents.extend((0..5_000).map(|n| {
        json!({"@type": ["Property", "ValueAnnotation"], "name": format!("p{n}"), "annotates": "t", "schema": "double"})
    }));
    let context = json!(["dtmi:dtdl:context;3", "dtmi:dtdl:extension:annotation;1"]);
    let model = interface("dtmi:x:A;1", json!({"@context": context, "contents": contents}));
    assert!(add(&[model]).is_ok());
}

#[test]
fn more_problems_than_anyone_reads() {
    let mut text = r#"{"@context": "dtmi:dtdl:context;3", "@id": "dtmi:x:A;1", "@type": "Interface", "contents": ["#.to_owned();
    for _ in 0..50_000 {
        write!(text, "5,").unwrap();
    }
    text.push_str("5]}");
    let problems = refused(text.as_bytes());
    assert_eq!(problems.0.len(), 10_000);
    assert_eq!(problems.0[9_999].rule(), "moreProblems");
}

#[test]
fn an_interface_of_more_than_a_mebibyte() {
    let text = "x".repeat(500);
    let contents: Vec<Value> = (0..2_200)
        .map(|n| json!({"@type": "Property", "name": format!("p{n}"), "schema": "double", "comment": text}))
        .collect();
    let problems = add(&[interface("dtmi:x:A;1", json!({"contents": contents}))]).unwrap_err();
    assert_eq!(first_rule(&problems), "partitionTooLarge");
}

#[test]
fn values_are_checked_in_linear_time_too() {
    let values: Vec<Value> =
        (0..20_000).map(|n| json!({"name": format!("e{n}"), "enumValue": n})).collect();
    let schema = json!({"@type": "Array", "elementSchema": {"@type": "Enum", "valueSchema": "integer", "enumValues": values}});
    let models = add(&[interface(
        "dtmi:x:A;1",
        json!({"contents": [{"@type": "Property", "name": "p", "schema": schema}]}),
    )])
    .unwrap();
    let property = models.get("dtmi:x:A;1").unwrap().property("p").unwrap();
    let body: Value = (0..20_000).collect();
    let wrong: Value = (20_000..40_000).collect();
    let started = Instant::now();
    assert!(property.schema.check(&body).is_ok());
    assert_eq!(property.schema.check(&wrong).unwrap_err().len(), 20_000);
    assert!(started.elapsed() < PATIENCE, "took {:?}", started.elapsed());
}
