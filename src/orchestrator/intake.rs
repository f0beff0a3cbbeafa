//! Accepting a run: everything that can be wrong is wrong here, before anything is durable.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::attached::{self, AttachmentError, attach};
use super::error::RunError;
use super::journal::Batch;
use super::lineage;
use super::run;
use super::services::Services;
use crate::contracts::{
    Attachment, Diagnostic, EventBody, Hash, Map, PlaybookRef, Priority, Profile, RunId,
    RunStarted, SCHEMA_VERSION, Severity, TaskAccepted, TaskEnvelope, TaskId, TaskType, Trigger,
};
use crate::live::playbooks::Entry;
use crate::playbook::{self, InputError, InputKind, Library, LintLimits, Playbook, Used};
use crate::store::Append;

/// A request comes again within moments, so that only the newest runs are looked at for its key.
const REPEATS_LOOKED_AT: u32 = 16;

/// A run that somebody wants, with everything that depends on where they stand resolved.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The playbook's file, as shown to people.
    pub path: &'a str,
    /// The playbook's text.
    pub source: &'a str,
    /// The goal in words, when the playbook was chosen by one.
    pub goal: Option<&'a str>,
    /// Inputs as given.
    pub inputs: &'a Map,
    /// Absolute directory that relative paths among the inputs start from.
    pub cwd: &'a std::path::Path,
    /// A repeated request with the same key is the same task.
    pub idempotency_key: Option<&'a str>,
    /// What set it off.
    pub trigger: Trigger,
    /// Whether it only shows what it would do.
    pub dry_run: bool,
}

/// A run that is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Which task.
    pub task_id: TaskId,
    /// Which run.
    pub run_id: RunId,
}

/// Why a run is not taken.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The playbook has mistakes.
    #[error("`{path}` has {} and is not run", count(.diagnostics))]
    Playbook {
        /// The file.
        path: String,
        /// Each mistake.
        diagnostics: Vec<Diagnostic>,
    },
    /// The inputs do not fit.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Inputs(Vec<InputError>),
    /// Files that shall come with it do not.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Attachments(Vec<AttachmentError>),
    /// The store failed.
    #[error(transparent)]
    Run(#[from] RunError),
}

fn count(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|one| one.severity == Severity::Error).count();
    if errors == 1 { "1 mistake".to_owned() } else { format!("{errors} mistakes") }
}

/// A playbook and its inputs, ready to run.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The playbook.
    pub playbook: Playbook,
    /// Its inputs, resolved.
    pub inputs: Map,
    /// Absolute paths that the person gave it to read.
    pub read_roots: Vec<PathBuf>,
    /// What it includes and calls, directly or not.
    pub sources: Vec<Used>,
}

/// Lints the playbook and resolves its inputs. Changes nothing.
///
/// # Errors
/// Every mistake of the playbook, or every input that does not fit.
pub fn check(services: &Services, wanted: &Wanted<'_>) -> Result<Checked, IntakeError> {
    let catalogue = services.playbooks.current();
    // A file whose newest edit is broken stands for its last good version, with what that one used.
    let known =
        |entry: &&Entry| entry.stale && entry.path == wanted.path && entry.source == wanted.source;
    let kept = catalogue.entries.iter().find(known).map(Entry::library);
    let library: &dyn Library = match &kept {
        Some(kept) => kept,
        None => catalogue.as_ref(),
    };
    check_in(services, wanted, library)
}

/// [`check`] of a playbook whose library is known.
///
/// # Errors
/// As [`check`].
pub fn check_in(
    services: &Services,
    wanted: &Wanted<'_>,
    library: &dyn Library,
) -> Result<Checked, IntakeError> {
    let limits = LintLimits::from(services.settings.refreshed().as_ref());
    let linted = playbook::lint(wanted.path, wanted.source, &services.callable(), &limits, library);
    let broken = linted.diagnostics.iter().any(|one| one.severity == Severity::Error);
    let Some(playbook) = linted.playbook.filter(|_| !broken) else {
        let (path, diagnostics) = (wanted.path.to_owned(), linted.diagnostics);
        return Err(IntakeError::Playbook { path, diagnostics });
    };
    let (given, read_roots) = place_paths(services, &playbook, wanted.inputs, wanted.cwd);
    let inputs = playbook::resolve_inputs(&playbook, &given).map_err(IntakeError::Inputs)?;
    Ok(Checked { playbook, inputs, read_roots, sources: linted.sources })
}

/// Accepts a run and makes it durable. Blocks.
///
/// # Errors
/// As [`check`], or when the store fails.
pub fn accept(services: &Services, wanted: &Wanted<'_>) -> Result<Accepted, IntakeError> {
    accept_with(services, wanted, &[])
}

