//! `nav_search`: where rows are in the tree.

use rusqlite::Connection;
use serde_json::{Map, Value, json};

use super::super::parameters::Parameters;
use super::super::{Call, rows};
use super::path::{BRANCHES, Branch, Group, PROJECT, Place, TASK, not_found, not_in_tree};
use super::{Tree, entity_fields, id_of, seed};
use crate::fault::Fault;
use crate::filter::Filter;
use crate::store::select::Sort;

const VERB: &str = "nav_search";
/// Rows that one search finds.
const MOST_FOUND: i64 = 50;

pub(in crate::methods) fn search(call: &Call<'_>) -> Result<Value, Fault> {
    let parameters = Parameters::of(VERB, call.parameters)?;
    let root = Place::parse(call.schema, parameters.text("root_path")?)?;
    let seed = seed(&parameters, call.schema)?;
    let wrong = || parameters.invalid("object with 'search_string' or 'entity'", "search_criteria");
    let Some(Value::Object(criteria)) = parameters.get("search_criteria") else {
        return Err(wrong());
    };
    let finder = Finder {
        root: &root,
        tree: Tree {
            call,
            seed,
            fields: entity_fields(&parameters)?,
        },
    };
    call.site.store.read(|connection| {
        finder.tree.node(connection, &root)?;
        match (criteria.len(), criteria.get("search_string"), criteria.get("entity")) {
            (1, Some(Value::String(text)), _) if !text.trim().is_empty() => finder.by_name(connection, text),
            (1, _, Some(entity)) => {
                let link = rows::link_of(entity).ok_or_else(wrong)?;
                Ok(finder.by_row(connection, link)?.into_iter().collect())
            }
            _ => Err(wrong()),
        }
    })
}

struct Finder<'a, 'c> {
    root: &'a Place<'c>,
    tree: Tree<'a, 'c>,
}

impl<'c> Finder<'_, 'c> {
    /// Rows of the tree whose names have every word.
    fn by_name(&self, connection: &Connection, text: &str) -> Result<Value, Fault> {
        let groups = BRANCHES
            .iter()
            .filter_map(|(name, _)| Branch::of(self.tree.call.schema, name)?.group_type());
        let mut kinds = vec![PROJECT];
        kinds.extend(groups);
        kinds.extend(BRANCHES.iter().map(|(name, _)| *name));
        kinds.push(TASK);
        let mut found = Vec::new();
        for kind in kinds {
            let known = self.tree.known(kind)?;
            let mut members: Vec<Filter> = text
                .split_whitespace()
                .map(|word| Filter::condition(&known.display_field, "contains", json!(word)))
                .collect();
            if let Some(project) = self.root.project {
                let (path, value) = if kind == PROJECT {
                    ("id", json!(project))
                } else {
                    ("project", json!({"type": PROJECT, "id": project}))
                };
                members.push(Filter::condition(path, "is", value));
            }
            let by_name = [Sort {
                path: known.display_field.clone(),
                descending: false,
            }];
            let filter = Filter::all(members);
            let ids = rows::select(self.tree.call, connection, known, &filter, &[], (&by_name, Some(MOST_FOUND)))?;
            for id in ids.iter().filter_map(id_of) {
                found.extend(self.by_row(connection, (kind, id))?);
            }
        }
        found.truncate(usize::try_from(MOST_FOUND).unwrap_or(usize::MAX));
        Ok(json!(found))
    }

    /// Where a row is; nothing when that is outside the root.
    fn by_row(&self, connection: &Connection, (kind, id): (&str, i64)) -> Result<Option<Value>, Fault> {
        let Some(place) = self.place(connection, (kind, id))? else {
            return Ok(None);
        };
        let lineage = place.lineage();
        let root = self.root.path();
        let from = match lineage.iter().position(|place| place.path() == root) {
            Some(position) => position,
            None if self.root.project.is_none() => 0,
            None => return Ok(None),
        };
        let mut labels = Vec::new();
        for place in &lineage {
            labels.push(self.tree.node(connection, place)?.0);
        }
        let own = labels.pop().unwrap_or_default();
        Ok(Some(json!({
            "label": own,
            "incremental_path": lineage[from..].iter().map(Place::path).collect::<Vec<_>>(),
            // The project is told by its id.
            "path_label": labels.get(1..).unwrap_or_default().join(" > "),
            "ref": {"type": kind, "id": id},
            "project_id": place.project,
        })))
    }

    fn place(&self, connection: &Connection, (kind, id): (&str, i64)) -> Result<Option<Place<'c>>, Fault> {
        let schema = self.tree.call.schema;
        let known = schema.known_type(kind)?;
        let row = |fields: &[&str]| {
            let found = rows::find(self.tree.call, connection, (kind, id), &rows::names(fields))?;
            found.ok_or_else(|| not_found(kind, id))
        };
        if kind == PROJECT {
            row(&[])?;
            return Ok(Some(Place {
                project: Some(id),
                ..Place::default()
            }));
        }
        if let Some(branch) = Branch::of(schema, kind) {
            let field = branch.field.map_or("id", |field| field.name.as_str());
            let row = row(&["project", field])?;
            let group = branch.field.map(|_| match row.get(field) {
                Some(Value::String(value)) => Group::Value(value.clone()),
                Some(Value::Object(link)) => id_of(link).map_or(Group::None, Group::Row),
                _ => Group::None,
            });
            return Ok(project_of(&row).map(|project| Place {
                project: Some(project),
                branch: Some(branch),
                group,
                row: Some(id),
                ..Place::default()
            }));
        }
        if let Some(branch) = branch_grouped_by(schema, kind) {
            let row = row(&["project"])?;
            return Ok(project_of(&row).map(|project| Place {
                project: Some(project),
                branch: Some(branch),
                group: Some(Group::Row(id)),
                ..Place::default()
            }));
        }
        if kind == TASK {
            let row = row(&["entity"])?;
            let owner = row.get("entity").and_then(rows::link_of);
            let Some(owner) = owner.filter(|(kind, _)| Branch::of(schema, kind).is_some()) else {
                return Ok(None);
            };
            return Ok(self.place(connection, owner)?.map(|place| Place {
                tasks: true,
                task: Some(id),
                ..place
            }));
        }
        // A row of the kind that places stand for is where its link leads.
        let (seed, field) = &self.tree.seed;
        if *seed == known.name {
            let row = row(&[field])?;
            return match row.get(field).and_then(rows::link_of) {
                Some(link) if link.0 != kind => self.place(connection, link),
                _ => Ok(None),
            };
        }
        Err(not_in_tree(kind))
    }
}

fn branch_grouped_by<'s>(schema: &'s crate::schema::Schema, kind: &str) -> Option<Branch<'s>> {
    let branches = BRANCHES.iter().filter_map(|(name, _)| Branch::of(schema, name));
    branches.into_iter().find(|branch| branch.group_type() == Some(kind))
}

fn project_of(row: &Map<String, Value>) -> Option<i64> {
    row.get("project")?.get("id")?.as_i64()
}
