//! Taking a task into the queue, and beginning its run when its turn comes.
//!
//! What is taken is durable before it is acknowledged: the task, how it shall start, and its place in
//! the queue are one transaction. Rules and profile are those of the moment in which it begins.

use std::collections::BTreeMap;

use super::attached::{self, Attached};
use super::error::RunError;
use super::intake::{Accepted, Checked, IntakeError, Wanted, check_in};
use super::journal::Batch;
use super::lineage;
use super::record::RunRecord;
use super::run;
use super::services::Services;
use crate::contracts::{
    Budget, ContextHint, EventBody, Hash, PlaybookRef, Priority, Profile, RunId, RunStarted,
    SCHEMA_VERSION, TaskAccepted, TaskEnvelope, TaskId, TaskType, Trigger,
};
use crate::playbook::Library;
use crate::store::{Append, Enqueue, Fence, NewKey, StoreError};

/// How a task is taken, beside what it is.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The kind of work, as it was asked for.
    pub task_type: TaskType,
    /// Order in the queue.
    pub priority: Priority,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// A budget narrower than the playbook's.
    pub budget: Option<Budget>,
    /// Files that come with it.
    pub attachments: Vec<Attached>,
    /// Where a planner should look.
    pub hints: Vec<ContextHint>,
    /// What makes it begin.
    pub trigger: Trigger,
    /// How many runs of the playbook may be at work at once, when fewer than the playbook says.
    pub concurrency: Option<u32>,
    /// Whether it only shows what it would do; as `run.dry_run_default` says where nothing is said.
    pub dry_run: Option<bool>,
    /// Remembered with it, so that the same request again is the same task.
    pub key: Option<NewKey>,
}

impl Admission {
    /// A task that begins for this reason, and has nothing else to say.
    #[must_use]
    pub fn of(trigger: Trigger) -> Self {
        Self {
            task_type: TaskType::Playbook,
            priority: Priority::Normal,
            labels: BTreeMap::new(),
            budget: None,
            attachments: Vec::new(),
            hints: Vec::new(),
            trigger,
            concurrency: None,
            dry_run: None,
            key: None,
        }
    }
}

/// Whether nobody can be asked in a run that begins for this reason.
#[must_use]
pub fn is_unattended(services: &Services, trigger: Trigger) -> bool {
    matches!(trigger, Trigger::Schedule | Trigger::Webhook)
        || services.config().policy.profile == Profile::Ci
}

/// Checks a task, and gives what makes it durable together with its place in the queue.
///
/// # Errors
/// Every mistake of the playbook, or every input that does not fit.
pub fn admit(
    services: &Services,
    wanted: &Wanted<'_>,
    library: &dyn Library,
    admission: Admission,
) -> Result<(Accepted, Append), IntakeError> {
    let checked = check_in(services, wanted, library)?;
    let clock = &services.clock;
    let (task_id, run_id) = (TaskId::from_uuid(clock.uuid()), RunId::from_uuid(clock.uuid()));
    let mut batch = Batch::default();
    let own = checked.playbook.concurrency;
    let place = Enqueue {
        priority: admission.priority,
        playbook: checked.playbook.name.clone(),
        concurrency: own.into_iter().chain(admission.concurrency).min(),
    };
    let key = admission.key.clone();
    let start = start(services, wanted, &checked, &admission, &mut batch);
    let attachments = attached::keep(services, &admission.attachments, &mut batch);
    let task = envelope(services, wanted, &checked, task_id, admission);
    let task = TaskEnvelope { attachments, ..task };
    let accepted = TaskAccepted { task, start: Some(Box::new(start)) };
    batch.bodies.splice(..0, [EventBody::TaskAccepted(accepted)]);
    let append = Append::new(run_id.to_string(), 0, clock.now(), batch.bodies);
    let append = append.texts(batch.texts).queue(place);
    let append = key.into_iter().fold(append, Append::key);
    Ok((Accepted { task_id, run_id }, append))
}

