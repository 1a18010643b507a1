//! People, Permission Roles, the Event Log, the requests received, and the sign-in of programs.

use std::time::Duration;

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use super::client::{Client, is, project, site};
use super::front_browser::Browser;

#[test]
fn people_are_listed_and_unlocked() {
    let site = site();
    let mut browser = Browser::signed_in(&site, "admin");
    let page = browser.get("/admin/people");
    page.has("10 people")
        .has("nina.weiss@studio.example")
        .has("Animators")
        .has("Disabled");
    page.lacks("Locked");
    for _ in 0..5 {
        assert!(Client::login(&site, "vendor", "wrong").ids("Shot", json!([])).is_err());
    }
    let vendor = Client::login(&site, "vendor", "vendor-pass-1");
    assert!(vendor.ids("Project", json!([])).is_err());
    let page = browser.get("/admin/people");
    let row = page.rows().into_iter().find(|row| row.contains("vendor@")).unwrap();
    assert!(row.contains("Locked") && row.contains("/admin/people/4/unlock"), "{row}");
    assert_eq!(page.text.matches("Locked").count(), 1);
    let answer = browser.submit("/admin/people", "/admin/people/4/unlock", &[]);
    let place = answer.is(303).header("location").to_owned();
    browser.get(&place).has("is unlocked").lacks("Locked");
    assert!(vendor.ids("Project", json!([])).is_ok());
    browser
        .get("/admin/events?entity=HumanUser+4")
        .has("Ada Marsh changed \"Locked Until\"".replace('"', "&quot;").as_str());
    browser.get("/admin/people?search=nina").has("1 person").lacks("artist@");
    browser.get("/admin/people?search=nobody").has("Show everybody");
}

#[test]
fn roles_tell_their_rules_in_sentences() {
    let site = site();
    let mut browser = Browser::signed_in(&site, "admin");
    let page = browser.get("/admin/roles");
    page.has("API Render Farm").has("Artist").has("Vendor");
    let artist = Client::admin(&site)
        .ids("PermissionRuleSet", json!([is("code", json!("artist"))]))
        .unwrap()[0];
    let page = browser.get(&format!("/admin/roles/{artist}"));
    page.has("held by 6").has("2615").has("May change Status of Task rows");
    page.has("the People of its Assigned To include the person signed in");
    page.has("May not read Script rows").has("2640–2649");
    // What comes of the rules: an artist reads some shots and creates none.
    let row = page.text.split("<tr>").find(|row| row.contains(">Shot ")).unwrap();
    assert!(row.contains("some rows") && row.contains("<td class=\"no\">no</td>"), "{row}");
}

#[test]
fn a_role_s_inherited_rules_are_shown_with_their_origin() {
    let allow = json!([{"id": 1, "effect": "allow", "verbs": ["read_entity", "create_entity"]}]);
    let own = json!([{"id": 7, "effect": "deny", "verbs": ["create_entity"], "entity_types": ["Shot"]}]);
    let seed = json!({
        "roles": [
            {"code": "base", "display_name": "Base", "entity_type": "HumanUser", "may": ["sudo"], "rules": allow},
            {"code": "admin", "display_name": "Admin", "entity_type": "HumanUser", "parent": "base", "rules": own},
        ],
        "entities": [{"type": "HumanUser", "rows": [{"login": "ann", "role": "admin", "password": "p"}]}],
    });
    let site = Sandbox::builder().seed_str(seed.to_string()).start().unwrap();
    let mut browser = Browser::new(&site);
    browser.sign_in("ann", "p").is(303);
    let page = browser.get("/admin/roles/2");
    page.has("From Base")
        .has("May read and create everything")
        .has("Its own")
        .has("May not create Shot rows");
}

