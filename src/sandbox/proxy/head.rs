//! The head of a request or an answer: a first line and fields, read strictly.
//!
//! What one program takes for the end of a line and another does not is how requests are smuggled. So
//! lines end with `\r\n` only, nothing is folded, and control bytes stand nowhere.

use super::limits::FIELDS_MAX;

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// As it was written.
    pub(super) name: String,
    /// Without blanks around it.
    pub(super) value: Vec<u8>,
}

impl Field {
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// A first line and fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) first: String,
    pub(super) fields: Vec<Field>,
}

/// How many bytes follow a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// Exactly so many.
    Length(u64),
    /// Chunks, the last of them empty.
    Chunked,
    /// Nothing says so.
    Unsaid,
}

/// Fields that are about one connection only, and go no further.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    "content-length",
];

/// Fields that `Connection` may not strike out: what is meant would change.
const END_TO_END: [&str; 6] =
    ["host", "content-length", "transfer-encoding", "authorization", "content-type", "cookie"];

/// The head in `bytes`, which end with an empty line.
pub(super) fn parse(bytes: &[u8]) -> Result<Head, &'static str> {
    let text = bytes.strip_suffix(b"\r\n\r\n").ok_or("the head has no end")?;
    let mut lines = Lines { rest: Some(text) };
    let first = lines.next().unwrap_or_default();
    let graphic = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    // The reason in a status line may be of any letters; a request line may not.
    let sound = |byte: &u8| graphic(byte) || *byte >= 0x80 || *byte == b'\t';
    let allowed: &dyn Fn(&u8) -> bool = if first.starts_with(b"HTTP/") { &sound } else { &graphic };
    if first.is_empty() || !first.iter().all(allowed) {
        return Err("the first line has bytes that do not belong there");
    }
    let first = String::from_utf8_lossy(first).into_owned();
    let mut fields = Vec::new();
    for line in lines {
        if fields.len() == FIELDS_MAX {
            return Err("the head has too many fields");
        }
        fields.push(field(line)?);
    }
    Ok(Head { first, fields })
}

/// Lines between `\r\n`.
struct Lines<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        match rest.windows(2).position(|two| two == b"\r\n") {
            Some(at) => {
                self.rest = rest.get(at + 2..);
                rest.get(..at)
            }
            None => self.rest.take(),
        }
    }
}

fn field(line: &[u8]) -> Result<Field, &'static str> {
    let at = line.iter().position(|byte| *byte == b':').ok_or("a field has no colon")?;
    let (name, value) = line.split_at(at);
    let value = trimmed(value.get(1..).unwrap_or_default());
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if name.is_empty() || !name.iter().all(token) {
        return Err("the name of a field has bytes that do not belong there");
    }
    if value.iter().any(|byte| (byte.is_ascii_control() && *byte != b'\t') || *byte == 0x7f) {
        return Err("a field has control bytes");
    }
    Ok(Field { name: String::from_utf8_lossy(name).into_owned(), value: value.to_owned() })
}

/// Without blanks around it. Line feeds are no blanks: they stay, to be refused.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = bytes.iter().position(|byte| !blank(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !blank(byte)).map_or(start, |at| at + 1);
    bytes.get(start..end).unwrap_or_default()
}

impl Head {
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Field> {
        self.fields.iter().filter(move |field| field.is(name))
    }

    /// How long the body is, as the fields say. Two statements that could differ are none.
    pub(super) fn body(&self) -> Result<Body, &'static str> {
        let mut codings = self.all("transfer-encoding");
        let mut lengths = self.all("content-length");
        match (codings.next(), lengths.next()) {
            (Some(_), Some(_)) => {
                Err("both Transfer-Encoding and Content-Length say how long the body is")
            }
            (Some(coding), None)
                if codings.next().is_none() && coding.value.eq_ignore_ascii_case(b"chunked") =>
            {
                Ok(Body::Chunked)
            }
            (Some(_), None) => Err("Transfer-Encoding is something else than chunked"),
            (None, Some(length)) if lengths.next().is_none() => {
                decimal(&length.value).map(Body::Length).ok_or("Content-Length is no number")
            }
            (None, Some(_)) => Err("Content-Length stands there twice"),
            (None, None) => Ok(Body::Unsaid),
        }
    }

    /// The fields that go on to the other side.
    pub(super) fn passed_on(&self) -> Result<Vec<&Field>, &'static str> {
        let mut struck: Vec<String> = HOP_BY_HOP.map(str::to_owned).to_vec();
        for field in self.all("connection") {
            for name in field.value.split(|byte| *byte == b',') {
                let name = String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase();
                if END_TO_END.contains(&name.as_str()) {
                    return Err("Connection strikes out a field that changes what is meant");
                }
                struck.push(name);
            }
        }
        let own = |field: &&Field| {
            let name = field.name.to_ascii_lowercase();
            !struck.contains(&name) && !name.starts_with("proxy-")
        };
        Ok(self.fields.iter().filter(own).collect())
    }
}

