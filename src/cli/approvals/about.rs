//! What stands around a question: the run that asks, its playbook, and where the rules are written.

use std::collections::{BTreeMap, BTreeSet};

use super::super::CliError;
use super::super::remote::{Place, ask};
use super::super::shown::one_line;
use super::CELL_CHARS;
use crate::client::Request;
use crate::contracts::views::{ApprovalView, RunDetail};
use crate::contracts::{MatchedRule, RunId};

/// Runs that are asked about one by one for a list.
const RUNS_MAX: usize = 50;
/// Newest runs among which the playbooks of a list are looked for.
const LOOKED_THROUGH: u32 = 10_000;
/// As much of a run's id as tells it from others, in bytes.
const SHORT: usize = RunId::PREFIX.len() + 16;

/// A run's id, as short as it can be given to other commands.
pub(super) fn short(run: RunId) -> String {
    let mut id = run.to_string();
    id.truncate(SHORT);
    id
}

/// The playbooks of the runs that ask. Of a list from elsewhere, those of its first runs.
///
/// # Errors
/// When they cannot be read.
pub(super) fn playbooks(
    place: &Place,
    all: &[ApprovalView],
) -> Result<BTreeMap<RunId, String>, CliError> {
    let runs: BTreeSet<RunId> = all.iter().filter_map(|it| it.run_id).collect();
    let mut found = BTreeMap::new();
    if let Some(app) = place.app() {
        let known = app.history()?.runs(LOOKED_THROUGH)?.into_iter();
        let wanted = known.filter(|info| runs.contains(&info.run_id));
        found.extend(wanted.filter_map(|info| Some((info.run_id, info.playbook?))));
        return Ok(found);
    }
    let Some(client) = place.client() else { return Ok(found) };
    let distinct: BTreeSet<RunId> = runs.into_iter().take(RUNS_MAX).collect();
    for run in distinct {
        let detail: RunDetail = ask(client, Request::get(&["runs", &run.to_string()]))?;
        found.extend(detail.task.and_then(|task| task.playbook).map(|name| (run, name)));
    }
    Ok(found)
}

/// The rules that ask, with their places. A gate is its own rule and has none.
///
/// # Errors
/// When the run cannot be read.
pub(super) fn rules(place: &Place, it: &ApprovalView) -> Result<Vec<String>, CliError> {
    let matched = if it.tool.is_some() { matched(place, it)? } else { Vec::new() };
    let shown = |rule: &String| {
        let found = matched.iter().rev().find(|one| one.id == *rule);
        let place = found.map(|one| format!(" ({}:{})", one.file, one.line)).unwrap_or_default();
        one_line(&format!("{rule}{place}"), CELL_CHARS)
    };
    Ok(it.rules.iter().map(shown).collect())
}

fn matched(place: &Place, it: &ApprovalView) -> Result<Vec<MatchedRule>, CliError> {
    let Some(run) = it.run_id else { return Ok(Vec::new()) };
    if let Some(app) = place.app() {
        let decisions = app.history()?.record(run)?.decisions;
        let of_step = decisions.into_iter().filter(|one| one.path == it.step);
        return Ok(of_step.flat_map(|one| one.decision.rules).collect());
    }
    let Some(client) = place.client() else { return Ok(Vec::new()) };
    let detail: RunDetail = ask(client, Request::get(&["runs", &run.to_string()]))?;
    let of_step = detail.decisions.into_iter().filter(|one| one.path == it.step);
    Ok(of_step.flat_map(|one| one.decision.rules).collect())
}

/// Where a question stands in a list, with how many of how many said yes where several have to.
pub(super) fn status(it: &ApprovalView) -> String {
    match it.approvers {
        2.. if it.waits() => format!("{} {}/{}", it.status, it.approved_by.len(), it.approvers),
        _ => it.status.clone(),
    }
}

/// How many people have to say yes, and who did.
pub(super) fn people(it: &ApprovalView) -> Option<String> {
    let (needed, yes) = (it.approvers, it.approved_by.len());
    (needed > 1).then(|| {
        let who = one_line(&it.approved_by.join(", "), CELL_CHARS);
        format!("{yes} of {needed} said yes{}", if yes > 0 { format!(": {who}") } else { who })
    })
}

/// Refuses an answer to what was answered before, and says by whom and how.
///
/// # Errors
/// When it waits for none.
pub(super) fn still_waits(it: &ApprovalView) -> Result<(), CliError> {
    if it.waits() {
        return Ok(());
    }
    let how = match it.status.as_str() {
        "superseded" => "it was asked again".to_owned(),
        "void" => "it is no longer of use".to_owned(),
        status => {
            let by = it.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            let why = it.reason.as_ref().map(|why| format!(": {}", one_line(why, CELL_CHARS)));
            format!("it was {status}{by}{}", why.unwrap_or_default())
        }
    };
    let message = format!("`{}` waits for no answer: {how}", it.approval_id);
    Err(CliError::usage(message).hint("list what waits: bailiwick approvals ls"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(status: &str) -> ApprovalView {
        serde_json::from_value(serde_json::json!({
            "approval_id": "apr_01a1fea1164e75f7aa93b322c2952f50",
            "run_id": "run_01a1fea1164e75f7aa93b322c2952f50",
            "step": "a", "prompt": "?", "rules": [], "status": status, "by": "token", "reason": "no time",
            "requested_at": "2026-05-01T07:00:00.000Z", "expires_at": "2026-05-01T08:00:00.000Z",
        }))
        .unwrap()
    }

    #[test]
    fn who_comes_second_is_told_who_answered_and_how() {
        for (status, expected) in [
            ("open", None),
            ("expired", None),
            ("approved", Some("it was approved by token: no time")),
            ("denied", Some("it was denied by token: no time")),
            ("superseded", Some("it was asked again")),
            ("void", Some("it is no longer of use")),
        ] {
            let told = still_waits(&view(status)).err().map(|error| error.message);
            let fits = match (&told, expected) {
                (Some(told), Some(expected)) => told.ends_with(expected),
                (told, expected) => told.is_none() && expected.is_none(),
            };
            assert!(fits, "{status}: {told:?}");
        }
    }

    #[test]
    fn only_an_open_question_expires() {
        let (before, at, after) =
            ("2026-05-01T07:59:59.000Z", "2026-05-01T08:00:00.000Z", "2026-05-01T08:00:00.001Z");
        for (status, now, expected) in [
            ("open", before, "open"),
            ("open", at, "open"),
            ("open", after, "expired"),
            ("denied", after, "denied"),
        ] {
            assert_eq!(view(status).at(now.parse().unwrap()).status, expected, "{status} {now}");
        }
    }

    #[test]
    fn a_short_id_is_the_beginning_of_the_whole_one() {
        let run = view("open").run_id.unwrap();
        assert!(run.to_string().starts_with(&short(run)) && short(run) == "run_01a1fea1164e75f7");
    }
}
