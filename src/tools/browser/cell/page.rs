//! What is asked of a page, and how its answers are taken: cut, and for what they are.

use std::ops::AsyncFnMut;

use fantoccini::Client;
use fantoccini::error::{CmdError, ErrorStatus};
use serde_json::{Value, json};

use super::super::args::{Extract, What};
use crate::contracts::{ErrorKind, ListedHost, ToolError};

/// Longest thing that a page or the driver says which is passed on, in characters.
const SAID_CHARS_MAX: usize = 300;
/// Longest value that is read, in characters.
const VALUE_CHARS_MAX: usize = 64 * 1024;
/// Longest address that is passed on, in characters.
const URL_CHARS_MAX: usize = 2_000;
/// Dialogs that are dismissed before a page counts as one that cannot be worked with.
const DIALOGS_MAX: usize = 20;

/// Reads elements. What a page makes of it is the page's own: it is cut again by who asks.
const READ: &str = "
const [css, what, attribute, limit, chars] = arguments;
const values = [];
let more = false;
for (const element of document.querySelectorAll(css)) {
    if (values.length >= limit) { more = true; break; }
    let value = null;
    if (what === 'text') value = element.innerText ?? element.textContent;
    if (what === 'html') value = element.outerHTML;
    if (what === 'value') value = element.value;
    if (what === 'link') value = element.href;
    if (what === 'attribute') value = element.getAttribute(attribute);
    if (value === null || value === undefined) continue;
    value = String(value);
    if (value.length > chars) { more = true; value = value.slice(0, chars); }
    values.push(value);
}
return { values: values, more: more };
";

/// What was read, and whether some of it was left out.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) values: Vec<String>,
    pub(super) more: bool,
}

/// Reads what `extract` names.
pub(super) async fn read(client: &Client, extract: &Extract) -> Result<Read, CmdError> {
    let what = match extract.what {
        What::Text => "text",
        What::Html => "html",
        What::Value => "value",
        What::Link => "link",
        What::Attribute => "attribute",
    };
    let args = [
        json!(extract.css),
        json!(what),
        json!(extract.attribute),
        json!(extract.limit),
        json!(VALUE_CHARS_MAX),
    ];
    let found = client.execute(READ, args.to_vec()).await?;
    let listed = found.get("values").and_then(Value::as_array);
    let limit = usize::try_from(extract.limit).unwrap_or(usize::MAX);
    let values = listed.into_iter().flatten().filter_map(Value::as_str);
    let values = values.take(limit).map(|text| text.chars().take(VALUE_CHARS_MAX).collect());
    let more = found.get("more").and_then(Value::as_bool).unwrap_or_default();
    Ok(Read { values: values.collect(), more })
}

/// Does `act`; dialogs that stand in the way are dismissed, and what they said is kept.
pub(super) async fn past_dialogs<T>(
    dialogs: &mut Vec<String>,
    mut act: impl AsyncFnMut() -> Result<T, CmdError>,
) -> Result<T, CmdError> {
    loop {
        match act().await {
            Err(error) if error.is_unexpected_alert_open() && dialogs.len() < DIALOGS_MAX => {
                dialogs.push(said(&error.to_string()));
            }
            other => return other,
        }
    }
}

/// Where the browser is, for the answer.
pub(super) async fn address(client: &Client) -> Result<String, CmdError> {
    let url = client.current_url().await?;
    Ok(url.as_str().chars().take(URL_CHARS_MAX).collect())
}

/// Whether a page is one of a host that the call names, or none at all.
///
/// # Errors
/// With where the browser went instead.
pub(super) fn check_place(url: &str, hosts: &[ListedHost]) -> Result<(), ToolError> {
    let elsewhere = |why: &str| {
        let message = format!("the browser went to `{}`, {why}", said(url));
        Err(ToolError::new(ErrorKind::Forbidden, message))
    };
    if url == "about:blank" {
        return Ok(());
    }
    let Ok(parsed) = reqwest::Url::parse(url) else { return elsewhere("which is no address") };
    if !matches!(parsed.scheme(), "http" | "https") {
        return elsewhere("which is no page of the web");
    }
    let name = parsed.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    match hosts.iter().any(|host| host.names(&name)) {
        true => Ok(()),
        false => elsewhere("a host that the call does not name or may not reach"),
    }
}

/// What a failed command of the driver is.
pub(super) fn failure(error: &CmdError) -> ToolError {
    let message = said(&error.to_string());
    let kind = match error {
        CmdError::WaitTimeout => ErrorKind::Timeout,
        CmdError::Standard(told) => match told.error {
            ErrorStatus::Timeout | ErrorStatus::ScriptTimeout => ErrorKind::Timeout,
            ErrorStatus::NoSuchElement | ErrorStatus::StaleElementReference => ErrorKind::NotFound,
            ErrorStatus::InvalidSelector | ErrorStatus::InvalidArgument => ErrorKind::BadArguments,
            ErrorStatus::UnexpectedAlertOpen => ErrorKind::BadContent,
            _ if message.contains("net::ERR_TUNNEL_CONNECTION_FAILED") => ErrorKind::Forbidden,
            _ if message.contains("net::ERR_") => ErrorKind::Unavailable,
            _ if message.contains("is not a valid selector") => ErrorKind::BadArguments,
            _ => ErrorKind::BadContent,
        },
        _ => ErrorKind::Unavailable,
    };
    ToolError::new(kind, message)
}

/// One line of what somebody says, cut.
pub(super) fn said(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(SAID_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_named_hosts_count() {
        let hosts: Vec<ListedHost> =
            ["site.example", "*.cdn.example"].map(|host| host.parse().unwrap()).into();
        for (url, fine) in [
            ("https://site.example/a?b#c", true),
            ("https://SITE.example./", true),
            ("https://x.cdn.example/", true),
            ("about:blank", true),
            ("https://site.example.evil.example/", false),
            ("https://evil.example/site.example", false),
            ("file:///etc/passwd", false),
            ("chrome://version/", false),
            ("data:text/html,x", false),
            ("blob:https://site.example/1", false),
            ("view-source:https://site.example/", false),
            ("", false),
        ] {
            assert_eq!(check_place(url, &hosts).is_ok(), fine, "{url}");
        }
    }

    #[test]
    fn what_is_said_is_one_short_line() {
        assert_eq!(said("\n a\u{1b}[2Kb\nc"), " a[2Kb");
        assert_eq!(said(&"x".repeat(1_000)).chars().count(), SAID_CHARS_MAX);
    }
}
