//! Direct calls of tools: checked, decided, made, and answered with what came of them.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::called::{PATIENCE_S, bad_arguments, denied, late, told};
use super::execution::{disabled, known};
use crate::contracts::{ApprovalId, CallAnswer, Effect, Map, NewCall, RunId, RunStatus};
use crate::orchestrator::{
    ApprovalViews, Direct, DirectEnd, NotGiven, RunError, Services, audit_refusal, direct_end,
    dry_call, given_for,
};
use crate::server::problem::Problem;
use crate::server::reply::{Answer, Reply};
use crate::server::route::Call;
use crate::store::{ApprovalInfo, ApprovalStatus, StoreError};

/// How long a call is waited for.
const PATIENCE: Duration = Duration::from_secs(PATIENCE_S);
/// How often it is looked at whether a run that somebody else drives has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How long the answer to a question of the inbox can be made use of, in milliseconds.
const ANSWER_LASTS_MS: u64 = 300_000;
/// Most answers that are remembered as made use of.
const REDEEMED_MAX: usize = 10_000;

/// A call, as far as it was looked at.
struct Wanted {
    direct: Direct,
    dry_run: bool,
    approval: Option<Approval>,
}

/// A yes that a caller names.
enum Approval {
    /// Given before anybody asked.
    Beforehand(ApprovalId),
    /// The answer to a question of this run, which makes the call itself.
    Answer(ApprovalId, RunId),
}

pub(in crate::server) async fn run(call: Call) -> Answer {
    let wanted: NewCall = call.json()?;
    let key = call.key.as_ref().map(|key| {
        let named = format!("{}\n{}\n{}", key.scope, key.key, key.request_hash);
        format!("direct:{}", crate::contracts::Hash::of(named.as_bytes()))
    });
    let services = Arc::clone(&call.shared.services);
    let wanted = call.shared.blocking(move || checked(&services, wanted, key)).await??;
    if wanted.dry_run {
        return only_shown(&call, wanted).await;
    }
    if let Some(Approval::Answer(id, run_id)) = wanted.approval {
        return redeem(&call, id, run_id).await;
    }
    let beforehand = match wanted.approval {
        Some(Approval::Beforehand(id)) => Some(id),
        _ => None,
    };
    let calling = match call.shared.engine.call(wanted.direct.clone(), beforehand).await {
        Ok(calling) => calling,
        Err(error) => {
            let services = Arc::clone(&call.shared.services);
            let message = error.to_string();
            let note = move || {
                note(&services, &wanted.direct.tool.name, &wanted.direct.args, &message, false)
            };
            call.shared.blocking(note).await??;
            return Err(error.into());
        }
    };
    let run_id = calling.run_id;
    match timeout(PATIENCE, calling.driven).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(Problem::internal(&error)),
        Err(_late) => return Err(late(run_id)),
    }
    ended(&call, run_id).await
}

/// Looks at a call; whatever is wrong with it is audited. Blocks.
fn checked(services: &Services, wanted: NewCall, key: Option<String>) -> Result<Wanted, Problem> {
    let NewCall { tool_name, args, dry_run, approval_id } = wanted;
    let config = services.settings.refreshed();
    let dry_run = dry_run.unwrap_or(config.run.dry_run_default);
    let given = args.clone().unwrap_or_default();
    let refuse = |tool: &str, args: &Map, problem: Problem, why: &str| {
        note(services, tool, args, why, dry_run).map_or_else(|failed| failed, |()| problem)
    };
    let tool = known(services, &tool_name).map_err(|problem| {
        refuse(&tool_name, &given, problem, "unknown_tool: there is no such tool")
    })?;
    let name = tool.name.clone();
    if services.policy.current().is_enabled(&name) != Some(true) {
        let why = format!("tool_disabled: `{name}` is switched off");
        return Err(refuse(&name, &given, disabled(&name), &why));
    }
    let found = match approval_id {
        None => None,
        Some(id) => Some(approval(services, id).map_err(|problem| {
            refuse(&name, &given, problem, "approval_invalid: there is no such approval")
        })?),
    };
    let args = match (&found, args) {
        (Some(found), None) => asked_args(services, found)?.unwrap_or_default(),
        (_, args) => args.unwrap_or_default(),
    };
    let direct = Direct { tool, args, key };
    if let Err(error) = direct.check(services) {
        let why = format!("bad_arguments: {}", error.message);
        return Err(refuse(&name, &direct.args, bad_arguments(&name, &error.message), &why));
    }
    let approval =
        found.map(|found| covers(services, &found, &direct)).transpose().map_err(|problem| {
            let why = "approval_invalid: the approval does not cover the call";
            refuse(&name, &direct.args, problem, why)
        })?;
    // The run of an answered question has its place already, and a dry run calls nothing.
    if !dry_run && !matches!(approval, Some(Approval::Answer(..))) {
        services.rates.take(&config.limits.rate, &name).map_err(|full| {
            let detail = full.to_string();
            let title = "it is called too often";
            let problem =
                Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", title, &detail)
                    .retry_after(full.retry_after_s());
            refuse(&name, &direct.args, problem, &format!("rate_limited: {detail}"))
        })?;
    }
    Ok(Wanted { direct, dry_run, approval })
}

fn note(
    services: &Services,
    tool: &str,
    args: &Map,
    why: &str,
    dry_run: bool,
) -> Result<(), Problem> {
    audit_refusal(services, tool, args, why, dry_run).map_err(Problem::from)
}

