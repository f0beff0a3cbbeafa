//! `policy explain --diff OLD NEW`: what other rules say otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::backtest::read_candidate;
use super::decided;
use super::explain::asking;
use crate::app::PolicyInputs;
use crate::cli::{CliError, Cx, Exit, output};
use crate::contracts::{Decision, MatchedRule};
use crate::orchestrator::Missing;
use crate::policy::{Layer, PolicySet, Request, RuleLine};

/// Compares the rules of two places, about one call or as they are.
pub(super) fn run(
    old: &Path,
    new: &Path,
    words: Vec<String>,
    cx: &Cx,
    inputs: &PolicyInputs,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let (old, new) = (read_candidate(old, cx, inputs)?.set, read_candidate(new, cx, inputs)?.set);
    if words.is_empty() {
        return files(&old, &new, cx, out);
    }
    let request = request(words, cx, inputs, &new)?;
    let verdicts = Verdicts::of(old.decide(&request), new.decide(&request));
    if cx.json {
        output::json(out, &verdicts)?;
    } else {
        output::text(out, &verdicts.text())?;
    }
    Ok(Exit::Done)
}

fn request(
    words: Vec<String>,
    cx: &Cx,
    inputs: &PolicyInputs,
    set: &PolicySet,
) -> Result<Request, CliError> {
    if let Some(call) = decided::named(&words) {
        let (recorded, _) = decided::newest(call, inputs)?;
        let why = recorded.missing.map_or("no facts were kept", Missing::as_str);
        let cannot = || CliError::new(Exit::Denied, format!("it cannot be judged again: {why}"));
        return recorded.request.ok_or_else(cannot);
    }
    asking(words)?
        .request(set, &inputs.vocabulary, &inputs.places, cx.clock.now())
        .map_err(|why| CliError::usage(format!("the request cannot be judged: {why}")))
}

/// What two sets say about one call.
#[derive(Debug, Serialize)]
struct Verdicts {
    same: bool,
    old: Decision,
    new: Decision,
    /// Rules that spoke before and do not any more, or say something else.
    gone: Vec<MatchedRule>,
    /// Rules that speak now and did not before, or said something else.
    come: Vec<MatchedRule>,
}

impl Verdicts {
    fn of(old: Decision, new: Decision) -> Self {
        let same_rule = |a: &MatchedRule, b: &MatchedRule| (&a.id, a.effect) == (&b.id, b.effect);
        let only = |these: &[MatchedRule], those: &[MatchedRule]| -> Vec<MatchedRule> {
            let is_new = |rule: &&MatchedRule| !those.iter().any(|other| same_rule(rule, other));
            these.iter().filter(is_new).cloned().collect()
        };
        let (gone, come) = (only(&old.rules, &new.rules), only(&new.rules, &old.rules));
        Self { same: old.effect == new.effect, old, new, gone, come }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (name, decision) in [("old", &self.old), ("new", &self.new)] {
            let (effect, reason) = (decision.effect.as_str(), &decision.reason);
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name}  {effect}: {reason}");
        }
        for (sign, rules) in [("-", &self.gone), ("+", &self.come)] {
            for rule in rules {
                let (effect, id, file, line) =
                    (rule.effect.as_str(), &rule.id, &rule.file, rule.line);
                let _ = writeln!(text, "  {sign} {effect:<8} {id} ({file}:{line})");
            }
        }
        if self.gone.is_empty() && self.come.is_empty() {
            text.push_str("  the same rules speak\n");
        }
        text
    }
}

/// Which rules are other ones.
fn files(old: &PolicySet, new: &PolicySet, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let (old, new) = (own_rules(old), own_rules(new));
    let ids: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let (mut added, mut removed, mut changed) = (Vec::new(), Vec::new(), Vec::new());
    for id in ids {
        match (old.get(id), new.get(id)) {
            (None, Some(line)) => added.push(line),
            (Some(line), None) => removed.push(line),
            (Some(was), Some(is)) if was.digest != is.digest => changed.push(is),
            _ => {}
        }
    }
    if cx.json {
        let found = json!({ "added": added, "removed": removed, "changed": changed });
        return output::json(out, &found).map(|()| Exit::Done);
    }
    let mut text = String::new();
    for (sign, lines) in [("+", &added), ("-", &removed), ("~", &changed)] {
        for line in lines {
            let effect = line.effect.map_or("script", |effect| effect.as_str());
            let RuleLine { id, file, line, .. } = line;
            let _ = writeln!(text, "{sign} {effect:<8} {id} ({file}:{line})");
        }
    }
    if text.is_empty() {
        text.push_str("the same rules\n");
    }
    output::text(out, &text).map(|()| Exit::Done)
}

/// The rules that stand in the workspace's place, by id.
fn own_rules(set: &PolicySet) -> BTreeMap<String, RuleLine> {
    let own = set.rules().into_iter().filter(|rule| rule.layer == Layer::Workspace);
    own.map(|rule| (rule.id.clone(), rule)).collect()
}
