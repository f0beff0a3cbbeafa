//! Running a tool: the one way, for calls that policy allowed.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

use super::arguments::unknown_tool;
use super::cap::{cap, is_over};
use super::fill::filled;
use super::registry::Entry;
use super::toolbox::Toolbox;
use super::turns::{self, Leaving};
use crate::contracts::{ErrorKind, Map, Obligation, ToolCall, ToolError};
use crate::policy::Authorized;
use crate::ports::{ToolContext, ToolOutput, Undo};

impl Toolbox {
    /// Runs a call in the walls that policy set for it; blocks until it is over. Arguments are
    /// checked again, a panic is caught, `data` is capped, and an obligation `dry_run` is met: then
    /// nothing happens and `data` is `{"dry_run": true, "would": "…"}`.
    ///
    /// The confinement of `context` is not used; that of `authorized` is.
    #[must_use]
    pub fn dispatch(&self, authorized: &Authorized<ToolCall>, context: &ToolContext) -> ToolOutput {
        let context = confined(authorized, context);
        perform_in(self, authorized.call(), &authorized.decision().obligations, &context)
    }

    /// What a call will change, to be kept before [`dispatch`](Self::dispatch); `None` when it
    /// changes no files.
    ///
    /// # Errors
    /// When the old content cannot be kept. The call must not run then.
    pub fn snapshot(
        &self,
        authorized: &Authorized<ToolCall>,
        context: &ToolContext,
    ) -> Result<Option<Undo>, ToolError> {
        take_snapshot_of(self, authorized.call(), &confined(authorized, context))
    }

    /// What a call would do, in a sentence. Touches nothing, so it needs nobody's leave.
    ///
    /// # Errors
    /// For an unknown tool, or arguments that do not fit it.
    pub fn dry_run(&self, call: &ToolCall) -> Result<String, ToolError> {
        let entry = self.entry_of(&call.name).ok_or_else(|| unknown_tool(self, &call.name))?;
        self.check_args(&call.name, &call.args)?;
        Ok(entry.tool.dry_run(call))
    }
}

fn confined(authorized: &Authorized<ToolCall>, context: &ToolContext) -> ToolContext {
    ToolContext { confinement: authorized.confinement().clone(), ..context.clone() }
}

/// [`Toolbox::snapshot`] within given walls.
fn take_snapshot_of(
    toolbox: &Toolbox,
    call: &ToolCall,
    context: &ToolContext,
) -> Result<Option<Undo>, ToolError> {
    let entry = toolbox.entry_of(&call.name).ok_or_else(|| unknown_tool(toolbox, &call.name))?;
    toolbox.check_args(&call.name, &call.args)?;
    let call = &filled(call, &entry.descriptor, &context.secrets)?;
    let kept = catch_unwind(AssertUnwindSafe(|| entry.tool.snapshot(call, context)))
        .unwrap_or_else(|panic| Err(broke(entry, panic.as_ref(), false)));
    if kept.is_err() {
        turns::leave(call.id);
    }
    kept
}

/// [`Toolbox::dispatch`] within given walls.
pub(super) fn perform_in(
    toolbox: &Toolbox,
    call: &ToolCall,
    obligations: &[Obligation],
    context: &ToolContext,
) -> ToolOutput {
    let _leaving = Leaving(call.id);
    let Some(entry) = toolbox.entry_of(&call.name) else {
        return refused(unknown_tool(toolbox, &call.name));
    };
    if let Err(error) = toolbox.check_args(&call.name, &call.args) {
        return refused(error);
    }
    if context.cancel.is_requested() {
        return refused(ToolError::new(ErrorKind::Cancelled, "stopped before it began"));
    }
    if obligations.contains(&Obligation::DryRun) {
        let data = json!({ "dry_run": true, "would": entry.tool.dry_run(call) });
        return ToolOutput { data: Some(data), ..ToolOutput::default() };
    }
    match filled(call, &entry.descriptor, &context.secrets) {
        Ok(call) => {
            expected(&call, capped(guarded(entry, &call, context), context.output_bytes_max))
        }
        Err(error) => refused(error),
    }
}

