//! A kind together with its payload: the kinds that this version writes.

use std::collections::BTreeMap;

use super::{
    ArtifactStored, BudgetMet, CallDecided, CallFinished, CallIntent, CallNamed, CallRequested,
    CallResolved, CallUndone, ConfigChanged, ContextBuilt, EventKind, IncidentRaised,
    MemoryRecalled, MemoryWritten, ModelAnswered, ModelAsked, PlanApproved, PlanProposed,
    PlanRevised, PolicyReloaded, ReportReady, RunFinished, RunResumed, RunSignal, RunStarted,
    ScheduleFired, ScheduleMissed, StepFinished, StepStarted, StepVerified, TaskAccepted,
};
use crate::contracts::{ApprovalResolution, ApprovalSubject, MemoryConsolidated};

macro_rules! event_bodies {
    ($($(#[$doc:meta])* $variant:ident { $payload:ty }),* $(,)?) => {
        /// An event's kind together with its payload.
        #[derive(Debug, Clone, PartialEq)]
        pub enum EventBody {
            $($(#[$doc])* $variant($payload)),*
        }

        impl EventBody {
            /// The kind this body belongs to.
            #[must_use]
            pub const fn kind(&self) -> EventKind {
                match self { $(Self::$variant(_) => EventKind::$variant),* }
            }

            /// The payload as JSON text.
            ///
            /// # Errors
            /// When a value cannot be written as JSON.
            pub fn payload(&self) -> Result<String, serde_json::Error> {
                match self { $(Self::$variant(payload) => serde_json::to_string(payload)),* }
            }

            /// Reads a payload of the given kind.
            ///
            /// # Errors
            /// When the payload does not fit, or this build writes no such kind.
            pub fn parse(kind: EventKind, payload: &str) -> Result<Self, serde_json::Error> {
                match kind {
                    $(EventKind::$variant => serde_json::from_str(payload).map(Self::$variant),)*
                    other => Err(<serde_json::Error as serde::de::Error>::custom(format!(
                        "this version cannot read events of kind `{}`", other.as_str()
                    ))),
                }
            }

            /// The JSON Schema of each payload, by kind.
            #[must_use]
            pub fn schemas(generator: &mut schemars::SchemaGenerator) -> BTreeMap<&'static str, schemars::Schema> {
                let mut schemas = BTreeMap::new();
                $(schemas.insert(EventKind::$variant.as_str(), generator.subschema_for::<$payload>());)*
                schemas
            }
        }
    };
}

event_bodies! {
    /// `task.accepted`
    TaskAccepted { TaskAccepted },
    /// `run.started`
    RunStarted { RunStarted },
    /// `context.built`
    ContextBuilt { ContextBuilt },
    /// `model.asked`
    ModelAsked { ModelAsked },
    /// `model.answered`
    ModelAnswered { ModelAnswered },
    /// `plan.proposed`
    PlanProposed { PlanProposed },
    /// `plan.approved`
    PlanApproved { PlanApproved },
    /// `plan.revised`
    PlanRevised { PlanRevised },
    /// `step.started`
    StepStarted { StepStarted },
    /// `call.requested`
    CallRequested { CallRequested },
    /// `call.decided`
    CallDecided { CallDecided },
    /// `approval.requested`
    ApprovalRequested { ApprovalSubject },
    /// `approval.resolved`
    ApprovalResolved { ApprovalResolution },
    /// `call.intent`
    CallIntent { CallIntent },
    /// `call.started`
    CallStarted { CallNamed },
    /// `call.finished`
    CallFinished { CallFinished },
    /// `call.in_doubt`
    CallInDoubt { CallNamed },
    /// `call.resolved`
    CallResolved { CallResolved },
    /// `step.verified`
    StepVerified { StepVerified },
    /// `step.finished`
    StepFinished { StepFinished },
    /// `budget.warned`
    BudgetWarned { BudgetMet },
    /// `budget.exhausted`
    BudgetExhausted { BudgetMet },
    /// `schedule.fired`
    ScheduleFired { ScheduleFired },
    /// `schedule.missed`
    ScheduleMissed { ScheduleMissed },
    /// `memory.recalled`
    MemoryRecalled { MemoryRecalled },
    /// `memory.written`
    MemoryWritten { MemoryWritten },
    /// `memory.consolidated`
    MemoryConsolidated { MemoryConsolidated },
    /// `policy.reloaded`
    PolicyReloaded { PolicyReloaded },
    /// `config.changed`
    ConfigChanged { ConfigChanged },
    /// `call.undone`
    CallUndone { CallUndone },
    /// `artifact.stored`
    ArtifactStored { ArtifactStored },
    /// `run.paused`
    RunPaused { RunSignal },
    /// `run.resumed`
    RunResumed { RunResumed },
    /// `run.cancel_requested`
    RunCancelRequested { RunSignal },
    /// `run.finished`
    RunFinished { RunFinished },
    /// `report.ready`
    ReportReady { ReportReady },
    /// `incident.raised`
    IncidentRaised { IncidentRaised },
}
