//! `policy serve --jsonl`: the engine for other programs.

use std::io::{self, BufRead, Read, Write};
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::foreign;
use super::judge::Asking;
use super::show::open;
use crate::app::PolicyInputs;
use crate::cli::{CliError, Cx, Exit, output};
use crate::contracts::{Decision, Effect, MatchedRule, Once, Timestamp};
use crate::live::{LayerDirs, LivePolicy, Signing};
use crate::policy::{Places, PolicySet};
use crate::ports::Vocabulary;

/// Longest line, in bytes.
const LINE_BYTES_MAX: u64 = 4 << 20;

/// Where requests come from, and what they are judged by.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One JSON request per line on standard input, one verdict per line on standard output.
    #[arg(long, required = true)]
    jsonl: bool,
    /// Rules beside the built-in ones, instead of the workspace's.
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// Declarations of further tools (YAML or JSON).
    #[arg(long, value_name = "FILE")]
    tools: Option<PathBuf>,
}

/// One verdict.
#[derive(Debug, Serialize)]
struct Verdict {
    id: Value,
    verdict: &'static str,
    reasons: Vec<String>,
    rules: Vec<MatchedRule>,
}

impl Verdict {
    fn refused(id: Value, reason: String) -> Self {
        Self { id, verdict: "deny", reasons: vec![reason], rules: Vec::new() }
    }

    fn of(id: Value, decision: Decision) -> Self {
        let verdict = match decision.effect {
            Effect::Allow => "allow",
            Effect::Ask => "require_approval",
            Effect::Deny | Effect::Depends => "deny",
        };
        Self { id, verdict, reasons: vec![decision.reason], rules: decision.rules }
    }
}

pub(super) fn run(
    args: &Args,
    cx: &Cx,
    inputs: &PolicyInputs,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let mut inputs = inputs.clone();
    if let Some(path) = &args.tools {
        inputs.vocabulary = foreign::read(path, &inputs.vocabulary)?;
    }
    if let Some(dir) = &args.policies {
        if !dir.is_dir() {
            return Err(CliError::usage(format!("there is no directory `{}`", dir.display())));
        }
        inputs.state_dir = None;
        // Rules that a person names on the command line are the person's own.
        inputs.dirs = LayerDirs {
            system: inputs.dirs.system.clone(),
            user: Some(dir.clone()),
            workspace: None,
            signing: Signing::default(),
        };
    }
    let live = open(&inputs)?;
    let mistakes = live.errors();
    if args.policies.is_some() && !mistakes.is_empty() {
        return Err(CliError::usage("the rules have mistakes").with(mistakes));
    }
    answer_all(&live, cx, &inputs, input, out)?;
    Ok(Exit::Done)
}

fn answer_all(
    live: &LivePolicy,
    cx: &Cx,
    inputs: &PolicyInputs,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    let broken = |error: io::Error| {
        CliError::new(Exit::Failed, format!("cannot read from standard input: {error}"))
    };
    while let Some(line) = next_line(input).map_err(broken)? {
        let verdict = match line {
            Ok(line) if line.trim_ascii().is_empty() => continue,
            Ok(line) => {
                let now = cx.clock.now();
                answer(&live.current(), &inputs.vocabulary, &inputs.places, now, &line)
            }
            Err(reason) => Verdict::refused(Value::Null, reason),
        };
        if !output::json_line(out, &verdict)? {
            return Ok(()); // whoever asked has gone away
        }
    }
    Ok(())
}

/// The verdict on one line, as JSON: what `policy serve` writes, without its input and output.
#[must_use]
pub fn answer_line(
    set: &PolicySet,
    vocabulary: &Vocabulary,
    places: &Places,
    line: &[u8],
) -> Value {
    let verdict = answer(set, vocabulary, places, Timestamp::from_ms(0), line);
    serde_json::to_value(verdict).unwrap_or(Value::Null)
}

fn answer(
    set: &PolicySet,
    vocabulary: &Vocabulary,
    places: &Places,
    now: Timestamp,
    line: &[u8],
) -> Verdict {
    // Of an argument that stands twice a caller may run the one that was not judged.
    let read = serde_json::from_slice::<Once>(line).and_then(|_| serde_json::from_slice(line));
    let asking: Asking = match read {
        Ok(asking) => asking,
        Err(error) => {
            let reason = format!("this line is no request: {error}");
            return Verdict::refused(id_of(line), reason);
        }
    };
    let id = asking.id.clone();
    match asking.request(set, vocabulary, places, now) {
        Ok(request) => Verdict::of(id, set.decide(&request)),
        Err(reason) => Verdict::refused(id, reason),
    }
}

/// The id of a line that is JSON and yet no request.
fn id_of(line: &[u8]) -> Value {
    let value: Result<Value, _> = serde_json::from_slice(line);
    value.map_or(Value::Null, |value| value.get("id").cloned().unwrap_or(Value::Null))
}

/// The next line; `None` at the end. A line that is too long is read past and is an error.
fn next_line(input: &mut dyn BufRead) -> io::Result<Option<Result<Vec<u8>, String>>> {
    let mut line = Vec::new();
    let read = Read::take(&mut *input, LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') || u64::try_from(read).unwrap_or(u64::MAX) < LINE_BYTES_MAX {
        return Ok(Some(Ok(line)));
    }
    loop {
        line.clear();
        let read = Read::take(&mut *input, LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if read == 0 || line.last() == Some(&b'\n') {
            let reason = format!("the line has more than {LINE_BYTES_MAX} bytes");
            return Ok(Some(Err(reason)));
        }
    }
}
