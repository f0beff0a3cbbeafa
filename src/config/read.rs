//! From a YAML value to a setting: kind and range are checked here, with the place of a mistake.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::models::secret_name;
use super::setting::{SIZES, Setting, size};
use super::{Kind, ModelName, Price, Rate};
use crate::contracts::{Diagnostic, ListedHost, format_duration_ms, parse_duration_ms};
use crate::yaml::{Node, Value, did_you_mean};

/// Most entries of a list.
const LIST_MAX: usize = 256;
/// Longest text, in bytes: what Linux takes as a path.
const TEXT_BYTES_MAX: usize = 4_096;
/// Most addresses of one host.
const ADDRESSES_MAX: usize = 16;

/// Highest price of a million tokens, in US dollars.
pub(super) const PRICE_MAX: f64 = 100_000.0;

/// The setting in `node`, for the key `path` of `kind`.
pub(super) fn setting(
    file: &str,
    path: &str,
    kind: Kind,
    node: &Node,
) -> Result<Setting, Diagnostic> {
    let reader = Reader { file, path };
    match kind {
        Kind::Bool => reader.boolean(node),
        Kind::Count(min, max) => {
            let number = reader.whole(node)?;
            reader.within(node, number, (min, max), |number| number.to_string())
        }
        Kind::Bytes(min, max) => {
            let bytes = reader.bytes(node)?;
            reader.within(node, bytes, (min, max), size)
        }
        Kind::Duration(min, max) => {
            let ms = reader.duration(node)?;
            reader.within(node, ms, (min, max), format_duration_ms)
        }
        Kind::Amount(min, max) => reader.amount(node, min, max),
        Kind::Word(words) => reader.word(node, words).map(Setting::Text),
        Kind::Words(words) => reader.list(node, |item| reader.word(item, words)),
        Kind::Path => match node.as_text() {
            Some("") => Ok(Setting::Text(String::new())),
            _ => reader.path(node).map(Setting::Text),
        },
        Kind::Paths => reader.list(node, |item| reader.path(item)),
        Kind::Line => reader.line(node).map(Setting::Text),
        Kind::Secret => reader.secret(node).map(Setting::Text),
        Kind::Lines => reader.list(node, |item| reader.line(item)),
        Kind::Hosts => reader.list(node, |item| reader.host(item).map(String::from)),
        Kind::Addresses => reader.addresses(node),
        Kind::Rate => reader.rate(node).map(Setting::Text),
        Kind::Models => reader.list(node, |item| reader.model(item)),
        Kind::SecretName => reader.secret_name(node).map(Setting::Text),
        Kind::Prices => reader.prices(node),
    }
}

struct Reader<'a> {
    file: &'a str,
    path: &'a str,
}