/// Runs the tool itself; a panic is an answer too.
fn guarded(entry: &Entry, call: &ToolCall, context: &ToolContext) -> ToolOutput {
    catch_unwind(AssertUnwindSafe(|| entry.tool.run(call, context)))
        .unwrap_or_else(|panic| refused(broke(entry, panic.as_ref(), true)))
}

/// [`perform_in`] with the tools of the program: for their tests.
#[cfg(test)]
pub(super) fn perform(
    call: &ToolCall,
    obligations: &[Obligation],
    context: &ToolContext,
) -> ToolOutput {
    perform_in(&Toolbox::default(), call, obligations, context)
}

/// [`take_snapshot_of`] with the tools of the program: for their tests.
#[cfg(test)]
pub(super) fn take_snapshot(
    call: &ToolCall,
    context: &ToolContext,
) -> Result<Option<Undo>, ToolError> {
    take_snapshot_of(&Toolbox::default(), call, context)
}

fn refused(error: ToolError) -> ToolOutput {
    ToolOutput { error: Some(error), ..ToolOutput::default() }
}

/// A defect of ours. What the call did before it, nobody knows: for one that must not be repeated,
/// that is what is said.
fn broke(entry: &Entry, panic: &(dyn Any + Send), started: bool) -> ToolError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let unknown = started && !entry.descriptor.effect.is_repeatable();
    let kind = if unknown { ErrorKind::InDoubt } else { ErrorKind::Io };
    let name = &entry.descriptor.name;
    let why = text.unwrap_or("no reason given");
    ToolError::new(kind, format!("`{name}` broke, which is a defect of this program: {why}"))
}

fn capped(mut output: ToolOutput, bytes_max: u64) -> ToolOutput {
    let Some(data) = &mut output.data else { return output };
    let whole = is_over(data, bytes_max).then(|| data.clone());
    match cap(data, bytes_max) {
        Some(cut) => output.truncated |= cut,
        None => {
            output.data = None;
            output.truncated = true;
            let message = format!("the answer does not fit into {bytes_max} bytes");
            output.error.get_or_insert(ToolError::new(ErrorKind::TooLarge, message));
        }
    }
    output.whole = whole;
    output
}

