//! `/internal_api/app_session_request`: where programs ask for a session, and ask what became of that.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{post, put};
use serde_json::{Value, json};

use super::{Collected, PAGE, collect, open};
use crate::media::form::Form;
use crate::site::Site;

/// Characters of the name of a program or a machine: a person has to read them.
const LONGEST_NAME: usize = 200;

pub(crate) fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/internal_api/app_session_request", post(ask))
        .route("/internal_api/app_session_request/{id}", put(ask_again))
}

async fn ask(State(site): State<Arc<Site>>, request: Request) -> Response {
    if !site.auth.settings().app_session_launcher {
        return error(StatusCode::FORBIDDEN, "This site offers no sign-in by the browser.");
    }
    let form = match Form::url_encoded(request.into_body()).await {
        Ok(form) => form,
        Err(reason) => return error(StatusCode::BAD_REQUEST, &reason),
    };
    let (app_name, machine_id) = match (name(&form, "appName"), name(&form, "machineId")) {
        (Ok(app_name), Ok(machine_id)) => (app_name, machine_id),
        (Err(reason), _) | (_, Err(reason)) => return error(StatusCode::BAD_REQUEST, &reason),
    };
    match open(&site, app_name, machine_id) {
        Some(id) => {
            let url = site.media.links.whole(&format!("{PAGE}{id}"));
            answer(StatusCode::OK, &json!({"sessionRequestId": id, "url": url}))
        }
        None => error(StatusCode::TOO_MANY_REQUESTS, "Too many requests for sessions wait to be approved."),
    }
}

fn name<'a>(form: &'a Form, key: &str) -> Result<&'a str, String> {
    let name = form.wanted(key)?;
    if name.chars().count() > LONGEST_NAME {
        return Err(format!("The form's '{key}' is longer than {LONGEST_NAME} characters."));
    }
    Ok(name)
}

async fn ask_again(State(site): State<Arc<Site>>, Path(id): Path<String>) -> Response {
    let collected = tokio::task::spawn_blocking(move || collect(&site, &id)).await;
    match collected {
        Ok(Ok(Collected::NotYet)) => answer(StatusCode::OK, &json!({"approved": false})),
        Ok(Ok(Collected::Session { token, login })) => answer(
            StatusCode::OK,
            &json!({"approved": true, "sessionToken": token, "userLogin": login}),
        ),
        Ok(Ok(Collected::Gone)) => error(StatusCode::NOT_FOUND, "There is no such request for a session."),
        Ok(Err(_)) | Err(_) => error(StatusCode::INTERNAL_SERVER_ERROR, "The site failed to answer."),
    }
}

fn error(status: StatusCode, reason: &str) -> Response {
    answer(status, &json!({"error": reason}))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body.to_string()).into_response()
}
