//! What kind of failure the HTTP stack reports.

use std::error::Error as StdError;
use std::io::ErrorKind;

use rustls::CertificateError;

use super::Transport;
use super::body::FileTrouble;
use crate::client::error::Error;
use crate::client::status::Status;

impl Transport {
    pub(super) fn classify_body(&self, error: &reqwest::Error, place: &str, http_status: u16) -> Error {
        // What fails without a word of the HTTP stack's came whole, and cannot be unpacked.
        let of_http = sources(error).any(|source| source.is::<hyper::Error>());
        let broken = sources(error)
            .filter_map(|source| source.downcast_ref::<std::io::Error>())
            .any(|io| matches!(io.kind(), ErrorKind::InvalidData | ErrorKind::InvalidInput));
        let mut found = match of_http {
            false if error.is_decode() => Error::protocol(format!("the reply of {place} cannot be decompressed: {}", chain(error))),
            true if broken => Error::protocol(format!("the reply of {place} is broken HTTP: {}", chain(error))),
            _ => self.classify(error, place),
        };
        found.http_status = Some(http_status);
        found
    }

    /// Tells what kind of failure the HTTP stack reports.
    pub(super) fn classify(&self, error: &reqwest::Error, place: &str) -> Error {
        if let Some(trouble) = sources(error).find_map(|source| source.downcast_ref::<FileTrouble>()) {
            return trouble.0.clone();
        }
        let status = self.status_of(error);
        let what = match status {
            Status::TimeoutConnect => format!("{place} did not take the connection within the connect limit"),
            Status::NetworkDns => format!("the name of {place} has no address"),
            Status::NetworkConnect => format!("{place} cannot be reached"),
            Status::NetworkProxy => format!("the proxy did not make the connection to {place}"),
            Status::Protocol => format!("{place} did not answer in HTTP"),
            Status::NetworkReset => format!("{place} dropped the connection before the whole reply had come"),
            _ if status.class() == Status::Tls.class() => format!("no secure connection to {place}: {}", status.describe()),
            _ => format!("the exchange with {place} failed"),
        };
        let hint = match self.environment_proxy() {
            Some(name) if matches!(status, Status::NetworkConnect | Status::NetworkDns | Status::TimeoutConnect) => {
                format!("; the environment names a proxy in {name}, and that may be what cannot be reached")
            }
            _ => String::new(),
        };
        Error::new(status, format!("{what}{hint} ({})", chain(error)))
    }

    /// The variable that names a proxy which this client may go through.
    fn environment_proxy(&self) -> Option<&'static str> {
        const VARIABLES: [&str; 6] = ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
        let named = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        VARIABLES.into_iter().find(|name| self.heeds_environment && named(name))
    }

    fn status_of(&self, error: &reqwest::Error) -> Status {
        if let Some(status) = sources(error).find_map(tls_status) {
            return status;
        }
        let text = chain(error);
        if text.contains("dns error") {
            return if self.has_proxy_option {
                Status::NetworkProxy
            } else {
                Status::NetworkDns
            };
        }
        if text.contains("tunnel error") {
            return Status::NetworkProxy;
        }
        if error.is_connect() {
            return match (error.is_timeout(), self.has_proxy_option) {
                (_, true) => Status::NetworkProxy,
                (true, false) => Status::TimeoutConnect,
                (false, false) => Status::NetworkConnect,
            };
        }
        let hyper = || sources(error).filter_map(|source| source.downcast_ref::<hyper::Error>());
        if hyper().any(|error| error.is_parse() && !error.is_incomplete_message()) {
            return Status::Protocol;
        }
        let dropped = |kind| {
            matches!(
                kind,
                ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::BrokenPipe
                    | ErrorKind::UnexpectedEof
                    | ErrorKind::NotConnected
            )
        };
        let io_dropped = sources(error)
            .filter_map(|source| source.downcast_ref::<std::io::Error>())
            .any(|io| dropped(io.kind()));
        if io_dropped || hyper().any(|error| error.is_incomplete_message() || error.is_canceled() || error.is_closed()) {
            return Status::NetworkReset;
        }
        if error.is_timeout() { Status::Timeout } else { Status::Network }
    }
}

/// An error and all that caused it.
fn sources<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| cause(*error))
}

fn cause<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        // An io::Error names as its source the source of what it wraps, so what it wraps would be passed over.
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

/// The causes of an error on one line, each said once.
pub(super) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for text in sources(error).map(ToString::to_string) {
        if !parts.last().is_some_and(|last| last.contains(&text)) {
            parts.push(text);
        }
    }
    parts.join(": ")
}

fn tls_status(error: &(dyn StdError + 'static)) -> Option<Status> {
    let rustls::Error::InvalidCertificate(problem) = error.downcast_ref::<rustls::Error>()? else {
        return Some(Status::Tls);
    };
    Some(match problem {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Status::TlsUntrusted,
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => Status::TlsExpired,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Status::TlsHostName,
        _ => Status::Tls,
    })
}
