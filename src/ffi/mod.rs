//! The C ABI of `include/shotgrid.h`: one file per section of the header. It converts, and holds no logic.
//!
//! Every exported function does the same three things: it takes its arguments over with `from_c!`, enters the [`guard`],
//! and calls the safe layer. The comments of the exported functions are the header's comments, written for C.
//!
//! The modules stand in the header's order: cbindgen emits functions in the order in which it reads them.
#![allow(
    // Exported names are C's.
    non_camel_case_types,
    // What a caller must keep to is said once, in the overview of the header and at each `@param`.
    clippy::missing_safety_doc,
    // `@param[in]` is doxygen's and no link, and an address in a comment for C is a text.
    rustdoc::broken_intra_doc_links,
    rustdoc::bare_urls
)]

#[macro_use]
mod handle;
#[doc(hidden)]
pub mod guard;
mod string;

mod version;

mod status;

mod options;

mod client;

mod session;

mod sign_in;

mod json;

mod call;

mod structs;
mod submit;

mod op;

mod callback;

mod queue;

mod pages;

mod events;

mod result;

mod value;

mod error;

mod log;

mod runtime;

/// What the fuzz targets (`fuzz/`) reach beside the exported functions.
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing {
    /// A result that holds a document, as a call gives it.
    pub fn result(document: crate::client::Document) -> *mut super::sg_result {
        super::result::give(document)
    }
}

pub use call::*;
pub use callback::*;
pub use client::*;
pub use error::*;
pub use events::*;
pub use json::*;
pub use log::*;
pub use op::*;
pub use options::*;
pub use pages::*;
pub use queue::*;
pub use result::*;
pub use runtime::*;
pub use session::*;
pub use sign_in::*;
pub use status::*;
pub use structs::*;
pub use submit::*;
pub use value::*;
pub use version::*;
