//! Taking a task: is it right, is there room, has it come before.

use std::borrow::Cow;
use std::sync::Arc;

use super::disk::Space;
use super::fields;
use super::shared::Shared;
use super::submit::{Accepted, FieldError, Origin, SubmitError};
use crate::contracts::{Hash, Map, Priority, RunId, TaskSubmission, canonical_hash};
use crate::live::playbooks::{Catalogue, Entry, FindError};
use crate::orchestrator::{
    Admission, IntakeError, Leads, Led, RunError, Wanted, enqueue, goal_playbook, lead,
};
use crate::playbook::InputError;
use crate::store::{KnownKey, NewKey, StoreError};

/// When to try again where too many tasks wait, in seconds.
const RETRY_AFTER_S: u64 = 5;

/// What keys inside of submissions are compared within.
const KEY_SCOPE: &str = "tasks";

/// Takes a task. Blocks until it is durable.
pub(super) fn submit(
    shared: &Arc<Shared>,
    submission: &TaskSubmission,
    origin: Origin,
) -> Result<Accepted, SubmitError> {
    if shared.is_draining() {
        return Err(SubmitError::Draining);
    }
    let key = key_of(submission, origin.key)?;
    if let Some(repeated) = taken_before(shared, key.as_ref())? {
        return Ok(repeated);
    }
    let services = shared.services();
    let (kind, attachments) = fields::check(services, submission)?;
    room(shared, submission.priority)?;
    let playbooks = &shared.parts.playbooks;
    let catalogue = match &submission.playbook {
        Some(name) => playbooks.current_with(name),
        None => playbooks.current(),
    };
    let (entry, inputs) = wanted_of(shared, &catalogue, submission)?;
    let (entry, goal) = (entry.as_ref(), submission.goal.as_deref());
    let admission = Admission {
        task_type: kind,
        priority: submission.priority,
        labels: submission.labels.clone(),
        budget: submission.budget.clone(),
        attachments,
        hints: submission.context_hints.clone(),
        dry_run: submission.dry_run,
        key: key.clone(),
        ..Admission::of(origin.trigger)
    };
    let wanted = Wanted {
        idempotency_key: submission.idempotency_key.as_deref(),
        ..wanted(shared, entry, goal, &inputs)
    };
    let taken = enqueue(services, &wanted, &entry.library(), admission);
    let accepted = match taken {
        Ok(accepted) => accepted,
        // The same request came twice at the same moment.
        Err(IntakeError::Run(RunError::Store(StoreError::KeyTaken { remembered }))) => {
            let hash = key.as_ref().map(|key| key.request_hash);
            return repeated(shared, &remembered, hash);
        }
        Err(error) => return Err(refused(entry, error)),
    };
    shared.work.notify_one();
    Ok(Accepted { task_id: accepted.task_id, run_id: accepted.run_id, repeated: false })
}

/// A run of a playbook, whose relative paths start at the root of the workspace.
pub(super) fn wanted<'a>(
    shared: &'a Shared,
    entry: &'a Entry,
    goal: Option<&'a str>,
    inputs: &'a crate::contracts::Map,
) -> Wanted<'a> {
    Wanted {
        path: &entry.path,
        source: &entry.source,
        goal,
        inputs,
        cwd: &shared.services().root,
        idempotency_key: None,
        trigger: crate::contracts::Trigger::Api,
        dry_run: false,
    }
}

/// Whether there is room for one more of this priority.
pub(super) fn room(shared: &Shared, priority: Priority) -> Result<(), SubmitError> {
    match shared.disk.look() {
        Ok(Space::Enough) => shared.settled("disk"),
        Ok(Space::Low { free }) => {
            let message = format!("the disk has {free} bytes left: no task is taken");
            shared.warn("disk", message);
            return Err(SubmitError::NoSpace { free_bytes: free });
        }
        Err(error) => shared.warn("disk", format!("the disk cannot be looked at: {error}")),
    }
    let services = shared.services();
    let config = services.config();
    let queue = &config.queue;
    let waiting = services.store.reader().queue_depth().map_err(RunError::from)?.waiting;
    let max =
        if priority == Priority::Low { queue.max.min(queue.hard_max) } else { queue.hard_max };
    if waiting >= u64::from(max) {
        return Err(SubmitError::Busy { retry_after_s: RETRY_AFTER_S });
    }
    Ok(())
}

/// The caller's key, or the one inside of the submission. A key inside names the submission it came
/// with, whoever sends it and however it is written.
fn key_of(
    submission: &TaskSubmission,
    outer: Option<NewKey>,
) -> Result<Option<NewKey>, SubmitError> {
    let inner = submission.idempotency_key.as_ref().filter(|key| !key.is_empty());
    let (None, Some(key)) = (&outer, inner) else { return Ok(outer) };
    let value = serde_json::to_value(submission).map_err(RunError::from)?;
    let request_hash = canonical_hash(&value).map_err(RunError::from)?;
    Ok(Some(NewKey { scope: KEY_SCOPE.to_owned(), key: key.clone(), request_hash }))
}

