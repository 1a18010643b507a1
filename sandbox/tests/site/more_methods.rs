//! Following, searching, schedules, threads, streams, exports: the methods beside rows and schema.

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
fn preferences_are_all_or_those_named() {
    let site = site();
    let admin = Client::admin(&site);
    let all = admin.call("preferences_read", json!({"prefs": []})).unwrap();
    assert_eq!(all.as_object().unwrap().len(), 17);
    assert_eq!(all["hours_per_day"], 8.0);
    assert!(all["view_master_settings"].is_string());
    let some = admin.call("preferences_read", json!({"prefs": ["duration_units", "nothing"]}));
    assert_eq!(some.unwrap(), json!({"duration_units": "days"}));
}

#[test]
fn subscriptions_are_kept_and_are_not_for_artists() {
    let site = site();
    let admin = Client::admin(&site);
    let users = json!({"users": [{"humanUserId": 1, "subscription": ["a"]}]});
    let reply = admin.call("user_subscriptions_create", users.clone()).unwrap();
    assert_eq!(reply["status"], "success");
    let kept = admin.call("user_subscriptions_read", Value::Null).unwrap();
    assert_eq!(kept[0], json!({"humanUserId": 1, "subscription": ["a"]}));
    assert_eq!(kept[1]["subscription"], Value::Null);
    let artist = Client::person(&site, "artist");
    assert_eq!(artist.call("user_subscriptions_create", users).unwrap_err().code, 104);
}

#[test]
fn a_project_is_told_accessed() {
    let site = site();
    let artist = Client::person(&site, "artist");
    let method = "update_project_last_accessed_by_current_user";
    assert!(artist.call(method, json!({"project_id": 1})).unwrap().is_array());
    assert!(artist.get("Project", 1, json!(["last_accessed_by_current_user"]))["last_accessed_by_current_user"].is_string());
    assert_eq!(artist.call(method, json!({"project_id": 2})).unwrap_err().code, 104);
    assert_eq!(
        artist.call(method, json!({"project_id": 1, "user_id": 1000})).unwrap_err().code,
        104
    );
}

#[test]
fn text_search_finds_names_with_every_word() {
    let site = site();
    let admin = Client::admin(&site);
    let all = json!({"logical_operator": "and", "conditions": []});
    let search = |text: &str, limit: Value| {
        let call = json!({"text": text, "entity_types": {"Shot": all}, "project_ids": [1], "max_results": limit});
        admin.call("query_display_name_cache", call)
    };
    let found = search("SQ010 0010", Value::Null).unwrap();
    assert_eq!(found["terms"], json!(["sq010", "0010"]));
    assert_eq!(found["matches"].as_array().unwrap().len(), 1);
    assert_eq!(found["matches"][0]["name"], "SQ010_0010");
    assert_eq!(found["matches"][0]["project_id"], 1);
    assert_eq!(search("sq010", json!(3)).unwrap()["matches"].as_array().unwrap().len(), 3);
    assert_eq!(search("SQ", Value::Null).unwrap_err().code, 103);
    let vendor = Client::person(&site, "vendor");
    let call = json!({"text": "pipeline", "entity_types": {"ApiUser": all}, "project_ids": []});
    assert_eq!(vendor.call("query_display_name_cache", call).unwrap()["matches"], json!([]));
}

#[test]
fn a_thread_has_its_note_first_and_replies_after() {
    let site = site();
    let admin = Client::admin(&site);
    let note = admin
        .create("Note", json!({"project": project(1), "subject": "s", "content": "c"}))
        .unwrap();
    let reply = json!({"entity": link("Note", note["id"].as_i64().unwrap()), "content": "r", "user": link("HumanUser", 1)});
    admin.create("Reply", reply).unwrap();
    let asked = json!({"note_id": note["id"], "entity_fields": {"Note": ["subject"]}});
    let thread = admin.call("note_thread_contents", asked).unwrap();
    assert_eq!(thread[0]["subject"], "s");
    assert_eq!(thread[1]["type"], "Reply");
    assert_eq!(thread[1]["content"], "r");
    assert!(thread[1]["user"].as_object().unwrap().contains_key("image"));
}

