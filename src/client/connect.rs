//! Where the daemon is, and what every request to it carries.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::ClientError;
use super::error::words;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest silence within an answer. Streams of events say something every 15 s.
const SILENCE: Duration = Duration::from_secs(45);
/// The header that carries the token.
const TOKEN: HeaderName = HeaderName::from_static("x-execution-token");
/// Host of requests over the socket, where it means nothing.
const SOCKET_BASE: &str = "http://localhost/";

/// Where a daemon is.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// At an address.
    Url {
        /// Such as `http://127.0.0.1:8787`, perhaps with a path below which the API is.
        url: String,
        /// What it wants to know before it answers.
        token: Option<String>,
    },
    /// Behind a socket of this machine.
    Socket(PathBuf),
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Url { url, .. } => {
                f.debug_struct("Url").field("url", url).finish_non_exhaustive()
            }
            Self::Socket(path) => f.debug_tuple("Socket").field(path).finish(),
        }
    }
}

/// A daemon to ask.
#[derive(Debug, Clone)]
pub struct Client {
    pub(super) http: reqwest::Client,
    pub(super) base: Url,
    pub(super) place: String,
}

impl Client {
    /// Makes ready to ask the daemon at `target`. Connects when it asks.
    ///
    /// # Errors
    /// When the address or the token is none.
    pub fn new(target: &Target) -> Result<Self, ClientError> {
        match target {
            Target::Url { url, token } => Self::at_url(url, token.as_deref()),
            Target::Socket(path) => Self::at_socket(path),
        }
    }

    fn at_url(address: &str, token: Option<&str>) -> Result<Self, ClientError> {
        let base = base(address)
            .map_err(|why| ClientError::Address { address: address.to_owned(), why })?;
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(token).map_err(|_| ClientError::Token)?;
            value.set_sensitive(true);
            headers.insert(TOKEN, value);
        }
        let place = base.as_str().trim_end_matches('/').to_owned();
        Self::build(builder().default_headers(headers), base, place)
    }

    fn at_socket(path: &Path) -> Result<Self, ClientError> {
        let place = path.display().to_string();
        let unreadable = |why| ClientError::Address { address: place.clone(), why };
        let base = Url::parse(SOCKET_BASE).map_err(|error| unreadable(error.to_string()))?;
        Self::build(builder().unix_socket(path), base, place)
    }

    fn build(
        builder: reqwest::ClientBuilder,
        base: Url,
        place: String,
    ) -> Result<Self, ClientError> {
        let http = builder.build().map_err(|error| ClientError::Unreachable {
            place: place.clone(),
            why: words(error),
        })?;
        Ok(Self { http, base, place })
    }

    /// Where the daemon is, for messages.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }
}

/// No redirects and no proxies: the token goes to the address that was named and nowhere else.
fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("bailiwick/", env!("CARGO_PKG_VERSION")))
        // A command waits in one runtime after the other, and a connection ends with the runtime it was
        // made in: one that was kept would fail the next request.
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
}

/// The address with a path that ends in `/`, so that paths can be put behind it.
fn base(address: &str) -> Result<Url, String> {
    let mut url = Url::parse(address).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it must begin with `http://` or `https://`".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a password; give the token with `--token`".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it goes on behind the path".to_owned());
    }
    let path = format!("{}/", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_or_refused_with_a_reason() {
        for (address, expected) in [
            ("http://127.0.0.1:8787", Ok("http://127.0.0.1:8787/")),
            ("https://bw.example.org/daemon/", Ok("https://bw.example.org/daemon/")),
            ("localhost:8787", Err("must begin with")),
            ("127.0.0.1:8787", Err("")),
            ("ftp://example.org", Err("must begin with")),
            ("http://me:secret@example.org", Err("--token")),
            ("http://example.org/?a=1", Err("behind the path")),
            ("http://", Err("")),
        ] {
            match (base(address), expected) {
                (Ok(url), Ok(expected)) => assert_eq!(url.as_str(), expected),
                (Err(why), Err(part)) => assert!(why.contains(part), "{address}: {why}"),
                (got, _) => panic!("{address}: {got:?}"),
            }
        }
    }

    #[test]
    fn the_token_is_not_shown() {
        let token = Some("very-secret-token".to_owned());
        let target = Target::Url { url: "http://127.0.0.1:1".to_owned(), token };
        let client = Client::new(&target).unwrap();
        assert!(!format!("{target:?} {client:?}").contains("very-secret"));
    }
}