impl Reader<'_> {
    fn wrong(&self, node: &Node, expected: &str) -> Diagnostic {
        let message = format!("`{}` must be {expected}, not {}", self.path, node.kind());
        let diagnostic = node.error(self.file, "wrong-type", message);
        match &node.value {
            Value::Text { text, plain: true } if matches!(text.as_str(), "yes" | "on") => {
                diagnostic.suggest(format!("`{text}` is a text in YAML 1.2: write `true`"))
            }
            Value::Text { text, plain: true } if matches!(text.as_str(), "no" | "off") => {
                diagnostic.suggest(format!("`{text}` is a text in YAML 1.2: write `false`"))
            }
            _ => diagnostic,
        }
    }

    fn bad(&self, node: &Node, code: &str, message: String) -> Diagnostic {
        node.error(self.file, code, message)
    }

    fn boolean(&self, node: &Node) -> Result<Setting, Diagnostic> {
        match node.value {
            Value::Bool(value) => Ok(Setting::Bool(value)),
            _ => Err(self.wrong(node, "`true` or `false`")),
        }
    }

    fn whole(&self, node: &Node) -> Result<u64, Diagnostic> {
        let Value::Int(number) = node.value else {
            return Err(self.wrong(node, "a whole number"));
        };
        u64::try_from(number).map_err(|_| {
            self.bad(node, "out-of-range", format!("`{}` must not be negative", self.path))
        })
    }

    fn duration(&self, node: &Node) -> Result<u64, Diagnostic> {
        let text =
            node.as_text().ok_or_else(|| self.wrong(node, "a duration such as `90s` or `5m`"))?;
        parse_duration_ms(text).map_err(|error| self.bad(node, "bad-duration", error.to_string()))
    }

    fn bytes(&self, node: &Node) -> Result<u64, Diagnostic> {
        let Some(text) = node.as_text() else {
            return match node.value {
                Value::Int(_) => self.whole(node),
                _ => Err(self.wrong(node, "a size such as `256KiB`")),
            };
        };
        parse_size(text).ok_or_else(|| {
            let message = format!("`{text}` is not a size: write whole bytes or, such as `256KiB`, a whole number with B, KiB, MiB or GiB");
            self.bad(node, "bad-size", message)
        })
    }

    fn within(
        &self,
        node: &Node,
        number: u64,
        (min, max): (u64, u64),
        write: impl Fn(u64) -> String,
    ) -> Result<Setting, Diagnostic> {
        if (min..=max).contains(&number) {
            return Ok(Setting::Whole(number));
        }
        let (path, min, max) = (self.path, write(min), write(max));
        let message = format!("`{path}` is {}; it must be from {min} to {max}", write(number));
        Err(self.bad(node, "out-of-range", message))
    }

    fn amount(&self, node: &Node, min: f64, max: f64) -> Result<Setting, Diagnostic> {
        let number = match &node.value {
            #[allow(clippy::cast_precision_loss, reason = "the range is far below 2^53")]
            Value::Int(number) => *number as f64,
            Value::Float { number, .. } => *number,
            _ => return Err(self.wrong(node, "a number")),
        };
        if number >= min && number <= max {
            return Ok(Setting::Number(number));
        }
        let message = format!("`{}` is {number}; it must be from {min} to {max}", self.path);
        Err(self.bad(node, "out-of-range", message))
    }

    fn word(&self, node: &Node, words: &[&'static str]) -> Result<String, Diagnostic> {
        let text = node.as_text().ok_or_else(|| self.wrong(node, &words.join(" or ")))?;
        if words.contains(&text) {
            return Ok(text.to_owned());
        }
        let (path, words_text) = (self.path, words.join(", "));
        let message = format!("`{text}` is not a value of `{path}`: expected {words_text}");
        let diagnostic = self.bad(node, "bad-value", message);
        Err(match did_you_mean(text, words.iter().copied()) {
            Some(suggestion) => diagnostic.suggest(suggestion),
            None => diagnostic,
        })
    }

    fn list(
        &self,
        node: &Node,
        read: impl Fn(&Node) -> Result<String, Diagnostic>,
    ) -> Result<Setting, Diagnostic> {
        let items = node.as_list().ok_or_else(|| self.wrong(node, "a list"))?;
        if items.len() > LIST_MAX {
            let message =
                format!("`{}` has {} entries; at most {LIST_MAX} are read", self.path, items.len());
            return Err(self.bad(node, "out-of-range", message));
        }
        items.iter().map(read).collect::<Result<_, _>>().map(Setting::Texts)
    }

    fn line(&self, node: &Node) -> Result<String, Diagnostic> {
        let text = node.as_text().ok_or_else(|| self.wrong(node, "a text"))?;
        if text.chars().any(char::is_control) || text.len() > TEXT_BYTES_MAX {
            let message = format!("`{}` is a text of one line, not too long", self.path);
            return Err(self.bad(node, "bad-value", message));
        }
        Ok(text.to_owned())
    }

    fn secret(&self, node: &Node) -> Result<String, Diagnostic> {
        let text = self.line(node)?;
        let name = text.strip_prefix("${secret:").and_then(|rest| rest.strip_suffix('}'));
        let plain = |name: &str| {
            let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
            !name.is_empty() && name.bytes().all(fits)
        };
        if text.is_empty() || name.is_some_and(plain) {
            return Ok(text);
        }
        // What was written may be the secret itself: it is not repeated.
        let message =
            format!("`{}` is no reference to a secret: write `${{secret:NAME}}`", self.path);
        Err(self.bad(node, "bad-value", message))
    }

    fn rate(&self, node: &Node) -> Result<String, Diagnostic> {
        let text = node.as_text().ok_or_else(|| self.wrong(node, "a rate such as `30/min`"))?;
        match Rate::parse(text) {
            Ok(rate) => Ok(rate.map_or_else(|| "none".to_owned(), |rate| rate.to_string())),
            Err(why) => Err(self.bad(node, "bad-rate", format!("`{}`: {why}", self.path))),
        }
    }

    fn model(&self, node: &Node) -> Result<String, Diagnostic> {
        let text = node.as_text().ok_or_else(|| self.wrong(node, "a model"))?;
        let name = text.parse::<ModelName>();
        name.map(|name| name.to_string())
            .map_err(|error| self.bad(node, "bad-model", format!("`{}`: {error}", self.path)))
    }

    /// What was written is not repeated: it may be the secret itself.
    fn secret_name(&self, node: &Node) -> Result<String, Diagnostic> {
        let text = node.as_text().ok_or_else(|| self.wrong(node, "the name of a secret"))?;
        secret_name(text).map(|()| text.to_owned()).map_err(|why| {
            let message = format!(
                "`{}` is the name of a secret, and its value is in the variable BAILIWICK_SECRET_<NAME> or \
                 a file of secrets.dir: {why}",
                self.path
            );
            self.bad(node, "bad-value", message)
        })
    }

    fn prices(&self, node: &Node) -> Result<Setting, Diagnostic> {
        let wanted = "a mapping from a model to what it costs";
        let entries = node.as_map().ok_or_else(|| self.wrong(node, wanted))?;
        let mut prices = BTreeMap::new();
        for entry in entries {
            let name = entry.key.parse::<ModelName>().map_err(|error| {
                let message = format!("`{}`: {error}", self.path);
                entry.place.error(self.file, "bad-model", message)
            })?;
            prices.insert(name.to_string(), self.price(&entry.value)?);
        }
        Ok(Setting::Prices(prices))
    }

    fn price(&self, node: &Node) -> Result<Price, Diagnostic> {
        let wanted = "a mapping with `input` and `output`";
        let entries = node.as_map().ok_or_else(|| self.wrong(node, wanted))?;
        let of = |name: &str| entries.iter().find(|entry| entry.key == name);
        let (Some(input), Some(output), 2) = (of("input"), of("output"), entries.len()) else {
            let message = format!(
                "`{}`: a price is input and output, in US dollars for a million tokens",
                self.path
            );
            return Err(self.bad(node, "bad-value", message));
        };
        let number = |node: &Node| match self.amount(node, 0.0, PRICE_MAX)? {
            Setting::Number(number) => Ok(number),
            _ => Err(self.wrong(node, "a number")),
        };
        Ok(Price { input: number(&input.value)?, output: number(&output.value)? })
    }

    fn host(&self, node: &Node) -> Result<ListedHost, Diagnostic> {
        let text = node.as_text().ok_or_else(|| self.wrong(node, "a host"))?;
        text.parse()
            .map_err(|error| self.bad(node, "bad-host", format!("`{}`: {error}", self.path)))
    }

    fn addresses(&self, node: &Node) -> Result<Setting, Diagnostic> {
        let entries = node
            .as_map()
            .ok_or_else(|| self.wrong(node, "a mapping from a host to a list of addresses"))?;
        if entries.len() > LIST_MAX {
            let (path, count) = (self.path, entries.len());
            let message = format!("`{path}` has {count} hosts; at most {LIST_MAX} are read");
            return Err(self.bad(node, "out-of-range", message));
        }
        let mut hosts = BTreeMap::new();
        for entry in entries {
            let name = entry.key.parse::<ListedHost>().map(String::from).ok();
            // With a port, a scheme or `*.` it would stand for something else than a name.
            let name = name.filter(|name| !name.contains([':', '*'])).ok_or_else(|| {
                let message = format!(
                    "`{}`: `{}` is no host alone: write its name without scheme, port or `*.`",
                    self.path,
                    entry.key.escape_debug()
                );
                entry.place.error(self.file, "bad-host", message)
            })?;
            if hosts.insert(name, self.addresses_of(&entry.value)?).is_some() {
                let message = format!("`{}` has `{}` twice", self.path, entry.key.escape_debug());
                return Err(entry.place.error(self.file, "bad-host", message));
            }
        }
        Ok(Setting::Addresses(hosts))
    }

    fn addresses_of(&self, node: &Node) -> Result<Vec<IpAddr>, Diagnostic> {
        let items = node.as_list().ok_or_else(|| self.wrong(node, "a list of addresses"))?;
        if !(1..=ADDRESSES_MAX).contains(&items.len()) {
            let (path, count) = (self.path, items.len());
            let message = format!(
                "`{path}` binds a host to {count} addresses; it takes 1 to {ADDRESSES_MAX}"
            );
            return Err(self.bad(node, "out-of-range", message));
        }
        let read = |item: &Node| {
            let text = item.as_text().ok_or_else(|| self.wrong(item, "an address"))?;
            text.parse::<IpAddr>().map_err(|_| {
                let message =
                    format!("`{}`: `{}` is no IP address", self.path, text.escape_debug());
                self.bad(item, "bad-address", message)
            })
        };
        items.iter().map(read).collect()
    }

    /// An absolute path that names what it seems to name: no `..`, no control characters.
    fn path(&self, node: &Node) -> Result<String, Diagnostic> {
        let text = node.as_text().ok_or_else(|| self.wrong(node, "an absolute path"))?;
        let why = if !std::path::Path::new(text).is_absolute() {
            "it does not begin at the root"
        } else if text.split(['/', '\\']).any(|part| part == "..") {
            "it climbs with `..`"
        } else if text.chars().any(char::is_control) {
            "it has control characters"
        } else if text.len() > TEXT_BYTES_MAX {
            "it is too long"
        } else {
            return Ok(text.to_owned());
        };
        let message =
            format!("`{}`: `{}` is no absolute path: {why}", self.path, text.escape_debug());
        Err(self.bad(node, "bad-path", message))
    }
}

