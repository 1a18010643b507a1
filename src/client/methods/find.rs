//! `find` and `find_one`: reads of any number of pages.

use super::entity::name_of;
use super::pages::{Pages, entities};
use super::{Args, Method, Param, Run, Takes};
use crate::client::Client;
use crate::client::document::{Document, Kind, Value, shorten, shown};
use crate::client::error::{Error, Result};
use crate::client::filters;
use crate::client::info::SiteInfo;
use crate::client::json::{Object, ROOM, array, decimal, push_quoted, quote};
use crate::client::records;
use crate::client::status::Status;

const ENTITY_TYPE: Param = Param::required("entity_type", Takes::Text);
const FILTERS: Param = Param::required("filters", Takes::Filters);
const FIELDS: Param = Param::optional("fields", Takes::Texts, "null");
const ORDER: Param = Param::optional("order", Takes::Objects, "null");
const FILTER_OPERATOR: Param = Param::optional("filter_operator", Takes::Operator, "null");
const RETIRED_ONLY: Param = Param::optional("retired_only", Takes::Flag, "false");
const INCLUDE_ARCHIVED: Param = Param::optional("include_archived_projects", Takes::Flag, "true");
const PRESETS: Param = Param::optional("additional_filter_presets", Takes::Any, "null");

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "find",
        summary: "Finds every entity that matches the filters, page by page.",
        params: &[
            ENTITY_TYPE,
            FILTERS,
            FIELDS,
            ORDER,
            FILTER_OPERATOR,
            Param::optional("limit", Takes::Count, "0"),
            RETIRED_ONLY,
            Param::optional("page", Takes::Count, "0"),
            INCLUDE_ARCHIVED,
            PRESETS,
        ],
        returns: "An array of entities: objects with `type`, `id` and the fields asked for.",
        example: r#"{"entity_type": "Shot", "filters": [["project", "is", {"type": "Project", "id": 70}], ["sg_status_list", "is_not", "omt"]], "fields": ["code", "sg_sequence.Sequence.code"], "order": [{"field_name": "code", "direction": "asc"}]}"#,
        run: Run::Find { first_only: false },
    },
    Method {
        name: "find_one",
        summary: "Finds the first entity that matches the filters, or null.",
        params: &[
            ENTITY_TYPE,
            FILTERS,
            FIELDS,
            ORDER,
            FILTER_OPERATOR,
            RETIRED_ONLY,
            INCLUDE_ARCHIVED,
            PRESETS,
        ],
        returns: "The entity, or null.",
        example: r#"["Shot", [["code", "is", "SQ010_0010"]], ["code", "sg_status_list"]]"#,
        run: Run::Find { first_only: true },
    },
];

/// What a page counts at least towards the limit on the size of replies.
const LEAST_OF_A_PAGE: u64 = 4096;

/// What a page asks for besides its number.
pub(super) struct Query {
    pub(super) entity_type: String,
    /// The most rows that the site gives at once.
    pub(super) page_size: u64,
    /// The parameters without paging, and without the closing brace.
    open: String,
    /// The name of the member that asks whether there is another page.
    paging_flag: &'static str,
}

impl Query {
    /// The parameters of one of several pages.
    pub(super) fn page(&self, number: u64) -> String {
        let mut text = String::with_capacity(self.open.len() + ROOM);
        text.push_str(&self.open);
        self.close(text, number, self.page_size, true)
    }

    /// The parameters of the only page.
    pub(super) fn only_page(&mut self, number: u64, size: u64) -> String {
        let text = std::mem::take(&mut self.open);
        self.close(text, number, size, false)
    }

