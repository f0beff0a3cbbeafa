//! Choosing a single tool for a goal, with its arguments.

use std::collections::BTreeSet;

use super::fill::{Filled, fill};
use super::near::nearness;
use super::slots::{self, Holds};
use super::spans::{Kind, Parts};
use super::words;
use crate::contracts::{CallEffect, Map, Risk};
use crate::ports::{Embedder, ToolDescriptor};

/// The least share of the goal's telling words that a tool must speak of.
const COVERED_MIN: f64 = 0.6;
/// How much better the best must be than the next.
const MARGIN_MIN: f64 = 0.05;
/// How much a tool's own name, and its meaning, weigh beside the words.
const NAME: f64 = 0.35;
const MEANING: f64 = 0.15;
/// What a file's ending says for a tool of its kind.
const KIND: f64 = 0.1;

/// Endings of files that are text.
const TEXTS: &[&str] = &[
    "c", "cfg", "conf", "cpp", "css", "csv", "go", "h", "html", "ini", "java", "js", "json",
    "lock", "log", "md", "py", "rs", "sh", "sql", "toml", "ts", "txt", "xml", "yaml", "yml",
];

/// A tool that fits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fit {
    /// Its index among the tools.
    pub(super) index: usize,
    pub(super) score: f64,
    pub(super) args: Map,
    pub(super) why: String,
}

/// The tool for a goal, or why there is none.
pub(super) fn choose(
    goal: &str,
    parts: &Parts,
    tools: &[&ToolDescriptor],
    embedder: Option<&dyn Embedder>,
) -> Result<Fit, Vec<String>> {
    let bound = words::binding(&parts.words);
    if let Some(word) = bound.first() {
        return Err(vec![format!("a single call cannot mind the word `{word}`")]);
    }
    let about: Vec<&str> = tools.iter().map(|tool| tool.description.as_str()).collect();
    let near = nearness(&parts.words, &about, embedder);
    let (mut fits, mut reasons) = (Vec::new(), Vec::new());
    let wish = Wish::of(goal, parts);
    for (index, (tool, near)) in tools.iter().zip(near).enumerate() {
        match wish.judge(tool, near) {
            Judged::Fits { score, args, why } => fits.push(Fit { index, score, args, why }),
            Judged::Almost(score, reason) => reasons.push((score, reason)),
            Judged::Not => {}
        }
    }
    fits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index)));
    reasons.sort_by(|a: &(f64, String), b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let named = |fit: &Fit| tools.get(fit.index).map_or("", |tool| tool.name.as_str());
    match fits.as_slice() {
        [] => Err(reasons.into_iter().take(2).map(|(_, reason)| reason).collect()),
        [best, next, ..] if best.score - next.score < MARGIN_MIN => Err(vec![format!(
            "the tools `{}` and `{}` fit about as well as each other",
            named(best),
            named(next)
        )]),
        [best, ..] => match reasons.first() {
            // What fits better and may not be taken is not to be replaced by what fits worse.
            Some((score, reason)) if *score > best.score + MARGIN_MIN => Err(vec![reason.clone()]),
            _ => Ok(best.clone()),
        },
    }
}

/// What is wanted.
struct Wish<'a> {
    parts: &'a Parts,
    actions: BTreeSet<&'static str>,
    fields: BTreeSet<&'static str>,
    telling: BTreeSet<String>,
    /// Every word, and what is said without words.
    said: BTreeSet<String>,
    /// Kinds of files, by their endings.
    kinds: BTreeSet<String>,
    asks: bool,
}

enum Judged {
    Fits { score: f64, args: Map, why: String },
    Almost(f64, String),
    Not,
}

impl<'a> Wish<'a> {
    fn of(goal: &str, parts: &'a Parts) -> Self {
        let paths = parts
            .spans
            .iter()
            .filter(|span| matches!(span.kind, Kind::Path | Kind::Quoted | Kind::Code));
        let endings = paths.map(|span| span.text.rsplit_once('.').map_or("", |(_, ending)| ending));
        let kinds: BTreeSet<String> =
            endings.map(|ending| same_kind(&ending.to_lowercase())).collect();
        let mut said = words::named(&parts.words);
        if kinds.iter().any(|kind| TEXTS.contains(&kind.as_str()) || kind == "markdown") {
            said.extend(words::named("text"));
        }
        let mut fields = words::fields(&parts.words);
        let of_kinds: String = kinds.iter().map(|kind| format!("{kind} ")).collect();
        fields.extend(words::fields(&of_kinds));
        if parts.spans.iter().any(|span| span.kind == Kind::Url) {
            fields.insert("http");
        }
        let actions = words::actions(&parts.words);
        let telling = words::telling(&parts.words);
        Self { parts, actions, fields, telling, said, kinds, asks: words::asks(goal) }
    }

