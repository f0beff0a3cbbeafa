//! Calling the rules of a script for one request.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{CallFnOptions, Dynamic, EvalAltResult, Scope};

use super::ScriptEngine;
use super::api::Ear;
use super::facts::Facts;
use super::load::{Script, ScriptRule};
use super::meter::{Deadline, OPERATIONS_MAX, Running, Stop, WALL_MS, Watch};
use super::views::{Ctx, Req};
use crate::policy::case::Case;
use crate::policy::{Options, Say};

/// What a rule said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct Said {
    pub(in crate::policy) spoken: Spoken,
    pub(in crate::policy) reason: String,
}

/// How it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Spoken {
    Allow,
    Ask,
    Deny,
    /// For people; decides nothing.
    Note,
}

impl Spoken {
    /// The word for explanations; an `allow` of a script that does not count is muted.
    pub(in crate::policy) const fn as_say(self, counts: bool) -> Say {
        match self {
            Self::Allow if counts => Say::Allow,
            Self::Allow => Say::Muted,
            Self::Ask => Say::Ask,
            Self::Deny => Say::Deny,
            Self::Note => Say::Note,
        }
    }
}

/// Why a rule has no verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct Broken {
    pub(in crate::policy) why: String,
    /// Whether it was stopped because of the time, which somebody must look at.
    pub(in crate::policy) overtime: bool,
}

/// A request as scripts get it: made once, cheap to hand to each rule.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Audience {
    req: Req,
    ctx: Ctx,
    may_allow: bool,
    deadline: Option<Deadline>,
}

impl Audience {
    /// For the scripts of one decision; `watch` begins to run.
    pub(in crate::policy) fn of(
        case: &Case<'_>,
        options: &Arc<Options>,
        watch: Option<Watch>,
    ) -> Self {
        let facts = Arc::new(Facts::of(case));
        Self {
            req: Req(Arc::clone(&facts)),
            ctx: Ctx { facts, options: Arc::clone(options) },
            may_allow: case.scripts_may_allow,
            deadline: watch.map(Deadline::of),
        }
    }
}

impl ScriptEngine {
    /// What `rule` says about the request.
    ///
    /// # Errors
    /// With the reason, when the rule failed, met a limit, or spoke out of turn.
    pub(in crate::policy) fn ask(
        &self,
        script: &Script,
        rule: &ScriptRule,
        audience: &Audience,
    ) -> Result<Vec<Said>, Broken> {
        let said = Arc::new(Mutex::new(Vec::new()));
        let ear = Ear { said: Arc::clone(&said), may_allow: audience.may_allow };
        let call = || {
            let _running = Running::until(audience.deadline);
            let options = CallFnOptions::new().with_tag(ear).eval_ast(false);
            let arguments = (audience.req.clone(), audience.ctx.clone());
            let mut scope = Scope::new();
            self.0.call_fn_with_options::<Dynamic>(
                options,
                &mut scope,
                &script.ast,
                &rule.name,
                arguments,
            )
        };
        let broken = |why: String| Broken { why, overtime: false };
        // The engine promises not to panic; a broken promise must deny, not end the program.
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(Ok(_)) => {
                Ok(std::mem::take(&mut *said.lock().unwrap_or_else(PoisonError::into_inner)))
            }
            Ok(Err(error)) => {
                Err(Broken { overtime: stop(&error) == Some(Stop::Time), ..broken(why(&error)) })
            }
            Err(_) => Err(broken("the script engine broke down".to_owned())),
        }
    }
}

fn stop(error: &EvalAltResult) -> Option<Stop> {
    match error.unwrap_inner() {
        EvalAltResult::ErrorTerminated(token, _) => token.clone().try_cast::<Stop>(),
        EvalAltResult::ErrorTooManyOperations(_) => Some(Stop::Work),
        _ => None,
    }
}

/// The innermost error with its place, in one line.
fn why(error: &EvalAltResult) -> String {
    let inner = error.unwrap_inner();
    let text = match inner {
        _ if stop(error) == Some(Stop::Work) => {
            format!("it did not end within {OPERATIONS_MAX} operations")
        }
        _ if stop(error) == Some(Stop::Time) => format!("it did not end within {WALL_MS} ms"),
        EvalAltResult::ErrorStackOverflow(_) => "it calls itself too deeply".to_owned(),
        EvalAltResult::ErrorRuntime(value, _) => value.to_string(),
        other => {
            let mut plain = other.to_string();
            if let Some(at) = plain.rfind(" (line ") {
                plain.truncate(at);
            }
            plain
        }
    };
    match inner.position().line() {
        Some(line) => format!("{text} (line {line})"),
        None => text,
    }
}
