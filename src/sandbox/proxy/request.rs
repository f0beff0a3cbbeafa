//! What a client of the proxy wants.

use super::head::{Body, Field, Head, framing, written};
use super::refusal::Refusal;
use crate::policy::host;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A tunnel to `host:port`.
    Tunnel(String),
    /// One answer over plain HTTP.
    Answer(Plain),
}

/// A request over plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plain {
    /// `host` or `host:port`, as it was written.
    pub(super) authority: String,
    pub(super) method: String,
    pub(super) body: Body,
    path: String,
    version: String,
    fields: Vec<Field>,
}

const METHOD_BYTES_MAX: usize = 32;
const PLAIN_SCHEME: &str = "http://";

/// What `head` asks for.
pub(super) fn wanted(head: &Head) -> Result<Wanted, Refusal> {
    let mut words = head.first.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Refusal::bad("the request line is none: METHOD TARGET VERSION"));
    };
    if !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
        return Err(Refusal::bad("this proxy speaks HTTP/1.1 and HTTP/1.0"));
    }
    let token = |byte: u8| byte.is_ascii_uppercase() || byte == b'-' || byte == b'_';
    if method.is_empty() || method.len() > METHOD_BYTES_MAX || !method.bytes().all(token) {
        return Err(Refusal::bad("the method is none"));
    }
    if method == "CONNECT" { tunnel(head, target) } else { plain(head, method, target, version) }
}

