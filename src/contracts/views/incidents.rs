//! What a person must look at although nobody was there when it happened.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contracts::{IncidentId, RunId, Timestamp};

/// An incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IncidentView {
    /// Which.
    pub incident_id: IncidentId,
    /// When it was raised.
    pub at: Timestamp,
    /// A stable name of the kind.
    pub kind: String,
    /// The run it is about; null where it is about none, or where no journal says so.
    pub run_id: Option<RunId>,
    /// What happened and what to do.
    pub message: String,
}

/// A page of incidents, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IncidentPage {
    /// The incidents.
    pub items: Vec<IncidentView>,
    /// What to ask for the next page with; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
