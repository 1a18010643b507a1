//! One look at the event log: what is ahead, and what has filled in behind.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::EventOptions;
use crate::client::Client;
use crate::client::document::{Document, Kind, Value};
use crate::client::error::{Error, Result};
use crate::client::json::{Object, array, quote};

/// What the feed itself reads of an event, besides what the host asks for.
const FIELDS: &[&str] = &[
    "event_type",
    "attribute_name",
    "entity",
    "project",
    "user",
    "meta",
    "created_at",
    "description",
    "session_uuid",
];
/// So many pages of numbers are scanned in one look, so that a long scan does not hold up what is ahead.
const MOST_PAGES: usize = 8;

/// What one look found.
pub(super) struct Found {
    /// In the order of their numbers.
    pub(super) rows: Vec<Row>,
    /// Whether there is another page ahead.
    pub(super) more: bool,
    /// Up to where numbers were scanned, if any were.
    pub(super) scanned: Option<i64>,
}

/// An event.
pub(super) struct Row {
    pub(super) id: i64,
    /// Its JSON, the end of which is added by [`Row::finish`].
    pub(super) text: String,
}

impl Row {
    fn read(row: Value<'_>) -> Result<Row> {
        let id = id_of(row)?;
        let body = row.json().trim_end().strip_suffix('}').unwrap_or_default();
        let text = format!("{body},\"actor\":{}", actor(row));
        Ok(Row { id, text })
    }

    /// Says what is known of it only when it is given.
    pub(super) fn finish(&mut self, duplicate_possible: bool, late: bool) {
        self.text
            .push_str(&format!(",\"duplicate_possible\":{duplicate_possible},\"late\":{late}}}"));
    }
}

fn id_of(row: Value<'_>) -> Result<i64> {
    row.get("id")
        .filter(|_| row.kind() == Kind::Object)
        .and_then(|id| id.as_i64().ok())
        .ok_or_else(|| Error::protocol("the site gave an event without an id"))
}

/// Who did it: `user`, and behind a person the script or person that acted for them.
fn actor(row: Value<'_>) -> String {
    let link = |value: Option<Value<'_>>| {
        value
            .filter(|value| value.kind() == Kind::Object)
            .map(|value| value.json().to_owned())
    };
    let is_script = |value: Option<Value<'_>>| value.and_then(|value| value.get("type")).is_some_and(|kind| kind.is_str("ApiUser"));
    let user = row.get("user");
    let actual = row.get("meta").and_then(|meta| meta.get("sudo_actual_user"));
    let (user_link, actual_link) = (link(user), link(actual));
    let kind = match (&user_link, &actual_link) {
        (_, Some(_)) if is_script(actual) => "script_for_person",
        (_, Some(_)) => "person_for_person",
        (Some(_), None) if is_script(user) => "script",
        (Some(_), None) => "person",
        (None, None) => "site",
    };
    Object::new()
        .text("kind", kind)
        .raw("user", user_link.as_deref().unwrap_or("null"))
        .raw("acting", actual_link.as_deref().unwrap_or("null"))
        .finish()
}

/// What is asked for.
pub(super) struct Query {
    conditions: Vec<String>,
    fields: String,
    page: usize,
}

impl Query {
    pub(super) fn new(options: &EventOptions, page: usize) -> Query {
        let mut fields: Vec<&str> = FIELDS.to_vec();
        fields.extend(options.fields.iter().map(String::as_str).filter(|field| !FIELDS.contains(field)));
        Query {
            conditions: options.conditions(),
            fields: array(fields.into_iter().map(quote)),
            page: page.max(1),
        }
    }

    async fn rows(&self, client: &Client, more: Vec<String>) -> Result<Vec<Row>> {
        let document = self.find(client, more, &self.fields).await?;
        document.root().children().map(Row::read).collect()
    }

