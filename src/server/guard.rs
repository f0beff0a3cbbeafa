//! Who may call: the names we are called by, the origin of pages, the token.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri};

use super::problem::Problem;
use super::session::Sessions;
use crate::contracts::Timestamp;
use crate::identity::{Holder, Pass, TokenError, Tokens, account};

/// The header for the token.
pub(super) const TOKEN: HeaderName = HeaderName::from_static("x-execution-token");
/// The header that a page proves with that it may read what we answer.
pub(super) const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");
/// The name of a browser's cookie.
pub(super) const SESSION_COOKIE: &str = "bailiwick_session";

/// Headers of which two could be read as either one: whoever stands between a caller and us may read
/// the other.
const ONCE: [&str; 10] = [
    "authorization",
    "x-execution-token",
    "x-csrf-token",
    "x-webhook-secret",
    "x-hub-signature-256",
    "idempotency-key",
    "origin",
    "host",
    "content-type",
    "transfer-encoding",
];

/// Where a connection comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Peer {
    /// TCP; the address that was called.
    Tcp(SocketAddr),
    /// The unix socket; the user at the other end.
    Unix(u32),
}

/// Who asks, once that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    /// As it stands in the journal: `token:<name>`, `user:<name>`, or `api` where no token is needed.
    pub by: String,
    /// The token that let them in.
    pub pass: Option<Pass>,
}

impl Caller {
    /// Whoever it is.
    pub(super) fn anybody() -> Self {
        Self { by: "api".to_owned(), pass: None }
    }
}

impl From<Holder> for Caller {
    fn from(Holder { by, pass }: Holder) -> Self {
        Self { by, pass: Some(pass) }
    }
}

/// What callers are measured by.
#[derive(Debug)]
pub(super) struct Guard {
    tokens: Tokens,
    hosts: Vec<(String, Option<u16>)>,
    pub(super) sessions: Sessions,
}

impl Guard {
    pub(super) fn new(tokens: Tokens, hosts: &[String]) -> Self {
        Self {
            tokens,
            hosts: hosts.iter().filter_map(|host| name_and_port(host)).collect(),
            sessions: Sessions::default(),
        }
    }

    /// Refuses a request that says something twice of which only one can be meant.
    pub(super) fn check_once(headers: &HeaderMap) -> Result<(), Problem> {
        let twice = ONCE.into_iter().find(|name| headers.get_all(*name).iter().nth(1).is_some());
        let twice = twice.or_else(|| session_cookies(headers).nth(1).map(|_| SESSION_COOKIE));
        match twice {
            Some(name) => Err(Problem::bad_request(format!("a request has `{name}` at most once"))),
            None => Ok(()),
        }
    }