/// Descriptions of the events that a page shows.
fn events(browser: &mut Browser, query: &str) -> Vec<String> {
    let page = browser.get(&format!("/admin/events?{query}"));
    page.is(200);
    let cells = page.rows().into_iter();
    cells
        .map(|row| {
            row.split("<td class=\"wide\"><span>")
                .nth(1)
                .unwrap()
                .split("</span>")
                .next()
                .unwrap()
                .to_owned()
        })
        .collect()
}

#[test]
fn events_are_filtered_by_the_site() {
    let site = site();
    let admin = Client::admin(&site);
    let shot = admin.new_shot("FILTERED");
    admin.update("Shot", shot, json!({"description": "x"})).unwrap();
    let sudo = admin.with("sudo_as_login", json!("manager"));
    sudo.update("Shot", shot, json!({"description": "y"})).unwrap();
    admin
        .create("EventLogEntry", json!({"event_type": "Studio_Shot_Old", "description": "An old event", "created_at": "2020-02-29T23:59:59Z", "project": project(2)}))
        .unwrap();
    let mut browser = Browser::signed_in(&site, "admin");
    let all = events(&mut browser, "");
    assert!(all[0].starts_with("Ada Marsh (admin) logged in"), "{all:?}");
    assert_eq!(
        events(&mut browser, "type=Shotgun_Shot_New"),
        ["pipeline_admin created new Shot FILTERED"]
    );
    assert!(
        events(&mut browser, "user=HumanUser+2")
            .iter()
            .all(|text| text.starts_with("Milo Grant"))
    );
    assert_eq!(events(&mut browser, "user=HumanUser+2").len(), 1);
    assert_eq!(events(&mut browser, &format!("entity=shot+{shot}&text=%22y%22")).len(), 1);
    assert_eq!(events(&mut browser, "entity=HumanUser").len(), 1);
    assert_eq!(events(&mut browser, "project=2"), ["An old event"]);
    assert_eq!(events(&mut browser, "to=2020-02-29"), ["An old event"]);
    assert_eq!(events(&mut browser, "from=2020-02-29&to=2020-03-01"), ["An old event"]);
    assert!(events(&mut browser, "from=2020-03-01&project=2").is_empty());
    assert!(events(&mut browser, "to=2020-02-28").is_empty());
    assert_eq!(events(&mut browser, "text=OLD+event"), ["An old event"]);
    // On behalf of: the person, and the script that really acted.
    let page = browser.get("/admin/events?user=HumanUser+2");
    page.has(">Milo Grant</a>, by <a href=\"/admin/events?user=ApiUser+1\">pipeline_admin</a>");
    page.has("sudo_actual_user");
    // What can't be understood is told beside its field, and what was typed is kept.
    let page = browser.get("/admin/events?entity=Shto&from=tomorrow&to=2026-02-30");
    page.is(200)
        .has("There is no entity type “Shto”")
        .has("value=\"Shto\"")
        .has("id=\"from-error\"")
        .has("id=\"to-error\"");
    browser.get("/admin/events?entity=Shot+x").has("the id of a row is wanted");
    let page = browser.get("/admin/events?type=Nope");
    page.has("No event is like this.");
    page.has("<option value=\"Nope\" selected>")
        .has("<option value=\"Shotgun_Shot_New\">");
    // A retired row is still named.
    admin.delete("Shot", shot).unwrap();
    let page = browser.get("/admin/events?type=Shotgun_Shot_Retirement");
    page.has("FILTERED").has(&format!("Shot {shot}, retired"));
    // One event by itself.
    let id = admin
        .ids("EventLogEntry", json!([is("event_type", json!("Studio_Shot_Old"))]))
        .unwrap()[0];
    browser
        .get(&format!("/admin/events/{id}"))
        .has("An old event")
        .has("2020-02-29 23:59:59");
    browser.get("/admin/events/999999").is(404);
}

