//! What the dates of Tasks do to each other, on a studio's working days of ten hours.

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use super::client::{Client, fields, id_of, link, project};

fn studio() -> Sandbox {
    let seed = json!({
        "preferences": {"hours_per_day": 10.0},
        "roles": [
            {"code": "api_admin", "display_name": "API Admin", "entity_type": "ApiUser", "may": ["sudo"], "rules": [
                {"id": 1, "effect": "allow", "verbs": ["read_entity", "create_entity", "update_field", "retire_entity", "revive_entity"]}]}],
        "entities": [
            {"type": "ApiUser", "rows": [{"firstname": "s", "role": "api_admin"}]},
            {"type": "Project", "rows": [{"name": "P"}]},
            {"type": "HumanUser", "rows": [{"login": "ann"}, {"login": "bob"}]},
        ],
    });
    Sandbox::builder().seed_str(seed.to_string()).start().unwrap()
}

const TRIPLE: [&str; 3] = ["start_date", "due_date", "duration"];

fn task(client: &Client, content: &str, data: Value) -> i64 {
    let mut data = data;
    data["project"] = project(1);
    data["content"] = json!(content);
    id_of(&client.create("Task", data).unwrap())
}

fn dates(client: &Client, id: i64) -> Value {
    let row = client.get("Task", id, json!(TRIPLE));
    json!([row["start_date"], row["due_date"], row["duration"]])
}

#[test]
fn each_date_moves_the_others() {
    let site = studio();
    let admin = Client::admin(&site);
    let (d18, d20, d25, d27, d30, j1) = ("2011-05-18", "2011-05-20", "2011-05-25", "2011-05-27", "2011-05-30", "2011-06-01");
    // The examples of the vendor's documentation: what is there, what is written, what is there then.
    for (before, write, after) in [
        (
            json!([d20, d25, 2400]),
            json!({"start_date": d25, "due_date": d30, "duration": 1200}),
            json!([d25, d30, 2400]),
        ),
        (
            json!([d20, d25, 2400]),
            json!({"start_date": d25, "duration": 3600}),
            json!([d25, j1, 3600]),
        ),
        (
            json!([d20, d25, 2400]),
            json!({"due_date": d20, "duration": 3600}),
            json!([d20, d20, 600]),
        ),
        (json!([d20, null, null]), json!({"start_date": d25}), json!([d25, null, null])),
        (json!([d20, null, null]), json!({"due_date": d25}), json!([d20, d25, 2400])),
        (json!([d20, null, null]), json!({"duration": 2400}), json!([d20, d25, 2400])),
        (json!([null, d25, null]), json!({"start_date": d20}), json!([d20, d25, 2400])),
        (json!([null, d25, null]), json!({"due_date": d20}), json!([null, d20, null])),
        (json!([null, d25, null]), json!({"duration": 2400}), json!([d20, d25, 2400])),
        (json!([null, null, 2400]), json!({"start_date": d20}), json!([d20, d25, 2400])),
        (json!([null, null, 2400]), json!({"due_date": d25}), json!([d20, d25, 2400])),
        (json!([null, null, 2400]), json!({"duration": 3600}), json!([null, null, 3600])),
        (json!([d20, d25, null]), json!({"start_date": d25}), json!([d25, d25, 600])),
        (json!([d20, d25, null]), json!({"due_date": d30}), json!([d20, d30, 4200])),
        (json!([d20, d25, null]), json!({"duration": 3600}), json!([d20, d27, 3600])),
        (json!([d20, null, 2400]), json!({"start_date": d25}), json!([d25, d30, 2400])),
        (json!([d20, null, 2400]), json!({"due_date": d30}), json!([d20, d30, 4200])),
        (json!([d20, null, 2400]), json!({"duration": 3600}), json!([d20, d27, 3600])),
        (json!([null, d25, 2400]), json!({"start_date": d25}), json!([d25, d30, 2400])),
        (json!([null, d25, 2400]), json!({"due_date": d30}), json!([d25, d30, 2400])),
        (json!([null, d25, 2400]), json!({"duration": 3600}), json!([d18, d25, 3600])),
        (json!([d20, d25, 2400]), json!({"start_date": d25}), json!([d25, d30, 2400])),
        (json!([d20, d25, 2400]), json!({"due_date": d30}), json!([d20, d30, 4200])),
        (json!([d20, d25, 2400]), json!({"duration": 3600}), json!([d20, d27, 3600])),
        // What is taken away leaves the rest as it is.
        (json!([d20, d25, 2400]), json!({"start_date": null}), json!([null, d25, 2400])),
        (json!([d20, d25, 2400]), json!({"due_date": null}), json!([d20, null, 2400])),
        (json!([d20, d25, 2400]), json!({"duration": null}), json!([d20, d25, null])),
        // Days begun are whole days.
        (json!([d20, null, null]), json!({"duration": 601}), json!([d20, "2011-05-23", 601])),
    ] {
        let id = task(&admin, "t", json!({"start_date": d20, "due_date": d25}));
        // A value is taken away alone, and moves nothing.
        for (name, value) in TRIPLE.iter().zip(before.as_array().unwrap()) {
            if value.is_null() {
                admin.update("Task", id, json!({*name: null})).unwrap();
            }
        }
        let there = dates(&admin, id);
        assert_eq!(there, before);
        let reply = admin.update("Task", id, write.clone()).unwrap();
        assert_eq!(dates(&admin, id), after, "{before} {write}");
        // The answer has what was written, and nothing that was not.
        assert_eq!(reply.as_object().unwrap().len(), write.as_object().unwrap().len() + 2, "{reply}");
    }
}

