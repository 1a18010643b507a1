//! `batch`: several writes as one transaction.

use serde_json::Value;

use super::parameters::Parameters;
use super::writer::Writer;
use super::{Call, create, lifecycle, update};
use crate::fault::Fault;

const VERB: &str = "batch";

pub(super) fn run(call: &Call<'_>) -> Result<Value, Fault> {
    let requests = match call.parameters {
        Value::Array(requests) => requests.as_slice(),
        Value::Null => &[],
        _ => return Err(Fault::bad_call(VERB, "expected an array of requests")),
    };
    call.write(|writer| {
        let replies = requests.iter().enumerate();
        replies
            .map(|(index, wire)| request(writer, wire).map_err(|fault| fault.in_batch(index)))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::from)
    })
}

fn request(writer: &Writer<'_>, wire: &Value) -> Result<Value, Fault> {
    let kind = wire.get("request_type").unwrap_or(&Value::Null);
    match kind.as_str() {
        Some("create") => create::request(writer, &Parameters::of(create::VERB, wire)?),
        Some("update") => update::request(writer, &Parameters::of(update::VERB, wire)?),
        Some("delete") => {
            let verb = lifecycle::DELETE;
            lifecycle::request(writer, &Parameters::of(verb, wire)?, verb, true)
        }
        _ => Err(Fault::bad_call(VERB, format_args!("invalid/missing 'request_type': {kind}"))),
    }
}
