//! Paths of the navigation tree: `/Project/70/Shot/sg_sequence/Sequence/23/id/862`.

use serde_json::{Value, json};

use crate::fault::Fault;
use crate::filter::Filter;
use crate::schema::{DataType, EntityType, Field, Schema};

/// What stands in a path for the rows that are in no group.
const NO_GROUP: &str = "__none__";
pub(super) const PROJECT: &str = "Project";
pub(super) const TASK: &str = "Task";
/// Types below a project, and the field that their rows are grouped by.
pub(super) const BRANCHES: [(&str, &str); 2] = [("Asset", "sg_asset_type"), ("Shot", "sg_sequence")];

/// Rows of one type in one project.
#[derive(Clone, Copy)]
pub(super) struct Branch<'s> {
    pub(super) entity_type: &'s EntityType,
    /// None where the site has no such field any more.
    pub(super) field: Option<&'s Field>,
}

impl<'s> Branch<'s> {
    pub(super) fn of(schema: &'s Schema, name: &str) -> Option<Self> {
        let (name, field) = BRANCHES.into_iter().find(|(known, _)| *known == name)?;
        let entity_type = schema.entity_type(name)?;
        Some(Self {
            entity_type,
            field: entity_type.field(field),
        })
    }

    /// The type whose rows are the groups, where groups are rows.
    pub(super) fn group_type(&self) -> Option<&'s str> {
        let field = self.field.filter(|field| field.data_type == DataType::Entity)?;
        field.valid_types.first().map(String::as_str)
    }

    pub(super) fn plural(&self) -> String {
        plural(&self.entity_type.display_name)
    }

    /// What rows without a group go by.
    pub(super) fn ungrouped_label(&self) -> String {
        let group = self.field.map_or("", |field| field.display_name.as_str());
        format!("{} with no {group}", self.plural())
    }
}

pub(super) fn plural(name: &str) -> String {
    format!("{name}s")
}

/// Which group of a branch.
#[derive(Clone, PartialEq)]
pub(super) enum Group {
    Row(i64),
    Value(String),
    None,
}

/// A place in the tree: as much of it is there as the path has levels.
#[derive(Clone, Default)]
pub(super) struct Place<'s> {
    pub(super) project: Option<i64>,
    pub(super) branch: Option<Branch<'s>>,
    pub(super) group: Option<Group>,
    pub(super) row: Option<i64>,
    pub(super) tasks: bool,
    pub(super) task: Option<i64>,
}

fn lost(message: impl Into<String>) -> Fault {
    Fault::navigation(message)
}

/// A row that a path names, but that is not there for the caller.
pub(super) fn not_found(kind: &str, id: i64) -> Fault {
    let kind = if kind == PROJECT { "project" } else { kind };
    lost(format!("Unexpected result looking for {kind}: {id}: 0 found."))
}

pub(super) fn not_in_tree(kind: &str) -> Fault {
    lost(format!("Entity type provided is not part of the tree: {kind}"))
}

