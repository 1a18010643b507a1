//! `read`: find with filters, deep fields, sorts and pages.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::parameters::Parameters;
use super::{Call, presets};
use crate::fault::Fault;
use crate::filter::Filter;
use crate::store::query::Query;
use crate::store::select::{self, Selection, Sort};

const VERB: &str = "read";
/// Rows of a page when the call does not say.
pub(super) const DEFAULT_PAGE_SIZE: i64 = 500;
/// The most rows that one page can have.
const LARGEST_PAGE: i64 = 5_000;
/// The most fields to sort by.
const MOST_SORTS: usize = 100;

pub(super) fn run(call: &Call<'_>) -> Result<Value, Fault> {
    let parameters = Parameters::of(VERB, call.parameters)?;
    let entity_type = call.schema.known_type(parameters.text("type")?)?;
    let page = Page::of(&parameters)?;
    let filter = filter_of(VERB, &parameters)?;
    let retired = match parameters.get("return_only").map(Value::as_str) {
        None | Some(Some("active")) => false,
        Some(Some("retired")) => true,
        Some(_) => return Err(parameters.invalid("string", "return_only")),
    };
    let mut members = presets::filters(&parameters, call.schema, entity_type)?;
    members.push(filter);
    let filter = Filter::all(members);
    let selection = Selection {
        filter: &filter,
        retired,
        archived_projects: parameters.flag("include_archived_projects", true)?,
    };
    let fields = parameters.names("return_fields")?;
    let sorts = sorts_of(&parameters)?;
    let without_counts = parameters.flag("return_paging_info_without_counts", false)?;
    let with_counts = parameters.flag("return_paging_info", false)?;
    let schema = call.schema;
    call.read(VERB, entity_type, |connection| {
        let mut query = Query::new(schema, call.caller, VERB);
        // One row more than asked for tells whether there is another page.
        let window = Some((page.size + 1, page.offset()));
        let mut entities = select::rows(connection, &mut query, entity_type, &fields, &selection, &sorts, window)?;
        let size = usize::try_from(page.size).unwrap_or(usize::MAX);
        let has_next_page = entities.len() > size;
        entities.truncate(size);
        let paging_info = if with_counts && !without_counts {
            let mut query = Query::new(schema, call.caller, VERB);
            let count = select::count(connection, &mut query, entity_type, &selection)?;
            page.with_counts(count, has_next_page)
        } else {
            page.without_counts(has_next_page)
        };
        Ok(json!({"entities": entities, "paging_info": paging_info}))
    })
}

/// The `filters` of a call; none at all means every row.
pub(super) fn filter_of(verb: &str, parameters: &Parameters<'_>) -> Result<Filter, Fault> {
    parameters
        .get("filters")
        .map_or_else(|| Ok(Filter::everything()), |wire| Filter::parse(verb, wire))
}

fn sorts_of(parameters: &Parameters<'_>) -> Result<Vec<Sort>, Fault> {
    let wrong = || parameters.invalid("array", "sorts");
    let mut sorts = Vec::new();
    let mut paths = HashSet::new();
    for sort in parameters.list("sorts")? {
        let path = sort
            .get("field_name")
            .or_else(|| sort.get("column"))
            .and_then(Value::as_str)
            .ok_or_else(wrong)?;
        let descending = match sort.get("direction").unwrap_or(&Value::Null) {
            Value::Null => false,
            Value::String(direction) if direction == "asc" => false,
            Value::String(direction) if direction == "desc" => true,
            _ => return Err(wrong()),
        };
        // Rows that are equal in a field stay so.
        if paths.insert(path) {
            sorts.push(Sort {
                path: path.to_owned(),
                descending,
            });
        }
    }
    if sorts.len() > MOST_SORTS {
        let given = sorts.len();
        return Err(Fault::bad_call(
            VERB,
            format_args!("'sorts' are by {given} fields; {MOST_SORTS} are allowed"),
        ));
    }
    Ok(sorts)
}

struct Page {
    size: i64,
    number: i64,
}

impl Page {
    fn of(parameters: &Parameters<'_>) -> Result<Self, Fault> {
        let empty = Map::new();
        let paging = match parameters.get("paging") {
            None => {
                return Ok(Self {
                    size: DEFAULT_PAGE_SIZE,
                    number: 1,
                });
            }
            Some(Value::Object(paging)) => paging,
            Some(_) => &empty,
        };
        let integer = |key: &str, largest: i64| {
            paging
                .get(key)
                .and_then(Value::as_i64)
                .filter(|number| (1..=largest).contains(number))
                .ok_or_else(|| {
                    let given = parameters.get("paging").unwrap_or(&Value::Null);
                    Fault::bad_call(VERB, format_args!("invalid/missing integer 'paging' '{key}': {given}"))
                })
        };
        let size = integer("entities_per_page", LARGEST_PAGE)?;
        // Far enough for every table, and the offset still fits.
        let number = integer("current_page", i64::from(i32::MAX))?;
        Ok(Self { size, number })
    }

    fn offset(&self) -> i64 {
        (self.number - 1) * self.size
    }

    fn without_counts(&self, has_next_page: bool) -> Value {
        json!({
            "current_page": self.number,
            "entities_per_page": self.size,
            "has_next_page": has_next_page,
        })
    }

    fn with_counts(&self, count: i64, has_next_page: bool) -> Value {
        let page_count = (count + self.size - 1) / self.size;
        json!({
            "current_page": if count == 0 { 0 } else { self.number },
            "page_count": page_count,
            "entity_count": count,
            "entities_per_page": self.size,
            "has_next_page": has_next_page,
        })
    }
}
