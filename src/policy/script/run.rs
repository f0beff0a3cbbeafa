//! Calling the rules of a script for one request.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{CallFnOptions, Dynamic, EvalAltResult, Scope};

use super::ScriptEngine;
use super::api::Ear;
use super::load::{Script, ScriptRule};
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

/// A request as scripts get it: made once, cheap to hand to each rule.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Audience {
    req: Req,
    ctx: Ctx,
    may_allow: bool,
}

impl Audience {
    pub(in crate::policy) fn of(case: &Case<'_>, options: &Arc<Options>) -> Self {
        let request = Arc::new(case.request.clone());
        let root: Arc<PathBuf> = Arc::new(request.walls.root.clone());
        let req =
            Req { request: Arc::clone(&request), risk: case.risk, category: case.category, root };
        let ctx = Ctx { request, options: Arc::clone(options) };
        Self { req, ctx, may_allow: case.scripts_may_allow }
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
    ) -> Result<Vec<Said>, String> {
        let said = Arc::new(Mutex::new(Vec::new()));
        let ear = Ear { said: Arc::clone(&said), may_allow: audience.may_allow };
        let call = || {
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
        // The engine promises not to panic; a broken promise must deny, not end the program.
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(Ok(_)) => {
                Ok(std::mem::take(&mut *said.lock().unwrap_or_else(PoisonError::into_inner)))
            }
            Ok(Err(error)) => Err(why(&error)),
            Err(_) => Err("the script engine broke down".to_owned()),
        }
    }
}

/// The innermost error with its place, in one line.
fn why(error: &EvalAltResult) -> String {
    let inner = error.unwrap_inner();
    let text = match inner {
        EvalAltResult::ErrorTooManyOperations(_) => {
            "it did not end within 50000 operations".to_owned()
        }
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