impl<'s> Place<'s> {
    pub(super) fn parse(schema: &'s Schema, path: &str) -> Result<Self, Fault> {
        let wrong = || lost(format!("Unexpected path: {path}"));
        if !path.starts_with('/') {
            return Err(wrong());
        }
        let mut segments = path.split('/').filter(|segment| !segment.is_empty()).peekable();
        let mut place = Self::default();
        let id = |segment: Option<&str>| segment.and_then(|text| text.parse::<i64>().ok()).ok_or_else(wrong);
        match segments.next() {
            None => return Ok(place),
            Some(PROJECT) => place.project = Some(id(segments.next())?),
            Some(_) => return Err(wrong()),
        }
        let Some(kind) = segments.next() else {
            return Ok(place);
        };
        let branch = Branch::of(schema, kind).ok_or_else(|| not_in_tree(kind))?;
        place.branch = Some(branch);
        if let Some(name) = segments.next_if(|segment| *segment != "id") {
            place.group = Some(group(branch, name, &mut segments, wrong)?);
        }
        match segments.next() {
            None => return Ok(place),
            Some("id") => place.row = Some(id(segments.next())?),
            Some(_) => return Err(wrong()),
        }
        match (segments.next(), segments.next(), segments.next(), segments.next()) {
            (None, ..) => {}
            (Some(TASK), None, ..) => place.tasks = true,
            (Some(TASK), Some("id"), task, None) => {
                place.tasks = true;
                place.task = Some(id(task)?);
            }
            _ => return Err(wrong()),
        }
        Ok(place)
    }

    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        if let Some(project) = self.project {
            path.push_str(&format!("/{PROJECT}/{project}"));
        }
        if let Some(branch) = &self.branch {
            path.push_str(&format!("/{}", branch.entity_type.name));
            if let (Some(group), Some(field)) = (&self.group, branch.field) {
                path.push_str(&format!("/{}", field.name));
                if let Some(kind) = branch.group_type() {
                    path.push_str(&format!("/{kind}"));
                }
                match group {
                    Group::Row(id) => path.push_str(&format!("/{id}")),
                    Group::Value(value) => path.push_str(&format!("/{}", escaped(value))),
                    Group::None => path.push_str(&format!("/{NO_GROUP}")),
                }
            }
        }
        if let Some(row) = self.row {
            path.push_str(&format!("/id/{row}"));
        }
        if self.tasks {
            path.push_str(&format!("/{TASK}"));
        }
        if let Some(task) = self.task {
            path.push_str(&format!("/id/{task}"));
        }
        if path.is_empty() { "/".to_owned() } else { path }
    }

    /// The place one level up; the site has none.
    pub(super) fn parent(&self) -> Option<Self> {
        let mut parent = self.clone();
        if parent.task.take().is_some() {
        } else if self.tasks {
            parent.tasks = false;
        } else if parent.row.take().is_some() || parent.group.take().is_some() || parent.branch.take().is_some() {
        } else {
            parent.project.take()?;
        }
        Some(parent)
    }

    /// From the top of the tree to this place, the site left out.
    pub(super) fn lineage(&self) -> Vec<Self> {
        let mut lineage = vec![self.clone()];
        while let Some(parent) = lineage.last().and_then(Self::parent) {
            lineage.push(parent);
        }
        lineage.pop();
        lineage.reverse();
        lineage
    }

    /// The conditions on rows of the branch that are here, by paths that begin with `prefix`.
    pub(super) fn rows(&self, prefix: &str) -> Vec<Filter> {
        let mut members = Vec::new();
        let mut is = |name: &str, value: Value| members.push(Filter::condition(&format!("{prefix}{name}"), "is", value));
        if let Some(id) = self.project {
            is("project", json!({"type": PROJECT, "id": id}));
        }
        if let (Some(group), Some(branch)) = (&self.group, &self.branch)
            && let Some(field) = branch.field
        {
            let value = match group {
                Group::Row(id) => json!({"type": branch.group_type(), "id": id}),
                Group::Value(value) => json!(value),
                Group::None => Value::Null,
            };
            is(&field.name, value);
        }
        if let Some(id) = self.row {
            is("id", json!(id));
        }
        members
    }
}

fn group<'p>(
    branch: Branch<'_>,
    name: &str,
    segments: &mut impl Iterator<Item = &'p str>,
    wrong: impl Fn() -> Fault,
) -> Result<Group, Fault> {
    let expected = branch.field.map_or("id", |field| field.name.as_str());
    if name != expected {
        return Err(lost(format!("Unexpected field name in path: {name} (expecting {expected})")));
    }
    let mut segment = segments.next().ok_or_else(&wrong)?;
    let Some(kind) = branch.group_type() else {
        return Ok(if segment == NO_GROUP {
            Group::None
        } else {
            Group::Value(plain(segment))
        });
    };
    // A search of real sites leaves the type away before this.
    if segment == NO_GROUP {
        return Ok(Group::None);
    }
    if segment != kind {
        return Err(wrong());
    }
    segment = segments.next().ok_or_else(&wrong)?;
    if segment == NO_GROUP {
        return Ok(Group::None);
    }
    segment.parse().map(Group::Row).map_err(|_| wrong())
}

/// A value as one segment of a path.
fn escaped(value: &str) -> String {
    value.replace('%', "%25").replace('/', "%2F")
}

fn plain(segment: &str) -> String {
    segment.replace("%2F", "/").replace("%25", "%")
}
