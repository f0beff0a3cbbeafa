//! Which secrets a call gets: those that its playbook declares, in arguments that were written with them.
//!
//! A text of a stranger that looks like a placeholder is none: what counts is where the value of the argument
//! came from, which the run traces, and what `permissions.secrets` names.

use std::collections::BTreeMap;

use super::driver::Work;
use super::taken::{is_strange, secret};
use crate::contracts::ToolCall;
use crate::ports::ArgSecrets;

/// The values for the placeholders of a call, by argument.
pub(super) fn secrets(work: &Work, call: &ToolCall) -> ArgSecrets {
    let mut granted = ArgSecrets::default();
    for arg in call.args.keys() {
        let labels = call.arg_labels.get(arg).unwrap_or(&call.labels);
        let strangers = labels.iter().any(|label| is_strange(label));
        let declared = work.playbook.permissions.secrets.iter().filter(|name| {
            let label = secret(name);
            !strangers && labels.contains(&label)
        });
        let values: BTreeMap<String, String> = declared
            .filter_map(|name| Some((name.clone(), work.services.secrets.get(name)?.to_owned())))
            .collect();
        if !values.is_empty() {
            granted.0.insert(arg.clone(), values);
        }
    }
    granted
}