#[test]
fn the_event_log_comes_in_pages() {
    let site = site();
    let admin = Client::admin(&site);
    for number in 0..120 {
        admin
            .create(
                "EventLogEntry",
                json!({"event_type": "Studio_Test", "description": format!("Number {number}.")}),
            )
            .unwrap();
    }
    let mut browser = Browser::signed_in(&site, "admin");
    let mut seen = Vec::new();
    for page in 1..=3 {
        seen.extend(events(&mut browser, &format!("type=Studio_Test&page={page}")));
    }
    let expected: Vec<String> = (0..120).rev().map(|number| format!("Number {number}.")).collect();
    assert_eq!(seen, expected);
    let page = browser.get("/admin/events?type=Studio_Test&page=2");
    page.has("120 events").has("Page 2 of 3");
    page.has("href=\"/admin/events?type=Studio_Test&amp;page=3\"");
    // Beyond the last page is the last one.
    let page = browser.get("/admin/events?type=Studio_Test&page=99999999999");
    page.is(200).has("Page 3 of 3").has("Number 0.");
    browser.get("/admin/events?page=-1").is(200).has("Page 1 of");
}

#[test]
fn lists_show_the_beginning_of_what_is_long() {
    let site = site();
    let admin = Client::admin(&site);
    let long = vec!["long text"; 50_000].join(" ");
    admin.update("Project", 1, json!({"sg_description": long})).unwrap();
    admin.update("ApiUser", 2, json!({"description": long})).unwrap();
    let shot = admin.new_shot("quiet");
    admin.update("Shot", shot, json!({"code": long})).unwrap();
    let mut browser = Browser::signed_in(&site, "admin");
    for path in ["/admin/events", "/admin/scripts", "/"] {
        let page = browser.get(path);
        assert!(page.text.len() < 100_000, "{path}: {}", page.text.len());
    }
    let id = admin.last_event() - 1;
    let page = browser.get("/admin/events");
    page.has("long text …").has(&format!("href=\"/admin/events/{id}\">Metadata</a>"));
    browser.get(&format!("/admin/events/{id}")).has(&long);
    browser.get("/admin/scripts/2").has(&long);
}

#[test]
fn requests_are_shown_without_their_secrets() {
    let site = site();
    let admin = Client::admin(&site);
    let mut browser = Browser::signed_in(&site, "admin");
    browser.get("/admin/requests").has("Nothing has been sent yet.");
    admin.ids("Shot", json!([])).unwrap();
    Client::person(&site, "artist")
        .update("Shot", 1, json!({"code": "no"}))
        .unwrap_err();
    admin
        .with("sudo_as_login", json!("manager"))
        .update("HumanUser", 3, json!({"password_proxy": "other-pass-1"}))
        .unwrap_err();
    let page = browser.get("/admin/requests");
    page.has("3 requests")
        .has("Error 104")
        .has("[Shot.code]")
        .has("pipeline_admin as manager")
        .has("*******");
    for secret in [&*site.script().api_key, "artist-pass-1", "other-pass-1"] {
        page.lacks(secret);
    }
    assert_eq!(page.rows().len(), 3);
    assert_eq!(browser.get("/admin/requests?method=read").rows().len(), 1);
    assert_eq!(browser.get("/admin/requests?sender=ARTIST").rows().len(), 1);
    assert_eq!(browser.get("/admin/requests?sender=pipeline&method=update").rows().len(), 1);
    assert_eq!(browser.get("/admin/requests?errors=on").rows().len(), 2);
    browser.get("/admin/requests?method=find").has("No request is like this.");
    browser
        .get("/admin/requests/1")
        .has("&quot;type&quot;: &quot;Shot&quot;")
        .lacks(&site.script().api_key);
    browser.get("/admin/requests/99").is(404);
    // Looking at them is no request of a client's.
    assert_eq!(site.request_count(), 3);
    // Parameters that are long are a page of their own, and many requests come in pages.
    admin.ids("Shot", json!([is("code", json!("x".repeat(20_000)))])).unwrap();
    browser
        .get("/admin/requests")
        .has("href=\"/admin/requests/4\">Parameters</a>")
        .lacks(&"x".repeat(20_000));
    browser.get("/admin/requests/4").has(&"x".repeat(20_000));
    for _ in 0..60 {
        admin.ids("Tag", json!([])).unwrap();
    }
    assert_eq!(browser.get("/admin/requests").rows().len(), 50);
    assert_eq!(browser.get("/admin/requests?page=2").rows().len(), 14);
    assert_eq!(browser.get("/admin/requests?page=9").rows().len(), 14);
}