#[test]
fn a_new_task_has_what_its_dates_make() {
    let site = studio();
    let admin = Client::admin(&site);
    let id = task(&admin, "t", json!({"start_date": "2011-05-20", "due_date": "2011-05-25"}));
    assert_eq!(dates(&admin, id), json!(["2011-05-20", "2011-05-25", 2400]));
    let id = task(&admin, "t", json!({"due_date": "2011-05-25", "duration": 2400}));
    assert_eq!(dates(&admin, id), json!(["2011-05-20", "2011-05-25", 2400]));
    let id = task(&admin, "t", json!({"duration": 2400}));
    assert_eq!(dates(&admin, id), json!([null, null, 2400]));
    // Farther than anybody plans, nothing is worked out.
    let id = task(&admin, "t", json!({"start_date": "2011-05-20", "duration": 2_147_483_647}));
    assert_eq!(dates(&admin, id), json!(["2011-05-20", null, 2_147_483_647]));
    let id = task(&admin, "t", json!({"start_date": "0001-01-01", "due_date": "9999-12-31"}));
    assert_eq!(dates(&admin, id), json!(["0001-01-01", "9999-12-31", null]));
}

#[test]
fn days_off_are_not_worked() {
    let site = studio();
    let admin = Client::admin(&site);
    let day = |day: &str, whose: Value| {
        let mut parameters = json!({"date": day, "working": false, "description": "off", "project": null, "user": null});
        for (key, value) in whose.as_object().unwrap() {
            parameters[key] = value.clone();
        }
        admin.call("work_schedule_update", parameters).unwrap();
    };
    day("2011-05-23", json!({}));
    day("2011-05-24", json!({"user": link("HumanUser", 1)}));
    let wanted = json!({"start_date": "2011-05-20", "duration": 1800});
    let with = |assigned: Value| {
        let mut data = wanted.clone();
        data["task_assignees"] = assigned;
        dates(&admin, task(&admin, "t", data))[1].clone()
    };
    assert_eq!(with(json!([])), "2011-05-25");
    assert_eq!(with(json!([link("HumanUser", 2)])), "2011-05-25");
    assert_eq!(with(json!([link("HumanUser", 1)])), "2011-05-26");
    // Of several people nobody's own days count.
    assert_eq!(with(json!([link("HumanUser", 1), link("HumanUser", 2)])), "2011-05-25");
    // Who is assigned in the same write counts.
    let id = task(&admin, "t", wanted.clone());
    admin
        .update("Task", id, json!({"duration": 1800, "task_assignees": [link("HumanUser", 1)]}))
        .unwrap();
    assert_eq!(dates(&admin, id)[1], "2011-05-26");
}

