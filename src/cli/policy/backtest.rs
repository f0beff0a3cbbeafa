//! `policy backtest`: what other rules would have decided, by the decisions that were recorded.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::decided::journal;
use super::show::open;
use crate::app::PolicyInputs;
use crate::cli::{CliError, Cx, Exit, output, run_error};
use crate::contracts::{Hash, Timestamp, parse_duration_ms};
use crate::live::{Candidate, accept, compile_candidate};
use crate::orchestrator::{Backtest, Decisions, Flip, Flips, Kind, backtest};
use crate::policy::Options;

/// What to judge again, and with what.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directory of rules to put in the place of the workspace's.
    #[arg(long, value_name = "DIR", required_unless_present = "shadow")]
    candidate: Option<PathBuf>,
    /// How far back, such as `30d`; everything where it is not said.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// What may be newly allowed: the id of the rule that allows it, or of the call.
    #[arg(long, value_name = "NAME")]
    accept: Vec<String>,
    /// Keeps what is accepted for exactly these rules, so that `policy.backtest` lets them be taken over.
    #[arg(long, requires_all = ["candidate", "accept"])]
    write: bool,
    /// Most decisions that are listed of each kind; all are counted.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Lists what the rules on trial (`policy.shadow`) said otherwise when it was decided.
    #[arg(long, conflicts_with_all = ["candidate", "accept"])]
    shadow: bool,
}

pub(super) fn run(
    args: &Args,
    cx: &Cx,
    inputs: &PolicyInputs,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let since = since(args, cx)?;
    match &args.candidate {
        Some(candidate) => compare(args, candidate, since, cx, inputs, out),
        None => on_trial(args, since, cx, inputs, out),
    }
}

fn since(args: &Args, cx: &Cx) -> Result<Timestamp, CliError> {
    let Some(text) = &args.since else { return Ok(Timestamp::from_ms(0)) };
    let ms = parse_duration_ms(text).map_err(|error| CliError::usage(error.to_string()))?;
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Ok(Timestamp::from_ms(cx.clock.now().ms().saturating_sub(ms)))
}

fn compare(
    args: &Args,
    candidate: &Path,
    since: Timestamp,
    cx: &Cx,
    inputs: &PolicyInputs,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let Candidate { set: new, files } = read_candidate(candidate, cx, inputs)?;
    let old = open(inputs)?
        .as_trusted()
        .map_err(|found| CliError::usage("the rules in force have mistakes").with(found))?;
    let began = cx.clock.now();
    let (accepted, limit) = (args.accept.as_slice(), args.limit);
    let asked = Backtest { old: &old, new: &new, since, accepted, limit };
    let flips = backtest(&journal(inputs)?, asked).map_err(run_error)?;
    let ms = cx.clock.now().since_ms(began);
    let written = args.write && flips.is_accepted();
    if written {
        keep(args, files, inputs)?;
    }
    if cx.json {
        let (old, new) = (old.hash(), new.hash());
        let document = json!({
            "old": old, "new": new, "elapsed_ms": ms, "written": written, "result": flips,
        });
        output::json(out, &document)?;
    } else {
        output::text(out, &text(&flips, ms))?;
    }
    if written && !cx.json {
        output::line(out, format_args!("\nkept: rules with this content may be taken over"))?;
    }
    Ok(if flips.is_accepted() { Exit::Done } else { Exit::Failed })
}

/// The rules of `path` in the place of the workspace's, as if it were trusted: what they would do then is
/// what a person wants to know before.
pub(super) fn read_candidate(
    path: &Path,
    cx: &Cx,
    inputs: &PolicyInputs,
) -> Result<Candidate, CliError> {
    let (dir, shown) = (cx.cwd.join(path), path.display().to_string());
    if !dir.exists() {
        return Err(CliError::usage(format!("there is no file or directory `{shown}`")));
    }
    let options = Options { trusted: true, ..inputs.options.clone() };
    compile_candidate(&inputs.dirs, &dir, &shown, &inputs.vocabulary, &options)
        .map_err(|found| CliError::usage(format!("`{shown}` has mistakes")).with(found))
}

