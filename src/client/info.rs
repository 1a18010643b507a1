//! What a site says about itself, and what follows from its version.

use super::document::{Document, Kind};
use super::error::{Error, Result};
use super::status::Status;

/// The page size where the site names none.
const DEFAULT_PAGE_SIZE: u64 = 500;

/// A site's version: major, minor, revision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(Vec<u64>);

impl std::fmt::Display for Version {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u64::to_string).collect();
        out.write_str(&parts.join("."))
    }
}

/// The parts of `info` that decide how a call is made.
#[derive(Debug)]
pub(super) struct SiteInfo {
    /// All that it said.
    pub(super) document: Document,
    pub(super) version: Version,
    pub(super) page_size: u64,
}

impl SiteInfo {
    /// Reads the reply of `info`.
    pub(super) fn read(reply: Document) -> Result<SiteInfo> {
        let root = reply.root();
        let numbers = root
            .get("version")
            .filter(|version| version.kind() == Kind::Array && !version.is_empty());
        let Some(numbers) = numbers else {
            return Err(Error::wrong_content(
                "the site did not tell its version, so it is no ShotGrid site or not a working one",
            ));
        };
        let parts = numbers
            .children()
            .take(3)
            .map(|part| part.as_i64().ok().and_then(|part| u64::try_from(part).ok()));
        let version = Version(parts.collect::<Option<Vec<_>>>().ok_or_else(|| {
            Error::wrong_content(format!(
                "the site's version is {}, not a list of numbers",
                super::document::shorten(numbers.json())
            ))
        })?);
        let page_size = root
            .get("api_max_entities_per_page")
            .and_then(|size| size.as_i64().ok())
            .unwrap_or(0);
        let page_size = u64::try_from(page_size).ok().filter(|size| *size > 0).unwrap_or(DEFAULT_PAGE_SIZE);
        let info = SiteInfo {
            document: reply,
            version,
            page_size,
        };
        info.require([2, 4, 0], "this API")?;
        Ok(info)
    }

    pub(super) fn has(&self, version: [u64; 3]) -> bool {
        self.version.0.as_slice() >= version.as_slice()
    }

    /// UNSUPPORTED, naming the version needed, where the site is older.
    pub(super) fn require(&self, version: [u64; 3], feature: &str) -> Result<()> {
        if self.has(version) {
            return Ok(());
        }
        let [major, minor, revision] = version;
        Err(Error::new(
            Status::Unsupported,
            format!(
                "{feature} needs a site of version {major}.{minor}.{revision} or later, and this one is {}",
                self.version
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SiteInfo> {
        SiteInfo::read(Document::parse(text.into()).unwrap())
    }

    #[test]
    fn versions_compare_as_lists() {
        let info = read(r#"{"version":[8,60,0,"Dev"],"api_max_entities_per_page":100}"#).unwrap();
        assert_eq!((info.version.to_string().as_str(), info.page_size), ("8.60.0", 100));
        assert!(info.has([8, 60, 0]) && !info.has([8, 60, 1]));
        let short = read(r#"{"version":[7,0]}"#).unwrap();
        assert!(!short.has([7, 0, 0]) && short.has([6, 9, 9]));
        assert_eq!(short.page_size, 500);
    }

    #[test]
    fn what_is_no_site_says_so() {
        for text in [
            "{}",
            "null",
            r#"{"version":null}"#,
            r#"{"version":[]}"#,
            r#"{"version":["8"]}"#,
            "[]",
        ] {
            assert_eq!(read(text).unwrap_err().status, Status::Protocol, "{text}");
        }
        let old = read(r#"{"version":[2,3,9]}"#).unwrap_err();
        assert_eq!(old.status, Status::Unsupported);
        assert!(old.message.contains("2.4.0") && old.message.contains("2.3.9"));
    }
}