    /// Refuses what was meant for somebody else, or comes from a page of somebody else: a name that
    /// was pointed at us from outside (DNS rebinding), a form on another site.
    pub(super) fn check_names(
        &self,
        peer: Peer,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), Problem> {
        let Peer::Tcp(called) = peer else { return Ok(()) };
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(Problem::bad_request("a request has exactly one `Host`"));
        };
        let stated = uri.authority().map(Authority::as_str);
        for name in [host.to_str().ok(), stated].into_iter().filter(|name| name.is_some()) {
            if !name.is_some_and(|name| self.is_ours(name, called, 80)) {
                return Err(misdirected());
            }
        }
        if host.to_str().is_err() {
            return Err(misdirected());
        }
        match headers.get(ORIGIN) {
            Some(origin) if !origin.to_str().is_ok_and(|it| self.is_our_origin(it, called)) => {
                Err(foreign_origin())
            }
            _ => Ok(()),
        }
    }

    fn is_our_origin(&self, origin: &str, called: SocketAddr) -> bool {
        match origin.split_once("://") {
            Some(("http", authority)) => self.is_ours(authority, called, 80),
            Some(("https", authority)) => self.is_ours(authority, called, 443),
            _ => false,
        }
    }

    fn is_ours(&self, authority: &str, called: SocketAddr, default_port: u16) -> bool {
        let Some((name, port)) = name_and_port(authority) else { return false };
        let ip = address(&name);
        let local = name == "localhost"
            || ip.is_some_and(|ip| {
                ip.is_loopback() || ip.to_canonical() == called.ip().to_canonical()
            });
        if local && port.unwrap_or(default_port) == called.port() {
            return true;
        }
        self.hosts.iter().any(|(known, at)| {
            *known == name && at.is_none_or(|at| port.unwrap_or(default_port) == at)
        })
    }

    /// Who holds this token; whoever it is where none is needed.
    pub(super) fn holder(&self, guess: &[u8], now: Timestamp) -> Result<Caller, Problem> {
        if !self.tokens.are_needed()? {
            return Ok(Caller::anybody());
        }
        self.tokens.holder(guess, now)?.map(Caller::from).ok_or_else(wrong_token)
    }

    /// Whether who was let in still would be. When that cannot be found out, they would not.
    pub(super) fn admits(&self, caller: &Caller, now: Timestamp) -> bool {
        caller.pass.is_none_or(|pass| {
            self.tokens.admits(pass, now).unwrap_or_else(|error| {
                tracing::error!("tokens cannot be read: {error}");
                false
            })
        })
    }

    /// Who asks.
    pub(super) fn identify(
        &self,
        peer: Peer,
        method: &Method,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Caller, Problem> {
        if let Peer::Unix(uid) = peer {
            return Ok(Caller { by: account(uid), pass: None });
        }
        if !self.tokens.are_needed()? {
            return Ok(Caller::anybody());
        }
        let mut stated = stated_tokens(headers);
        if let Some(first) = stated.next() {
            let caller = self.holder(first, now)?;
            for more in stated {
                if self.holder(more, now)? != caller {
                    return Err(wrong_token());
                }
            }
            return Ok(caller);
        }
        let Some(cookie) = session_cookie(headers) else {
            return Err(Problem::unauthorized(
                "send it as `X-Execution-Token` or as `Authorization: Bearer`",
            ));
        };
        let session = self.sessions.find(cookie, now.ms());
        // A session lasts no longer than the token it was begun with.
        let Some((csrf, caller)) = session.filter(|(_, caller)| self.admits(caller, now)) else {
            self.sessions.end(cookie);
            return Err(Problem::unauthorized("the session has ended: begin a new one"));
        };
        let reads = matches!(*method, Method::GET | Method::HEAD);
        let proof = headers.get(CSRF).map(|proof| blake3::hash(proof.as_bytes()));
        if reads || proof == Some(blake3::hash(csrf.as_bytes())) {
            return Ok(caller);
        }
        let detail = "a change from a browser needs the header `X-CSRF-Token` of its session";
        Err(Problem::new(StatusCode::FORBIDDEN, "csrf", "the page has not proved itself", detail))
    }
}

/// The tokens that a caller states: every one has to be right.
fn stated_tokens(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get(TOKEN).map(|value| value.as_bytes()).into_iter().chain(bearer(headers))
}

/// What stands behind `Authorization: Bearer`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, rest) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| rest.trim_ascii())
}

/// A browser's session.
pub(super) fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    session_cookies(headers).next()
}

fn session_cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter_map(|(name, value)| (name == SESSION_COOKIE).then_some(value))
}

/// A name and a port in the one form that each has; anything looser is no name of ours.
fn name_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    let parsed: Authority = authority.parse().ok()?;
    let host = parsed.host();
    let port = match authority.strip_prefix(host)? {
        "" => None,
        rest => Some(port(rest.strip_prefix(':')?)?),
    };
    // A name may end with the dot of the root; an address may not.
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let sound = !name.is_empty() && !name.ends_with('.');
    let dotted = name.len() < host.len() && address(&name).is_some();
    (sound && !dotted).then_some((name, port))
}

/// A port in digits, without zeros before it.
fn port(text: &str) -> Option<u16> {
    let plain = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// An address as it stands in a `Host`: version 6 in brackets, version 4 without.
fn address(name: &str) -> Option<IpAddr> {
    match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => name.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

fn wrong_token() -> Problem {
    Problem::unauthorized("the token is none of this server, has expired, or was revoked")
}

fn misdirected() -> Problem {
    Problem::new(
        StatusCode::MISDIRECTED_REQUEST,
        "misdirected",
        "this server is not called so",
        "call it by its address, or add the name to `server.hosts`",
    )
}

fn foreign_origin() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "foreign_origin",
        "pages of other sites may not call",
        "the `Origin` of the request is not one of this server's names",
    )
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        tracing::error!("tokens cannot be read: {error}");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "no_tokens",
            "nobody can be let in",
            "the tokens cannot be read: the log of the server says why",
        )
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
