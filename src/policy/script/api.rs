//! The functions of scripts: those that speak and those that look.

use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Array, Dynamic, Engine, EvalAltResult, NativeCallContext};

use super::meter::charge;
use super::patterns::{glob, matches};
use super::run::{Said, Spoken};
use super::views::{HostView, PathView};
use crate::policy::host::host_matches;
use crate::policy::predicate::is_under;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// What one call of a rule has said so far, carried by the engine as its tag.
#[derive(Debug, Clone)]
pub(super) struct Ear {
    pub(super) said: Arc<Mutex<Vec<Said>>>,
    pub(super) may_allow: bool,
}

pub(super) fn register(engine: &mut Engine) {
    speaking(engine);
    looking(engine);
}

fn speaking(engine: &mut Engine) {
    engine
        .register_fn("deny", |context: NativeCallContext<'_>, reason: &str| {
            speak(&context, Spoken::Deny, reason)
        })
        .register_fn("ask", |context: NativeCallContext<'_>, reason: &str| {
            speak(&context, Spoken::Ask, reason)
        })
        .register_fn("note", |context: NativeCallContext<'_>, reason: &str| {
            speak(&context, Spoken::Note, reason)
        })
        .register_fn("allow", |context: NativeCallContext<'_>, reason: &str| {
            if ear(&context)?.may_allow {
                speak(&context, Spoken::Allow, reason)
            } else {
                Err("`allow` is not permitted for this tool: scripts may tighten, and loosen only \
                     where a file of rules says `scripts_may_allow: true`"
                    .into())
            }
        });
}

fn speak(context: &NativeCallContext<'_>, spoken: Spoken, reason: &str) -> Fallible<()> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err("a verdict needs a reason: the person who is refused reads it".into());
    }
    let ear = ear(context)?;
    let mut said = ear.said.lock().unwrap_or_else(PoisonError::into_inner);
    said.push(Said { spoken, reason: reason.to_owned() });
    Ok(())
}

fn ear(context: &NativeCallContext<'_>) -> Fallible<Ear> {
    let tag = context.tag().and_then(|tag| tag.clone().try_cast::<Ear>());
    tag.ok_or_else(|| "verdicts are spoken by rules only".into())
}

fn looking(engine: &mut Engine) {
    engine
        .register_fn("under", |path: &mut PathView, place: &str| {
            is_under(place, &path.fact, &path.root)
        })
        .register_fn("glob", |path: &mut PathView, pattern: &str| -> Fallible<bool> {
            let relative = path.fact.relative.as_deref();
            Ok(glob(&path.fact.resolved.to_string_lossy(), pattern)?
                || relative.map_or(Ok(false), |text| glob(text, pattern))?)
        })
        .register_fn("glob", |text: &str, pattern: &str| glob(text, pattern))
        .register_fn("matches", |text: &str, pattern: &str| matches(text, pattern))
        .register_fn("semver", |version: &str, wanted: &str| semver(version, wanted))
        .register_fn("host_in", |host: &mut HostView, patterns: Array| {
            host_in(&host.0.name, &patterns)
        })
        .register_fn("host_in", |name: &str, patterns: Array| {
            host_in(&name.trim_end_matches('.').to_ascii_lowercase(), &patterns)
        });
}

/// Whether `version` meets the requirement. A version that is none is an error, not a `false`.
fn semver(version: &str, wanted: &str) -> Fallible<bool> {
    charge(version.len() + wanted.len())?;
    let plain = version.strip_prefix('v').unwrap_or(version);
    let version = semver::Version::parse(plain)
        .map_err(|error| format!("`{version}` is no version: {error}"))?;
    let wanted = semver::VersionReq::parse(wanted)
        .map_err(|error| format!("`{wanted}` is no requirement of versions: {error}"))?;
    Ok(wanted.matches(&version))
}

fn host_in(name: &str, patterns: &[Dynamic]) -> Fallible<bool> {
    charge(name.len().saturating_mul(patterns.len()))?;
    for pattern in patterns {
        let text = pattern.clone().into_immutable_string();
        let text = text.map_err(|kind| format!("a host pattern is a text, not a {kind}"))?;
        if host_matches(&text, name) {
            return Ok(true);
        }
    }
    Ok(false)
}
