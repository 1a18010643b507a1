//! `batch`: many writes that are applied together or not at all.

use super::entity::{Modes, is_mode, name_of, push_field};
use super::find::return_fields;
use super::{Args, Method, Param, Reply, Run, Step, Takes};
use crate::client::document::{Kind, Value, shorten, shown};
use crate::client::error::{Error, Result};
use crate::client::info::SiteInfo;
use crate::client::json::{push_list, quote};
use crate::client::retry::Effect;

const REQUESTS: &str = "requests";

pub(super) const METHODS: &[Method] = &[Method {
    name: "batch",
    summary: "Makes several creates, updates and deletes in one transaction.",
    params: &[Param::required(REQUESTS, Takes::Objects)],
    returns: "An array with what each request would have returned by itself, in order.",
    example: r#"[[{"request_type": "create", "entity_type": "Shot", "data": {"code": "SQ010_0020", "project": {"type": "Project", "id": 70}}}, {"request_type": "update", "entity_type": "Shot", "entity_id": 862, "data": {"sg_status_list": "fin"}}, {"request_type": "delete", "entity_type": "Shot", "entity_id": 863}]]"#,
    run: Run::Rpc {
        wire: "batch",
        effect: Effect::Write,
        build,
        reply: Reply::Answers,
    },
}];

/// Whether a parameter holds the requests of a batch, each of which an error tells by its index.
pub(super) fn are_requests(method: &Method, param: &Param) -> bool {
    METHODS.iter().any(|batch| batch.name == method.name) && param.name == REQUESTS
}

fn build(args: &Args<'_>, _: &SiteInfo) -> Result<Step> {
    let requests = args.need(REQUESTS)?;
    if requests.is_empty() {
        return Ok(Step::Answer("[]".to_owned()));
    }
    let mut all = String::with_capacity(requests.json().len() * 2);
    for (index, each) in requests.children().enumerate() {
        all.push(if index == 0 { '[' } else { ',' });
        Request::of(each).push(&mut all).map_err(|problem| {
            let mut error = args.wrong_inside(REQUESTS, &format!("[{index}]{problem}"));
            error.batch_index = u64::try_from(index).ok();
            error
        })?;
    }
    all.push(']');
    Ok(Step::Send(Some(all)))
}

/// Fails unless there is an answer to each request: a record, or for a delete whether it did something.
pub(super) fn check(requests: Value<'_>, answers: Value<'_>) -> Result<()> {
    // Most batches hold no delete, which their text tells at once.
    let text = requests.json().as_bytes();
    let may_delete = memchr::memmem::find(text, b"delete").is_some() || memchr::memchr(b'\\', text).is_some();
    let deletes = |request: Value<'_>| may_delete && request.get("request_type").is_some_and(|kind| kind.is_str("delete"));
    let fits = |(request, answer): (Value<'_>, Value<'_>)| match deletes(request) {
        true => answer.kind() == Kind::Bool,
        false => answer.get("id").is_some_and(|id| id.as_i64().is_ok()),
    };
    let whole = answers.kind() == Kind::Array && answers.count() == requests.count();
    if whole && requests.children().zip(answers.children()).all(fits) {
        return Ok(());
    }
    Err(Error::wrong_content("the site's reply does not answer each request of the batch"))
}

/// What a request may have.
const MEMBERS: [&str; 7] = [
    "request_type",
    "entity_type",
    "entity_id",
    "data",
    "return_fields",
    "multi_entity_update_modes",
    "multi_entity_update_mode",
];

// Which of these a request may have, a bit for each. What is none of them has the next bit.
const OF_CREATE: u8 = 0b001_1011;
const OF_UPDATE: u8 = 0b110_1111;
const OF_DELETE: u8 = 0b000_0111;

type Checked<T> = std::result::Result<T, String>;

/// A request, whose members were looked up all at once.
struct Request<'d> {
    given: Value<'d>,
    /// In the order of [`MEMBERS`].
    members: [Option<Value<'d>>; MEMBERS.len()],
    /// A bit for each that is there.
    present: u8,
}

impl<'d> Request<'d> {
    fn of(given: Value<'d>) -> Self {
        let mut request = Request {
            given,
            members: [None; MEMBERS.len()],
            present: 0,
        };
        for member in given.children() {
            let index = MEMBERS.iter().position(|name| member.is_named(name)).unwrap_or(MEMBERS.len());
            if let Some(slot) = request.members.get_mut(index) {
                *slot = Some(member);
            }
            request.present |= 1 << index;
        }
        request
    }

