//! Filters made by chance, held against a plain evaluation of the rows as they are read.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use super::client::{Client, condition, link};

/// Numbers that are the same in every run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    fn in_a_hundred(&mut self, share: usize) -> bool {
        self.below(100) < share
    }
}

/// A field's name and data type, and for links the types of their targets.
type Field = (&'static str, &'static str, &'static [&'static str]);

/// The fields that filters are made on.
const FIELDS: [(&str, &[Field]); 5] = [
    (
        "Shot",
        &[
            ("code", "text", &[]),
            ("description", "text", &[]),
            ("sg_cut_in", "number", &[]),
            ("sg_bid", "float", &[]),
            ("sg_hero", "checkbox", &[]),
            ("sg_turnover", "date", &[]),
            ("sg_due", "date_time", &[]),
            ("sg_status_list", "choice", &[]),
            ("sg_shot_type", "choice", &[]),
            ("tag_list", "tags", &[]),
            ("sg_sequence", "link", &["Sequence"]),
            ("sg_supervisor", "link", &["HumanUser", "Group"]),
            ("assets", "links", &["Asset"]),
            ("tasks", "links", &["Task"]),
        ],
    ),
    (
        "Sequence",
        &[
            ("code", "text", &[]),
            ("sg_status_list", "choice", &[]),
            ("shots", "links", &["Shot"]),
            ("assets", "links", &["Asset"]),
        ],
    ),
    (
        "Asset",
        &[
            ("code", "text", &[]),
            ("sg_status_list", "choice", &[]),
            ("shots", "links", &["Shot"]),
        ],
    ),
    (
        "Task",
        &[
            ("content", "text", &[]),
            ("est_in_mins", "number", &[]),
            ("entity", "link", &["Shot", "Asset"]),
            ("task_assignees", "links", &["HumanUser", "Group"]),
        ],
    ),
    (
        "HumanUser",
        &[("login", "text", &[]), ("firstname", "text", &[]), ("groups", "links", &["Group"])],
    ),
];

const WORDS: [&str; 8] = ["Alpha", "beta", "ÉMILE", "gamma_10", "delta 20", "a", "x%y", "ab"];

fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A site of rows whose values come by chance; some of them missing, some rows retired.
fn crowd(chance: &mut Chance) -> Sandbox {
    let word = |chance: &mut Chance| match chance.below(4) {
        0 => json!(null),
        _ => json!(format!("{}{}", chance.one(&WORDS), chance.one(&["", " two", "_v1"]))),
    };
    let status = |chance: &mut Chance| chance.one(&[json!(null), json!("wtg"), json!("ip"), json!("fin")]).clone();
    let some = |chance: &mut Chance, names: &[&str], most: usize| -> Value {
        let count = chance.below(most + 1);
        (0..count).map(|_| format!("${}{}", chance.one(names), chance.below(3))).collect()
    };
    let people: Vec<Value> = (0..3)
        .map(|n| json!({"$": format!("u{n}"), "login": format!("login{n}"), "firstname": WORDS[n], "lastname": WORDS[n + 3]}))
        .collect();
    let groups: Vec<Value> = (0..3)
        .map(|n| json!({"$": format!("g{n}"), "code": format!("Team {}", WORDS[n + 1]), "users": some(chance, &["u"], 2)}))
        .collect();
    let sequences: Vec<Value> = (0..3)
        .map(|n| json!({"$": format!("s{n}"), "project": "$p", "code": format!("Seq {}", WORDS[n]), "sg_status_list": status(chance)}))
        .collect();
    let assets: Vec<Value> = (0..3)
        .map(
            |n| json!({"$": format!("a{n}"), "project": "$p", "code": format!("{} asset", WORDS[n + 2]), "sg_status_list": status(chance)}),
        )
        .collect();
    let shots: Vec<Value> = (0..48)
        .map(|n| {
            let moment = now() + TimeDelta::days(chance.below(900) as i64 - 450) + TimeDelta::hours(chance.below(24) as i64);
            let day = (now().date_naive() + TimeDelta::days(chance.below(80) as i64 - 40)).to_string();
            let link = |chance: &mut Chance, names: &[&str]| {
                let name = format!("${}{}", chance.one(names), chance.below(3));
                if chance.in_a_hundred(30) { json!(null) } else { json!(name) }
            };
            json!({
                "$": if n < 3 { json!(format!("h{n}")) } else { json!(format!("shot{n}")) },
                "project": "$p",
                "code": format!("{} {n}", chance.one(&WORDS)),
                "description": word(chance),
                "sg_cut_in": if chance.in_a_hundred(25) { json!(null) } else { json!(chance.below(6)) },
                "sg_bid": if chance.in_a_hundred(25) { json!(null) } else { json!(chance.below(4) as f64 / 2.0) },
                "sg_hero": chance.in_a_hundred(50),
                "sg_turnover": if chance.in_a_hundred(25) { json!(null) } else { json!(day) },
                "sg_due": if chance.in_a_hundred(25) { json!(null) } else { json!(moment.format("%Y-%m-%dT%H:%M:%SZ").to_string()) },
                "sg_status_list": status(chance),
                "sg_shot_type": chance.one(&[json!(null), json!("2D"), json!("Full CG")]),
                "tag_list": (0..chance.below(3)).map(|_| *chance.one(&["Red", "blue", "ab"])).collect::<Vec<_>>(),
                "sg_sequence": link(chance, &["s"]),
                "sg_supervisor": link(chance, &["u", "g"]),
                "assets": some(chance, &["a"], 3),
            })
        })
        .collect();
    let tasks: Vec<Value> = (0..30)
        .map(|_| {
            json!({
                "project": "$p",
                "content": word(chance),
                "est_in_mins": if chance.in_a_hundred(25) { json!(null) } else { json!(chance.below(6)) },
                "entity": format!("${}{}", chance.one(&["h", "a"]), chance.below(3)),
                "task_assignees": some(chance, &["u", "g"], 3),
            })
        })
        .collect();
    let seed = json!({
        "roles": [{"code": "api_admin", "display_name": "API Admin", "entity_type": "ApiUser", "rules": [
            {"id": 1, "effect": "allow", "verbs": ["read_entity", "retire_entity"]}]}],
        "entities": [
            {"type": "ApiUser", "rows": [{"firstname": "s", "role": "api_admin"}]},
            {"type": "Project", "rows": [{"$": "p", "name": "P"}]},
            {"type": "HumanUser", "rows": people}, {"type": "Group", "rows": groups}, {"type": "Sequence", "rows": sequences},
            {"type": "Asset", "rows": assets}, {"type": "Shot", "rows": shots}, {"type": "Task", "rows": tasks}],
    });
    let site = Sandbox::builder().seed_str(seed.to_string()).start().unwrap();
    let admin = Client::admin(&site);
    for (entity_type, id) in [
        ("Sequence", 2),
        ("Asset", 3),
        ("Shot", 2),
        ("Shot", 20),
        ("HumanUser", 3),
        ("Task", 5),
    ] {
        admin.delete(entity_type, id).unwrap();
    }
    site
}

type Rows = BTreeMap<(String, i64), Value>;

fn read_all(admin: &Client) -> Rows {
    let mut rows = Rows::new();
    for (entity_type, fields) in FIELDS {
        let names: Vec<&str> = fields.iter().map(|(name, _, _)| *name).collect();
        for row in admin.find(entity_type, json!([]), json!(names)).unwrap() {
            rows.insert((entity_type.to_owned(), row["id"].as_i64().unwrap()), row);
        }
    }
    rows
}

fn fields_of(entity_type: &str) -> &'static [Field] {
    FIELDS
        .iter()
        .find(|(name, _)| *name == entity_type)
        .map_or(&[], |(_, fields)| fields)
}

