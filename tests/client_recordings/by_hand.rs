//! Recordings that were written by hand: which answer a request gets, and what is no recording.

use super::*;

/// A recording of these exchanges of one script: the request, and the rest of the line.
fn written(folder: &Folder, name: &str, exchanges: &[(Value, &str)]) -> PathBuf {
    let mut text = format!("{HEAD}\n{CLIENT}\n");
    for (request, rest) in exchanges {
        text.push_str(&format!("{{\"request\":{request},\"client\":1,{rest}}}\n"));
    }
    folder.file(name, text)
}

const HEAD: &str = r#"{"libshotgrid_recording":1,"by":"hand"}"#;
const CLIENT: &str = r#"{"client":1,"site":"https://studio.example.com/","as":"script \"pipeline\""}"#;
const INFO: &str = r#""reply":{"status":200,"headers":{},"json":{"results":{"version":[8,60,0]}}}"#;

fn info() -> (Value, &'static str) {
    (json!({"call": "info"}), INFO)
}

fn answers(results: &str) -> String {
    format!(r#""reply":{{"status":200,"headers":{{}},"json":{{"results":{results}}}}}"#)
}

#[test]
fn a_read_is_answered_in_order_and_then_as_the_last_time_and_a_write_as_often_as_it_was_made() {
    let folder = Folder::new("recordings-order");
    let read = |time: &str| json!({"call": "probe_read", "params": {"since": time, "n": [1, 2]}});
    let write = json!({"call": "probe_write", "params": {"b": 1, "a": "x"}});
    let (first, second, done) = (answers("1"), answers("2"), answers("true"));
    let path = written(
        &folder,
        "order",
        &[
            info(),
            (read("2026-11-30T10:00:00Z"), &first),
            (read("2026-11-30T10:00:05Z"), &second),
            (write, &done),
        ],
    );
    run(async {
        let replay = Replay::new(&path);
        let client = Client::connect("", key("", ""), replaying(&replay)).await.unwrap();
        // Of a method that nobody knows to be a read, each answer is given once.
        let raw = async |client: &Client, method: &str, params: &str| {
            client.call_raw(method, params).await.map(|answer| answer.json().to_owned())
        };
        for expected in ["1", "2"] {
            let time = format!("2026-12-24T12:00:0{expected}Z");
            let params = format!(r#"{{"n": [1, 2], "since": "{time}"}}"#);
            assert_eq!(
                raw(&client, "probe_read", &params).await.unwrap(),
                expected,
                "a time is as good as another"
            );
        }
        let exact = r#"{"since": "2026-11-30T10:00:05Z", "n": [1, 2]}"#;
        let used = raw(&client, "probe_read", exact).await.unwrap_err();
        assert_eq!(used.status, Status::RecordingNoMatch);
        assert_eq!(raw(&client, "probe_write", r#"{"a":"x","b":1}"#).await.unwrap(), "true");
        let twice = raw(&client, "probe_write", r#"{"a":"x","b":1}"#).await.unwrap_err();
        assert_eq!(
            (twice.status, twice.retryable, twice.may_have_applied),
            (Status::RecordingNoMatch, false, false)
        );
        assert!(twice.message.contains("it was made once"), "{twice}");
        let other = Client::connect("", key("", ""), replaying(&replay)).await.unwrap();
        assert!(
            raw(&other, "probe_write", r#"{"a":"x","b":1}"#).await.is_err(),
            "clients of the same settings share it"
        );
        let anew = nobody(&path).await;
        assert_eq!(
            raw(&anew, "probe_write", r#"{"a":"x","b":1}"#).await.unwrap(),
            "true",
            "others begin at the beginning"
        );
        for _ in 0..3 {
            assert_eq!(call(&anew, "info", json!([])).await.unwrap()["version"][0], 8);
        }
    });
}

#[test]
fn who_has_answers_of_their_own_is_given_no_others() {
    let folder = Folder::new("recordings-own");
    let delete = json!({"call": "delete", "params": {"type": "Shot", "id": 7}});
    let refused = r#""reply":{"status":200,"headers":{},"json":{"exception":true,"message":"API delete() Entity of type [Shot] with id=7 does not exist.","error_code":104}}"#;
    let artist = CLIENT.replace("\"client\":1", "\"client\":2").replace("pipeline", "artist");
    let line = |client: u8, request: &Value, rest: &str| format!("{{\"request\":{request},\"client\":{client},{rest}}}\n");
    let text = format!("{HEAD}\n{CLIENT}\n{artist}\n")
        + &line(1, &json!({"call": "info"}), INFO)
        + &line(2, &delete, refused)
        + &line(1, &delete, &answers("true"));
    let path = folder.file("own", text);
    run(async {
        let replay = Replay::new(&path);
        let artist = Client::connect("", key("artist", ""), replaying(&replay)).await.unwrap();
        let pipeline = Client::connect("", key("pipeline", ""), replaying(&replay)).await.unwrap();
        let shot = json!(["Shot", 7]);
        assert_eq!(call(&artist, "delete", shot.clone()).await.unwrap_err().status, Status::NotFound);
        assert_eq!(
            call(&artist, "delete", shot.clone()).await.unwrap_err().status,
            Status::RecordingNoMatch
        );
        assert_eq!(call(&pipeline, "delete", shot).await.unwrap(), json!(true));
    });
}

#[test]
fn what_is_not_in_it_is_told_with_what_is_nearest() {
    let folder = Folder::new("recordings-nearest");
    let update = |id: i64, status: &str| {
        let fields = json!([{"field_name": "sg_status_list", "value": status}]);
        json!({"call": "update", "params": {"type": "Shot", "id": id, "fields": fields}})
    };
    let done = answers("{}");
    let path = written(&folder, "nearest", &[info(), (update(7, "fin"), &done), (update(8, "ip"), &done)]);
    run(async {
        let client = nobody(&path).await;
        let error = call(&client, "update", json!(["Shot", 8, {"sg_status_list": "omt"}]))
            .await
            .unwrap_err();
        assert_eq!(
            (error.status, error.retryable, error.may_have_applied),
            (Status::RecordingNoMatch, false, false)
        );
        for part in [
            "nearest",
            r#""call":"update""#,
            "line 5",
            "\"/params/fields/0/value\"",
            r#"it has "ip" where "omt" is asked"#,
        ] {
            assert!(error.message.contains(part), "{part}: {error}");
        }
        let error = call(&client, "schema_entity_read", json!([])).await.unwrap_err();
        assert!(error.message.contains("none of its kind among 3 requests"), "{error}");
    });
}

#[test]
fn files_that_are_no_recordings_say_so_by_line() {
    let folder = Folder::new("recordings-broken");
    let good = format!(r#"{{"request":{{"call":"info"}},"client":1,{INFO}}}"#);
    let broken: [(&str, String, &str); 13] = [
        ("empty", String::new(), "it is empty"),
        ("other", "# Notes\n".into(), "line 1 is not the beginning of a recording"),
        ("binary", "\u{0}\u{1}\n".into(), "line 1 is not the beginning of a recording"),
        ("json", "{\"version\": 1}\n".into(), "line 1 is not the beginning of a recording"),
        (
            "later",
            "{\"libshotgrid_recording\":2}\n".into(),
            "line 1 is of a recording of version 2, and this library reads version 1",
        ),
        ("head", format!("{HEAD}\n"), "ends before the first client"),
        ("cut", format!("{HEAD}\n{CLIENT}\n{}", &good[..40]), "line 3: it is cut short"),
        (
            "edited",
            format!("{HEAD}\n{CLIENT}\n{}\n{good}\n", &good[..40]),
            "line 3: it is no JSON",
        ),
        ("list", format!("{HEAD}\n{CLIENT}\n[]\n"), "line 3: it is an array"),
        (
            "stranger",
            format!("{HEAD}\n{CLIENT}\n{}\n", good.replace("\"client\":1", "\"client\":9")),
            "line 3: no line before it introduces client 9",
        ),
        (
            "endless",
            format!("{HEAD}\n{CLIENT}\n{}\n", r#"{"request":{"call":"info"},"client":1}"#),
            "line 3: it has neither",
        ),
        (
            "status",
            format!("{HEAD}\n{CLIENT}\n{}\n", good.replace("200", "2000")),
            "line 3: the \"status\"",
        ),
        (
            "failed",
            format!(
                "{HEAD}\n{CLIENT}\n{}\n",
                r#"{"request":{},"client":1,"failed":{"status":"BAD_LUCK"}}"#
            ),
            "line 3: \"BAD_LUCK\"",
        ),
    ];
    for (name, text, what) in broken {
        let path = folder.file(name, text);
        let error = run(Client::connect("", key("", ""), replaying(&Replay::new(&path)))).unwrap_err();
        assert_eq!(error.status, Status::Recording, "{name}: {error}");
        assert!(error.message.contains(what) && error.message.contains(name), "{name}: {error}");
    }
    // Editors end files with empty lines.
    let blank = folder.file("blank", format!("{HEAD}\n{CLIENT}\n{good}\n\n \n"));
    run(Client::connect("", key("", ""), replaying(&Replay::new(&blank)))).unwrap();
    #[cfg(unix)]
    {
        let error = run(Client::connect("", key("", ""), replaying(&Replay::new("/dev/zero")))).unwrap_err();
        assert!(error.status == Status::Io && error.message.contains("no regular file"), "{error}");
    }
    let missing = run(Client::connect("", key("", ""), replaying(&Replay::new(folder.0.join("missing"))))).unwrap_err();
    assert_eq!(missing.status, Status::Io);
    let both = Options {
        record: Some(folder.0.join("both")),
        ..replaying(&Replay::new(folder.0.join("missing")))
    };
    assert_eq!(
        run(Client::connect("", key("", ""), both)).unwrap_err().status,
        Status::InvalidArgument
    );
}
