//! `nav_expand` and `nav_search`: the tree of a project's Assets by type and Shots by sequence, with their
//! Tasks.

mod path;
mod search;

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use serde_json::{Map, Value, json};

use super::parameters::Parameters;
use super::{Call, rows};
use crate::fault::Fault;
use crate::filter::Filter;
use crate::schema::{EntityType, Schema};
use crate::store::select::Sort;
use path::{BRANCHES, Branch, Group, PROJECT, Place, TASK, not_found, plural};
pub(super) use search::search;

const EXPAND: &str = "nav_expand";
/// The preset of a read that stands for a place in the tree.
pub(super) const ENTRIES: &str = "NAV_ENTRIES";
/// The field whose links are looked for in the tree unless the call names another.
const SEED: (&str, &str) = ("Version", "entity");

pub(super) fn expand(call: &Call<'_>) -> Result<Value, Fault> {
    let parameters = Parameters::of(EXPAND, call.parameters)?;
    let place = Place::parse(call.schema, parameters.text("path")?)?;
    let tree = Tree {
        call,
        seed: seed(&parameters, call.schema)?,
        fields: entity_fields(&parameters)?,
    };
    call.site.store.read(|connection| {
        let (label, reference) = tree.node(connection, &place)?;
        let children = tree.children(connection, &place)?;
        let mut shown = tree.shown(
            &place,
            &label,
            reference,
            children.iter().any(|child| child["ref"]["kind"] != "empty"),
        );
        shown["children"] = json!(children);
        Ok(shown)
    })
}

/// `Type.field` of the rows that a place stands for.
fn seed(parameters: &Parameters<'_>, schema: &Schema) -> Result<(String, String), Fault> {
    const KEY: &str = "seed_entity_field";
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let given = match parameters.get(KEY) {
        None => return Ok((SEED.0.to_owned(), SEED.1.to_owned())),
        Some(Value::String(name)) => name.split_once('.').map(|(kind, field)| (kind.to_owned(), field.to_owned())),
        Some(other) => text(other, "type").zip(text(other, "field")),
    };
    given
        .filter(|(kind, field)| is_seed(schema, kind, field))
        .ok_or_else(|| parameters.invalid("'Type.field' of an entity field", KEY))
}

fn is_seed(schema: &Schema, kind: &str, field: &str) -> bool {
    let field = schema.entity_type(kind).and_then(|known| known.field(field));
    field.is_some_and(|field| field.data_type == crate::schema::DataType::Entity)
}

