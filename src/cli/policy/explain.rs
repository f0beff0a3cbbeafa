//! `policy explain`: how a call would be decided, and why.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use super::judge::Asking;
use super::show::open;
use super::{decided, diff};
use crate::app::PolicyInputs;
use crate::cli::{CliError, Cx, Exit, output};
use crate::policy::{Explanation, LeafFact, Request, Say};
use crate::ports::PathAccess;

/// What to explain.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A request as JSON (`{"tool": "write_text", "args": {…}}`), a command line in one word, or a
    /// program with its arguments in several (after `--` where they have dashes); or the id of a call
    /// (`call_…`) that was decided: by the facts of then and the rules of now.
    #[arg(required_unless_present = "diff", trailing_var_arg = true)]
    request: Vec<String>,
    /// Compares two directories or files of rules, each in the place of the workspace's: what both say
    /// about the request; without one, which rules are other ones.
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"])]
    diff: Vec<PathBuf>,
}

pub(super) fn run(
    args: Args,
    cx: &Cx,
    inputs: &PolicyInputs,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    if let [old, new] = args.diff.as_slice() {
        return diff::run(old, new, args.request, cx, inputs, out);
    }
    let (words, json) = decided::without_json(args.request);
    let cx = &Cx { json: cx.json || json, ..cx.clone() };
    if let Some(call) = decided::named(&words) {
        return decided::run(call, cx, inputs, out);
    }
    let asking = asking(words)?;
    let set = open(inputs)?.current();
    let request =
        asking.request(&set, &inputs.vocabulary, &inputs.places, cx.clock.now()).map_err(
            |why| CliError::usage(format!("the request cannot be judged, which denies it: {why}")),
        )?;
    let explanation = set.explain(&request);
    if cx.json {
        output::json(out, &explanation)?;
    } else {
        output::text(out, &text(&explanation, cx.verbose > 0))?;
    }
    Ok(Exit::Done)
}

pub(super) fn asking(mut words: Vec<String>) -> Result<Asking, CliError> {
    if words.len() > 1 {
        return Ok(Asking::argv(words));
    }
    let word = words.pop().unwrap_or_default();
    if !word.trim_start().starts_with('{') {
        return Ok(Asking::command(word));
    }
    serde_json::from_str(&word).map_err(|error| {
        CliError::usage(format!("this is no request: {error}")).hint(
            "write `{\"tool\": \"write_text\", \"args\": {\"path\": \"a.md\", \"text\": \"x\"}}`",
        )
    })
}

/// Rules that had nothing to say are left out unless `all`.
pub(super) fn text(explanation: &Explanation, all: bool) -> String {
    let mut text = String::new();
    facts(&explanation.facts, &mut text);
    text.push_str("\nrules\n");
    let mut silent = 0;
    for trace in &explanation.rules {
        if trace.said == Say::Nothing && !all {
            silent += 1;
            continue;
        }
        let (said, id, file, line) = (trace.said.as_str(), &trace.id, &trace.file, trace.line);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {said:<8} {id} ({file}:{line}): {}", trace.why);
    }
    if silent > 0 {
        let _ = writeln!(text, "  {silent} rules are about other calls (`-v` shows why)");
    }
    let decision = &explanation.decision;
    let _ = writeln!(text, "\n{}: {}", decision.effect.as_str(), decision.reason);
    for rule in &decision.rules {
        let (effect, id, file, line) = (rule.effect.as_str(), &rule.id, &rule.file, rule.line);
        let _ = writeln!(text, "  {effect:<8} {id} ({file}:{line})");
    }
    if let Some(change) = &explanation.change {
        let _ = writeln!(text, "to allow it: {change}");
    }
    text
}

fn facts(request: &Request, text: &mut String) {
    let _ = writeln!(text, "facts\n  tool     {}", request.tool);
    for path in &request.paths {
        let _ = writeln!(
            text,
            "  path     {} -> {} ({})",
            path.text,
            path.resolved.display(),
            path.zone.as_str()
        );
    }
    for host in &request.hosts {
        let _ = writeln!(text, "  host     {} ({})", host.name, host.class.as_str());
    }
    if let Some(command) = &request.command {
        let _ = writeln!(text, "  command  {}", command.text);
        if let Some(why) = &command.opaque {
            let _ = writeln!(text, "  opaque   {why}");
        }
        for leaf in &command.leaves {
            program(leaf, text);
        }
    }
    for fault in &request.faults {
        let _ = writeln!(text, "  fault    {}", fault.message);
    }
}

/// One program: how it was reached, with its words, and what is known of it.
fn program(leaf: &LeafFact, text: &mut String) {
    let words = &leaf.words;
    let mut line = |name: &str, what: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    {name:<8} {what}");
    };
    let shown = std::iter::once(&words.program).chain(&words.argv).map(String::as_str);
    line("program", &shown.collect::<Vec<_>>().join(" "));
    let listed = |items: &[String]| items.join(" ");
    if !words.via.is_empty() {
        line("via", &words.via.join(" > "));
    }
    if !words.flags.is_empty() {
        line("flags", &listed(&words.flags));
    }
    if let Some(cwd) = words.cwd.as_deref().filter(|cwd| *cwd != ".") {
        line("in", cwd);
    }
    if let Some(from) = &words.pipe_from {
        line("reads", &format!("the output of {from}"));
    }
    if let Some(to) = &words.pipe_to {
        line("feeds", to);
    }
    for path in &leaf.paths {
        let access = path.access;
        let resolved = path.resolved.display();
        line(
            "path",
            &format!(
                "{} -> {resolved} ({}, {})",
                path.text,
                access_word(access),
                path.zone.as_str()
            ),
        );
    }
    for host in &leaf.hosts {
        line("host", &format!("{} ({})", host.name, host.class.as_str()));
    }
    if !words.does.is_empty() {
        let does: Vec<&str> = words.does.iter().map(|deed| deed.as_str()).collect();
        line("does", &does.join(" "));
    }
    if let Some(why) = &words.opaque {
        line("opaque", why);
    }
}

const fn access_word(access: PathAccess) -> &'static str {
    match access {
        PathAccess::Read => "read",
        PathAccess::Write => "write",
        PathAccess::Delete => "delete",
        PathAccess::Exec => "exec",
    }
}
