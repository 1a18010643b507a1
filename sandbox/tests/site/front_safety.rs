//! What every page owes to whoever opens it: no stranger's text as markup, no secrets, nothing beyond one's role.

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use super::client::{Client, id_of, project, site};
use super::front_browser::Browser;

/// Every page for administrators.
const PAGES: [&str; 14] = [
    "/admin/faults",
    "/admin/scripts",
    "/admin/scripts/new",
    "/admin/scripts/1",
    "/admin/people",
    "/admin/people?search=a",
    "/admin/roles",
    "/admin/roles/1",
    "/admin/roles/4",
    "/admin/events",
    "/admin/events/1",
    "/admin/requests",
    "/admin/requests/1",
    "/admin/requests?sender=x",
];

const NASTY: &str = "<script>alert(\"x\")</script><img src=x onerror=alert(1)>'\"&amp;";

/// A site in which everything that can be named is named badly.
fn nasty_site() -> (Sandbox, String) {
    let site = site();
    let admin = Client::admin(&site);
    admin.update("HumanUser", 1, json!({"firstname": NASTY})).unwrap();
    admin.update("Project", 1, json!({"name": NASTY})).unwrap();
    admin.update("Group", 1, json!({"code": NASTY})).unwrap();
    let shot = id_of(&admin.create("Shot", json!({"code": NASTY, "project": project(1)})).unwrap());
    admin.delete("Shot", shot).unwrap();
    admin.update("ApiUser", 1, json!({"description": NASTY, "email": NASTY})).unwrap();
    let script = admin.create("ApiUser", json!({"firstname": NASTY})).unwrap();
    let key = script["salted_password"].as_str().unwrap().to_owned();
    let nasty = Client::script(&site, NASTY, &key).with("sudo_as_login", json!("manager"));
    nasty.new_shot(NASTY);
    assert!(nasty.call(NASTY, json!({NASTY: NASTY})).is_err());
    assert!(Client::login(&site, NASTY, NASTY).ids("Shot", json!([])).is_err());
    (site, key)
}

