//! The work schedule.

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use super::client::{Client, Refusal, link, project, site};

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

fn days(client: &Client, first: &str, last: &str, more: Value) -> Result<Value, Refusal> {
    let mut asked = json!({"start_date": first, "end_date": last, "project": null, "user": null});
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    client.call("work_schedule_read", asked)
}

/// A site whose studio works from Sunday to Thursday, its first project at weekends, and person 3 on Mondays.
fn with_weeks() -> Sandbox {
    let mut seed: Value = serde_json::from_str(include_str!("../../data/default-seed.json")).unwrap();
    let week = |working: [u8; 7]| working.map(|day| day == 1);
    seed["preferences"]["work_weeks"] = json!({
        "studio": week([1, 1, 1, 1, 0, 0, 1]),
        "projects": {"1": week([0, 0, 0, 0, 0, 1, 1])},
        "users": {"3": week([1, 0, 0, 0, 0, 0, 0])},
    });
    Sandbox::builder().seed_str(seed.to_string()).start().unwrap()
}

#[test]
fn weeks_are_the_persons_or_the_projects_or_the_studios() {
    let site = with_weeks();
    let admin = Client::admin(&site);
    let (film, other) = (project(1), project(2));
    let (person, nobody) = (link("HumanUser", 3), link("HumanUser", 4));
    for (scope, reason, working) in [
        (json!({}), "STUDIO_WORK_WEEK", [1, 1, 1, 1, 0, 0, 1]),
        (json!({"project": film}), "PROJECT_WORK_WEEK", [0, 0, 0, 0, 0, 1, 1]),
        (json!({"project": other}), "STUDIO_WORK_WEEK", [1, 1, 1, 1, 0, 0, 1]),
        (json!({"user": person}), "USER_WORK_WEEK", [1, 0, 0, 0, 0, 0, 0]),
        (json!({"user": person, "project": film}), "USER_WORK_WEEK", [1, 0, 0, 0, 0, 0, 0]),
        (json!({"user": nobody, "project": film}), "PROJECT_WORK_WEEK", [0, 0, 0, 0, 0, 1, 1]),
        (json!({"user": nobody}), "STUDIO_WORK_WEEK", [1, 1, 1, 1, 0, 0, 1]),
    ] {
        // From a Monday to a Sunday, both of them told.
        let told = days(&admin, "2026-11-23", "2026-11-29", scope.clone()).unwrap();
        let told = told.as_object().unwrap();
        assert_eq!(told.len(), 7);
        for ((_, day), working) in told.iter().zip(working) {
            assert_eq!(
                *day,
                json!({"working": working == 1, "description": null, "reason": reason}),
                "{scope}"
            );
        }
    }
}

#[test]
fn exceptions_count_before_weeks_and_the_closest_before_the_others() {
    let site = with_weeks();
    let admin = Client::admin(&site);
    let set = |working: bool, text: &str, more: Value| {
        let mut asked = json!({"date": "2026-11-24", "working": working, "description": text, "project": null, "user": null, "recalculate_field": null});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        admin.call("work_schedule_update", asked).unwrap()
    };
    let film = json!({"type": "Project", "id": 1, "name": "The Harbour Light"});
    let person = link("HumanUser", 3);
    let reply = set(true, "all hands", json!({"project": film}));
    assert_eq!(
        reply,
        json!({"date": "2026-11-24", "working": true, "description": "all hands", "project": film, "user": null})
    );
    set(false, "closed", json!({}));
    let reply = set(true, "alone", json!({"user": person, "recalculate_field": "duration"}));
    assert_eq!(
        reply,
        json!({"date": "2026-11-24", "working": true, "description": "alone", "project": null, "user": person})
    );
    for (scope, day) in [
        (json!({}), (false, "closed", "STUDIO_EXCEPTION")),
        (json!({"project": project(2)}), (false, "closed", "STUDIO_EXCEPTION")),
        (json!({"project": film}), (true, "all hands", "PROJECT_EXCEPTION")),
        (json!({"user": link("HumanUser", 4)}), (false, "closed", "STUDIO_EXCEPTION")),
        (
            json!({"user": link("HumanUser", 4), "project": film}),
            (true, "all hands", "PROJECT_EXCEPTION"),
        ),
        (json!({"user": person}), (true, "alone", "USER_EXCEPTION")),
        (json!({"user": person, "project": film}), (true, "alone", "USER_EXCEPTION")),
    ] {
        let told = days(&admin, "2026-11-24", "2026-11-24", scope.clone()).unwrap();
        let (working, description, reason) = day;
        assert_eq!(
            told,
            json!({"2026-11-24": {"working": working, "description": description, "reason": reason}}),
            "{scope}"
        );
    }
    // A day can be set anew, without a word.
    set(true, "open", json!({}));
    let asked = json!({"date": "2026-11-24", "working": true});
    assert_eq!(admin.call("work_schedule_update", asked).unwrap()["description"], Value::Null);
    assert_eq!(
        days(&admin, "2026-11-24", "2026-11-24", json!({})).unwrap()["2026-11-24"]["description"],
        Value::Null
    );
}

#[test]
fn bad_days_are_refused_and_people_set_their_own() {
    let site = site();
    let admin = Client::admin(&site);
    for (first, last, more) in [
        ("2026-11-24", "2026-11-23", json!({})),
        ("24/11/2026", "2026-11-25", json!({})),
        ("2026-02-30", "2026-03-01", json!({})),
        ("1900-01-01", "2026-11-24", json!({})),
        ("2026-11-24", "2026-11-24", json!({"project": link("Shot", 1)})),
        ("2026-11-24", "2026-11-24", json!({"user": link("ApiUser", 1)})),
    ] {
        assert_eq!(
            days(&admin, first, last, more.clone()).unwrap_err().code,
            103,
            "{first} {last} {more}"
        );
    }
    assert_eq!(
        days(&admin, "2026-11-24", "2026-11-24", json!({"project": project(1000)}))
            .unwrap_err()
            .code,
        104
    );
    for bad in [
        json!({"date": "x", "working": true}),
        json!({"date": "2026-11-24"}),
        json!({"date": "2026-11-24", "working": "yes"}),
        json!({"date": "2026-11-24", "working": true, "description": 5}),
        json!({"date": "2026-11-24", "working": true, "recalculate_field": "start_date"}),
    ] {
        assert_eq!(admin.call("work_schedule_update", bad.clone()).unwrap_err().code, 103, "{bad}");
    }
    let artist = Client::person(&site, "artist");
    let own = json!({"date": "2026-11-24", "working": false, "user": link("HumanUser", 3)});
    assert_eq!(artist.call("work_schedule_update", own).unwrap()["working"], false);
    for scope in [json!({}), json!({"project": project(1)}), json!({"user": link("HumanUser", 4)})] {
        let mut asked = json!({"date": "2026-11-24", "working": false});
        asked.as_object_mut().unwrap().extend(scope.as_object().unwrap().clone());
        let refusal = artist.call("work_schedule_update", asked).unwrap_err();
        assert!(
            refusal.code == 104 && refusal.message.contains("does not have permission to"),
            "{refusal}"
        );
    }
    assert_eq!(
        days(&artist, "2026-11-24", "2026-11-24", json!({"user": link("HumanUser", 3)})).unwrap()["2026-11-24"]["reason"],
        "USER_EXCEPTION"
    );
    assert_eq!(
        days(&artist, "2026-11-24", "2026-11-24", json!({})).unwrap()["2026-11-24"]["reason"],
        "STUDIO_WORK_WEEK"
    );
}