#[test]
fn a_milestone_is_one_day() {
    let site = studio();
    let admin = Client::admin(&site);
    let id = task(&admin, "t", json!({"start_date": "2011-05-20", "due_date": "2011-05-25"}));
    admin.update("Task", id, json!({"milestone": true, "duration": 6000})).unwrap();
    assert_eq!(dates(&admin, id), json!(["2011-05-25", "2011-05-25", 0]));
    admin.update("Task", id, json!({"start_date": "2011-05-26"})).unwrap();
    assert_eq!(dates(&admin, id), json!(["2011-05-26", "2011-05-26", 0]));
    admin
        .update("Task", id, json!({"due_date": "2011-05-27", "duration": 600}))
        .unwrap();
    assert_eq!(dates(&admin, id), json!(["2011-05-27", "2011-05-27", 0]));
    let conflict = json!({"milestone": true, "start_date": "2011-05-20", "due_date": "2011-05-25"});
    let refusal = admin.update("Task", id, conflict).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (
            104,
            "API update() CRUD ERROR #5: Update failed for [Task.milestone]: A milestone is one day, but start_date is 2011-05-20 and due_date is 2011-05-25."
        )
    );
    assert_eq!(dates(&admin, id), json!(["2011-05-27", "2011-05-27", 0]));
    // Milestone comes first: what stands beside it counts.
    admin
        .update(
            "Task",
            id,
            json!({"start_date": "2011-05-20", "duration": 1200, "milestone": false}),
        )
        .unwrap();
    assert_eq!(dates(&admin, id), json!(["2011-05-20", "2011-05-23", 1200]));
}

#[test]
fn what_was_moved_is_in_the_event_log() {
    let site = studio();
    let admin = Client::admin(&site);
    let first = task(&admin, "first", json!({"start_date": "2011-05-16", "due_date": "2011-05-18"}));
    let second = task(&admin, "second", json!({"start_date": "2011-05-20", "due_date": "2011-05-20"}));
    let told = |before: i64| {
        let events = admin.events_after(before);
        let mut told: Vec<String> = events
            .iter()
            .map(|event| {
                let meta = &event["meta"];
                let name = if meta["entity_id"] == first { "first" } else { "second" };
                format!(
                    "{name}.{} {} {}",
                    event["attribute_name"].as_str().unwrap(),
                    meta["old_value"],
                    meta["new_value"]
                )
            })
            .collect();
        told.sort();
        told
    };
    let before = admin.last_event();
    admin
        .update("Task", second, json!({"upstream_tasks": [link("Task", first)]}))
        .unwrap();
    let log = told(before);
    assert_eq!(log.len(), 3, "{log:?}");
    assert_eq!(
        log[..2],
        [
            "second.due_date \"2011-05-20\" \"2011-05-19\"",
            "second.start_date \"2011-05-20\" \"2011-05-19\""
        ]
    );
    assert!(log[2].starts_with("second.upstream_tasks "), "{log:?}");
    let before = admin.last_event();
    admin.update("Task", first, json!({"due_date": "2011-05-19"})).unwrap();
    assert_eq!(
        told(before),
        [
            "first.due_date \"2011-05-18\" \"2011-05-19\"",
            "first.duration 1800 2400",
            "second.due_date \"2011-05-19\" \"2011-05-20\"",
            "second.start_date \"2011-05-19\" \"2011-05-20\"",
        ]
    );
}

