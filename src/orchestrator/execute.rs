//! Running a tool: intent durable before, result durable before anything relies on it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::call;
use super::carried;
use super::consult::{self, Asking};
use super::decide;
use super::driver::Work;
use super::error::RunError;
use super::finish::Ended;
use super::granted;
use super::journal::{Batch, Progress};
use super::judge::{Judge, Judged};
use super::record::CallRecord;
use super::services::{Services, blocking};
use super::taken::Labels;
use super::told;
use crate::contracts::{
    CallEffect, CallId, CallIntent, CallNamed, Decision, Effect, ErrorKind, EventBody, Obligation,
    TextRef, ToolCall, ToolError,
};
use crate::policy::{Answer, Authorized, NotAuthorized};
use crate::ports::{
    ArgSecrets, Away, BrowserSetup, Cancel, Limits, PersonsAnswer, ToolContext, ToolDescriptor,
    ToolOutput,
};
use crate::tools::{self, Standing};

/// Ends in `call.intent`, `call.started` and `call.finished`; or in a new decision, when the rules
/// or the facts are not what they were when the call was decided.
pub(super) async fn execute(
    work: Work,
    path: String,
    call_id: CallId,
) -> Result<Progress, RunError> {
    let missing = |what| RunError::Incomplete { run: work.run_id.to_string(), what };
    let record = work.record.calls.get(&call_id).ok_or_else(|| missing("the call"))?.clone();
    let call = call::load(&work, &record.requested).await?;
    let rates = work.services.config().limits.rate.clone();
    let turn = (work.run_id, call.name.as_str());
    let turn = work.services.rates.turn(&rates, turn, &work.cancel).await;
    let (judging, at, kept) = (work.clone(), path.clone(), record.clone());
    match blocking(move || seal(&judging, &at, &kept, call)).await?? {
        Sealed::Yes(sealed) => match consult::standing(&work, &path, &record, &sealed.authorized) {
            Asking::Unanswered(subject) => {
                let mut batch = sealed.news;
                batch.bodies.push(EventBody::ApprovalRequested(*subject));
                work.journal.append(batch).await?;
                Ok(Progress::Made)
            }
            Asking::Answered(answer) => run(work, path, record, *sealed, (turn, answer)).await,
        },
        Sealed::No(batch) => {
            work.journal.append(batch).await?;
            Ok(Progress::Made)
        }
    }
}

/// A call that may run.
struct Seal {
    authorized: Authorized<ToolCall>,
    /// What is new about the decision, and what the files will have in them that it writes.
    news: Batch,
    /// Whether it reads a file that is a secret.
    reads_secret_file: bool,
    /// What comes with the content of the files that it reads.
    came: Labels,
}

enum Sealed {
    Yes(Box<Seal>),
    No(Batch),
}

/// Judges the call once more, by the rules and the facts as they are now, and seals it if they say
/// so. A yes that a person gave stands while the same rules ask.
fn seal(work: &Work, path: &str, record: &CallRecord, call: ToolCall) -> Result<Sealed, RunError> {
    let missing = || RunError::Incomplete { run: work.run_id.to_string(), what: "`run.started`" };
    let judged = Judge::of(work, path).ok_or_else(missing)?.decide(&call);
    let answer = record.question.as_ref().zip(record.answered_at).map(|(subject, now)| Answer {
        subject,
        resolutions: &record.answers,
        asked_by: &record.asked_by,
        now,
    });
    let refused = match &judged.request {
        None => return no(work, record, &call, &judged),
        Some(request) => match judged.set.authorize(call.clone(), request, answer) {
            Ok(authorized) => {
                let tool = work.services.tool(&call.name).ok_or_else(missing)?;
                let mut news = second_look(work, path, record, &call, &judged);
                news.files = carried::left(&work.services, &tool, &call, request);
                let came = carried::read(&work.services, &tool, request);
                let reads_secret_file = request.reads_secret;
                let seal = Seal { authorized, news, reads_secret_file, came };
                return Ok(Sealed::Yes(Box::new(seal)));
            }
            Err(refused) => refused,
        },
    };
    match refused {
        // The rules ask something nobody has answered yet: put the question.
        NotAuthorized::Unanswered(_)
        | NotAuthorized::OtherQuestion
        | NotAuthorized::Expired(_)
        | NotAuthorized::TooFew { .. }
        | NotAuthorized::Denied(_) => no(work, record, &call, &judged),
        // The facts moved while the call was judged, or the journal names another call.
        NotAuthorized::Rejected { .. }
        | NotAuthorized::OtherCall
        | NotAuthorized::OtherFacts(_)
        | NotAuthorized::Unhashable(_) => {
            let reason = refused.to_string();
            let decision = Decision { effect: Effect::Deny, reason, ..judged.decision };
            no(work, record, &call, &Judged { decision, ..judged })
        }
    }
}

