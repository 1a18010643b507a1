//! Sections of docs/reliability.md.

use std::path::PathBuf;

/// Where rows go, if they are asked for.
pub fn folder() -> Option<PathBuf> {
    std::env::var_os("SHOTGRID_RELIABILITY_ROWS").map(PathBuf::from)
}

/// Writes a section, if rows are asked for. Its place in the page follows from its name.
pub fn write(name: &str, title: &str, about: &str, columns: &[&str], rows: &[Vec<String>]) {
    let Some(folder) = folder() else { return };
    let section = serde_json::json!({"title": title, "about": about, "columns": columns, "rows": rows});
    std::fs::write(folder.join(format!("{name}.json")), section.to_string()).unwrap();
}