    fn close(&self, mut text: String, number: u64, size: u64, asks_for_more: bool) -> String {
        text.push_str(r#","paging":{"entities_per_page":"#);
        text.push_str(decimal(size, &mut [0; 20]));
        text.push_str(r#","current_page":"#);
        text.push_str(decimal(number, &mut [0; 20]));
        text.push_str(r#"},""#);
        text.push_str(self.paging_flag);
        text.push_str(if asks_for_more { r#"":true}"# } else { r#"":false}"# });
        text
    }
}

pub(super) async fn run(client: &Client, args: &Args<'_>, first_only: bool) -> Result<Document> {
    let mut query = query(args, client.site_info().await?)?;
    let (limit, page) = match first_only {
        true => (1, 0),
        false => (args.count("limit"), args.count("page")),
    };
    let fits_one_page = limit > 0 && limit <= query.page_size;
    if !fits_one_page && page == 0 {
        return Box::pin(every_page(Pages::new(client, query, limit))).await;
    }
    let size = if fits_one_page { limit } else { query.page_size };
    let reply = query.fetch_once(client, page.max(1), size).await?;
    let rows = entities(&reply)?;
    let found = if first_only { rows.and_then(Value::first) } else { rows };
    match found.map(Value::node) {
        Some(node) => records::tidy(reply.narrow(node)),
        None => super::local_answer(if first_only { "null" } else { "[]" }.to_owned()),
    }
}

/// Reads pages until the limit or the end is reached, and joins their rows.
async fn every_page(mut pages: Pages) -> Result<Document> {
    let mut read = Vec::new();
    let most = pages.most_bytes();
    let mut held = 0;
    while let Some(page) = pages.advance().await? {
        if read.is_empty() && pages.has_ended() {
            return Ok(page);
        }
        // A site must not fill the memory by promising pages for ever, nor take for ever with pages of nearly nothing.
        held += (page.json().len().max(page.node_count() * 4) as u64).max(LEAST_OF_A_PAGE);
        if held > most {
            let what = format!("the rows are larger than the limit of {most} bytes; read them page by page, or raise the limit");
            return Err(Error::new(Status::ProtocolTooLarge, what));
        }
        read.push(page);
    }
    Document::join(&read).ok_or_else(|| Error::new(Status::ProtocolTooLarge, "the rows are more than 2 GiB; read them page by page"))
}

/// The parameters of a read of people by these conditions, of one row.
pub(super) fn people(info: &SiteInfo, conditions: &str, fields: &str) -> Result<String> {
    Ok(one(info, &format!(r#"["HumanUser",{conditions},{fields}]"#))?.only_page(1, 1))
}

/// A row with one of its fields, or null.
pub(in crate::client) async fn field_of(client: &Client, entity_type: &str, id: i64, field: &str) -> Result<Document> {
    row_of(client, entity_type, Some(id), &[field]).await
}

/// A row with some of its fields, or null: the one with this id, or any.
pub(in crate::client) async fn row_of(client: &Client, entity_type: &str, id: Option<i64>, fields: &[&str]) -> Result<Document> {
    let info = client.site_info().await?;
    let filters = id.map_or("[]".to_owned(), |id| format!(r#"[["id","is",{id}]]"#));
    let mut query = one(info, &format!("[{},{filters},{}]", quote(entity_type), filters::text_array(fields)))?;
    let reply = query.fetch_once(client, 1, 1).await?;
    match reply.root().pointer("/entities/0").map(Value::node) {
        Some(node) => records::tidy(reply.narrow(node)),
        None => super::local_answer("null".to_owned()),
    }
}

/// The read that these parameters of `find_one` ask for.
fn one(info: &SiteInfo, params: &str) -> Result<Query> {
    let document = super::parse(params)?;
    let args = Args::bind(super::method("find_one")?, document.root())?;
    query(&args, info)
}

/// What the arguments of `find` and `find_one` ask for.
pub(super) fn query(args: &Args<'_>, info: &SiteInfo) -> Result<Query> {
    let (entity_type, fields) = (args.text("entity_type")?, return_fields(args.get("fields")));
    // What is put around each condition takes about as much as a condition does.
    let mut open = String::with_capacity(args.length() * 2 + ROOM);
    open.push_str(r#"{"type":"#);
    push_quoted(&mut open, &entity_type);
    open.push_str(r#","return_fields":"#);
    open.push_str(fields);
    open.push_str(r#","filters":"#);
    let archived = conditions(&mut open, args, info)?;
    let presets = args.get("additional_filter_presets").filter(|presets| presets.is_truthy());
    if presets.is_some() {
        info.require([7, 0, 0], "additional_filter_presets")?;
    }
    let sorts = sorts(args)?;
    open.push_str(match args.flag("retired_only", false) {
        true => r#","return_only":"retired""#,
        false => r#","return_only":"active""#,
    });
    let mut member = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            open.push_str(name);
            open.push_str(value);
        }
    };
    member(r#","additional_filter_presets":"#, presets.map(Value::json));
    member(r#","include_archived_projects":"#, (!archived).then_some("false"));
    member(r#","sorts":"#, sorts.as_deref());
    member(r#","api_return_image_urls":"#, info.has([3, 3, 0]).then_some("true"));
    Ok(Query {
        entity_type: entity_type.into_owned(),
        page_size: info.page_size,
        open,
        paging_flag: if info.has([7, 4, 0]) {
            "return_paging_info_without_counts"
        } else {
            "return_paging_info"
        },
    })
}

/// Appends the filters of a read, and tells whether rows of archived projects count.
pub(super) fn conditions(to: &mut String, args: &Args<'_>, info: &SiteInfo) -> Result<bool> {
    let given = args.need("filters")?;
    if given.kind() == Kind::Object && args.get("filter_operator").is_some() {
        return Err(args.wrong(
            "filter_operator",
            "goes with a list of conditions only; filters in the wire's form have their own",
        ));
    }
    let operator = filters::operator(args.get("filter_operator")).map_err(|problem| args.wrong("filter_operator", &problem))?;
    filters::translate(to, given, operator).map_err(|problem| args.wrong_inside("filters", &problem))?;
    let archived = args.flag("include_archived_projects", true);
    if !archived {
        info.require([5, 3, 14], "include_archived_projects")?;
    }
    Ok(archived)
}

/// The fields to return; the id alone where none are asked for.
pub(super) fn return_fields<'d>(fields: Option<Value<'d>>) -> &'d str {
    match fields {
        Some(fields) if !fields.is_empty() => fields.json(),
        _ => r#"["id"]"#,
    }
}

/// `[{"field_name", "direction"}]`; `column` is an old name of `field_name`.
fn sorts(args: &Args<'_>) -> Result<Option<String>> {
    let Some(order) = args.get("order").filter(|order| !order.is_empty()) else {
        return Ok(None);
    };
    let sort = |(index, each): (usize, Value<'_>)| {
        let known = |name: &str| matches!(name, "field_name" | "column" | "direction");
        if let Some(unknown) = each.children().map(name_of).find(|name| !known(name)) {
            let problem = format!(
                "[{index}] has an unknown key {}; it takes \"field_name\" and \"direction\"",
                quote(&shorten(&unknown))
            );
            return Err(args.wrong_inside("order", &problem));
        }
        let name = each.get("field_name").or_else(|| each.get("column")).and_then(Value::as_str);
        let name = name.ok_or_else(|| args.wrong_inside("order", &format!("[{index}] needs a \"field_name\"")))?;
        let direction = match each.get("direction") {
            None => "asc".into(),
            Some(direction) => direction.as_str().filter(|text| matches!(&**text, "asc" | "desc")).ok_or_else(|| {
                args.wrong_inside(
                    "order",
                    &format!("[{index}].direction must be \"asc\" or \"desc\", not {}", shown(direction)),
                )
            })?,
        };
        Ok(Object::new().text("field_name", &name).text("direction", &direction).finish())
    };
    let sorts: Result<Vec<_>> = order.children().enumerate().map(sort).collect();
    Ok(Some(array(sorts?)))
}
