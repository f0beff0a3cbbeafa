//! Placeholders of secrets that did not come from `secrets`.
//!
//! A placeholder such as `${secret:API_TOKEN}` is to become the secret when a call is made. A tool's text
//! that spells one would otherwise be handed the secret, so a value that does is refused. Only
//! secrets the playbook may use count: no other placeholder is ever filled.

use serde_json::Value;

use super::facts::Facts;
use super::{ErrorKind, ExpressionError, Scope};

/// Refuses `value`, the value of `expression`, when it spells a placeholder that does not come from
/// `secrets`.
pub(super) fn check(
    expression: &str,
    facts: &Facts,
    scope: &Scope,
    value: &Value,
) -> Result<(), ExpressionError> {
    let others = || facts.paths.iter().filter(|path| path.root != "secrets");
    let smuggled = if facts.paths.iter().any(|path| path.root == "secrets") {
        others().filter_map(|path| scope.at(path, facts).ok()).find_map(|v| spelled(&v, scope))
    } else {
        spelled(value, scope)
    };
    smuggled.map_or(Ok(()), |name| Err(refusal(expression, &name)))
}

/// Refuses `filled` when it spells more placeholders than its pieces do: when they came together
/// only where two pieces meet.
pub(super) fn check_seams(
    template: &str,
    pieces: &[String],
    filled: &str,
    scope: &Scope,
) -> Result<(), ExpressionError> {
    for name in &scope.secrets {
        let placeholder = placeholder(name);
        let inside: usize = pieces.iter().map(|piece| piece.matches(&placeholder).count()).sum();
        if filled.matches(&placeholder).count() > inside {
            return Err(refusal(template, name));
        }
    }
    Ok(())
}

/// The text that stands for the secret `name`.
pub(super) fn placeholder(name: &str) -> String {
    format!("${{secret:{name}}}")
}

fn refusal(expression: &str, name: &str) -> ExpressionError {
    let message = format!(
        "brings the placeholder of the secret `{name}` in a text that is not from `secrets`"
    );
    ExpressionError::new(ErrorKind::Type, expression, message)
}

/// The secret whose placeholder stands in a text of `value`, if any.
fn spelled(value: &Value, scope: &Scope) -> Option<String> {
    if scope.secrets.is_empty() {
        return None;
    }
    match value {
        Value::String(text) => {
            scope.secrets.iter().find(|name| text.contains(&placeholder(name))).cloned()
        }
        Value::Array(items) => items.iter().find_map(|item| spelled(item, scope)),
        Value::Object(map) => map.iter().find_map(|(key, item)| {
            let named = scope.secrets.iter().find(|name| key.contains(&placeholder(name)));
            named.cloned().or_else(|| spelled(item, scope))
        }),
        _ => None,
    }
}
