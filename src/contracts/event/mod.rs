//! The journal's events: a closed set of kinds, each with one payload, chained by hashes.
//!
//! Payload bytes are stored as written and never serialised again. Texts that may have to be
//! forgotten stand in payloads as a [`TextRef`] only: the chain covers a salted hash, so that
//! forgetting deletes the text and the salt and leaves the chain whole.

mod body;
mod call;
mod chain;
mod flow;
mod kind;
mod memory;
mod plan;
mod run;
mod step;
mod text;

pub use body::EventBody;
pub use call::{
    ASIDE, ArtifactStored, CallDecided, CallFinished, CallIntent, CallNamed, CallRequested,
    CallResolved, CallUndone, Resolution, ShadowDecision,
};
pub use chain::{Event, event_hash};
pub use flow::{Lineage, RunFlow};
pub use kind::EventKind;
pub use memory::{MemoryRecalled, MemoryWritten, RecalledRecord};
pub use plan::{
    ContextBuilt, ModelAnswered, ModelAsked, PlanApproved, PlanGate, PlanProposed, PlanRevised,
    ProposedStep,
};
pub use run::{
    Bound, BudgetMet, ConfigChanged, IncidentRaised, PinnedSource, PlaybookRef, PolicyReloaded,
    ReportReady, RunFinished, RunResumed, RunSignal, RunStarted, ScheduleFired, ScheduleMissed,
    SettingChanged, SourceKind, TaskAccepted, Trigger,
};
pub use step::{StepFinished, StepStarted, StepVerified};
pub use text::{Stored, TextRef};
