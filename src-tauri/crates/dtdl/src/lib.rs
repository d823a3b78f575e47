//! The Digital Twins Definition Language: parse, validate, resolve, check values.
