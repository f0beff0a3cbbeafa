//! `user_notification`: tells a person something. For now in the log of the run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::typed::{Answer, Call, Typed, about};
use crate::contracts::{CallEffect, Risk, ToolError};
use crate::ports::ToolDescriptor;

pub(super) struct UserNotification;

#[derive(Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Severity {
    #[default]
    Info,
    Warning,
    Error,
}

impl Severity {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// What to say.
    #[schemars(length(min = 1, max = 4_096))]
    text: String,
    /// How urgent it is.
    #[serde(default)]
    severity: Severity,
    /// A few words before it.
    #[schemars(length(min = 1, max = 200))]
    title: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Data {
    /// Where it was shown: `log`.
    delivered_to: Vec<&'static str>,
}

impl Typed for UserNotification {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Tells the people who run this something, in the run's log.";
        ToolDescriptor {
            labels: Vec::new(),
            timeout_ms: 10_000,
            ..about("user_notification", Risk::Low, CallEffect::Idempotent, what)
        }
    }

    fn dry_run(&self, args: &Args) -> String {
        format!("would say: {}", line(args))
    }

    fn run(&self, args: Args, _at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let answer = Answer::of(Data { delivered_to: vec!["log"] });
        Ok(Answer { logs: vec![line(&args)], ..answer })
    }
}

/// One line that cannot drive a terminal.
fn line(args: &Args) -> String {
    let mut line = format!("[{}] ", args.severity.as_str());
    if let Some(title) = &args.title {
        plain(title, &mut line);
        line.push_str(": ");
    }
    plain(&args.text, &mut line);
    line
}

fn plain(text: &str, line: &mut String) {
    for c in text.trim_end().chars() {
        match c {
            '\n' => line.push_str(" / "),
            c if c.is_control() => line.extend(c.escape_default()),
            c => line.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::tools::fixture::Bench;

    #[test]
    fn says_it_in_one_harmless_line() {
        let bench = Bench::new();
        let args = json!({"text": "a\nb\x1b[2J\r\n", "severity": "warning", "title": "disk"});
        let output = bench.call("user_notification", args);
        assert_eq!(output.data, Some(json!({"delivered_to": ["log"]})));
        assert_eq!(output.logs, ["[warning] disk: a / b\\u{1b}[2J"]);
        let output = bench.call("user_notification", json!({"text": "hello"}));
        assert_eq!(output.logs, ["[info] hello"]);
    }
}