/// Start and due without the year, and what is said of pins.
fn place(client: &Client, id: i64) -> String {
    let row = client.get("Task", id, json!(["start_date", "due_date", "pinned", "dependency_violation"]));
    let day = |name: &str| row[name].as_str().map_or("-", |day| &day[5..]).to_owned();
    let flag = |name: &str, mark: &str| if row[name] == true { mark.to_owned() } else { String::new() };
    format!(
        "{}..{}{}{}",
        day("start_date"),
        day("due_date"),
        flag("pinned", " pinned"),
        flag("dependency_violation", " violated")
    )
}

#[test]
fn tasks_follow_those_they_depend_on() {
    let site = studio();
    let admin = Client::admin(&site);
    let two_days = json!({"start_date": "2026-03-02", "due_date": "2026-03-03"});
    let [up, d1, d2, pin] = ["up", "d1", "d2", "pin"].map(|name| task(&admin, name, two_days.clone()));
    let on = |id: i64, upstream: i64| {
        admin
            .update("Task", id, json!({"upstream_tasks": [link("Task", upstream)]}))
            .unwrap();
    };
    on(d1, up);
    on(d2, d1);
    on(pin, up);
    let places = || [up, d1, d2, pin].map(|id| place(&admin, id));
    assert_eq!(places(), ["03-02..03-03", "03-04..03-05", "03-06..03-09", "03-04..03-05"]);
    admin.update("Task", pin, json!({"pinned": true})).unwrap();
    let write = |id: i64, data: Value| {
        admin.update("Task", id, data).unwrap();
        places()
    };
    assert_eq!(
        write(up, json!({"due_date": "2026-03-05"})),
        ["03-02..03-05", "03-06..03-09", "03-10..03-11", "03-04..03-05 pinned violated"]
    );
    assert_eq!(
        write(up, json!({"due_date": "2026-03-02"})),
        ["03-02..03-02", "03-03..03-04", "03-05..03-06", "03-04..03-05 pinned"]
    );
    assert_eq!(
        write(up, json!({"start_date": "2026-03-09"})),
        ["03-09..03-09", "03-10..03-11", "03-12..03-13", "03-04..03-05 pinned violated"]
    );
    assert_eq!(
        write(up, json!({"duration": 3000})),
        ["03-09..03-13", "03-16..03-17", "03-18..03-19", "03-04..03-05 pinned violated"]
    );
    // A start that somebody chose is held, and broken.
    assert_eq!(
        write(d1, json!({"start_date": "2026-03-02"})),
        [
            "03-09..03-13",
            "03-02..03-03 pinned violated",
            "03-04..03-05",
            "03-04..03-05 pinned violated"
        ]
    );
    assert_eq!(
        write(d1, json!({"pinned": false})),
        ["03-09..03-13", "03-16..03-17", "03-18..03-19", "03-04..03-05 pinned violated"]
    );
    // A null moves nobody; a duration pins nobody.
    assert_eq!(
        write(up, json!({"due_date": null})),
        ["03-09..-", "03-16..03-17", "03-18..03-19", "03-04..03-05 pinned"]
    );
    assert_eq!(
        write(d1, json!({"duration": 600})),
        ["03-09..-", "03-16..03-16", "03-17..03-18", "03-04..03-05 pinned"]
    );
    // From the other end.
    admin.update("Task", pin, json!({"pinned": false})).unwrap();
    let field = json!({"field_name": "downstream_tasks", "value": [link("Task", pin)], "multi_entity_update_mode": "add"});
    admin.call("update", json!({"type": "Task", "id": d2, "fields": [field]})).unwrap();
    assert_eq!(place(&admin, pin), "03-19..03-20");
}

