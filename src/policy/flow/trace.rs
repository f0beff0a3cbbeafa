//! The labels of a call's arguments.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::answer::Parts;
use super::index::{How, Index, Work};
use super::token::{Kind, Token};
use super::words::words;
use crate::contracts::Map;
use crate::policy::predicate::label_names;

/// Comparisons that one call may cost; what is beyond counts as not trusted.
const WORK_MAX: u64 = 4_000_000;

/// Values of one call that are traced; the rest counts as unknown.
const VALUES_MAX: usize = 4096;

/// So many words in a row are no accident: who has them has taken them over.
const RUN_WORDS: usize = 8;

const USER: &str = "user";
const UNKNOWN: &str = "unknown";
/// Of a text that carries a link, an address or an account that is found nowhere.
const UNKNOWN_ADDRESS: &str = "unknown:address";
const TRUSTED: &str = "trusted";

/// What was said and answered before a call.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// What the person asked for, in their own words.
    pub goal: &'a str,
    /// What tools answered.
    pub came: &'a [Came<'a>],
}

/// One answer of a tool.
#[derive(Debug, Clone)]
pub struct Came<'a> {
    /// The tool's name.
    pub tool: &'a str,
    /// What it answered, as the caller dumped it: YAML, JSON or anything else.
    pub text: &'a str,
    /// Where what it answers comes from: `trusted:<tool>`, `untrusted:<tool>`, `workspace`.
    pub label: String,
    /// Fields that can be trusted although the rest cannot.
    pub trusted_fields: Vec<String>,
}

/// Labels for each argument of `args` that says something: those of all values inside of it. Keys of
/// mappings are not traced: a tool's schema names them.
#[must_use]
pub fn trace(args: &Map, told: &Told<'_>) -> BTreeMap<String, Vec<String>> {
    let known = Known::of(told);
    let mut left = VALUES_MAX;
    let mut labels = BTreeMap::new();
    for (arg, value) in args {
        let mut found = BTreeSet::new();
        known.value(value, &mut left, &mut found);
        if !found.is_empty() {
            labels.insert(arg.clone(), found.into_iter().collect());
        }
    }
    labels
}

/// Everything that values are looked up in.
struct Known {
    goal: Index,
    /// By label: what may be trusted, and what may not.
    trusted: Vec<(String, Vouched)>,
    other: Vec<(String, Index)>,
    work: Work,
}

/// What a service vouches for: whole values, and plain text.
struct Vouched {
    entries: HashSet<String>,
    text: Index,
}

impl Vouched {
    fn of(parts: &Parts) -> Self {
        let entries = parts.entries.iter().map(|entry| spelt(&words(entry))).collect();
        Self { entries, text: Index::of(parts.trusted.iter().map(String::as_str)) }
    }

    fn has(&self, value: &[Token], work: &Work) -> bool {
        self.entries.contains(&spelt(value)) || self.text.has(value, How::Exactly, work)
    }
}

fn spelt(words: &[Token]) -> String {
    words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

impl Known {
    fn of(told: &Told<'_>) -> Self {
        let mut trusted: BTreeMap<String, Parts> = BTreeMap::new();
        let mut other: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for came in told.came {
            if label_names(TRUSTED, &came.label) {
                let parts = Parts::of_trusted(came.text);
                let texts = trusted.entry(came.label.clone()).or_default();
                texts.entries.extend(parts.entries);
                texts.trusted.extend(parts.trusted);
                continue;
            }
            let parts = Parts::of(came.text, &came.trusted_fields);
            let vouched = format!("{TRUSTED}:{}", came.tool);
            trusted.entry(vouched).or_default().entries.extend(parts.entries);
            other.entry(came.label.clone()).or_default().extend(parts.other);
        }
        let indexed = |(label, all): (String, Vec<String>)| {
            (label, Index::of(all.iter().map(String::as_str)))
        };
        Self {
            goal: Index::of([told.goal]),
            trusted: trusted.iter().map(|(l, parts)| (l.clone(), Vouched::of(parts))).collect(),
            other: other.into_iter().map(indexed).collect(),
            work: Work::new(WORK_MAX),
        }
    }

    fn value(&self, value: &Value, left: &mut usize, found: &mut BTreeSet<String>) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => self.text(&number.to_string(), left, found),
            Value::String(text) if text.trim().is_empty() => {}
            Value::String(text) => self.text(text, left, found),
            Value::Array(items) => items.iter().for_each(|item| self.value(item, left, found)),
            Value::Object(map) => map.values().for_each(|item| self.value(item, left, found)),
        }
    }

    fn text(&self, text: &str, left: &mut usize, found: &mut BTreeSet<String>) {
        let words = words(text);
        if words.is_empty() || *left == 0 {
            found.insert(UNKNOWN.to_owned());
            return;
        }
        *left -= 1;
        if self.goal.has(&words, How::Exactly, &self.work) {
            found.insert(USER.to_owned());
            return;
        }
        let mut labels = self.strangers(&words);
        if labels.is_empty() {
            labels = self.services(&words);
        }
        if labels.is_empty() {
            labels = self.inside(&words);
        }
        if labels.is_empty() {
            labels.push(UNKNOWN.to_owned());
        }
        found.extend(labels);
    }

    /// Labels of the answers that others wrote and that hold `words`.
    fn strangers(&self, words: &[Token]) -> Vec<String> {
        let loosely = |index: &Index| index.has(words, How::Loosely, &self.work);
        let holding = self.other.iter().filter(|(_, index)| loosely(index));
        holding.map(|(label, _)| label.clone()).collect()
    }

    /// Labels of the answers that can be trusted and that hold `words`.
    fn services(&self, words: &[Token]) -> Vec<String> {
        let holding = self.trusted.iter().filter(|(_, vouched)| vouched.has(words, &self.work));
        holding.map(|(label, _)| label.clone()).collect()
    }

    /// Labels of what a value that is found nowhere as a whole carries: links, addresses and accounts
    /// that the person did not name, and runs of words that are somebody else's.
    fn inside(&self, words: &[Token]) -> Vec<String> {
        let mut labels = Vec::new();
        let aims = words.iter().filter(|word| word.aims()).map(std::slice::from_ref);
        for part in aims.chain(words.windows(RUN_WORDS)) {
            if self.goal.has(part, How::Exactly, &self.work) {
                continue;
            }
            let found = self.strangers(part);
            let [one] = part else {
                labels.extend(found);
                continue;
            };
            let hosts = self.hosts(one);
            if found.is_empty() && hosts.is_empty() && self.services(part).is_empty() {
                labels.push(UNKNOWN_ADDRESS.to_owned());
            }
            labels.extend(found.into_iter().chain(hosts));
        }
        labels
    }

    /// Labels of the texts that name the host of a URL.
    fn hosts(&self, word: &Token) -> Vec<String> {
        let Some(host) = word.host().filter(|_| word.kind == Kind::Url) else { return Vec::new() };
        let naming = self.other.iter().filter(|(_, index)| index.has_host(host));
        naming.map(|(label, _)| label.clone()).collect()
    }
}
