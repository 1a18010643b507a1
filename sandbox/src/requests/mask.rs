//! Taking the secrets out of what is remembered.

use serde_json::Value;

/// Parameters of a larger body are not kept.
const LARGEST_KEPT: u64 = 256 * 1024;
/// What stands for a secret.
const MASK: &str = "*******";
/// Names under which secrets travel, in parameters, forms and queries.
const SECRETS: [&str; 15] = [
    "api_key",
    "auth_token",
    "authenticity_token",
    "csrf_token",
    "otp",
    "passphrase",
    "password",
    "password_proxy",
    "salted_password",
    "script_key",
    "session_token",
    "session_id",
    "sessionToken",
    "signature",
    "user_password",
];
/// Signed URLs are good for whoever has them.
const SIGNATURE: &str = "signature=";

fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name)
}

/// Parameters as text without secrets; nothing when the body that they came in was very large.
pub(crate) fn masked(mut parameters: Value, body_length: u64) -> String {
    if body_length > LARGEST_KEPT {
        return String::new();
    }
    mask(&mut parameters);
    parameters.to_string()
}

fn mask(value: &mut Value) {
    match value {
        Value::Array(members) => members.iter_mut().for_each(mask),
        Value::Object(object) => {
            // A write names its field beside the value.
            let names_secret = object.get("field_name").and_then(Value::as_str).is_some_and(is_secret);
            for (key, member) in object.iter_mut() {
                let secret = is_secret(key) || (names_secret && key == "value");
                if secret && !member.is_null() {
                    *member = Value::from(MASK);
                } else {
                    mask(member);
                }
            }
        }
        Value::String(text) if text.contains(SIGNATURE) => *text = without_signatures(text),
        _ => {}
    }
}

/// A text in which signed URLs may stand, with what they are signed with masked.
fn without_signatures(text: &str) -> String {
    let mut pieces = text.split(SIGNATURE);
    let mut masked = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece.trim_start_matches(|character: char| character.is_ascii_alphanumeric());
        masked.push_str(SIGNATURE);
        masked.push_str(MASK);
        masked.push_str(rest);
    }
    masked
}

/// The query of a URL without secrets.
pub(crate) fn query(text: &str) -> String {
    let pairs = text.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={MASK}"),
        _ => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let given = json!([
            {"script_name": "s", "script_key": "k1"},
            {"fields": [{"field_name": "password_proxy", "value": "k2"}, {"field_name": "code", "value": "shown"}]},
            {"upload_link_info": "1\nhttp://h/storage/x?expires=5&viewer=&signature=k3\n2024\n", "note": {"auth_token": "k4"}},
        ]);
        let text = masked(given, 10);
        assert!(!["k1", "k2", "k3", "k4"].iter().any(|secret| text.contains(secret)), "{text}");
        assert!(
            text.contains("shown") && text.contains("signature=*******\\n2024"),
            "what is no secret stays: {text}"
        );
        assert_eq!(
            query("expires=5&signature=abc&session_token=x"),
            "expires=5&signature=*******&session_token=*******"
        );
        assert_eq!(masked(json!({}), LARGEST_KEPT + 1), "");
    }
}
