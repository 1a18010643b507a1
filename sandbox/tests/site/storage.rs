//! The storage behind uploads: what is abandoned goes, and nobody waits for somebody else's large file.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use shotgrid_sandbox::Sandbox;

use super::client::{Client, id_of, project};
use super::data_files::Scratch;
use super::raw::{connect, read_answer, send};

const WAIT: Duration = Duration::from_secs(15);

fn form(site: &Sandbox, path: &str, fields: &str) -> String {
    let script = site.script();
    let body = format!("{fields}&script_name={}&script_key={}", script.name, script.api_key);
    let mut stream = connect(site);
    stream.set_read_timeout(Some(WAIT)).unwrap();
    send(&mut stream, &format!("POST /upload/{path}"), "", body.as_bytes());
    String::from_utf8(read_answer(&mut stream).body).unwrap()
}

/// The reply to the first step, and the upload's id.
fn begin(site: &Sandbox, in_parts: bool) -> (String, String) {
    let flag = if in_parts { "True" } else { "False" };
    let info = form(
        site,
        "api_get_upload_link_info",
        &format!("upload_type=Attachment&filename=a.mov&multipart_upload={flag}"),
    );
    let id = info.lines().nth(4).unwrap_or_else(|| panic!("{info}")).to_owned();
    (info, id)
}

fn put(site: &Sandbox, reply: &str, body: &[u8]) -> String {
    let url = reply.lines().nth(1).unwrap().strip_prefix(site.url()).unwrap();
    let mut stream = connect(site);
    send(&mut stream, &format!("PUT {url}"), "", body);
    let answer = read_answer(&mut stream);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let etag = answer.headers.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    etag.to_owned()
}

fn put_part(site: &Sandbox, upload: &str, number: i64, body: &[u8]) -> String {
    let link = form(
        site,
        "api_get_upload_link_for_part",
        &format!("upload_id={upload}&part_number={number}"),
    );
    put(site, &link, body)
}

fn complete(site: &Sandbox, upload: &str, etags: &[String]) -> String {
    let etags = etags.join(",").replace('"', "%22");
    form(site, "api_complete_multipart_upload", &format!("upload_id={upload}&etags={etags}"))
}

fn link(site: &Sandbox, info: &str, version: i64) -> String {
    let info = info.replace('%', "%25").replace('&', "%26").replace('\n', "%0A");
    form(
        site,
        "api_link_file",
        &format!("entity_type=Version&entity_id={version}&field_name=sg_uploaded_movie&upload_link_info={info}"),
    )
}

fn version(site: &Sandbox) -> i64 {
    let made = Client::admin(site).create("Version", json!({"code": "STORED", "project": project(1)}));
    id_of(&made.unwrap())
}