/// A path of up to three hops, and the data type at its end.
fn path(chance: &mut Chance) -> (String, String, &'static str) {
    let mut entity_type = "Shot";
    let mut path = String::new();
    loop {
        let (name, data_type, targets) = chance.one(fields_of(entity_type));
        path.push_str(name);
        let goes_on = !targets.is_empty() && path.matches('.').count() < 4 && chance.in_a_hundred(60);
        let next = if goes_on { *chance.one(targets) } else { "Group" };
        // Groups have no fields here: paths end before them.
        if next == "Group" {
            return (path, entity_type.to_owned(), data_type);
        }
        path.push_str(&format!(".{next}."));
        entity_type = next;
    }
}

fn relations(data_type: &str) -> &'static [&'static str] {
    match data_type {
        "text" => &[
            "is",
            "is_not",
            "contains",
            "not_contains",
            "starts_with",
            "ends_with",
            "in",
            "not_in",
        ],
        "number" | "float" => &["is", "is_not", "less_than", "greater_than", "between", "in", "not_in"],
        "checkbox" => &["is", "is_not"],
        "date" | "date_time" => &[
            "is",
            "is_not",
            "greater_than",
            "less_than",
            "between",
            "in",
            "not_in",
            "in_last",
            "not_in_last",
            "in_next",
            "not_in_next",
            "in_calendar_day",
            "in_calendar_week",
            "in_calendar_month",
            "in_calendar_year",
        ],
        "choice" => &["is", "is_not", "in", "not_in"],
        "tags" => &["is", "is_not", "contains", "name_contains", "name_not_contains"],
        _ => &[
            "is",
            "is_not",
            "in",
            "not_in",
            "type_is",
            "type_is_not",
            "name_is",
            "name_contains",
            "name_not_contains",
        ],
    }
}

fn value(chance: &mut Chance, entity_type: &str, field: &str, data_type: &str, rows: &Rows) -> Value {
    if chance.in_a_hundred(12) && data_type != "checkbox" {
        return json!(null);
    }
    let kept: Vec<&Value> = rows
        .iter()
        .filter(|((kind, _), row)| kind == entity_type && !row[field].is_null())
        .map(|(_, row)| &row[field])
        .collect();
    let any = || json!(null);
    match data_type {
        "link" | "links" => {
            let kinds = fields_of(entity_type).iter().find(|(name, _, _)| *name == field).unwrap().2;
            link(chance.one::<&str>(kinds), i64::try_from(chance.below(4)).unwrap() + 1)
        }
        "tags" => json!(chance.one(&["red", "BLUE", "ab", "none"])),
        "text" if chance.in_a_hundred(40) => json!(chance.one(&["a", "É", "BETA", "two", "%", "", "_v1", "alpha 3"])),
        "date" if chance.in_a_hundred(30) => json!((now().date_naive() + TimeDelta::days(chance.below(20) as i64 - 10)).to_string()),
        "checkbox" => json!(chance.in_a_hundred(50)),
        _ if kept.is_empty() => any(),
        _ => (*chance.one(&kept)).clone(),
    }
}

/// One condition, on the wire.
fn leaf(chance: &mut Chance, rows: &Rows) -> Value {
    let (path, entity_type, data_type) = path(chance);
    let relation = *chance.one(relations(data_type));
    let field = path.rsplit('.').next().unwrap().to_owned();
    let one = |chance: &mut Chance| value(chance, &entity_type, &field, data_type, rows);
    let values = match relation {
        "in" | "not_in" => json!((0..=chance.below(3)).map(|_| one(chance)).collect::<Vec<_>>()),
        "between" => json!([one(chance), one(chance)]),
        "in_last" | "not_in_last" | "in_next" | "not_in_next" => {
            json!([chance.below(40), chance.one(&["HOUR", "DAY", "WEEK", "MONTH", "YEAR"])])
        }
        "type_is" | "type_is_not" => json!([chance.one(&["HumanUser", "Group", "Shot", "Asset", "Task"])]),
        "name_is" | "name_contains" | "name_not_contains" => json!([chance.one(&["a", "TEAM", "seq alpha", "É", "ab"])]),
        relation if relation.starts_with("in_calendar_") => json!([i64::try_from(chance.below(5)).unwrap() - 2]),
        _ => json!([one(chance)]),
    };
    condition(&path, relation, values)
}

