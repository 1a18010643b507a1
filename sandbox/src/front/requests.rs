//! The requests received: what a plug-in sent, and what it was answered.

use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

use super::layout::{Control, Section, grouped, json_text, page_with, pager, plural};
use super::problem::Problem;
use super::visit::{Pairs, Visit};
use super::wire::{Rows, text};
use crate::requests::RequestRecord;

const PATH: &str = "/admin/requests";
const PAGE_SIZE: usize = 50;
/// Parameters that are longer are shown on a page of their own.
const LONGEST_SHOWN: usize = 8 * 1024;

/// Who sent a request, as its auth parameters say.
#[derive(Default)]
struct Sender {
    name: String,
    kind: &'static str,
    on_behalf_of: String,
}

impl Sender {
    fn of(parameters: &Value) -> Self {
        let Some(authentication) = parameters.get(0).filter(|first| first.is_object()) else {
            return Self::default();
        };
        let given = |key: &str| text(authentication, key).to_owned();
        let (name, kind) = if !given("user_login").is_empty() {
            (given("user_login"), "person")
        } else if !given("script_name").is_empty() {
            (given("script_name"), "script")
        } else if !given("session_token").is_empty() {
            ("session".to_owned(), "")
        } else {
            (String::new(), "")
        };
        Self {
            name,
            kind,
            on_behalf_of: given("sudo_as_login"),
        }
    }
}

struct Entry<'a> {
    record: &'a RequestRecord,
    parameters: Value,
    sender: Sender,
}

impl<'a> Entry<'a> {
    fn of(record: &'a RequestRecord) -> Self {
        let parameters = serde_json::from_str(&record.params).unwrap_or(Value::Null);
        let mut sender = Sender::of(&parameters);
        if sender.kind.is_empty() && !record.who.is_empty() {
            // The owner of a session, or the sender of a form.
            sender.name.clone_from(&record.who);
            sender.on_behalf_of.clear();
        }
        Self {
            sender,
            record,
            parameters,
        }
    }

    fn passes(&self, query: &Pairs) -> bool {
        let method = query.get("method");
        let sender = query.get("sender").to_lowercase();
        let named = |name: &str| name.to_lowercase().contains(&sender);
        (method.is_empty() || self.record.method_name == method)
            && (sender.is_empty() || named(&self.sender.name) || named(&self.sender.on_behalf_of))
            && (query.get("errors") != "on" || self.record.error_code.is_some() || self.record.status.is_none_or(|status| status >= 400))
    }
}

pub(super) fn list(visit: &Visit) -> Result<Response, Problem> {
    let wire = visit.administrator()?;
    let records = wire.site.requests.records();
    let entries: Vec<Entry<'_>> = records
        .iter()
        .rev()
        .map(Entry::of)
        .filter(|entry| entry.passes(&visit.query))
        .collect();
    let number = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    let pages = number(entries.len().div_ceil(PAGE_SIZE)).max(1);
    let place = Rows {
        rows: Vec::new(),
        page: visit.page_number().min(pages),
        pages,
        count: number(entries.len()),
    };
    let first = usize::try_from(place.page - 1).unwrap_or_default().saturating_mul(PAGE_SIZE);
    let filtered = ["method", "sender", "errors"].iter().any(|name| !visit.query.get(name).is_empty());
    let body = html! {
        div.heading {
            h1 { "Requests" }
            span.count {
                (plural(place.count, "request", "requests"))
                @if filtered { " of this kind" }
            }
            a.button href={ (PATH) "?" (visit.query.with("page", "")) } { "Refresh" }
        }
        p.lead {
            "What clients sent, newest first; secrets are masked. The last thousand are remembered until the site ends, "
            (grouped(i64::try_from(wire.site.requests.received()).unwrap_or(i64::MAX))) " came in so far."
        }
        (filter_form(visit, &records))
        @if entries.is_empty() {
            p.empty {
                @if filtered { "No request is like this. " a href=(PATH) { "Show all requests" } }
                @else { "Nothing has been sent yet. Point a client at this site, and its calls show here." }
            }
        } @else {
            div.table {
                table.log {
                    thead {
                        tr {
                            th scope="col" { "No." }
                            th scope="col" { "Method" }
                            th scope="col" { "By" }
                            th scope="col" { "Status" }
                            th.number scope="col" { "ms" }
                            th.number scope="col" { "Bytes" }
                            th scope="col" { "Parameters" }
                        }
                    }
                    tbody { @for entry in entries.iter().skip(first).take(PAGE_SIZE) { (line(entry)) } }
                }
            }
            (pager(visit, &place))
        }
    };
    Ok(page_with(visit, Section::Requests, "Requests", &body))
}