    /// Appends it as the wire has it. Unlike those of `update`, its entities are sent whole, and thumbnails are plain values.
    fn push(&self, to: &mut String) -> Checked<()> {
        let [request_type, entity_type, entity_id, data, return_fields, modes, mode] = self.members;
        let request_type = text(request_type, "request_type")?.as_str().unwrap_or_default();
        let (start, allowed) = match &*request_type {
            "create" => (r#"{"request_type":"create","type":"#, OF_CREATE),
            "update" => (r#"{"request_type":"update","type":"#, OF_UPDATE),
            "delete" => (r#"{"request_type":"delete","type":"#, OF_DELETE),
            other => {
                return Err(format!(
                    ".request_type must be \"create\", \"update\" or \"delete\", not {}",
                    quote(&shorten(other))
                ));
            }
        };
        if self.present & !allowed != 0 {
            return Err(self.unknown(&request_type, allowed));
        }
        to.push_str(start);
        to.push_str(&text(entity_type, "entity_type")?.quoted().unwrap_or_default());
        match allowed {
            OF_CREATE => push_create(to, object(data)?, texts(return_fields, "return_fields")?),
            OF_UPDATE => push_update(to, object(data)?, entity_id, [modes, mode]),
            _ => push_id(to, entity_id),
        }?;
        to.push('}');
        Ok(())
    }

    #[cold]
    fn unknown(&self, request_type: &str, allowed: u8) -> String {
        let allowed = MEMBERS.iter().enumerate().filter(|(index, _)| allowed & (1 << index) != 0);
        let allowed: Vec<_> = allowed.map(|(_, name)| *name).collect();
        let unknown = self.given.children().map(name_of).find(|name| !allowed.contains(&name.as_ref()));
        let article = if request_type == "update" { "an" } else { "a" };
        format!(
            " has an unknown key {}; {article} {request_type} takes {}",
            quote(&shorten(&unknown.unwrap_or_default())),
            allowed.join(", ")
        )
    }
}

fn push_create(to: &mut String, data: Value<'_>, fields: Option<Value<'_>>) -> Checked<()> {
    to.push_str(r#","fields":"#);
    push_list(to, data.children(), |to, member| push_field(to, member, member.json(), None));
    to.push_str(r#","return_fields":"#);
    to.push_str(return_fields(fields));
    Ok(())
}

fn push_update(to: &mut String, data: Value<'_>, id: Option<Value<'_>>, [modes, mode]: [Option<Value<'_>>; 2]) -> Checked<()> {
    let modes = modes.filter(|modes| modes.kind() != Kind::Null);
    let modes = Modes::new(modes, data).map_err(|problem| format!(".multi_entity_update_modes{problem}"))?;
    push_id(to, id)?;
    to.push_str(r#","fields":"#);
    push_list(to, data.children(), |to, member| {
        push_field(to, member, member.json(), modes.of(member))
    });
    if let Some(mode) = mode {
        // The site's way with what is no mode is not known; "set" would remove every other link.
        if mode.kind() != Kind::Null && !is_mode(mode) {
            return Err(format!(
                ".multi_entity_update_mode must be \"set\", \"add\" or \"remove\", or null, not {}",
                shown(mode)
            ));
        }
        to.push_str(r#","multi_entity_update_mode":"#);
        to.push_str(mode.json());
    }
    Ok(())
}

fn push_id(to: &mut String, id: Option<Value<'_>>) -> Checked<()> {
    let id = id.filter(|id| id.as_i64().is_ok_and(|id| id >= 1));
    let id = id.ok_or_else(|| " needs \"entity_id\", a whole number from 1".to_owned())?;
    to.push_str(r#","id":"#);
    to.push_str(id.json());
    Ok(())
}

fn text<'d>(given: Option<Value<'d>>, name: &str) -> Checked<Value<'d>> {
    let given = given.filter(|text| text.is_text());
    given.ok_or_else(|| format!(" needs \"{name}\", a text"))
}

fn object(data: Option<Value<'_>>) -> Checked<Value<'_>> {
    let data = data.filter(|data| data.kind() == Kind::Object);
    data.ok_or_else(|| " needs \"data\", an object of fields".to_owned())
}

fn texts<'d>(given: Option<Value<'d>>, name: &str) -> Checked<Option<Value<'d>>> {
    let Some(list) = given.filter(|list| list.kind() != Kind::Null) else {
        return Ok(None);
    };
    if list.kind() != Kind::Array {
        return Err(format!(
            ".{name} must be an array of texts, or null, not {}",
            list.kind().with_article()
        ));
    }
    match list.children().enumerate().find(|(_, each)| each.kind() != Kind::String) {
        Some((index, wrong)) => Err(format!(".{name}[{index}] must be a text, not {}", wrong.kind().with_article())),
        None => Ok(Some(list)),
    }
}

/// Operation, entity type and id of a request.
pub(super) fn subject(request: Value<'_>) -> (String, String, Option<i64>) {
    let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default().into_owned();
    (
        text("request_type"),
        text("entity_type"),
        request.get("entity_id").and_then(|id| id.as_i64().ok()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::document::Document;

    fn written(request: &str) -> Checked<String> {
        let document = Document::parse(request.into()).unwrap();
        let mut text = String::new();
        Request::of(document.root()).push(&mut text).map(|()| text)
    }

    #[test]
    fn what_need_not_change_is_written_as_it_was_given() {
        for (given, expected) in [
            (
                r#"{ "data" : { "code" : "a\/\u00e9" , "n\"" : [ 1.50, {"a" : {}} ], "é" : null, "k\u00e9y": 1 } , "entity_type" : "Sh\u006ft", "request_type":"cr\u0065ate"}"#,
                r#"{"request_type":"create","type":"Shot","fields":[{"field_name":"code","value":"a\/\u00e9"},{"field_name":"n\"","value":[ 1.50, {"a" : {}} ]},{"field_name":"é","value":null},{"field_name":"kéy","value":1}],"return_fields":["id"]}"#,
            ),
            (
                r#"{"request_type":"create","entity_type":"S\"\\","data":{},"return_fields":[ "a","\u0062" ]}"#,
                r#"{"request_type":"create","type":"S\"\\","fields":[],"return_fields":[ "a","\u0062" ]}"#,
            ),
            (
                r#"{"request_type":"create","entity_type":"Shot","data":{"a":1},"return_fields":[]}"#,
                r#"{"request_type":"create","type":"Shot","fields":[{"field_name":"a","value":1}],"return_fields":["id"]}"#,
            ),
            (
                r#"{"request_type":"update","entity_type":"Shot","entity_id": 3 ,"data":{"a":[],"b":[],"c":2},"multi_entity_update_modes":{"b":"a\u0064d","c":"set"},"multi_entity_update_mode": "a\u0064d"}"#,
                r#"{"request_type":"update","type":"Shot","id":3,"fields":[{"field_name":"a","value":[]},{"field_name":"b","value":[],"multi_entity_update_mode":"a\u0064d"},{"field_name":"c","value":2,"multi_entity_update_mode":"set"}],"multi_entity_update_mode":"a\u0064d"}"#,
            ),
            (
                r#"{"request_type":"update","entity_type":"Shot","entity_id":3,"data":{"a":{"type":"Asset","id":1,"name":"x"}},"multi_entity_update_modes":null,"multi_entity_update_mode":null}"#,
                r#"{"request_type":"update","type":"Shot","id":3,"fields":[{"field_name":"a","value":{"type":"Asset","id":1,"name":"x"}}],"multi_entity_update_mode":null}"#,
            ),
            // JSON, though a site may refuse it.
            (
                r#"{"request_type":"create","entity_type":"Shot","data":{"h":"\ud83c","huge":1e400}}"#,
                r#"{"request_type":"create","type":"Shot","fields":[{"field_name":"h","value":"\ud83c"},{"field_name":"huge","value":1e400}],"return_fields":["id"]}"#,
            ),
            // The last one counts where a key is doubled.
            (
                r#"{"entity_id":"x","entity_type":"A","request_type":"create","entity_type":"Shot","\u0065ntity_id":7,"request_type":"delete"}"#,
                r#"{"request_type":"delete","type":"Shot","id":7}"#,
            ),
        ] {
            assert_eq!(written(given).as_deref(), Ok(expected), "{given}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_in_order() {
        let takes = "request_type, entity_type, entity_id, data, multi_entity_update_modes, multi_entity_update_mode";
        for (given, expected) in [
            (r#"{"x":1}"#, r#" needs "request_type", a text"#.to_owned()),
            (r#"{"x":1,"request_type":""}"#, r#" needs "request_type", a text"#.to_owned()),
            (
                r#"{"x":1,"request_type":"creat\u0065d"}"#,
                r#".request_type must be "create", "update" or "delete", not "created""#.to_owned(),
            ),
            (
                r#"{"request_type":"create","data":[],"entity_id":1,"x":1}"#,
                r#" has an unknown key "entity_id"; a create takes request_type, entity_type, data, return_fields"#.to_owned(),
            ),
            (
                r#"{"request_type":"update","d\u00e4ta":{},"return_fields":[]}"#,
                format!(r#" has an unknown key "däta"; an update takes {takes}"#),
            ),
            (
                r#"{"request_type":"update","return_fields":[],"dat":{}}"#,
                format!(r#" has an unknown key "return_fields"; an update takes {takes}"#),
            ),
            (
                r#"{"request_type":"delete","data":{}}"#,
                r#" has an unknown key "data"; a delete takes request_type, entity_type, entity_id"#.to_owned(),
            ),
            (
                r#"{"request_type":"create","entity_type":""}"#,
                r#" needs "entity_type", a text"#.to_owned(),
            ),
            (
                r#"{"request_type":"create","entity_type":"Shot","data":[],"return_fields":1}"#,
                r#" needs "data", an object of fields"#.to_owned(),
            ),
            (
                r#"{"request_type":"create","entity_type":"Shot","data":{},"return_fields":["a",1]}"#,
                ".return_fields[1] must be a text, not a number".to_owned(),
            ),
            (
                r#"{"request_type":"create","entity_type":"Shot","data":{},"return_fields":"a"}"#,
                ".return_fields must be an array of texts, or null, not a string".to_owned(),
            ),
            (
                r#"{"request_type":"create","entity_type":"Shot","data":{},"return_fields":[ [1,
                2] ]}"#,
                ".return_fields[0] must be a text, not an array".to_owned(),
            ),
            // What the caller wrote does not break the message's line.
            (
                r#"{"request_type":"a\nb\u0007\""}"#,
                r#".request_type must be "create", "update" or "delete", not "a\nb\u0007\"""#.to_owned(),
            ),
            (
                r#"{"request_type":"delete","a\r\nb\u001b[2J":1}"#,
                r#" has an unknown key "a\r\nb\u001b[2J"; a delete takes request_type, entity_type, entity_id"#.to_owned(),
            ),
            (
                r#"{"request_type":"update","entity_type":"Shot","multi_entity_update_modes":1,"entity_id":1}"#,
                r#" needs "data", an object of fields"#.to_owned(),
            ),
            (
                r#"{"request_type":"update","entity_type":"Shot","data":{"a":[]},"multi_entity_update_modes":{"b":"add"}}"#,
                r#".multi_entity_update_modes["b"] names no field of the data"#.to_owned(),
            ),
            (
                r#"{"request_type":"update","entity_type":"Shot","data":{"a":[]},"multi_entity_update_modes":{"a":[1,
                2]}}"#,
                r#".multi_entity_update_modes["a"] must be "set", "add" or "remove", not an array"#.to_owned(),
            ),
            (
                r#"{"request_type":"update","entity_type":"Shot","data":{},"entity_id":0}"#,
                r#" needs "entity_id", a whole number from 1"#.to_owned(),
            ),
            (
                r#"{"request_type":"delete","entity_type":"Shot","entity_id":1.5}"#,
                r#" needs "entity_id", a whole number from 1"#.to_owned(),
            ),
        ] {
            assert_eq!(written(given), Err(expected), "{given}");
        }
        let update = |more: &str| {
            written(&format!(
                r#"{{"request_type":"update","entity_type":"Shot","entity_id":1,"data":{{"a":[]}},{more}}}"#
            ))
        };
        for (modes, kind) in [
            (r#""add""#, "a string"),
            ("7", "a number"),
            ("true", "a boolean"),
            (r#"["add"]"#, "an array"),
            ("[]", "an array"),
        ] {
            let expected = format!(".multi_entity_update_modes must be an object, or null, not {kind}");
            assert_eq!(update(&format!(r#""multi_entity_update_modes":{modes}"#)), Err(expected));
        }
        for (mode, told) in [
            (r#""ad""#, r#""ad""#),
            (r#""""#, r#""""#),
            (r#""Add""#, r#""Add""#),
            ("7", "7"),
            ("true", "true"),
            ("{\n}", "an object"),
            (r#"["add"]"#, "an array"),
        ] {
            let expected = format!(r#".multi_entity_update_mode must be "set", "add" or "remove", or null, not {told}"#);
            assert_eq!(update(&format!(r#""multi_entity_update_mode":{mode}"#)), Err(expected));
        }
        for mode in ["set", "add", "remove"] {
            assert!(update(&format!(r#""multi_entity_update_mode":"{mode}""#)).is_ok(), "{mode}");
        }
    }

    #[test]
    fn answers_fit_their_requests() {
        let fits = |requests: &str, answers: &str| {
            let (requests, answers) = (Document::parse(requests.into()).unwrap(), Document::parse(answers.into()).unwrap());
            check(requests.root(), answers.root()).is_ok()
        };
        let requests = r#"[{"request_type":"create"},{"request_type":"del\u0065te"},{"request_type":"delete"}]"#;
        assert!(fits(requests, r#"[{"id":1},true,false]"#));
        for wrong in [
            r#"[{"id":1},true]"#,
            r#"[{"id":1},true,false,true]"#,
            r#"[{"id":1},{"id":2},true]"#,
            r#"[{"id":1},true,{"id":2}]"#,
            r#"[true,true,true]"#,
            r#"[{"id":"1"},true,true]"#,
            r#"[{},true,true]"#,
            "{}",
        ] {
            assert!(!fits(requests, wrong), "{wrong}");
        }
        let no_delete = r#"[{"request_type":"create"},{"request_type":"update"}]"#;
        assert!(fits(no_delete, r#"[{"id":1},{"id":2}]"#));
        assert!(!fits(no_delete, r#"[{"id":1},true]"#));
    }
}
