//! Questions to people, and their answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contracts::{ApprovalId, CallId, Consult, Map, Risk, RunId, RunStatus, Timestamp};

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalView {
    /// Which question.
    pub approval_id: ApprovalId,
    /// The run that asks; absent for an approval that was given before anybody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// The step's path; empty for an approval given beforehand.
    pub step: String,
    /// What the person reads.
    pub prompt: String,
    /// The call that is asked about: `bailiwick policy explain` takes it. Absent at an approval gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    /// The tool that would be called; absent at an approval gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Map>,
    /// How dangerous the tool is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// Whether `undo` could put back what it does; absent at an approval gate, and of calls that change
    /// nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoable: Option<bool>,
    /// The rules that ask.
    pub rules: Vec<String>,
    /// When it was asked.
    pub requested_at: Timestamp,
    /// Until when an answer counts.
    pub expires_at: Timestamp,
    /// How many different people must say yes.
    #[serde(default = "one")]
    pub approvers: u32,
    /// Who did.
    #[serde(default)]
    pub approved_by: Vec<String>,
    /// Who gave it, of an approval given beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_by: Option<String>,
    /// `open`, `expired` (open, but an answer does not count any more), `approved`, `denied`, `superseded`
    /// (asked again, or decided anew) or `void` (no longer of use). An approval given beforehand is `open`
    /// until it is used (`approved`) or revoked (`denied`).
    pub status: String,
    /// Who answered last; of an approval given beforehand, the run that used it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Set when words are wanted rather than leave; `reason` is the answer then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consult: Option<Consult>,
}

impl ApprovalView {
    /// As it is at `now`: an open question whose time is over is expired.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        if self.status == Self::OPEN && now > self.expires_at {
            self.status = Self::EXPIRED.to_owned();
        }
        self
    }

    /// Whether somebody may still answer; an answer to an expired question asks it anew.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.status == Self::OPEN || self.status == Self::EXPIRED
    }

    const OPEN: &str = "open";
    /// What the status of an open question is when its time is over.
    pub const EXPIRED: &str = "expired";
}

const fn one() -> u32 {
    1
}

/// A page of questions, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalPage {
    /// The questions.
    pub approvals: Vec<ApprovalView>,
    /// What to ask for the next page with; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAnswer {
    /// Yes or no.
    pub approved: bool,
    /// Why, or what shall be done differently. To a question that wants words, what is answered.
    #[serde(default)]
    pub reason: Option<String>,
}

/// What came of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answered {
    /// Which question.
    pub approval_id: ApprovalId,
    /// The run that had asked; absent for an approval that was given beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// What was answered.
    pub approved: bool,
    /// Where the run stands now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RunStatus>,
    /// How many more people must say yes.
    #[serde(default)]
    pub missing: u32,
}

/// An approval that is given before anybody asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApproval {
    /// The arguments it is for; for any when absent.
    #[serde(default)]
    pub args: Option<Map>,
}

/// An approval that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Given {
    /// Which; it can be revoked by a no.
    pub approval_id: ApprovalId,
    /// The tool's own name.
    pub tool_name: String,
    /// Until when it can be used, once.
    pub expires_at: Timestamp,
}