/// Digits only, and few enough.
fn decimal(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// The bytes of a head.
pub(super) fn written(first: &str, fields: &[&Field], more: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = first.as_bytes().to_vec();
    bytes.extend(b"\r\n");
    for (name, value) in more {
        bytes.extend(format!("{name}: {value}\r\n").as_bytes());
    }
    for field in fields {
        bytes.extend(field.name.as_bytes());
        bytes.extend(b": ");
        bytes.extend(&field.value);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"\r\n");
    bytes
}

/// The field that states `body`.
pub(super) fn framing(body: Body) -> Option<(&'static str, String)> {
    match body {
        Body::Length(length) => Some(("Content-Length", length.to_string())),
        Body::Chunked => Some(("Transfer-Encoding", "chunked".to_owned())),
        Body::Unsaid => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(fields: &str) -> Result<Head, &'static str> {
        parse(format!("GET http://a.example/ HTTP/1.1\r\n{fields}\r\n").as_bytes())
    }

    #[test]
    fn refuses_heads_that_programs_read_differently() {
        for fields in [
            "Host: a\n\r\n",
            "Host: a\rX: b\r\n",
            "Host : a\r\n",
            " Host: a\r\n",
            "A: b\r\n c\r\n",
            "no colon\r\n",
            ": empty\r\n",
            "A\0: b\r\n",
            "A: b\0\r\n",
            "A: b\u{7f}\r\n",
            "A(: b\r\n",
        ] {
            assert!(read(fields).is_err(), "{fields:?}");
        }
        assert!(parse(b"GET \xff HTTP/1.1\r\n\r\n").is_err());
        assert!(parse(b"\r\n\r\n").is_err());
        assert!(read(&"A: b\r\n".repeat(FIELDS_MAX)).is_ok());
        assert!(read(&"A: b\r\n".repeat(FIELDS_MAX + 1)).is_err());
    }

    #[test]
    fn the_length_of_a_body_is_stated_once_or_not_at_all() {
        let cases = [
            ("", Ok(Body::Unsaid)),
            ("Content-Length: 12\r\n", Ok(Body::Length(12))),
            ("transfer-encoding: Chunked\r\n", Ok(Body::Chunked)),
            ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", Err(())),
            ("Content-Length: 1\r\nContent-Length: 1\r\n", Err(())),
            ("Content-Length: 1, 1\r\n", Err(())),
            ("Content-Length: +1\r\n", Err(())),
            ("Content-Length: 0x1\r\n", Err(())),
            ("Content-Length:\r\n", Err(())),
            ("Content-Length: 99999999999999999999\r\n", Err(())),
            ("Transfer-Encoding: gzip, chunked\r\n", Err(())),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", Err(())),
            ("Transfer-Encoding: xchunked\r\n", Err(())),
        ];
        for (fields, expected) in cases {
            assert_eq!(read(fields).unwrap().body().map_err(drop), expected, "{fields}");
        }
    }

    #[test]
    fn what_is_about_one_connection_goes_no_further() {
        let head = read("Connection: close, X-Own\r\nX-Own: 1\r\nProxy-Authorization: x\r\nUpgrade: h2c\r\nAccept: */*\r\nTE: trailers\r\nProxy-Connection: keep-alive\r\n").unwrap();
        let names: Vec<&str> =
            head.passed_on().unwrap().iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["Accept"]);
        assert!(read("Connection: Content-Length\r\n").unwrap().passed_on().is_err());
        assert!(read("Connection: close, host\r\n").unwrap().passed_on().is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut bytes = bytes;
            let _ = parse(&bytes);
            bytes.extend(b"\r\n\r\n");
            if let Ok(head) = parse(&bytes) {
                let _ = (head.body(), head.passed_on());
            }
        }
    }
}
