//! A site's address, and what may be said to it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use url::{Host, Url};

use super::credentials::Secret;
use super::error::{Error, Result};

/// Where a site is.
#[derive(Clone, Debug)]
pub(super) struct Site {
    /// Its root, from which the addresses of forms and files are made.
    pub(super) address: Url,
    /// The endpoint of every remote call.
    pub(super) rpc: Url,
    /// The value of the `Authorization` header, from user information in the address.
    pub(super) basic: Option<Secret>,
    /// The password in it.
    pub(super) password: Option<Secret>,
}

impl Site {
    /// Reads an address such as `https://studio.shotgrid.autodesk.com`.
    pub(super) fn parse(address: &str, allow_insecure_http: bool) -> Result<Site> {
        let wrong = |problem: String| {
            Error::invalid_argument(format!(
                "site_url {problem}; give the site's address alone, such as https://studio.example.com"
            ))
        };
        let trimmed = address.trim();
        if trimmed.is_empty() {
            return Err(wrong("is empty".into()));
        }
        let lower = trimmed.to_ascii_lowercase();
        if !lower.starts_with("http://") && !lower.starts_with("https://") {
            return Err(wrong(match lower.split_once("://") {
                Some((scheme, _)) if !scheme.contains(['@', '/', ':']) => {
                    format!(
                        "has the scheme \"{}\", and only https and http are spoken",
                        super::document::shorten(scheme)
                    )
                }
                _ => "has no scheme: it must begin with https://".into(),
            }));
        }
        let mut url = Url::parse(trimmed).map_err(|error| wrong(format!("is no address ({error})")))?;
        if !matches!(url.path(), "" | "/") {
            // Where a password with a slash in it broke the address apart, the rest of it looks like a path.
            let shown = Some(url.path()).filter(|_| !trimmed.contains('@'));
            let shown = shown.map_or(String::new(), |path| format!(" ({})", super::document::shorten(path)));
            return Err(wrong(format!("has a path{shown}")));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("has a query or fragment".into()));
        }
        if url.scheme() == "http" && !allow_insecure_http && !is_loopback(&url) {
            return Err(Error::invalid_argument(
                "site_url begins with http://, so credentials would cross the network in clear text; use https://, or set \
                 allow_insecure_http if that network is trusted",
            ));
        }
        if url.username().is_empty() && url.password().is_some() {
            return Err(wrong("has a password without a user".into()));
        }
        let basic = basic_authorization(&url);
        let password = url.password().map(percent_decode);
        let password = password.map(|password| Secret::new(String::from_utf8_lossy(&password)));
        // Neither can fail on an address with a host, which every http address has.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let rpc = url.join("/api3/json").map_err(|error| wrong(format!("is no address ({error})")))?;
        Ok(Site {
            address: url,
            rpc,
            basic,
            password,
        })
    }

    /// The value of the `Authorization` header of remote calls.
    pub(super) fn basic_header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(self.basic.as_ref()?.expose()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The address of something on the site. `None` if the path is none.
    pub(super) fn at(&self, path: &str) -> Result<Url> {
        self.address
            .join(path)
            .map_err(|error| Error::invalid_argument(format!("{} is no path on the site: {error}", super::document::shorten(path))))
    }

    /// Whether an address is on this site, so that it may be told the session.
    pub(super) fn owns(&self, url: &Url) -> bool {
        self.address.origin() == url.origin()
    }
}

/// Host and port as a person would write them, for messages.
pub(super) fn name_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Whether an address is on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A user without a password stands for itself.
fn basic_authorization(url: &Url) -> Option<Secret> {
    if url.username().is_empty() {
        return None;
    }
    let mut user = percent_decode(url.username());
    if let Some(password) = url.password() {
        user.push(b':');
        user.extend(percent_decode(password));
    }
    Some(Secret::new(format!("Basic {}", STANDARD.encode(user))))
}

pub(super) fn percent_decode(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let mut plain = Vec::with_capacity(rest.len());
    while let [first, tail @ ..] = rest {
        let byte = match tail {
            [high, low, ..] if *first == b'%' => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                digit(high).zip(digit(low)).map(|(high, low)| (high * 16 + low) as u8)
            }
            _ => None,
        };
        plain.push(byte.unwrap_or(*first));
        rest = tail.get(if byte.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::status::Status;

    fn refused(address: &str) -> String {
        let error = Site::parse(address, false).unwrap_err();
        assert_eq!(error.status, Status::InvalidArgument, "{address}");
        error.message.clone()
    }

    #[test]
    fn addresses_that_are_taken() {
        for (address, rpc) in [
            ("https://studio.example.com", "https://studio.example.com/api3/json"),
            ("https://studio.example.com/", "https://studio.example.com/api3/json"),
            ("HTTPS://Studio.Example.COM", "https://studio.example.com/api3/json"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api3/json"),
            ("http://localhost:1", "http://localhost:1/api3/json"),
            ("http://[::1]:80", "http://[::1]/api3/json"),
            ("  https://studio.example.com \n", "https://studio.example.com/api3/json"),
        ] {
            assert_eq!(Site::parse(address, false).unwrap().rpc.as_str(), rpc, "{address}");
        }
    }

    #[test]
    fn addresses_that_are_refused_say_why() {
        assert!(refused("").contains("is empty"));
        assert!(refused("studio.example.com").contains("no scheme"));
        assert!(refused("studio.example.com:8080").contains("no scheme"));
        assert!(refused("ftp://studio.example.com").contains("\"ftp\""));
        assert!(refused("https://studio.example.com/page/12").contains("has a path (/page/12)"));
        assert!(refused("https://studio.example.com/sub/").contains("has a path"));
        assert!(refused("https://studio.example.com/?a=b").contains("query"));
        assert!(refused("https://studio.example.com:99999").contains("port"));
        assert!(refused("https://").contains("is no address"));
        assert!(refused("http://studio.example.com").contains("clear text"));
        assert!(refused("http://127.0.0.1.example.com").contains("clear text"));
        assert!(Site::parse("http://studio.example.com", true).is_ok());
    }

    #[test]
    fn user_information_becomes_an_authorization_and_shows_nowhere() {
        let site = Site::parse("https://user:Pa%40ss@studio.example.com", false).unwrap();
        assert_eq!(site.basic.as_ref().unwrap().expose(), "Basic dXNlcjpQYUBzcw==");
        assert!(!format!("{site:?}").contains("Pa"));
        let alone = Site::parse("https://user@studio.example.com", false).unwrap();
        assert_eq!(alone.basic.unwrap().expose(), "Basic dXNlcg==");
        assert!(!refused("https://user:hunter2@studio.example.com/x").contains("hunter2"));
        assert!(!refused("user:hunter2@studio.example.com").contains("hunter2"));
        assert!(!refused("https://user:12/hunter2@studio.example.com").contains("hunter2"));
        let no_user = refused("https://:hunter2@studio.example.com");
        assert!(no_user.contains("a password without a user") && !no_user.contains("hunter2"));
        assert!(!refused("user:hunter2://studio.example.com").contains("hunter2"));
    }
}
