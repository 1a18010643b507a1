//! Following rows.

use serde_json::{Value, json};

use super::client::{Client, is, link, project, site};

#[test]
fn following_is_told_once_and_undone() {
    let site = site();
    let admin = Client::admin(&site);
    let (user, shot) = (link("HumanUser", 1), link("Shot", 1));
    let both = json!({"user": user, "entity": shot});
    assert_eq!(admin.call("follow", both.clone()).unwrap()["followed"], true);
    assert_eq!(admin.call("follow", both.clone()).unwrap()["followed"], false);
    let followers = admin.call("followers", json!({"entity": shot})).unwrap();
    assert_eq!(followers[0]["id"], 1);
    assert_eq!(followers[0]["valid"], "valid");
    let following = |more: Value| admin.call("following", more).unwrap();
    assert_eq!(following(json!({"user": user})), json!([{"type": "Shot", "id": 1}]));
    assert_eq!(following(json!({"user": user, "entity_type": "Asset"})), json!([]));
    assert_eq!(
        following(json!({"user": user, "project": project(1)})),
        json!([{"type": "Shot", "id": 1}])
    );
    assert_eq!(following(json!({"user": user, "project": project(2)})), json!([]));
    assert_eq!(admin.call("unfollow", both.clone()).unwrap()["unfollowed"], true);
    assert_eq!(admin.call("unfollow", both).unwrap()["unfollowed"], false);
    let gone = json!({"user": user, "entity": link("Shot", 1_000_000)});
    assert_eq!(admin.call("follow", gone).unwrap_err().code, 104);
}

#[test]
fn an_artist_follows_for_themselves_only() {
    let site = site();
    let artist = Client::person(&site, "artist");
    let me = artist.ids("HumanUser", json!([is("login", json!("artist"))])).unwrap()[0];
    let shot = link("Shot", 1);
    artist
        .call("follow", json!({"user": link("HumanUser", me), "entity": shot}))
        .unwrap();
    let other = artist.call("follow", json!({"user": link("HumanUser", me + 1), "entity": shot}));
    assert!(other.unwrap_err().message.contains("does not have permission to 'follow'"));
}

#[test]
fn who_follows_is_told_with_their_state_and_by_project_and_type() {
    let site = site();
    let admin = Client::admin(&site);
    let artist = Client::person(&site, "artist");
    let person = |id: i64| link("HumanUser", id);
    // 3 and 9 follow; 9 is not active.
    for (user, entity) in [
        (9, link("Shot", 1)),
        (3, link("Shot", 1)),
        (3, link("Asset", 1)),
        (3, link("Note", 1)),
        (3, project(2)),
    ] {
        admin.call("follow", json!({"user": person(user), "entity": entity})).unwrap();
    }
    assert_eq!(
        admin.call("followers", json!({"entity": link("Shot", 1)})).unwrap(),
        json!([
            {"type": "HumanUser", "id": 3, "name": "Aki Tanaka", "status": "act", "valid": "valid"},
            {"type": "HumanUser", "id": 9, "name": admin.get("HumanUser", 9, json!(["name"]))["name"], "status": "dis", "valid": "valid"},
        ])
    );
    assert_eq!(admin.call("followers", json!({"entity": link("Shot", 2)})).unwrap(), json!([]));
    let following = |client: &Client, more: Value| {
        let mut asked = json!({"user": person(3)});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        client.call("following", asked)
    };
    let all = json!([link("Asset", 1), link("Note", 1), project(2), link("Shot", 1)]);
    assert_eq!(following(&admin, json!({})).unwrap(), all);
    assert_eq!(following(&admin, json!({"project": null, "entity_type": null})).unwrap(), all);
    assert_eq!(following(&admin, json!({"entity_type": "Shot"})).unwrap(), json!([link("Shot", 1)]));
    assert_eq!(following(&admin, json!({"project": project(2)})).unwrap(), json!([project(2)]));
    assert_eq!(
        following(&admin, json!({"project": project(1), "entity_type": "Note"})).unwrap(),
        json!([link("Note", 1)])
    );
    // Rows that the caller may not see, and retired ones, are left out.
    assert_eq!(following(&artist, json!({"project": project(2)})).unwrap(), json!([]));
    admin.delete("Asset", 1).unwrap();
    assert_eq!(following(&admin, json!({"entity_type": "Asset"})).unwrap(), json!([]));
    for bad in [
        json!({"entity_type": "Blob"}),
        json!({"project": "x"}),
        json!({"user": link("ApiUser", 1)}),
    ] {
        assert_eq!(following(&admin, bad.clone()).unwrap_err().code, 103, "{bad}");
    }
    assert_eq!(following(&admin, json!({"user": person(1000)})).unwrap_err().code, 104);
    assert_eq!(
        admin.call("followers", json!({"entity": link("Shot", 1000)})).unwrap_err().code,
        104
    );
}
