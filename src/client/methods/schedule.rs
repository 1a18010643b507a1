//! The work schedule: which days are worked, for the studio, a project or a person.

use super::{Args, Method, Param, Reply, Run, Step, Takes};
use crate::client::document::Value;
use crate::client::error::Result;
use crate::client::info::SiteInfo;
use crate::client::json::Object;
use crate::client::retry::Effect;

const PROJECT: Param = Param::optional("project", Takes::Entity, "null");
const USER: Param = Param::optional("user", Takes::Entity, "null");

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "work_schedule_read",
        summary: "Tells for each day between two dates whether it is worked, and why.",
        params: &[
            Param::required("start_date", Takes::Text),
            Param::required("end_date", Takes::Text),
            PROJECT,
            USER,
        ],
        returns: "An object: for each date `working`, `reason` and `description`.",
        example: r#"{"start_date": "2026-12-21", "end_date": "2026-12-31", "project": {"type": "Project", "id": 70}}"#,
        run: Run::Rpc {
            wire: "work_schedule_read",
            effect: Effect::Read,
            build: read,
            reply: Reply::AsSent,
        },
    },
    Method {
        name: "work_schedule_update",
        summary: "Makes a day a working day or a day off, for the studio, a project or a person.",
        params: &[
            Param::required("date", Takes::Text),
            Param::required("working", Takes::Flag),
            Param::optional("description", Takes::AnyText, "null"),
            PROJECT,
            USER,
            Param::optional("recalculate_field", Takes::AnyText, "null"),
        ],
        returns: "An object: `date`, `working`, `description`, `project`, `user`.",
        example: r#"{"date": "2026-12-31", "working": false, "description": "Studio closed"}"#,
        run: Run::Rpc {
            wire: "work_schedule_update",
            effect: Effect::Write,
            build: update,
            reply: Reply::AsSent,
        },
    },
];

fn read(args: &Args<'_>, info: &SiteInfo) -> Result<Step> {
    send(args, info, &["start_date", "end_date", "project", "user"])
}

fn update(args: &Args<'_>, info: &SiteInfo) -> Result<Step> {
    send(
        args,
        info,
        &["date", "working", "description", "project", "user", "recalculate_field"],
    )
}

/// Every parameter goes along under its own name, with null where none was given.
fn send(args: &Args<'_>, info: &SiteInfo, names: &[&str]) -> Result<Step> {
    info.require([3, 2, 0], "the work schedule")?;
    let object = names.iter().fold(Object::new(), |object, name| {
        object.raw(name, args.get(name).map_or("null", Value::json))
    });
    Ok(Step::Send(Some(object.finish())))
}