fn kept(file: &Path) -> Vec<PathBuf> {
    let mut directory = file.as_os_str().to_owned();
    directory.push(".files/kept");
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn wait_until(what: &str, mut there: impl FnMut() -> bool) {
    let started = Instant::now();
    while !there() {
        assert!(started.elapsed() < WAIT, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_abandoned_upload_goes_with_its_files_and_a_linked_one_stays() {
    let scratch = Scratch::new("abandoned");
    let file = scratch.file("site.sqlite");
    let site = Sandbox::builder()
        .data_file(&file)
        .upload_lifetime(Duration::from_millis(1_500))
        .start()
        .unwrap();
    let version = version(&site);
    let (info, _) = begin(&site, false);
    put(&site, &info, b"a film");
    assert!(link(&site, &info, version).starts_with("1:"));
    let linked = kept(&file);
    assert_eq!(linked.len(), 1);
    let (parted, upload) = begin(&site, true);
    let etag = put_part(&site, &upload, 1, b"first");
    put_part(&site, &upload, 2, b"second");
    let (whole, _) = begin(&site, false);
    put(&site, &whole, b"never linked");
    assert_eq!(kept(&file).len(), 4);
    // Of an upload that is not complete nothing can be linked.
    assert!(link(&site, &parted, version).contains("The file of the upload is not there."));
    wait_until("the parts go", || kept(&file) == linked);
    assert!(link(&site, &whole, version).contains("There is no such upload."));
    assert!(complete(&site, &upload, &[etag]).contains("There is no such upload."));
    let url = format!("GET /file_serve/attachment/{}", attachment(&site, version));
    let mut stream = connect(&site);
    send(&mut stream, &url, "", b"");
    assert_eq!(read_answer(&mut stream).body, b"a film");
}

fn attachment(site: &Sandbox, version: i64) -> i64 {
    id_of(&Client::admin(site).get("Version", version, json!(["sg_uploaded_movie"]))["sg_uploaded_movie"])
}

#[test]
fn what_an_earlier_run_left_goes_at_the_start() {
    let scratch = Scratch::new("abandoned-start");
    let file = scratch.file("site.sqlite");
    let site = Sandbox::builder().data_file(&file).start().unwrap();
    let (old, _) = begin(&site, false);
    put(&site, &old, b"abandoned");
    drop(site);
    let [abandoned] = &kept(&file)[..] else { panic!("one file") };
    let directory = abandoned.parent().unwrap();
    // As a run leaves them that is killed between disk and data: one long ago, one just now.
    let (stray, fresh) = (directory.join("stray"), directory.join("fresh"));
    std::fs::write(&stray, "stray").unwrap();
    std::fs::write(&fresh, "fresh").unwrap();
    let long_ago = SystemTime::now() - Duration::from_secs(2 * 60 * 60);
    std::fs::File::options()
        .write(true)
        .open(&stray)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    let _site = Sandbox::builder()
        .data_file(&file)
        .upload_lifetime(Duration::from_millis(1))
        .start()
        .unwrap();
    wait_until("only the fresh file stays", || kept(&file) == [fresh.clone()]);
}

#[test]
fn there_are_only_so_many_open_uploads() {
    let site = Sandbox::builder().start().unwrap();
    let (first, _) = begin(&site, false);
    put(&site, &first, b"first");
    for _ in 0..999 {
        begin(&site, false);
    }
    // The thousandth and the first are there; the next one takes the place of the one left alone longest.
    let url = first.lines().nth(1).unwrap().strip_prefix(site.url()).unwrap().to_owned();
    let status = |site: &Sandbox| {
        let mut stream = connect(site);
        send(&mut stream, &format!("PUT {url}"), "", b"again");
        read_answer(&mut stream).status
    };
    assert_eq!(status(&site), 200);
    let (second, _) = begin(&site, false);
    assert_eq!(status(&site), 200, "it was put to just now: another was older");
    assert!(second.starts_with("1\n"));
    for _ in 0..1_000 {
        begin(&site, false);
    }
    assert_eq!(status(&site), 404);
}

/// A part that is a pipe: joining the parts stands still until somebody writes to it.
#[cfg(unix)]
#[test]
fn nobody_waits_while_parts_are_joined() {
    let scratch = Scratch::new("join");
    let file = scratch.file("site.sqlite");
    let site = Sandbox::builder().data_file(&file).start().unwrap();
    let admin = Client::admin(&site);
    let version = version(&site);
    let (info, upload) = begin(&site, true);
    let mut etags = vec![put_part(&site, &upload, 1, b"01234")];
    let pipe = kept(&file).pop().unwrap();
    std::fs::remove_file(&pipe).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    etags.push(put_part(&site, &upload, 2, b"56789"));
    std::thread::scope(|scope| {
        let completed = scope.spawn(|| complete(&site, &upload, &etags));
        // Opened for writing, the pipe waits until the site reads from it: from here on the parts are being joined.
        let mut writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
        let shot = admin.new_shot("WHILE_JOINING");
        assert_eq!(admin.get("Shot", shot, json!(["code"]))["code"], "WHILE_JOINING");
        // Nothing is to be seen of the upload meanwhile.
        assert!(link(&site, &info, version).contains("The file of the upload is not there."));
        assert!(!completed.is_finished());
        std::io::Write::write_all(&mut writer, b"01234").unwrap();
        drop(writer);
        assert_eq!(completed.join().unwrap(), "1\n");
    });
    assert_eq!(kept(&file).len(), 1, "the parts have gone");
    assert!(complete(&site, &upload, &etags).starts_with("0:"), "an upload is completed once");
    assert!(link(&site, &info, version).starts_with("1:"));
    let mut stream = connect(&site);
    send(
        &mut stream,
        &format!("GET /file_serve/attachment/{}", attachment(&site, version)),
        "",
        b"",
    );
    assert_eq!(read_answer(&mut stream).body, b"0123456789");
}

#[cfg(unix)]
#[test]
fn an_upload_that_changes_while_it_is_completed_is_not_completed() {
    let scratch = Scratch::new("join-change");
    let file = scratch.file("site.sqlite");
    let site = Sandbox::builder().data_file(&file).start().unwrap();
    let (info, upload) = begin(&site, true);
    let etags = [put_part(&site, &upload, 1, b"01234")];
    let pipe = kept(&file).pop().unwrap();
    std::fs::remove_file(&pipe).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::thread::scope(|scope| {
        let completed = scope.spawn(|| complete(&site, &upload, &etags));
        let mut writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
        put_part(&site, &upload, 1, b"other");
        std::io::Write::write_all(&mut writer, b"01234").unwrap();
        drop(writer);
        assert!(completed.join().unwrap().contains("The upload changed while it was completed."));
    });
    assert!(link(&site, &info, 1).starts_with("0:"));
    assert_eq!(kept(&file).len(), 1, "what was joined has gone, the new part is there");
}
