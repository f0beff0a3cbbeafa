//! The functions of scripts: those that speak, those that look, and built-in ones made safe.

use std::sync::{Arc, Mutex, PoisonError};

use globset::GlobBuilder;
use regex::RegexBuilder;
use rhai::{Array, Dynamic, Engine, EvalAltResult, ImmutableString, NativeCallContext};

use super::run::{Said, Spoken};
use super::views::{HostView, PathView};
use crate::policy::host::host_matches;
use crate::policy::predicate::is_under;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// Largest compiled pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 18;

/// What one call of a rule has said so far, carried by the engine as its tag.
#[derive(Debug, Clone)]
pub(super) struct Ear {
    pub(super) said: Arc<Mutex<Vec<Said>>>,
    pub(super) may_allow: bool,
}

pub(super) fn register(engine: &mut Engine) {
    speaking(engine);
    looking(engine);
    mended(engine);
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
                || relative.is_some_and(|text| glob(text, pattern).unwrap_or(true)))
        })
        .register_fn("glob", |text: &str, pattern: &str| glob(text, pattern))
        .register_fn("matches", |text: &str, pattern: &str| -> Fallible<bool> {
            let built = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build();
            let no_pattern = |_| format!("`{pattern}` is no regular expression");
            Ok(built.map_err(no_pattern)?.is_match(text))
        })
        .register_fn("host_in", |host: &mut HostView, patterns: Array| {
            host_in(&host.0.name, &patterns)
        })
        .register_fn("host_in", |name: &str, patterns: Array| {
            host_in(&name.trim_end_matches('.').to_ascii_lowercase(), &patterns)
        });
}

fn glob(text: &str, pattern: &str) -> Fallible<bool> {
    let built = GlobBuilder::new(pattern).literal_separator(true).build();
    let glob = built.map_err(|error| format!("`{pattern}` is no glob: {}", error.kind()))?;
    Ok(glob.compile_matcher().is_match(text))
}

fn host_in(name: &str, patterns: &[Dynamic]) -> Fallible<bool> {
    for pattern in patterns {
        let text = pattern.clone().into_immutable_string();
        let text = text.map_err(|kind| format!("a host pattern is a text, not a {kind}"))?;
        if host_matches(&text, name) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Built-in functions that change a text in place and return nothing, which reads as `false`
/// nowhere and as a mistake everywhere: here they return the changed text.
fn mended(engine: &mut Engine) {
    type Text = ImmutableString;
    engine
        .register_fn("trim", |text: Text| -> Text { text.trim().into() })
        .register_fn("replace", |text: Text, from: Text, to: Text| -> Fallible<Text> {
            if from.is_empty() {
                return Err("`replace` needs a text to look for".into());
            }
            Ok(text.as_str().replace(from.as_str(), to.as_str()).into())
        })
        .register_fn("make_lower", |text: Text| -> Text { text.to_lowercase().into() })
        .register_fn("make_upper", |text: Text| -> Text { text.to_uppercase().into() });
}
