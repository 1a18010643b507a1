//! A large file goes up and down in little memory. By itself in its process, so that the process's memory is the library's.
//!
//! `SHOTGRID_TRANSFER_BYTES=2147483648 cargo test --release --test transfer_memory -- --nocapture` does it with 2 GiB.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "this is a test"
)]

#[path = "support/tools.rs"]
mod tools;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use shotgrid::client::{Client, Credentials, Options, Secret};
use tools::memory_kib;

const ALLOWED_KIB: u64 = 32 * 1024;

/// A site and its storage that keep nothing: what is put there is counted, and what is fetched is made up.
fn serve(stream: TcpStream, length: u64) {
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let host = stream.local_addr().unwrap();
    let mut reader = BufReader::with_capacity(256 * 1024, stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let mut first = String::new();
        let mut body_length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                body_length = value.trim().parse().unwrap();
            }
            if first.is_empty() {
                first = line;
            } else if line.trim().is_empty() {
                break;
            }
        }
        let taken = std::io::copy(&mut (&mut reader).take(body_length), &mut std::io::sink()).unwrap();
        assert_eq!(taken, body_length);
        let text = match first.split(['?', ' ']).nth(1).unwrap() {
            "/api3/json" => r#"{"version":[8,60,0],"s3_direct_uploads_enabled":true,"session_id":"S"}"#.to_owned(),
            "/upload/api_get_upload_link_info" => format!("1\nhttp://{host}/put\ntime\nAttachment\nid\n"),
            "/upload/api_get_upload_link_for_part" => format!("1\nhttp://{host}/put\n"),
            "/file_serve/attachment/9" => {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
                writer.write_all(head.as_bytes()).unwrap();
                std::io::copy(&mut std::io::repeat(7).take(length), &mut writer).unwrap();
                continue;
            }
            _ => "1:9\n".to_owned(),
        };
        let head = format!("HTTP/1.1 200 OK\r\netag: \"t\"\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        writer.write_all(head.as_bytes()).unwrap();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_large_file_goes_up_and_down_in_little_memory() {
    let length: u64 = std::env::var("SHOTGRID_TRANSFER_BYTES").map_or(256 << 20, |bytes| bytes.parse().unwrap());
    let folder = std::env::temp_dir().join(format!("libshotgrid-{}-memory", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (large, copy) = (folder.join("large.mov"), folder.join("copy.mov"));
    std::fs::File::create(&large).unwrap().set_len(length).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().take(64).flatten() {
            std::thread::spawn(move || serve(stream, length));
        }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let script = Credentials::Script {
            name: "s".into(),
            api_key: Secret::new("k"),
        };
        let client = Client::connect(&url, script, Options::default()).await.unwrap();
        for (what, params) in [
            ("upload", serde_json::json!(["Version", 1, large, "sg_uploaded_movie"])),
            ("download_attachment", serde_json::json!([9, copy])),
        ] {
            // Small first, so that what is only made once does not count.
            client.call("info", "").await.unwrap();
            let before = memory_kib("VmRSS");
            std::fs::write("/proc/self/clear_refs", "5").unwrap();
            let start = std::time::Instant::now();
            client.call(what, &params.to_string()).await.unwrap();
            let more = memory_kib("VmHWM").saturating_sub(before);
            println!(
                "{what}: {length} bytes in {:?}, {more} KiB more memory at the most",
                start.elapsed()
            );
            assert!(more < ALLOWED_KIB, "{what} took {more} KiB");
        }
    });
    assert_eq!(std::fs::metadata(&copy).unwrap().len(), length);
    std::fs::remove_dir_all(&folder).unwrap();
}
