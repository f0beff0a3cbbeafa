//! Where what a run works with came from, as it is handed from run to run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contracts::TextRef;

/// What a run begins with: whose words they are, and what had come in before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lineage {
    /// Where the value of each input came from; one that is absent is a person's, or the playbook's.
    pub inputs: BTreeMap<String, Vec<String>>,
    /// What a person asked for, in their own words; empty where nobody said anything.
    pub goal: String,
    /// What the runs that called it had taken in.
    pub before: RunFlow,
}

/// What a run has taken in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunFlow {
    /// Where what it answered came from.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Whether anything untrusted came in.
    pub untrusted: bool,
    /// Whether a secret was read.
    pub read_secret: bool,
    /// Fingerprints of the secrets that were read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fingerprints: Vec<TextRef>,
}
