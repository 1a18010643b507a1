//! The proxy that a host names.

use crate::client::credentials::Secret;
use crate::client::error::{Error, Result};

/// The port of a proxy that names none, as for the official client.
const PROXY_PORT: u16 = 8080;

/// Reads `[user:password@]host[:port]`, or a URL, as a proxy for everything.
pub(super) fn proxy(text: &str) -> Result<reqwest::Proxy> {
    // The text may hold a password, so no message repeats it.
    let wrong = || Error::invalid_argument("proxy is no address; write [user:password@]host[:port] or http://[user:password@]host[:port]");
    let (scheme, user, place) = parts(text);
    if !scheme.eq_ignore_ascii_case("http") {
        return Err(Error::invalid_argument("proxy must be an http proxy"));
    }
    let user = user.map(|user| user.split_once(':').ok_or_else(wrong)).transpose()?;
    let mut url = url::Url::parse(&format!("http://{place}")).map_err(|_| wrong())?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || url.host_str().is_none_or(str::is_empty) {
        return Err(wrong());
    }
    let names_port = place
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    if !names_port {
        url.set_port(Some(PROXY_PORT)).map_err(|()| wrong())?;
    }
    let proxy = reqwest::Proxy::all(url).map_err(|_| wrong())?;
    Ok(match user {
        Some((name, password)) => proxy.basic_auth(name, password),
        None => proxy,
    })
}

/// The password in it.
pub(super) fn password(text: &str) -> Option<Secret> {
    let (_, password) = parts(text).1?.split_once(':')?;
    Some(Secret::new(password))
}

/// The scheme, the user and the place of a proxy.
fn parts(text: &str) -> (&str, Option<&str>, &str) {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let rest = rest.trim_end_matches('/');
    match rest.rsplit_once('@') {
        Some((user, place)) => (scheme, Some(user), place),
        None => (scheme, None, rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::status::Status;

    #[test]
    fn proxies_are_read_as_the_official_client_reads_them() {
        for good in [
            "proxy.example.com",
            "proxy:3128",
            "joe:p@ss:word@127.0.0.1:8888",
            "http://proxy.example.com/",
            "[::1]:3128",
        ] {
            assert!(proxy(good).is_ok(), "{good}");
        }
        for bad in ["", "https://proxy", "user@proxy", "proxy:1234:5678", "proxy:99999", "proxy/path"] {
            let error = proxy(bad).unwrap_err();
            assert_eq!(error.status, Status::InvalidArgument, "{bad}");
        }
        assert!(!proxy("joe:hunter2@proxy:1:2").unwrap_err().message.contains("hunter2"));
    }
}