/// Holds a successful answer against the schema that the caller expects.
fn expected(call: &ToolCall, mut output: ToolOutput) -> ToolOutput {
    let (Some(schema), None) = (&call.expected_output_schema, &output.error) else {
        return output;
    };
    let empty = Value::Object(Map::new());
    let data = output.data.as_ref().unwrap_or(&empty);
    let verdict = match jsonschema::validator_for(schema) {
        Ok(validator) => validator.validate(data).map_err(|e| e.masked().to_string()),
        Err(error) => Err(format!("`expected_output_schema` is not a schema: {error}")),
    };
    if let Err(why) = verdict {
        let message = format!("the answer is not what was expected: {why}");
        output.error = Some(ToolError::new(ErrorKind::BadOutput, message));
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contracts::{CallEffect, Risk};
    use crate::ports::{Tool, ToolDescriptor};
    use crate::tools::fixture::Bench;
    use crate::tools::registry::entry;
    use crate::tools::typed::about;

    /// A tool with a defect.
    struct Broken(CallEffect);

    impl Tool for Broken {
        fn descriptor(&self) -> ToolDescriptor {
            let schema = json!({"type": "object"});
            ToolDescriptor { schema, ..about("broken", Risk::Low, self.0, "") }
        }

        fn check(&self, _: &Map) -> Result<(), ToolError> {
            Ok(())
        }

        fn dry_run(&self, _: &ToolCall) -> String {
            panic!("dry")
        }

        fn snapshot(&self, _: &ToolCall, _: &ToolContext) -> Result<Option<Undo>, ToolError> {
            panic!("snap")
        }

        fn run(&self, _: &ToolCall, _: &ToolContext) -> ToolOutput {
            panic!("run {}", 1)
        }
    }

    #[test]
    fn a_panic_is_an_answer_and_in_doubt_where_it_may_have_happened() {
        let bench = Bench::new();
        let call = bench.tool_call("broken", json!({}));
        for (tool, kind) in [
            (&Broken(CallEffect::Read) as &'static dyn Tool, ErrorKind::Io),
            (&Broken(CallEffect::Idempotent), ErrorKind::Io),
            (&Broken(CallEffect::NonIdempotent), ErrorKind::InDoubt),
        ] {
            let error = guarded(&entry(tool), &call, bench.context()).error.unwrap();
            assert_eq!(error.kind, kind);
            assert!(error.message.ends_with("run 1"), "{}", error.message);
        }
    }

    #[test]
    fn an_unknown_tool_and_bad_arguments_are_answers() {
        let bench = Bench::new();
        assert_eq!(bench.kind("no_such_tool", json!({})), ErrorKind::UnknownTool);
        assert_eq!(bench.kind("read_text", json!({"x": 1})), ErrorKind::BadArguments);
        let error = bench.snapshot("write_text", json!({"path": 1})).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadArguments);
    }

    #[test]
    fn nothing_begins_after_a_request_to_stop() {
        let bench = Bench::new();
        bench.cancel();
        let args = json!({"path": "a", "text": "x"});
        assert_eq!(bench.kind("write_text", args), ErrorKind::Cancelled);
        assert!(!bench.path("a").exists());
    }

    #[test]
    fn an_obligation_to_dry_run_only_says_it() {
        let bench = Bench::new();
        for (tool, args, would) in [
            ("write_text", json!({"path": "a", "text": "xyz"}), "would replace `a` with 3 bytes"),
            ("read_text", json!({"path": "a"}), "would read `a`"),
            (
                "shell_exec",
                json!({"command": ["rm", "-rf", "a b"]}),
                "would run \"rm\" \"-rf\" \"a b\"",
            ),
            ("git_diff", json!({"path": ".", "staged": true}), "the staged changes in `.`"),
            ("user_notification", json!({"text": "hi"}), "[info] hi"),
        ] {
            let call = bench.tool_call(tool, args);
            let output = perform(&call, &[Obligation::DryRun], bench.context());
            let data = output.data.unwrap();
            assert_eq!(data["dry_run"], true);
            assert!(data["would"].as_str().unwrap().contains(would), "{data}");
            assert_eq!(data["would"].as_str().unwrap(), Toolbox::default().dry_run(&call).unwrap());
        }
        assert!(!bench.path("a").exists());
        assert!(bench.ran().is_empty());
    }

    #[test]
    fn an_answer_is_capped() {
        let mut bench = Bench::new();
        bench.cap(1_000);
        bench.file("a", &"\n\"ä".repeat(1_000));
        let output = bench.call("read_text", json!({"path": "a"}));
        assert!(output.truncated);
        let text = serde_json::to_string(&output.data).unwrap();
        assert!(text.len() <= 1_000 && text.len() > 900, "{}", text.len());
        bench.cap(3);
        let output = bench.call("read_text", json!({"path": "a"}));
        assert_eq!((output.data, output.error.unwrap().kind), (None, ErrorKind::TooLarge));
    }

    #[test]
    fn an_answer_must_meet_the_expected_schema() {
        let bench = Bench::new();
        bench.file("a", "x");
        let mut call = bench.tool_call("read_text", json!({"path": "a"}));
        for (schema, kind) in [
            (json!({"properties": {"bytes": {"const": 1}}}), None),
            (json!({"properties": {"bytes": {"const": 2}}}), Some(ErrorKind::BadOutput)),
            (json!({"type": 3}), Some(ErrorKind::BadOutput)),
        ] {
            call.expected_output_schema = Some(schema);
            assert_eq!(bench.perform(&call).error.map(|error| error.kind), kind);
        }
    }
}
