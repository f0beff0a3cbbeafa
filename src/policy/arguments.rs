//! Which arguments a tool takes, as far as its schema says.

use serde_json::Value as Json;

use crate::contracts::Diagnostic;
use crate::ports::ToolDescriptor;
use crate::yaml::{Place, did_you_mean};

/// The names of the arguments of `tool`; `None` where its schema leaves them open.
pub(super) fn names_of(tool: &ToolDescriptor) -> Option<Vec<&str>> {
    let open =
        tool.schema.get("additionalProperties").is_some_and(|more| *more != Json::Bool(false));
    let properties = tool.schema.get("properties").and_then(Json::as_object)?;
    (!open && !properties.is_empty()).then(|| properties.keys().map(String::as_str).collect())
}

/// Notes each of `args` that `tool` does not take.
pub(super) fn unknown_arguments(
    file: &str,
    tool: &ToolDescriptor,
    args: &[(String, Place)],
    mistakes: &mut Vec<Diagnostic>,
) {
    let Some(known) = names_of(tool) else { return };
    for (arg, place) in args.iter().filter(|(arg, _)| !known.contains(&arg.as_str())) {
        let message = format!("`{}` has no argument `{arg}`", tool.name);
        let error = place.error(file, "unknown-argument", message);
        mistakes.push(match did_you_mean(arg, known.iter().copied()) {
            Some(like) => error.suggest(like),
            None => error.suggest(format!("it takes {}", known.join(", "))),
        });
    }
}
