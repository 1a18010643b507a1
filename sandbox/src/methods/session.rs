//! `get_session_token`.

use serde_json::{Value, json};

use super::Call;
use crate::auth::{self, sessions};
use crate::fault::Fault;

/// A person who gives login and password signs in by this; a script merely gets a token. Who asks in a session is told that
/// session's token.
pub(super) fn get_token(call: &Call<'_>) -> Result<Value, Fault> {
    if let Some(token) = auth::own_session(call.authentication)? {
        return Ok(json!({"session_id": token}));
    }
    let signs_in = call.caller.entity_type == "HumanUser" && call.caller.sudo_actual_user.is_none();
    let login = call.authentication.get("user_login").and_then(Value::as_str).filter(|_| signs_in);
    let token = sessions::open(call.site, call.caller, login)?;
    Ok(json!({"session_id": token}))
}
