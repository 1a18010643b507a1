//! `summarize`: counts and sums made by the site.

use super::find::conditions;
use super::{Args, Method, Param, Reply, Run, Step, Takes};
use crate::client::document::Value;
use crate::client::error::Result;
use crate::client::info::SiteInfo;
use crate::client::json::Object;
use crate::client::retry::Effect;

pub(super) const METHODS: &[Method] = &[Method {
    name: "summarize",
    summary: "Counts, sums and compares field values, in all and by group.",
    params: &[
        Param::required("entity_type", Takes::Text),
        Param::required("filters", Takes::Filters),
        Param::required("summary_fields", Takes::Objects),
        Param::optional("filter_operator", Takes::Operator, "null"),
        Param::optional("grouping", Takes::Objects, "null"),
        Param::optional("include_archived_projects", Takes::Flag, "true"),
    ],
    returns: "An object with `summaries` by field, and `groups`.",
    example: r#"{"entity_type": "Task", "filters": [["project", "is", {"type": "Project", "id": 70}]], "summary_fields": [{"field": "id", "type": "count"}], "grouping": [{"field": "sg_status_list", "type": "exact", "direction": "asc"}]}"#,
    run: Run::Rpc {
        wire: "summarize",
        effect: Effect::Read,
        build,
        reply: Reply::AsSent,
    },
}];

fn build(args: &Args<'_>, info: &SiteInfo) -> Result<Step> {
    let mut filters = String::new();
    let archived = conditions(&mut filters, args, info)?;
    let object = Object::new()
        .text("type", &args.text("entity_type")?)
        .raw("summaries", args.need("summary_fields")?.json())
        .raw("filters", &filters)
        .raw_if("include_archived_projects", (!archived).then_some("false"))
        .raw_if("grouping", args.get("grouping").map(Value::json));
    Ok(Step::Send(Some(object.finish())))
}
