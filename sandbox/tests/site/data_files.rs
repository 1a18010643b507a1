//! Data kept in a file.

use std::path::PathBuf;

use serde_json::json;
use shotgrid_sandbox::Sandbox;

use super::client::{Client, id_of, is};
use super::command::run;

/// A directory that goes when the test is over.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sandbox-test-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_seed_that_is_not_used_is_told() {
    let scratch = Scratch::new("unused-seed");
    let (data, seed) = (scratch.file("site.sqlite"), scratch.file("seed.json"));
    std::fs::write(&seed, r#"{"entities": [{"type": "Project", "rows": [{"name": "Mine"}]}]}"#).unwrap();
    let (data, seed) = (data.to_str().unwrap(), seed.to_str().unwrap());
    let told = || {
        let output = run(&["serve", "--data", data, "--seed", seed, "--exit-with-stdin"]);
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(told(), "");
    let second = told();
    assert!(
        second.contains(data) && second.contains("is there already") && second.contains(seed),
        "{second}"
    );
}

#[test]
fn a_data_file_is_as_it_was_left() {
    let scratch = Scratch::new("left");
    let file = scratch.file("site.sqlite");
    let first = Sandbox::builder().data_file(&file).start().unwrap();
    let key = first.script().api_key.clone();
    let id = Client::admin(&first).new_shot("KEPT");
    let reply = Client::admin(&first).create("ApiUser", json!({"firstname": "later"})).unwrap();
    let later = reply["salted_password"].as_str().unwrap().to_owned();
    Client::admin(&first)
        .update("HumanUser", 4, json!({"password_proxy": "changed-it"}))
        .unwrap();
    drop(first);

    let second = Sandbox::builder().data_file(&file).start().unwrap();
    // The keys are hashed: they can't be told again, but they are good.
    assert_eq!(second.script().api_key, "");
    let client = Client::script(&second, &second.script().name, &key);
    assert_eq!(client.get("Shot", id, json!(["code"]))["code"], "KEPT");
    assert!(Client::script(&second, "later", &later).ids("Shot", json!([])).is_ok());
    assert_eq!(client.ids("Shot", json!([])).unwrap().len(), 37);
    assert!(
        !client
            .ids("EventLogEntry", json!([is("entity", json!({"type": "Shot", "id": id}))]))
            .unwrap()
            .is_empty()
    );
    // Passwords that are still the seed's are told, others are not.
    assert_eq!(second.person("artist").unwrap().password, "artist-pass-1");
    assert_eq!(second.person("vendor").unwrap().password, "");
    // Ids are not used again.
    assert!(client.new_shot("NEXT") > id);
    drop(second);

    let third = Sandbox::builder().data_file(&file).new_keys(true).start().unwrap();
    assert_eq!(third.script().api_key.len(), 64);
    assert_eq!(third.scripts().len(), 3);
    assert!(Client::admin(&third).ids("Shot", json!([])).is_ok());
    assert!(Client::script(&third, &third.script().name, &key).ids("Shot", json!([])).is_err());
}

#[test]
fn sessions_outlive_a_restart() {
    let scratch = Scratch::new("sessions");
    let file = scratch.file("site.sqlite");
    let first = Sandbox::builder().data_file(&file).start().unwrap();
    let session = Client::person(&first, "artist").call("get_session_token", json!(null)).unwrap();
    drop(first);
    let second = Sandbox::builder().data_file(&file).start().unwrap();
    let client = Client::new(
        second.url(),
        json!({"session_token": session["session_id"], "reject_if_expired": true}),
    );
    assert_eq!(client.ids("Project", json!([])).unwrap(), [1]);
}

#[test]
fn a_changed_preference_is_kept_in_the_data() {
    let scratch = Scratch::new("preference");
    let file = scratch.file("site.sqlite");
    let seed = json!({
        "preferences": {"default_script_permission_role": "reader"},
        "roles": [
            {"code": "api_admin", "display_name": "API Admin", "entity_type": "ApiUser", "rules": [{"id": 1, "effect": "allow", "verbs": ["read_entity", "create_entity"]}]},
            {"code": "reader", "display_name": "Reader", "entity_type": "ApiUser", "rules": [{"id": 2, "effect": "allow", "verbs": ["read_entity"]}]},
        ],
        "entities": [{"type": "ApiUser", "rows": [{"firstname": "s", "role": "api_admin", "api_key": "k"}]}],
    });
    drop(Sandbox::builder().data_file(&file).seed_str(seed.to_string()).start().unwrap());
    let site = Sandbox::builder().data_file(&file).seed_str(seed.to_string()).start().unwrap();
    assert_eq!(site.script().api_key, "k");
    let admin = Client::admin(&site);
    let id = id_of(&admin.create("ApiUser", json!({"firstname": "new"})).unwrap());
    assert_eq!(
        admin.get("ApiUser", id, json!(["permission_rule_set"]))["permission_rule_set"]["name"],
        "Reader"
    );
}

#[test]
fn no_secret_is_in_the_file() {
    let scratch = Scratch::new("secrets");
    let file = scratch.file("site.sqlite");
    let site = Sandbox::builder().data_file(&file).start().unwrap();
    let key = site.script().api_key.clone();
    let session = Client::person(&site, "artist").call("get_session_token", json!(null)).unwrap();
    drop(site);
    let mut bytes = std::fs::read(&file).unwrap();
    if let Ok(wal) = std::fs::read(scratch.file("site.sqlite-wal")) {
        bytes.extend(wal);
    }
    for secret in [key.as_str(), "artist-pass-1", session["session_id"].as_str().unwrap()] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
}

#[test]
fn a_first_start_that_failed_can_be_tried_again() {
    let scratch = Scratch::new("again");
    let file = scratch.file("site.sqlite");
    let broken = json!({"roles": [], "entities": [{"type": "Tag", "rows": [{"name": "a"}, {"foo": 1}]}]});
    let message = Sandbox::builder()
        .data_file(&file)
        .seed_str(broken.to_string())
        .start()
        .unwrap_err()
        .to_string();
    assert!(message.contains("entities[0].rows[1] (Tag)"), "{message}");
    let site = Sandbox::builder().data_file(&file).start().unwrap();
    let tags = Client::admin(&site).find("Tag", json!([]), json!(["name"])).unwrap();
    assert!(tags.iter().all(|tag| tag["name"] != "a"));
    assert_eq!(Client::admin(&site).ids("Shot", json!([])).unwrap().len(), 36);
}

#[test]
fn files_that_are_not_ours_are_refused_and_left_alone() {
    let scratch = Scratch::new("refused");
    let start = |name: &str| Sandbox::builder().data_file(scratch.file(name)).start().unwrap_err().to_string();
    let text = scratch.file("notes.txt");
    std::fs::write(
        &text,
        "These are my notes, and nothing else, and they are longer than a header is.".repeat(20),
    )
    .unwrap();
    let message = start("notes.txt");
    assert!(message.ends_with("notes.txt is not a data file of this program"), "{message}");
    assert!(std::fs::read_to_string(&text).unwrap().starts_with("These are my notes"));
    let message = start("no/such/directory.sqlite");
    assert!(message.contains("directory.sqlite"), "{message}");
}

#[test]
fn a_file_of_another_version_is_refused() {
    let scratch = Scratch::new("version");
    let file = scratch.file("site.sqlite");
    drop(Sandbox::builder().data_file(&file).start().unwrap());
    // The number is at a fixed place in the header of the file.
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[60..64].copy_from_slice(&9_u32.to_be_bytes());
    std::fs::write(&file, bytes).unwrap();
    let message = Sandbox::builder().data_file(&file).start().unwrap_err().to_string();
    assert!(
        message.contains("has data layout version 9, this program reads and writes version 1"),
        "{message}"
    );
}
