//! Pages of every size agree with each other, with their counts, and with what the caller may see.

use std::cmp::Ordering;

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use super::client::{Client, condition, is};

const SHOTS: usize = 53;

/// Shots of two projects with few different values, some missing, some retired; an artist sees the first project.
fn crowd() -> Sandbox {
    let mine = json!({
        "path": "project.Project.users", "relation": "is",
        "values": [{"type": "HumanUser", "id": 0, "valid": "logged_in_user_token"}],
    });
    let shots: Vec<Value> = (0..SHOTS)
        .map(|n| {
            json!({
                "code": format!("S{:02}", (n * 37) % SHOTS),
                "project": format!("$p{}", n % 3 % 2),
                "sg_status_list": (["wtg", "ip", "fin"][n * 7 % 3]),
                "sg_sequence": if n % 4 == 0 { json!(null) } else { json!(format!("$s{}", n % 3 % 2)) },
                "sg_cut_in": if n % 5 == 0 { json!(null) } else { json!(n % 4) },
                "sg_footage": format!("{}-{:02}", n % 12, n % 3),
            })
        })
        .collect();
    let seed = json!({
        "roles": [
            {"code": "api_admin", "display_name": "API Admin", "entity_type": "ApiUser", "rules": [
                {"id": 1, "effect": "allow", "verbs": ["read_entity", "retire_entity"]}]},
            {"code": "artist", "display_name": "Artist", "entity_type": "HumanUser", "rules": [
                {"id": 10, "effect": "allow", "verbs": ["read_entity"]},
                {"id": 11, "effect": "allow", "verbs": ["read_entity"], "entity_types": ["Shot", "Sequence"], "condition": mine}]}],
        "entities": [
            {"type": "ApiUser", "rows": [{"firstname": "s", "role": "api_admin"}]},
            {"type": "Project", "rows": [{"$": "p0", "name": "Zero"}, {"$": "p1", "name": "One"}]},
            {"type": "HumanUser", "rows": [{"login": "a", "password": "a", "role": "artist", "projects": ["$p0"]}]},
            {"type": "Sequence", "rows": [{"$": "s0", "code": "beta", "project": "$p0"}, {"$": "s1", "code": "Alpha", "project": "$p1"}]},
            {"type": "Shot", "rows": shots}],
    });
    let site = Sandbox::builder().seed_str(seed.to_string()).start().unwrap();
    for id in [5, 30] {
        Client::admin(&site).delete("Shot", id).unwrap();
    }
    site
}

fn read(client: &Client, filters: &Value, sorts: &Value, (size, page): (usize, usize), flag: &str) -> (Vec<Value>, Value) {
    let parameters = json!({
        "type": "Shot", "return_fields": ["code", "sg_sequence", "sg_cut_in"], "filters": filters, "sorts": sorts,
        "paging": {"entities_per_page": size, "current_page": page}, flag: true,
    });
    let reply = client.call("read", parameters).unwrap();
    (reply["entities"].as_array().unwrap().clone(), reply["paging_info"].clone())
}

#[test]
fn pages_of_every_size_agree() {
    let site = crowd();
    let filters = condition("sg_status_list", "in", json!(["ip", "fin"]));
    let sorts = json!([{"field_name": "sg_cut_in", "direction": "desc"}, {"field_name": "sg_sequence", "direction": "asc"}]);
    for (who, client) in [("script", Client::admin(&site)), ("artist", Client::login(&site, "a", "a"))] {
        for filters in [json!({"logical_operator": "and", "conditions": []}), filters.clone()] {
            let (all, _) = read(&client, &filters, &sorts, (5_000, 1), "return_paging_info");
            assert!(all.len() > 10 && all.len() < SHOTS, "{who}");
            for size in [1, 2, 3, 7, all.len() - 1, all.len(), all.len() + 1, 500, 4_999, 5_000] {
                let pages = all.len().div_ceil(size);
                let mut walked = Vec::new();
                for page in 1..=pages + 1 {
                    let name = format!("{who}, page {page} of {size}");
                    let (rows, info) = read(&client, &filters, &sorts, (size, page), "return_paging_info");
                    let next = page < pages;
                    assert_eq!(
                        info,
                        json!({"current_page": page, "page_count": pages, "entity_count": all.len(), "entities_per_page": size,
                               "has_next_page": next}),
                        "{name}"
                    );
                    let (same, info) = read(&client, &filters, &sorts, (size, page), "return_paging_info_without_counts");
                    assert_eq!((&same, &info["has_next_page"]), (&rows, &json!(next)), "{name}");
                    walked.extend(rows);
                }
                assert_eq!(walked, all, "{who}, pages of {size}");
            }
        }
    }
}