/// Fields to show of the rows in the tree, by type: an object of arrays, or an array of objects with `entity`
/// and `fields`.
fn entity_fields(parameters: &Parameters<'_>) -> Result<BTreeMap<String, Vec<String>>, Fault> {
    const KEY: &str = "entity_fields";
    let wrong = || parameters.invalid("object of arrays of strings", KEY);
    let mut given: Vec<(&str, &Value)> = Vec::new();
    match parameters.get(KEY) {
        None => {}
        Some(Value::Object(by_type)) => given.extend(by_type.iter().map(|(kind, fields)| (kind.as_str(), fields))),
        Some(Value::Array(members)) => {
            for member in members {
                let kind = member.get("entity").and_then(Value::as_str).ok_or_else(wrong)?;
                given.push((kind, member.get("fields").ok_or_else(wrong)?));
            }
        }
        Some(_) => return Err(wrong()),
    }
    let mut by_type = BTreeMap::new();
    for (kind, fields) in given {
        let fields = fields.as_array().ok_or_else(wrong)?.iter();
        let fields = fields.map(|field| field.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
        by_type.insert(kind.to_owned(), fields.ok_or_else(wrong)?);
    }
    Ok(by_type)
}

/// The tree as one caller sees it.
struct Tree<'a, 'c> {
    call: &'a Call<'c>,
    seed: (String, String),
    fields: BTreeMap<String, Vec<String>>,
}

impl<'c> Tree<'_, 'c> {
    /// A node without its children.
    fn shown(&self, place: &Place<'_>, label: &str, reference: Value, has_children: bool) -> Value {
        let path = place.path();
        let (kind, field) = &self.seed;
        json!({
            "label": label,
            "ref": reference,
            "parent_path": place.parent().map(|parent| parent.path()),
            "target_entities": {
                "type": kind,
                "additional_filter_presets": [{"preset_name": ENTRIES, "path": path, "seed": {"type": kind, "field": field}}],
            },
            "path": path,
            "has_children": has_children,
        })
    }

    /// Label and reference of a place; every row on the way to it must be there.
    fn node(&self, connection: &Connection, place: &Place<'c>) -> Result<(String, Value), Fault> {
        let Some(project) = place.project else {
            return Ok(("Site".to_owned(), json!({"kind": "site", "value": null})));
        };
        let mut node = self.row(
            connection,
            self.known(PROJECT)?,
            &[Filter::condition("id", "is", json!(project))],
            project,
        )?;
        let Some(branch) = place.branch else {
            return Ok(node);
        };
        node = (branch.plural(), json!({"kind": "entity_type", "value": branch.entity_type.name}));
        if let Some(group) = &place.group {
            node = self.group(connection, project, branch, group)?;
        }
        if let Some(id) = place.row {
            node = self.row(connection, branch.entity_type, &place.rows(""), id)?;
            if place.tasks {
                node = self.tasks();
            }
            if let Some(task) = place.task {
                let mut members = vec![self.task_of(branch.entity_type, &[id])];
                members.push(Filter::condition("id", "is", json!(task)));
                node = self.row(connection, self.known(TASK)?, &members, task)?;
            }
        }
        Ok(node)
    }

    fn known(&self, name: &str) -> Result<&'c EntityType, Fault> {
        self.call.schema.known_type(name)
    }

    fn tasks(&self) -> (String, Value) {
        (plural(TASK), json!({"kind": "entity_type", "value": TASK}))
    }

    fn task_of(&self, entity_type: &EntityType, ids: &[i64]) -> Filter {
        Filter::Condition {
            path: "entity".to_owned(),
            relation: "in".to_owned(),
            values: ids.iter().map(|id| json!({"type": entity_type.name, "id": id})).collect(),
        }
    }

    fn row(&self, connection: &Connection, entity_type: &'c EntityType, members: &[Filter], id: i64) -> Result<(String, Value), Fault> {
        let found = self.rows(connection, entity_type, members.to_vec())?;
        let row = found.into_iter().next().ok_or_else(|| not_found(&entity_type.name, id))?;
        Ok((label(entity_type, &row), self.reference(entity_type, row)))
    }

    fn group(&self, connection: &Connection, project: i64, branch: Branch<'c>, group: &Group) -> Result<(String, Value), Fault> {
        match (group, branch.group_type()) {
            (Group::Row(id), Some(kind)) => {
                let members = [
                    Filter::condition("id", "is", json!(id)),
                    Filter::condition("project", "is", json!({"type": PROJECT, "id": project})),
                ];
                self.row(connection, self.known(kind)?, &members, *id)
            }
            (Group::Value(value), _) => Ok((value.clone(), json!({"kind": "list", "value": value}))),
            (_, Some(_)) => Ok((
                branch.ungrouped_label(),
                json!({"kind": "entity_type", "value": branch.entity_type.name}),
            )),
            (_, None) => Ok((branch.ungrouped_label(), json!({"kind": "list", "value": "__none__"}))),
        }
    }

    /// Rows in the order of their names, with the fields that the call wants of their type.
    fn rows(&self, connection: &Connection, entity_type: &EntityType, members: Vec<Filter>) -> Result<Vec<Map<String, Value>>, Fault> {
        let by_name = [Sort {
            path: entity_type.display_field.clone(),
            descending: false,
        }];
        let mut fields = vec![entity_type.display_field.clone()];
        fields.extend(self.fields.get(&entity_type.name).into_iter().flatten().cloned());
        rows::select(self.call, connection, entity_type, &Filter::all(members), &fields, (&by_name, None))
    }

    /// Type and id of a row, with the fields that the call wants of it.
    fn reference(&self, entity_type: &EntityType, mut row: Map<String, Value>) -> Value {
        let wanted = self.fields.get(&entity_type.name);
        row.retain(|name, _| matches!(name.as_str(), "type" | "id") || wanted.is_some_and(|wanted| wanted.contains(name)));
        json!({"kind": "entity", "value": row})
    }

    fn children(&self, connection: &Connection, place: &Place<'c>) -> Result<Vec<Value>, Fault> {
        let Some(project) = place.project else {
            return self.projects(connection);
        };
        let Some(branch) = place.branch else {
            let branches = BRANCHES.iter().filter_map(|(name, _)| Branch::of(self.call.schema, name));
            return branches.map(|branch| self.branch(connection, project, branch)).collect();
        };
        if place.task.is_some() {
            return Ok(Vec::new());
        }
        let (children, empty) = if place.tasks || place.row.is_some() {
            (self.below_a_row(connection, place, branch)?, plural(TASK))
        } else if place.group.is_some() || branch.field.is_none() {
            (self.members(connection, place, branch)?, branch.plural())
        } else {
            (self.groups(connection, place, branch)?, branch.plural())
        };
        Ok(if children.is_empty() { vec![nothing(&empty)] } else { children })
    }

    fn projects(&self, connection: &Connection) -> Result<Vec<Value>, Fault> {
        let known = self.known(PROJECT)?;
        let found = self.rows(connection, known, Vec::new())?.into_iter();
        let children = found.map(|row| {
            let place = Place {
                project: id_of(&row),
                ..Place::default()
            };
            self.shown(&place, &label(known, &row), self.reference(known, row), true)
        });
        Ok(children.collect())
    }

    fn branch(&self, connection: &Connection, project: i64, branch: Branch<'c>) -> Result<Value, Fault> {
        let place = Place {
            project: Some(project),
            branch: Some(branch),
            ..Place::default()
        };
        let (label, reference) = self.node(connection, &place)?;
        let first = rows::select(
            self.call,
            connection,
            branch.entity_type,
            &Filter::all(place.rows("")),
            &[],
            (&[], Some(1)),
        )?;
        Ok(self.shown(&place, &label, reference, !first.is_empty()))
    }

    /// The groups of a type. Where groups are rows all are told, where they are values those that are used;
    /// the rows without a group come last.
    fn groups(&self, connection: &Connection, place: &Place<'c>, branch: Branch<'c>) -> Result<Vec<Value>, Fault> {
        let Some(field) = branch.field else {
            return Ok(Vec::new());
        };
        let wanted = std::slice::from_ref(&field.name);
        let found = rows::select(
            self.call,
            connection,
            branch.entity_type,
            &Filter::all(place.rows("")),
            wanted,
            (&[], None),
        )?;
        let values: Vec<&Value> = found.iter().filter_map(|row| row.get(&field.name)).collect();
        let mut children = Vec::new();
        let mut show = |group: Group, has_children: bool| -> Result<(), Fault> {
            let (label, reference) = self.group(connection, place.project.unwrap_or_default(), branch, &group)?;
            let place = Place {
                group: Some(group),
                ..place.clone()
            };
            children.push(self.shown(&place, &label, reference, has_children));
            Ok(())
        };
        if let Some(kind) = branch.group_type() {
            let used: BTreeSet<i64> = values.iter().filter_map(|value| value.get("id")?.as_i64()).collect();
            let of_project = Place {
                project: place.project,
                ..Place::default()
            };
            for row in self.rows(connection, self.known(kind)?, of_project.rows(""))? {
                let id = id_of(&row).unwrap_or_default();
                show(Group::Row(id), used.contains(&id))?;
            }
        } else {
            let used: BTreeSet<&str> = values.iter().filter_map(|value| value.as_str()).collect();
            // In the order in which the field lists them; values that it lists no more come after.
            let listed = field.valid_values.iter().map(String::as_str).filter(|value| used.contains(value));
            let unlisted = used
                .iter()
                .copied()
                .filter(|value| !field.valid_values.iter().any(|known| known == value));
            for value in listed.chain(unlisted) {
                show(Group::Value(value.to_owned()), true)?;
            }
        }
        let ungrouped = values.iter().any(|value| value.is_null());
        if ungrouped || !values.is_empty() {
            show(Group::None, ungrouped)?;
        }
        Ok(children)
    }

    /// The rows of a group.
    fn members(&self, connection: &Connection, place: &Place<'c>, branch: Branch<'c>) -> Result<Vec<Value>, Fault> {
        let known = branch.entity_type;
        let found = self.rows(connection, known, place.rows(""))?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<i64> = found.iter().filter_map(id_of).collect();
        let tasks = self.task_of(known, &ids);
        let tasks = rows::select(
            self.call,
            connection,
            self.known(TASK)?,
            &tasks,
            &rows::names(&["entity"]),
            (&[], None),
        )?;
        let busy: BTreeSet<i64> = tasks.iter().filter_map(|task| task.get("entity")?.get("id")?.as_i64()).collect();
        let children = found.into_iter().map(|row| {
            let place = Place {
                row: id_of(&row),
                ..place.clone()
            };
            let has_children = place.row.is_some_and(|id| busy.contains(&id));
            self.shown(&place, &label(known, &row), self.reference(known, row), has_children)
        });
        Ok(children.collect())
    }

    /// The tasks of a row, or the one node that they are under.
    fn below_a_row(&self, connection: &Connection, place: &Place<'c>, branch: Branch<'c>) -> Result<Vec<Value>, Fault> {
        let known = self.known(TASK)?;
        let of_row = self.task_of(branch.entity_type, &[place.row.unwrap_or_default()]);
        let found = self.rows(connection, known, vec![of_row])?;
        if !place.tasks {
            let (label, reference) = self.tasks();
            let below = Place {
                tasks: true,
                ..place.clone()
            };
            let node = self.shown(&below, &label, reference, true);
            return Ok(if found.is_empty() { Vec::new() } else { vec![node] });
        }
        let children = found.into_iter().map(|row| {
            let place = Place {
                task: id_of(&row),
                ..place.clone()
            };
            self.shown(&place, &label(known, &row), self.reference(known, row), false)
        });
        Ok(children.collect())
    }
}

