//! People: following, subscriptions, what they used last, and whether they are who they say.

use super::{Args, Method, Param, Reply, Run, Step, Takes, find};
use crate::client::Client;
use crate::client::credentials::Secret;
use crate::client::deadline::Deadline;
use crate::client::document::{Document, Value};
use crate::client::error::{Error, Result};
use crate::client::info::SiteInfo;
use crate::client::json::{Object, quote};
use crate::client::retry::Effect;
use crate::client::rpc::Call;
use crate::client::status::Status;

const USER: Param = Param::required("user", Takes::Entity);
const ENTITY: Param = Param::required("entity", Takes::Entity);

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "follow",
        summary: "Makes a person follow an entity.",
        params: &[USER, ENTITY],
        returns: "An object with `followed`, `user` and `entity`.",
        example: r#"[{"type": "HumanUser", "id": 24}, {"type": "Task", "id": 5117}]"#,
        run: Run::Rpc {
            wire: "follow",
            effect: Effect::Write,
            build: user_and_entity,
            reply: Reply::AsSent,
        },
    },
    Method {
        name: "unfollow",
        summary: "Makes a person no longer follow an entity.",
        params: &[USER, ENTITY],
        returns: "An object with `unfollowed`, `user` and `entity`.",
        example: r#"[{"type": "HumanUser", "id": 24}, {"type": "Task", "id": 5117}]"#,
        run: Run::Rpc {
            wire: "unfollow",
            effect: Effect::Write,
            build: user_and_entity,
            reply: Reply::AsSent,
        },
    },
    Method {
        name: "followers",
        summary: "Lists the people who follow an entity.",
        params: &[ENTITY],
        returns: "An array of people.",
        example: r#"[{"type": "Task", "id": 5117}]"#,
        run: Run::Rpc {
            wire: "followers",
            effect: Effect::Read,
            build: followers,
            reply: Reply::AsSent,
        },
    },
    Method {
        name: "following",
        summary: "Lists the entities that a person follows.",
        params: &[
            USER,
            Param::optional("project", Takes::Entity, "null"),
            Param::optional("entity_type", Takes::AnyText, "null"),
        ],
        returns: "An array of entities with `type` and `id`.",
        example: r#"{"user": {"type": "HumanUser", "id": 24}, "entity_type": "Task"}"#,
        run: Run::Rpc {
            wire: "following",
            effect: Effect::Read,
            build: following,
            reply: Reply::AsSent,
        },
    },
    Method {
        name: "user_subscriptions_read",
        summary: "Lists the subscriptions of every person.",
        params: &[],
        returns: "The subscriptions as the site sends them.",
        example: r#""#,
        run: Run::Rpc {
            wire: "user_subscriptions_read",
            effect: Effect::Read,
            build: nothing,
            reply: Reply::AsSent,
        },
    },
    Method {
        name: "user_subscriptions_create",
        summary: "Gives people subscriptions; true when the site reports success.",
        params: &[Param::required("users", Takes::Objects)],
        returns: "`true` when the site reports success, else `false`.",
        example: r#"[[{"humanUserId": 24, "subscription": null}]]"#,
        run: Run::Rpc {
            wire: "user_subscriptions_create",
            effect: Effect::Write,
            build: subscriptions,
            reply: Reply::Success,
        },
    },
    Method {
        name: "update_project_last_accessed",
        summary: "Notes that a person uses a project now: the one given, else the one whom this client acts for or is.",
        params: &[
            Param::required("project", Takes::Entity),
            Param::optional("user", Takes::Entity, "null"),
        ],
        returns: "`null`.",
        example: r#"[{"type": "Project", "id": 70}]"#,
        run: Run::LastAccessed,
    },
    Method {
        name: "authenticate_human_user",
        summary: "Proves a person's login and password and returns the active person, or null.",
        params: &[
            Param::required("user_login", Takes::Text),
            Param::required("user_password", Takes::Secret),
            Param::optional("auth_token", Takes::Secret, "null"),
        ],
        returns: "The person with `id` and `login`, or null for somebody who is not active. Wrong credentials are SG_STATUS_AUTH.",
        example: r#"["anna", "her password"]"#,
        run: Run::Authenticate,
    },
];

