//! A run's summary: a fold over its events, kept in a row beside them so that lists need no fold.
//! It is a projection; `verify` folds again and compares.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::contracts::approval::person;
use crate::contracts::{
    ApprovalId, ApprovalResolution, CallId, Event, EventBody, Hash, Priority, RunId, RunStarted,
    RunStatus, TaskId, Timestamp,
};

use super::digest::digest;

/// What lists show about a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Summary {
    pub task_id: Option<TaskId>,
    pub goal: String,
    pub playbook: Option<String>,
    pub parent_run_id: Option<RunId>,
    pub dry_run: bool,
    pub status: RunStatus,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Whether the report is written: nothing follows it.
    pub reported: bool,
    paused: bool,
    /// The open question at each step's path; one that is asked again replaces the one before.
    questions: BTreeMap<String, OpenQuestion>,
    doubts: BTreeSet<CallId>,
    /// Who paused it, while it is paused.
    #[serde(default)]
    pub paused_by: Option<String>,
    /// Who is served first.
    #[serde(default)]
    pub priority: Priority,
    /// Whether it was accepted to be started later, and that has not happened.
    #[serde(default)]
    waits: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenQuestion {
    approval_id: ApprovalId,
    /// How many more people must say yes.
    missing: u32,
    /// Who did, where several have to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    yes: Vec<String>,
}

impl Summary {
    /// The summary of a run without events.
    pub(super) fn new(at: Timestamp) -> Self {
        Self {
            task_id: None,
            goal: String::new(),
            playbook: None,
            parent_run_id: None,
            dry_run: false,
            status: RunStatus::Queued,
            created_at: at,
            updated_at: at,
            reported: false,
            paused: false,
            questions: BTreeMap::new(),
            doubts: BTreeSet::new(),
            paused_by: None,
            priority: Priority::default(),
            waits: false,
        }
    }

    /// The summary as version 1 of the store kept it.
    fn as_version_1(&self) -> Self {
        let (paused_by, priority) = (None, Priority::default());
        Self { paused_by, priority, waits: false, ..self.clone() }
    }

    /// Whether a question is open.
    pub(super) fn asks(&self) -> bool {
        !self.questions.is_empty()
    }

    /// Takes one more event into account.
    pub(super) fn apply(&mut self, at: Timestamp, body: &EventBody) {
        self.updated_at = at;
        match body {
            EventBody::TaskAccepted(accepted) => {
                self.task_id = Some(accepted.task.id);
                self.goal.clone_from(&accepted.task.goal);
                self.playbook.clone_from(&accepted.task.playbook);
                self.priority = accepted.task.priority;
                self.waits = accepted.start.is_some();
                accepted.start.iter().for_each(|start| self.begins_as(start));
            }
            EventBody::RunStarted(started) => {
                self.waits = false;
                self.begins_as(started);
                self.at_work();
            }
            EventBody::ApprovalRequested(asked) => {
                let (approval_id, missing) = (asked.approval_id, asked.approvers.max(1));
                let question = OpenQuestion { approval_id, missing, yes: Vec::new() };
                self.questions.insert(asked.path.clone(), question);
                self.at_work();
            }
            EventBody::ApprovalResolved(answer) => {
                self.answered(answer);
                self.at_work();
            }
            // Decided anew, or over without an answer: nobody waits for one any more.
            EventBody::CallDecided(decided) => self.settled(&decided.path),
            EventBody::StepFinished(finished) => self.settled(&finished.path),
            EventBody::CallInDoubt(call) => {
                self.doubts.insert(call.call_id);
                self.at_work();
            }
            EventBody::CallResolved(call) => {
                self.doubts.remove(&call.call_id);
                self.at_work();
            }
            EventBody::RunPaused(signal) => {
                self.paused = true;
                self.paused_by = Some(signal.by.clone());
                self.at_work();
            }
            EventBody::RunResumed(_) => {
                self.paused = false;
                self.paused_by = None;
                self.at_work();
            }
            EventBody::RunCancelRequested(_) => {
                (self.paused, self.paused_by) = (false, None);
                self.at_work();
            }
            EventBody::RunFinished(finished) => self.status = finished.outcome.status(),
            EventBody::ReportReady(_) => self.reported = true,
            _ => {}
        }
    }

    /// How the run starts, or shall start.
    fn begins_as(&mut self, start: &RunStarted) {
        if let Some(playbook) = &start.playbook {
            self.playbook = Some(playbook.name.clone());
        }
        self.parent_run_id = start.parent_run_id;
        self.dry_run = start.dry_run;
    }

    /// Counts an answer. One to a question that was asked again since counts for nothing.
    fn answered(&mut self, answer: &ApprovalResolution) {
        self.questions.retain(|_, question| {
            if question.approval_id != answer.approval_id {
                return true;
            }
            if question.yes.iter().all(|yes| person(yes) != person(&answer.by)) {
                question.missing = question.missing.saturating_sub(1);
                question.yes.push(answer.by.clone());
            }
            answer.approved && question.missing > 0
        });
    }

