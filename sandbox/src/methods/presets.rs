//! The presets that narrow a read beyond its filter.

use serde_json::{Value, json};

use super::navigation;
use super::parameters::Parameters;
use crate::fault::Fault;
use crate::filter::{Filter, ROW};
use crate::schema::{EntityType, Schema, Storage};
use crate::store::ddl::{column, table, type_column};

const VERB: &str = "read";
const KEY: &str = "additional_filter_presets";

/// What one preset leaves of the rows.
#[derive(Clone, Copy)]
enum Preset {
    /// Of the rows with the same values in these fields, the one that comes last by these.
    Latest {
        within: &'static [&'static str],
        by: &'static [&'static str],
    },
    /// The versions of the shots that a cut shows.
    CutShotVersions(i64),
}

fn latest(entity_type: &str, by: &str) -> Option<Preset> {
    let (within, by): (&[&str], &[&str]) = match (entity_type, by) {
        ("Cut", "REVISION_NUMBER") => (&["entity", "code"], &["revision_number"]),
        ("Version", "ENTITIES_CREATED_AT") => (&["entity"], &["created_at"]),
        ("Version", "BY_PIPELINE_STEP_NUMBER_AND_ENTITIES_CREATED_AT") => (&["entity"], &["sg_task.step", "created_at"]),
        ("PublishedFile", "ENTITIES_CREATED_AT") => (&["entity", "task", "name", "published_file_type"], &["created_at"]),
        ("PublishedFile", "VERSION_NUMBER") => (&["entity", "task", "name", "published_file_type"], &["version_number"]),
        _ => return None,
    };
    Some(Preset::Latest { within, by })
}

/// The presets of a call as filters.
pub(super) fn filters(parameters: &Parameters<'_>, schema: &Schema, entity_type: &EntityType) -> Result<Vec<Filter>, Fault> {
    let wire = parameters.list(KEY)?.iter();
    wire.map(|wire| one(parameters, schema, entity_type, wire)).collect()
}

fn one(parameters: &Parameters<'_>, schema: &Schema, entity_type: &EntityType, wire: &Value) -> Result<Filter, Fault> {
    if !wire.is_object() {
        return Err(parameters.invalid("array of objects", KEY));
    }
    let wrong = |key: &str, kind: &str| {
        let given = wire.get(key).unwrap_or(&Value::Null);
        Fault::bad_call(VERB, format_args!("invalid/missing {kind} '{KEY}' '{key}': {given}"))
    };
    let preset_name = wire.get("preset_name").and_then(Value::as_str);
    let name = entity_type.name.as_str();
    let preset = match preset_name.ok_or_else(|| wrong("preset_name", "string"))? {
        "LATEST" if matches!(name, "Cut" | "Version" | "PublishedFile") => {
            let by = wire.get("latest_by").and_then(Value::as_str).unwrap_or_default();
            latest(name, by).ok_or_else(|| wrong("latest_by", "value of"))?
        }
        "CUT_SHOT_VERSIONS" if name == "Version" => {
            let cut = wire.get("cut_id").and_then(Value::as_i64);
            cut.map(Preset::CutShotVersions).ok_or_else(|| wrong("cut_id", "integer"))?
        }
        navigation::ENTRIES => {
            let entries = navigation::entries(schema, name, wire)?;
            return entries.ok_or_else(|| wrong("path", "path and seed of this type"));
        }
        other => {
            let message = format_args!("invalid '{KEY}' 'preset_name' for {name}: {}", json!(other));
            return Err(Fault::bad_call(VERB, message));
        }
    };
    sql(preset, schema, entity_type, ROW).map(Filter::Site)
}

fn sql(preset: Preset, schema: &Schema, entity_type: &EntityType, alias: &str) -> Result<String, Fault> {
    match preset {
        Preset::Latest { within, by } => Ok(latest_sql(entity_type, within, by, alias)),
        Preset::CutShotVersions(cut) => cut_sql(schema, cut, alias),
    }
}

/// Rows that no later one stands beside; where two are equally late, the one made last.
fn latest_sql(entity_type: &EntityType, within: &[&str], by: &[&str], alias: &str) -> String {
    let mut same = Vec::new();
    for name in within.iter().filter(|name| entity_type.field(name).is_some()) {
        same.push(format!("o.{0} IS {alias}.{0}", column(name)));
        if entity_type.field(name).is_some_and(|field| field.valid_types.len() > 1) {
            same.push(format!("o.{0} IS {alias}.{0}", type_column(name)));
        }
    }
    let rank = |alias: &str| {
        let mut parts: Vec<String> = by.iter().map(|name| rank_part(name, alias)).collect();
        parts.push(format!("{alias}.id"));
        parts.join(", ")
    };
    let group = if same.is_empty() { "1".to_owned() } else { same.join(" AND ") };
    format!(
        "NOT EXISTS (SELECT 1 FROM {} o WHERE o._retired = 0 AND {group} AND ({}) > ({}))",
        table(&entity_type.name),
        rank("o"),
        rank(alias)
    )
}

fn rank_part(name: &str, alias: &str) -> String {
    match name {
        // The place of the task's pipeline step among the steps.
        "sg_task.step" => format!(
            "ifnull((SELECT s.list_order FROM {} k JOIN {} s ON s.id = k.step WHERE k.id = {alias}.sg_task), -1)",
            table("Task"),
            table("Step")
        ),
        _ => format!("ifnull({alias}.{}, '')", column(name)),
    }
}

fn cut_sql(schema: &Schema, cut: i64, alias: &str) -> Result<String, Fault> {
    let items = schema.known_type("CutItem")?;
    let usable = |name: &str| items.field(name).is_some_and(|field| field.storage == Storage::Column);
    if !usable("cut") || !usable("shot") {
        return Err(Fault::bad_call(VERB, "CUT_SHOT_VERSIONS needs CutItem.cut and CutItem.shot"));
    }
    Ok(format!(
        "{alias}.{} = 'Shot' AND {alias}.entity IN (SELECT i.shot FROM {} i WHERE i.cut = {cut} AND i._retired = 0)",
        type_column("entity"),
        table("CutItem")
    ))
}