fn user_and_entity(args: &Args<'_>, info: &SiteInfo) -> Result<Step> {
    info.require([5, 1, 22], "following")?;
    let object = Object::new()
        .raw("user", args.need("user")?.json())
        .raw("entity", args.need("entity")?.json());
    Ok(Step::Send(Some(object.finish())))
}

fn followers(args: &Args<'_>, info: &SiteInfo) -> Result<Step> {
    info.require([5, 1, 22], "following")?;
    Ok(Step::Send(Some(Object::new().raw("entity", args.need("entity")?.json()).finish())))
}

fn following(args: &Args<'_>, info: &SiteInfo) -> Result<Step> {
    info.require([7, 0, 12], "the list of what a person follows")?;
    let entity_type = args.get("entity_type").filter(|text| !text.is_str(""));
    let object = Object::new()
        .raw("user", args.need("user")?.json())
        .raw_if("project", args.get("project").map(Value::json))
        .raw_if("entity_type", entity_type.map(Value::json));
    Ok(Step::Send(Some(object.finish())))
}

fn nothing(_: &Args<'_>, _: &SiteInfo) -> Result<Step> {
    Ok(Step::Send(None))
}

fn subscriptions(args: &Args<'_>, _: &SiteInfo) -> Result<Step> {
    Ok(Step::Send(Some(Object::new().raw("users", args.need("users")?.json()).finish())))
}

/// Two remote calls where the person is known by login only.
pub(super) async fn last_accessed(client: &Client, args: &Args<'_>, deadline: Deadline) -> Result<Document> {
    client.info(deadline).await?.require([5, 3, 20], "update_project_last_accessed")?;
    let project = args.need("project")?.get("id").map_or("null", Value::json);
    let user = match (args.get("user"), client.connection.session.login()) {
        (Some(user), _) => user.get("id").map(|id| id.json().to_owned()),
        (None, Some(login)) => Some(id_of(client, login, deadline).await?),
        (None, None) => None,
    };
    let params = Object::new().raw("project_id", project).raw_if("user_id", user.as_deref()).finish();
    let wire = "update_project_last_accessed_by_current_user";
    client.rpc(Call::new(wire, Some(&params), Effect::Write), deadline).await?;
    super::local_answer("null".to_owned())
}

async fn id_of(client: &Client, login: &str, deadline: Deadline) -> Result<String> {
    let filters = format!(r#"[["login","is",{}]]"#, quote(login));
    let query = find::people(client.info(deadline).await?, &filters, r#"["id"]"#)?;
    let reply = client.rpc(Call::read(&query), deadline).await?;
    let id = reply.root().pointer("/entities/0/id").map(|id| id.json().to_owned());
    id.ok_or_else(|| Error::new(Status::NotFound, format!("there is no HumanUser with the login \"{login}\"")))
}

/// A read in that person's name, for that person. Wrong credentials are an error; somebody inactive is null.
pub(super) async fn authenticate(client: &Client, args: &Args<'_>, deadline: Deadline) -> Result<Document> {
    let login = args.text("user_login")?;
    let password = Secret::new(args.text("user_password")?);
    let auth_token = args.get("auth_token").and_then(Value::as_str).map(Secret::new);
    let filters = format!(
        r#"[["sg_status_list","is","act"],["login","is",{}]]"#,
        args.need("user_login")?.json()
    );
    let query = find::people(client.info(deadline).await?, &filters, r#"["id","login"]"#)?;
    let reply = client.read_as(&login, &password, auth_token.as_ref(), &query, deadline).await?;
    match reply.root().pointer("/entities/0").map(Value::node) {
        Some(node) => Ok(reply.narrow(node)),
        None => super::local_answer("null".to_owned()),
    }
}
