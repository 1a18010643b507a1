//! What kind of failure the HTTP stack reports.

use std::error::Error as StdError;
use std::fmt;
use std::io::ErrorKind;

use rustls::CertificateError;

use super::body::FileTrouble;
use super::watch::Limit;
use super::wire::{Broken, Trouble, is_dropped, is_silent};
use super::{Place, too_large, too_slow};
use crate::client::error::Error;
use crate::client::status::Status;
use crate::client::tls;

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name)
    }
}

impl Place {
    pub(super) fn classify_body(&self, error: &reqwest::Error, http_status: u16) -> Error {
        // What fails without a word of the HTTP stack's came whole, and cannot be unpacked.
        let of_http = sources(error).any(|source| source.is::<hyper::Error>());
        let broken = sources(error)
            .filter_map(|source| source.downcast_ref::<std::io::Error>())
            .any(|io| matches!(io.kind(), ErrorKind::InvalidData | ErrorKind::InvalidInput));
        let mut found = match of_http {
            false if error.is_decode() => Error::protocol(format!("the reply of {self} cannot be decompressed: {}", chain(error))),
            true if broken => Error::protocol(format!("the reply of {self} is broken HTTP: {}", chain(error))),
            _ => self.classify(error),
        };
        found.http_status = Some(http_status);
        found
    }

    /// Tells what kind of failure the HTTP stack reports.
    pub(super) fn classify(&self, error: &reqwest::Error) -> Error {
        if let Some(trouble) = sources(error).find_map(|source| source.downcast_ref::<FileTrouble>()) {
            return trouble.0.clone();
        }
        if let Some(told) = self.insecure(error) {
            return told;
        }
        if error.is_connect() && is_out_of_files(error) {
            return self.out_of_files(&chain(error));
        }
        self.in_words(self.status_of(error), &chain(error))
    }

    /// Tells what kind of failure ended a remote call, which was limited so.
    pub(super) fn told(&self, broken: &Broken, limit: Limit, most_bytes: u64) -> Error {
        let mut found = match &broken.trouble {
            Trouble::TooLarge => return too_large(most_bytes),
            Trouble::TimeUp => return too_slow(limit, self),
            Trouble::Connect(error) => self.not_connected(&**error),
            Trouble::ConnectTime => self.in_words(Status::TimeoutConnect, "the time is over"),
            Trouble::Io(error) => self.insecure(error).unwrap_or_else(|| {
                let status = match error.kind() {
                    kind if is_dropped(kind) => Status::NetworkReset,
                    ErrorKind::TimedOut => Status::Timeout,
                    _ => Status::Network,
                };
                self.in_words(status, &chain(error))
            }),
            Trouble::Cut => self.in_words(Status::NetworkReset, "the connection was closed"),
            Trouble::Broken(what) if broken.status.is_some() => Error::protocol(format!("the reply of {self} is broken HTTP: {what}")),
            Trouble::Broken(what) => self.in_words(Status::Protocol, what),
            Trouble::Packed(error) => Error::protocol(format!("the reply of {self} cannot be decompressed: {}", chain(error))),
            Trouble::GivenUp => Error::new(Status::Cancelled, "the request was given up"),
        };
        found.http_status = broken.status;
        found
    }

