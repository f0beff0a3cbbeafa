//! What a key is: its kind, its range, and which way is stricter.

use super::tighten::Tighter;

/// What a key holds. Ranges are inclusive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Count(u64, u64),
    /// A size: whole bytes, or a text such as `256KiB`.
    Bytes(u64, u64),
    /// A duration in milliseconds, written as a text such as `5m`.
    Duration(u64, u64),
    /// A number.
    Amount(f64, f64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of these words.
    Words(&'static [&'static str]),
    /// An absolute path, or an empty text for none.
    Path,
    /// A list of absolute paths.
    Paths,
    /// A text of one line.
    Line,
    /// `${secret:NAME}`, or an empty text for none: a secret never stands in a file itself.
    Secret,
    /// A list of texts of one line.
    Lines,
    /// A list of hosts that the checking proxy lets through.
    Hosts,
    /// Addresses by host.
    Addresses,
    /// How often something may be done, such as `30/min`, or `none`.
    Rate,
    /// A list of models, each with who has it, such as `ollama/qwen3:4b`.
    Models,
    /// The name of a secret, or an empty text for none.
    SecretName,
    /// What models cost, by name.
    Prices,
}

/// One key.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its parts joined by dots; `*` stands for a name that people choose.
    pub path: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Which way is stricter.
    pub tighter: Tighter,
    /// What it means, in a sentence without its range.
    pub about: &'static str,
}
