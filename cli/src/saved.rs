//! The kept sessions: a small file that only its owner can read. It holds session tokens, never passwords or keys.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use shotgrid::client::environment::variable;
use shotgrid::client::{Document, Secret, Value, quote};

use crate::failure::{Failure, say};
use crate::kept::{self, trouble};

/// One session.
pub struct Saved {
    pub site: String,
    pub login: String,
    pub token: Secret,
}

/// What is in the file.
enum Found {
    Sessions(Vec<Saved>),
    /// Nothing to sign in with, and why. It may be removed or replaced.
    Unusable(Failure),
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
    let all = match look(&place()?)? {
        Found::Sessions(all) => all,
        Found::Unusable(why) => return Err(why),
    };
    Ok(match site {
        Some(site) => all.into_iter().find(|saved| same_site(&saved.site, site)),
        None => all.into_iter().next(),
    })
}

/// Keeps a session, in front of the others. A file that cannot be used is begun anew.
pub fn keep(session: Saved) -> Result<PathBuf, Failure> {
    let path = place()?;
    let mut all = match look(&path)? {
        Found::Sessions(all) => all,
        Found::Unusable(why) => {
            say(&format!("It is begun anew: {}.", why.message()));
            Vec::new()
        }
    };
    all.retain(|saved| !same_site(&saved.site, &session.site));
    all.insert(0, session);
    write(&path, &all)?;
    Ok(path)
}

/// Forgets the session of a site, or all. The sites that were forgotten; a file that cannot be used goes as a whole.
pub fn forget(site: Option<&str>) -> Result<Vec<String>, Failure> {
    let path = place()?;
    let goes = |saved: &Saved| site.is_none_or(|site| same_site(&saved.site, site));
    let (gone, kept): (Vec<Saved>, Vec<Saved>) = match look(&path)? {
        Found::Sessions(all) => all.into_iter().partition(goes),
        Found::Unusable(why) => {
            remove(&path)?;
            return Ok(vec![why.message().to_owned()]);
        }
    };
    if kept.is_empty() {
        remove(&path)?;
    } else if !gone.is_empty() {
        write(&path, &kept)?;
    }
    Ok(gone.into_iter().map(|saved| saved.site).collect())
}

fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(trouble(path, "cannot be removed", &error)),
        _ => Ok(()),
    }
}

fn look(path: &Path) -> Result<Found, Failure> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Sessions(Vec::new())),
        Err(error) => return Err(trouble(path, "cannot be read", &error)),
    };
    if let Some(exposed) = exposed(path)? {
        return Ok(Found::Unusable(exposed));
    }
    let broken = || {
        let message = format!("{} is not as sg wrote it", path.display());
        Found::Unusable(Failure::local(message).hint("`sg logout` removes it, `sg login` replaces it"))
    };
    Ok(sessions(bytes).map_or_else(broken, Found::Sessions))
}

/// The sessions in the text of a file, if it is one of these.
fn sessions(bytes: Vec<u8>) -> Option<Vec<Saved>> {
    let document = Document::parse(bytes).ok()?;
    let sessions = document.root().get("sessions")?;
    let text = |entry: Value<'_>, name: &str| entry.get(name).and_then(Value::as_str).map(|text| text.into_owned());
    let saved = sessions.children().map(|entry| {
        Some(Saved {
            site: text(entry, "site")?,
            login: text(entry, "login")?,
            token: Secret::new(text(entry, "session_token")?),
        })
    });
    saved.collect()
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

/// Whether others can read a file: its tokens are no longer the owner's alone.
fn exposed(path: &Path) -> Result<Option<Failure>, Failure> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path)
            .map_err(|error| trouble(path, "cannot be looked at", &error))?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            let message = format!("{} can be read by others (mode {:o})", path.display(), mode & 0o777);
            let hint = format!("chmod 600 {}, or `sg login` anew", path.display());
            return Ok(Some(Failure::local(message).hint(hint)));
        }
    }
    Ok(None)
}
