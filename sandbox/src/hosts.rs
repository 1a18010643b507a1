//! Names that a request may call this machine by.

use std::net::IpAddr;

/// The host that a request names, without its port.
fn name(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        // The colons within brackets are the address's own.
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => authority,
    }
}

/// Whether a host, with or without its port, can only mean this machine. Any other name may have been pointed here by
/// somebody else's name server, to have a browser that stands inside carry requests from outside.
pub(crate) fn is_this_machine(authority: &str) -> bool {
    let name = name(authority).to_ascii_lowercase();
    if name == "localhost" || name.ends_with(".localhost") {
        return true;
    }
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(&name);
    address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_its_own() {
        for name in [
            "127.0.0.1",
            "127.0.0.1:8080",
            "localhost:80",
            "LocalHost",
            "site.localhost:1",
            "[::1]:80",
            "[::1]",
            "127.8.9.1:2",
        ] {
            assert!(is_this_machine(name), "{name}");
        }
        for name in [
            "",
            "evil.example",
            "evil.example:8080",
            "127.0.0.1.evil.example:80",
            "localhost.evil.example",
            "10.0.0.1:80",
            "notlocalhost",
            "[::2]:80",
            "evil.example@127.0.0.1",
        ] {
            assert!(!is_this_machine(name), "{name}");
        }
    }
}
