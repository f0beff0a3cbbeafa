//! The value of one key.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value as Json, json};

use super::{Kind, Price};
use crate::contracts::format_duration_ms;

/// The value of one key. Durations are milliseconds and sizes are bytes, both `Whole`.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// `true` or `false`.
    Bool(bool),
    /// A count, a size or a duration.
    Whole(u64),
    /// A number.
    Number(f64),
    /// A word, a path or a text.
    Text(String),
    /// A list of words, paths or texts.
    Texts(Vec<String>),
    /// Addresses by host.
    Addresses(BTreeMap<String, Vec<IpAddr>>),
    /// Prices by model.
    Prices(BTreeMap<String, Price>),
}

/// Units of sizes, largest first.
pub(super) const SIZES: [(&str, u64); 4] =
    [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl Setting {
    /// The value as one would write it in the file.
    #[must_use]
    pub fn written(&self, kind: Kind) -> String {
        match (self, kind) {
            (Self::Whole(ms), Kind::Duration(..)) => format_duration_ms(*ms),
            (Self::Whole(bytes), Kind::Bytes(..)) => size(*bytes),
            (Self::Whole(number), _) => number.to_string(),
            (Self::Bool(value), _) => value.to_string(),
            (Self::Number(number), _) => number.to_string(),
            (Self::Text(text), _) if text.is_empty() => "\"\"".to_owned(),
            (Self::Text(text), _) => text.clone(),
            (Self::Texts(texts), _) => format!("[{}]", texts.join(", ")),
            (Self::Addresses(hosts), _) => {
                let quoted = |all: &Vec<IpAddr>| {
                    all.iter().map(|one| format!("\"{one}\"")).collect::<Vec<_>>().join(", ")
                };
                let each = hosts.iter().map(|(host, all)| format!("{host}: [{}]", quoted(all)));
                format!("{{{}}}", each.collect::<Vec<_>>().join(", "))
            }
            (Self::Prices(prices), _) => {
                let each = prices.iter().map(|(model, Price { input, output })| {
                    format!("\"{model}\": {{input: {input}, output: {output}}}")
                });
                format!("{{{}}}", each.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// The value for programs: durations and sizes as in the file, everything else as JSON.
    #[must_use]
    pub fn to_json(&self, kind: Kind) -> Json {
        match (self, kind) {
            (Self::Whole(_), Kind::Duration(..) | Kind::Bytes(..)) => self.written(kind).into(),
            (Self::Whole(number), _) => (*number).into(),
            (Self::Bool(value), _) => (*value).into(),
            (Self::Number(number), _) => (*number).into(),
            (Self::Text(text), _) => text.clone().into(),
            (Self::Texts(texts), _) => texts.clone().into(),
            (Self::Addresses(hosts), _) => json!(hosts),
            (Self::Prices(prices), _) => json!(prices),
        }
    }
}

/// `bytes` in the largest unit that divides them.
pub(super) fn size(bytes: u64) -> String {
    let unit = SIZES.iter().find(|(_, scale)| bytes != 0 && bytes.is_multiple_of(*scale));
    let (unit, scale) = unit.unwrap_or(&("B", 1));
    format!("{}{unit}", bytes / scale)
}
