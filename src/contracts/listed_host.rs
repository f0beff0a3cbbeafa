//! A host that commands may reach through the checking proxy, as configuration lists it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;
const TLS_PORT: u16 = 443;
const PLAIN_PORT: u16 = 80;

/// One entry of `sandbox.proxy.hosts`: `host` or `*.host`, `:port` where it is not the usual one, and
/// `http://` before it where plain HTTP is spoken instead of TLS.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ListedHost {
    name: String,
    /// Whether it stands for every name below, and not for the name itself.
    below: bool,
    port: u16,
    plain: bool,
}

/// Why a text is no entry of the list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListedHostError {
    /// Something that is no host name.
    #[error("`{0}` is no host: write `host` or `*.host`, with `:port` where it is not 443")]
    NoHost(String),
    /// A scheme other than `http://`.
    #[error("`{0}` has a scheme: write the host alone for HTTPS, `http://host` for plain HTTP")]
    Scheme(String),
    /// An address, in any notation.
    #[error(
        "`{0}` is an address: write a name, and bind it in `sandbox.proxy.allow_addresses` if need be"
    )]
    Address(String),
    /// `*` or `*.com`.
    #[error("`{0}` stands for too many hosts: write a name with a dot after `*.`")]
    TooWide(String),
    /// No port number.
    #[error("`{0}` has a port that is none: write 1 to 65535")]
    Port(String),
}

impl ListedHost {
    /// Whether the host `name`, in lower case without a dot at the end, is one of those it stands for.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        if self.below { is_below(name, &self.name) } else { name == self.name }
    }

    /// The port that may be connected to.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether plain HTTP is spoken rather than TLS.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.plain
    }

    /// The part of it that `pattern`, a host or `*.host`, allows; `None` where they have no host in
    /// common.
    #[must_use]
    pub fn within(&self, pattern: &str) -> Option<Self> {
        let pattern = pattern.trim_end_matches('.').to_ascii_lowercase();
        if pattern == "*" {
            return Some(self.clone());
        }
        let (name, below) = match pattern.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (pattern.as_str(), false),
        };
        let covered = if below {
            is_below(&self.name, name) || (self.below && self.name == name)
        } else {
            !self.below && self.name == name
        };
        if covered {
            return Some(self.clone());
        }
        let narrower = self.below && is_below(name, &self.name);
        narrower.then(|| Self { name: name.to_owned(), below, ..self.clone() })
    }
}

fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

impl FromStr for ListedHost {
    type Err = ListedHostError;

    fn from_str(text: &str) -> Result<Self, ListedHostError> {
        let shown =
            || text.chars().take(NAME_BYTES_MAX).collect::<String>().escape_debug().to_string();
        let (plain, rest) = match text.strip_prefix("http://") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if rest.contains("://") {
            return Err(ListedHostError::Scheme(shown()));
        }
        let (name, port) = match rest.rsplit_once(':') {
            Some((name, _)) if name.contains(':') => return Err(ListedHostError::Address(shown())),
            Some((name, port)) => {
                (name, read_port(port).ok_or_else(|| ListedHostError::Port(shown()))?)
            }
            None => (rest, if plain { PLAIN_PORT } else { TLS_PORT }),
        };
        let (name, below) = match name.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        if name == "*" || (below && !name.contains('.')) {
            return Err(ListedHostError::TooWide(shown()));
        }
        if name.len() > NAME_BYTES_MAX || !name.split('.').all(is_label) {
            return Err(ListedHostError::NoHost(shown()));
        }
        if name.rsplit('.').next().is_some_and(is_number) {
            return Err(ListedHostError::Address(shown()));
        }
        Ok(Self { name, below, port, plain })
    }
}

/// Digits only: the standard parser would take `+443` as well.
fn read_port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0)
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= LABEL_BYTES_MAX
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A name whose last label is a number is an address, or what some program takes for one.
fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(hex) => hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