#[test]
fn requests_that_are_no_calls_are_shown_too() {
    let site = site();
    let mut browser = Browser::signed_in(&site, "admin");
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let form = [
        ("script_name", "pipeline_admin"),
        ("script_key", "wrong-key"),
        ("entity_type", "Shot"),
    ];
    agent.post(format!("{}/upload/upload_file", site.url())).send_form(form).unwrap();
    agent.get(format!("{}/file_serve/attachment/77", site.url())).call().unwrap();
    agent
        .put(format!("{}/storage/{}/1?signature=secret", site.url(), "ab".repeat(32)))
        .send("x")
        .unwrap();
    let page = browser.get("/admin/requests");
    page.has("3 requests").lacks("wrong-key").lacks("signature=secret");
    page.has("<option value=\"/upload/upload_file\">")
        .has("<option value=\"/storage\">");
    assert_eq!(browser.get("/admin/requests?method=%2Ffile_serve%2Fattachment").rows().len(), 1);
    assert_eq!(browser.get("/admin/requests?sender=pipeline").rows().len(), 1);
    browser
        .get("/admin/requests/2")
        .has("GET /file_serve/attachment/77")
        .has("HTTP 400");
    let page = browser.get("/admin/requests/1");
    page.has("&quot;entity_type&quot;: &quot;Shot&quot;").has("*******");
}

#[test]
fn faults_are_installed_and_removed() {
    let site = site();
    let admin = Client::admin(&site);
    let mut browser = Browser::signed_in(&site, "admin");
    const PAGE: &str = "/admin/faults";
    browser.get(PAGE).has("Nothing goes wrong.").lacks("Remove all");
    let wrong = r#"[{"kind": "exception"}, {"kind": "explode <b>"}]"#;
    let page = browser.submit(PAGE, PAGE, &[("faults", wrong)]);
    page.is(422)
        .has("id=\"faults-error\"")
        .has("explode &lt;b&gt;")
        .has("Nothing goes wrong.");
    browser.submit(PAGE, PAGE, &[("faults", "{")]).is(422).has("no valid JSON");
    let fault = r#"{"kind": "exception", "code": 104, "message": "On demand", "method": "read", "times": 1, "name": "<i>once</i>"}"#;
    browser.submit(PAGE, PAGE, &[("faults", fault)]).is(303);
    assert_eq!(admin.ids("Shot", json!([])).unwrap_err().message, "On demand");
    assert!(admin.ids("Shot", json!([])).is_ok());
    let page = browser.get(PAGE);
    page.has("1 fault installed").has("&quot;On demand&quot;").lacks("<i>once");
    let row = page.rows()[0];
    assert!(row.contains(">2</td><td class=\"number\">1</td>"), "{row}");
    browser
        .get("/admin/requests?errors=on")
        .has("&lt;i&gt;once&lt;/i&gt;")
        .lacks("<i>once");
    browser.submit(PAGE, "/admin/faults/1/remove", &[]).is(303);
    browser.get(PAGE).has("Nothing goes wrong.");
    browser.submit(PAGE, "/admin/faults/1/remove", &[]).is(404);
    let two = format!("[{fault}, {fault}]");
    browser.submit(PAGE, PAGE, &[("faults", &two)]).is(303);
    browser.get(PAGE).has("2 faults installed");
    browser.submit(PAGE, "/admin/faults/clear", &[]).is(303);
    browser.get(PAGE).has("Nothing goes wrong.");
    // The examples are faults.
    let page = browser.get(PAGE);
    let examples = page.text.split("<code id=\"example-").skip(1);
    let mut count = 0;
    for example in examples {
        let text = example
            .split('>')
            .nth(1)
            .unwrap()
            .split('<')
            .next()
            .unwrap()
            .replace("&quot;", "\"");
        browser.submit(PAGE, PAGE, &[("faults", &text)]).is(303);
        count += 1;
    }
    assert_eq!(count, 5);
    // These pages are spared.
    site.add_faults(r#"{"kind": "status", "status": 503}"#).unwrap();
    browser.get(PAGE).is(200);
    assert!(browser.get("/").is(200).text.contains("Ada Marsh"));
}

/// What a program does that asks for a session: its page's path, and how to ask what became of it.
fn ask(site: &Sandbox) -> (String, impl Fn() -> (u16, Value)) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = format!("{}/internal_api/app_session_request", site.url());
    let mut reply = agent
        .post(&url)
        .send_form([("appName", "Maya <2026>"), ("machineId", "ws-041")])
        .unwrap();
    let reply: Value = serde_json::from_str(&reply.body_mut().read_to_string().unwrap()).unwrap();
    let path = reply["url"].as_str().unwrap().strip_prefix(site.url()).unwrap().to_owned();
    let again = format!("{url}/{}", reply["sessionRequestId"].as_str().unwrap());
    let poll = move || {
        let mut answer = agent.put(&again).send_empty().unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap())
    };
    (path, poll)
}

