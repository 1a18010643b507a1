//! Headers of a site's entity types and fields: see docs/codegen.md.

pub mod header;
pub mod names;
pub mod schema;
