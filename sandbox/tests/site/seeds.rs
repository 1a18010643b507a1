//! Seed files: what the default one has, and how a broken one is told.

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use super::client::{Client, site};

#[test]
fn the_default_seed_looks_like_a_studio() {
    let site = site();
    let admin = Client::admin(&site);
    let count = |entity_type: &str| admin.ids(entity_type, json!([])).unwrap().len();
    assert_eq!((count("Sequence"), count("Shot"), count("Asset")), (5, 36, 16));
    assert!(count("Task") >= 100 && count("Version") >= 60 && count("Note") >= 10 && count("Playlist") == 3);
    for role in ["admin", "manager", "artist", "vendor"] {
        let person = site.person(role).unwrap();
        assert!(
            Client::login(&site, &person.login, &person.password)
                .ids("Project", json!([]))
                .is_ok(),
            "{role}"
        );
    }
    assert_eq!(site.script().role, "api_admin");
    assert_eq!(site.scripts().len(), 2);
    assert!(site.scripts().iter().all(|script| script.api_key.len() == 64));
}

#[test]
fn two_sites_have_different_keys() {
    assert_ne!(site().script().api_key, site().script().api_key);
}

fn broken(seed: &str) -> String {
    Sandbox::builder().seed_str(seed).start().unwrap_err().to_string()
}

#[test]
fn what_a_role_may_beyond_its_rules_is_checked() {
    let role = |code: &str, may: Value| json!({"code": code, "display_name": "R", "entity_type": "ApiUser", "may": may, "rules": []});
    let seed = json!({"roles": [role("good", json!(["sudo"])), role("bad", json!(["frob"]))]});
    let told = broken(&seed.to_string());
    assert!(
        told.contains(r#"roles[1] (bad): 'may' can't have "frob"; it can have "sudo""#),
        "{told}"
    );
}

fn with_entities(entities: Value) -> String {
    let seed = json!({
        "roles": [{"code": "r", "display_name": "R", "entity_type": "ApiUser", "rules": []}],
        "entities": entities,
    });
    broken(&seed.to_string())
}

#[test]
fn a_broken_seed_is_told_with_the_place() {
    assert!(broken("{\n  \"roles\": [,]\n}").contains("seed text: expected value at line 2 column 13"));
    assert!(broken("{\"people\": []}").contains("unknown field `people`"));
    let message = with_entities(json!([{"type": "Blob", "rows": []}]));
    assert_eq!(message, "seed text: entities[0]: Entity type 'Blob' does not exist.");
    let message = with_entities(json!([{"type": "Tag", "rows": [{"name": "a"}, {"name": "b", "foo": 1}]}]));
    assert!(
        message.starts_with("seed text: entities[0].rows[1] (Tag): API create() CRUD ERROR #6: Create failed for [Tag]"),
        "{message}"
    );
    let message = with_entities(json!([{"type": "Shot", "rows": [{"project": "$nowhere"}]}]));
    assert_eq!(
        message,
        "seed text: entities[0].rows[0] (Shot): there is no row named 'nowhere' before this"
    );
    let message = with_entities(json!([{"type": "ApiUser", "rows": [{"firstname": "s", "role": "nobody"}]}]));
    assert_eq!(
        message,
        "seed text: entities[0].rows[0] (ApiUser): there is no role 'nobody' before this"
    );
    let twice = json!([{"type": "Tag", "rows": [{"$": "t", "name": "a"}, {"$": "t", "name": "b"}]}]);
    assert!(with_entities(twice).contains("rows[1] (Tag): the reference 't' is taken"));
}

fn with_rule(rule: Value) -> String {
    broken(&json!({"roles": [{"code": "r", "display_name": "R", "entity_type": "ApiUser", "rules": [rule]}]}).to_string())
}

#[test]
fn a_broken_role_is_told_with_its_rule() {
    let message = with_rule(json!({"id": 7, "effect": "allow", "verbs": ["read_entity"], "condition": {"path": "x"}}));
    assert!(
        message.contains("role 'r': rule 7: API permission_rule() invalid/missing 'filters' 'values'"),
        "{message}"
    );
    let message = with_rule(
        json!({"id": 8, "effect": "deny", "verbs": ["read_entity"], "condition": {"path": "id", "relation": "is", "values": [1]}}),
    );
    assert!(
        message.contains("role 'r': rule 8: a condition says where a rule allows"),
        "{message}"
    );
    let on = |entity_type: &str, path: &str| {
        let condition = json!({"path": path, "relation": "is", "values": [null]});
        with_rule(json!({"id": 5, "effect": "allow", "verbs": ["read_entity"], "entity_types": [entity_type], "condition": condition}))
    };
    assert!(on("Shot", "project.Project.foo").contains("role 'r': rule 5: API permission_rule() Shot.project.Project.foo doesn't exist."));
    assert!(on("Blob", "id").contains("role 'r': rule 5: Entity type 'Blob' does not exist."));
    let field = json!({"id": 6, "effect": "deny", "verbs": ["update_field"], "entity_types": ["Shot"], "field_names": ["foo"]});
    assert!(with_rule(field).contains("role 'r': rule 6: Shot.foo doesn't exist"));
    let two = json!([{"id": 1, "effect": "allow", "verbs": ["read_entity", "create_entity"]}, {"id": 2, "effect": "deny", "verbs": ["read_entity"]}]);
    let message = broken(&json!({"roles": [{"code": "r", "display_name": "R", "entity_type": "ApiUser", "rules": two}]}).to_string());
    assert!(message.contains("role 'r': rule 2: the number is given twice"), "{message}");
    assert!(with_rule(json!({"id": 9, "effect": "allow", "verbs": ["fly"]})).contains("unknown variant `fly`"));
    let message = broken(&json!({"roles": [{"code": "r", "display_name": "R", "entity_type": "ApiUser", "parent": "q"}]}).to_string());
    assert!(message.contains("there is no role 'q' before this"), "{message}");
}

#[test]
fn keys_and_passwords_may_stand_in_a_seed() {
    let seed = json!({
        "roles": [{"code": "api_admin", "display_name": "A", "entity_type": "ApiUser", "rules": [{"id": 1, "effect": "allow", "verbs": ["read_entity"]}]}],
        "entities": [{"type": "ApiUser", "rows": [{"firstname": "fixed", "role": "api_admin", "api_key": "known-key"}]}],
    });
    let site = Sandbox::builder().seed_str(seed.to_string()).start().unwrap();
    assert_eq!(site.script().api_key, "known-key");
    assert!(Client::script(&site, "fixed", "known-key").ids("Shot", json!([])).is_ok());
}

/// A reader begins with what the manual shows.
#[test]
fn the_manuals_seed_is_a_site() {
    let manual = include_str!("../../../docs/sandbox.md");
    let seeds = manual.split("\n## Seeds\n").nth(1).unwrap();
    let seed = seeds.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let site = Sandbox::builder().seed_str(seed).start().unwrap();
    let (robot, ann) = (Client::admin(&site), Client::login(&site, "ann", "sesame-1"));
    let shots = robot.ids("Shot", json!([])).unwrap();
    assert_eq!(shots.len(), 2);
    let change = |client: &Client, field: &str, value: &str| client.update("Shot", shots[0], json!({ field: value }));
    change(&ann, "description", "a forest").unwrap();
    let refused = change(&ann, "sg_status_list", "fin").unwrap_err();
    assert!(
        refused.message.contains("not editable for this user: [Shot.sg_status_list]"),
        "{refused:?}"
    );
    change(&robot, "sg_status_list", "fin").unwrap();
}
