//! A yes that somebody gives before anybody asks: for one call, for a short time.
//!
//! It stands in the system's own stream and is used up in the transaction in which the question that it
//! answers is put: of two runs that want it, one gets it. It is one person's yes, so it answers no
//! question that needs several; and without arguments it is no yes to anything grave.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::RunError;
use super::record::asking;
use super::services::Services;
use crate::contracts::views::Given;
use crate::contracts::{
    ApprovalId, ApprovalResolution, ApprovalSubject, Beforehand, Decision, ErrorKind, EventBody,
    Hash, Map, RunId, Timestamp, ToolCall,
};
use crate::policy::{PolicySet, beforehand_hash};
use crate::ports::Category;
use crate::store::{ApprovalInfo, ApprovalStatus, StoreError};
use crate::tools::Toolbox;

/// How long it can be used, in milliseconds.
const LASTS_MS: u64 = 300_000;
/// Most that wait to be used.
const WAITING_MAX: usize = 64;
/// Who ends those that nobody used.
const TIME: &str = "time";

/// Why it is not given.
#[derive(Debug, thiserror::Error)]
pub enum GiveError {
    /// There is no such tool.
    #[error("there is no tool `{0}`")]
    UnknownTool(String),
    /// It would never be called.
    #[error("the tool `{0}` is switched off")]
    Disabled(String),
    /// Whoever says yes to such a call has to see it.
    #[error(
        "calls of `{tool}` are of category `{category}`: a yes to one names its arguments; send them as `args`"
    )]
    NeedsArgs {
        /// The tool.
        tool: String,
        /// What its calls do.
        category: &'static str,
    },
    /// No call has such arguments: nothing would ever use the yes.
    #[error("{0}")]
    BadArgs(String),
    /// The arguments have no canonical form.
    #[error("the arguments cannot be hashed: {0}")]
    Unhashable(#[from] serde_json::Error),
    /// There are too many.
    #[error(
        "{WAITING_MAX} approvals wait to be used already: revoke some, or wait until they are over"
    )]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Which approval somebody named for the call of a run: no other that was given beforehand answers it.
#[derive(Debug, Default)]
pub struct Named(Mutex<BTreeMap<RunId, ApprovalId>>);

impl Named {
    /// Names one.
    pub fn name(&self, run: RunId, approval: ApprovalId) {
        self.lock().insert(run, approval);
    }

