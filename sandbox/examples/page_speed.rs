//! Times filtered and sorted pages of shots, and summaries of them, on sites of several sizes.
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
        "{:>8}  {:<48} {:>9} {:>9} {:>9}",
        "shots", "page of 500", "min ms", "median ms", "max ms"
    );
    for size in sizes {
        let site = Sandbox::builder().seed_str(seed(size)).start()?;
        let script = json!({"script_name": site.script().name, "script_key": site.script().api_key});
        let artist = json!({"user_login": "a", "user_password": "a"});
        for Question { label, method, parameters } in questions(size) {
            let authentication = if label.starts_with("artist") { &artist } else { &script };
            let times = measure(&site, method, &json!([authentication, parameters]))?;
            let ms = |time: &Duration| time.as_secs_f64() * 1000.0;
            println!(
                "{size:>8}  {label:<48} {:>9.2} {:>9.2} {:>9.2}",
                times.first().map_or(0.0, ms),
                times.get(ROUNDS / 2).map_or(0.0, ms),
                times.last().map_or(0.0, ms),
            );
        }
    }
    Ok(())
}

/// Two projects, twenty sequences, two hundred assets, and shots shared among them.
fn seed(size: usize) -> String {
    let statuses = ["wtg", "rdy", "ip", "hld", "fin"];
    let sequences: Vec<Value> = (0..20)
        .map(|n| json!({"$": format!("s{n}"), "code": format!("SQ{n:03}"), "project": format!("$p{}", n % 2)}))
        .collect();
    let assets: Vec<Value> = (0..200)
        .map(|n| json!({"$": format!("a{n}"), "code": format!("Asset {n:03}"), "project": format!("$p{}", n % 2)}))
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
                "assets": [format!("$a{}", n % 200), format!("$a{}", (n * 7 + 3) % 200)],
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
            {"type": "Asset", "rows": assets},
            {"type": "Shot", "rows": shots},
        ],
    })
    .to_string()
}

struct Question {
    label: &'static str,
    method: &'static str,
    parameters: Value,
}

fn filters(conditions: &Value) -> Value {
    json!({"logical_operator": "and", "conditions": conditions})
}

/// One page of shots.
fn page(label: &'static str, conditions: Value, sort: &str, number: usize) -> Question {
    let (field, direction) = sort.strip_prefix('-').map_or((sort, "asc"), |field| (field, "desc"));
    let parameters = json!({
        "type": "Shot",
        "return_fields": ["code", "project", "sg_sequence", "sg_status_list", "sg_cut_in", "sg_cut_duration"],
        "filters": filters(&conditions),
        "return_only": "active",
        "paging": {"entities_per_page": 500, "current_page": number},
        "sorts": [{"field_name": field, "direction": direction}],
        "return_paging_info_without_counts": true,
    });
    Question {
        label,
        method: "read",
        parameters,
    }
}

fn summary(label: &'static str, conditions: Value, grouping: Value) -> Question {
    let summaries = json!([{"field": "id", "type": "count"}, {"field": "sg_cut_duration", "type": "sum"}]);
    Question {
        label,
        method: "summarize",
        parameters: json!({"type": "Shot", "filters": filters(&conditions), "summaries": summaries, "grouping": grouping}),
    }
}

/// What is asked of so many shots: half of them are in the project, a fifth has the status.
fn questions(size: usize) -> Vec<Question> {
    let condition = |path: &str, relation: &str, value: Value| json!({"path": path, "relation": relation, "values": [value]});
    let project = condition("project", "is", json!({"type": "Project", "id": 1}));
    let status = condition("sg_status_list", "is", json!("ip"));
    let asset = condition("assets", "is", json!({"type": "Asset", "id": 7}));
    let both = json!([project, status]);
    let last = (size / 10).div_ceil(500).max(1);
    let exact = |field: &str| json!([{"field": field, "type": "exact", "direction": "asc"}]);
    vec![
        page("project and status, by code", both.clone(), "code", 1),
        page("project and status, by code, middle page", both.clone(), "code", last.div_ceil(2)),
        page("project and status, by code, last page", both, "code", last),
        page("project, by code", json!([project]), "code", 1),
        page("everything, by code descending", json!([]), "-code", 1),
        page("status, by cut duration descending", json!([status]), "-sg_cut_duration", 1),
        page(
            "status is not, by created_at",
            json!([condition("sg_status_list", "is_not", json!("ip"))]),
            "created_at",
            1,
        ),
        page(
            "cut duration between, by id",
            json!([json!({"path": "sg_cut_duration", "relation": "between", "values": [30, 40]})]),
            "id",
            1,
        ),
        page(
            "code contains (many), by code",
            json!([condition("code", "contains", json!("99"))]),
            "code",
            1,
        ),
        page(
            "code contains (none), by code",
            json!([condition("code", "contains", json!("nowhere"))]),
            "code",
            1,
        ),
        page(
            "sequence, by code",
            json!([condition("sg_sequence", "is", json!({"type": "Sequence", "id": 4}))]),
            "code",
            1,
        ),
        page(
            "deep: sequence code, by code",
            json!([condition("sg_sequence.Sequence.code", "is", json!("SQ003"))]),
            "code",
            1,
        ),
        page(
            "deep: project name, by sequence name",
            json!([condition("project.Project.name", "is", json!("Zero"))]),
            "sg_sequence",
            1,
        ),
        page("linked asset, by code", json!([asset]), "code", 1),
        page(
            "linked asset and project, by cut duration",
            json!([asset, project]),
            "sg_cut_duration",
            1,
        ),
        page(
            "deep: linked asset's code, by code",
            json!([condition("assets.Asset.code", "is", json!("Asset 007"))]),
            "code",
            1,
        ),
        page(
            "linked asset's name contains, by code",
            json!([condition("assets", "name_contains", json!("t 00"))]),
            "code",
            1,
        ),
        page("artist: own projects, status, by code", json!([status]), "code", 1),
        summary("summarize: project, by status", json!([project]), exact("sg_status_list")),
        summary("summarize: everything, by sequence", json!([]), exact("sg_sequence")),
        summary("summarize: linked asset", json!([asset]), json!([])),
    ]
}

fn measure(site: &Sandbox, method: &str, params: &Value) -> Result<Vec<Duration>, Box<dyn Error>> {
    let agent = ureq::Agent::new_with_defaults();
    let body = json!({"method_name": method, "params": params}).to_string();
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