/// Takes a task into the queue. Blocks until it is durable.
///
/// # Errors
/// As [`admit`], or when the store fails.
pub fn enqueue(
    services: &Services,
    wanted: &Wanted<'_>,
    library: &dyn Library,
    admission: Admission,
) -> Result<Accepted, IntakeError> {
    let (accepted, append) = admit(services, wanted, library, admission)?;
    services.store.append(append).map_err(RunError::from)?;
    Ok(accepted)
}

/// Begins a run that waited in the queue, by the rules of now. False when it has begun already. Blocks.
///
/// # Errors
/// When its journal cannot be read, or the store fails.
pub fn begin(services: &Services, run_id: RunId, fence: Option<Fence>) -> Result<bool, RunError> {
    let (record, bodies) = RunRecord::load(services.store.reader(), run_id)?;
    if record.started.is_some() {
        return Ok(false);
    }
    let started = bodies.into_iter().find_map(|(_, body)| match body {
        EventBody::TaskAccepted(accepted) => accepted.start,
        _ => None,
    });
    let incomplete = || RunError::Incomplete { run: run_id.to_string(), what: "way to start" };
    let mut started = *started.ok_or_else(incomplete)?;
    started.profile = services.config().policy.profile;
    started.policy_hash = services.policy.current().hash();
    started.unattended = is_unattended(services, started.trigger);
    let bodies = vec![EventBody::RunStarted(started)];
    let append = Append::new(run_id.to_string(), record.seq, services.clock.now(), bodies);
    match services.store.append(fence.into_iter().fold(append, Append::fence)) {
        Ok(_) => Ok(true),
        // Somebody else began it at the same moment.
        Err(StoreError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn start(
    services: &Services,
    wanted: &Wanted<'_>,
    checked: &Checked,
    admission: &Admission,
    batch: &mut Batch,
) -> RunStarted {
    let source = batch.text(wanted.source.as_bytes(), services.clock.salt());
    let playbook = PlaybookRef {
        name: checked.playbook.name.clone(),
        path: wanted.path.to_owned(),
        hash: Hash::of(wanted.source.as_bytes()),
        source,
    };
    let pinned = run::pin(services, batch, checked.sources.clone());
    // Whoever knows the secret of a hook gives no files to read.
    let outside = if admission.trigger == Trigger::Webhook { &[][..] } else { &checked.read_roots };
    let own = &checked.playbook.budget;
    let lineage = lineage::of_top(services, admission.trigger, wanted.inputs, wanted.goal);
    RunStarted {
        playbook: Some(playbook),
        inputs: lineage::concealed(services, &checked.inputs),
        read_roots: outside.to_vec(),
        budget: admission.budget.as_ref().map_or_else(|| own.clone(), |it| own.narrowed(it)),
        profile: services.config().policy.profile,
        policy_hash: services.policy.current().hash(),
        unattended: is_unattended(services, admission.trigger),
        dry_run: admission.dry_run.unwrap_or(services.config().run.dry_run_default),
        parent_run_id: None,
        trigger: admission.trigger,
        pinned,
        bounds: Vec::new(),
        lineage: Some(Box::new(lineage)),
    }
}

fn envelope(
    services: &Services,
    wanted: &Wanted<'_>,
    checked: &Checked,
    id: TaskId,
    admission: Admission,
) -> TaskEnvelope {
    TaskEnvelope {
        schema_version: SCHEMA_VERSION,
        id,
        created_at: services.clock.now(),
        task_type: admission.task_type,
        goal: lineage::concealed_text(
            services,
            wanted.goal.unwrap_or(&checked.playbook.description),
        ),
        inputs: lineage::concealed(services, wanted.inputs),
        attachments: Vec::new(),
        context_hints: admission.hints,
        priority: admission.priority,
        playbook: Some(wanted.path.to_owned()),
        budget: admission.budget,
        labels: admission.labels,
        idempotency_key: wanted.idempotency_key.map(str::to_owned),
    }
}
