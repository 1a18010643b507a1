//! A headless Chromium with nobody's settings, which ends with the test that started it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;
use thirtyfour::common::capabilities::chromium::ChromiumLikeCapabilities;
use thirtyfour::extensions::query::ElementQueryable;
use thirtyfour::{By, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver, WebElement, error::WebDriverResult};

/// How long the driver may take to start.
const START: Duration = Duration::from_secs(30);
/// No call to the browser takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

/// The driver's process and its folder. Both go with it.
struct Driver {
    child: Child,
    profile: PathBuf,
}

impl Driver {
    /// Starts chromedriver on any free port, and gives its address.
    fn start() -> Result<(Self, String)> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "shotgrid-sandbox-browser-{}-{}",
            std::process::id(),
            STARTED.fetch_add(1, Ordering::Relaxed)
        );
        let profile = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&profile)?;
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("chromedriver could not be started (Debian: apt-get install chromium chromium-driver)")?;
        let output = child.stdout.take();
        // From here on it is ended whatever comes.
        let driver = Self { child, profile };
        let output = output.context("chromedriver has no standard output")?;
        let (found, port) = mpsc::channel();
        // Reads on to the end, so that the driver never waits for somebody to take what it prints.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some((_, port)) = line.split_once("started successfully on port ") {
                    // Nobody listens any more where the start took too long.
                    let _ = found.send(port.trim_end_matches('.').to_owned());
                }
            }
        });
        let port = port.recv_timeout(START).context("chromedriver did not say that it is ready")?;
        Ok((driver, format!("http://127.0.0.1:{port}")))
    }

    /// The browser's own process, as it notes it in its folder.
    fn browser(&self) -> Option<String> {
        let lock = std::fs::read_link(self.profile.join("SingletonLock")).ok()?;
        lock.to_string_lossy().rsplit_once('-').map(|(_, pid)| pid.to_owned())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // A test that failed has not told the browser to quit.
        if let Some(pid) = self.browser() {
            let _ = Command::new("kill").arg(pid).status();
        }
        // Nothing can be done about a failure here.
        let _ = self.child.kill();
        let _ = self.child.wait();
        for _ in 0..50 {
            if std::fs::remove_dir_all(&self.profile).is_ok() {
                return;
            }
            // The browser still writes while it ends.
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// A browser with one window.
pub struct Browser {
    window: WebDriver,
    site: String,
    _driver: Driver,
}

impl Browser {
    /// Starts a browser for a site.
    pub async fn start(site: &str) -> Result<Self> {
        // A second one is refused, and is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (driver, address) = Driver::start()?;
        let mut wanted = DesiredCapabilities::chrome();
        for argument in ARGUMENTS {
            wanted.add_arg(argument)?;
        }
        wanted.add_arg(&format!("--user-data-dir={}", driver.profile.display()))?;
        wanted.set_browser_log_level(LoggingPrefsLogLevel::All)?;
        let window = WebDriver::builder(address, wanted).request_timeout(PATIENCE).await?;
        Ok(Self {
            window,
            site: site.to_owned(),
            _driver: driver,
        })
    }

    /// Ends it in good order.
    pub async fn quit(self) -> WebDriverResult<()> {
        self.window.clone().quit().await
    }

    /// Opens a page of the site.
    pub async fn open(&self, path: &str) -> WebDriverResult<()> {
        self.window.goto(format!("{}{path}", self.site)).await
    }

    /// The path of the page that is open, with its query.
    pub async fn path(&self) -> Result<String> {
        let url = self.window.current_url().await?;
        Ok(url
            .as_str()
            .strip_prefix(&self.site)
            .context("the browser has left the site")?
            .to_owned())
    }

    /// The first element of this kind, once it is there.
    pub async fn find(&self, css: &str) -> WebDriverResult<WebElement> {
        self.window.query(By::Css(css)).first().await
    }

    /// The text that shows in an element.
    pub async fn text(&self, css: &str) -> WebDriverResult<String> {
        self.find(css).await?.text().await
    }

    /// Presses a button, a link or a box.
    pub async fn click(&self, css: &str) -> WebDriverResult<()> {
        self.find(css).await?.click().await
    }

    /// Presses what leads to another page, and waits for that: a click itself does not always.
    pub async fn follow(&self, css: &str) -> Result<()> {
        let mark = "document.body.dataset.left = 'yes'";
        self.value(mark).await?;
        self.click(css).await?;
        let started = Instant::now();
        loop {
            // Between two pages there is none to ask.
            let arrived = self
                .value("document.readyState === 'complete' && document.body.dataset.left === undefined")
                .await;
            if arrived.is_ok_and(|arrived| arrived == true) {
                return Ok(());
            }
            if started.elapsed() > PATIENCE {
                bail!("{css} leads to no other page");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Types into a field in the place of what is in it.
    pub async fn fill(&self, css: &str, text: &str) -> WebDriverResult<()> {
        let field = self.find(css).await?;
        field.clear().await?;
        field.send_keys(text).await
    }

    /// Presses keys where the keyboard's focus is.
    pub async fn press(&self, keys: impl Into<thirtyfour::TypingData>) -> WebDriverResult<()> {
        self.window.active_element().await?.send_keys(keys).await
    }

    /// What an expression is in the page.
    pub async fn value(&self, expression: &str) -> WebDriverResult<serde_json::Value> {
        let answer = self.window.execute(format!("return {expression}"), Vec::new()).await?;
        Ok(answer.json().clone())
    }

    /// Shows pages at a width and in a colour scheme.
    pub async fn shape(&self, width: u32, scheme: &str) -> WebDriverResult<()> {
        let cdp = self.window.cdp();
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        cdp.send_raw("Emulation.setEmulatedMedia", features).await?;
        let size = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false});
        cdp.send_raw("Emulation.setDeviceMetricsOverride", size).await?;
        Ok(())
    }

    /// What the browser complained about since it was last asked: scripts that failed, and what the site's own
    /// policy kept from running. That a form was answered by its page with a word about a slip is none.
    pub async fn complaints(&self) -> WebDriverResult<Vec<String>> {
        let entries = self.window.get_log("browser").await?;
        Ok(entries
            .into_iter()
            .filter(|entry| entry.level == "SEVERE" && !entry.message.contains("status of 422"))
            .map(|entry| entry.message)
            .collect())
    }
}