    fn judge(&self, tool: &ToolDescriptor, near: f64) -> Judged {
        let slots = slots::of_tool(tool);
        let choices: String = slots
            .iter()
            .filter_map(|slot| match &slot.holds {
                Holds::Choice(choices) => Some(choices.join(", ")),
                _ => None,
            })
            .collect();
        let first = tool.description.split(['.', ':', ';']).next().unwrap_or_default();
        let reads = tool.effect == CallEffect::Read;
        let mut does = words::actions(&format!("{first}. {choices}"));
        if reads {
            does.insert("show");
        }
        if tool.command.is_some() {
            does.insert("run");
        }
        let own = words::fields(&format!("{} {first}", tool.name.replace('_', " ")));
        if !self.actions.is_subset(&does) || !own.is_empty() && own.is_disjoint(&self.fields) {
            return Judged::Not;
        }
        if self.actions.is_empty() && (self.telling.is_empty() || !reads) {
            return Judged::Not;
        }
        // What changes something does so with what the goal says.
        if !reads && self.parts.spans.is_empty() {
            return Judged::Not;
        }
        let filled = fill(&slots, self.parts, reads);
        let score = self.score(tool, &filled, near, &own);
        let Some((covered, score)) = score else { return Judged::Not };
        self.allowed(tool, filled, covered, score)
    }

    /// The share of telling words that the tool speaks of, and how well it fits in all.
    fn score(
        &self,
        tool: &ToolDescriptor,
        filled: &Filled,
        near: f64,
        own: &BTreeSet<&'static str>,
    ) -> Option<(f64, f64)> {
        let names = tool.name.replace(['_', '/', ':', '-'], " ");
        let arguments: Vec<&str> = tool
            .schema
            .get("properties")
            .and_then(serde_json::Value::as_object)
            .map(|it| it.keys().map(String::as_str).collect())
            .unwrap_or_default();
        let mut text =
            words::named(&format!("{names} {} {}", tool.description, arguments.join(" ")));
        text.extend(own.iter().map(|field| words::stem(field)));
        let mut telling = self.telling.clone();
        if filled.took_matter {
            let matter = self.parts.matter.as_deref().unwrap_or_default();
            words::telling(matter).iter().for_each(|word| {
                telling.remove(word);
            });
        }
        // Markers became values where they are wanted; fields were compared before.
        for span in self.parts.spans.iter().filter(|span| span.kind == Kind::Marker) {
            telling.remove(&words::stem(&span.text.to_lowercase()));
        }
        let met = telling.iter().filter(|word| text.contains(*word) || self.is_field(word)).count();
        let covered = share(met, telling.len());
        let parts = words::stems(&names);
        let mut done: BTreeSet<String> =
            self.actions.iter().map(|action| words::stem(action)).collect();
        if self.actions.contains("show") {
            done.insert(words::stem("read"));
        }
        let named = parts.iter().filter(|part| {
            self.said.contains(*part) || done.contains(*part) || self.said.contains(&alike(part))
        });
        let named = share(named.count(), parts.len());
        let of_kind = self.kinds.iter().any(|kind| {
            !TEXTS.contains(&kind.as_str()) && kind != "markdown" && own.contains(kind.as_str())
        });
        let kind = if of_kind { KIND } else { 0.0 };
        let score = (1.0 - NAME - MEANING) * covered + NAME * named + MEANING * near + kind;
        Some((covered, score))
    }

    fn is_field(&self, word: &str) -> bool {
        self.fields.iter().any(|field| words::stem(field) == word)
    }

    /// Whether it may be taken, or what stands against it.
    fn allowed(&self, tool: &ToolDescriptor, filled: Filled, covered: f64, score: f64) -> Judged {
        let name = &tool.name;
        let almost = |why: String| Judged::Almost(score, format!("`{name}` is nearest, {why}"));
        if covered < COVERED_MIN {
            return Judged::Not;
        }
        if tool.risk == Risk::High {
            return almost("and a tool of high risk is never chosen: call it yourself".to_owned());
        }
        if self.asks && tool.effect != CallEffect::Read {
            return almost("and the goal is a question".to_owned());
        }
        if !filled.unplaced.is_empty() {
            return almost(format!("and has no place for {}", quoted(&filled.unplaced)));
        }
        if !filled.missing.is_empty() {
            return almost(format!("and the goal does not say {}", quoted(&filled.missing)));
        }
        let actions: Vec<&str> = self.actions.iter().copied().collect();
        let what =
            if actions.is_empty() { "what it is about".to_owned() } else { actions.join(", ") };
        let why = format!("the tool `{name}` is for this: {what}");
        Judged::Fits { score, args: filled.values, why }
    }
}

/// What a part of a name is called in a goal.
fn alike(part: &str) -> String {
    let words = words::named(part);
    words.into_iter().find(|word| word != part).unwrap_or_default()
}

fn same_kind(ending: &str) -> String {
    match ending {
        "md" => "markdown",
        "htm" => "html",
        other => other,
    }
    .to_owned()
}

fn share(count: usize, of: usize) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "words of a goal")]
    if of == 0 { 1.0 } else { count as f64 / of as f64 }
}

fn quoted(texts: &[String]) -> String {
    texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ")
}