/// [`accept`] with files that come with the task.
///
/// # Errors
/// As [`accept`] and [`attach`].
pub fn accept_with(
    services: &Services,
    wanted: &Wanted<'_>,
    attachments: &[Attachment],
) -> Result<Accepted, IntakeError> {
    let checked = check(services, wanted)?;
    if let Some(accepted) = accepted_before(services, wanted)? {
        return Ok(accepted);
    }
    let attached = attach(services, attachments)?.map_err(IntakeError::Attachments)?;
    let clock = &services.clock;
    let (task_id, run_id) = (TaskId::from_uuid(clock.uuid()), RunId::from_uuid(clock.uuid()));
    let mut batch = Batch::default();
    let source = batch.text(wanted.source.as_bytes(), clock.salt());
    let playbook = PlaybookRef {
        name: checked.playbook.name.clone(),
        path: wanted.path.to_owned(),
        hash: Hash::of(wanted.source.as_bytes()),
        source,
    };
    let pinned = run::pin(services, &mut batch, checked.sources.clone());
    let policy = services.policy.current();
    let profile = services.config().policy.profile;
    let lineage = lineage::of_top(services, wanted.trigger, wanted.inputs, wanted.goal);
    let attachments = attached::keep(services, &attached, &mut batch);
    let task = TaskEnvelope { attachments, ..envelope(services, wanted, &checked, task_id) };
    let begins = [
        EventBody::TaskAccepted(TaskAccepted { start: None, task }),
        EventBody::RunStarted(RunStarted {
            playbook: Some(playbook),
            inputs: lineage::concealed(services, &checked.inputs),
            read_roots: checked.read_roots,
            budget: checked.playbook.budget.clone(),
            profile,
            policy_hash: policy.hash(),
            unattended: profile == Profile::Ci,
            dry_run: wanted.dry_run,
            parent_run_id: None,
            trigger: wanted.trigger,
            pinned,
            bounds: Vec::new(),
            lineage: Some(Box::new(lineage)),
        }),
    ];
    batch.bodies.splice(..0, begins);
    let append = Append::new(run_id.to_string(), 0, clock.now(), batch.bodies).texts(batch.texts);
    services.store.append(append).map_err(RunError::from)?;
    Ok(Accepted { task_id, run_id })
}

/// The run that was accepted for the same key: the answer to a request got lost, and it came again.
fn accepted_before(services: &Services, wanted: &Wanted<'_>) -> Result<Option<Accepted>, RunError> {
    let Some(key) = wanted.idempotency_key else { return Ok(None) };
    let reader = services.store.reader();
    for run in reader.runs(None, REPEATS_LOOKED_AT)? {
        // A run begins with its task.
        let first = reader.events(&run.run_id.to_string(), 0, 1)?;
        let body = first.first().and_then(|event| event.body().ok());
        if let Some(EventBody::TaskAccepted(accepted)) = body
            && accepted.task.idempotency_key.as_deref() == Some(key)
        {
            return Ok(Some(Accepted { task_id: accepted.task.id, run_id: run.run_id }));
        }
    }
    Ok(None)
}

fn envelope(
    services: &Services,
    wanted: &Wanted<'_>,
    checked: &Checked,
    id: TaskId,
) -> TaskEnvelope {
    TaskEnvelope {
        schema_version: SCHEMA_VERSION,
        id,
        created_at: services.clock.now(),
        task_type: if wanted.goal.is_some() { TaskType::Goal } else { TaskType::Playbook },
        goal: lineage::concealed_text(
            services,
            wanted.goal.unwrap_or(&checked.playbook.description),
        ),
        inputs: lineage::concealed(services, wanted.inputs),
        attachments: Vec::new(),
        context_hints: Vec::new(),
        priority: Priority::Normal,
        playbook: Some(wanted.path.to_owned()),
        budget: None,
        labels: BTreeMap::new(),
        idempotency_key: wanted.idempotency_key.map(str::to_owned),
    }
}

/// Inputs of `type: path`, measured from where the person stands. One inside the workspace becomes
/// relative to its root; one outside becomes a root of this run that may be read.
pub(super) fn place_paths(
    services: &Services,
    playbook: &Playbook,
    inputs: &Map,
    cwd: &Path,
) -> (Map, Vec<PathBuf>) {
    let mut inputs = inputs.clone();
    let mut read_roots = Vec::new();
    for input in playbook.inputs.iter().filter(|input| input.kind == InputKind::Path) {
        let Some(Value::String(given)) = inputs.get_mut(&input.name) else { continue };
        let absolute = crate::policy::without_dots(&cwd.join(&*given));
        match absolute.strip_prefix(&services.root) {
            Ok(inside) if inside.as_os_str().is_empty() => ".".clone_into(given),
            Ok(inside) => *given = inside.to_string_lossy().into_owned(),
            Err(_) => {
                *given = absolute.to_string_lossy().into_owned();
                read_roots.push(absolute);
            }
        }
    }
    (inputs, read_roots)
}
