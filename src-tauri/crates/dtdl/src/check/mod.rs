//! What depends on several elements: references, constraints, inheritance, nesting, siblings.

mod cotypes;
mod descendants;
mod inheritance;
mod links;
mod restrictions;
mod siblings;

pub(crate) use links::{resolve_aliases, unresolved};

use crate::parse::Parsed;

/// Checks everything that needs all elements to be there.
pub(crate) fn check(parsed: &mut Parsed) {
    links::check_links(parsed);
    resolve_aliases(&mut parsed.graph);
    let contents = inheritance::inherit(parsed);
    descendants::check_descendants(parsed, &contents);
    restrictions::check_restrictions(parsed, &contents);
    cotypes::check_cotypes(parsed, &contents);
}