/// The answer to a request with this key, if one came before.
pub(super) fn taken_before(
    shared: &Shared,
    key: Option<&NewKey>,
) -> Result<Option<Accepted>, SubmitError> {
    let Some(key) = key else { return Ok(None) };
    let known = shared.services().store.reader().remembered(&key.scope, &key.key);
    match known.map_err(RunError::from)? {
        Some(known) => repeated(shared, &known, Some(key.request_hash)).map(Some),
        None => Ok(None),
    }
}

/// The answer to a request that came before.
pub(super) fn repeated(
    shared: &Shared,
    known: &KnownKey,
    request: Option<Hash>,
) -> Result<Accepted, SubmitError> {
    match known.run_id {
        Some(run_id) if request == Some(known.request_hash) => {
            Ok(Accepted { task_id: task_of(shared, run_id)?, run_id, repeated: true })
        }
        _ => Err(SubmitError::KeyReused),
    }
}

fn task_of(shared: &Shared, run_id: RunId) -> Result<crate::contracts::TaskId, SubmitError> {
    let info = shared.services().store.reader().run(&run_id).map_err(RunError::from)?;
    let missing = || RunError::Incomplete { run: run_id.to_string(), what: "`task.accepted`" };
    Ok(info.task_id.ok_or_else(missing)?)
}

/// The playbook that is named, or what the goal leads to, with its inputs.
fn wanted_of<'a>(
    shared: &Shared,
    catalogue: &'a Catalogue,
    submission: &'a TaskSubmission,
) -> Result<(Cow<'a, Entry>, Cow<'a, Map>), SubmitError> {
    if let Some(name) = &submission.playbook {
        return Ok((Cow::Borrowed(find(catalogue, name)?), Cow::Borrowed(&submission.inputs)));
    }
    let led = led(shared, catalogue, submission)?;
    Ok((Cow::Owned(led.entry), Cow::Owned(led.inputs)))
}

/// A playbook of the catalogue by its name or path.
pub(super) fn find<'a>(catalogue: &'a Catalogue, name: &str) -> Result<&'a Entry, SubmitError> {
    let field = |message: String| SubmitError::Invalid(vec![FieldError::new("playbook", message)]);
    let entry = catalogue.find(name).map_err(|error| match error {
        FindError::Unknown { name, suggestion } => {
            SubmitError::UnknownPlaybook { name, suggestion }
        }
        other => field(other.to_string()),
    })?;
    if entry.playbook.is_some() {
        return Ok(entry);
    }
    let (path, diagnostics) = (entry.path.clone(), entry.diagnostics.clone());
    Err(SubmitError::Playbook { path, diagnostics })
}

fn led(
    shared: &Shared,
    catalogue: &Catalogue,
    submission: &TaskSubmission,
) -> Result<Led, SubmitError> {
    let services = shared.services();
    let config = services.config();
    let tools = services.callable();
    let planned = services.model.as_ref().map(|_| goal_playbook(&config, &tools));
    let leads = Leads {
        catalogue,
        tools: planned.is_none().then_some(tools.as_ref()),
        planned: planned.as_deref(),
        enabled: &config.tools.enabled,
        root: &services.root,
        embedder: shared.parts.embedder.as_deref(),
    };
    let goal = submission.goal.as_deref().unwrap_or_default();
    let led = lead(goal, &submission.inputs, leads).map_err(|reasons| {
        let message = format!(
            "no playbook fits the goal and no single tool does, and there is no model to plan it: {}",
            reasons.join("; ")
        );
        let suggestion = Some("name a `playbook`".to_owned());
        SubmitError::Invalid(vec![FieldError { field: "goal".to_owned(), message, suggestion }])
    })?;
    tracing::info!("{}: {}", led.entry.name(), led.why);
    Ok(led)
}

/// An intake error with the fields it is about.
pub(super) fn refused(entry: &Entry, error: IntakeError) -> SubmitError {
    match error {
        IntakeError::Playbook { path, diagnostics } => SubmitError::Playbook { path, diagnostics },
        IntakeError::Inputs(errors) => {
            tracing::debug!("inputs of `{}` do not fit", entry.path);
            SubmitError::Invalid(errors.iter().map(input_error).collect())
        }
        IntakeError::Attachments(errors) => {
            SubmitError::Invalid(errors.into_iter().map(fields::attachment_error).collect())
        }
        IntakeError::Run(error) => SubmitError::Run(error),
    }
}

fn input_error(error: &InputError) -> FieldError {
    let (name, suggestion) = match error {
        InputError::Unknown { name, suggestion } => (name, suggestion.clone()),
        InputError::Missing { name, .. }
        | InputError::WrongType { name, .. }
        | InputError::NotAChoice { name, .. } => (name, None),
    };
    FieldError { field: format!("inputs.{name}"), message: error.to_string(), suggestion }
}
