//! Direct calls: a run of one step, made for one call of a tool.

use serde_json::{Value, json};

use super::audit::{self, Fate};
use super::call;
use super::dry_run::{DryStep, dry_run};
use super::error::RunError;
use super::intake::{Accepted, IntakeError, Wanted, accept, check};
use super::record::{CallRecord, RunRecord};
use super::services::Services;
use crate::contracts::{
    ApprovalId, ApprovalSubject, Decision, Effect, Map, RunId, RunStatus, ToolError, ToolResult,
    Trigger,
};
use crate::playbook::expression::is_name;
use crate::policy::beforehand_hash;
use crate::ports::ToolDescriptor;
use crate::store::{ApprovalInfo, ApprovalStatus, AuditEntry};

/// The step that makes the call.
const STEP: &str = "answer";
/// Longest name of a tool in the audit log, in characters: what is no tool may be called anything.
const NAME_CHARS_MAX: usize = 100;

/// A playbook of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectPlaybook {
    /// Its name.
    pub name: String,
    /// Its text.
    pub source: String,
}

/// The playbook that makes one call of `tool` with arguments of these names. The arguments themselves go
/// in as the input `args`, so that nothing in them is an expression.
#[must_use]
pub fn direct_playbook<'a>(
    tool: &ToolDescriptor,
    args: impl IntoIterator<Item = &'a String>,
) -> DirectPlaybook {
    let name = playbook_name(&tool.name);
    let given: Map = args.into_iter().map(|arg| (arg.clone(), json!(template(arg)))).collect();
    // The rules alone say which files and hosts.
    let permissions =
        json!({ "tools": [tool.name], "read": ["/"], "write": ["/"], "network": ["*"] });
    let playbook = json!({
        "schema": 1,
        "name": name,
        "description": format!("One call of {}.", tool.name),
        "inputs": { "args": { "type": "map", "required": true, "description": "Its arguments." } },
        "permissions": permissions,
        "steps": [{ "id": STEP, "tool": tool.name, "args": given }],
        "outputs": { "data": format!("${{{{ steps.{STEP}.data }}}}") },
    });
    DirectPlaybook { name, source: format!("{playbook:#}") }
}

/// A name that a playbook can have. Tools of other servers have characters that it cannot.
fn playbook_name(tool: &str) -> String {
    const BYTES_MAX: usize = 64;
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    format!("call-{tool}").chars().map(plain).take(BYTES_MAX).collect()
}

/// An expression that stands for one argument, whatever it is called.
fn template(arg: &str) -> String {
    if is_name(arg) {
        return format!("${{{{ inputs.args.{arg} }}}}");
    }
    format!("${{{{ inputs.args[{}] }}}}", json!(arg))
}

/// One call that somebody wants, checked.
#[derive(Debug, Clone)]
pub struct Direct {
    /// The tool.
    pub tool: std::sync::Arc<ToolDescriptor>,
    /// Its arguments.
    pub args: Map,
    /// A repeated request with the same key is the same call.
    pub key: Option<String>,
}

impl Direct {
    /// Whether the arguments fit the tool.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(&self, services: &Services) -> Result<(), ToolError> {
        services.toolbox().check_args(&self.tool.name, &self.args)
    }

    /// Makes the run of the call durable. Blocks.
    ///
    /// # Errors
    /// When the call does not fit a playbook, or the store fails.
    pub fn accept(&self, services: &Services) -> Result<Accepted, IntakeError> {
        self.with(services, |wanted| accept(services, wanted))
    }

    fn with<T>(&self, services: &Services, work: impl FnOnce(&Wanted<'_>) -> T) -> T {
        let DirectPlaybook { name, source } = direct_playbook(&self.tool, self.args.keys());
        let inputs = Map::from_iter([("args".to_owned(), Value::Object(self.args.clone()))]);
        work(&Wanted {
            path: &name,
            source: &source,
            goal: None,
            inputs: &inputs,
            cwd: &services.root,
            idempotency_key: self.key.as_deref(),
            trigger: Trigger::Api,
            dry_run: false,
        })
    }
}

/// What the call would do and what policy says to it; it is audited. Blocks.
///
/// # Errors
/// When the call does not fit a playbook, or the audit log cannot be written.
pub fn dry_call(services: &Services, wanted: &Direct) -> Result<DryStep, IntakeError> {
    let checked = wanted.with(services, |wanted| check(services, wanted))?;
    let steps = dry_run(services, &checked)?;
    let missing = || RunError::Worker("a dry run of one call shows no step".to_owned());
    Ok(steps.into_iter().find(|step| step.path == STEP).ok_or_else(missing)?)
}

/// Where a direct call stands.
#[derive(Debug, Clone)]
pub enum DirectEnd {
    /// The tool answered.
    Done {
        /// What it answered.
        result: Box<ToolResult>,
        /// Why it was let.
        decision: Box<Decision>,
    },
    /// Policy refused, or a person did.
    Denied {
        /// What policy said.
        decision: Box<Decision>,
        /// What the person said, where one refused.
        refused_by: Option<(String, Option<String>)>,
    },
    /// A person must answer first.
    Asks {
        /// What is asked.
        question: Box<ApprovalSubject>,
        /// The rules that ask.
        rules: Vec<String>,
        /// What policy said.
        decision: Box<Decision>,
    },
    /// It is at work, or held.
    Unfinished(RunStatus),
    /// It ended before the tool was asked, or nobody knows whether the tool did it.
    Broken {
        /// How the run stands.
        status: RunStatus,
        /// What happened.
        why: String,
    },
}

