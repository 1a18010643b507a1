//! The parameters of every method. Input: the method's name, a line feed, `params_json`.

use shotgrid::client::{Document, Kind, Method, Status, Value, fuzzing};

use crate::input::{first_line, method};
use crate::json_oracle::is_json;

/// Sites from before and after everything that depends on their version.
const SITES: &[&str] = &[
    r#"{"version":[8,60,0],"api_max_entities_per_page":500}"#,
    r#"{"version":[2,4,1],"api_max_entities_per_page":1}"#,
];
/// No message repeats more of what it complains about, but for the place in nested filters.
const LONGEST_MESSAGE: usize = 2_000;
const LONGEST_STEP: usize = 24;

/// Whatever is given, a call is made of it that is JSON, or it is refused with a reason.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (name, params) = first_line(text);
    let method = method(name);
    let longest = LONGEST_MESSAGE + LONGEST_STEP * params.matches('[').count();
    for info in SITES {
        let made = fuzzing::request(method.name, params, info);
        match &made {
            Ok(made) => assert!(
                made.as_deref().is_none_or(is_json),
                "{}: what is sent is no JSON: {made:?}",
                method.name
            ),
            Err(error) => {
                let status = error.status;
                assert!(
                    matches!(status, Status::InvalidArgument | Status::Unsupported),
                    "{}: {error:?}",
                    method.name
                );
                assert!(!error.message.is_empty() && error.message.len() < longest, "{error:?}");
                assert!(!error.may_have_applied && !error.retryable, "{error:?}");
            }
        }
        let Some(positions) = by_position(method, params) else { continue };
        let same = fuzzing::request(method.name, &positions, info);
        match (made, same) {
            (Ok(made), Ok(same)) => assert_eq!(made, same, "{} by position: {positions}", method.name),
            (Ok(made), Err(error)) => panic!("{} by position is refused: {positions}: {error}; by name: {made:?}", method.name),
            (Err(_), _) => {}
        }
    }
    if name != method.name {
        let error = fuzzing::request(name, params, SITES[0])
            .map(drop)
            .expect_err("no method has this name");
        assert!(
            error.status == Status::InvalidArgument && error.message.len() < LONGEST_MESSAGE,
            "{error:?}"
        );
    }
}

/// The same arguments as a list, with the defaults of those that are not given.
fn by_position(method: &Method, params: &str) -> Option<String> {
    let document = Document::parse(params.into()).ok()?;
    let given = document.root();
    if given.kind() != Kind::Object {
        return None;
    }
    let values: Option<Vec<&str>> = method
        .params
        .iter()
        .map(|param| given.get(param.name).map(Value::json).or(param.default))
        .collect();
    Some(format!("[{}]", values?.join(",")))
}
