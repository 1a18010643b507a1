//! Turning paths, filters and sorts into SQL.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rusqlite::types::Value as SqlValue;
use serde_json::Value;

use super::ddl::{column, table, type_column};
use super::links::{self, LinkSource};
use crate::auth::caller::Caller;
use crate::fault::Fault;
use crate::filter::{Filter, ROW, relations};
use crate::roles::rules::{Decision, Verb};
use crate::schema::{DataType, EntityType, Field, Schema, Storage};

/// One SELECT in the making: the values bound to it, and whom it is for.
pub(crate) struct Query<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) caller: &'a Caller,
    /// False while a permission rule's own condition is compiled: what the rule looks at is the
    /// site's business, not limited by what the caller may see.
    enforce: bool,
    /// The verb that error messages name.
    pub(crate) verb: &'a str,
    pub(crate) now: DateTime<Utc>,
    values: Vec<SqlValue>,
    aliases: usize,
}

/// A table in a FROM clause and what has been joined to it so far.
pub(crate) struct Scope<'a> {
    pub(crate) entity_type: &'a EntityType,
    pub(crate) alias: String,
    joins: Vec<String>,
    /// Alias of each table joined, by the path that leads to it and by whether the join is limited to
    /// what the caller may see: a rule's join must not show the caller more, nor the caller's join hide
    /// something from a rule.
    joined: BTreeMap<(String, bool), String>,
}

impl Scope<'_> {
    pub(crate) fn add_join(&mut self, sql: String) {
        self.joins.push(sql);
    }

    /// What stands after FROM.
    pub(crate) fn tables(&self) -> String {
        let mut sql = format!("{} {}", table(&self.entity_type.name), self.alias);
        for join in &self.joins {
            sql.push(' ');
            sql.push_str(join);
        }
        sql
    }
}

/// The end of a path through single links.
pub(crate) struct Leaf<'a> {
    pub(crate) alias: String,
    pub(crate) entity_type: &'a EntityType,
    pub(crate) field: &'a Field,
}

/// Where a path led to.
enum Landing<'a> {
    Leaf(Leaf<'a>),
    /// The path goes on behind a multi-entity field: rows of `next` type, the rest of the path.
    Fork {
        at: Leaf<'a>,
        next: &'a EntityType,
        rest: String,
    },
}

impl<'a> Query<'a> {
    pub(crate) fn new(schema: &'a Schema, caller: &'a Caller, verb: &'a str) -> Self {
        Self {
            schema,
            caller,
            enforce: true,
            verb,
            now: Utc::now(),
            values: Vec::new(),
            aliases: 0,
        }
    }

    /// A query that is not limited to what the caller may see.
    pub(crate) fn unlimited(schema: &'a Schema, caller: &'a Caller, verb: &'a str) -> Self {
        Self {
            enforce: false,
            ..Self::new(schema, caller, verb)
        }
    }

    /// A query for the same caller at the same time, with nothing bound yet.
    pub(crate) fn another(&self) -> Self {
        Self {
            values: Vec::new(),
            aliases: 0,
            ..*self
        }
    }

    /// A value as the caller is shown it; what the site reads for itself stays as it is kept.
    pub(crate) fn present(&self, data_type: DataType, mut value: Value) -> Value {
        if let (true, Some(links)) = (self.enforce, &self.caller.links) {
            links.present(self.caller, data_type, &mut value);
        }
        value
    }

