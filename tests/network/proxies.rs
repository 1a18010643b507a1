//! Which way the client goes, with real proxies to choose from.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::lab::{Ending, HERE, PLAIN, Section, Seen, THERE, attempt, attempt_with, start, text_of, wait_for};
use crate::nginx::{Nginx, port};
use crate::tools::Folder;

const OPEN: u16 = 8888;
const GUARDED: u16 = 8889;
/// Where nobody listens.
const DOWN: u16 = 8890;
const PASSWORD: &str = "hunter2";

/// A tinyproxy, and what it notes about every request.
struct Proxy {
    _program: Ending,
    log: PathBuf,
    read: usize,
}

impl Proxy {
    fn start(folder: &Path, port: u16, more: &str) -> Proxy {
        let log = folder.join(format!("tinyproxy-{port}.log"));
        let config = folder.join(format!("tinyproxy-{port}.conf"));
        let text = format!(
            "Port {port}\nListen {THERE}\nTimeout 60\nAllow 10.77.0.0/24\nMaxClients 50\nLogLevel Info\nLogFile \"{}\"\n{more}\n",
            log.display()
        );
        std::fs::write(&config, text).unwrap();
        let program = Ending(start("tinyproxy", &["-d", "-c", &config.display().to_string()]));
        wait_for(port);
        Proxy {
            _program: program,
            log,
            read: 0,
        }
    }

    /// Whether the proxy was asked for one of these since the last time.
    fn saw(&mut self, hosts: &[String]) -> bool {
        let log = text_of(&self.log);
        let new = log.get(self.read..).unwrap_or_default().to_owned();
        self.read = log.len();
        !hosts.is_empty() && hosts.iter().all(|host| new.contains(host.as_str()))
    }
}

/// A row of the table: what was seen, and which way it went.
struct Table {
    section: Section,
    open: Proxy,
    guarded: Proxy,
}

impl Table {
    fn row(&mut self, case: &str, seen: &Seen, status: &str, part: &str, way: &str, hosts: &[String]) {
        let went = match (self.open.saw(hosts), self.guarded.saw(hosts)) {
            (true, _) => "the proxy",
            (_, true) => "the proxy with a password",
            _ => "straight",
        };
        let went = if status == "OK" { went } else { "nowhere" };
        self.section.check(went == way, (case, went));
        self.section.check(seen.all(status) && seen.say(part), (case, status, part, seen));
        self.section
            .check(!format!("{seen:?}").contains("hunter"), (case, "tells the password", seen));
        let cells = seen.cells().into_iter().chain([went.to_owned()]).collect();
        self.section.row(case, cells);
    }
}