/// Keeps what was accepted beside the last good rules.
fn keep(args: &Args, files: Hash, inputs: &PolicyInputs) -> Result<(), CliError> {
    let dir = inputs.state_dir.as_deref().ok_or_else(|| {
        CliError::usage("the state of this workspace is not this user's: nothing is accepted in it")
    })?;
    accept(dir, files, &args.accept).map_err(|error| {
        CliError::new(Exit::Failed, format!("what is accepted cannot be kept: {error}"))
    })
}

const HEADINGS: [(Kind, &str); 4] = [
    (Kind::NewlyAllowed, "newly allowed"),
    (Kind::Accepted, "newly allowed, accepted"),
    (Kind::NewlyAsked, "newly asked"),
    (Kind::NewlyDenied, "newly denied"),
];

fn text(flips: &Flips, ms: u64) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{} decisions judged again in {ms} ms", flips.judged);
    for (why, count) in &flips.without_facts {
        let _ = writeln!(text, "{count} decisions could not be judged again: {why}");
    }
    if flips.struck > 0 {
        let _ = writeln!(text, "{} of them without the secrets that they had", flips.struck);
    }
    if flips.drifted > 0 {
        let drifted = flips.drifted;
        let _ =
            writeln!(text, "{drifted} come out otherwise by the rules in force than they did then");
    }
    for (kind, heading) in HEADINGS {
        let count = flips.count(kind);
        let _ = writeln!(text, "\n{heading}: {count}");
        let listed = flips.flips.get(&kind).map_or(&[][..], Vec::as_slice);
        listed.iter().for_each(|flip| line(flip, &mut text));
        let more = count.saturating_sub(listed.len() as u64);
        if more > 0 {
            let _ = writeln!(text, "  … and {more} more (`--limit`)");
        }
    }
    if !flips.unused.is_empty() {
        let _ = writeln!(
            text,
            "\nrules of the candidate that matched nothing: {}",
            flips.unused.join(", ")
        );
    }
    if !flips.is_accepted() {
        text.push_str(
            "\nnot accepted: name what may be allowed, `--accept RULE` or `--accept CALL`\n",
        );
    }
    text
}

fn line(flip: &Flip, text: &mut String) {
    let Flip { call_id, tool, path, was, now, reason, .. } = flip;
    let (was, now, rules) = (was.as_str(), now.as_str(), flip.allowing().join(", "));
    let _ = writeln!(text, "  {call_id} `{tool}` of `{path}`: {was} -> {now} by {rules}: {reason}");
}

/// What the rules on trial said otherwise, as it was recorded.
fn on_trial(
    args: &Args,
    since: Timestamp,
    cx: &Cx,
    inputs: &PolicyInputs,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let journal = journal(inputs)?;
    let (mut seen, mut count, mut listed) = (0_u64, 0_u64, Vec::new());
    let mut verdicts: BTreeMap<String, u64> = BTreeMap::new();
    for recorded in Decisions::since(&journal, since) {
        let recorded = recorded.map_err(run_error)?;
        seen += 1;
        let Some(shadow) = recorded.shadow else { continue };
        count += 1;
        let turn = format!("{} -> {}", recorded.decision.effect.as_str(), shadow.effect.as_str());
        *verdicts.entry(turn).or_default() += 1;
        if listed.len() < args.limit {
            listed.push(Flip {
                run_id: recorded.run_id,
                call_id: recorded.call_id,
                at: recorded.at,
                path: recorded.path,
                tool: recorded.tool,
                was: recorded.decision.effect,
                now: shadow.effect,
                reason: shadow.reason,
                rules: shadow.rules,
            });
        }
    }
    if cx.json {
        let found =
            json!({ "decisions": seen, "differ": count, "verdicts": verdicts, "items": listed });
        output::json(out, &found)?;
        return Ok(Exit::Done);
    }
    let mut text = format!(
        "{count} of {seen} decisions would have come out otherwise by the rules on trial\n"
    );
    for (turn, count) in &verdicts {
        let _ = writeln!(text, "  {count} {turn}");
    }
    listed.iter().for_each(|flip| line(flip, &mut text));
    output::text(out, &text)?;
    Ok(Exit::Done)
}
