//! `find` and `find_one`: reads of any number of pages.

use std::fmt::Write;

use super::{Args, Method, Param, Run, Takes};
use crate::client::Client;
use crate::client::deadline::Deadline;
use crate::client::document::{Document, Kind, Value};
use crate::client::error::{Error, Result};
use crate::client::fault;
use crate::client::filters;
use crate::client::info::SiteInfo;
use crate::client::json::{Object, array};
use crate::client::records;
use crate::client::retry::Effect;

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
        run: Run::Find { first_only: true },
    },
];

/// What a page asks for besides its number.
struct Query {
    /// The parameters without paging, and without the closing brace.
    open: String,
    /// The name of the member that asks whether there is another page.
    paging_flag: &'static str,
}

impl Query {
    fn page(&self, number: u64, size: u64, asks_for_more: bool) -> String {
        let mut text = self.open.clone();
        let flag = self.paging_flag;
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            r#","paging":{{"entities_per_page":{size},"current_page":{number}}},"{flag}":{asks_for_more}}}"#
        );
        text
    }
}

pub(super) async fn run(client: &Client, args: &Args<'_>, first_only: bool, deadline: Deadline) -> Result<Document> {
    let info = client.info(deadline).await?;
    let query = query(args, info)?;
    let (limit, page) = if first_only {
        (1, 0)
    } else {
        (args.count("limit"), args.count("page"))
    };
    let fits_one_page = limit > 0 && limit <= info.page_size;
    let found = if fits_one_page || page > 0 {
        let size = if fits_one_page { limit } else { info.page_size };
        let reply = fetch(client, args, &query.page(page.max(1), size, false), deadline).await?;
        let rows = entities(&reply)?.map(Value::node);
        match rows {
            Some(node) => reply.narrow(node),
            None => empty_list()?,
        }
    } else {
        every_page(client, args, &query, info.page_size, limit, deadline).await?
    };
    let found = records::tidy(found)?;
    if !first_only {
        return Ok(found);
    }
    match found.root().first().map(Value::node) {
        Some(node) => Ok(found.narrow(node)),
        None => super::local_answer("null".to_owned()),
    }
}

async fn fetch(client: &Client, args: &Args<'_>, params: &str, deadline: Deadline) -> Result<Document> {
    client.rpc("read", Some(params), Effect::Read, deadline).await.map_err(|mut error| {
        if let Some((operation, entity_type, entity_id)) = args.subject() {
            fault::complete(&mut error, &operation, &entity_type, entity_id);
        }
        error
    })
}

/// Reads pages until the limit or the end is reached, and joins the text of their rows.
async fn every_page(client: &Client, args: &Args<'_>, query: &Query, size: u64, limit: u64, deadline: Deadline) -> Result<Document> {
    let mut joined = String::from("[");
    let mut count = 0;
    for number in 1.. {
        let reply = fetch(client, args, &query.page(number, size, true), deadline).await?;
        let Some(rows) = entities(&reply)? else {
            return Err(Error::protocol("the site's reply to a read has no list of entities"));
        };
        for row in rows.children() {
            if limit > 0 && count == limit {
                break;
            }
            if count > 0 {
                joined.push(',');
            }
            joined.push_str(row.json());
            count += 1;
        }
        if rows.count() == 0 || (limit > 0 && count >= limit) || !has_next_page(&reply, number * size)? {
            break;
        }
    }
    joined.push(']');
    super::local_answer(joined)
}

fn empty_list() -> Result<Document> {
    super::local_answer("[]".to_owned())
}

/// The rows of a page; `None` where the reply names none.
fn entities(reply: &Document) -> Result<Option<Value<'_>>> {
    let root = reply.root();
    if root.kind() != Kind::Object {
        return Err(Error::protocol(format!(
            "the site's reply to a read is {}, not an object",
            root.kind().with_article()
        )));
    }
    match root.get("entities") {
        None => Ok(None),
        Some(rows) if rows.kind() == Kind::Array => Ok(Some(rows)),
        Some(other) => Err(Error::protocol(format!(
            "the entities of the site's reply are {}, not an array",
            other.kind().with_article()
        ))),
    }
}