fn id_of(row: &Map<String, Value>) -> Option<i64> {
    row.get("id").and_then(Value::as_i64)
}

fn label(entity_type: &EntityType, row: &Map<String, Value>) -> String {
    let name = row.get(&entity_type.display_field).and_then(Value::as_str);
    name.unwrap_or_default().to_owned()
}

/// What stands where there is nothing.
fn nothing(plural: &str) -> Value {
    json!({"label": format!("No {plural}"), "ref": {"kind": "empty", "value": null}, "has_children": false})
}

/// What the preset of a place leaves of the rows of a type: those whose link leads to it or below it.
pub(super) fn entries(schema: &Schema, entity_type: &str, wire: &Value) -> Result<Option<Filter>, Fault> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let seed = wire.get("seed").and_then(|seed| text(seed, "type").zip(text(seed, "field")));
    let (Some(path), Some((kind, field))) = (text(wire, "path"), seed) else {
        return Ok(None);
    };
    if kind != entity_type || !is_seed(schema, &kind, &field) {
        return Ok(None);
    }
    let place = Place::parse(schema, &path)?;
    let is = |path: &str, kind: &str, id: i64| Filter::condition(path, "is", json!({"type": kind, "id": id}));
    let Some(branch) = place.branch else {
        return Ok(Some(match place.project {
            None => Filter::everything(),
            Some(id) => is("project", PROJECT, id),
        }));
    };
    let name = &branch.entity_type.name;
    let task = format!("{field}.{TASK}");
    Ok(Some(if let Some(id) = place.task {
        is(&field, TASK, id)
    } else if let (Some(id), true) = (place.row, place.tasks) {
        is(&format!("{task}.entity"), name, id)
    } else {
        let mut any = vec![Filter::all(place.rows(&format!("{field}.{name}.")))];
        any.push(Filter::all(place.rows(&format!("{task}.entity.{name}."))));
        if let (Some(Group::Row(id)), Some(kind), None) = (&place.group, branch.group_type(), place.row) {
            any.push(is(&field, kind, *id));
        }
        Filter::Group { any: true, members: any }
    }))
}
