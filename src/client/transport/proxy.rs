//! Which way a request goes: through the proxy that a host names, one that the environment names, or none.

use std::net::IpAddr;
use std::sync::Arc;

use url::{Host, Url};

use crate::client::credentials::Secret;
use crate::client::error::{Error, Result};
use crate::client::options::Options;
use crate::client::site::{self, percent_decode};

/// The port of a proxy that names none, as for the official client.
const PROXY_PORT: u16 = 8080;

/// A proxy.
#[derive(Clone)]
pub(super) struct Via {
    address: Url,
    /// What named it, for messages.
    pub(super) named_by: &'static str,
}

/// Every way that a client may take. The environment is read once, when the client is made.
pub(super) struct Ways {
    plain: Way,
    secure: Way,
    exceptions: Vec<Exception>,
    /// Whether what is on this machine is reached straight.
    spares_loopback: bool,
}

/// For addresses of one scheme.
type Way = Result<Option<Via>>;

impl Ways {
    pub(super) fn new(options: &Options) -> Result<Ways> {
        let same = |way: Option<Via>| Ways {
            plain: Ok(way.clone()),
            secure: Ok(way),
            exceptions: Vec::new(),
            spares_loopback: false,
        };
        if options.no_proxy {
            return Ok(same(None));
        }
        match &options.proxy {
            Some(proxy) => Ok(same(Some(named_by_host(proxy.expose())?))),
            None => Ok(Ways::of_environment(|name| std::env::var(name).ok())),
        }
    }

    /// As curl reads it: small letters win, what is empty says nothing. What goes to this machine must not cross the network
    /// by way of a proxy.
    fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Ways {
        let set = |name: &'static str| {
            let value = variable(name)?;
            let value = value.trim();
            (!value.is_empty()).then(|| (name, value.to_owned()))
        };
        let way = |names: &[&'static str]| match names.iter().find_map(|name| set(name)) {
            Some((name, value)) => named_by_environment(name, &value).map(Some),
            None => Ok(None),
        };
        // In a program that a web server starts for each request, HTTP_PROXY is what the visitor sent as the header "Proxy".
        let capitals = if set("REQUEST_METHOD").is_some() {
            "http_proxy"
        } else {
            "HTTP_PROXY"
        };
        let exceptions = ["no_proxy", "NO_PROXY"].into_iter().find_map(set);
        let exceptions = exceptions.map_or_else(Vec::new, |(_, list)| {
            let entries = list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty());
            entries.map(Exception::read).collect()
        });
        Ways {
            plain: way(&["http_proxy", capitals, "all_proxy", "ALL_PROXY"]),
            secure: way(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            exceptions,
            spares_loopback: true,
        }
    }

    /// The proxy on the way to an address. It fails where a proxy is named that cannot be used.
    pub(super) fn via(&self, url: &Url) -> Result<Option<&Via>> {
        let spared = self.spares_loopback && site::is_loopback(url);
        if spared || self.exceptions.iter().any(|exception| exception.covers(url)) {
            return Ok(None);
        }
        let way = if url.scheme() == "http" { &self.plain } else { &self.secure };
        way.as_ref().map(Option::as_ref).map_err(Clone::clone)
    }

    /// The passwords of the proxies, as they were given and as they are sent.
    pub(super) fn passwords(&self) -> impl Iterator<Item = Secret> {
        let ways = [&self.plain, &self.secure].into_iter();
        ways.filter_map(|way| way.as_ref().ok()?.as_ref()?.address.password())
            .flat_map(|password| {
                let sent = String::from_utf8_lossy(&percent_decode(password)).into_owned();
                [Secret::new(password), Secret::new(sent)]
            })
    }

    /// What the HTTP stack asks, several times for each request and each time with an address that it has parsed anew. Nothing where no
    /// way leads through a proxy.
    pub(super) fn rule(self: &Arc<Self>) -> Option<reqwest::Proxy> {
        if [&self.plain, &self.secure].iter().all(|way| !matches!(way, Ok(Some(_)))) {
            return None;
        }
        let ways = Arc::clone(self);
        Some(reqwest::Proxy::custom(move |url| {
            ways.via(url).ok().flatten().map(|via| via.address.clone())
        }))
    }
}