/// Bytes in a text such as `256KiB`.
fn parse_size(text: &str) -> Option<u64> {
    let (unit, scale) = SIZES.iter().find(|(unit, _)| text.ends_with(unit))?;
    let digits = text.strip_suffix(unit)?.trim_end_matches(' ');
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(*scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Limits, parse};

    fn read(kind: Kind, text: &str) -> Result<Setting, String> {
        let node = parse("f", text, Limits::default()).unwrap();
        setting("f", "k", kind, &node).map_err(|mistake| mistake.code)
    }

    #[test]
    fn reads_values_of_every_kind() {
        let cases = [
            (Kind::Bool, "true", Setting::Bool(true)),
            (Kind::Count(0, 9), "9", Setting::Whole(9)),
            (Kind::Bytes(0, 1 << 40), "256KiB", Setting::Whole(262_144)),
            (Kind::Bytes(0, 1 << 40), "1 GiB", Setting::Whole(1 << 30)),
            (Kind::Bytes(0, 10), "7", Setting::Whole(7)),
            (Kind::Duration(0, 90_000), "1m30s", Setting::Whole(90_000)),
            (Kind::Amount(0.0, 1.5), "1", Setting::Number(1.0)),
            (Kind::Word(&["a", "b"]), "b", Setting::Text("b".into())),
            (Kind::Words(&["a"]), "[a, a]", Setting::Texts(vec!["a".into(), "a".into()])),
            (Kind::Path, "''", Setting::Text(String::new())),
            (Kind::Rate, "30/minute", Setting::Text("30/min".into())),
            (Kind::Line, "127.0.0.1:1", Setting::Text("127.0.0.1:1".into())),
            (Kind::Secret, "${secret:A}", Setting::Text("${secret:A}".into())),
            (Kind::Secret, "''", Setting::Text(String::new())),
            (Kind::Lines, "[a b]", Setting::Texts(vec!["a b".into()])),
            (Kind::Paths, "[/etc/x]", Setting::Texts(vec!["/etc/x".into()])),
            (
                Kind::Hosts,
                "[PyPI.org:443, '*.x.org:8443', 'http://y.org']",
                Setting::Texts(
                    ["pypi.org", "*.x.org:8443", "http://y.org"].map(str::to_owned).into(),
                ),
            ),
            (
                Kind::Addresses,
                "{ A.example: [127.0.0.1, '::1'] }",
                Setting::Addresses(
                    [(
                        "a.example".into(),
                        ["127.0.0.1", "::1"].map(|it| it.parse().unwrap()).into(),
                    )]
                    .into(),
                ),
            ),
        ];
        for (kind, text, expected) in cases {
            assert_eq!(read(kind, text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_of_another_kind_or_out_of_range() {
        let cases = [
            (Kind::Bool, "yes", "wrong-type"),
            (Kind::Bool, "1", "wrong-type"),
            (Kind::Count(1, 9), "0", "out-of-range"),
            (Kind::Count(1, 9), "10", "out-of-range"),
            (Kind::Count(1, 9), "-1", "out-of-range"),
            (Kind::Count(1, 9), "'5'", "wrong-type"),
            (Kind::Count(1, 9), "99999999999999999999", "wrong-type"),
            (Kind::Bytes(0, 10), "11B", "out-of-range"),
            (Kind::Bytes(0, u64::MAX), "99999999999999999GiB", "bad-size"),
            (Kind::Bytes(0, 10), "1KB", "bad-size"),
            (Kind::Bytes(0, 10), "+1B", "bad-size"),
            (Kind::Duration(0, 10), "5", "wrong-type"),
            (Kind::Duration(0, 10), "5 parsecs", "bad-duration"),
            (Kind::Duration(0, 10), "1s", "out-of-range"),
            (Kind::Amount(0.0, 1.0), "-0.1", "out-of-range"),
            (Kind::Amount(0.0, 1.0), ".nan", "wrong-type"),
            (Kind::Word(&["auto"]), "autp", "bad-value"),
            (Kind::Words(&["a"]), "a", "wrong-type"),
            (Kind::Words(&["a"]), "[b]", "bad-value"),
            (Kind::Path, "relative", "bad-path"),
            (Kind::Path, "/a/../etc", "bad-path"),
            (Kind::Path, "\"/a\\0b\"", "bad-path"),
            (Kind::Paths, "['']", "bad-path"),
            (Kind::Line, "\"a\\nb\"", "bad-value"),
            (Kind::Line, "[a]", "wrong-type"),
            (Kind::Secret, "sesame", "bad-value"),
            (Kind::Secret, "${secret:}", "bad-value"),
            (Kind::Secret, "x${secret:A}", "bad-value"),
            (Kind::Rate, "30", "wrong-type"),
            (Kind::Rate, "30/week", "bad-rate"),
            (Kind::Hosts, "x.org", "wrong-type"),
            (Kind::Hosts, "['*']", "bad-host"),
            (Kind::Hosts, "['*.org']", "bad-host"),
            (Kind::Hosts, "['https://x.org']", "bad-host"),
            (Kind::Hosts, "[127.0.0.1]", "bad-host"),
            (Kind::Hosts, "[x.org/y]", "bad-host"),
            (Kind::Addresses, "[x.org]", "wrong-type"),
            (Kind::Addresses, "{ x.org: 127.0.0.1 }", "wrong-type"),
            (Kind::Addresses, "{ x.org: [] }", "out-of-range"),
            (Kind::Addresses, "{ x.org: [localhost] }", "bad-address"),
            (Kind::Addresses, "{ x.org: [127.1] }", "wrong-type"),
            (Kind::Addresses, "{ x.org: ['127.0.0.1:80'] }", "bad-address"),
            (Kind::Addresses, "{ '*.x.org': [127.0.0.1] }", "bad-host"),
            (Kind::Addresses, "{ 'x.org:80': [127.0.0.1] }", "bad-host"),
            (Kind::Addresses, "{ X.org: [127.0.0.1], x.org: [127.0.0.2] }", "bad-host"),
        ];
        for (kind, text, code) in cases {
            assert_eq!(read(kind, text), Err(code.to_owned()), "{text}");
        }
    }
}
