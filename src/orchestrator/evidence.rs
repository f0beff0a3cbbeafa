//! What a decision was made from, as the journal keeps it: enough to decide the same again.
//!
//! Owns the document. What the journal holds elsewhere is not in it: the arguments of a call that a step
//! asked for are in the call's own document, the times of earlier calls in the events before. Reading
//! both back is left to [`super::decided`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contracts::{Map, SCHEMA_VERSION, Timestamp};
use crate::policy::{Request, RunFacts, Walls};
use crate::telemetry::Redactor;

/// The document behind `call.decided.facts`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Evidence {
    /// Version of this document.
    pub schema_version: u32,
    /// How many events the run had when the facts were collected: earlier calls are those begun in them.
    pub as_of_seq: u64,
    /// Arguments, where no call document holds them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Map>,
    /// Whether secrets were struck out, so that what is decided again may differ.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub struck: bool,
    /// The widest walls the call could run in.
    pub walls: Walls,
    /// The rest, without arguments and without the times of earlier calls.
    pub request: Request,
}

/// Where the arguments of a call are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arguments {
    /// In the call's own document, which `call.requested` names.
    Elsewhere,
    /// Nowhere else: no step asked for the call.
    Here,
}

/// The document of `request`, without secrets.
///
/// # Errors
/// When a fact has no form in JSON, such as a path that is no UTF-8.
pub(super) fn document(
    request: &Request,
    as_of_seq: u64,
    arguments: Arguments,
    redactor: &Redactor,
) -> Result<Vec<u8>, serde_json::Error> {
    let args = (arguments == Arguments::Here).then(|| request.args.clone());
    let bare = Request {
        args: Map::new(),
        run: RunFacts { calls: BTreeMap::new(), ..request.run.clone() },
        ..request.clone()
    };
    let walls = bare.walls.clone();
    let whole = Evidence {
        schema_version: SCHEMA_VERSION,
        as_of_seq,
        args,
        struck: false,
        walls,
        request: bare,
    };
    let mut value = serde_json::to_value(&whole)?;
    if strike(&mut value, redactor)
        && let Value::Object(fields) = &mut value
    {
        fields.insert("struck".to_owned(), Value::Bool(true));
    }
    serde_json::to_vec(&value)
}

/// Strikes secrets out of every text. Says whether there were any.
fn strike(value: &mut Value, redactor: &Redactor) -> bool {
    match value {
        Value::String(text) => {
            let struck = redactor.redact(text).into_owned();
            let changed = struck != *text;
            *text = struck;
            changed
        }
        Value::Array(items) => items.iter_mut().fold(false, |any, it| strike(it, redactor) | any),
        Value::Object(fields) => {
            let names_one = fields.keys().any(|name| redactor.redact(name) != name.as_str());
            if names_one {
                let named = std::mem::take(fields).into_iter();
                fields.extend(named.map(|(name, it)| (redactor.redact(&name).into_owned(), it)));
            }
            fields.values_mut().fold(names_one, |any, it| strike(it, redactor) | any)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

impl Evidence {
    /// The facts as they were, with what the journal holds elsewhere: the call's arguments and when each
    /// tool was called before.
    pub(super) fn rebuilt(self, args: Map, calls: BTreeMap<String, Vec<Timestamp>>) -> Request {
        Request {
            args: self.args.unwrap_or(args),
            run: RunFacts { calls, ..self.request.run },
            walls: self.walls,
            ..self.request
        }
    }
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
