//! Times pages of filtered, sorted shots on sites of several sizes.
//!
//!     cargo run --release -p shotgrid-sandbox --example page_speed -- 1000 10000 100000

use std::error::Error;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

/// Each page is asked for this often.
const ROUNDS: usize = 15;

fn main() -> Result<(), Box<dyn Error>> {
    let mut sizes = Vec::new();
    for argument in std::env::args().skip(1) {
        sizes.push(argument.parse::<usize>()?);
    }
    if sizes.is_empty() {
        sizes = vec![1_000, 10_000, 100_000];
    }
    println!(
        "{:>8}  {:<44} {:>9} {:>9} {:>9}",
        "shots", "page of 500", "min ms", "median ms", "max ms"
    );
    for size in sizes {
        let site = Sandbox::builder().seed_str(seed(size)).start()?;
        let script = json!({"script_name": site.script().name, "script_key": site.script().api_key});
        let artist = json!({"user_login": "a", "user_password": "a"});
        for (label, question) in questions() {
            let authentication = if label.starts_with("artist") { &artist } else { &script };
            let times = measure(&site, authentication, &question)?;
            let ms = |time: &Duration| time.as_secs_f64() * 1000.0;
            println!(
                "{size:>8}  {label:<44} {:>9.2} {:>9.2} {:>9.2}",
                times.first().map_or(0.0, ms),
                times.get(ROUNDS / 2).map_or(0.0, ms),
                times.last().map_or(0.0, ms),
            );
        }
    }
    Ok(())
}

/// Two projects, twenty sequences, and shots shared among them.
fn seed(size: usize) -> String {
    let statuses = ["wtg", "rdy", "ip", "hld", "fin"];
    let sequences: Vec<Value> = (0..20)
        .map(|n| json!({"$": format!("s{n}"), "code": format!("SQ{n:03}"), "project": format!("$p{}", n % 2)}))
        .collect();
    let shots: Vec<Value> = (0..size)
        .map(|n| {
            let sequence = n % 20;
            json!({
                "code": format!("SH{:06}", (n * 7919) % size),
                "project": format!("$p{}", sequence % 2),
                "sg_sequence": format!("$s{sequence}"),
                "sg_status_list": statuses[n % 5],
                "sg_cut_in": 1001,
                "sg_cut_duration": 24 + (n * 31) % 200,
            })
        })
        .collect();
    json!({
        "roles": [
            {
                "code": "api_admin", "display_name": "API Admin", "entity_type": "ApiUser",
                "rules": [{"id": 1, "effect": "allow", "verbs": ["read_entity"]}],
            },
            {
                "code": "artist", "display_name": "Artist", "entity_type": "HumanUser",
                "rules": [
                    {"id": 10, "effect": "allow", "verbs": ["read_entity"]},
                    {"id": 11, "effect": "allow", "verbs": ["read_entity"], "entity_types": ["Shot", "Sequence"], "condition": {
                        "path": "project.Project.users", "relation": "is",
                        "values": [{"type": "HumanUser", "id": 0, "valid": "logged_in_user_token"}],
                    }},
                ],
            },
        ],
        "entities": [
            {"type": "ApiUser", "rows": [{"firstname": "bench", "role": "api_admin"}]},
            {"type": "Project", "rows": [{"$": "p0", "name": "Zero"}, {"$": "p1", "name": "One"}]},
            {"type": "HumanUser", "rows": [{"login": "a", "password": "a", "role": "artist", "projects": ["$p0"]}]},
            {"type": "Sequence", "rows": sequences},
            {"type": "Shot", "rows": shots},
        ],
    })
    .to_string()
}

/// What is asked, and for which page in which order.
fn questions() -> Vec<(&'static str, Value)> {
    let question = |conditions: Value, sort: Value, page: usize| {
        json!({
            "type": "Shot",
            "return_fields": ["code", "project", "sg_sequence", "sg_status_list", "sg_cut_in", "sg_cut_duration"],
            "filters": {"logical_operator": "and", "conditions": conditions},
            "return_only": "active",
            "paging": {"entities_per_page": 500, "current_page": page},
            "sorts": [sort],
            "return_paging_info_without_counts": true,
        })
    };
    let condition = |path: &str, relation: &str, value: Value| json!({"path": path, "relation": relation, "values": [value]});
    let project = condition("project", "is", json!({"type": "Project", "id": 1}));
    let status = condition("sg_status_list", "is", json!("ip"));
    let by_code = json!({"field_name": "code", "direction": "asc"});
    vec![
        (
            "project and status, by code",
            question(json!([project, status]), by_code.clone(), 1),
        ),
        (
            "project and status, by code, page 10",
            question(json!([project, status]), by_code.clone(), 10),
        ),
        (
            "status, by cut duration descending",
            question(json!([status]), json!({"field_name": "sg_cut_duration", "direction": "desc"}), 1),
        ),
        (
            "code contains, by code",
            question(json!([condition("code", "contains", json!("99"))]), by_code.clone(), 1),
        ),
        (
            "deep: sequence code, by code",
            question(
                json!([condition("sg_sequence.Sequence.code", "is", json!("SQ003"))]),
                by_code.clone(),
                1,
            ),
        ),
        ("artist: own projects, status, by code", question(json!([status]), by_code, 1)),
    ]
}

fn measure(site: &Sandbox, authentication: &Value, question: &Value) -> Result<Vec<Duration>, Box<dyn Error>> {
    let agent = ureq::Agent::new_with_defaults();
    let body = json!({
        "method_name": "read",
        "params": [authentication, question],
    })
    .to_string();
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let reply = agent
            .post(format!("{}/api3/json", site.url()))
            .send(&body)?
            .body_mut()
            .read_to_string()?;
        times.push(started.elapsed());
        if !reply.starts_with("{\"results\"") {
            return Err(reply.into());
        }
    }
    times.sort();
    Ok(times)
}
