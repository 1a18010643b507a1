//! The requests received: what a plug-in sent, and what it was answered.

use std::collections::BTreeSet;

use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

use super::layout::{Control, Section, grouped, json_in_list, json_text, moment, page_with, pager, plural, shortened};
use super::problem::Problem;
use super::visit::{Pairs, Visit};
use super::wire::Rows;
use crate::requests::RequestRecord;

const PATH: &str = "/admin/requests";
const PAGE_SIZE: usize = 50;

/// What a request is listed as: the wire method of a call; of what is none, the beginning of its path, without ids.
fn kind(record: &RequestRecord) -> String {
    if !record.method_name.is_empty() {
        return record.method_name.clone();
    }
    let names = record.path.split('/').skip(1);
    let named = |part: &&str| part.len() < 32 && part.bytes().any(|byte| byte.is_ascii_alphabetic());
    let kind: Vec<&str> = names.take_while(named).take(2).collect();
    format!("/{}", kind.join("/"))
}

/// Whether a request went wrong, of itself or on demand.
fn went_wrong(record: &RequestRecord) -> bool {
    record.error_code.is_some() || record.status.is_none_or(|status| status >= 400) || !record.faults.is_empty()
}

fn passes(record: &RequestRecord, query: &Pairs) -> bool {
    let wanted = query.get("method");
    let sender = query.get("sender").to_lowercase();
    (wanted.is_empty() || kind(record) == wanted)
        && (sender.is_empty() || record.who.to_lowercase().contains(&sender))
        && (query.get("errors") != "on" || went_wrong(record))
}

fn figure(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

pub(super) fn list(visit: &Visit) -> Result<Response, Problem> {
    let wire = visit.administrator()?;
    let records = wire.site.requests.records();
    let found: Vec<&RequestRecord> = records.iter().rev().filter(|record| passes(record, &visit.query)).collect();
    let pages = figure(found.len().div_ceil(PAGE_SIZE)).max(1);
    let place = Rows {
        rows: Vec::new(),
        page: visit.page_number().min(pages),
        pages,
        count: figure(found.len()),
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
            (grouped(figure(wire.site.requests.received()))) " came in so far."
        }
        (filter_form(visit, &records))
        @if found.is_empty() {
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
                            th scope="col" { "Date (UTC)" }
                            th scope="col" { "Method" }
                            th scope="col" { "By" }
                            th scope="col" { "Status" }
                            th.number scope="col" { "ms" }
                            th scope="col" { "What was sent" }
                        }
                    }
                    tbody { @for record in found.iter().skip(first).take(PAGE_SIZE) { (line(record)) } }
                }
            }
            (pager(visit, &place))
        }
    };
    Ok(page_with(visit, Section::Requests, "Requests", &body))
}

fn line(record: &RequestRecord) -> Markup {
    let place = format!("{PATH}/{}", record.number);
    html! {
        tr {
            td.id { a href=(place) { (record.number) } }
            td.time { (moment(&record.received_at)) }
            td.address { code { (shortened(&kind(record))) } }
            td.address { (shortened(&record.who)) }
            td { (status(record)) }
            td.number { (milliseconds(record)) }
            td.wide {
                @if record.method_name.is_empty() { code { (shortened(&first_line(record))) } " " }
                @if let Some(message) = &record.error_message { p.refusal { (shortened(message)) } }
                @if let Some(parameters) = parameters(record) { (json_in_list("Parameters", &parameters, &place)) }
            }
        }
    }
}

/// The line that the request began with.
fn first_line(record: &RequestRecord) -> String {
    let query = if record.query.is_empty() { "" } else { "?" };
    format!("{} {}{query}{}", record.http_method, record.path, record.query)
}

fn status(record: &RequestRecord) -> Markup {
    html! {
        @match (record.error_code, record.status) {
            (Some(code), _) => span.badge.bad { "Error " (code) },
            (None, None) => span.badge.bad { "No answer" },
            (None, Some(status)) if status >= 400 => span.badge.bad { (status) },
            (None, Some(200)) => span.badge.good { "OK" },
            (None, Some(status)) => span.badge.good { (status) },
        }
        @for fault in &record.faults { div.under { span.badge.warn title="A fault on demand" { (shortened(fault)) } } }
    }
}

fn milliseconds(record: &RequestRecord) -> String {
    format!("{:.1}", record.duration.as_secs_f64() * 1_000.0)
}

fn parameters(record: &RequestRecord) -> Option<Value> {
    serde_json::from_str(&record.params).ok()
}

fn filter_form(visit: &Visit, records: &[RequestRecord]) -> Markup {
    let query = &visit.query;
    let methods: BTreeSet<String> = records.iter().map(kind).collect();
    let chosen = query.get("method");
    let unknown = !chosen.is_empty() && !methods.contains(chosen);
    html! {
        form.filters method="get" action=(PATH) {
            (Control::new("method", "Method").show(&html! {
                select #method name="method" {
                    option value="" { "any" }
                    @if unknown { option value=(chosen) selected { (chosen) } }
                    @for method in &methods {
                        option value=(method) selected[method == chosen] { (shortened(method)) }
                    }
                }
            }))
            (Control::new("sender", "Person or script").text("search", query.get("sender"), false))
            div.field.check {
                input #errors type="checkbox" name="errors" checked[query.get("errors") == "on"];
                label for="errors" { "Errors and faults" }
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
    let parameters = parameters(record);
    let body = html! {
        nav.trail aria-label="Where this page is" {
            a href=(PATH) { "Requests" } span aria-hidden="true" { " › " } span { "Request " (number) }
        }
        section.card {
            h1 { code { (kind(record)) } " " (status(record)) }
            @if let Some(message) = &record.error_message { p.refusal { (message) } }
            dl.facts {
                dt { "Date (UTC)" } dd { (moment(&record.received_at)) }
                dt { "By" } dd { (record.who) }
                dt { "Request" } dd { code { (first_line(record)) } }
                dt { "Client" } dd { (record.user_agent) }
                dt { "Answer" }
                dd {
                    @match record.status {
                        Some(status) => { "HTTP " (status) },
                        None => "none: the connection was ended",
                    }
                    " after " (milliseconds(record)) " ms"
                }
                dt { "Bytes" } dd { (grouped(figure(record.bytes_in))) " in, " (grouped(figure(record.bytes_out))) " out" }
            }
            @if let Some(parameters) = &parameters {
                h2 { "Parameters" }
                pre.code { code { (json_text(parameters)) } }
            } @else if record.bytes_in > 0 && !record.method_name.is_empty() {
                p.hint { "The parameters were too large to be kept." }
            }
        }
    };
    Ok(page_with(visit, Section::Requests, &format!("Request {number}"), &body))
}
