//! `user_notification`: what it takes, says and answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{desktop, mail, webhook};
use crate::contracts::{CallEffect, Risk, ToolError};
use crate::ports::ToolDescriptor;
use crate::tools::typed::{Answer, Call, Typed, about};

/// What the tool is called.
pub const NOTIFIES: &str = "user_notification";

pub(in crate::tools) struct UserNotification;

#[derive(Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum Severity {
    #[default]
    Info,
    Warning,
    Error,
}

impl Severity {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Args {
    /// What to say.
    #[schemars(length(min = 1, max = 4_096))]
    pub(super) text: String,
    /// How urgent it is.
    #[serde(default)]
    pub(super) severity: Severity,
    /// A few words before it.
    #[schemars(length(min = 1, max = 200))]
    pub(super) title: Option<String>,
}

impl Args {
    /// What it is about, in one line.
    pub(super) fn headline(&self) -> String {
        let mut line = format!("[{}] ", self.severity.as_str());
        let first = self.text.trim().lines().next().unwrap_or_default();
        plain(self.title.as_deref().unwrap_or(first), &mut line);
        line
    }
}

#[derive(Serialize, JsonSchema)]
pub(in crate::tools) struct Data {
    /// Where it was told: `log`, and of `desktop`, `webhook` and `mail` those that configuration names.
    delivered_to: Vec<&'static str>,
    /// Where it was to be told and was not.
    failed: Vec<Failed>,
}

#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
struct Failed {
    /// `desktop`, `webhook` or `mail`.
    channel: &'static str,
    /// Why.
    why: String,
}

impl Typed for UserNotification {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Tells the people who run this something: in the run's log, and where configuration \
                    says on the desktop, to a webhook and by mail.";
        ToolDescriptor {
            labels: Vec::new(),
            timeout_ms: 60_000,
            ..about(NOTIFIES, Risk::Low, CallEffect::Idempotent, what)
        }
    }

    fn dry_run(&self, args: &Args) -> String {
        format!("would say, in the log and wherever configuration has it told: {}", line(args))
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let mut data = Data { delivered_to: vec!["log"], failed: Vec::new() };
        let mut logs = vec![line(&args)];
        for (channel, told) in told(&args, at) {
            match told {
                Ok(()) => data.delivered_to.push(channel),
                Err(why) => {
                    logs.push(format!("{channel}: not delivered: {why}"));
                    data.failed.push(Failed { channel, why });
                }
            }
        }
        Ok(Answer { logs, ..Answer::of(data) })
    }
}

type Told = Result<(), String>;

/// What became of it in each channel that configuration names. One that fails keeps no other from it.
fn told(args: &Args, at: &Call<'_>) -> Vec<(&'static str, Told)> {
    let channels = &at.context.channels;
    let mut told: Vec<(&'static str, Told)> = Vec::new();
    if let Some(program) = &channels.desktop {
        told.push(("desktop", desktop::show(program, args, at)));
    }
    if let Some(hook) = &channels.webhook {
        let sent = hook.as_ref().map_err(Clone::clone);
        told.push(("webhook", sent.and_then(|hook| webhook::send(hook, args, at))));
    }
    if let Some(mail) = &channels.mail {
        let sent = mail.as_ref().map_err(Clone::clone);
        told.push(("mail", sent.and_then(|mail| mail::send(mail, args, at))));
    }
    told
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
        assert_eq!(output.data, Some(json!({"delivered_to": ["log"], "failed": []})));
        assert_eq!(output.logs, ["[warning] disk: a / b\\u{1b}[2J"]);
        let output = bench.call("user_notification", json!({"text": "hello"}));
        assert_eq!(output.logs, ["[info] hello"]);
    }
}