fn no(
    work: &Work,
    record: &CallRecord,
    call: &ToolCall,
    judged: &Judged,
) -> Result<Sealed, RunError> {
    decide::decided(work, &record.requested, call, judged).map(Sealed::No)
}

async fn run(
    work: Work,
    path: String,
    record: CallRecord,
    sealed: Seal,
    (turn, answer): (Result<(), ToolError>, Option<PersonsAnswer>),
) -> Result<Progress, RunError> {
    let Seal { authorized, news, reads_secret_file, came } = sealed;
    let call = authorized.call().clone();
    let missing = || RunError::Incomplete { run: work.run_id.to_string(), what: "the tool" };
    let tool = work.services.tool(&call.name).ok_or_else(missing)?;
    let authorized = Arc::new(authorized);
    let context = context(&work, &tool, authorized.decision(), call.timeout_ms);
    let secrets = granted::secrets(&work, authorized.call());
    let context = ToolContext { answer, secrets, ..context };
    let obligations = authorized.decision().obligations.clone();
    let began = work.services.clock.now();
    if !rolled_back(&work, &record, &authorized).await? {
        let doubt = EventBody::CallInDoubt(CallNamed { call_id: call.id, path });
        work.journal.append(Batch::of(vec![doubt])).await?;
        return Ok(Progress::Made);
    }
    let prepared = match turn {
        Ok(()) => prepare(&work, news, &record, &authorized, &context).await?,
        Err(error) => {
            not_begun(&work, news, &record).await?;
            Err(error)
        }
    };
    let mut output = match prepared {
        Ok(()) => run_in_time(&work, authorized, &context, call.timeout_ms).await?,
        Err(error) => ToolOutput { error: Some(error), ..ToolOutput::default() },
    };
    output.labels.extend(came);
    let read_secret = reads_secret_file;
    let ended = Ended { tool: &tool, call: &call, began, read_secret, obligations };
    let finished = ended.finish(&work, path, output)?;
    work.journal.append(finished).await?;
    Ok(Progress::Made)
}

/// What is new about a decision that lets the call run, when it is not the one that was journalled.
fn second_look(
    work: &Work,
    path: &str,
    record: &CallRecord,
    call: &ToolCall,
    judged: &Judged,
) -> Batch {
    let mut batch = Batch::default();
    let same = |before: &Decision| {
        let evaluated_us = judged.decision.evaluated_us;
        Decision { evaluated_us, ..before.clone() } == judged.decision
    };
    if !record.decision.as_ref().is_some_and(same) {
        batch.bodies.extend(decide::reloaded(work, &judged.decision));
        let decided = decide::of_step(work, call, path).decided(&mut batch, judged);
        batch.bodies.push(EventBody::CallDecided(decided));
    }
    batch
}

/// Before a call that was cut off is run again, what it may have changed is put back, so that doing
/// it again is doing it once. False when somebody else has changed a file since: a person must look.
async fn rolled_back(
    work: &Work,
    record: &CallRecord,
    authorized: &Arc<Authorized<ToolCall>>,
) -> Result<bool, RunError> {
    let Some(kept) = kept_before(record) else { return Ok(true) };
    let (work, authorized) = (work.clone(), Arc::clone(authorized));
    blocking(move || {
        let run = work.run_id.to_string();
        let undo = call::document(work.services.store.reader(), &run, "an undo record", &kept)?;
        match tools::roll_back(&authorized, &undo, &work.services.root) {
            Ok(standing) => Ok(standing == Standing::Before),
            Err(error) => {
                tracing::warn!("a call that was cut off cannot be rolled back: {error}");
                Ok(false)
            }
        }
    })
    .await?
}

/// Keeps what the call will change and makes the intent durable. The inner error is the tool's: what
/// cannot be kept is not changed.
async fn prepare(
    work: &Work,
    mut batch: Batch,
    record: &CallRecord,
    authorized: &Arc<Authorized<ToolCall>>,
    context: &ToolContext,
) -> Result<Result<(), ToolError>, RunError> {
    let (call, effect) = (authorized.call(), record.requested.effect);
    let path = &record.requested.path;
    if effect != CallEffect::Read {
        let snapshot = match kept_before(record) {
            Some(kept) => Some(kept),
            None => match snapshot(work, &mut batch, authorized, context).await? {
                Ok(snapshot) => snapshot,
                Err(error) => {
                    not_begun(work, batch, record).await?;
                    return Ok(Err(error));
                }
            },
        };
        let (call_id, path) = (call.id, path.clone());
        batch.bodies.push(EventBody::CallIntent(CallIntent { call_id, path, effect, snapshot }));
    }
    let named = CallNamed { call_id: call.id, path: path.clone() };
    batch.bodies.push(EventBody::CallStarted(named));
    work.journal.append(batch).await?;
    Ok(Ok(()))
}

