//! `policy show`: the rules in force.

use std::fmt::Write as _;
use std::io::Write;

use serde_json::json;

use crate::app::PolicyInputs;
use crate::cli::{CliError, Cx, Exit, output};
use crate::contracts::Diagnostic;
use crate::live::LivePolicy;
use crate::policy::{PolicySet, RuleLine};

pub(super) fn run(cx: &Cx, inputs: &PolicyInputs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let live = open(inputs)?;
    let (set, errors) = (live.current(), live.errors());
    if cx.json {
        let options = set.options();
        output::json(
            out,
            &json!({
                "policy_hash": set.hash(),
                "profile": options.profile,
                "approval_mode": options.approval_mode,
                "trusted": options.trusted,
                "muted": set.muted(),
                "items": set.rules(),
                "errors": errors,
            }),
        )?;
    } else {
        output::table(out, &rows(&set))?;
        output::text(out, &standing(&set, &errors))?;
    }
    Ok(Exit::Done)
}

/// The rules in force in the workspace.
pub(super) fn open(inputs: &PolicyInputs) -> Result<LivePolicy, CliError> {
    let state_dir = inputs.state_dir.as_deref();
    let (vocabulary, options) = (inputs.vocabulary.clone(), inputs.options.clone());
    LivePolicy::open(&inputs.dirs, state_dir, vocabulary, options)
        .map_err(|found| CliError::usage("the built-in rules are broken").with(found))
}

/// Each rule: what it says, its name, where it stands, and why.
fn rows(set: &PolicySet) -> Vec<[String; 4]> {
    let rules = set.rules();
    let row = |rule: &RuleLine| {
        let effect = match rule.effect {
            Some(effect) if rule.counts => effect.as_str(),
            Some(_) => "muted",
            None => "script",
        };
        let place = format!("{}:{}", rule.file, rule.line);
        [effect.to_owned(), rule.id.clone(), place, rule.reason.clone()]
    };
    rules.iter().map(row).collect()
}

fn standing(set: &PolicySet, errors: &[Diagnostic]) -> String {
    let mut text = String::new();
    let options = set.options();
    let trust = if options.trusted { "trusted" } else { "not trusted" };
    let (count, profile) = (set.rules().len(), options.profile.as_str());
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "\n{count} rules, profile {profile}, workspace {trust}, policy {}",
        set.hash()
    );
    if set.muted() > 0 {
        let muted = set.muted();
        let _ = writeln!(
            text,
            "{muted} `allow` rules of the workspace do not count until you run `bailiwick trust`"
        );
    }
    if !errors.is_empty() {
        let _ = writeln!(text, "\nNot in force, because of mistakes; what was good last decides:");
        for error in errors {
            let _ = writeln!(text, "  {error}");
        }
    }
    text
}