/// Reads `[user:password@]host[:port]`, or a URL, as the proxy for everything.
fn named_by_host(text: &str) -> Result<Via> {
    // The text may hold a password, so no message repeats it.
    let wrong = || Error::invalid_argument("proxy is no address; write [user:password@]host[:port] or http://[user:password@]host[:port]");
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest.trim_end_matches('/')),
        None => (None, text.trim_end_matches('/')),
    };
    if scheme.is_some_and(|scheme| !scheme.eq_ignore_ascii_case("http")) {
        return Err(Error::invalid_argument(
            "proxy must be an http proxy, which carries https sites too; socks and https proxies are not supported",
        ));
    }
    let (user, place) = match rest.rsplit_once('@') {
        Some((user, place)) => (Some(user.split_once(':').ok_or_else(wrong)?), place),
        None => (None, rest),
    };
    let mut address = Url::parse(&format!("http://{place}")).map_err(|_| wrong())?;
    if !is_place(&address) {
        return Err(wrong());
    }
    let names_port = place
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    if !names_port {
        address.set_port(Some(PROXY_PORT)).map_err(|()| wrong())?;
    }
    if let Some((name, password)) = user {
        // Only a URL has escapes: without a scheme, every character is meant.
        let escaped = |part: &str| {
            if scheme.is_some() {
                part.to_owned()
            } else {
                part.replace('%', "%25")
            }
        };
        address.set_username(&escaped(name)).map_err(|()| wrong())?;
        address.set_password(Some(&escaped(password))).map_err(|()| wrong())?;
    }
    Ok(Via {
        address,
        named_by: "the option proxy",
    })
}

/// Reads a variable's value: a URL, or one without its scheme.
fn named_by_environment(variable: &'static str, text: &str) -> Result<Via> {
    let wrong = |what: &str| {
        Error::invalid_argument(format!(
            "the environment names in {variable} a proxy that {what}; write http://[user:password@]host[:port] there, unset it, \
             name a proxy by option, or set no_proxy"
        ))
    };
    let whole = match text.contains("://") {
        true => text.to_owned(),
        false => format!("http://{text}"),
    };
    let address = Url::parse(&whole).map_err(|_| wrong("is no address"))?;
    match address.scheme() {
        "http" | "https" if is_place(&address) => Ok(Via {
            address,
            named_by: variable,
        }),
        "http" | "https" => Err(wrong("is no address of a proxy alone")),
        _ => Err(wrong("is no http proxy, and no other kind is supported")),
    }
}

fn is_place(url: &Url) -> bool {
    url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.host_str().is_some_and(|host| !host.is_empty())
}

/// An entry of `NO_PROXY`.
enum Exception {
    All,
    /// An address, or the network of so many leading bits.
    Net(IpAddr, u32),
    /// A host, or all below a domain, at one port or at all.
    Name(String, Option<u16>),
}

impl Exception {
    fn read(entry: &str) -> Exception {
        if entry == "*" {
            return Exception::All;
        }
        let bare = |text: &str| text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if let Ok(address) = bare(entry) {
            return Exception::Net(address, 128);
        }
        if let Some((address, bits)) = entry.split_once('/')
            && let (Ok(address), Ok(bits)) = (bare(address), bits.parse())
        {
            return Exception::Net(address, bits);
        }
        let (name, port) = match entry.rsplit_once(':') {
            Some((name, port)) if port.parse::<u16>().is_ok() => (name, port.parse().ok()),
            _ => (entry, None),
        };
        let name = name.trim_start_matches('*').trim_matches(['.', '[', ']']);
        Exception::Name(name.to_ascii_lowercase(), port)
    }

    fn covers(&self, url: &Url) -> bool {
        match (self, url.host()) {
            (Exception::All, _) => true,
            (Exception::Net(net, bits), Some(Host::Ipv4(address))) => within(*net, *bits, address.into()),
            (Exception::Net(net, bits), Some(Host::Ipv6(address))) => within(*net, *bits, address.into()),
            (Exception::Name(name, port), Some(_)) => {
                let host = url.host_str().unwrap_or_default().trim_matches(['.', '[', ']']);
                let below = |rest: &str| rest.is_empty() || (rest.ends_with('.') && matches!(url.host(), Some(Host::Domain(_))));
                (port.is_none() || *port == url.port_or_known_default())
                    && !name.is_empty()
                    && host.strip_suffix(name.as_str()).is_some_and(below)
            }
            _ => false,
        }
    }
}

/// Whether two addresses of one kind begin with the same bits.
fn within(net: IpAddr, bits: u32, address: IpAddr) -> bool {
    let (one, other, length) = match (net, address) {
        (IpAddr::V4(net), IpAddr::V4(address)) => (u128::from(net.to_bits()), u128::from(address.to_bits()), 32),
        (IpAddr::V6(net), IpAddr::V6(address)) => (net.to_bits(), address.to_bits(), 128),
        _ => return false,
    };
    (one ^ other).checked_shr(length - bits.min(length)).unwrap_or(0) == 0
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