fn approval(services: &Services, id: ApprovalId) -> Result<ApprovalInfo, Problem> {
    services.store.reader().approval(&id).map_err(|error| match error {
        StoreError::NotFound(_) => {
            Problem::conflict("approval_invalid", format!("there is no approval `{id}`"))
        }
        error => error.into(),
    })
}

/// The arguments that were asked about.
fn asked_args(services: &Services, found: &ApprovalInfo) -> Result<Option<Map>, Problem> {
    if found.run_id.is_none() {
        return Ok(None);
    }
    let vocabulary = services.vocabulary();
    let mut views = ApprovalViews::new(services.store.reader(), &vocabulary);
    Ok(views.view(found.clone()).map_err(Problem::from)?.args)
}

/// Whether an approval is one for this call.
fn covers(services: &Services, found: &ApprovalInfo, direct: &Direct) -> Result<Approval, Problem> {
    let id = found.approval_id;
    let Some(run_id) = found.run_id else {
        return match given_for(services, found, direct) {
            Ok(()) => Ok(Approval::Beforehand(id)),
            Err(why @ NotGiven::Over(..)) => {
                Err(Problem::conflict("approval_over", why.to_string()))
            }
            Err(why @ NotGiven::Other(..)) => {
                Err(Problem::conflict("approval_mismatch", why.to_string()))
            }
        };
    };
    let vocabulary = services.vocabulary();
    let mut views = ApprovalViews::new(services.store.reader(), &vocabulary);
    let asked = views.view(found.clone()).map_err(Problem::from)?;
    if asked.tool.as_deref() != Some(&direct.tool.name) || asked.args.as_ref() != Some(&direct.args)
    {
        let detail = format!("`{id}` was asked about another call");
        return Err(Problem::conflict("approval_mismatch", detail));
    }
    let over =
        |why: &str| Problem::conflict("approval_over", format!("`{id}` counts no more: {why}"));
    match found.status {
        // Whether it is still open, or was refused, the end of its run says.
        ApprovalStatus::Open | ApprovalStatus::Denied => Ok(Approval::Answer(id, run_id)),
        ApprovalStatus::Approved => {
            let answered = found.resolved_at.unwrap_or(found.requested_at);
            if services.clock.now() > answered.plus_ms(ANSWER_LASTS_MS) {
                return Err(over("its time is over; what came of the call is in its run"));
            }
            Ok(Approval::Answer(id, run_id))
        }
        _ => Err(over("the question was asked again, or is no longer of use")),
    }
}

/// Shows what would happen.
async fn only_shown(call: &Call, wanted: Wanted) -> Answer {
    let Wanted { direct, approval, .. } = wanted;
    let services = Arc::clone(&call.shared.services);
    let shown = call.shared.blocking(move || dry_call(&services, &direct)).await?;
    let shown = shown.map_err(|error| match error {
        crate::orchestrator::IntakeError::Run(error) => Problem::from(error),
        error => Problem::invalid(error.to_string()),
    })?;
    if let Some(error) = shown.error {
        return Err(Problem::invalid(error));
    }
    let missing = || Problem::internal(&"a dry run of one call without a decision");
    let decision = shown.decision.ok_or_else(missing)?;
    if decision.effect == Effect::Deny {
        return Err(denied(&decision, None, None).with("dry_run", true));
    }
    let result = json!({ "ok": true, "data": { "dry_run": true, "would": shown.would } });
    let approval_id = approval.map(|it| match it {
        Approval::Beforehand(id) | Approval::Answer(id, _) => id,
    });
    Reply::ok(&CallAnswer { ok: true, result, decision, dry_run: true, run_id: None, approval_id })
}

/// What came of the call that a question was about: the run that asked makes it once it is answered. Its
/// result is given for an approval once.
async fn redeem(call: &Call, id: ApprovalId, run_id: RunId) -> Answer {
    let until = Instant::now() + PATIENCE;
    let end = loop {
        match read_end(call, run_id).await? {
            DirectEnd::Unfinished(status) if status != RunStatus::Paused => {
                if Instant::now() >= until {
                    return Err(late(run_id));
                }
                sleep(LOOK_AGAIN).await;
            }
            // It was answered a moment ago, and its run was not woken yet.
            DirectEnd::Asks { .. } if is_answered(call, id).await? && Instant::now() < until => {
                sleep(LOOK_AGAIN).await;
            }
            end => break end,
        }
    };
    if matches!(end, DirectEnd::Done { .. }) {
        let mut redeemed = call.shared.redeemed.lock().unwrap_or_else(PoisonError::into_inner);
        if redeemed.len() >= REDEEMED_MAX {
            redeemed.pop_first();
        }
        if !redeemed.insert(id) {
            let detail = format!("`{id}` was used; what came of the call is in `{run_id}`");
            return Err(
                Problem::conflict("approval_over", detail).with("run_id", run_id.to_string())
            );
        }
    }
    told(run_id, end)
}

async fn is_answered(call: &Call, id: ApprovalId) -> Result<bool, Problem> {
    let found = call.shared.read(move |reader| reader.approval(&id)).await?;
    Ok(found.status == ApprovalStatus::Approved)
}

async fn ended(call: &Call, run_id: RunId) -> Answer {
    told(run_id, read_end(call, run_id).await?)
}

async fn read_end(call: &Call, run_id: RunId) -> Result<DirectEnd, Problem> {
    let services = Arc::clone(&call.shared.services);
    let read = call.shared.blocking(move || direct_end(&services, run_id)).await?;
    read.map_err(|error: RunError| error.into())
}