    /// The numbers behind one and up to another, at most a page of them.
    async fn page_of_ids(&self, client: &Client, after: i64, until: i64) -> Result<Vec<i64>> {
        let range = vec![id_is("greater_than", after), id_is("less_than", until.saturating_add(1))];
        let document = self.find(client, range, "[\"id\"]").await?;
        document.root().children().map(id_of).collect()
    }

    /// All numbers behind one and up to another.
    pub(super) async fn ids(&self, client: &Client, mut after: i64, until: i64) -> Result<Vec<i64>> {
        let mut all = Vec::new();
        while after < until {
            let ids = self.page_of_ids(client, after, until).await?;
            after = self.reached(&ids, after, until)?;
            all.extend(ids);
        }
        Ok(all)
    }

    /// Up to where a page of numbers leads.
    fn reached(&self, ids: &[i64], after: i64, until: i64) -> Result<i64> {
        match ids.last() {
            Some(last) if ids.len() >= self.page && *last > after => Ok(*last),
            Some(_) if ids.len() >= self.page => Err(Error::protocol("the site does not give events in the order asked for")),
            _ => Ok(until),
        }
    }

    async fn find(&self, client: &Client, more: Vec<String>, fields: &str) -> Result<Document> {
        let filters = array(self.conditions.iter().chain(&more));
        find(client, &filters, fields, "asc", self.page).await
    }
}

async fn find(client: &Client, filters: &str, fields: &str, direction: &str, limit: usize) -> Result<Document> {
    let order = format!(r#"[{{"field_name":"id","direction":"{direction}"}}]"#);
    let params = Object::new()
        .text("entity_type", "EventLogEntry")
        .raw("filters", filters)
        .raw("fields", fields)
        .raw("order", &order)
        .raw("limit", &limit.to_string())
        .finish();
    client.call("find", &params).await
}

fn id_is(relation: &str, id: i64) -> String {
    format!(r#"["id","{relation}",{id}]"#)
}

async fn first_id(client: &Client, filters: &str, direction: &str) -> Result<Option<i64>> {
    let document = find(client, filters, "[\"id\"]", direction, 1).await?;
    document.root().children().next().map(id_of).transpose()
}

/// The newest number that the client may see; 0 where there is none.
pub(super) async fn newest(client: &Client) -> Result<i64> {
    Ok(first_id(client, "[]", "desc").await?.unwrap_or(0))
}

/// The lowest number behind a time of the site's.
pub(super) async fn first_after(client: &Client, time: &str) -> Result<Option<i64>> {
    let filters = format!(r#"[["created_at","greater_than",{}]]"#, quote(time));
    first_id(client, &filters, "asc").await
}

/// Looks at what is ahead of a number, and if all of that is known, at the numbers of a range that are not known.
pub(super) async fn look(client: Client, query: Arc<Query>, top: i64, behind: Option<((i64, i64), BTreeSet<i64>)>) -> Result<Found> {
    let mut rows = query.rows(&client, vec![id_is("greater_than", top)]).await?;
    let more = rows.len() >= query.page && rows.iter().any(|row| row.id > top);
    let mut scanned = None;
    if let Some(((after, until), known)) = behind.filter(|_| !more) {
        let mut cursor = after;
        let mut missing = Vec::new();
        for _ in 0..MOST_PAGES {
            let ids = query.page_of_ids(&client, cursor, until).await?;
            cursor = query.reached(&ids, cursor, until)?;
            missing.extend(ids.into_iter().filter(|id| !known.contains(id)));
            if cursor >= until {
                break;
            }
        }
        let mut late = Vec::new();
        for ids in missing.chunks(query.page) {
            let list = array(ids.iter().map(i64::to_string));
            late.extend(query.rows(&client, vec![format!(r#"["id","in",{list}]"#)]).await?);
        }
        late.append(&mut rows);
        rows = late;
        scanned = Some(cursor);
    }
    Ok(Found { rows, more, scanned })
}