    /// Forgets what was named.
    pub fn forget(&self, run: RunId) {
        self.lock().remove(&run);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RunId, ApprovalId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `approval` may answer the call of `run`.
    fn lets(&self, run: RunId, approval: ApprovalId) -> bool {
        self.lock().get(&run).is_none_or(|named| *named == approval)
    }
}

/// Gives a yes to one call of `tool`, with these arguments or with any. Blocks.
///
/// # Errors
/// When there is no such tool, it is too grave for a yes to any call, or it takes no such arguments.
pub fn give(
    services: &Services,
    tool: &str,
    args: Option<&Map>,
    by: String,
) -> Result<Given, GiveError> {
    let set = services.policy.current();
    let found = services.tool(tool);
    let tool = found.ok_or_else(|| GiveError::UnknownTool(tool.to_owned()))?.name.clone();
    if set.is_enabled(&tool) != Some(true) {
        return Err(GiveError::Disabled(tool));
    }
    if let (None, Some(category)) = (args, set.category(&tool).and_then(grave)) {
        return Err(GiveError::NeedsArgs { tool, category });
    }
    if let Some(args) = args {
        fit(&services.toolbox(), &tool, args)?;
    }
    let args_hash = args.map(|args| beforehand_hash(&tool, args)).transpose()?;
    let now = services.clock.now();
    let mut bodies = swept(services, now)?;
    let approval_id = ApprovalId::from_uuid(services.clock.uuid());
    let expires_at = now.plus_ms(LASTS_MS);
    bodies.push(EventBody::ApprovalRequested(ApprovalSubject {
        approval_id,
        // Each has a place of its own, so that none replaces another.
        path: approval_id.to_string(),
        call_id: None,
        args_hash,
        prompt: prompt(&tool, args),
        expires_at,
        approvers: 1,
        beforehand: Some(Beforehand { tool: tool.clone(), by }),
        consult: None,
    }));
    services.store.append_system(bodies, now).map_err(RunError::from)?;
    Ok(Given { approval_id, tool_name: tool, expires_at })
}

/// Whether a call can have these arguments. What is no tool of the registry has no schema to hold them
/// against, as when it is called.
fn fit(toolbox: &Toolbox, tool: &str, args: &Map) -> Result<(), GiveError> {
    match toolbox.check_args(tool, args) {
        Err(error) if error.kind != ErrorKind::UnknownTool => {
            Err(GiveError::BadArgs(error.message))
        }
        _ => Ok(()),
    }
}

/// Takes back what was given, unless it was used. Blocks. False when there is nothing to take back.
///
/// # Errors
/// When the store fails.
pub fn revoke(
    services: &Services,
    approval_id: ApprovalId,
    by: String,
    reason: Option<String>,
) -> Result<bool, RunError> {
    if services.store.reader().approval(&approval_id)?.status != ApprovalStatus::Open {
        return Ok(false);
    }
    let answer = ApprovalResolution { approval_id, approved: false, by, reason };
    services
        .store
        .append_system(vec![EventBody::ApprovalResolved(answer)], services.clock.now())?;
    // A run may have used it just before: then that counts.
    Ok(services.store.reader().approval(&approval_id)?.status == ApprovalStatus::Denied)
}

/// The answer that was given beforehand to the question `asked` about `call`, and what it uses up.
pub(super) fn fitting(
    services: &Services,
    call: &ToolCall,
    decision: &Decision,
    asked: ApprovalId,
) -> Result<Option<(ApprovalId, ApprovalResolution)>, RunError> {
    let given = services.store.reader().given_beforehand()?;
    let set = services.policy.current();
    if given.is_empty() || set.hash() != decision.policy_hash {
        return Ok(None);
    }
    let tool = services.tool(&call.name);
    let named = tool.as_ref().map_or(call.name.as_str(), |tool| &tool.name);
    let wanted = Wanted {
        tool: named,
        exact: beforehand_hash(named, &call.args)?,
        general: is_general(&set, named, decision),
        approvers: decision.approvers,
        now: services.clock.now(),
    };
    let named = |it: &&ApprovalInfo| services.named.lets(call.run_id, it.approval_id);
    let subjects = given.iter().filter(named).map(|it| &it.subject);
    Ok(wanted.among(subjects).map(|(subject, by)| {
        let by = format!("{by} (beforehand)");
        let answer = ApprovalResolution { approval_id: asked, approved: true, by, reason: None };
        (subject.approval_id, answer)
    }))
}

/// A call that asks, as far as approvals given beforehand may cover it.
struct Wanted<'a> {
    tool: &'a str,
    exact: Hash,
    /// Whether one for any arguments covers it.
    general: bool,
    /// How many people must say yes.
    approvers: u32,
    now: Timestamp,
}

impl Wanted<'_> {
    /// The one that covers it and who gave it; one for exactly this call before one for any.
    fn among<'b>(
        &self,
        given: impl Iterator<Item = &'b ApprovalSubject> + Clone,
    ) -> Option<(&'b ApprovalSubject, &'b str)> {
        let covers = |subject: &'b ApprovalSubject, hash: Option<Hash>| {
            let fits = subject.beforehand.as_ref().filter(|given| given.tool == self.tool)?;
            let counts = self.now <= subject.expires_at && subject.args_hash == hash;
            counts.then_some((subject, fits.by.as_str()))
        };
        if self.approvers > 1 {
            return None;
        }
        let exactly = given.clone().find_map(|it| covers(it, Some(self.exact)));
        exactly.or_else(|| given.clone().find_map(|it| covers(it, None)).filter(|_| self.general))
    }
}

