//! `policy explain call_…`: a decision of the past, by its facts and the rules of now.

use std::fmt::Write as _;
use std::io::Write;

use serde_json::json;

use super::explain;
use super::show::open;
use crate::app::PolicyInputs;
use crate::cli::{CliError, Cx, Exit, output, run_error, store_error};
use crate::contracts::CallId;
use crate::orchestrator::{Missing, Recorded, decisions_of};
use crate::policy::Explanation;
use crate::store::Reader;

/// The call that the words name, if they name one.
pub(super) fn named(words: &[String]) -> Option<CallId> {
    match words {
        [word] => word.parse().ok(),
        _ => None,
    }
}

/// The words of a request without a `--json` behind it. Behind a call's id, a JSON document or a whole
/// command line it is our flag; behind the words of a program it is one of its own.
pub(super) fn without_json(mut words: Vec<String>) -> (Vec<String>, bool) {
    let whole = |word: &str| {
        word.parse::<CallId>().is_ok()
            || word.starts_with('{')
            || word.contains(char::is_whitespace)
    };
    match words.as_slice() {
        [word, flag] if flag == "--json" && whole(word) => {
            words.pop();
            (words, true)
        }
        _ => (words, false),
    }
}

/// The journal of the workspace. Needs no lock.
pub(super) fn journal(inputs: &PolicyInputs) -> Result<Reader, CliError> {
    let state_dir = inputs.state_dir.as_deref().ok_or_else(|| {
        CliError::usage("the journal here is not this user's: its decisions are not read")
    })?;
    Reader::open(state_dir).map_err(store_error)
}

/// The newest decision about a call, and how many there are.
pub(super) fn newest(call: CallId, inputs: &PolicyInputs) -> Result<(Recorded, usize), CliError> {
    let mut found = decisions_of(&journal(inputs)?, call).map_err(run_error)?;
    let count = found.len();
    let newest = found.pop().ok_or_else(|| {
        CliError::usage(format!("nothing was decided about `{call}` here"))
            .hint("the calls of a run: bailiwick runs show RUN")
    })?;
    Ok((newest, count))
}

pub(super) fn run(
    call: CallId,
    cx: &Cx,
    inputs: &PolicyInputs,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let (recorded, count) = newest(call, inputs)?;
    let explanation = match &recorded.request {
        Some(request) => Some(open(inputs)?.current().explain(request)),
        None => None,
    };
    if cx.json {
        let same = explanation.as_ref().map(|it| it.decision.effect == recorded.decision.effect);
        let document = json!({
            "run_id": recorded.run_id,
            "call_id": recorded.call_id,
            "at": recorded.at,
            "path": recorded.path,
            "tool": recorded.tool,
            "decisions": count,
            "decided": recorded.decision,
            "missing": recorded.missing.map(Missing::as_str),
            "struck": recorded.struck,
            "shadow": recorded.shadow,
            "same": same,
            "explanation": explanation,
        });
        output::json(out, &document)?;
    } else {
        output::text(out, &text(&recorded, count, explanation.as_ref(), cx.verbose > 0))?;
    }
    Ok(Exit::Done)
}

fn text(recorded: &Recorded, count: usize, now: Option<&Explanation>, all: bool) -> String {
    let mut text = String::new();
    let Recorded { decision, at, run_id, path, tool, .. } = recorded;
    // Writing to a String cannot fail.
    let _ = writeln!(text, "`{tool}` of `{path}` in {run_id}, decided {at}");
    if count > 1 {
        let _ = writeln!(text, "  decided {count} times; this is the last");
    }
    let effect = decision.effect.as_str();
    let _ = writeln!(
        text,
        "  then     {effect} by policy {}: {}",
        decision.policy_hash, decision.reason
    );
    for rule in &decision.rules {
        let (effect, id, file, line) = (rule.effect.as_str(), &rule.id, &rule.file, rule.line);
        let _ = writeln!(text, "           {effect} {id} ({file}:{line})");
    }
    if let Some(shadow) = &recorded.shadow {
        let _ = writeln!(text, "  on trial {}: {}", shadow.effect.as_str(), shadow.reason);
    }
    let Some(now) = now else {
        let why = recorded.missing.map_or("no facts were kept", Missing::as_str);
        let _ = writeln!(text, "  now      cannot be told: {why}");
        return text;
    };
    let same = if now.decision.effect == decision.effect { "the same" } else { "otherwise" };
    let _ = writeln!(
        text,
        "  now      {same}: {} by policy {}",
        now.decision.effect.as_str(),
        now.decision.policy_hash
    );
    if recorded.struck {
        text.push_str(
            "  secrets were struck out of the facts: it may come out otherwise for that\n",
        );
    }
    text.push('\n');
    text.push_str(&explain::text(now, all));
    text
}