/// A call that ends before its tool begins: the core must see it begin before it can see it end.
async fn not_begun(work: &Work, mut batch: Batch, record: &CallRecord) -> Result<(), RunError> {
    let (call_id, path) = (record.requested.call_id, record.requested.path.clone());
    batch.bodies.push(EventBody::CallStarted(CallNamed { call_id, path }));
    work.journal.append(batch).await
}

/// What was kept before a try that was cut off: the file may have changed since, so that keeping it
/// again would keep the change.
fn kept_before(record: &CallRecord) -> Option<TextRef> {
    record.intent.as_ref().and_then(|intent| intent.snapshot.clone())
}

async fn snapshot(
    work: &Work,
    batch: &mut Batch,
    authorized: &Arc<Authorized<ToolCall>>,
    context: &ToolContext,
) -> Result<Result<Option<TextRef>, ToolError>, RunError> {
    let (kept, context) = (Arc::clone(authorized), context.clone());
    let obligations = &authorized.decision().obligations;
    if obligations.contains(&Obligation::DryRun) {
        // Nothing will be changed, so there is nothing to put back.
        return Ok(Ok(None));
    }
    let toolbox = work.services.toolbox();
    let undo = match blocking(move || toolbox.snapshot(&kept, &context)).await? {
        Ok(Some(undo)) => undo,
        Ok(None) if obligations.contains(&Obligation::Snapshot) => {
            let name = &authorized.call().name;
            let message = format!(
                "the rules demand that the old content is kept first, and `{name}` cannot keep what it will change"
            );
            return Ok(Err(ToolError::new(ErrorKind::Denied, message)));
        }
        Ok(None) => return Ok(Ok(None)),
        Err(error) => return Ok(Err(error)),
    };
    let salt = work.services.clock.salt();
    Ok(Ok(Some(batch.text(serde_json::to_vec(&undo)?, salt))))
}

/// Runs the tool on a thread of its own; past its time it is asked to stop.
async fn run_in_time(
    work: &Work,
    authorized: Arc<Authorized<ToolCall>>,
    context: &ToolContext,
    timeout_ms: u64,
) -> Result<ToolOutput, RunError> {
    let (cancel, context) = (context.cancel.clone(), context.clone());
    let toolbox = work.services.toolbox();
    let mut running = tokio::task::spawn_blocking(move || toolbox.dispatch(&authorized, &context));
    let worker = |error: tokio::task::JoinError| RunError::Worker(error.to_string());
    tokio::select! {
        output = &mut running => output.map_err(worker),
        () = tokio::time::sleep(Duration::from_millis(timeout_ms)) => {
            cancel.request();
            let mut output = running.await.map_err(worker)?;
            if let Some(error) = output.error.as_mut().filter(|it| it.kind == ErrorKind::Cancelled) {
                let message = format!("took longer than {timeout_ms} ms and was stopped");
                *error = ToolError::retryable(ErrorKind::Timeout, message);
            }
            Ok(output)
        }
    }
}

/// What a tool gets: the walls of the decision, and the bounds of its profile.
pub(super) fn context(
    work: &Work,
    tool: &ToolDescriptor,
    decision: &Decision,
    timeout_ms: u64,
) -> ToolContext {
    context_of(&work.services, work.cancel.child(), tool, decision, timeout_ms)
}

/// As [`context`], outside of a run that is driven.
pub(super) fn context_of(
    services: &Services,
    cancel: Cancel,
    tool: &ToolDescriptor,
    decision: &Decision,
    timeout_ms: u64,
) -> ToolContext {
    let config = services.config();
    let profile = config.sandbox.profiles.get(&tool.profile);
    let limits = profile.map_or(NO_COMMAND, |profile| profile.limits);
    // A tool that runs no command has no profile, and only the call's own time.
    let wall_ms = profile.map_or(timeout_ms, |profile| profile.limits.wall_ms.min(timeout_ms));
    let programs = profile.map_or_else(Vec::new, |profile| profile.argv.clone());
    let read = profile.iter().flat_map(|profile| profile.read.iter().map(PathBuf::from)).collect();
    ToolContext {
        root: services.root.clone(),
        confinement: decision.confinement.as_ref().clone(),
        sandbox: Arc::clone(&services.sandbox),
        programs,
        limits: Limits { wall_ms, ..limits },
        output_bytes_max: config.limits.output_bytes,
        cancel,
        away: Away { read, ..services.away.clone() },
        memories: Some(Arc::new(services.remembering())),
        browser: BrowserSetup {
            program: config.tools.browser.program.clone(),
            driver: config.tools.browser.driver.clone(),
        },
        display: config.tools.desktop.display.clone(),
        channels: told::channels(services, tool, &config.notify),
        answer: None,
        secrets: ArgSecrets::default(),
    }
}

/// The bounds of a tool that runs no command.
const NO_COMMAND: Limits = Limits {
    wall_ms: 0,
    cpu_ms: 0,
    memory_bytes: 0,
    pids: 0,
    file_bytes: 0,
    open_files: 0,
    output_bytes: 0,
};