/// Newer sites say whether there is another page, older ones how many rows there are in all.
fn has_next_page(reply: &Document, read_so_far: u64) -> Result<bool> {
    let paging = reply.root().get("paging_info");
    let told = |name: &str| paging.and_then(|paging| paging.get(name));
    if let Some(more) = told("has_next_page").and_then(Value::as_bool) {
        return Ok(more);
    }
    let total = told("entity_count")
        .and_then(|count| count.as_i64().ok())
        .and_then(|count| u64::try_from(count).ok());
    total
        .map(|total| read_so_far < total)
        .ok_or_else(|| Error::protocol("the site's reply does not say whether there is another page"))
}

fn query(args: &Args<'_>, info: &SiteInfo) -> Result<Query> {
    let given = args.need("filters")?;
    if given.kind() == Kind::Object && args.get("filter_operator").is_some() {
        return Err(args.wrong(
            "filter_operator",
            "goes with a list of conditions only; filters in the wire's form have their own",
        ));
    }
    let operator = filters::operator(args.get("filter_operator")).map_err(|problem| args.wrong("filter_operator", &problem))?;
    let conditions = filters::translate(given, operator).map_err(|problem| args.wrong_inside("filters", &problem))?;
    let archived = args.flag("include_archived_projects", true);
    if !archived {
        info.require([5, 3, 14], "include_archived_projects")?;
    }
    let presets = args.get("additional_filter_presets");
    if presets.is_some() {
        info.require([7, 0, 0], "additional_filter_presets")?;
    }
    let sorts = sorts(args)?;
    let object = Object::new()
        .text("type", &args.text("entity_type")?)
        .raw("return_fields", &return_fields(args.get("fields")))
        .raw("filters", &conditions)
        .text("return_only", if args.flag("retired_only", false) { "retired" } else { "active" })
        .raw_if("additional_filter_presets", presets.map(Value::json))
        .raw_if("include_archived_projects", (!archived).then_some("false"))
        .raw_if("sorts", sorts.as_deref())
        .raw_if("api_return_image_urls", info.has([3, 3, 0]).then_some("true"))
        .finish();
    Ok(Query {
        open: object.strip_suffix('}').unwrap_or_default().to_owned(),
        paging_flag: if info.has([7, 4, 0]) {
            "return_paging_info_without_counts"
        } else {
            "return_paging_info"
        },
    })
}

/// The fields to return; the id alone where none are asked for.
pub(super) fn return_fields(fields: Option<Value<'_>>) -> String {
    match fields {
        Some(fields) if fields.count() > 0 => fields.json().to_owned(),
        _ => filters::text_array(&["id"]),
    }
}

/// `[{"field_name", "direction"}]`; `column` is an old name of `field_name`.
fn sorts(args: &Args<'_>) -> Result<Option<String>> {
    let Some(order) = args.get("order").filter(|order| order.count() > 0) else {
        return Ok(None);
    };
    let sort = |(index, each): (usize, Value<'_>)| {
        let name = each.get("field_name").or_else(|| each.get("column")).and_then(Value::as_str);
        let name = name.ok_or_else(|| args.wrong_inside("order", &format!("[{index}] needs a \"field_name\"")))?;
        let direction = match each.get("direction") {
            None => "asc".into(),
            Some(direction) => direction.as_str().filter(|text| matches!(&**text, "asc" | "desc")).ok_or_else(|| {
                args.wrong_inside(
                    "order",
                    &format!("[{index}].direction must be \"asc\" or \"desc\", not {}", direction.json()),
                )
            })?,
        };
        Ok(Object::new().text("field_name", &name).text("direction", &direction).finish())
    };
    let sorts: Result<Vec<_>> = order.children().enumerate().map(sort).collect();
    Ok(Some(array(sorts?)))
}