#[test]
fn a_person_approves_the_sign_in_of_a_program() {
    let site = site();
    let mut browser = Browser::new(&site);
    let (path, poll) = ask(&site);
    let login = browser.get(&path).is(303).header("location").to_owned();
    let form = [("login", "artist"), ("password", "artist-pass-1"), ("back", &*path)];
    assert_eq!(browser.submit(&login, "/user/login", &form).is(303).header("location"), path);
    let page = browser.get(&path);
    page.is(200).has("Maya &lt;2026&gt;").has("ws-041").has("Aki Tanaka");
    assert_eq!(poll(), (200, json!({"approved": false})));
    // Only what the page itself sends decides.
    browser.post(&path, &[("decision", "approve")]).is(403);
    browser.submit(&path, &path, &[("decision", "perhaps")]).is(400);
    assert_eq!(poll(), (200, json!({"approved": false})));
    browser.submit(&path, &path, &[("decision", "approve")]).is(200).has("Approved");
    browser.get(&path).is(200).has("Approved");
    let (_, reply) = poll();
    assert_eq!((&reply["approved"], &reply["userLogin"]), (&json!(true), &json!("artist")));
    let session = Client::new(site.url(), json!({"session_token": reply["sessionToken"]}));
    assert_eq!(session.ids("Project", json!([])).unwrap(), [1]);
    browser.get(&path).is(404).has("This request has ended");
}

#[test]
fn a_person_rejects_the_sign_in_of_a_program_or_is_too_late() {
    let site = Sandbox::builder()
        .app_session_lifetime(Duration::from_millis(1500))
        .start()
        .unwrap();
    let mut browser = Browser::signed_in(&site, "artist");
    let (path, poll) = ask(&site);
    let late = ask(&site).0;
    browser.submit(&path, &path, &[("decision", "reject")]).is(200).has("Rejected");
    assert_eq!(poll().0, 404);
    browser.get(&path).is(404);
    let token = browser.get(&late).is(200).form_token().to_owned();
    std::thread::sleep(Duration::from_millis(1600));
    browser.get(&late).is(404).has("This request has ended");
    browser.post(&late, &[("decision", "approve"), ("form_token", &token)]).is(404);
    // Who is somebody else signs in as that, and comes back.
    let (path, _) = ask(&site);
    let answer = browser.submit(&path, "/user/logout", &[("back", &path)]);
    assert_eq!(
        answer.is(303).header("location"),
        format!("/user/login?back={}", path.replace('/', "%2F"))
    );
}
