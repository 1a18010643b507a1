//! The sandbox's pages in a real browser.

use anyhow::Result;

use crate::steps::{Outcome, Session};
use crate::tools::{self, CHROMEDRIVER, CHROMIUM};
use crate::workspace::{PRODUCT, succeed};

/// The step of `cargo xtask test`. As root it installs the browser also where a skip would do: nobody has one by chance.
pub fn pages(session: &Session) -> Result<Outcome> {
    for tool in [CHROMIUM, CHROMEDRIVER] {
        let missing = match tools::missing(&tool, true) {
            Ok(missing) => missing,
            Err(error) if session.required => return Err(error),
            Err(error) => Some(format!("{error:#}")),
        };
        if let Some(why) = missing {
            return Ok(Outcome::Skipped(why));
        }
    }
    let mut test = session.workspace.cargo();
    // Cargo runs only what is named, and builds it with the product's selection of packages, as everything else.
    test.arg("test").args(PRODUCT).args(["--test", "journey", "--", "--ignored"]);
    succeed(&mut test)?;
    Ok(Outcome::Passed)
}
