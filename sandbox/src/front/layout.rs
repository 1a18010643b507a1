//! What all pages have in common: the frame around them and the small parts they are made of.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use serde_json::Value;

use super::visit::{FORM_TOKEN, Visit, is_administrator};
use super::wire::Rows;
use super::{ICON, SCRIPT, STYLE, sign_in};

/// Which entry of the navigation a page belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Home,
    Scripts,
    People,
    Roles,
    Events,
    Requests,
    Faults,
    None,
}

const ADMIN: [(Section, &str, &str); 6] = [
    (Section::Scripts, "/admin/scripts", "Scripts"),
    (Section::People, "/admin/people", "People"),
    (Section::Roles, "/admin/roles", "Permission Roles"),
    (Section::Events, "/admin/events", "Event Log"),
    (Section::Requests, "/admin/requests", "Requests"),
    (Section::Faults, "/admin/faults", "Faults"),
];

/// A whole page.
pub(super) fn page_with(visit: &Visit, section: Section, title: &str, body: &Markup) -> Response {
    page_at(visit, section, title, None, body)
}

/// A whole page that answers a form. A browser that loads it again gets the page at `place` instead of sending the
/// form a second time.
pub(super) fn page_at(visit: &Visit, section: Section, title: &str, place: Option<&str>, body: &Markup) -> Response {
    let body = html! {
        body data-place=[place] {
            a.skip href="#content" { "Skip to the content" }
            header.bar {
                a.brand href="/" {
                    img src=(ICON) alt="" width="20" height="20";
                    span { "Sandbox" }
                }
                (navigation(visit, section))
                (who(visit))
            }
            main #content tabindex="-1" { (body) }
        }
    };
    send(title, &body)
}

/// A page that is shown where it is not known who asks.
pub(super) fn bare(status: StatusCode, title: &str, words: &str) -> Response {
    let body = html! {
        body {
            header.bar { span.brand { "Sandbox" } }
            main { section.notice { h1 { (title) } p { (words) } } }
        }
    };
    let mut answer = send(title, &body);
    *answer.status_mut() = status;
    answer
}

fn send(title: &str, body: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Flow Production Tracking sandbox" }
                link rel="icon" href=(ICON);
                link rel="stylesheet" href=(STYLE);
                script src=(SCRIPT) defer {}
            }
            (body)
        }
    };
    let content_type = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (content_type, page.into_string()).into_response()
}

fn navigation(visit: &Visit, section: Section) -> Markup {
    let entries = ADMIN.iter().filter(|_| visit.caller().is_some_and(is_administrator));
    html! {
        nav aria-label="Pages" {
            (entry("/", "Home", section == Section::Home))
            @for (own, address, name) in entries {
                (entry(address, name, *own == section))
            }
        }
    }
}

fn entry(address: &str, name: &str, current: bool) -> Markup {
    html! { a href=(address) aria-current=[current.then_some("page")] { (name) } }
}

fn who(visit: &Visit) -> Markup {
    html! {
        div.who {
            @match visit.caller() {
                Some(caller) => {
                    span.person { (caller.name) " " span.role { (caller.role.display_name) } }
                    form method="post" action="/user/logout" {
                        (token_field(visit))
                        button.quiet type="submit" { "Sign out" }
                    }
                }
                None => a.button.quiet href=(sign_in::PATH) { "Sign in" },
            }
        }
    }
}

/// What every form of a page begins with.
pub(super) fn token_field(visit: &Visit) -> Markup {
    html! { input type="hidden" name=(FORM_TOKEN) value=(visit.form_token()); }
}

/// A moment as the wire gives it, in a form that is read more easily.
pub(super) fn moment(value: &str) -> Markup {
    html! {
        @if !value.is_empty() {
            time datetime=(value) { (value.trim_end_matches('Z').replacen('T', " ", 1)) }
        }
    }
}

/// A value as indented JSON.
pub(super) fn json_text(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Bytes of JSON that a list shows.
const LONGEST_JSON_IN_LIST: usize = 8 * 1024;
/// Characters of a text that a list shows.
const LONGEST_IN_LIST: usize = 300;

/// The beginning of a text that may be as long as anybody likes.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST_IN_LIST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
    }
}

/// Indented JSON that opens in a list; what is long is looked at on a page of its own.
pub(super) fn json_in_list(title: &str, value: &Value, place: &str) -> Markup {
    let text = json_text(value);
    html! {
        @if text.len() > LONGEST_JSON_IN_LIST {
            " " a.more href=(place) { (title) }
        } @else {
            details.json {
                summary { (title) }
                pre.code { code { (text) } }
            }
        }
    }
}

pub(super) fn plural(count: i64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// A number with its thousands set apart.
pub(super) fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) && digit.is_ascii_digit() {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Links to the pages before and after this one; nothing where there is only one.
pub(super) fn pager(visit: &Visit, rows: &Rows) -> Markup {
    let step = |page: i64| format!("{}?{}", visit.path(), visit.query.with("page", &page.to_string()));
    html! {
        @if rows.pages > 1 || rows.page > 1 {
            nav.pager aria-label="Pages of the list" {
                @if rows.page > 1 {
                    a.button href=(step(1)) { "First" }
                    a.button rel="prev" href=(step(rows.page.min(rows.pages + 1) - 1)) { "Previous" }
                }
                span { "Page " (grouped(rows.page)) " of " (grouped(rows.pages)) }
                @if rows.page < rows.pages {
                    a.button rel="next" href=(step(rows.page + 1)) { "Next" }
                    a.button href=(step(rows.pages)) { "Last" }
                }
            }
        }
    }
}

/// One line of a form: its label, the control, what is to be known of it, and what is wrong with it.
pub(super) struct Control<'a> {
    pub(super) id: &'a str,
    pub(super) label: &'a str,
    pub(super) hint: &'a str,
    /// What a text may look like, shown while there is none.
    pub(super) example: &'a str,
    pub(super) error: Option<&'a str>,
}

impl<'a> Control<'a> {
    pub(super) fn new(id: &'a str, label: &'a str) -> Self {
        Self {
            id,
            label,
            hint: "",
            example: "",
            error: None,
        }
    }

    /// What the control names as its description.
    pub(super) fn described_by(&self) -> Option<String> {
        let error = self.error.map(|_| format!("{}-error", self.id));
        let hint = (!self.hint.is_empty()).then(|| format!("{}-hint", self.id));
        let parts: Vec<String> = error.into_iter().chain(hint).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    pub(super) fn show(&self, control: &Markup) -> Markup {
        html! {
            div.field.wrong[self.error.is_some()] {
                label for=(self.id) { (self.label) }
                (control)
                @if let Some(error) = self.error {
                    p.error id={ (self.id) "-error" } { (error) }
                }
                @if !self.hint.is_empty() {
                    p.hint id={ (self.id) "-hint" } { (self.hint) }
                }
            }
        }
    }

    /// A line of text.
    pub(super) fn text(&self, kind: &str, value: &str, required: bool) -> Markup {
        self.show(&html! {
            input id=(self.id) name=(self.id) type=(kind) value=(value) autocomplete="off" required[required]
                placeholder=[(!self.example.is_empty()).then_some(self.example)]
                aria-invalid=[self.error.map(|_| "true")] aria-describedby=[self.described_by()];
        })
    }
}