    fn settled(&mut self, path: &str) {
        if self.questions.remove(path).is_some() {
            self.at_work();
        }
    }

    /// The status of a run that has not ended.
    fn at_work(&mut self) {
        if self.status.is_end() {
            return;
        }
        self.status = if self.paused {
            RunStatus::Paused
        } else if !self.doubts.is_empty() {
            RunStatus::InDoubt
        } else if !self.questions.is_empty() {
            RunStatus::WaitingApproval
        } else if self.waits {
            RunStatus::Queued
        } else {
            RunStatus::Running
        };
    }
}

/// A row of `runs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunRow {
    pub run_id: String,
    pub first_global: u64,
    pub last_seq: u64,
    pub last_hash: Hash,
    pub summary: Summary,
}

impl RunRow {
    /// The row before a run's first event.
    pub(super) fn new(run_id: &str, first_global: u64, at: Timestamp) -> Self {
        Self {
            run_id: run_id.to_owned(),
            first_global,
            last_seq: 0,
            last_hash: Hash::ZERO,
            summary: Summary::new(at),
        }
    }

    /// The row as version 1 of the store kept it.
    pub(super) fn as_version_1(&self) -> Self {
        Self { summary: self.summary.as_version_1(), ..self.clone() }
    }

    /// Whether a host has to take the run up again. The system's own stream is never taken up.
    pub(super) fn unfinished(&self) -> bool {
        !self.summary.reported && self.run_id != RunId::SYSTEM_TEXT
    }

    /// Takes one more event into account.
    pub(super) fn apply(&mut self, event: &Event, body: &EventBody) {
        self.last_seq = event.seq;
        self.last_hash = event.hash;
        self.summary.apply(event.at, body);
    }
}

/// What is stored in `row_hash`.
pub(super) fn row_hash(row: &RunRow, summary_json: &str) -> Hash {
    digest(
        b"bailiwick.run.v1",
        &[
            row.run_id.as_bytes(),
            &row.first_global.to_le_bytes(),
            &[u8::from(row.unfinished())],
            &row.last_seq.to_le_bytes(),
            row.last_hash.as_bytes(),
            summary_json.as_bytes(),
        ],
    )
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::contracts::{ApprovalResolution, ApprovalSubject, StepFinished};

    fn ask(number: u128, path: &str, approvers: u32) -> EventBody {
        EventBody::ApprovalRequested(ApprovalSubject {
            approval_id: ApprovalId::from_uuid(Uuid::from_u128(number)),
            path: path.to_owned(),
            call_id: None,
            args_hash: None,
            prompt: "go on?".to_owned(),
            expires_at: Timestamp::from_ms(1),
            approvers,
            beforehand: None,
            consult: None,
        })
    }

    fn answer(number: u128, approved: bool) -> EventBody {
        answer_by(number, approved, "terminal")
    }

    fn answer_by(number: u128, approved: bool, by: &str) -> EventBody {
        EventBody::ApprovalResolved(ApprovalResolution {
            approval_id: ApprovalId::from_uuid(Uuid::from_u128(number)),
            approved,
            by: by.to_owned(),
            reason: None,
        })
    }

    fn over(path: &str) -> EventBody {
        EventBody::StepFinished(StepFinished::new(path, 1, false, None))
    }

    #[test]
    fn waits_exactly_while_a_question_is_open() {
        use RunStatus::{Running, WaitingApproval};
        let cases: [(&[EventBody], RunStatus); 10] = [
            (&[ask(1, "a", 1)], WaitingApproval),
            (&[ask(1, "a", 1), answer(1, true)], Running),
            (&[ask(1, "a", 1), answer(1, false)], Running),
            (&[ask(1, "a", 1), ask(2, "a", 1), answer(2, true)], Running),
            (&[ask(1, "a", 1), ask(2, "a", 1), answer(1, true)], WaitingApproval),
            (&[ask(1, "a", 1), ask(2, "b", 1), answer(2, true)], WaitingApproval),
            (&[ask(1, "a", 2), answer(1, true)], WaitingApproval),
            (&[ask(1, "a", 2), answer(1, true), answer(1, true)], WaitingApproval),
            (&[ask(1, "a", 2), answer(1, true), answer_by(1, true, "user:ann")], Running),
            (&[ask(1, "a", 1), over("a")], Running),
        ];
        for (events, expected) in cases {
            let mut summary = Summary::new(Timestamp::from_ms(0));
            events.iter().for_each(|body| summary.apply(Timestamp::from_ms(1), body));
            assert_eq!(summary.status, expected, "{events:?}");
        }
    }
}