#[test]
fn a_pin_is_taken_off_by_hand() {
    let site = studio();
    let admin = Client::admin(&site);
    let layout = task(&admin, "Layout", json!({"start_date": "2010-04-28", "due_date": "2010-05-05"}));
    let animation = task(&admin, "Anm", json!({"start_date": "2010-05-06", "due_date": "2010-05-12"}));
    admin
        .update("Task", animation, json!({"upstream_tasks": [link("Task", layout)]}))
        .unwrap();
    assert_eq!(
        admin.get("Task", layout, json!(["downstream_tasks"]))["downstream_tasks"],
        json!([{"type": "Task", "id": animation, "name": "Anm"}])
    );
    admin.update("Task", layout, json!({"due_date": "2010-05-07"})).unwrap();
    assert_eq!(place(&admin, animation), "05-10..05-14");
    admin.update("Task", animation, json!({"start_date": "2010-05-06"})).unwrap();
    assert_eq!(place(&admin, animation), "05-06..05-12 pinned violated");
    admin.update("Task", animation, json!({"start_date": "2010-05-10"})).unwrap();
    assert_eq!(place(&admin, animation), "05-10..05-14 pinned");
    admin.update("Task", animation, json!({"pinned": false})).unwrap();
    assert_eq!(place(&admin, animation), "05-10..05-14");
    let refusal = admin.update("Task", animation, json!({"dependency_violation": false})).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (103, "API update() Task.dependency_violation is read only")
    );
}

#[test]
fn dependencies_do_not_lead_back() {
    let site = studio();
    let admin = Client::admin(&site);
    let [a, b, c] = ["a", "b", "c"].map(|name| task(&admin, name, json!({"start_date": "2026-03-02", "duration": 600})));
    admin.update("Task", b, json!({"upstream_tasks": [link("Task", a)]})).unwrap();
    admin.update("Task", c, json!({"upstream_tasks": [link("Task", b)]})).unwrap();
    for (id, field, other) in [(a, "upstream_tasks", c), (a, "upstream_tasks", a), (c, "downstream_tasks", a)] {
        let refusal = admin.update("Task", id, json!({field: [link("Task", other)]})).unwrap_err();
        let message =
            format!("API update() CRUD ERROR #5: Update failed for [Task.{field}]: Can't create this dependency as it causes a loop.");
        assert_eq!((refusal.code, refusal.message), (104, message));
    }
    assert_eq!(admin.get("Task", a, json!(["upstream_tasks"]))["upstream_tasks"], json!([]));
    // Made with the row, a dependency moves nothing.
    let data = json!({"start_date": "2026-03-02", "duration": 600, "upstream_tasks": [link("Task", c)]});
    let late = task(&admin, "late", data);
    assert_eq!(place(&admin, late), "03-02..03-02");
    // A Task that goes is followed by nobody, and finds its place when it comes back.
    admin.update("Task", c, json!({"start_date": "2026-03-03"})).unwrap();
    assert_eq!(place(&admin, c), "03-03..03-03 pinned violated");
    admin.delete("Task", b).unwrap();
    assert_eq!(place(&admin, c), "03-03..03-03 pinned");
    admin.update("Task", a, json!({"due_date": "2026-03-10"})).unwrap();
    admin.revive("Task", b).unwrap();
    assert_eq!(place(&admin, b), "03-11..03-11");
    assert_eq!(place(&admin, c), "03-03..03-03 pinned violated");
}

