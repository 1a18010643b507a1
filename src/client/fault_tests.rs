//! Every message that real sites were seen to send, and what must be read out of it.

use super::{complete, from_exception};
use crate::client::status::Status;

/// What a refusal must tell: operation, entity type, id, field, role, rule id.
type Told<'a> = (
    Option<&'a str>,
    Option<&'a str>,
    Option<i64>,
    Option<&'a str>,
    Option<&'a str>,
    Option<i64>,
);

fn told(message: &str, code: Option<i64>, expected: Told<'_>) {
    let error = from_exception(message, code);
    assert_eq!(error.status, Status::Permission, "{message}");
    assert_eq!(error.server_message.as_deref(), Some(message));
    assert_eq!(error.server_code, code);
    let refusal = &error.refusal;
    let found = (
        refusal.operation.as_deref(),
        refusal.entity_type.as_deref(),
        refusal.entity_id,
        refusal.field.as_deref(),
        refusal.role.as_deref(),
        refusal.rule_id,
    );
    assert_eq!(found, expected, "{message}");
}

#[test]
fn refusals_tell_their_parts() {
    told(
        "API delete() CRUD ERROR #4.1: Entity Project 75 can not be deleted by this user. Rule: API Admin -- PermissionRule 315: \
         retire_entity_condition FOR entity_type => Project.  RULE: {\"path\":\"name\", \"relation\":\"is_not\",\"values\":[\"Template Project\"]}",
        Some(104),
        (Some("delete"), Some("Project"), Some(75), None, Some("API Admin"), Some(315)),
    );
    told(
        "Entity of type EventLogEntry can not be deleted by this user. Rule: API Admin -- PermissionRule 297: DENY retire_entity FOR \
         entity_type => EventLogEntry",
        Some(104),
        (Some("delete"), Some("EventLogEntry"), None, None, Some("API Admin"), Some(297)),
    );
    told(
        "The field is not editable for this user: [Task.content].",
        Some(104),
        (Some("update"), Some("Task"), None, Some("content"), None, None),
    );
    told(
        "API update() CRUD ERROR #4: The field is not editable for this user: [Task.sg_status_list]. Rule: Artist -- PermissionRule 2615: \
         update_field_condition FOR entity_type => Task.  RULE: {\"path\":\"task_assignees\"}",
        Some(104),
        (
            Some("update"),
            Some("Task"),
            None,
            Some("sg_status_list"),
            Some("Artist"),
            Some(2615),
        ),
    );
    told(
        "The field is not editable for this user: [EventLogEntry.meta]. Rule: API Admin -- PermissionRule 306: DENY update_field FOR \
         entity_type => EventLogEntry, field_name => meta",
        Some(104),
        (
            Some("update"),
            Some("EventLogEntry"),
            None,
            Some("meta"),
            Some("API Admin"),
            Some(306),
        ),
    );
    told(
        "Entity of type LocalStorage cannot be created by this user.",
        Some(104),
        (Some("create"), Some("LocalStorage"), None, None, None, None),
    );
    told(
        "Entity of type ApiUser can not be accessed by this user. Rule: Artist",
        None,
        (Some("read"), Some("ApiUser"), None, None, Some("Artist"), None),
    );
    told(
        "Must sudo as Administrator to change this.",
        None,
        (None, None, None, None, None, None),
    );
    told(
        "The user does not have permission to 'sudo': login bob",
        None,
        (Some("sudo"), None, None, None, None, None),
    );
    told(
        "User promotion to active is permitted only for Identity Users",
        Some(110),
        (None, None, None, None, None, None),
    );
}

#[test]
fn the_rule_text_is_kept_whole() {
    let error = from_exception(
        "Entity Project 75 can not be deleted by this user. Rule: API Admin -- PermissionRule 315: retire_entity_condition FOR \
         entity_type => Project.  RULE: {\"values\":[\"A Rule: B -- C\"]}",
        Some(104),
    );
    let text = error.refusal.rule_text.as_deref();
    assert_eq!(
        text,
        Some("retire_entity_condition FOR entity_type => Project.  RULE: {\"values\":[\"A Rule: B -- C\"]}")
    );
}

#[test]
fn a_batch_tells_which_request() {
    let error = from_exception(
        "API batch() request with index 2 failed.  All requests rolled back.\nAPI create() CRUD ERROR #4: Entity of type Shot cannot be \
         created by this user.",
        Some(104),
    );
    assert_eq!((error.status, error.batch_index), (Status::Permission, Some(2)));
    assert_eq!(error.refusal.operation.as_deref(), Some("create"));
    let conflict = from_exception(
        "API batch() request with index 0 failed.  All requests rolled back.\nAPI update() CRUD ERROR #51: Update failed for [Shot.code]. The \
         value for the Shot Code field is required to be unique. <br> ",
        Some(104),
    );
    assert_eq!((conflict.status, conflict.batch_index), (Status::Conflict, Some(0)));
}

#[test]
fn a_batch_prefix_on_one_line_leaves_the_message() {
    let error = from_exception(
        "API batch() request with index 2 failed.  All requests rolled back. Entity of type Shot cannot be created by this user.",
        Some(104),
    );
    assert_eq!((error.status, error.batch_index), (Status::Permission, Some(2)));
}

