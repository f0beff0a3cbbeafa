//! The closed set of kinds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! event_kinds {
    ($($variant:ident = $text:literal),* $(,)?) => {
        /// The kind of an event. A closed set: an unknown kind is an integrity failure.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum EventKind {
            $(#[doc = concat!("`", $text, "`")] #[serde(rename = $text)] $variant),*
        }

        impl EventKind {
            /// Every kind, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word used in the journal and in SSE.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// The kind named by `text`, if there is one.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

event_kinds! {
    TaskAccepted = "task.accepted",
    RunStarted = "run.started",
    MemoryRecalled = "memory.recalled",
    PlanProposed = "plan.proposed",
    PlanApproved = "plan.approved",
    PlanRevised = "plan.revised",
    StepStarted = "step.started",
    CallRequested = "call.requested",
    CallDecided = "call.decided",
    ApprovalRequested = "approval.requested",
    ApprovalResolved = "approval.resolved",
    CallIntent = "call.intent",
    CallStarted = "call.started",
    CallOutput = "call.output",
    CallFinished = "call.finished",
    CallInDoubt = "call.in_doubt",
    CallResolved = "call.resolved",
    StepVerified = "step.verified",
    StepFinished = "step.finished",
    BudgetWarned = "budget.warned",
    BudgetExhausted = "budget.exhausted",
    ModelAsked = "model.asked",
    ModelAnswered = "model.answered",
    ContextBuilt = "context.built",
    ScheduleFired = "schedule.fired",
    ScheduleMissed = "schedule.missed",
    MemoryWritten = "memory.written",
    MemoryConsolidated = "memory.consolidated",
    PolicyReloaded = "policy.reloaded",
    ConfigChanged = "config.changed",
    CallUndone = "call.undone",
    ArtifactStored = "artifact.stored",
    RunPaused = "run.paused",
    RunResumed = "run.resumed",
    RunCancelRequested = "run.cancel_requested",
    RunFinished = "run.finished",
    ReportReady = "report.ready",
    IncidentRaised = "incident.raised",
}
