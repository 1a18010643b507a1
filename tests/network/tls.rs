//! Whom the client trusts, with a real nginx on the other side.

use serde_json::json;

use crate::lab::{PLAIN, SITE, Section, THERE, attempt, attempt_with, text_of};
use crate::nginx::{Nginx, port};
use crate::tools::Folder;

pub fn check() {
    let folder = Folder::new("network-tls");
    let nginx = Nginx::start(&folder.0);
    let mut section = Section::new(
        "22-tls",
        "TLS",
        "An nginx stands before the site, the storage is another host behind it. Each case is a call, an upload and a download; none \
         goes over a connection that was not verified.",
        &["the site", "call", "upload", "download"],
    );
    let at = |port: u16| format!("https://site.test:{port}");
    let ca = json!(nginx.ca);
    let with_ca = |port: u16| attempt(&json!({"url": at(port), "ca": ca}));

    section.expect("its authority is in the CA file", &with_ca(port::GOOD), "OK", "");
    let variable = nginx.ca.display().to_string();
    let named = attempt_with(&[("SHOTGUN_API_CACERTS", &variable)], &json!({"url": at(port::GOOD)}));
    section.expect("its authority is in the file that SHOTGUN_API_CACERTS names", &named, "OK", "");
    let store = attempt_with(&[("SSL_CERT_FILE", &variable)], &json!({"url": at(port::GOOD)}));
    section.expect("its authority is in the system's trust store", &store, "OK", "");
    let other = nginx.other_ca.display().to_string();
    let both = attempt_with(&[("SHOTGUN_API_CACERTS", &other)], &json!({"url": at(port::GOOD), "ca": ca}));
    section.expect("as the first, SHOTGUN_API_CACERTS names another authority", &both, "OK", "");
    let unknown = attempt(&json!({"url": at(port::GOOD)}));
    section.expect("its authority is unknown", &unknown, "TLS_UNTRUSTED", "SHOTGUN_API_CACERTS");
    section.expect(
        "it is signed by another authority",
        &with_ca(port::UNKNOWN),
        "TLS_UNTRUSTED",
        "CA file",
    );
    let renewed = "have the site's certificate renewed";
    section.expect("its certificate is expired", &with_ca(port::EXPIRED), "TLS_EXPIRED", renewed);
    section.expect("its certificate is not valid yet", &with_ca(port::EARLY), "TLS_EXPIRED", "clock");
    section.expect(
        "its certificate is for another name",
        &with_ca(port::ELSEWHERE),
        "TLS_HOST_NAME",
        "use a name that it is for",
    );
    let other_name = attempt(&json!({"url": format!("https://other.site.test:{}", port::GOOD), "ca": ca}));
    section.expect("two names at one port: each shows its own certificate (SNI)", &other_name, "OK", "");
    let address = |port: u16| attempt(&json!({"url": format!("https://{THERE}:{port}"), "ca": ca}));
    section.expect(
        "it is called by its address, which the certificate names",
        &address(port::BY_ADDRESS),
        "OK",
        "",
    );
    let by_address = address(port::GOOD);
    section.expect(
        "it is called by its address, which the certificate does not name",
        &by_address,
        "TLS_HOST_NAME",
        "use a name",
    );

    for (port, what) in [
        (port::SELF_SIGNED, "signed by itself"),
        (port::SELF_SIGNED_AUTHORITY, "signed by itself, as an authority (openssl req -x509)"),
    ] {
        section.expect(what, &with_ca(port), "TLS_UNTRUSTED", "CA file");
        // The storage behind the site is signed by the authority, so both are in the file.
        let file = folder.file(&format!("{port}-both.pem"), text_of(&nginx.certificate(port)) + &text_of(&nginx.ca));
        let trusted = attempt(&json!({"url": at(port), "ca": file}));
        section.expect(&format!("{what}; it is in the CA file"), &trusted, "OK", "");
    }
    let itself = |port: u16| attempt(&json!({"url": at(port), "ca": nginx.certificate(port)}));
    section.expect(
        "the same, expired, in the CA file",
        &itself(port::SELF_SIGNED_EXPIRED),
        "TLS_EXPIRED",
        renewed,
    );
    let elsewhere = itself(port::SELF_SIGNED_ELSEWHERE);
    section.expect(
        "the same, for another name, in the CA file",
        &elsewhere,
        "TLS_HOST_NAME",
        "use a name",
    );

    let nothing = [("SSL_CERT_FILE", "/nonexistent/file"), ("SSL_CERT_DIR", "/nonexistent/folder")];
    let no_roots = attempt_with(&nothing, &json!({"url": at(port::GOOD)}));
    section.expect("this machine has no trust store", &no_roots, "TLS_NO_ROOTS", "CA file");
    let no_roots = attempt_with(&nothing, &json!({"url": at(port::GOOD), "ca": ca}));
    section.expect("this machine has no trust store; a CA file is named", &no_roots, "OK", "");

    section.expect("it speaks TLS 1.2 alone", &with_ca(port::TLS12), "OK", "");
    section.expect("it speaks TLS 1.3 alone", &with_ca(port::TLS13), "OK", "");
    section.expect("it speaks TLS 1.1 alone", &with_ca(port::TLS11), "TLS", "TLS 1.2 or 1.3");
    section.expect("it speaks TLS 1.0 alone", &with_ca(port::TLS10), "TLS", "TLS 1.2 or 1.3");
    section.expect(
        "it speaks plain HTTP, and is called by https",
        &with_ca(PLAIN),
        "TLS",
        "does not speak TLS",
    );
    let plain = attempt(&json!({"url": format!("http://site.test:{}", port::GOOD)}));
    section.check(plain.statuses.iter().all(|status| status != "OK") && plain.say("HTTPS"), &plain);
    section.row("it speaks TLS, and is called by http", plain.cells());
    let wants = with_ca(port::WANTS_CLIENT);
    section.check(
        wants.statuses.iter().all(|status| status != "OK") && wants.say("certificate"),
        &wants,
    );
    section.row("it wants a certificate of the client", wants.cells());

    for port in [port::RESUMED12, port::RESUMED13] {
        let seen = with_ca(port);
        section.check(seen.all("OK"), seen);
    }
    let log = text_of(&nginx.folder.join("tls.log"));
    for (protocol, name) in [("TLSv1.2", "TLS 1.2"), ("TLSv1.3", "TLS 1.3")] {
        let resumed = log.contains(&format!("r {protocol} "));
        section.check(resumed, &log);
        let cell = if resumed { "resumed" } else { "anew" };
        section.row(
            &format!("{name}, a new connection for each request: the session is"),
            vec![cell.to_owned(); 3],
        );
    }
    section.check(SITE.attachment > 0, "the site is there");
    section.finish();
}