pub fn check() {
    let folder = Folder::new("network-proxies");
    let nginx = Nginx::start(&folder.0);
    let mut table = Table {
        section: Section::new(
            "23-proxies",
            "Proxies",
            "Two tinyproxies, one of which wants a password. The site is behind an nginx with TLS, its storage another host, unless a \
             case says otherwise. Each case is a call, an upload and a download. No password of a proxy is in any message.",
            &["case", "call", "upload", "download", "they went by"],
        ),
        open: Proxy::start(&folder.0, OPEN, ""),
        guarded: Proxy::start(&folder.0, GUARDED, &format!("BasicAuth joe {PASSWORD}")),
    };
    let secure = format!("https://site.test:{}", port::GOOD);
    let plain = format!("http://site.test:{PLAIN}");
    // Of an https site, the proxy sees the site and its storage by name; of an http site, whole addresses.
    let tunnels = ["site.test", "files.test"].map(|host| format!("CONNECT {host}:"));
    let forwards = [
        format!("POST http://site.test:{PLAIN}/api3/json"),
        format!("PUT http://{THERE}:{PLAIN}/storage/"),
    ];
    let (open, guarded, down) = (
        format!("{THERE}:{OPEN}"),
        format!("joe:{PASSWORD}@{THERE}:{GUARDED}"),
        format!("{THERE}:{DOWN}"),
    );
    let through = |url: &str, proxy: &str| attempt(&json!({"url": url, "ca": nginx.ca, "proxy": proxy}));

    let mut row = |case: &str, seen: Seen, way: &str, hosts: &[String]| table.row(case, &seen, "OK", "", way, hosts);
    row("proxy by option", through(&secure, &open), "the proxy", &tunnels);
    row("proxy by option, http site", through(&plain, &open), "the proxy", &forwards);
    row(
        "proxy by option, as a URL",
        through(&secure, &format!("http://{open}/")),
        "the proxy",
        &tunnels,
    );
    row(
        "proxy by option, by name",
        through(&secure, &format!("site.test:{OPEN}")),
        "the proxy",
        &tunnels,
    );
    row("with a password", through(&secure, &guarded), "the proxy with a password", &tunnels);
    row(
        "with a password, http site",
        through(&plain, &guarded),
        "the proxy with a password",
        &forwards,
    );
    let escaped = format!("http://joe:hunter%32@{THERE}:{GUARDED}");
    row(
        "with a password, as a URL",
        through(&secure, &escaped),
        "the proxy with a password",
        &tunnels,
    );
    let none = attempt(&json!({"url": secure, "ca": nginx.ca, "proxy": down, "no_proxy": true}));
    row("proxy by option, and \"no proxy\"", none, "straight", &tunnels);

    let wrong = format!("joe:hunter2wrong@{THERE}:{GUARDED}");
    let nobody = format!("{THERE}:{GUARDED}");
    let hanging = TcpListener::bind((HERE, 0)).unwrap();
    let silent = hanging.local_addr().unwrap().to_string();
    let named = "the option proxy";
    for (case, url, proxy, part) in [
        ("wrong password", &secure, &wrong, named),
        ("no password where one is wanted", &secure, &nobody, named),
        ("no password where one is wanted, http site", &plain, &nobody, "407"),
        ("the proxy is down", &secure, &down, named),
        ("the proxy is down, http site", &plain, &down, named),
        ("the proxy's name has no address", &secure, &"nowhere.invalid:1".to_owned(), named),
        ("the proxy takes the connection and says nothing", &secure, &silent, named),
    ] {
        let seen = attempt(&json!({"url": url, "ca": nginx.ca, "proxy": proxy, "attempts": 1, "connect": 1500, "timeout": 6000}));
        table.row(case, &seen, "NETWORK_PROXY", part, "nowhere", &[]);
    }
    // For a wrong password, though not for none, this proxy answers as a site would.
    let seen = through(&plain, &wrong);
    table.row(
        "wrong password, http site; the proxy answers 401",
        &seen,
        "AUTH_BLOCKED",
        "401",
        "nowhere",
        &[],
    );
    let seen = through(&secure, &format!("socks5://joe:hunter2@{open}"));
    table.row("a socks proxy by option", &seen, "INVALID_ARGUMENT", "socks", "nowhere", &[]);
    let site_down = attempt(&json!({"url": format!("https://site.test:{DOWN}"), "ca": nginx.ca, "proxy": open, "attempts": 1}));
    table.row(
        "the site behind the proxy is down",
        &site_down,
        "NETWORK_PROXY",
        named,
        "nowhere",
        &[],
    );

    let case = |url: &str| json!({"url": url, "ca": nginx.ca});
    let (open, guarded, down) = (
        format!("http://{open}"),
        format!("http://joe:hunter%32@{THERE}:{GUARDED}/"),
        format!("http://{down}"),
    );
    let on_loopback = format!("http://127.0.0.1:{DOWN}");
    let (proxy, with_password, straight) = ("the proxy", "the proxy with a password", "straight");
    type Variables<'a> = &'a [(&'a str, &'a str)];
    let environments: &[(Variables<'_>, &String, &str)] = &[
        (&[("https_proxy", &open)], &secure, proxy),
        (&[("HTTPS_PROXY", &open)], &secure, proxy),
        (&[("all_proxy", &open)], &secure, proxy),
        (&[("ALL_PROXY", &open)], &secure, proxy),
        (&[("http_proxy", &down)], &secure, straight),
        (&[("http_proxy", &open)], &plain, proxy),
        (&[("HTTP_PROXY", &open)], &plain, proxy),
        (&[("HTTP_PROXY", &down), ("REQUEST_METHOD", "GET")], &plain, straight),
        (&[("ALL_PROXY", &open)], &plain, proxy),
        (&[("https_proxy", &down)], &plain, straight),
        (
            &[("https_proxy", &open), ("HTTPS_PROXY", &down), ("ALL_PROXY", &down)],
            &secure,
            proxy,
        ),
        (&[("https_proxy", ""), ("ALL_PROXY", &open)], &secure, proxy),
        (&[("https_proxy", &guarded)], &secure, with_password),
        (&[("http_proxy", &guarded)], &plain, with_password),
        (&[("https_proxy", &down), ("no_proxy", "*")], &secure, straight),
        (&[("https_proxy", &down), ("NO_PROXY", "site.test,files.test")], &secure, straight),
        (&[("https_proxy", &down), ("no_proxy", "other.test, .test")], &secure, straight),
        (&[("https_proxy", &down), ("no_proxy", "*.test")], &secure, straight),
        (
            &[("https_proxy", &down), ("no_proxy", "site.test:9001,files.test:9002")],
            &secure,
            straight,
        ),
        (
            &[("https_proxy", &open), ("no_proxy", "site.test:443,files.test:443")],
            &secure,
            proxy,
        ),
        (&[("https_proxy", &open), ("no_proxy", "ite.test,test.site.test")], &secure, proxy),
        (&[("http_proxy", &down), ("no_proxy", "10.77.0.0/16,site.test")], &plain, straight),
        (
            &[("http_proxy", &on_loopback), ("no_proxy", "10.77.0.2 site.test")],
            &plain,
            straight,
        ),
    ];
    for (environment, url, way) in environments {
        let seen = attempt_with(environment, &case(url));
        let hosts: &[String] = if *url == &secure { &tunnels } else { &forwards };
        table.row(&told(environment, url), &seen, "OK", "", way, hosts);
    }
    let with = |proxy: &str, more: (&str, Value)| {
        let mut case = case(&secure);
        case[more.0] = more.1;
        attempt_with(&[("https_proxy", proxy), ("no_proxy", "*")], &case)
    };
    let seen = with(&down, ("proxy", json!(open)));
    table.row("proxy by option; https_proxy=(down) no_proxy=*", &seen, "OK", "", proxy, &tunnels);
    let mut none = case(&secure);
    none["no_proxy"] = json!(true);
    let seen = attempt_with(&[("https_proxy", &down), ("ALL_PROXY", &down)], &none);
    table.row("\"no proxy\" by option; https_proxy=(down)", &seen, "OK", "", straight, &tunnels);

    let socks = "socks5://joe:hunter2@10.77.0.2:1080".to_owned();
    let wrong = format!("http://{wrong}");
    for (environment, url, status, part) in [
        (&[("https_proxy", &down)], &secure, "NETWORK_PROXY", "https_proxy"),
        (&[("ALL_PROXY", &down)], &plain, "NETWORK_PROXY", "ALL_PROXY"),
        (&[("https_proxy", &wrong)], &secure, "NETWORK_PROXY", "https_proxy"),
        (&[("ALL_PROXY", &socks)], &secure, "INVALID_ARGUMENT", "ALL_PROXY"),
    ] {
        let mut case = case(url);
        case["attempts"] = json!(1);
        let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        table.row(
            &told(&environment, url),
            &attempt_with(&environment, &case),
            status,
            part,
            "nowhere",
            &[],
        );
    }
    table.section.finish();
}

/// The variables as a person would write them.
fn told(environment: &[(&str, &str)], url: &str) -> String {
    let variables = environment.iter().map(|(name, value)| {
        let value = match *value {
            _ if value.contains("wrong") => "(wrong password)",
            _ if value.starts_with("socks") => "(socks5)",
            _ if value.contains(&format!(":{DOWN}")) => "(down)",
            _ if value.contains(&format!(":{GUARDED}")) => "(with a password)",
            _ if value.contains(&format!(":{OPEN}")) => "(proxy)",
            other => other,
        };
        format!("{name}={value}")
    });
    let site = if url.starts_with("https") { "" } else { ", http site" };
    format!("{}{site}", variables.collect::<Vec<_>>().join(" "))
}