fn line(entry: &Entry<'_>) -> Markup {
    let record = entry.record;
    html! {
        tr {
            td.id { a href={ (PATH) "/" (record.number) } { (record.number) } }
            td { code { (method(record)) } }
            td { (by(&entry.sender)) }
            td { (status(record)) }
            td.number { (milliseconds(record)) }
            td.number { (bytes(record.bytes_in)) }
            td.wide {
                @if let Some(message) = &record.error_message { p.refusal { (message) } }
                (parameters(entry, false))
            }
        }
    }
}

fn bytes(count: u64) -> String {
    grouped(i64::try_from(count).unwrap_or(i64::MAX))
}

/// The wire method of a call; of what is none, or none that could be read, the line that it began with.
fn method(record: &RequestRecord) -> String {
    if record.method_name.is_empty() {
        format!("{} {}", record.http_method, record.path)
    } else {
        record.method_name.clone()
    }
}

fn by(sender: &Sender) -> Markup {
    html! {
        (sender.name)
        @if !sender.kind.is_empty() { " " span.kind { (sender.kind) } }
        @if !sender.on_behalf_of.is_empty() { div.under { "as " (sender.on_behalf_of) } }
    }
}

fn status(record: &RequestRecord) -> Markup {
    html! {
        @match (record.error_code, record.status) {
            (Some(code), _) => span.badge.bad { "Error " (code) },
            (None, None) => span.badge.bad { "No answer" },
            (None, Some(status)) if status >= 400 => span.badge.bad { (status) },
            (None, Some(_)) => span.badge.good { "OK" },
        }
        @for fault in &record.faults { div.under { "fault: " (fault) } }
    }
}

fn milliseconds(record: &RequestRecord) -> String {
    format!("{:.1}", record.duration.as_secs_f64() * 1_000.0)
}

fn parameters(entry: &Entry<'_>, whole: bool) -> Markup {
    let record = entry.record;
    html! {
        @if record.params.is_empty() {
            @if record.bytes_in > 0 && !record.method_name.is_empty() { p.hint { "The body was too large to be kept." } }
        } @else if !whole && record.params.len() > LONGEST_SHOWN {
            a href={ (PATH) "/" (record.number) } { "Show the parameters" }
        } @else {
            details.json open[whole] {
                summary { "Parameters" }
                pre.code { code { (json_text(&entry.parameters)) } }
            }
        }
    }
}

fn filter_form(visit: &Visit, records: &[RequestRecord]) -> Markup {
    let query = &visit.query;
    let mut methods: Vec<&str> = records.iter().map(|record| record.method_name.as_str()).collect();
    methods.sort_unstable();
    methods.dedup();
    let chosen = query.get("method");
    let unknown = !chosen.is_empty() && !methods.contains(&chosen);
    html! {
        form.filters method="get" action=(PATH) {
            (Control::new("method", "Method").show(&html! {
                select #method name="method" {
                    option value="" { "any" }
                    @if unknown { option value=(chosen) selected { (chosen) } }
                    @for method in methods.iter().filter(|method| !method.is_empty()) {
                        option value=(method) selected[*method == chosen] { (method) }
                    }
                }
            }))
            (Control::new("sender", "Person or script").text("search", query.get("sender"), false))
            div.field.check {
                input #errors type="checkbox" name="errors" checked[query.get("errors") == "on"];
                label for="errors" { "Errors only" }
            }
            div.actions {
                button.primary type="submit" { "Filter" }
                a.button href=(PATH) { "Clear" }
            }
        }
    }
}

/// One request by itself.
pub(super) fn show(visit: &Visit) -> Result<Response, Problem> {
    let wire = visit.administrator()?;
    let number = visit.id()?;
    let records = wire.site.requests.records();
    let record = records
        .iter()
        .find(|record| i64::try_from(record.number) == Ok(number))
        .ok_or(Problem::NotFound)?;
    let entry = Entry::of(record);
    let body = html! {
        nav.trail aria-label="Where this page is" {
            a href=(PATH) { "Requests" } span aria-hidden="true" { " › " } span { "Request " (number) }
        }
        section.card {
            h1 { code { (method(record)) } " " (status(record)) }
            @if let Some(message) = &record.error_message { p.refusal { (message) } }
            dl.facts {
                dt { "By" } dd { (by(&entry.sender)) }
                dt { "Time" } dd { (milliseconds(record)) " ms" }
                dt { "Body" } dd { (bytes(record.bytes_in)) " bytes, answered by " (bytes(record.bytes_out)) }
                dt { "Client" } dd { (record.user_agent) }
            }
            (parameters(&entry, true))
        }
    };
    Ok(page_with(visit, Section::Requests, &format!("Request {number}"), &body))
}
