//! `policy suggest`: the smallest rule that would allow what was refused, for a person to review.

use std::fmt::Write as _;
use std::io::Write;

use serde_json::json;

use super::decided;
use super::explain::asking;
use super::show::open;
use crate::app::PolicyInputs;
use crate::cli::{CliError, Cx, Exit, output};
use crate::orchestrator::Missing;
use crate::policy::{PolicySet, Request, Suggestion};

/// What should be allowed.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The id of a call (`call_…`) that was refused or asked about; or a request, as for `explain`.
    #[arg(required = true, trailing_var_arg = true)]
    request: Vec<String>,
}

pub(super) fn run(
    args: Args,
    cx: &Cx,
    inputs: &PolicyInputs,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let (words, json) = decided::without_json(args.request);
    let (args, cx) = (Args { request: words }, &Cx { json: cx.json || json, ..cx.clone() });
    let set = open(inputs)?.current();
    let request = request(args, cx, inputs, &set)?;
    match set.suggest(&request) {
        Err(why) => Err(CliError::new(Exit::Denied, format!("there is no rule to suggest: {why}"))),
        Ok(suggestion) if cx.json => {
            let Suggestion { id, yaml, against, exclusion, wider } = suggestion;
            let document = json!({
                "id": id, "yaml": yaml, "against": against, "exclusion": exclusion,
                "wider": wider,
            });
            output::json(out, &document).map(|()| Exit::Done)
        }
        Ok(suggestion) => output::text(out, &text(&suggestion)).map(|()| Exit::Done),
    }
}

fn request(
    args: Args,
    cx: &Cx,
    inputs: &PolicyInputs,
    set: &PolicySet,
) -> Result<Request, CliError> {
    if let Some(call) = decided::named(&args.request) {
        let (recorded, _) = decided::newest(call, inputs)?;
        let why = recorded.missing.map_or("no facts were kept", Missing::as_str);
        let nothing = || CliError::new(Exit::Denied, format!("there is no rule to suggest: {why}"));
        return recorded.request.ok_or_else(nothing);
    }
    asking(args.request)?
        .request(set, &inputs.vocabulary, &inputs.places, cx.clock.now())
        .map_err(|why| CliError::usage(format!("the request cannot be judged: {why}")))
}

/// A file to keep, with what has to change beside it as comments.
fn text(suggestion: &Suggestion) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# Review before use: policies/{}.yaml", suggestion.id);
    for rule in &suggestion.against {
        let (id, file, line) = (&rule.id, &rule.file, rule.line);
        let effect = rule.effect.as_str();
        let _ = writeln!(
            text,
            "# `{id}` ({file}:{line}) stands against it ({effect}): its `when` needs"
        );
        let _ = writeln!(text, "#   not: {}", suggestion.exclusion);
    }
    if let Some(wider) = &suggestion.wider {
        let _ = writeln!(text, "# For the whole directory, with examples of its own:");
        let _ = writeln!(text, "#   when: {wider}");
    }
    text.push_str(&suggestion.yaml);
    text
}