#[test]
fn a_stream_is_newest_first_and_bounded() {
    let site = site();
    let admin = Client::admin(&site);
    let shot = admin.new_shot("STREAM_010");
    let stream = |more: Value| {
        let mut asked = json!({"type": "Shot", "id": shot});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        admin.call("activity_stream", asked)
    };
    let all = stream(json!({"entity_fields": {"Shot": ["code"]}})).unwrap();
    let ids: Vec<i64> = all["updates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|u| u["id"].as_i64().unwrap())
        .collect();
    assert!(ids.len() > 1 && ids.windows(2).all(|pair| pair[0] > pair[1]), "{ids:?}");
    assert_eq!(all["latest_update_id"], ids[0]);
    assert_eq!(all["earliest_update_id"], *ids.last().unwrap());
    assert_eq!(all["updates"][0]["meta"]["type"], "new_entity");
    assert_eq!(all["updates"][0]["primary_entity"]["code"], "STREAM_010");
    let before = stream(json!({"max_id": ids[0], "limit": 1})).unwrap();
    assert_eq!(before["updates"][0]["id"], ids[1]);
    assert_eq!(stream(json!({"min_id": ids[0]})).unwrap()["updates"], json!([]));
    assert_eq!(stream(json!({"limit": 501})).unwrap_err().code, 103);
}

#[test]
fn the_closest_exception_decides_over_a_day() {
    let site = site();
    let admin = Client::admin(&site);
    let day = |more: Value| {
        let mut asked = json!({"start_date": "2026-12-25", "end_date": "2026-12-26"});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        admin.call("work_schedule_read", asked).unwrap()
    };
    let usual = day(json!({}));
    assert_eq!(
        usual["2026-12-25"],
        json!({"working": true, "description": null, "reason": "STUDIO_WORK_WEEK"})
    );
    assert_eq!(usual["2026-12-26"]["working"], false);
    let set = |working: bool, more: Value| {
        let mut asked = json!({"date": "2026-12-25", "working": working, "description": "x"});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        admin.call("work_schedule_update", asked)
    };
    let (film, person) = (project(1), link("HumanUser", 1));
    let reply = set(false, json!({})).unwrap();
    assert_eq!(
        reply,
        json!({"date": "2026-12-25", "working": false, "description": "x", "project": null, "user": null})
    );
    assert_eq!(day(json!({"project": film}))["2026-12-25"]["reason"], "STUDIO_EXCEPTION");
    set(true, json!({"project": film})).unwrap();
    assert_eq!(day(json!({"project": film}))["2026-12-25"]["reason"], "PROJECT_EXCEPTION");
    set(false, json!({"user": person})).unwrap();
    let closest = day(json!({"project": film, "user": person}));
    assert_eq!(closest["2026-12-25"]["reason"], "USER_EXCEPTION");
    assert_eq!(closest["2026-12-25"]["working"], false);
    assert_eq!(day(json!({}))["2026-12-25"]["reason"], "STUDIO_EXCEPTION");
    assert_eq!(set(true, json!({"project": film, "user": person})).unwrap_err().code, 103);
    let artist = Client::person(&site, "artist");
    let refused = artist.call("work_schedule_update", json!({"date": "2026-12-25", "working": true}));
    assert_eq!(refused.unwrap_err().code, 104);
}

#[test]
fn presets_narrow_and_bad_ones_are_refused() {
    let site = site();
    let admin = Client::admin(&site);
    let shot = admin.new_shot("PRESET_010");
    let mut last = 0;
    for code in ["a", "b"] {
        let made = admin.create(
            "Version",
            json!({"project": project(1), "code": code, "entity": link("Shot", shot)}),
        );
        last = made.unwrap()["id"].as_i64().unwrap();
    }
    let read = |entity_type: &str, presets: Value| {
        let filters = json!({"logical_operator": "and", "conditions": [is("entity", link("Shot", shot))]});
        admin.read(json!({"type": entity_type, "filters": filters, "additional_filter_presets": presets}))
    };
    for by in ["ENTITIES_CREATED_AT", "BY_PIPELINE_STEP_NUMBER_AND_ENTITIES_CREATED_AT"] {
        let found = read("Version", json!([{"preset_name": "LATEST", "latest_by": by}])).unwrap();
        assert_eq!(found.len(), 1, "{by}");
        assert_eq!(found[0]["id"], last, "{by}");
    }
    for bad in [
        json!({"preset_name": "LATEST"}),
        json!([1]),
        json!([{"latest_by": "ENTITIES_CREATED_AT"}]),
        json!([{"preset_name": "NOTHING"}]),
        json!([{"preset_name": "LATEST", "latest_by": "VERSION_NUMBER"}]),
        json!([{"preset_name": "CUT_SHOT_VERSIONS"}]),
    ] {
        assert_eq!(read("Version", bad.clone()).unwrap_err().code, 103, "{bad}");
    }
    let on_shot = json!([{"preset_name": "LATEST", "latest_by": "ENTITIES_CREATED_AT"}]);
    let refused = admin.read(json!({"type": "Shot", "additional_filter_presets": on_shot}));
    assert_eq!(refused.unwrap_err().code, 103);
}
