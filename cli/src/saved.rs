//! The kept sessions: a small file that only its owner can read. It holds session tokens, never passwords or keys.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use shotgrid::client::{Document, Secret, Value, quote};

use crate::connect::variable;
use crate::failure::Failure;
use crate::kept::{self, trouble};

/// One session.
pub struct Saved {
    pub site: String,
    pub login: String,
    pub token: Secret,
}

fn place() -> Result<PathBuf, Failure> {
    if let Some(path) = variable("SG_SESSION_FILE") {
        return Ok(path.into());
    }
    let folder = variable("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".config")))
        .or_else(|| variable("APPDATA").map(PathBuf::from));
    let folder = folder.ok_or_else(|| Failure::local("there is no place for the session: set SG_SESSION_FILE or HOME"))?;
    Ok(folder.join("sg").join("session.json"))
}

/// Sites are compared as people write them.
fn same_site(one: &str, other: &str) -> bool {
    let plain = |site: &str| {
        let site = site.trim_end_matches('/').to_ascii_lowercase();
        site.strip_prefix("https://").map(str::to_owned).unwrap_or(site)
    };
    plain(one) == plain(other)
}

/// The session for the site, or the last one that was opened.
pub fn load(site: Option<&str>) -> Result<Option<Saved>, Failure> {
    let all = all(&place()?)?;
    Ok(match site {
        Some(site) => all.into_iter().find(|saved| same_site(&saved.site, site)),
        None => all.into_iter().next(),
    })
}

/// Keeps a session, in front of the others.
pub fn keep(session: Saved) -> Result<PathBuf, Failure> {
    let path = place()?;
    let mut all = all(&path)?;
    all.retain(|saved| !same_site(&saved.site, &session.site));
    all.insert(0, session);
    write(&path, &all)?;
    Ok(path)
}

/// Forgets the session of a site, or all. The sites that were forgotten.
pub fn forget(site: Option<&str>) -> Result<Vec<String>, Failure> {
    let path = place()?;
    let goes = |saved: &Saved| site.is_none_or(|site| same_site(&saved.site, site));
    let (gone, kept): (Vec<Saved>, Vec<Saved>) = all(&path)?.into_iter().partition(goes);
    if kept.is_empty() {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(trouble(&path, "cannot be removed", &error)),
            _ => {}
        }
    } else if !gone.is_empty() {
        write(&path, &kept)?;
    }
    Ok(gone.into_iter().map(|saved| saved.site).collect())
}

fn all(path: &Path) -> Result<Vec<Saved>, Failure> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(trouble(path, "cannot be read", &error)),
    };
    check_privacy(path)?;
    let broken = || Failure::local(format!("{} is not as sg wrote it", path.display())).hint("`sg logout` removes it");
    let document = Document::parse(bytes).map_err(|_| broken())?;
    let sessions = document.root().get("sessions").ok_or_else(broken)?;
    let text = |entry: Value<'_>, name: &str| entry.get(name).and_then(Value::as_str).map(|text| text.into_owned());
    let saved = sessions.children().map(|entry| {
        Some(Saved {
            site: text(entry, "site")?,
            login: text(entry, "login")?,
            token: Secret::new(text(entry, "session_token")?),
        })
    });
    saved.collect::<Option<Vec<_>>>().ok_or_else(broken)
}

fn write(path: &Path, sessions: &[Saved]) -> Result<(), Failure> {
    let entries: Vec<String> = sessions
        .iter()
        .map(|saved| {
            let (site, login, token) = (quote(&saved.site), quote(&saved.login), quote(saved.token.expose()));
            format!("{{\"site\": {site}, \"login\": {login}, \"session_token\": {token}}}")
        })
        .collect();
    let text = Secret::new(format!("{{\"sessions\": [\n  {}\n]}}\n", entries.join(",\n  ")));
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| trouble(folder, "cannot be made", &error))?;
    kept::replace(path, text.expose())
}

/// Refuses a file that others can read: its tokens are no longer the owner's alone.
fn check_privacy(path: &Path) -> Result<(), Failure> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path)
            .map_err(|error| trouble(path, "cannot be looked at", &error))?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            let message = format!("{} can be read by others (mode {:o})", path.display(), mode & 0o777);
            return Err(Failure::local(message).hint(format!("chmod 600 {}, or `sg login` anew", path.display())));
        }
    }
    Ok(())
}
