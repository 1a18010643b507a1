//! Signing in and out.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::guard;
use super::layout::{Section, page_with, token_field};
use super::problem::{Problem, see_other, with_cookie};
use super::visit::Visit;
use crate::auth::{browser, cookies, sessions};

pub(crate) const PATH: &str = "/user/login";
/// `error_code` where a second factor is wanted, too.
const SECOND_FACTOR: i64 = 106;

/// The sign-in page, from which one comes back to a place of this site.
pub(super) fn address(back: &str) -> String {
    if back == "/" {
        return PATH.to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("back", back).finish();
    format!("{PATH}?{query}")
}

pub(super) fn form(visit: &Visit) -> Result<Response, Problem> {
    let back = guard::place_here(visit.query.get("back"));
    if visit.caller().is_some() {
        return Ok(see_other(back));
    }
    Ok(page_with(visit, Section::None, "Sign in", &show(visit, back, "", None, false)))
}

/// Signs in, however the site signs people in: where it has an identity provider, this page stands for that one's.
pub(super) fn submit(visit: &Visit) -> Result<Response, Problem> {
    let form = &visit.form;
    let back = guard::place_here(form.get("back"));
    let (login, password, code) = (form.get("login"), form.exact("password"), form.get("auth_token"));
    if login.is_empty() || password.is_empty() {
        let body = show(visit, back, login, Some("Both the login and the password are needed."), false);
        return Ok(refused(visit, &body));
    }
    match browser::sign_in(&visit.site, login, password, Some(code).filter(|code| !code.is_empty())) {
        Ok(token) => {
            let cookie = guard::set_cookie(visit, cookies::SESSION, &token, "/");
            let forget = guard::forget_cookie(visit, guard::VISITOR, "/");
            Ok(with_cookie(with_cookie(see_other(back), &cookie), &forget))
        }
        Err(fault) if fault.code == SECOND_FACTOR => {
            let words = if code.is_empty() {
                "This account has a second factor: type its code, and your password once more."
            } else {
                "The code is not right, or was used already."
            };
            Ok(refused(visit, &show(visit, back, login, Some(words), true)))
        }
        Err(fault) if fault.code == 100 => Err(fault.into()),
        Err(fault) => {
            // The site tells a client no more than this; a person wonders why.
            let words = if fault.message.starts_with("Can't authenticate user") {
                "The login or the password is not right, or the account is locked or disabled."
            } else {
                &fault.message
            };
            Ok(refused(visit, &show(visit, back, login, Some(words), false)))
        }
    }
}

pub(super) fn leave(visit: &Visit) -> Result<Response, Problem> {
    if let Some((caller, token)) = visit.session() {
        sessions::close(&visit.site, caller, token)?;
    }
    let place = address(guard::place_here(visit.form.get("back")));
    Ok(with_cookie(see_other(&place), &guard::forget_cookie(visit, cookies::SESSION, "/")))
}

fn refused(visit: &Visit, body: &Markup) -> Response {
    let mut answer = page_with(visit, Section::None, "Sign in", body);
    *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    answer
}

fn show(visit: &Visit, back: &str, login: &str, error: Option<&str>, second_factor: bool) -> Markup {
    let demo_people = &visit.site.front.demo_people;
    html! {
        div.sign-in {
            section.card {
                h1 { "Sign in" }
                form method="post" action=(PATH) {
                    (token_field(visit))
                    input type="hidden" name="back" value=(back);
                    @if let Some(error) = error {
                        p.error.alert #sign-in-error role="alert" { (error) }
                    }
                    div.field {
                        label for="login" { "Login" }
                        input #login name="login" value=(login) autocomplete="username" autocapitalize="none"
                            spellcheck="false" required autofocus[login.is_empty()]
                            aria-describedby=[error.map(|_| "sign-in-error")];
                    }
                    div.field {
                        label for="password" { "Password" }
                        input #password type="password" name="password" autocomplete="current-password" required
                            autofocus[!login.is_empty()] aria-describedby=[error.map(|_| "sign-in-error")];
                    }
                    @if second_factor {
                        div.field {
                            label for="auth_token" { "Code of the second factor" }
                            input.code #auth_token name="auth_token" inputmode="numeric" autocomplete="one-time-code" required;
                        }
                    }
                    div.actions { button.primary type="submit" { "Sign in" } }
                }
            }
            @if !demo_people.is_empty() {
                section.card.quiet {
                    h2 { "Demo people" }
                    p { "This site was filled with the default seed. Anybody can sign in as one of its people." }
                    (demo_table(visit))
                }
            }
        }
    }
}

/// The people of the default seed: their passwords are in the file that comes with the program.
pub(super) fn demo_table(visit: &Visit) -> Markup {
    html! {
        table.plain {
            thead { tr { th scope="col" { "Login" } th scope="col" { "Password" } th scope="col" { "Role" } } }
            tbody {
                @for person in &visit.site.front.demo_people {
                    tr {
                        td { code { (person.login) } }
                        td { code { (person.password) } }
                        td { (person.role) }
                    }
                }
            }
        }
    }
}