    fn not_connected(&self, error: &(dyn StdError + 'static)) -> Error {
        if let Some(told) = self.insecure(error) {
            return told;
        }
        let chain = chain(error);
        if is_out_of_files(error) {
            return self.out_of_files(&chain);
        }
        let timed_out = sources(error)
            .filter_map(|source| source.downcast_ref::<std::io::Error>())
            .any(|io| io.kind() == ErrorKind::TimedOut);
        let status = match () {
            () if chain.contains("dns error") => Status::NetworkDns,
            () if timed_out => Status::TimeoutConnect,
            () => Status::NetworkConnect,
        };
        self.in_words(status, &chain)
    }

    /// Why there is no secure connection, where that is it.
    fn insecure(&self, error: &(dyn StdError + 'static)) -> Option<Error> {
        let trouble = sources(error).find_map(|source| source.downcast_ref::<rustls::Error>())?;
        let status = tls_status(trouble);
        let what = status.describe().trim_end_matches('.');
        let advice = tls_advice(status, trouble);
        Some(Error::new(
            status,
            format!("no secure connection to {self}: {what}; {advice} ({})", chain(error)),
        ))
    }

    /// The site has nothing to do with it.
    fn out_of_files(&self, why: &str) -> Error {
        let what = "no connection can be made: this process or machine has as many files open as it may";
        Error::new(Status::Network, format!("{what}, {self} was not asked ({why})"))
    }

    fn in_words(&self, status: Status, why: &str) -> Error {
        let what = match (status, self.proxy) {
            (Status::TimeoutConnect, _) => format!("{self} did not take the connection within the connect limit"),
            (Status::NetworkDns, _) => format!("the name of {self} has no address"),
            (Status::NetworkConnect, _) => format!("{self} cannot be reached"),
            (Status::NetworkProxy, Some(named_by)) => {
                format!("the proxy that {} did not make the connection to {self}", named(named_by))
            }
            (Status::Protocol, _) => format!("{self} did not answer in HTTP"),
            (Status::NetworkReset, _) => format!("{self} dropped the connection before the whole reply had come"),
            (Status::Timeout, _) => format!("the connection to {self} died: nothing on the way answered any more"),
            _ => format!("the exchange with {self} failed"),
        };
        Error::new(status, format!("{what} ({why})"))
    }

    fn status_of(&self, error: &reqwest::Error) -> Status {
        let text = chain(error);
        let at_proxy = |otherwise| if self.proxy.is_some() { Status::NetworkProxy } else { otherwise };
        if text.contains("dns error") {
            return at_proxy(Status::NetworkDns);
        }
        if text.contains("tunnel error") {
            return Status::NetworkProxy;
        }
        if error.is_connect() {
            return at_proxy(match error.is_timeout() {
                true => Status::TimeoutConnect,
                false => Status::NetworkConnect,
            });
        }
        let hyper = || sources(error).filter_map(|source| source.downcast_ref::<hyper::Error>());
        if hyper().any(|error| error.is_parse() && !error.is_incomplete_message()) {
            return Status::Protocol;
        }
        let io_dropped = sources(error)
            .filter_map(|source| source.downcast_ref::<std::io::Error>())
            .any(|io| is_dropped(io.kind()));
        if io_dropped || hyper().any(|error| error.is_incomplete_message() || error.is_canceled() || error.is_closed()) {
            return Status::NetworkReset;
        }
        if error.is_timeout() { Status::Timeout } else { Status::Network }
    }
}

/// Whether an established connection was given up because its other side said nothing any more, not even to probes.
pub(super) fn died_in_silence(error: &reqwest::Error) -> bool {
    !error.is_connect()
        && sources(error)
            .filter_map(|source| source.downcast_ref::<std::io::Error>())
            .any(|io| is_silent(io.kind()))
}

/// Whether there was no file descriptor left for a connection.
fn is_out_of_files(error: &(dyn StdError + 'static)) -> bool {
    #[cfg(unix)]
    const OUT_OF_FILES: [i32; 2] = [libc::EMFILE, libc::ENFILE];
    /// WSAEMFILE
    #[cfg(windows)]
    const OUT_OF_FILES: [i32; 1] = [10024];
    let mut codes = sources(error).filter_map(|source| source.downcast_ref::<std::io::Error>()?.raw_os_error());
    codes.any(|code| OUT_OF_FILES.contains(&code))
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

/// What named a proxy, as part of a sentence.
fn named(by: &str) -> String {
    match by.starts_with("the ") {
        true => format!("{by} names"),
        false => format!("the environment names in {by}"),
    }
}

fn tls_status(error: &rustls::Error) -> Status {
    let rustls::Error::InvalidCertificate(problem) = error else {
        return Status::Tls;
    };
    match problem {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Status::TlsUntrusted,
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => Status::TlsExpired,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Status::TlsHostName,
        _ if tls::is_authority_as_site(error) => Status::TlsUntrusted,
        _ => Status::Tls,
    }
}

/// What somebody may do about it.
fn tls_advice(status: Status, error: &rustls::Error) -> &'static str {
    use rustls::AlertDescription::{BadCertificate, CertificateRequired, HandshakeFailure, ProtocolVersion};
    match (status, error) {
        (Status::TlsUntrusted, _) => {
            "where that is right, name the certificate of its authority as CA file (the option ca_file or the variable SHOTGUN_API_CACERTS)"
        }
        (Status::TlsExpired, _) => "set this machine's clock, or have the site's certificate renewed",
        (Status::TlsHostName, _) => "use a name that it is for",
        (_, rustls::Error::InvalidMessage(_)) => "what answers there does not speak TLS: perhaps it is an http:// address, or another port",
        (_, rustls::Error::AlertReceived(CertificateRequired | BadCertificate)) => {
            "the site wants a certificate of the client, which is not supported"
        }
        (_, rustls::Error::AlertReceived(ProtocolVersion | HandshakeFailure) | rustls::Error::PeerIncompatible(_)) => {
            "the site must speak TLS 1.2 or 1.3 with today's ciphers"
        }
        _ => "something on the way may be breaking it",
    }
}
