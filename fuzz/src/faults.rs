//! The grammar of faults. Input: `CODE|OPERATION|ENTITY TYPE|ID`, a line feed, the site's message. All of the line may be missing.

use shotgrid::client::{Error, Status, fuzzing};

use crate::input::first_line;

/// How a refusal may be worded. An independent reading of docs/design.md: what has none of these is none.
const REFUSALS: &[&str] = &[
    "The field is not editable for this user: [",
    " by this user",
    "The user does not have permission to",
    "Must sudo as",
    "User promotion to active is permitted only for",
    " -- PermissionRule ",
];
/// What messages about data begin with, whatever they quote.
const ABOUT_DATA: &[&str] = &["Update failed for [", "Create failed for [", "Path ", "Entity of type ["];

/// Whatever a site says: what is read out of it stands in it, and only a refusal is taken for one.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (head, message) = first_line(text);
    let parts: Vec<&str> = head.split('|').collect();
    let part = |place: usize| parts.get(place).copied().unwrap_or_default();
    let code = part(0).parse().ok();
    let subject = (!part(2).is_empty()).then(|| (part(1), part(2), part(3).parse().ok()));

    let told = fuzzing::exception(message, code, None);
    check(&told, message, code);
    let completed = fuzzing::exception(message, code, subject);
    check(&completed, message, code);
    assert_eq!((told.status, told.batch_index), (completed.status, completed.batch_index));
    // What the site told is never replaced by what the call was about.
    let (site, both) = (&told.refusal, &completed.refusal);
    let kept = |told: &Option<String>, completed: &Option<String>| told.is_none() || told == completed;
    assert!(
        kept(&site.operation, &both.operation) && kept(&site.entity_type, &both.entity_type),
        "{completed:?}"
    );
    assert!(site.entity_id.is_none() || site.entity_id == both.entity_id, "{completed:?}");
    assert_eq!(
        (&site.field, &site.role, site.rule_id, &site.rule_text),
        (&both.field, &both.role, both.rule_id, &both.rule_text)
    );
    if told.status != Status::Permission {
        assert_eq!(told.message, completed.message);
    }
}

fn check(error: &Error, message: &str, code: Option<i64>) {
    assert_eq!(error.server_code, code);
    assert_eq!(
        error.server_message.as_deref().unwrap_or_default(),
        message,
        "the site's words are kept"
    );
    assert!(
        !error.message.is_empty() && !error.retryable && !error.may_have_applied,
        "{error:?}"
    );
    let index = error.batch_index;
    assert!(
        index.is_none_or(|index| message.starts_with("API batch() request with index ") && message.contains(&index.to_string())),
        "{error:?}"
    );
    let refusal = &error.refusal;
    if error.status != Status::Permission {
        assert_eq!(*refusal, Default::default(), "{error:?}");
        return;
    }
    assert!(
        REFUSALS.iter().any(|words| message.contains(words)),
        "nothing in it is a refusal: {error:?}"
    );
    let about_data = ABOUT_DATA.iter().any(|start| message.starts_with(start));
    assert!(!about_data, "a message about data is no refusal: {error:?}");
    let signing_in = code == Some(102) && (message.starts_with("Can't authenticate") || message.starts_with("Cannot 'sudo'"));
    assert!(!signing_in, "a message about signing in is no refusal: {error:?}");
    for part in [&refusal.field, &refusal.role, &refusal.rule_text].into_iter().flatten() {
        assert!(message.contains(part.as_str()), "\"{part}\" is not in it: {error:?}");
    }
    // A number may be written with zeros in front, so the digits are what is looked for.
    for number in [refusal.rule_id].into_iter().flatten() {
        assert!(
            message.contains(&number.unsigned_abs().to_string()),
            "{number} is not in it: {error:?}"
        );
    }
}
