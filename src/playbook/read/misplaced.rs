//! Keys that mean nothing for what a step does.

use super::reader::Reader;
use crate::playbook::model::Action;
use crate::yaml::Fields;

const CALL: &[&str] = &["args", "effect"];
const GOAL: &[&str] = &["tools", "max_steps", "on_no_model"];
const BODY: &[&str] = &["rescue", "always", "parallel"];
const INPUTS: &[&str] = &["inputs"];
const TRIES: &[&str] = &["timeout", "retry", "labels"];

/// Notes keys that mean nothing for what the step does.
pub(super) fn misplaced<'a>(
    reader: &mut Reader<'a>,
    fields: &mut Fields<'a>,
    action: Option<&Action>,
) {
    let (what, keys): (&str, &[&[&'static str]]) = match action {
        Some(Action::Tool { .. }) => ("a step that calls a tool", &[GOAL, BODY, INPUTS]),
        Some(Action::Goal { .. }) => ("a step with a goal", &[CALL, BODY, INPUTS]),
        Some(Action::Approval { .. }) => {
            ("an approval", &[CALL, GOAL, BODY, INPUTS, TRIES, &["foreach"]])
        }
        Some(Action::Call { .. }) => ("a step that calls a playbook", &[CALL, GOAL, BODY, TRIES]),
        Some(Action::Block(_)) => ("a block", &[CALL, GOAL, INPUTS, TRIES]),
        None => return beside(reader, fields),
    };
    for key in keys.iter().copied().flatten() {
        if let Some(entry) = fields.entry(key) {
            reader.error(entry.place, "misplaced-key", format!("`{key}` means nothing for {what}"));
        }
    }
}

/// Notes keys that stand beside something that is not there.
fn beside<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>) {
    for (keys, beside) in [(BODY, "block"), (INPUTS, "call")] {
        let there = fields.entry(beside).is_some();
        for key in keys {
            if let (false, Some(entry)) = (there, fields.entry(key)) {
                let message = format!("`{key}` stands beside `{beside}`, and there is none");
                reader.error(entry.place, "misplaced-key", message);
            }
        }
    }
}