/// How the direct call of a run stands. Blocks.
///
/// # Errors
/// When its journal cannot be read.
pub fn direct_end(services: &Services, run_id: RunId) -> Result<DirectEnd, RunError> {
    let reader = services.store.reader();
    let info = reader.run(&run_id)?;
    let (record, _) = RunRecord::load(reader, run_id)?;
    let Some(made) = record.call_at(STEP) else { return Ok(uncalled(info.status, &record)) };
    let (Some(decision), run) = (made.decision.clone().map(Box::new), run_id.to_string()) else {
        return Ok(uncalled(info.status, &record));
    };
    if let Some(finished) = &made.finished {
        let result = call::document(reader, &run, "a result", &finished.result)?;
        return Ok(DirectEnd::Done { result: Box::new(result), decision });
    }
    if decision.effect == Effect::Deny {
        return Ok(DirectEnd::Denied { decision, refused_by: None });
    }
    if let Some(refused_by) = refusal(made) {
        return Ok(DirectEnd::Denied { decision, refused_by: Some(refused_by) });
    }
    let open = record.open_questions().into_iter().find(|(it, _)| it.path == STEP);
    if let Some((question, rules)) = open.map(|(it, rules)| (Box::new(it.clone()), rules)) {
        return Ok(DirectEnd::Asks { question, rules, decision });
    }
    Ok(uncalled(info.status, &record))
}

fn refusal(made: &CallRecord) -> Option<(String, Option<String>)> {
    let no = made.answers.iter().find(|answer| !answer.approved)?;
    Some((no.by.clone(), no.reason.clone()))
}

fn uncalled(status: RunStatus, record: &RunRecord) -> DirectEnd {
    if !status.is_end() && status != RunStatus::InDoubt {
        return DirectEnd::Unfinished(status);
    }
    let why = match (&record.report, status) {
        (_, RunStatus::InDoubt) => {
            "the call was cut off, and nobody knows whether it happened: see `runs resolve`"
                .to_owned()
        }
        (Some(report), _) => report.summary.clone(),
        (None, _) => "it ended without a report".to_owned(),
    };
    DirectEnd::Broken { status, why }
}

/// Why an approval does not cover a call.
#[derive(Debug, thiserror::Error)]
pub enum NotGiven {
    /// It was used, revoked, or is over.
    #[error("the approval `{0}` counts no more: {1}")]
    Over(ApprovalId, &'static str),
    /// It is for another call.
    #[error("the approval `{0}` is for another call: {1}")]
    Other(ApprovalId, &'static str),
}

/// Whether an approval that was given before anybody asked covers this call now.
///
/// # Errors
/// Why not.
pub fn given_for(
    services: &Services,
    given: &ApprovalInfo,
    wanted: &Direct,
) -> Result<(), NotGiven> {
    let (id, subject) = (given.approval_id, &given.subject);
    if subject.beforehand.as_ref().is_none_or(|it| it.tool != wanted.tool.name) {
        return Err(NotGiven::Other(id, "it names another tool"));
    }
    let hash = beforehand_hash(&wanted.tool.name, &wanted.args).ok();
    if subject.args_hash.is_some() && subject.args_hash != hash {
        return Err(NotGiven::Other(id, "it names other arguments"));
    }
    match given.status {
        ApprovalStatus::Open if services.clock.now() <= subject.expires_at => Ok(()),
        ApprovalStatus::Open => Err(NotGiven::Over(id, "its time is over")),
        ApprovalStatus::Approved => Err(NotGiven::Over(id, "it was used")),
        ApprovalStatus::Denied => Err(NotGiven::Over(id, "it was revoked")),
        _ => Err(NotGiven::Over(id, "it is no longer of use")),
    }
}

/// Puts a refusal into the audit log that came before anything was decided: no such tool, switched off,
/// arguments that do not fit, too often. Blocks.
///
/// # Errors
/// When the audit log cannot be written.
pub fn audit_refusal(
    services: &Services,
    tool: &str,
    args: &Map,
    error: &str,
    dry_run: bool,
) -> Result<(), RunError> {
    let tool = tool.chars().take(NAME_CHARS_MAX).collect();
    let fate = Fate { dry_run, ok: false, error: Some(error.to_owned()), ..Fate::default() };
    let entry = AuditEntry {
        at: services.clock.now(),
        run_id: None,
        call_id: None,
        tool,
        args_summary: audit::summary(services, args, &[]),
        decision: Effect::Deny,
        dry_run: fate.dry_run,
        ok: fate.ok,
        error: fate.error.map(|error| services.redactor.redact(&error).into_owned()),
        duration_ms: 0,
    };
    Ok(services.store.audit(&entry)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::{LintLimits, NoLibrary, lint};
    use crate::tools;

    #[test]
    fn every_tool_has_a_playbook_without_mistakes() {
        let vocabulary = tools::vocabulary();
        for tool in vocabulary.tools() {
            let args: Vec<String> =
                tool.schema["properties"].as_object().unwrap().keys().cloned().collect();
            let DirectPlaybook { name, source } = direct_playbook(tool, &args);
            let linted = lint(&name, &source, &vocabulary, &LintLimits::default(), &NoLibrary);
            let errors: Vec<_> = linted
                .diagnostics
                .iter()
                .filter(|it| it.severity == crate::contracts::Severity::Error)
                .collect();
            assert!(errors.is_empty(), "{}: {errors:?}", tool.name);
        }
    }

    #[test]
    fn odd_names_make_plain_playbooks() {
        let tool =
            ToolDescriptor { name: "mcp:Files/read_file".to_owned(), ..ToolDescriptor::default() };
        assert_eq!(direct_playbook(&tool, &[]).name, "call-mcp-files-read-file");
    }
}