impl fmt::Display for ListedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.plain { "http://" } else { "" };
        let below = if self.below { "*." } else { "" };
        write!(f, "{scheme}{below}{}", self.name)?;
        let usual = if self.plain { PLAIN_PORT } else { TLS_PORT };
        if self.port == usual { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl TryFrom<String> for ListedHost {
    type Error = ListedHostError;

    fn try_from(text: String) -> Result<Self, ListedHostError> {
        text.parse()
    }
}

impl From<ListedHost> for String {
    fn from(host: ListedHost) -> Self {
        host.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ListedHost {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn reads_entries_and_writes_them_in_one_spelling() {
        let cases = [
            ("pypi.org", "pypi.org", 443, false),
            ("PyPI.org.", "pypi.org", 443, false),
            ("pypi.org:443", "pypi.org", 443, false),
            ("*.example.org:8443", "*.example.org:8443", 8443, false),
            ("http://mirror.example", "http://mirror.example", 80, true),
            ("http://mirror:8080", "http://mirror:8080", 8080, true),
            ("http://mirror.example:443", "http://mirror.example:443", 443, true),
            ("my_host.example", "my_host.example", 443, false),
        ];
        for (text, written, port, plain) in cases {
            let host = read(text);
            assert_eq!(
                (host.to_string().as_str(), host.port(), host.is_plain()),
                (written, port, plain)
            );
            assert_eq!(read(written), host);
        }
    }

    #[test]
    fn refuses_what_is_no_host_or_too_many() {
        use ListedHostError as E;
        type Fault = fn(String) -> E;
        let cases: [(&str, Fault); 26] = [
            ("", E::NoHost),
            ("a b", E::NoHost),
            ("a..b", E::NoHost),
            ("-a.example", E::NoHost),
            ("a@b.example", E::NoHost),
            ("a.example/x", E::NoHost),
            ("a.*.example", E::NoHost),
            ("*a.example", E::NoHost),
            ("b\u{fc}cher.example", E::NoHost),
            ("a\0.example", E::NoHost),
            ("https://a.example", E::Scheme),
            ("ftp://a.example", E::Scheme),
            ("http://http://a.example", E::Scheme),
            ("127.0.0.1", E::Address),
            ("2130706433", E::Address),
            ("0x7f000001", E::Address),
            ("0177.0.0.1", E::Address),
            ("[::1]", E::Address),
            ("::1", E::Address),
            ("*", E::TooWide),
            ("*.com", E::TooWide),
            ("*.*", E::TooWide),
            ("a.example:0", E::Port),
            ("a.example:", E::Port),
            ("a.example:+443", E::Port),
            ("a.example:99999", E::Port),
        ];
        for (text, error) in cases {
            let shown = text.escape_debug().to_string();
            assert_eq!(text.parse::<ListedHost>(), Err(error(shown)), "{text}");
        }
    }

    #[test]
    fn names_match_on_label_boundaries() {
        let cases = [
            ("example.org", "example.org", true),
            ("example.org", "a.example.org", false),
            ("example.org", "example.org.evil.example", false),
            ("*.example.org", "a.b.example.org", true),
            ("*.example.org", "example.org", false),
            ("*.example.org", "badexample.org", false),
            ("*.example.org", ".example.org", false),
        ];
        for (entry, name, expected) in cases {
            assert_eq!(read(entry).names(name), expected, "{entry} {name}");
        }
    }

    #[test]
    fn is_narrowed_to_what_a_pattern_allows() {
        let cases = [
            ("pypi.org", "pypi.org", Some("pypi.org")),
            ("pypi.org", "*.org", Some("pypi.org")),
            ("pypi.org", "*", Some("pypi.org")),
            ("pypi.org", "*.pypi.org", None),
            ("pypi.org", "files.pypi.org", None),
            ("*.x.org", "*.x.org", Some("*.x.org")),
            ("*.x.org", "*.org", Some("*.x.org")),
            ("*.x.org", "x.org", None),
            ("*.x.org", "a.x.org", Some("a.x.org")),
            ("*.x.org:8443", "*.a.x.org", Some("*.a.x.org:8443")),
            ("http://*.x.org", "a.x.org", Some("http://a.x.org")),
            ("*.x.org", "badx.org", None),
            ("x.org", "X.org.", Some("x.org")),
        ];
        for (entry, pattern, expected) in cases {
            let part = read(entry).within(pattern).map(|part| part.to_string());
            assert_eq!(part.as_deref(), expected, "{entry} within {pattern}");
        }
    }
}