    pub(crate) fn scope(&mut self, entity_type: &'a EntityType) -> Scope<'a> {
        Scope {
            entity_type,
            alias: self.alias(),
            joins: Vec::new(),
            joined: BTreeMap::new(),
        }
    }

    pub(crate) fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases)
    }

    /// Binds a value and gives its place holder.
    pub(crate) fn bind(&mut self, value: impl Into<SqlValue>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }

    /// Binds a list, to be used as `x IN (…)`: one value however long the list is.
    pub(crate) fn bind_list(&mut self, list: &[Value]) -> String {
        let place = self.bind(Value::Array(list.to_vec()).to_string());
        format!("(SELECT value FROM json_each({place}))")
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &SqlValue> {
        self.values.iter()
    }

    /// The field, unless the schema lacks it or the caller's role hides it.
    pub(crate) fn visible_field(&self, entity_type: &'a EntityType, name: &str) -> Option<&'a Field> {
        let field = entity_type.field(name)?;
        let hidden = self.enforce && matches!(self.caller.role.decide(Verb::ReadField, &entity_type.name, name), Decision::Deny(_));
        (!hidden).then_some(field)
    }

    /// Follows a dotted path through single links. `None` when it names what does not exist.
    pub(crate) fn leaf(&mut self, scope: &mut Scope<'a>, path: &str) -> Result<Option<Leaf<'a>>, Fault> {
        match self.land(scope, path)? {
            Some(Landing::Leaf(leaf)) => Ok(Some(leaf)),
            _ => Ok(None),
        }
    }

    fn land(&mut self, scope: &mut Scope<'a>, path: &str) -> Result<Option<Landing<'a>>, Fault> {
        let segments: Vec<&str> = path.split('.').collect();
        let mut alias = scope.alias.clone();
        let mut entity_type = scope.entity_type;
        let mut position = 0;
        loop {
            let Some(field) = segments.get(position).and_then(|name| self.visible_field(entity_type, name)) else {
                return Ok(None);
            };
            let leaf = Leaf {
                alias: alias.clone(),
                entity_type,
                field,
            };
            if position + 1 == segments.len() {
                return Ok(Some(Landing::Leaf(leaf)));
            }
            let Some(next) = segments.get(position + 1).and_then(|name| self.schema.entity_type(name)) else {
                return Ok(None);
            };
            if segments.len() == position + 2 {
                return Ok(None);
            }
            if field.data_type.is_multi_link() {
                let rest = segments[position + 2..].join(".");
                return Ok(Some(Landing::Fork { at: leaf, next, rest }));
            }
            if field.data_type != DataType::Entity {
                return Ok(None);
            }
            let so_far = segments[..position + 2].join(".");
            alias = self.join(scope, &leaf, next, so_far)?;
            entity_type = next;
            position += 2;
        }
    }

    /// Joins the row that an entity link points at, once for each path.
    fn join(&mut self, scope: &mut Scope<'a>, from: &Leaf<'a>, next: &'a EntityType, path: String) -> Result<String, Fault> {
        let key = (path, self.enforce);
        if let Some(alias) = scope.joined.get(&key) {
            return Ok(alias.clone());
        }
        let alias = self.alias();
        let mut sql = format!(
            "LEFT JOIN {} {alias} ON {alias}.id = {}.{} AND {}.{} = '{}' AND {alias}._retired = 0",
            table(&next.name),
            from.alias,
            column(&from.field.name),
            from.alias,
            type_column(&from.field.name),
            next.name
        );
        if let Some(visible) = self.visibility_of_joined(next, &alias)? {
            sql.push_str(&format!(" AND {visible}"));
        }
        scope.add_join(sql);
        scope.joined.insert(key, alias.clone());
        Ok(alias)
    }

    /// What the caller's role says of reading rows of this type, as SQL on the scope's own row.
    /// `None`: every row may be seen.
    pub(crate) fn visibility(&mut self, scope: &mut Scope<'a>) -> Result<Option<String>, Fault> {
        if !self.enforce {
            return Ok(None);
        }
        let caller = self.caller;
        match caller.role.decide(Verb::ReadEntity, &scope.entity_type.name, "") {
            Decision::Allow => Ok(None),
            Decision::Deny(_) => Ok(Some("0".to_owned())),
            Decision::AllowIf(rule) => self.site_filter(scope, &rule.condition).map(Some),
        }
    }

    /// A filter that is the site's own, not the caller's, and looks at everything.
    fn site_filter(&mut self, scope: &mut Scope<'a>, filter: &Filter) -> Result<String, Fault> {
        let enforced = std::mem::replace(&mut self.enforce, false);
        let sql = self.filter(scope, filter);
        self.enforce = enforced;
        sql
    }

    fn visibility_of_joined(&mut self, entity_type: &'a EntityType, alias: &str) -> Result<Option<String>, Fault> {
        let mut inner = self.scope(entity_type);
        Ok(match self.visibility(&mut inner)? {
            None => None,
            Some(condition) => Some(format!(
                "EXISTS (SELECT 1 FROM {} WHERE {}.id = {alias}.id AND {condition})",
                inner.tables(),
                inner.alias
            )),
        })
    }

    /// The SQL expression of a field's value. Link lists, secrets and place holders have none.
    pub(crate) fn expression(&mut self, leaf: &Leaf<'a>) -> Result<Option<String>, Fault> {
        match &leaf.field.storage {
            Storage::Column | Storage::Concat(_) => Ok(Some(format!("{}.{}", leaf.alias, column(&leaf.field.name)))),
            Storage::LastAccess => {
                let person = self.caller.id_as("HumanUser");
                Ok(Some(format!(
                    "(SELECT a.at FROM project_accesses a WHERE a.project = {}.id AND a.person = {person})",
                    leaf.alias
                )))
            }
            Storage::CountOf(name) => {
                let Some(counted) = leaf.entity_type.field(name) else {
                    return Ok(None);
                };
                let leaf = Leaf {
                    alias: leaf.alias.clone(),
                    entity_type: leaf.entity_type,
                    field: counted,
                };
                let links = self.link_select(&leaf, "count(*)", "1")?;
                Ok(links.map(|select| format!("({select})")))
            }
            _ => Ok(None),
        }
    }

    /// The display name of the live row that an entity link points at.
    pub(crate) fn link_name(leaf: &Leaf<'_>) -> String {
        let (id, kind) = link_columns(leaf);
        format!("(SELECT d.name FROM directory d WHERE d.type = {kind} AND d.id = {id} AND d.retired = 0)")
    }

    /// The links of a multi-entity field with their live targets: its source, and the SQL of
    /// `FROM … WHERE …` without a condition on the owner. The target's directory entry is `d`.
    pub(crate) fn live_links(&mut self, entity_type: &'a EntityType, field: &'a Field) -> Result<Option<(LinkSource, String)>, Fault> {
        let alias = self.alias();
        let Some(source) = links::source(self.schema, entity_type, field, &alias) else {
            return Ok(None);
        };
        let mut sql = format!(
            "{} JOIN directory d ON d.type = {} AND d.id = {} AND d.retired = 0",
            source.from, source.target_type, source.target_id
        );
        let mut conditions: Vec<String> = source.condition.iter().cloned().collect();
        if let Storage::InverseOfTable(inverse) | Storage::InverseOfColumn(inverse) = &field.storage
            && let Some(wire) = &inverse.only
            && let Some(target) = self.schema.entity_type(&inverse.entity_type)
        {
            let filter = Filter::parse(self.verb, wire)?;
            let mut inner = self.scope(target);
            let condition = self.site_filter(&mut inner, &filter)?;
            conditions.push(format!(
                "EXISTS (SELECT 1 FROM {} WHERE {}.id = {} AND {condition})",
                inner.tables(),
                inner.alias,
                source.target_id
            ));
        }
        let condition = if conditions.is_empty() {
            "1".to_owned()
        } else {
            conditions.join(" AND ")
        };
        sql.push_str(&format!(" WHERE {condition}"));
        Ok(Some((source, sql)))
    }

    /// `SELECT what FROM the links of this row WHERE condition`, the target's directory entry being `d`.
    pub(crate) fn link_select(&mut self, leaf: &Leaf<'a>, what: &str, condition: &str) -> Result<Option<String>, Fault> {
        let links = self.live_links(leaf.entity_type, leaf.field)?;
        Ok(links.map(|(source, from)| {
            format!(
                "SELECT {what} FROM {from} AND {} = {}.id AND ({condition})",
                source.owner, leaf.alias
            )
        }))
    }

    /// Whether the row is among those that have a link which meets a condition. The rows are found from the far end, so this
    /// is for conditions that few links meet.
    pub(crate) fn has_link(&mut self, leaf: &Leaf<'a>, condition: &str) -> Result<String, Fault> {
        let links = self.live_links(leaf.entity_type, leaf.field)?;
        Ok(links.map_or_else(
            || "0".to_owned(),
            |(source, from)| format!("{}.id IN (SELECT {} FROM {from} AND ({condition}))", leaf.alias, source.owner),
        ))
    }

    /// A whole filter as one SQL condition.
    pub(crate) fn filter(&mut self, scope: &mut Scope<'a>, filter: &Filter) -> Result<String, Fault> {
        match filter {
            Filter::Group { any, members } => {
                let parts = members
                    .iter()
                    .map(|member| self.filter(scope, member))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(join(&parts, if *any { " OR " } else { " AND " }, "1"))
            }
            Filter::Condition { path, relation, values } => self.condition(scope, path, relation, values),
            Filter::Site(sql) => Ok(format!("({})", sql.replace(ROW, &scope.alias))),
        }
    }

    fn condition(&mut self, scope: &mut Scope<'a>, path: &str, relation: &str, values: &[Value]) -> Result<String, Fault> {
        let name = format!("{}.{path}", scope.entity_type.name);
        let (negated, positive) = relations::split_negation(relation);
        let sql = self.positive(scope, path, &name, (relation, positive), values)?;
        // A negation holds for rows without a value, too.
        Ok(if negated { format!("NOT ifnull({sql}, 0)") } else { sql })
    }

    /// The positive form of a condition. `name` is the whole path from where the filter began.
    fn positive(
        &mut self,
        scope: &mut Scope<'a>,
        path: &str,
        name: &str,
        (asked, relation): (&str, &str),
        values: &[Value],
    ) -> Result<String, Fault> {
        match self.land(scope, path)? {
            None => Err(Fault::bad_call(self.verb, format_args!("{name} doesn't exist."))),
            Some(Landing::Leaf(leaf)) => {
                relations::check(self.verb, name, leaf.field, asked)?;
                let test = relations::Test {
                    name,
                    leaf: &leaf,
                    asked,
                    relation,
                    values,
                };
                relations::compile(self, &test)
            }
            Some(Landing::Fork { at, next, rest }) => {
                let mut inner = self.scope(next);
                let condition = self.positive(&mut inner, &rest, name, (asked, relation), values)?;
                let visible = self.visibility(&mut inner)?.unwrap_or_else(|| "1".to_owned());
                let target = format!(
                    "d.type = '{}' AND EXISTS (SELECT 1 FROM {} WHERE {}.id = d.id AND {condition} AND {visible})",
                    next.name,
                    inner.tables(),
                    inner.alias
                );
                self.has_link(&at, &target)
            }
        }
    }
}

/// Conditions joined as a balanced tree: SQLite limits how deep an expression may be, not how wide.
pub(crate) fn join(parts: &[String], operator: &str, empty: &str) -> String {
    match parts {
        [] => empty.to_owned(),
        [one] => one.clone(),
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            format!("({}{operator}{})", join(left, operator, empty), join(right, operator, empty))
        }
    }
}

/// Whether the row that a link points at is there and not retired.
pub(crate) fn alive(kind: &str, id: &str) -> String {
    format!("EXISTS (SELECT 1 FROM directory d WHERE d.type = {kind} AND d.id = {id} AND d.retired = 0)")
}

/// Id and type columns of an entity link.
pub(crate) fn link_columns(leaf: &Leaf<'_>) -> (String, String) {
    (
        format!("{}.{}", leaf.alias, column(&leaf.field.name)),
        format!("{}.{}", leaf.alias, type_column(&leaf.field.name)),
    )
}
