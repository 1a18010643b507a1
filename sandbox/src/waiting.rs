//! Tests of who waits for whom. They hold the store from inside, so that nothing depends on how fast it is.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const WAIT: Duration = Duration::from_secs(20);

fn call(site: &Sandbox, method: &str, parameters: &Value) -> Value {
    let script = site.script();
    let auth = json!({"script_name": script.name, "script_key": script.api_key});
    let body = json!({"method_name": method, "params": [auth, parameters]}).to_string();
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(WAIT)).build().into();
    let mut reply = agent.post(format!("{}/api3/json", site.url())).send(&body).unwrap();
    serde_json::from_str(&reply.body_mut().read_to_string().unwrap()).unwrap()
}

fn tags(site: &Sandbox) -> Vec<String> {
    let filters = json!({"logical_operator": "and", "conditions": [{"path": "name", "relation": "starts_with", "values": ["waits"]}]});
    let reply = call(site, "read", &json!({"type": "Tag", "return_fields": ["name"], "filters": filters}));
    let rows = reply["results"]["entities"].as_array().unwrap();
    rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

fn create_tag(site: &Sandbox, name: &str) -> Value {
    let fields = json!([{"field_name": "name", "value": name}]);
    call(site, "create", &json!({"type": "Tag", "fields": fields}))
}

#[test]
fn reads_do_not_wait_for_a_write_and_writes_wait_for_each_other() {
    let site = Sandbox::builder().start().unwrap();
    let (begun, has_begun) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let long = scope.spawn(|| {
            site.site.store.write(move |connection| {
                connection.execute("UPDATE \"t_Tag\" SET name = 'waits in between'", [])?;
                begun.send(()).unwrap();
                // Rolled back, whoever ends it.
                let _ = ended.recv();
                Err::<(), _>(crate::fault::Fault::argument("enough"))
            })
        });
        has_begun.recv().unwrap();
        let writers: Vec<_> = ["waits 1", "waits 2"]
            .into_iter()
            .map(|name| {
                let site = &site;
                scope.spawn(move || create_tag(site, name))
            })
            .collect();
        for _ in 0..20 {
            assert!(tags(&site).is_empty(), "nothing is seen of what is not committed");
        }
        assert!(!long.is_finished() && writers.iter().all(|writer| !writer.is_finished()));
        end.send(()).unwrap();
        assert!(long.join().unwrap().is_err());
        for writer in writers {
            assert!(writer.join().unwrap()["results"]["id"].is_i64());
        }
    });
    let mut found = tags(&site);
    found.sort();
    assert_eq!(found, ["waits 1", "waits 2"]);
}

#[test]
fn reads_and_writes_do_not_wait_for_long_reads_which_see_one_state() {
    const LONG: usize = 24;
    let site = Sandbox::builder().start().unwrap();
    let (begun, has_begun) = mpsc::channel();
    thread::scope(|scope| {
        let count = "SELECT count(*) FROM \"t_Tag\" WHERE name LIKE 'waits%'";
        let mut ends = Vec::new();
        let mut long = Vec::new();
        for _ in 0..LONG {
            let (end, ended) = mpsc::channel::<()>();
            ends.push(end);
            let (site, begun) = (&site, begun.clone());
            long.push(scope.spawn(move || {
                site.site.store.read(|connection| {
                    let before: i64 = connection.query_row(count, [], |row| row.get(0))?;
                    begun.send(()).unwrap();
                    let _ = ended.recv();
                    let after: i64 = connection.query_row(count, [], |row| row.get(0))?;
                    Ok((before, after))
                })
            }));
        }
        for _ in 0..LONG {
            has_begun.recv().unwrap();
        }
        assert!(create_tag(&site, "waits for nobody")["results"]["id"].is_i64());
        assert_eq!(tags(&site), ["waits for nobody"]);
        assert!(long.iter().all(|read| !read.is_finished()));
        drop(ends);
        for read in long {
            assert_eq!(read.join().unwrap().unwrap(), (0, 0));
        }
    });
}
