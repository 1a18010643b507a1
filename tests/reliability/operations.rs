//! What is done while faults are made: six operations, each of which can be counted at the site.

use std::path::PathBuf;

use serde_json::{Value, json};
use shotgrid_sandbox::Sandbox;

use super::host::{Host, Manner, Told};
use super::tools::Folder;

/// An operation of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Read,
    Create,
    Batch,
    /// A file posted to the site.
    Upload,
    /// A file put into the storage behind the site.
    Store,
    Download,
}

use Operation::*;

impl Operation {
    pub const ALL: [Operation; 6] = [Read, Create, Batch, Upload, Store, Download];

    pub fn name(self) -> &'static str {
        match self {
            Read => "read",
            Create => "create",
            Batch => "batch",
            Upload => "upload",
            Store => "upload to the storage",
            Download => "download",
        }
    }

    /// How the line of the request begins to which the fault happens.
    pub fn target(self) -> &'static str {
        match self {
            Read | Create | Batch => "POST /api3/json",
            Upload => "POST /upload/upload_file",
            Store => "PUT /",
            Download => "GET /file_serve/attachment/",
        }
    }

    /// Whether the request to which the fault happens may be sent again.
    pub fn repeats(self) -> bool {
        matches!(self, Read | Store | Download)
    }

    pub fn writes(self) -> bool {
        !matches!(self, Read | Download)
    }

    pub fn is_file(self) -> bool {
        matches!(self, Upload | Store | Download)
    }
}

/// More than sockets hold on their way, and less than what goes to a storage in parts.
const LARGE: usize = 19_000_000;
/// A few reads of a socket.
const SMALL: usize = 300_000;
/// More than goes to a storage as a whole.
const IN_PARTS: usize = 20_000_000 + SMALL;

/// Which file an upload is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    Small,
    Large,
    /// Large enough to go to the storage in two parts.
    InParts,
}

/// What stands at the site before faults are made, and who can look.
pub struct Scene {
    pub site: Sandbox,
    pub truth: Host,
    pub project: Value,
    pub version: i64,
    attachment: i64,
    pub folder: Folder,
    large: PathBuf,
    small: PathBuf,
    in_parts: PathBuf,
    rows: String,
}

const FIND: &str = r#"{"entity_type":"Shot","filters":[],"fields":["code","description"],"order":[{"field_name":"id"}]}"#;

impl Scene {
    pub fn new(name: &str, direct_uploads: bool) -> Scene {
        let site = Sandbox::builder().direct_uploads(direct_uploads).start().unwrap();
        let truth = Host::at(&site);
        let folder = Folder::new(&format!("reliability-{name}"));
        let content = |length: usize| -> Vec<u8> {
            (0..length as u64)
                .map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8)
                .collect()
        };
        let file = |name: &str, length| folder.file(name, content(length));
        let (large, small, in_parts) = (file("large.mov", LARGE), file("small.mov", SMALL), file("parts.mov", IN_PARTS));
        let project = truth.must("find_one", r#"["Project", []]"#);
        let version = truth.must("create", &json!(["Version", {"code": "for files", "project": project}]).to_string());
        let version = version["id"].as_i64().unwrap();
        let attachment = truth.must("upload", &json!(["Version", version, small]).to_string());
        let rows = truth.must("find", FIND).to_string();
        Scene {
            attachment: attachment.as_i64().unwrap(),
            site,
            truth,
            project,
            version,
            folder,
            large,
            small,
            in_parts,
            rows,
        }
    }

    /// Makes the call. `token` is of this call alone.
    pub fn run(&self, operation: Operation, host: &Host, manner: Manner, token: &str, file: File) -> Told {
        let file = match file {
            File::Small => &self.small,
            File::Large => &self.large,
            File::InParts => &self.in_parts,
        };
        let create = |code: String| json!({"code": code, "project": self.project});
        let (method, params) = match operation {
            Read => ("find", FIND.to_owned()),
            Create => ("create", json!(["Version", create(token.to_owned())]).to_string()),
            Batch => {
                let request =
                    |which: &str| json!({"request_type": "create", "entity_type": "Version", "data": create(format!("{token} {which}"))});
                ("batch", json!([[request("1"), request("2")]]).to_string())
            }
            Upload | Store => {
                let params = json!({"entity_type": "Version", "entity_id": self.version, "path": file, "display_name": token});
                ("upload", params.to_string())
            }
            Download => (
                "download_attachment",
                json!({"attachment_id": self.attachment, "file_path": self.place(token)}).to_string(),
            ),
        };
        host.call(manner, method, &params)
    }

    fn place(&self, token: &str) -> PathBuf {
        self.folder.0.join(format!("{token}.mov"))
    }

    /// How often the site has applied a write.
    pub fn applied(&self, operation: Operation, token: &str) -> usize {
        let count = |entity_type: &str, field: &str, value: &str| {
            let params = json!([entity_type, [[field, "is", value]], ["id"]]).to_string();
            self.truth.must("find", &params).as_array().unwrap().len()
        };
        match operation {
            Read | Download => 0,
            Create => count("Version", "code", token),
            Batch => {
                let both = [
                    count("Version", "code", &format!("{token} 1")),
                    count("Version", "code", &format!("{token} 2")),
                ];
                assert_eq!(both[0], both[1], "a batch is applied as a whole or not at all");
                both[0]
            }
            Upload | Store => count("Attachment", "display_name", token),
        }
    }

    /// Asserts that a read or download gave what it should, all of it, or nothing.
    pub fn check_answer(&self, operation: Operation, token: &str, told: &Told) {
        match operation {
            Read if told.is_ok() => {
                let rows: Value = serde_json::from_str(&told.answer).unwrap();
                assert_eq!(rows.to_string(), self.rows, "wrong rows");
            }
            Download => {
                let place = self.place(token);
                match told.is_ok() {
                    true => assert!(
                        std::fs::read(&place).unwrap() == std::fs::read(&self.small).unwrap(),
                        "{token}: another file"
                    ),
                    false => assert!(!place.exists(), "{token}: a file in spite of {}", told.message),
                }
                let _ = std::fs::remove_file(place);
            }
            _ => {}
        }
        let parts = self
            .folder
            .names()
            .into_iter()
            .filter(|name| name.contains(&format!("{token}.mov")))
            .count();
        assert_eq!(parts, 0, "{token}: something is left behind");
    }
}
