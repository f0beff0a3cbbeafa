//! Putting the values of secrets in, at the last moment: the journal, the audit log and policy know the
//! placeholder `${secret:NAME}` only.

use serde_json::Value;

use crate::contracts::{ErrorKind, ToolCall, ToolError};
use crate::ports::{ArgSecrets, ToolDescriptor};

/// `call` with values in the place of the placeholders that `secrets` knows.
///
/// # Errors
/// Where what policy judged would mean something else then: in paths, hosts and command lines.
pub(super) fn filled(
    call: &ToolCall,
    tool: &ToolDescriptor,
    secrets: &ArgSecrets,
) -> Result<ToolCall, ToolError> {
    let mut call = call.clone();
    for (arg, values) in &secrets.0 {
        let Some(value) = call.args.get_mut(arg) else { continue };
        let before = value.clone();
        let is_command = tool.command.as_ref() == Some(arg);
        // Of a list of words the first is the program, which policy judged.
        match value {
            Value::Array(words) if is_command => {
                words.iter_mut().skip(1).for_each(|word| put_in(word, values));
            }
            value => put_in(value, values),
        }
        let judged = tool.names_files(arg)
            || tool.hosts.iter().any(|host| host.arg == *arg)
            || is_command && !before.is_array();
        if judged && call.args.get(arg) != Some(&before) {
            let message = format!(
                "argument `{arg}` holds a secret where rules have judged the text itself: no secret stands in a path, \
                 an address or a command line; give a command as a list"
            );
            return Err(ToolError::new(ErrorKind::BadArguments, message));
        }
    }
    Ok(call)
}

type Values = std::collections::BTreeMap<String, String>;

fn put_in(value: &mut Value, values: &Values) {
    match value {
        Value::String(text) => *text = replaced(text, values),
        Value::Array(items) => items.iter_mut().for_each(|item| put_in(item, values)),
        Value::Object(fields) => fields.values_mut().for_each(|field| put_in(field, values)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// One pass from left to right: what a value itself holds is no placeholder.
fn replaced(text: &str, values: &Values) -> String {
    const BEGIN: &str = "${secret:";
    let (mut done, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(BEGIN) {
        done.push_str(before);
        let known = after
            .split_once('}')
            .and_then(|(name, behind)| values.get(name).map(|value| (value, behind)));
        match known {
            Some((value, behind)) => {
                done.push_str(value);
                rest = behind;
            }
            None => {
                done.push_str(BEGIN);
                rest = after;
            }
        }
    }
    done.push_str(rest);
    done
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tools::fixture::Bench;
    use crate::tools::registry::find;

    fn secrets(args: &[&str]) -> ArgSecrets {
        let values = [("KEY", "v-${secret:TWO}"), ("TWO", "second")];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        ArgSecrets(args.iter().map(|arg| ((*arg).to_owned(), values.clone().into())).collect())
    }

    fn check(tool: &str, args: Value, given: &[&str], expected: Option<Value>) {
        let bench = Bench::new();
        let call = bench.tool_call(tool, args);
        let filled = filled(&call, find(tool).unwrap(), &secrets(given)).ok();
        assert_eq!(filled.map(|call| Value::Object(call.args)), expected);
    }

    #[test]
    fn placeholders_are_replaced_where_the_argument_was_given_the_secret() {
        let sent = |key: &str| json!({ "url": "https://a.example/", "headers": { "x-key": key } });
        let written = sent("k ${secret:KEY}!");
        check("http_get", written.clone(), &["headers"], Some(sent("k v-${secret:TWO}!")));
        check("http_get", written.clone(), &[], Some(written));
        let odd = json!({ "text": "${secret:NONE} ${secret:KEY ${secret:}" });
        check("user_notification", odd.clone(), &["text"], Some(odd));
        check(
            "shell_exec",
            json!({ "command": ["login", "${secret:TWO}"] }),
            &["command"],
            Some(json!({ "command": ["login", "second"] })),
        );
    }

    #[test]
    fn no_secret_changes_what_policy_judged() {
        check("shell_exec", json!({ "command": "login ${secret:TWO}" }), &["command"], None);
        check("read_text", json!({ "path": "${secret:TWO}" }), &["path"], None);
        check("http_get", json!({ "url": "https://${secret:TWO}/" }), &["url"], None);
        let program = json!({ "command": ["${secret:TWO}", "x"] });
        check("shell_exec", program.clone(), &["command"], Some(program));
    }
}
