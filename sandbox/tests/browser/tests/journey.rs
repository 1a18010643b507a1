//! What a person does at the site's pages, in a real browser: `cargo xtask test browser`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use anyhow::Result;
use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;
use shotgrid_sandbox_browser::Browser;
use thirtyfour::Key;

/// A call of the wire, as a plug-in makes it.
fn call(site: &Sandbox, method: &str, authentication: &Value, parameters: Value) -> Value {
    let body = json!({"method_name": method, "params": [authentication, parameters]}).to_string();
    let mut reply = ureq::post(format!("{}/api3/json", site.url()))
        .content_type("application/json")
        .send(&body)
        .unwrap();
    serde_json::from_str(&reply.body_mut().read_to_string().unwrap()).unwrap()
}

async fn sign_in(browser: &Browser, login: &str, password: &str) -> Result<()> {
    browser.fill("#login", login).await?;
    browser.fill("#password", password).await?;
    browser.follow("main button[type=submit]").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium: cargo xtask test browser"]
async fn a_plug_in_s_author_adds_a_script_and_watches_it_work() -> Result<()> {
    let site = Sandbox::builder().start()?;
    let browser = Browser::start(site.url()).await?;

    // From the first page to the sign-in, and back to where one wanted to go.
    browser.open("/admin/scripts").await?;
    assert_eq!(browser.path().await?, "/user/login?back=%2Fadmin%2Fscripts");
    sign_in(&browser, "admin", "wrong").await?;
    assert!(browser.text("[role=alert]").await?.contains("not right"));
    assert_eq!(browser.value("document.activeElement.id").await?, "password");
    sign_in(&browser, "admin", "admin-pass-1").await?;
    assert_eq!(browser.path().await?, "/admin/scripts");
    assert_eq!(
        browser.value("document.cookie").await?,
        "",
        "a script can read the session's cookie"
    );

    // A script is added, first with a slip.
    browser.follow(".heading .primary").await?;
    browser.fill("#description", "Brings <b>deliveries</b> in").await?;
    browser.fill("#email", "td@studio.example").await?;
    browser.follow("main button[type=submit]").await?;
    assert_eq!(browser.text("#firstname-error").await?, "A script needs a name.");
    let kept = browser.find("#description").await?.prop("value").await?;
    assert_eq!(kept.as_deref(), Some("Brings <b>deliveries</b> in"));
    browser.fill("#firstname", "ingest").await?;
    browser.follow("main button[type=submit]").await?;
    let key = browser.text("#application-key").await?;
    assert_eq!(key.len(), 64);

    // The key is copied, and pasted elsewhere.
    browser.click("[data-copy=application-key]").await?;
    let shown = browser.path().await?;
    assert!(
        shown.starts_with("/admin/scripts/"),
        "loading this page again would send the form again: {shown}"
    );
    browser.open("/admin/people").await?;
    browser.click("#search").await?;
    browser.press(Key::Control + "v").await?;
    assert_eq!(browser.find("#search").await?.prop("value").await?, Some(key.clone()));
    browser.open(&shown).await?;
    assert!(!browser.text("main").await?.contains(&key), "the key is shown twice");

    // The script works, also on behalf of a person, and is refused what it may not do.
    let script = json!({"script_name": "ingest", "script_key": key});
    let shot = json!({"type": "Shot", "fields": [
        {"field_name": "code", "value": "<script>document.title='run'</script>"},
        {"field_name": "project", "value": {"type": "Project", "id": 1}}]});
    let made = call(&site, "create", &script, shot);
    assert!(made["results"]["id"].is_i64(), "{made}");
    let mut on_behalf = script.clone();
    on_behalf["sudo_as_login"] = json!("artist");
    let status = json!({"type": "Shot", "id": 1, "fields": [{"field_name": "sg_status_list", "value": "ip"}]});
    assert_eq!(call(&site, "update", &on_behalf, status)["error_code"], 104);
    on_behalf["sudo_as_login"] = json!("manager");
    let status = json!({"type": "Shot", "id": 1, "fields": [{"field_name": "description", "value": "Seen"}]});
    call(&site, "update", &on_behalf, status);

    // It is in the event log.
    browser.open("/admin/events").await?;
    browser.click("#type option[value=Shotgun_Shot_New]").await?;
    browser.follow(".filters [type=submit]").await?;
    assert_eq!(browser.value("document.querySelectorAll('tbody tr').length").await?, 1);
    assert!(browser.text("tbody tr").await?.contains("ingest created new Shot <script>"));
    browser.click("tbody details summary").await?;
    assert!(browser.text("tbody pre").await?.contains("\"new_entity\""));
    browser.open("/admin/events?text=Seen").await?;
    assert!(browser.text("tbody tr").await?.contains("Milo Grant, by ingest"));

    // And among the requests, its key masked and the refusal told.
    browser.open("/admin/requests?sender=ingest&errors=on").await?;
    let row = browser.text("tbody tr").await?;
    assert!(
        row.contains("Error 104") && row.contains("[Shot.sg_status_list]") && row.contains("as artist"),
        "{row}"
    );
    browser.click("tbody details summary").await?;
    let parameters = browser.text("tbody pre").await?;
    assert!(
        parameters.contains("\"script_key\": \"*******\"") && !parameters.contains(&key),
        "{parameters}"
    );

    // The key is renewed: the old one is refused.
    browser.open(&shown).await?;
    browser.click("details.confirm summary").await?;
    browser.follow("details.confirm[open] button").await?;
    let renewed = browser.text("#application-key").await?;
    assert_ne!(renewed, key);
    let read = json!({"type": "Shot"});
    assert_eq!(call(&site, "read", &script, read.clone())["error_code"], 102);
    let script = json!({"script_name": "ingest", "script_key": renewed});
    assert!(call(&site, "read", &script, read)["results"].is_object());
    assert_eq!(browser.complaints().await?, Vec::<String>::new());
    browser.quit().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium: cargo xtask test browser"]
async fn a_person_lets_a_program_sign_in() -> Result<()> {
    let site = Sandbox::builder().start()?;
    let browser = Browser::start(site.url()).await?;
    let url = format!("{}/internal_api/app_session_request", site.url());
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut reply = agent.post(&url).send_form([("appName", "Maya 2026"), ("machineId", "ws-041")])?;
    let asked: Value = serde_json::from_str(&reply.body_mut().read_to_string()?)?;
    let again = format!("{url}/{}", asked["sessionRequestId"].as_str().unwrap());
    let poll = || -> Result<Value> { Ok(serde_json::from_str(&agent.put(&again).send_empty()?.body_mut().read_to_string()?)?) };

    browser
        .open(asked["url"].as_str().unwrap().strip_prefix(site.url()).unwrap())
        .await?;
    sign_in(&browser, "artist", "artist-pass-1").await?;
    let page = browser.text("main").await?;
    assert!(
        page.contains("Maya 2026") && page.contains("ws-041") && page.contains("Aki Tanaka"),
        "{page}"
    );
    assert_eq!(poll()?, json!({"approved": false}));
    browser.follow("button[value=approve]").await?;
    assert_eq!(browser.text("h1").await?, "Approved");
    let session = poll()?;
    assert_eq!((&session["approved"], &session["userLogin"]), (&json!(true), &json!("artist")));
    let token = json!({"session_token": session["sessionToken"]});
    let projects = call(&site, "read", &token, json!({"type": "Project"}));
    assert_eq!(projects["results"]["entities"].as_array().unwrap().len(), 1);
    browser.quit().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium: cargo xtask test browser"]
async fn pages_work_by_keyboard_and_fit_at_every_width() -> Result<()> {
    let site = Sandbox::builder().start()?;
    let browser = Browser::start(site.url()).await?;
    browser.open("/user/login").await?;
    // The login has the focus; the return key sends the form.
    browser.press("admin".to_owned() + Key::Tab).await?;
    browser.press("admin-pass-1".to_owned() + Key::Enter).await?;
    browser.find(".who .person").await?;
    browser.open("/admin/people").await?;
    browser.press(Key::Tab + "").await?;
    assert_eq!(browser.value("document.activeElement.className").await?, "skip");
    assert_eq!(browser.value("document.activeElement.getBoundingClientRect().top > 0").await?, true);
    browser.press(Key::Enter + "").await?;
    browser.press(Key::Tab + "").await?;
    assert_eq!(browser.value("document.activeElement.id").await?, "search");
    let outline = browser.value("getComputedStyle(document.activeElement).outlineStyle").await?;
    assert_eq!(outline, "solid", "the focus does not show");

    let pages = [
        "/",
        "/admin/scripts",
        "/admin/scripts/1",
        "/admin/people",
        "/admin/roles",
        "/admin/roles/4",
        "/admin/events",
        "/admin/requests",
        "/admin/faults",
        "/user/nowhere",
    ];
    let mut backgrounds = Vec::new();
    for (width, scheme) in [(1280, "light"), (800, "dark")] {
        browser.shape(width, scheme).await?;
        for page in pages {
            browser.open(page).await?;
            let widest = browser.value("document.documentElement.scrollWidth").await?;
            assert!(widest.as_u64().unwrap() <= u64::from(width), "{page} is {widest} wide at {width}");
        }
        browser.open("/").await?;
        backgrounds.push(browser.value("getComputedStyle(document.body).backgroundColor").await?);
    }
    assert_ne!(backgrounds[0], backgrounds[1]);
    browser.quit().await?;
    Ok(())
}