#[test]
fn what_is_no_permission_matter() {
    for (message, code, status) in [
        ("Can't authenticate script 'NAME'", Some(102), Status::AuthCredentials),
        ("Can't authenticate user 'LOGIN'.", Some(102), Status::AuthCredentials),
        (
            "Can't authenticate session token ending with 'LAST'",
            Some(102),
            Status::AuthSessionExpired,
        ),
        ("", Some(106), Status::AuthTwoFactor),
        ("", Some(108), Status::AuthSso),
        ("", Some(110), Status::AuthIdentity),
        ("Cannot 'sudo' - inactive user account: 'LOGIN'", Some(102), Status::AuthSudoTarget),
        (
            "Cannot 'sudo' - unknown or retired user: 'LOGIN'",
            Some(102),
            Status::AuthSudoTarget,
        ),
        (
            "Cannot 'sudo' - user account has 'can_impersonate_this_user' turned off: 'LOGIN'",
            Some(102),
            Status::AuthSudoTarget,
        ),
        (
            "API create() CRUD ERROR #61: Create failed for [Project]. The value for the Project Name field is required to be unique. <br>",
            Some(104),
            Status::Conflict,
        ),
        (
            "API delete() CRUD ERROR #3: Entity of type [Shot] with id=1000000 does not exist.",
            Some(104),
            Status::NotFound,
        ),
        (
            "API update() CRUD ERROR #5: Update failed for [Shot.sg_cut_length_r_t]: bad value",
            Some(104),
            Status::Rejected,
        ),
        (
            "API create() CRUD ERROR #6: Create failed for [Attachment]: Path /x doesn't match any defined Local Storage.",
            Some(104),
            Status::Rejected,
        ),
        (
            "API update() Task.updated_at is editable on create only.",
            Some(103),
            Status::Rejected,
        ),
        ("API create() Page.page_type is read only", Some(103), Status::Rejected),
        (
            "API read() invalid/missing integer 'paging' 'entities_per_page': {}",
            Some(103),
            Status::Rejected,
        ),
        ("API create() missing 'project' attribute: {}", Some(103), Status::Rejected),
        ("API read() Version.foo doesn't exist.", Some(103), Status::Rejected),
        ("Entity type 'x' does not exist.", Some(104), Status::Rejected),
        ("Project 12 not found", Some(107), Status::NotFound),
        ("Export for Page id=12 not available", Some(104), Status::NotFound),
        ("'format' missing", Some(103), Status::Rejected),
        ("something else broke", None, Status::ServerFault),
        ("something else broke", Some(999), Status::ServerFault),
    ] {
        let error = from_exception(message, code);
        assert_eq!(error.status, status, "{message}");
        assert_eq!(error.refusal, Default::default(), "{message}");
    }
}

#[test]
fn quoted_words_of_people_do_not_decide() {
    for (message, code, status) in [
        ("Can't authenticate user 'x -- PermissionRule 1: y'.", 102, Status::AuthCredentials),
        (
            "Can't authenticate script 'Must sudo as Administrator'",
            102,
            Status::AuthCredentials,
        ),
        (
            "API update() CRUD ERROR #5: Update failed for [Shot.code]: 'The field is not editable for this user: [A.b]' -- PermissionRule 3: x",
            104,
            Status::Rejected,
        ),
        ("API read() Shot.x is permitted only for y doesn't exist.", 103, Status::Rejected),
        ("API read() Shot.a -- PermissionRule 3: b doesn't exist.", 103, Status::Rejected),
        (
            "API read() expected Integer but got String: Bob does not have permission to x",
            103,
            Status::Rejected,
        ),
        (
            "API create() CRUD ERROR #6: Create failed for [Shot]: the value 'a is required to be unique' is too long",
            104,
            Status::Rejected,
        ),
        (
            "API create() CRUD ERROR #6: Create failed for [Note.subject]: the value 'does not have permission to' is too long",
            104,
            Status::Rejected,
        ),
    ] {
        assert_eq!(from_exception(message, Some(code)).status, status, "{message}");
    }
}

#[test]
fn the_call_fills_what_the_site_left_unsaid() {
    let mut error = from_exception(
        "The field is not editable for this user: [Shot.sg_status_list]. Rule: Artist -- PermissionRule 7: DENY x",
        Some(104),
    );
    complete(&mut error, "update", "Shot", Some(12));
    assert_eq!(error.refusal.entity_id, Some(12));
    assert!(
        error
            .message
            .starts_with("the permission role Artist does not allow you to update the field sg_status_list of Shot 12; the site said:")
    );

    let mut other = from_exception("Entity of type Project can not be accessed by this user. Rule: Vendor", Some(104));
    complete(&mut other, "update", "Shot", Some(12));
    assert_eq!(other.refusal.entity_id, None, "the refusal is about another entity");
    assert_eq!(other.refusal.operation.as_deref(), Some("read"));

    let mut value = from_exception("API update() CRUD ERROR #5: Update failed for [Shot.x]: y", Some(104));
    complete(&mut value, "update", "Shot", Some(12));
    assert_eq!(value.refusal, Default::default());
}
