//! The elements that the language itself gives: primitive schemas, geometries, units.

use super::{Parsed, Parser, Policy};
use crate::{context::ContextPolicy, graph::Graph, metamodel::standard_documents};

/// They are written in DTDL and read like any model, only that they may use reserved identifiers.
fn parse() -> Parsed {
    let mut policy = Policy::new(ContextPolicy { undefined_extensions: Some(false), newest: 3 });
    policy.of_the_language = true;
    let mut parser = Parser::new(policy);
    parser.parsed.graph = Graph::of_the_language();
    for document in standard_documents() {
        parser.document(&document);
    }
    parser.finish()
}

pub(crate) fn standard_graph() -> Graph {
    let mut graph = parse().graph;
    crate::check::resolve_aliases(&mut graph);
    graph
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_obeys_itself() {
        let parsed = parse();
        assert_eq!(parsed.problems.to_string(), "");
        assert!(parsed.graph.elements().count() > 400);
        for link in &parsed.links {
            assert!(parsed.graph.get(&link.to).is_some(), "{link:?}");
        }
    }
}
