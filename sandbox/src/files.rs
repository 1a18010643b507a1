//! Values of file and link fields: web links, and local files below a storage root.

use rusqlite::{Connection, OptionalExtension};
use serde_json::{Map, Value, json};

use crate::filter::relations::inspect;
use crate::schema::DataType;
use crate::values::{Unfit, kinds, wrong_kind};

/// A storage root, with its path on each platform.
struct Root {
    id: i64,
    name: Option<String>,
    /// Linux, Mac and Windows.
    paths: [Option<String>; 3],
}

const PLATFORMS: [&str; 3] = ["local_path_linux", "local_path_mac", "local_path_windows"];

/// The value as it is kept and shown: `{"link_type", "url", "name", …}`. One with an `id` is that of the Attachment
/// which was named; of any other an Attachment is to be made.
pub(crate) fn normalise(connection: &Connection, value: &Value) -> Result<Value, Unfit> {
    let Value::Object(object) = value else {
        return Err(wrong_kind(kinds(DataType::Url), value));
    };
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    if let Some(path) = text("local_path") {
        return local_file(connection, object, path);
    }
    if let (Some(storage), Some(path)) = (object.get("local_storage"), text("relative_path")) {
        let root = roots(connection)?
            .into_iter()
            .find(|root| root.is(storage))
            .ok_or_else(|| Unfit::Value("the Local Storage given does not exist.".to_owned()))?;
        return Ok(describe(object, &root, path));
    }
    match (text("url"), text("type"), object.get("id").and_then(Value::as_i64)) {
        (Some(url), _, _) if !url.is_empty() => Ok(json!({
            "link_type": "web",
            "url": url,
            "name": text("name").unwrap_or(url),
            "content_type": text("content_type"),
        })),
        (None, Some("Attachment"), Some(id)) => attached(connection, id)?.ok_or_else(|| {
            Unfit::Value(format!(
                "Value is not legal. Entity of type [Attachment] with id={id} does not exist, or has no file."
            ))
        }),
        _ => Err(Unfit::Argument(format!(
            "invalid/missing url hash string 'url': {} A link has 'url', a local file has 'local_path', or 'local_storage' and \
             'relative_path'.",
            inspect(value)
        ))),
    }
}

/// What a live Attachment holds.
fn attached(connection: &Connection, id: i64) -> Result<Option<Value>, rusqlite::Error> {
    let held: Option<Option<String>> = connection
        .prepare_cached("SELECT this_file FROM \"t_Attachment\" WHERE id = ?1 AND _retired = 0")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    Ok(held.flatten().and_then(|text| serde_json::from_str(&text).ok()))
}

/// The storage is the one whose root leads furthest into the path.
fn local_file(connection: &Connection, object: &Map<String, Value>, path: &str) -> Result<Value, Unfit> {
    let roots = roots(connection)?;
    let below = roots.iter().flat_map(|root| {
        let prefixes = root.paths.iter().flatten();
        prefixes.filter_map(move |prefix| Some((root, below(path, prefix)?)))
    });
    match below.min_by_key(|(root, relative)| (relative.len(), -root.id)) {
        Some((root, relative)) => Ok(describe(object, root, &relative)),
        None => Err(Unfit::Value(format!("Path {path} doesn't match any defined Local Storage."))),
    }
}

/// The part of a path below a root, with forward slashes.
fn below(path: &str, root: &str) -> Option<String> {
    let path = path.replace('\\', "/");
    let root = root.replace('\\', "/");
    let rest = path.strip_prefix(root.trim_end_matches('/'))?;
    rest.strip_prefix('/').map(str::to_owned)
}

fn describe(object: &Map<String, Value>, root: &Root, relative: &str) -> Value {
    let base_name = relative.rsplit('/').next().unwrap_or(relative);
    let mut described = Map::new();
    let given = |key: &str| object.get(key).cloned().filter(Value::is_string);
    described.insert("link_type".to_owned(), json!("local"));
    described.insert("name".to_owned(), given("name").unwrap_or_else(|| json!(base_name)));
    let guess = || json!(mime_guess::from_path(base_name).first_raw());
    described.insert("content_type".to_owned(), given("content_type").unwrap_or_else(guess));
    described.insert("relative_path".to_owned(), json!(relative));
    described.insert(
        "local_storage".to_owned(),
        json!({"type": "LocalStorage", "id": root.id, "name": root.name}),
    );
    let mut url = Value::Null;
    for (key, prefix) in PLATFORMS.iter().zip(&root.paths) {
        let path = prefix.as_ref().map(|prefix| join(prefix, relative));
        if let (true, Some(path)) = (url.is_null(), &path) {
            url = json!(format!("file://{path}"));
        }
        described.insert((*key).to_owned(), json!(path));
    }
    described.insert("url".to_owned(), url);
    Value::Object(described)
}

/// Windows roots keep their backslashes.
fn join(root: &str, relative: &str) -> String {
    let separator = if root.contains('\\') { '\\' } else { '/' };
    let relative = if separator == '\\' {
        relative.replace('/', "\\")
    } else {
        relative.to_owned()
    };
    format!("{}{separator}{relative}", root.trim_end_matches(['/', '\\']))
}

impl Root {
    /// Whether `{"type": "LocalStorage", "id" | "name"}` means this one.
    fn is(&self, storage: &Value) -> bool {
        let by_id = storage.get("id").and_then(Value::as_i64);
        let by_name = storage.get("name").or_else(|| storage.get("code")).and_then(Value::as_str);
        by_id == Some(self.id) || (by_id.is_none() && by_name.is_some() && by_name == self.name.as_deref())
    }
}

fn roots(connection: &Connection) -> Result<Vec<Root>, rusqlite::Error> {
    let mut statement = connection.prepare_cached(
        "SELECT id, code, linux_path, mac_path, windows_path
         FROM \"t_LocalStorage\" WHERE _retired = 0 ORDER BY id",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Root {
            id: row.get(0)?,
            name: row.get(1)?,
            paths: [row.get(2)?, row.get(3)?, row.get(4)?],
        })
    })?;
    rows.collect()
}