#[test]
fn names_are_never_markup() {
    let (site, key) = nasty_site();
    let mut browser = Browser::signed_in(&site, "admin");
    let pages = PAGES.iter().map(|page| (*page).to_owned());
    let more = [
        "/".to_owned(),
        format!("/admin/events?text={}", "%3Cscript%3E"),
        "/admin/scripts/3".to_owned(),
    ];
    let mut seen = 0;
    for path in pages.chain(more).collect::<Vec<_>>() {
        let page = browser.get(&path);
        page.is(200).lacks("<script>").lacks("<img src=x").lacks("onerror=alert(1)>'\"");
        seen += page.text.matches("&lt;script&gt;").count();
        // Secrets are nowhere.
        page.lacks(&key).lacks(&site.script().api_key);
        // The first page tells the passwords of the default seed.
        assert_eq!(page.text.contains("admin-pass-1"), path == "/", "{path}");
        page.lacks(&browser.cookies["_session_id"]);
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn pages_run_nothing_that_is_written_into_them() {
    let site = site();
    Client::admin(&site).new_shot("one");
    let mut browser = Browser::signed_in(&site, "admin");
    for path in PAGES
        .iter()
        .chain(&["/", "/nowhere", "/app_session_request/none", "/admin/roles/999"])
    {
        let page = browser.get(path);
        if *path == "/nowhere" {
            page.is(404);
            continue;
        }
        let policy = page.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("script-src 'self'"),
            "{path}: {policy}"
        );
        assert!(
            !policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("referrer-policy"), "same-origin");
        // One script, from a file; no style and no handler in the page itself.
        assert_eq!(page.text.matches("<script").count(), 1, "{path}");
        page.lacks(" style=").lacks(" onclick=").lacks("javascript:").lacks("http://fonts");
        // Every control has its label.
        for control in page
            .text
            .split("<input ")
            .skip(1)
            .filter(|control| !control.starts_with("type=\"hidden\""))
        {
            let id = control.split("id=\"").nth(1).unwrap().split('"').next().unwrap();
            page.has(&format!("for=\"{id}\""));
        }
    }
    for (asset, kind) in [("/front/style.css", "text/css"), ("/front/front.js", "text/javascript")] {
        let page = browser.get(asset);
        assert!(page.is(200).header("content-type").starts_with(kind));
    }
}

#[test]
fn administration_is_for_administrators() {
    let site = site();
    let admin = Client::admin(&site);
    admin.new_shot("one");
    let state = || {
        let scripts = admin.find("ApiUser", json!([]), json!(["firstname", "description"])).unwrap();
        let people = admin.find("HumanUser", json!([]), json!(["locked_until"])).unwrap();
        Value::from([scripts, people].concat())
    };
    admin
        .update("HumanUser", 4, json!({"locked_until": "2099-01-01T00:00:00Z"}))
        .unwrap();
    let before = state();
    site.add_faults(r#"{"kind": "status", "status": 503, "path": "/nowhere"}"#).unwrap();
    let key = site.script().api_key.clone();
    for role in ["artist", "manager"] {
        let mut browser = Browser::signed_in(&site, role);
        browser.get("/").is(200).lacks("/admin/");
        for path in PAGES {
            browser.get(path).is(403).has("For administrators").lacks("<table");
        }
        let role_form = [
            ("firstname", "sneaky"),
            ("permission_rule_set", "1"),
            ("generate_event_log_entries", "on"),
            ("faults", "{\"kind\": \"drop\"}"),
        ];
        for path in [
            "/admin/scripts",
            "/admin/scripts/1",
            "/admin/scripts/1/key",
            "/admin/scripts/1/retire",
            "/admin/people/4/unlock",
            "/admin/faults",
            "/admin/faults/clear",
            "/admin/faults/1/remove",
        ] {
            browser.submit("/", path, &role_form).is(403).has("For administrators");
        }
    }
    assert_eq!(state(), before);
    assert_eq!(site.faults().len(), 1);
    assert!(Client::script(&site, &site.script().name, &key).ids("Shot", json!([])).is_ok());
    let mut nobody = Browser::new(&site);
    for path in PAGES {
        assert!(nobody.get(path).is(303).header("location").starts_with("/user/login?back="));
    }
}

#[test]
fn a_site_on_this_machine_answers_to_its_own_names_only() {
    let site = site();
    let mut browser = Browser::signed_in(&site, "admin");
    let port = site.url().rsplit(':').next().unwrap().to_owned();
    for host in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
    ] {
        browser.headers = vec![("host".to_owned(), host.clone())];
        let page = browser.get("/admin/scripts");
        page.is(421).lacks("pipeline_admin").lacks("Ada Marsh");
        assert!(!page.header("content-security-policy").is_empty());
    }
    for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}")] {
        browser.headers = vec![("host".to_owned(), host)];
        browser.get("/admin/scripts").is(200);
    }
}

#[test]
fn only_the_default_seed_s_people_are_told() {
    let default = site();
    Browser::new(&default).get("/user/login").has("artist-pass-1");
    Browser::new(&default).get("/").has("artist-pass-1");
    let seed = json!({
        "roles": [{"code": "admin", "display_name": "Admin", "entity_type": "HumanUser", "may": ["sudo"], "rules": [
            {"id": 1, "effect": "allow", "verbs": ["read_entity"]}]}],
        "entities": [{"type": "HumanUser", "rows": [{"login": "ann", "firstname": "Ann", "role": "admin", "password": "private-1"}]}],
    });
    let own = Sandbox::builder().seed_str(seed.to_string()).start().unwrap();
    let mut browser = Browser::new(&own);
    browser.get("/user/login").is(200).lacks("private-1").lacks("ann");
    browser.get("/").is(200).lacks("private-1").lacks("ann");
    browser.sign_in("ann", "private-1").is(303);
    // This administrator may read and no more: the pages are bound by the role, too.
    browser.get("/admin/scripts").is(200).has("There is no script yet.");
    browser.get("/").lacks("private-1");
}

#[test]
fn forms_are_short() {
    let site = site();
    let mut browser = Browser::signed_in(&site, "admin");
    let long = "x".repeat(100_000);
    browser.submit("/", "/admin/scripts", &[("description", &long)]).is(413);
}
