//! The site and the session themselves.

use super::{Args, Method, Param, Reply, Run, Step, Takes};
use crate::client::document::Value;
use crate::client::error::Result;
use crate::client::info::SiteInfo;
use crate::client::json::Object;
use crate::client::retry::Effect;

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "info",
        summary: "Tells what the site says about itself: version and features.",
        params: &[],
        returns: "An object: `version`, `api_max_entities_per_page` and what else the site tells.",
        example: r#""#,
        run: Run::Info,
    },
    Method {
        name: "get_session_token",
        summary: "Gives the token of this client's session, opening one where there is none.",
        params: &[],
        returns: "The token, a text. It is a secret: whoever has it is this client's person or script.",
        example: r#""#,
        run: Run::SessionToken,
    },
    Method {
        name: "preferences_read",
        summary: "Reads the site's preferences: those named, or all.",
        params: &[Param::optional("prefs", Takes::Texts, "null")],
        returns: "An object: the value of each preference. Names that the site does not know are absent.",
        example: r#"[["hours_per_day", "format_time_hour_fields"]]"#,
        run: Run::Rpc {
            wire: "preferences_read",
            effect: Effect::Read,
            build: preferences,
            reply: Reply::AsSent,
        },
    },
    Method {
        name: "export_page",
        summary: "Exports a page of the web application as text, such as CSV.",
        params: &[
            Param::required("page_id", Takes::Id),
            Param::required("format", Takes::Text),
            Param::optional("layout_name", Takes::AnyText, "null"),
        ],
        returns: "The exported text, a JSON string.",
        example: r#"[12, "csv"]"#,
        run: Run::Rpc {
            wire: "export_page",
            effect: Effect::Read,
            build: export,
            reply: Reply::Text,
        },
    },
];

fn preferences(args: &Args<'_>, info: &SiteInfo) -> Result<Step> {
    info.require([7, 10, 0], "preferences_read")?;
    let names = args.get("prefs").map_or("[]", Value::json);
    Ok(Step::Send(Some(Object::new().raw("prefs", names).finish())))
}

fn export(args: &Args<'_>, _: &SiteInfo) -> Result<Step> {
    let object = Object::new()
        .text("format", &args.text("format")?)
        .raw("page_id", args.need("page_id")?.json())
        .raw("layout_name", args.get("layout_name").map_or("null", Value::json));
    Ok(Step::Send(Some(object.finish())))
}
