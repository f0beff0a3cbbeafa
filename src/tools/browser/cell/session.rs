//! One session with the browser, from its start to its end.

use std::time::Duration;

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout_at};

use super::super::args::{Open, Step};
use super::driver::Driver;
use super::page::said;
use super::steps::Walk;
use super::words::{Reply, Request};
use crate::contracts::{ErrorKind, ToolError};

/// How long the browser may take to start.
const START: Duration = Duration::from_secs(60);

/// The variable that names the cell's way out.
const PROXY_VARIABLE: &str = "http_proxy";

/// What the browser is started with, beside its proxy. It has no sandbox of its own: it cannot make
/// namespaces in a cell, which is the wall around all of it.
const FLAGS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-extensions",
    "--disable-component-update",
    "--disable-breakpad",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--window-size=1280,900",
    "--hide-scrollbars",
    "--mute-audio",
];

/// Does what is asked and says what became of it.
pub(super) async fn reply(request: &Request) -> Reply {
    let until = Instant::now() + Duration::from_millis(request.all_ms);
    let mut reply = Reply::default();
    let failed = match timeout_at(until, work(request, &mut reply)).await {
        Ok(done) => done.err(),
        Err(_elapsed) => {
            let message = format!("stopped: all of it took longer than {} ms", request.all_ms);
            Some(ToolError::new(ErrorKind::Timeout, message))
        }
    };
    reply.error = failed;
    reply
}

async fn work(request: &Request, reply: &mut Reply) -> Result<(), ToolError> {
    let driver = Driver::start(&request.driver).await?;
    let client = start(request, &driver).await?;
    let mut walk = Walk::new(request, client.clone(), reply);
    let first = Step::Open(Open { url: request.url.clone() });
    for step in std::iter::once(&first).chain(&request.steps) {
        walk.step(step).await?;
    }
    // The browser ends with the cell, whether it says goodbye or not.
    drop(client);
    Ok(())
}

async fn start(request: &Request, driver: &Driver) -> Result<Client, ToolError> {
    let failed = |why: &str| {
        let browser = request.browser.display();
        let message = format!(
            "the browser `{browser}` did not start: {why}; it and its driver have to be of the same version, and it \
             needs a control group that counts memory (`bailiwick sandbox probe`)"
        );
        ToolError::new(ErrorKind::Unavailable, message)
    };
    let mut builder = ClientBuilder::new(HttpConnector::new());
    let address = driver.address();
    let connecting = builder.capabilities(capabilities(request)).connect(&address);
    match tokio::time::timeout(START, connecting).await {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => Err(failed(&said(&error.to_string()))),
        Err(_elapsed) => Err(failed("it took too long")),
    }
}

fn capabilities(request: &Request) -> Map<String, Value> {
    let wanted = json!({
        "browserName": "chrome",
        "pageLoadStrategy": "normal",
        "unhandledPromptBehavior": "dismiss and notify",
        "timeouts": { "pageLoad": request.step_ms, "script": request.step_ms, "implicit": 0 },
        "goog:chromeOptions": {
            "binary": request.browser,
            "args": flags(proxy().as_deref()),
            "excludeSwitches": ["disable-popup-blocking"],
            "prefs": { "download_restrictions": 3 },
        },
    });
    match wanted {
        Value::Object(wanted) => wanted,
        _ => Map::new(),
    }
}

/// Everything goes to the proxy, the cell's own loopback too: there the driver listens, which is no
/// business of any page.
fn flags(proxy: Option<&str>) -> Vec<String> {
    let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
    // Without a way out there is none: a proxy where nobody listens.
    let proxy = proxy.unwrap_or("http://127.0.0.1:9");
    flags.push(format!("--proxy-server={proxy}"));
    flags.push("--proxy-bypass-list=<-loopback>".to_owned());
    flags
}

#[allow(clippy::disallowed_methods, reason = "the environment that the sandbox made")]
fn proxy() -> Option<String> {
    std::env::var(PROXY_VARIABLE).ok().filter(|text| !text.is_empty())
}
