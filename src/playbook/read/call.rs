//! `call:` with `inputs:`

use super::reader::{CallUse, Context, Reader};
use crate::contracts::Map;
use crate::playbook::model::Action;
use crate::yaml::{Fields, Node};

/// Reads which playbook is called, and with what.
pub(super) fn call<'a>(
    reader: &mut Reader<'a>,
    fields: &mut Fields<'a>,
    context: &Context,
) -> Option<Action> {
    let inputs = fields.node("inputs");
    if let Some(inputs) = inputs {
        reader.template(inputs, context);
    }
    let name = fields.text("call", &mut reader.mistakes);
    let (Some(name), Some(node)) = (name, fields.node("call")) else {
        if let (None, Some(entry)) = (fields.node("call"), fields.entry("call")) {
            reader.error(entry.place, "bad-value", "`call` names a playbook");
        }
        return None;
    };
    if name.contains("${{") {
        let message = "what is called is known before the run: it is no expression";
        let suggestion = Some("name the playbook, and choose among steps with `if`".to_owned());
        reader.hinted(node.place, "bad-value", message, suggestion);
        return None;
    }
    let given = match inputs.map(Node::to_json) {
        None => Map::new(),
        Some(serde_json::Value::Object(given)) => given,
        Some(_) => {
            let place = inputs.map_or(node.place, |inputs| inputs.place);
            let kind = inputs.map_or("nothing", Node::kind);
            let message = format!("`inputs` must be a mapping, not {kind}");
            reader.error(place, "wrong-type", message);
            return None;
        }
    };
    reader.calls.push(CallUse {
        playbook: name.to_owned(),
        place: node.place,
        inputs: inputs.cloned(),
        context: context.clone(),
    });
    Some(Action::Call { playbook: name.to_owned(), inputs: given })
}
