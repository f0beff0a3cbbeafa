//! `policy show`: the rules in force.

use std::fmt::Write as _;
use std::io::Write;

use serde_json::json;

use crate::app::PolicyInputs;
use crate::cli::{CliError, Cx, Exit, output};
use crate::contracts::{Diagnostic, Hash};
use crate::live::{LivePolicy, read_signed};
use crate::policy::{PolicySet, RuleLine};

pub(super) fn run(cx: &Cx, inputs: &PolicyInputs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let live = open(inputs)?;
    let (set, errors) = (live.current(), live.errors());
    let trial = trial(inputs);
    let signing = &inputs.dirs.signing;
    let signer = inputs.dirs.workspace.as_ref().and_then(|dir| {
        // Who signed is said where somebody did; what is wrong stands among the mistakes.
        read_signed(dir, "policies", signing).ok().map(|(key, _)| key.name)
    });
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
                "signature": { "required": signing.is_demanded(), "signed_by": signer },
                "errors": errors,
                "trial": trial.as_ref().map(|(hash, errors)| json!({
                    "policy_hash": hash, "errors": errors,
                })),
            }),
        )?;
    } else {
        output::table(out, &rows(&set))?;
        output::text(out, &standing(&set, &errors))?;
        if let Some((hash, errors)) = &trial {
            output::text(out, &on_trial(*hash, errors))?;
        }
        if let Some(signer) = signer {
            output::line(out, format_args!("policies/ is signed by {signer}"))?;
        }
    }
    Ok(Exit::Done)
}

/// The rules on trial, where the configuration names some: which set they are, unless mistakes keep them
/// from being asked.
fn trial(inputs: &PolicyInputs) -> Option<(Option<Hash>, Vec<Diagnostic>)> {
    match inputs.open_trial() {
        Ok(None) => None,
        Ok(Some(trial)) => {
            let hash = trial.current().map(|set| set.hash());
            Some((hash, trial.errors()))
        }
        Err(errors) => Some((None, errors)),
    }
}

fn on_trial(hash: Option<Hash>, errors: &[Diagnostic]) -> String {
    let mut text = match hash {
        Some(hash) => format!("\non trial (`policy.shadow`): policy {hash}\n"),
        None => "\nThe rules on trial (`policy.shadow`) are not asked:\n".to_owned(),
    };
    for error in errors {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {error}");
    }
    text
}

/// The rules in force in the workspace.
pub(super) fn open(inputs: &PolicyInputs) -> Result<LivePolicy, CliError> {
    inputs.open().map_err(|found| CliError::usage("the built-in rules are broken").with(found))
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
