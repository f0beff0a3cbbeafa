//! Where the browser and its driver are.

use std::path::{Path, PathBuf};

use crate::contracts::{ErrorKind, ToolError};
use crate::ports::BrowserSetup;

/// Browsers without a window of their own. The full Chromium is not among them: it wants a unix socket
/// with a name, which no cell gives.
const BROWSERS: [&str; 3] = [
    "/usr/lib/chromium/chromium-headless-shell",
    "/usr/lib64/chromium-browser/headless_shell",
    "/usr/local/bin/chrome-headless-shell",
];
const DRIVERS: [&str; 3] =
    ["/usr/bin/chromedriver", "/usr/lib/chromium/chromedriver", "/usr/local/bin/chromedriver"];

/// A browser and its driver, which have to be of the same version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserPrograms {
    /// The browser.
    pub browser: PathBuf,
    /// What speaks WebDriver for it.
    pub driver: PathBuf,
}

impl BrowserPrograms {
    /// Those that configuration names, else those that are found where systems put them.
    ///
    /// # Errors
    /// With what is missing and how it is installed.
    pub fn find(setup: &BrowserSetup) -> Result<Self, ToolError> {
        let browser = one("browser", "tools.browser.program", setup.program.as_deref(), &BROWSERS)?;
        let driver = one("driver", "tools.browser.driver", setup.driver.as_deref(), &DRIVERS)?;
        Ok(Self { browser, driver })
    }
}

fn one(what: &str, key: &str, named: Option<&Path>, usual: &[&str]) -> Result<PathBuf, ToolError> {
    let missing = |why: String| {
        let message = format!(
            "{why}: install the packages `chromium-headless-shell` and `chromium-driver` (Debian), or name \
             the program in `{key}`"
        );
        ToolError::new(ErrorKind::Unavailable, message)
    };
    match named {
        Some(path) if path.is_file() => Ok(path.to_owned()),
        Some(path) => Err(missing(format!("`{key}` names no file: `{}`", path.display()))),
        None => usual
            .iter()
            .map(PathBuf::from)
            .find(|path| path.is_file())
            .ok_or_else(|| missing(format!("there is no {what} for `browser_task`"))),
    }
}