#[test]
fn a_role_narrows_rows_counts_and_sums_alike() {
    let site = crowd();
    let artist = Client::login(&site, "a", "a");
    let admin = Client::admin(&site);
    let seen = artist.ids("Shot", json!([])).unwrap();
    let first = is("project", json!({"type": "Project", "id": 1}));
    assert_eq!(seen, admin.ids("Shot", json!([first])).unwrap());
    let parameters = json!({"type": "Shot", "summaries": [{"field": "id", "type": "count"}], "grouping": [{"field": "project"}]});
    let reply = artist.call("summarize", parameters).unwrap();
    assert_eq!(reply["summaries"]["id"], seen.len());
    assert_eq!(reply["groups"].as_array().unwrap().len(), 1);
    // What lies behind a link that may not be seen can't be found by it.
    let behind = json!([is("sg_sequence.Sequence.code", json!("Alpha"))]);
    assert!(!admin.ids("Shot", behind.clone()).unwrap().is_empty());
    assert!(artist.ids("Shot", behind).unwrap().is_empty());
    let through = json!([is("shots.Shot.project", json!({"type": "Project", "id": 2}))]);
    assert!(!admin.ids("Sequence", through.clone()).unwrap().is_empty());
    assert!(artist.ids("Sequence", through).unwrap().is_empty());
}

/// Missing values first, texts without regard to case.
fn by(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64().unwrap().total_cmp(&right.as_f64().unwrap()),
        (Value::String(left), Value::String(right)) => left.to_lowercase().cmp(&right.to_lowercase()),
        _ => (!left.is_null()).cmp(&!right.is_null()),
    }
}

#[test]
fn rows_are_in_the_order_of_their_values_and_then_of_their_ids() {
    let site = crowd();
    let admin = Client::admin(&site);
    for (field, shown) in [
        ("code", "code"),
        ("sg_cut_in", "sg_cut_in"),
        ("sg_sequence", "sg_sequence.Sequence.code"),
        ("sg_sequence.Sequence.code", "sg_sequence.Sequence.code"),
        ("sg_status_list", "sg_status_list"),
        ("project.Project.name", "project.Project.name"),
    ] {
        for direction in ["asc", "desc"] {
            let sorts = json!([{"field_name": field, "direction": direction}]);
            let rows = admin
                .read(json!({"type": "Shot", "return_fields": [shown], "sorts": sorts}))
                .unwrap();
            assert_eq!(rows.len(), SHOTS - 2);
            for pair in rows.windows(2) {
                let order = by(&pair[0][shown], &pair[1][shown]);
                let order = if direction == "asc" { order } else { order.reverse() };
                let ids = pair[0]["id"].as_i64().cmp(&pair[1]["id"].as_i64());
                assert_eq!(order.then(ids), Ordering::Less, "{field} {direction}: {pair:?}");
            }
        }
    }
    // Feet before frames, as numbers.
    let sorts = json!([{"field_name": "sg_footage", "direction": "asc"}]);
    let rows = admin
        .read(json!({"type": "Shot", "return_fields": ["sg_footage"], "sorts": sorts}))
        .unwrap();
    let lengths: Vec<(i64, i64)> = rows
        .iter()
        .map(|row| {
            let (feet, frames) = row["sg_footage"].as_str().unwrap().split_once('-').unwrap();
            (feet.parse().unwrap(), frames.parse().unwrap())
        })
        .collect();
    assert!(lengths.is_sorted(), "{lengths:?}");
}

#[test]
fn fields_without_an_order_are_passed_over() {
    let site = crowd();
    let admin = Client::admin(&site);
    let plain = admin.ids("Shot", json!([])).unwrap();
    for field in [
        "image",
        "sg_reference",
        "sg_pipeline_data",
        "step_0",
        "sg_versions_summary",
        "assets",
        "nothing",
    ] {
        let rows = admin
            .read(json!({"type": "Shot", "return_fields": [], "sorts": [{"field_name": field, "direction": "desc"}]}))
            .unwrap();
        let ids: Vec<i64> = rows.iter().map(|row| row["id"].as_i64().unwrap()).collect();
        assert_eq!(ids, plain, "{field}");
    }
}