/// Whether a yes to any call of the tool is one to this.
fn is_general(set: &PolicySet, tool: &str, decision: &Decision) -> bool {
    let rules = asking(decision);
    let of_rules = set.categories(&rules);
    !set.category(tool).into_iter().chain(of_rules).any(|category| grave(category).is_some())
}

/// What nobody says yes to without having seen it, by name.
const fn grave(category: Category) -> Option<&'static str> {
    match category {
        Category::Financial => Some("financial"),
        Category::ExternalComms => Some("external_comms"),
        Category::Destructive => Some("destructive"),
        Category::Credential => Some("credential"),
        Category::Legal => None,
    }
}

/// The end of those whose time is over, so that they do not pile up.
fn swept(services: &Services, now: Timestamp) -> Result<Vec<EventBody>, GiveError> {
    let given = services.store.reader().given_beforehand();
    let given = given.map_err(|error: StoreError| RunError::from(error))?;
    let (over, waiting): (Vec<_>, Vec<_>) =
        given.into_iter().partition(|it| now > it.subject.expires_at);
    if waiting.len() >= WAITING_MAX {
        return Err(GiveError::TooMany);
    }
    let end = |it: ApprovalInfo| {
        let reason = Some("nobody used it in time".to_owned());
        let (approval_id, by) = (it.approval_id, TIME.to_owned());
        EventBody::ApprovalResolved(ApprovalResolution { approval_id, approved: false, by, reason })
    };
    Ok(over.into_iter().map(end).collect())
}

fn prompt(tool: &str, args: Option<&Map>) -> String {
    match args {
        Some(args) => {
            let args = serde_json::Value::Object(args.clone()).to_string();
            let shown: String = args.chars().take(ARGS_CHARS).collect();
            format!("one call of `{tool}` with exactly {shown}")
        }
        None => format!("one call of `{tool}`, whatever its arguments"),
    }
}

/// Longest arguments in a prompt, in characters.
const ARGS_CHARS: usize = 2_000;

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn given(number: u128, tool: &str, args_hash: Option<Hash>) -> ApprovalSubject {
        ApprovalSubject {
            approval_id: ApprovalId::from_uuid(Uuid::from_u128(number)),
            path: String::new(),
            call_id: None,
            args_hash,
            prompt: String::new(),
            expires_at: Timestamp::from_ms(10),
            approvers: 1,
            beforehand: Some(Beforehand { tool: tool.to_owned(), by: "user:ann".to_owned() }),
            consult: None,
        }
    }

    #[test]
    fn a_yes_beforehand_covers_what_it_names_and_no_more() {
        let (exact, other) = (Hash::of(b"this"), Hash::of(b"that"));
        let all = [
            given(1, "write_text", None),
            given(2, "write_text", Some(other)),
            given(3, "write_text", Some(exact)),
            given(4, "shell_exec", Some(exact)),
        ];
        let wanted = |general, approvers, now| Wanted {
            tool: "write_text",
            exact,
            general,
            approvers,
            now: Timestamp::from_ms(now),
        };
        let cases: [(&[usize], Wanted<'_>, Option<u128>); 7] = [
            (&[0, 1, 2, 3], wanted(true, 1, 10), Some(3)),
            (&[0, 1, 3], wanted(true, 1, 10), Some(1)),
            (&[0, 1, 3], wanted(false, 1, 10), None),
            (&[2], wanted(false, 1, 10), Some(3)),
            (&[2], wanted(true, 1, 11), None),
            (&[0, 2], wanted(true, 2, 10), None),
            (&[1, 3], wanted(true, 1, 10), None),
        ];
        for (there, wanted, expected) in cases {
            let found = wanted.among(there.iter().map(|at| &all[*at]));
            let id = found.map(|(subject, _)| subject.approval_id);
            let expected = expected.map(|id| ApprovalId::from_uuid(Uuid::from_u128(id)));
            assert_eq!(id, expected, "{there:?}");
        }
    }
}
