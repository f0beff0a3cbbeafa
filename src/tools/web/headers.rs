//! Which headers a call may send, and which of an answer it gets.

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, SET_COOKIE};

use crate::contracts::{ErrorKind, ToolError};

/// Most headers of a call, and longest value in bytes.
pub(super) const HEADERS_MAX: usize = 32;
const VALUE_BYTES_MAX: usize = 4 * 1024;

/// What a call that only reads may say.
const READS: [&str; 11] = [
    "accept",
    "accept-language",
    "cache-control",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "pragma",
    "range",
    "user-agent",
];

/// What one that sends may say as well, beside names that begin with `x-`.
const SENDS: [&str; 6] =
    ["content-language", "content-type", "idempotency-key", "origin", "prefer", "referer"];

/// Names that begin with `x-` and tell the other side whom to believe the call comes from.
const DISGUISES: [&str; 4] = ["x-forwarded", "x-real-ip", "x-original", "x-http-method"];

/// Whose headers they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Reads,
    Sends,
}

/// Headers as a call names them. Credentials (`authorization`, `cookie`), `host`, and what belongs to the
/// connection are never among them.
pub(super) fn parsed(given: &BTreeMap<String, String>, kind: Kind) -> Result<HeaderMap, ToolError> {
    let bad = |why: String| ToolError::new(ErrorKind::BadArguments, why);
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let shown = name.escape_debug();
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_invalid| bad(format!("`{shown}` is no name of a header")))?;
        if !may(name.as_str(), kind) {
            return Err(bad(refused(name.as_str(), kind)));
        }
        if value.len() > VALUE_BYTES_MAX {
            return Err(bad(format!("header `{name}` is longer than {VALUE_BYTES_MAX} bytes")));
        }
        let value = HeaderValue::from_str(value).map_err(|_invalid| {
            bad(format!(
                "header `{name}` has characters that no header may have, such as line ends"
            ))
        })?;
        if headers.insert(name.clone(), value).is_some() {
            return Err(bad(format!("header `{name}` is given twice")));
        }
    }
    Ok(headers)
}

fn may(name: &str, kind: Kind) -> bool {
    let custom = name.starts_with("x-") && !DISGUISES.iter().any(|it| name.starts_with(it));
    READS.contains(&name) || (kind == Kind::Sends && (SENDS.contains(&name) || custom))
}

fn refused(name: &str, kind: Kind) -> String {
    let may = match kind {
        Kind::Reads => READS.join("`, `"),
        Kind::Sends => format!("{}`, `{}`, `x-…", READS.join("`, `"), SENDS.join("`, `")),
    };
    format!("header `{name}` is not sent; these are: `{may}`")
}

/// Headers of an answer as text, each name once. Cookies are left out: they are credentials of the other
/// side, and none are kept.
pub(super) fn shown(head: &HeaderMap) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in head.iter().filter(|(name, _)| *name != SET_COOKIE) {
        let value = String::from_utf8_lossy(value.as_bytes());
        match all.get_mut(name.as_str()) {
            Some(before) => {
                before.push_str(", ");
                before.push_str(&value);
            }
            None => {
                all.insert(name.as_str().to_owned(), value.into_owned());
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_hosts_and_line_ends_are_not_sent() {
        for (name, value, reads, sends) in [
            ("Accept", "text/html", true, true),
            ("RANGE", "bytes=0-9", true, true),
            ("content-type", "text/plain", false, true),
            ("x-request-id", "7", false, true),
            ("x-forwarded-for", "10.0.0.1", false, false),
            ("X-HTTP-Method-Override", "DELETE", false, false),
            ("authorization", "Bearer x", false, false),
            ("proxy-authorization", "Basic x", false, false),
            ("cookie", "a=b", false, false),
            ("host", "other.example", false, false),
            ("content-length", "3", false, false),
            ("transfer-encoding", "chunked", false, false),
            ("connection", "upgrade", false, false),
            ("accept-encoding", "gzip", false, false),
            ("accept", "a\r\nhost: b", false, false),
            ("accept", "a\0b", false, false),
            ("ac cept", "a", false, false),
            ("accept\r\nhost", "a", false, false),
            ("", "a", false, false),
            ("accept", &"a".repeat(5_000), false, false),
        ] {
            let given = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            assert_eq!(parsed(&given, Kind::Reads).is_ok(), reads, "{name:?}: {value:?}");
            assert_eq!(parsed(&given, Kind::Sends).is_ok(), sends, "{name:?}: {value:?}");
        }
        let twice = ["Accept", "accept"].map(|name| (name.to_owned(), "a".to_owned()));
        assert!(parsed(&BTreeMap::from(twice), Kind::Reads).is_err());
    }

    #[test]
    fn an_answer_shows_no_cookies_and_each_name_once() {
        let mut head = HeaderMap::new();
        for (name, value) in [("vary", "a"), ("vary", "b"), ("set-cookie", "s=1"), ("etag", "1")] {
            head.append(name, HeaderValue::from_static(value));
        }
        head.append("odd", HeaderValue::from_bytes(b"\xff").unwrap());
        let shown = shown(&head);
        assert_eq!(shown["vary"], "a, b");
        assert_eq!(shown["odd"], "\u{fffd}");
        assert_eq!(shown.len(), 3, "{shown:?}");
    }
}