fn tunnel(head: &Head, target: &str) -> Result<Wanted, Refusal> {
    let odd = |c: char| !(c.is_ascii_alphanumeric() || "-._:[]@%".contains(c));
    let port = target.rsplit_once(':').map(|(_, port)| port);
    let port = port.filter(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    if target.contains(odd) || port.is_none() {
        return Err(Refusal::bad("CONNECT takes host:port"));
    }
    // A body would become the first bytes of the tunnel for one reader and not for another.
    if head.body().map_err(Refusal::bad)? != Body::Unsaid {
        return Err(Refusal::bad("CONNECT has no body"));
    }
    Ok(Wanted::Tunnel(target.to_owned()))
}

fn plain(head: &Head, method: &str, target: &str, version: &str) -> Result<Wanted, Refusal> {
    let (scheme, rest) = target.split_at_checked(PLAIN_SCHEME.len()).unwrap_or(("", target));
    if !scheme.eq_ignore_ascii_case(PLAIN_SCHEME) {
        let why = if target.contains("://") {
            "only http:// is asked for like this: https:// takes CONNECT"
        } else {
            "this is a proxy: the target of a request is a whole URL"
        };
        return Err(Refusal::bad(why));
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if path.contains('#') {
        return Err(Refusal::bad("the target has a fragment, which is never sent"));
    }
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    same_host(head, authority, version)?;
    let body = head.body().map_err(Refusal::bad)?;
    if version == "HTTP/1.0" && body == Body::Chunked {
        return Err(Refusal::bad("HTTP/1.0 has no chunks"));
    }
    let passed_on = head.passed_on().map_err(Refusal::bad)?;
    let fields = passed_on.into_iter().filter(|field| !field.is("host")).cloned().collect();
    let (method, version) = (method.to_owned(), version.to_owned());
    Ok(Wanted::Answer(Plain {
        authority: authority.to_owned(),
        method,
        body,
        path,
        version,
        fields,
    }))
}

/// Refuses a request whose `Host` is another than that of its target: a server would believe the one
/// and this proxy the other.
fn same_host(head: &Head, authority: &str, version: &str) -> Result<(), Refusal> {
    let mut named = head.all("host");
    let Some(field) = named.next() else {
        if version == "HTTP/1.0" {
            return Ok(());
        }
        return Err(Refusal::bad("the request has no Host"));
    };
    let read = |text: &str| {
        let fact = host("", &format!("{PLAIN_SCHEME}{text}"));
        fact.map(|fact| (fact.name, fact.port)).map_err(|fault| Refusal::bad(fault.to_string()))
    };
    let value = String::from_utf8_lossy(&field.value);
    if value.contains(['/', '?', '#'])
        || named.next().is_some()
        || read(&value)? != read(authority)?
    {
        return Err(Refusal::bad(format!("Host is {value}, and the target is {authority}")));
    }
    Ok(())
}

impl Plain {
    /// The head as it goes to the host. The connection is for this request alone.
    pub(super) fn head(&self) -> Vec<u8> {
        let first = format!("{} {} {}", self.method, self.path, self.version);
        let framing = framing(self.body);
        let mut own = vec![("Host", self.authority.as_str()), ("Connection", "close")];
        own.extend(framing.iter().map(|(name, value)| (*name, value.as_str())));
        written(&first, &self.fields.iter().collect::<Vec<_>>(), &own)
    }
}

#[cfg(test)]
mod tests {
    use super::super::head::parse;
    use super::*;

    fn read(text: &str) -> Result<Wanted, Refusal> {
        wanted(&parse(format!("{text}\r\n\r\n").as_bytes()).map_err(Refusal::bad)?)
    }

    #[test]
    fn reads_tunnels_and_plain_requests() {
        assert_eq!(
            read("CONNECT a.example:443 HTTP/1.1"),
            Ok(Wanted::Tunnel("a.example:443".into()))
        );
        let cases = [
            ("GET http://a.example/x?y HTTP/1.1\r\nHost: a.example", "GET /x?y HTTP/1.1"),
            ("GET http://a.example HTTP/1.1\r\nHost: A.Example:80", "GET / HTTP/1.1"),
            ("GET HTTP://a.example?q HTTP/1.1\r\nHost: a.example.", "GET /?q HTTP/1.1"),
            ("PURGE http://a.example:8080/ HTTP/1.0", "PURGE / HTTP/1.0"),
        ];
        for (text, first) in cases {
            let Ok(Wanted::Answer(plain)) = read(text) else { panic!("{text}: {:?}", read(text)) };
            let head = String::from_utf8(plain.head()).unwrap();
            assert!(head.starts_with(&format!("{first}\r\nHost: a.example")), "{head}");
            assert_eq!(head.matches("Connection: close\r\n").count(), 1, "{head}");
        }
    }

    #[test]
    fn refuses_requests_with_two_readings() {
        for text in [
            "GET",
            "GET  http://a.example/ HTTP/1.1",
            "GET http://a.example/ HTTP/2.0\r\nHost: a.example",
            "get http://a.example/ HTTP/1.1\r\nHost: a.example",
            "GET / HTTP/1.1\r\nHost: a.example",
            "GET https://a.example/ HTTP/1.1\r\nHost: a.example",
            "GET ftp://a.example/ HTTP/1.1\r\nHost: a.example",
            "GET http://a.example/ HTTP/1.1",
            "GET http://a.example/ HTTP/1.1\r\nHost: b.example",
            "GET http://a.example/ HTTP/1.1\r\nHost: a.example:8080",
            "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nHost: b.example",
            "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nHost: a.example",
            "GET http://u@a.example/ HTTP/1.1\r\nHost: a.example",
            "GET http://a.example/#x HTTP/1.1\r\nHost: a.example",
            "GET http://a.example/ HTTP/1.1\r\nHost: a.example/x",
            "GET http://a.example\\@b.example/ HTTP/1.1\r\nHost: a.example",
            "POST http://a.example/ HTTP/1.0\r\nTransfer-Encoding: chunked",
            "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
            "CONNECT a.example HTTP/1.1",
            "CONNECT a.example: HTTP/1.1",
            "CONNECT https://a.example:443 HTTP/1.1",
            "CONNECT a.example:443/x HTTP/1.1",
            "CONNECT a.example:443 HTTP/1.1\r\nContent-Length: 5",
            "CONNECT a.example:443 HTTP/1.1\r\nTransfer-Encoding: chunked",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
