//! What there is: playbooks and rules.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::contracts::views::{InputView, PlaybookList, PlaybookView};
use crate::contracts::{Diagnostic, Hash};
use crate::live::playbooks::Entry;
use crate::server::reply::{Answer, Reply};
use crate::server::route::Call;

/// The rules in force.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct PolicyView {
    /// Names exactly this set.
    policy_hash: Hash,
    /// Which set: `strict`, `workspace` or `ci`.
    profile: crate::contracts::Profile,
    /// How questions are put.
    approval_mode: crate::contracts::ApprovalMode,
    /// Whether the workspace is trusted.
    trusted: bool,
    /// How many `allow` rules of an untrusted workspace do not count.
    muted: usize,
    /// The rules.
    items: Vec<Value>,
    /// Mistakes of files as they are now; what was good last decides.
    errors: Vec<Diagnostic>,
}

pub(in crate::server) async fn playbooks(call: Call) -> Answer {
    let playbooks = Arc::clone(&call.shared.playbooks);
    let catalogue = call.shared.blocking(move || playbooks.current()).await?;
    Reply::ok(&PlaybookList { items: catalogue.entries.iter().map(view).collect() })
}

fn view(entry: &Entry) -> PlaybookView {
    let playbook = entry.playbook.as_ref();
    let inputs = playbook.iter().flat_map(|playbook| &playbook.inputs);
    PlaybookView {
        name: entry.name().to_owned(),
        path: entry.path.clone(),
        description: playbook.map(|playbook| playbook.description.clone()),
        ok: playbook.is_some(),
        hash: playbook.map(|playbook| playbook.hash),
        inputs: inputs
            .map(|input| InputView {
                name: input.name.clone(),
                kind: input.kind.as_str().to_owned(),
                required: input.required,
                default: input.default.clone(),
                description: input.description.clone(),
            })
            .collect(),
        stale: entry.stale,
        diagnostics: entry.diagnostics.clone(),
    }
}

pub(in crate::server) async fn policies(call: Call) -> Answer {
    let policy = Arc::clone(&call.shared.services.policy);
    let (set, errors) = call.shared.blocking(move || (policy.current(), policy.errors())).await?;
    let options = set.options();
    Reply::ok(&PolicyView {
        policy_hash: set.hash(),
        profile: options.profile,
        approval_mode: options.approval_mode,
        trusted: options.trusted,
        muted: set.muted(),
        items: set.rules().iter().map(|rule| json!(rule)).collect(),
        errors,
    })
}
