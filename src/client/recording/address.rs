//! What of an address may be written down: signatures stand in queries, and passwords before the host.

use super::REMOVED;

/// Parameters that may prove something, by a part of their names.
const TELLING: [&str; 12] = [
    "sig",
    "token",
    "credential",
    "key",
    "secret",
    "session",
    "auth",
    "password",
    "policy",
    "hash",
    "saml",
    "code",
];
/// A value from this length on may be a signature whatever its name is.
const LONGEST_PLAIN: usize = 8;

/// A text without the passwords and signatures of the addresses in it.
pub(super) fn without_secrets(text: &str) -> String {
    without_signatures(&without_passwords(text), false)
}

/// An address without passwords and signatures. What has no name in its query may be one as well.
pub(super) fn alone(address: &str) -> String {
    without_signatures(&without_passwords(address), true)
}

/// Whether there may be something to remove.
pub(super) fn may_hold_secrets(text: &str) -> bool {
    text.contains("://") || (text.contains(['?', '&']) && text.contains('='))
}

fn without_passwords(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("://") {
        clean.push_str(before);
        clean.push_str("://");
        let end = behind
            .find(|letter: char| letter == '/' || ends_address(letter))
            .unwrap_or(behind.len());
        let (authority, after) = behind.split_at(end);
        match authority.rsplit_once('@') {
            Some((_, host)) => {
                clean.push_str(REMOVED);
                clean.push('@');
                clean.push_str(host);
            }
            None => clean.push_str(authority),
        }
        rest = after;
    }
    clean.push_str(rest);
    clean
}

fn without_signatures(text: &str, is_address: bool) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['?', '&']) {
        let (before, behind) = rest.split_at(at + 1);
        clean.push_str(before);
        let end = behind
            .find(|letter: char| letter == '&' || letter == '#' || letter == '?' || ends_address(letter))
            .unwrap_or(behind.len());
        let (pair, after) = behind.split_at(end);
        match pair.split_once('=') {
            Some((name, value)) if is_telling(name, value) => {
                clean.push_str(name);
                clean.push('=');
                clean.push_str(REMOVED);
            }
            None if is_address && pair.len() >= LONGEST_PLAIN => clean.push_str(REMOVED),
            _ => clean.push_str(pair),
        }
        rest = after;
    }
    clean.push_str(rest);
    clean
}

fn is_telling(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    value.len() >= LONGEST_PLAIN || (!value.is_empty() && TELLING.iter().any(|part| name.contains(part)))
}

fn ends_address(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '"' | '\'' | '<' | '>' | '\\' | '`')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_and_passwords_go_and_the_rest_stays() {
        for (text, clean) in [
            ("https://site/x?id=12", "https://site/x?id=12"),
            (
                "see https://b.s3/k%20y?X-Amz-Signature=ab&n=1 there",
                "see https://b.s3/k%20y?X-Amz-Signature=secret-removed&n=1 there",
            ),
            (
                "https:\\/\\/b.s3\\/k?sig=1\\u0026x",
                "https:\\/\\/b.s3\\/k?sig=secret-removed\\u0026x",
            ),
            ("<a href='https://s/?a=12345678#top'>", "<a href='https://s/?a=secret-removed#top'>"),
            ("http://u:pw@proxy:1/x@y", "http://secret-removed@proxy:1/x@y"),
            ("what? a & b = c", "what? a & b = c"),
        ] {
            assert_eq!(without_secrets(text), clean);
            assert_eq!(without_secrets(clean), clean, "it is clean already");
        }
        assert_eq!(without_secrets("who?R&Development"), "who?R&Development");
        assert_eq!(alone("https://s/x?0123456789&n"), "https://s/x?secret-removed&n");
        assert_eq!(alone("https://s/x?secret-removed&n"), "https://s/x?secret-removed&n");
    }
}
