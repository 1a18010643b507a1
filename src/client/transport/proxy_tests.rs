//! Tests of which way a request goes.

use super::*;
use crate::client::status::Status;

fn ways(variables: &[(&str, &str)]) -> Ways {
    Ways::of_environment(|name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

/// The proxy on the way, as host and port.
fn way(ways: &Ways, url: &str) -> String {
    let via = ways.via(&Url::parse(url).unwrap()).unwrap();
    via.map_or("straight".to_owned(), |via| site::name_of(&via.address))
}

#[test]
fn proxies_are_read_as_the_official_client_reads_them() {
    for (good, address) in [
        ("proxy.example.com", "http://proxy.example.com:8080/"),
        ("proxy:3128", "http://proxy:3128/"),
        ("joe:p@ss:word@127.0.0.1:8888", "http://joe:p%40ss%3Aword@127.0.0.1:8888/"),
        ("joe:50%25@proxy:1", "http://joe:50%2525@proxy:1/"),
        ("http://joe:p%40ss@proxy:1", "http://joe:p%40ss@proxy:1/"),
        ("http://proxy.example.com/", "http://proxy.example.com:8080/"),
        ("[::1]:3128", "http://[::1]:3128/"),
    ] {
        assert_eq!(named_by_host(good).unwrap().address.as_str(), address, "{good}");
    }
    let bad = [
        "",
        "https://proxy",
        "socks5://proxy:1080",
        "user@proxy",
        "proxy:1234:5678",
        "proxy:99999",
        "proxy/path",
    ];
    for bad in bad {
        let error = named_by_host(bad).err().unwrap();
        assert_eq!(error.status, Status::InvalidArgument, "{bad}");
    }
    let error = named_by_host("joe:hunter2@proxy:1:2").err().unwrap();
    assert!(!error.message.contains("hunter2"));
}

#[test]
fn the_environment_is_read_by_scheme_and_small_letters_win() {
    let both = ways(&[
        ("HTTPS_PROXY", "http://big:1"),
        ("https_proxy", "small:2"),
        ("HTTP_PROXY", "http://plain:3/"),
    ]);
    assert_eq!(way(&both, "https://site.example.com"), "small:2");
    assert_eq!(way(&both, "http://site.example.com"), "plain:3");
    let all = ways(&[("ALL_PROXY", "http://all:4"), ("https_proxy", ""), ("http_proxy", " ")]);
    assert_eq!(way(&all, "https://site.example.com"), "all:4");
    assert_eq!(way(&all, "http://site.example.com"), "all:4");
    assert_eq!(way(&all, "http://127.0.0.1:80"), "straight");
    assert_eq!(way(&all, "https://localhost"), "straight");
    let started_by_web_server = ways(&[("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "http://visitor:1")]);
    assert_eq!(way(&started_by_web_server, "http://site.example.com"), "straight");
    assert_eq!(way(&ways(&[]), "https://site.example.com"), "straight");
}

#[test]
fn exceptions_are_names_domains_addresses_networks_and_ports() {
    let straight = |list: &str, url: &str| way(&ways(&[("all_proxy", "http://p:1"), ("no_proxy", list)]), url) == "straight";
    for (list, url) in [
        ("*", "https://anything.example.com"),
        ("example.com", "https://example.com"),
        ("example.com", "https://site.example.com"),
        (".example.com", "https://site.example.com"),
        ("*.example.com", "https://site.example.com"),
        ("a.b, Site.Example.COM", "https://site.example.com"),
        ("a.b site.example.com", "https://site.example.com"),
        ("site.example.com:8443", "https://site.example.com:8443"),
        ("site.example.com:443", "https://site.example.com"),
        ("10.1.2.3", "http://10.1.2.3:8000"),
        ("10.1.2.3:8000", "http://10.1.2.3:8000"),
        ("10.0.0.0/8", "http://10.1.2.3"),
        ("0.0.0.0/0", "http://10.1.2.3"),
        ("fd00::/8", "http://[fd12::1]:80"),
        ("[fd12::1]", "http://[fd12::1]:80"),
    ] {
        assert!(straight(list, url), "{list} {url}");
    }
    for (list, url) in [
        ("", "https://example.com"),
        (",", "https://example.com"),
        (".", "https://example.com"),
        ("example.com", "https://notexample.com"),
        ("site.example.com", "https://example.com"),
        ("site.example.com:8443", "https://site.example.com"),
        ("10.0.0.0/8", "http://11.1.2.3"),
        ("10.1.2.3", "http://110.1.2.3"),
        ("2.3", "http://10.1.2.3"),
        ("10.0.0.0/8", "http://[fd12::1]:80"),
        ("10.0.0.0/8", "https://site.example.com"),
    ] {
        assert!(!straight(list, url), "{list} {url}");
    }
}

#[test]
fn a_proxy_that_cannot_be_used_is_no_reason_to_go_straight() {
    for wrong in [
        "socks5://joe:hunter2@proxy:1080",
        "http://joe:hunter2@",
        "http://joe:hunter2@proxy/path",
        "joe:hunter2@pro xy",
    ] {
        let ways = ways(&[("ALL_PROXY", wrong), ("http_proxy", "http://plain:3")]);
        let error = ways.via(&Url::parse("https://site.example.com").unwrap()).err().unwrap();
        assert_eq!(error.status, Status::InvalidArgument, "{wrong}");
        assert!(error.message.contains("ALL_PROXY") && !error.message.contains("hunter2"), "{error}");
        assert_eq!(way(&ways, "http://site.example.com"), "plain:3");
    }
}