fn tree(chance: &mut Chance, rows: &Rows, depth: usize) -> Value {
    if depth == 0 || chance.in_a_hundred(45) {
        return leaf(chance, rows);
    }
    let members: Vec<Value> = (0..chance.below(4)).map(|_| tree(chance, rows, depth - 1)).collect();
    json!({"logical_operator": chance.one(&["and", "or"]), "conditions": members})
}

fn passes(rows: &Rows, row: &Value, filter: &Value) -> bool {
    if let Some(members) = filter.get("conditions").and_then(Value::as_array) {
        let mut results = members.iter().map(|member| passes(rows, row, member));
        return if filter["logical_operator"] == "or" && !members.is_empty() {
            results.any(|result| result)
        } else {
            results.all(|result| result)
        };
    }
    let relation = filter["relation"].as_str().unwrap();
    let positive = match relation {
        "is_not" => "is",
        "type_is_not" => "type_is",
        "name_not_contains" => "name_contains",
        other => other.strip_prefix("not_").unwrap_or(other),
    };
    let path: Vec<&str> = filter["path"].as_str().unwrap().split('.').collect();
    holds(rows, Some(row), &path, positive, filter["values"].as_array().unwrap()) == (positive == relation)
}

/// Whether the positive relation holds at the end of the path; any row will do where a list of links leads to several.
fn holds(rows: &Rows, row: Option<&Value>, path: &[&str], relation: &str, values: &[Value]) -> bool {
    let nothing = json!(null);
    let kept = row.map_or(&nothing, |row| &row[path[0]]);
    let Some(next) = path.get(1) else {
        return meets(kept, relation, values);
    };
    let target = |link: &Value| {
        (link["type"] == *next)
            .then(|| rows.get(&((*next).to_owned(), link["id"].as_i64().unwrap())))
            .flatten()
    };
    match kept {
        Value::Array(links) => links
            .iter()
            .filter_map(target)
            .any(|row| holds(rows, Some(row), &path[2..], relation, values)),
        // Behind a list that a missing row would have there is nothing.
        Value::Null if fields_are_links(path[0]) => false,
        Value::Null => holds(rows, None, &path[2..], relation, values),
        link => holds(rows, target(link), &path[2..], relation, values),
    }
}

fn fields_are_links(name: &str) -> bool {
    FIELDS
        .iter()
        .flat_map(|(_, fields)| *fields)
        .any(|(field, data_type, _)| *field == name && *data_type == "links")
}

fn meets(kept: &Value, relation: &str, values: &[Value]) -> bool {
    let text = |value: &Value| value.as_str().map(str::to_lowercase);
    let links: Vec<&Value> = match kept {
        Value::Array(members) => members.iter().collect(),
        Value::Null => vec![],
        one => vec![one],
    };
    let same = |member: &Value, value: &Value| match (member, value) {
        (Value::Object(_), _) => member["type"] == value["type"] && member["id"] == value["id"],
        (Value::String(_), _) => text(member) == text(value),
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        _ => member == value,
    };
    let is = |value: &Value| match value {
        Value::Null => links.is_empty(),
        Value::String(empty) if empty.is_empty() && relation == "is" => links.is_empty(),
        _ => links.iter().any(|member| same(member, value)),
    };
    let names = || links.iter().map(|link| text(if link.is_object() { &link["name"] } else { link }));
    let first = values.first().unwrap();
    match relation {
        "in" => values.iter().any(is),
        "is" => is(first),
        // Of tags.
        "contains" if kept.is_array() => is(first),
        "contains" | "starts_with" | "ends_with" => match (text(kept), text(first)) {
            (Some(kept), Some(part)) => match relation {
                "contains" => kept.contains(&part),
                "starts_with" => kept.starts_with(&part),
                _ => kept.ends_with(&part),
            },
            _ => false,
        },
        "type_is" => links.iter().any(|link| link["type"] == *first),
        "name_is" => names().any(|name| name == text(first)),
        "name_contains" => names().flatten().any(|name| name.contains(&text(first).unwrap())),
        _ if kept.is_null() || (relation != "in_last" && relation != "in_next" && values.contains(&json!(null))) => false,
        "less_than" => order(kept, first).is_lt(),
        "greater_than" => order(kept, first).is_gt(),
        "between" => {
            let (mut low, mut high) = (first, &values[1]);
            if kept.is_string() && order(low, high).is_gt() {
                (low, high) = (high, low);
            }
            order(kept, low).is_ge() && order(kept, high).is_le()
        }
        _ => in_span(kept.as_str().unwrap(), relation, values),
    }
}

