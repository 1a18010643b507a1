//! The registry as JSON, for bindings that offer each method by its name.

use once_cell::sync::Lazy;

use super::{Method, Param, methods};
use crate::client::json::{Object, array};

/// Every method as a member of a JSON object.
static DESCRIPTION: Lazy<String> = Lazy::new(|| {
    let mut all: Vec<&Method> = methods().collect();
    all.sort_by_key(|method| method.name);
    let object = all
        .into_iter()
        .fold(Object::new(), |object, method| object.raw(method.name, &description(method)));
    object.finish()
});

/// What every method does, takes and returns: an object of the methods' names.
pub fn methods_json() -> &'static str {
    &DESCRIPTION
}

fn description(method: &Method) -> String {
    Object::new()
        .text("summary", method.summary)
        .raw("parameters", &array(method.params.iter().map(parameter)))
        .text("returns", method.returns)
        .raw("example", if method.example.is_empty() { "null" } else { method.example })
        .finish()
}

fn parameter(param: &Param) -> String {
    Object::new()
        .text("name", param.name)
        .text("takes", param.takes.allowed())
        .raw("required", if param.default.is_none() { "true" } else { "false" })
        .raw_if("default", param.default)
        .finish()
}