#[test]
fn split_tasks() {
    let site = studio();
    let admin = Client::admin(&site);
    let part = |start: &str, end: &str| json!({"start": format!("2012-12-{start}"), "end": format!("2012-12-{end}")});
    let id = task(&admin, "t", json!({}));
    let shown = || {
        let row = admin.get("Task", id, json!(["start_date", "due_date", "duration", "splits"]));
        let parts: Vec<String> = row["splits"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|part| format!("{}-{}", &part["start"].as_str().unwrap()[8..], &part["end"].as_str().unwrap()[8..]))
            .collect();
        let day = |name: &str| row[name].as_str().unwrap()[8..].to_owned();
        format!(
            "{}..{} {} [{}]",
            day("start_date"),
            day("due_date"),
            row["duration"],
            parts.join(" ")
        )
    };
    let data = json!({
        "start_date": "2012-12-06", "due_date": "2012-12-23", "duration": 3600, "splits": [part("11", "12"), part("18", "19")],
    });
    admin.update("Task", id, data).unwrap();
    assert_eq!(shown(), "11..19 2400 [11-12 18-19]");
    for (write, expected) in [
        // Three working days lie between the parts, before and after.
        (json!({"start_date": "2012-12-10"}), "10..18 2400 [10-11 17-18]"),
        (json!({"due_date": "2012-12-19"}), "10..19 3000 [10-11 17-19]"),
        (json!({"duration": 4200}), "10..21 4200 [10-11 17-21]"),
        (json!({"duration": 2400}), "10..18 2400 [10-11 17-18]"),
        // A day in a gap is worked, and what comes later goes.
        (json!({"due_date": "2012-12-13"}), "10..13 1800 [10-11 13-13]"),
        (json!({"duration": 600}), "10..10 600 [10-10]"),
        (json!({"splits": [part("10", "11"), part("18", "19")]}), "10..19 2400 [10-11 18-19]"),
        // Without splits the dates stay, and all that lies between is worked.
        (json!({"splits": null}), "10..19 4800 []"),
        (json!({"splits": [part("10", "11"), part("18", "19")]}), "10..19 2400 [10-11 18-19]"),
        (json!({"splits": []}), "10..19 4800 []"),
    ] {
        admin.update("Task", id, write.clone()).unwrap();
        assert_eq!(shown(), expected, "{write}");
    }
    let close = "The start date in split segment 2 is only one calendar day away from the end date of the previous segment. There must be \
                 calendar days between split segments.";
    for (splits, told) in [
        (json!([part("10", "11"), part("12", "14"), part("19", "20")]), close),
        // From Friday to Monday there is no working day.
        (json!([part("13", "14"), part("17", "18")]), close),
        (
            json!([part("18", "19"), part("10", "11")]),
            "The start date in split segment 2 is not after the end date of the previous segment.",
        ),
        (
            json!([part("12", "11")]),
            "The end date in split segment 1 is before its start date.",
        ),
        (
            json!([{"start": "2012-12-10"}]),
            "Split segment 1 needs dates of the form YYYY-MM-DD as 'start' and 'end'.",
        ),
        (
            json!([1]),
            "Split segment 1 needs dates of the form YYYY-MM-DD as 'start' and 'end'.",
        ),
        (json!({"a": 1}), "Splits are an array of hashes with 'start' and 'end'."),
    ] {
        let refusal = admin.update("Task", id, json!({"splits": splits})).unwrap_err();
        let message = format!("API update() CRUD ERROR #5: Update failed for [Task.splits]: {told}");
        assert_eq!((refusal.code, refusal.message), (104, message));
    }
    assert_eq!(shown(), "10..19 4800 []");
}

#[test]
fn a_batch_moves_what_its_requests_move_and_a_refused_one_nothing() {
    let site = studio();
    let admin = Client::admin(&site);
    let first = task(&admin, "first", json!({"start_date": "2026-03-02", "due_date": "2026-03-03"}));
    let second = task(&admin, "second", json!({"start_date": "2026-03-02", "due_date": "2026-03-03"}));
    let update = |id: i64, data: Value| json!({"request_type": "update", "type": "Task", "id": id, "fields": fields(&data)});
    let linked = update(second, json!({"upstream_tasks": [link("Task", first)]}));
    let longer = update(first, json!({"due_date": "2026-03-06"}));
    let wrong = update(first, json!({"duration": "long"}));
    let refusal = admin.call("batch", json!([linked, longer, wrong])).unwrap_err();
    assert!(refusal.message.starts_with("API batch() request with index 2 failed."), "{refusal}");
    assert_eq!(place(&admin, second), "03-02..03-03");
    admin.call("batch", json!([linked, longer])).unwrap();
    assert_eq!(place(&admin, second), "03-09..03-10");
}