fn order(left: &Value, right: &Value) -> std::cmp::Ordering {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left.total_cmp(&right),
        _ => left.as_str().cmp(&right.as_str()),
    }
}

fn months(day: NaiveDate, count: i64) -> NaiveDate {
    let months = Months::new(u32::try_from(count.abs()).unwrap());
    if count < 0 { day - months } else { day + months }
}

fn in_span(kept: &str, relation: &str, values: &[Value]) -> bool {
    let (moment, today) = (now(), now().date_naive());
    let count = values[0].as_i64().unwrap();
    if let Some(unit) = relation.strip_prefix("in_calendar_") {
        let day: NaiveDate = kept[..10].parse().unwrap();
        let monday = |day: NaiveDate| day - Days::new(u64::from(day.weekday().num_days_from_monday()));
        return match unit {
            "day" => day - today == TimeDelta::days(count),
            "week" => monday(day) - monday(today) == TimeDelta::weeks(count),
            "month" => {
                let there = months(today.with_day(1).unwrap(), count);
                (day.year(), day.month()) == (there.year(), there.month())
            }
            _ => i64::from(day.year() - today.year()) == count,
        };
    }
    let signed = if relation == "in_last" { -count } else { count };
    let edge = match values[1].as_str().unwrap() {
        "HOUR" => moment + TimeDelta::hours(signed),
        "DAY" => moment + TimeDelta::days(signed),
        "WEEK" => moment + TimeDelta::weeks(signed),
        "MONTH" => months(today, signed).and_time(moment.time()).and_utc(),
        _ => months(today, signed * 12).and_time(moment.time()).and_utc(),
    };
    let (from, to) = if relation == "in_last" { (edge, moment) } else { (moment, edge) };
    if kept.len() == 10 {
        let day: NaiveDate = kept.parse().unwrap();
        return from.date_naive() <= day && day <= to.date_naive();
    }
    let kept = DateTime::parse_from_rfc3339(kept).unwrap().to_utc();
    from <= kept && kept <= to
}

#[test]
fn filters_made_by_chance_find_what_a_plain_evaluation_finds() {
    let mut chance = Chance(0x5347_7362_2024_0110);
    let site = crowd(&mut chance);
    let admin = Client::admin(&site);
    let rows = read_all(&admin);
    let mut found_some = 0;
    for round in 0..1_000 {
        let filter = tree(&mut chance, &rows, 2);
        let expected: Vec<i64> = rows
            .iter()
            .filter(|((entity_type, _), row)| entity_type == "Shot" && passes(&rows, row, &filter))
            .map(|((_, id), _)| *id)
            .collect();
        let page = json!({"entities_per_page": 500, "current_page": 1});
        let read = json!({"type": "Shot", "filters": filter, "return_fields": [], "paging": page, "return_paging_info": true});
        let reply = admin
            .call("read", read)
            .unwrap_or_else(|refusal| panic!("{round}: {filter}: {refusal}"));
        let found: Vec<i64> = reply["entities"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["id"].as_i64().unwrap())
            .collect();
        assert_eq!(found, expected, "round {round}: {filter}");
        assert_eq!(reply["paging_info"]["entity_count"], found.len(), "round {round}: {filter}");
        let summary = json!({"type": "Shot", "filters": filter, "summaries": [{"field": "id", "type": "count"}]});
        assert_eq!(
            admin.call("summarize", summary).unwrap()["summaries"]["id"],
            found.len(),
            "round {round}: {filter}"
        );
        found_some += usize::from(!found.is_empty() && found.len() < 46);
    }
    assert!(found_some > 300, "only {found_some} of the filters told rows apart");
}
