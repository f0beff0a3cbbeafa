//! A plan for people.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

use super::{Plan, PlannedStep};
use crate::contracts::{Budget, format_duration_ms};

impl Plan {
    /// The plan for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{} · {}\n{}\n", self.name, self.file, self.description);
        let mut section = "";
        for step in &self.steps {
            if step.section != section {
                section = step.section;
                let _ = write!(text, "\n{section}\n");
            }
            step.describe(&mut text);
        }
        for condition in &self.verify {
            let _ = write!(text, "\nverify  {condition}");
        }
        text.push_str("\n\nmay touch\n");
        for (what, list) in self.permissions.lists() {
            let list = if list.is_empty() { "nothing".to_owned() } else { list.join(", ") };
            let _ = writeln!(text, "  {what:<8} {list}");
        }
        let Budget { steps, retries, wall_ms, .. } = &self.budget;
        let wall = format_duration_ms(*wall_ms);
        let _ = writeln!(text, "  {:<8} {steps} calls, {retries} retries, {wall}", "budget");
        text.push_str("\napprovals\n");
        if self.approvals.is_empty() {
            text.push_str("  none in the playbook; policy may still ask\n");
        }
        for approval in &self.approvals {
            let _ = writeln!(text, "  {:<16} {}", approval.step, approval.reason);
        }
        text
    }
}

impl PlannedStep {
    fn describe(&self, text: &mut String) {
        let what = match &self.call {
            Some(call) => format!("call {}", call.playbook),
            None if self.tools.is_empty() => self.kind.to_owned(),
            None => self.tools.join(", "),
        };
        let mut facts = Vec::new();
        facts.extend(self.part.filter(|part| *part != "block").map(str::to_owned));
        facts.extend(self.risk.map(|risk| format!("risk {}", word(&risk))));
        facts.extend(self.effect.map(|effect| word(&effect)));
        if self.network {
            facts.push("network".to_owned());
        }
        let indent = "  ".repeat(self.depth as usize);
        let shown = format!("{indent}{}", self.id);
        let line = format!("  {shown:<16} {what}  {}", facts.join(", "));
        let _ = writeln!(text, "{}", if self.depth == 0 { &line } else { line.trim_end() });
        let mut line = |label: &str, value: &str| {
            let _ = writeln!(text, "  {:<16}   {indent}{label} {value}", "");
        };
        if !self.needs.is_empty() {
            line("needs", &self.needs.join(", "));
        }
        self.reads.iter().for_each(|path| line("reads", path));
        self.writes.iter().for_each(|path| line("writes", path));
        self.command.iter().for_each(|command| line("runs", &command.to_string()));
        self.condition.iter().for_each(|condition| line("if", condition));
        self.foreach.iter().for_each(|list| line("for each of", &list.to_string()));
        let without =
            |left_out: &crate::contracts::Map| Value::Object(left_out.clone()).to_string();
        self.exclude.iter().for_each(|left_out| line("but not", &without(left_out)));
        self.rewind_to.iter().for_each(|step| line("back to", step));
        for permissions in self.call.iter().filter_map(|call| call.permissions.as_ref()) {
            for (what, list) in permissions.lists() {
                if !list.is_empty() {
                    line(&format!("may touch {what}"), &list.join(", "));
                }
            }
        }
    }
}

/// The word a contract has in JSON.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}
