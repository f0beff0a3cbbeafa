//! A tool with typed arguments and a typed answer: what each tool's file implements.
//!
//! The schemas come from the types, so that a description cannot differ from what is accepted.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::fs::Jail;
use super::schema;
use super::watch::Watch;
use crate::contracts::{CallEffect, ErrorKind, Map, Receipt, Risk, ToolCall, ToolError};
use crate::ports::{
    PathAccess, PathArg, Produced, Tool, ToolContext, ToolDescriptor, ToolOutput, Undo,
};

/// A tool, as its author writes it.
pub(super) trait Typed: Send + Sync {
    /// Arguments.
    type Args: DeserializeOwned + JsonSchema;
    /// What a successful call answers.
    type Data: Serialize + JsonSchema;

    /// Everything about it but the schemas, which come from the types.
    fn about(&self) -> ToolDescriptor;

    /// What a schema cannot say about arguments.
    fn check(&self, _args: &Self::Args) -> Result<(), ToolError> {
        Ok(())
    }

    /// What would happen, in a sentence.
    fn dry_run(&self, args: &Self::Args) -> String;

    /// What the call will change, for a tool that changes files.
    fn snapshot(&self, _args: &Self::Args, _at: &Call<'_>) -> Result<Option<Undo>, ToolError> {
        Ok(None)
    }

    /// Does it.
    fn run(&self, args: Self::Args, at: &Call<'_>) -> Result<Answer<Self::Data>, ToolError>;
}

/// What a running tool has in its hands.
pub(super) struct Call<'a> {
    /// The call as it was asked for.
    pub(super) call: &'a ToolCall,
    /// Sandbox, bounds, workspace.
    pub(super) context: &'a ToolContext,
    /// The files it may touch.
    pub(super) jail: Jail,
    /// Time and cancellation.
    pub(super) watch: Watch,
}

impl<'a> Call<'a> {
    pub(super) fn new(call: &'a ToolCall, context: &'a ToolContext) -> Self {
        let jail = Jail::new(&context.root, &context.confinement);
        let wall_ms = call.timeout_ms.min(context.limits.wall_ms);
        Self { call, context, jail, watch: Watch::start(context.cancel.clone(), wall_ms) }
    }
}

/// What a tool answers.
#[derive(Debug)]
pub(super) struct Answer<D> {
    pub(super) data: D,
    /// Why it did not do what it was asked, where there is data all the same.
    pub(super) error: Option<ToolError>,
    pub(super) logs: Vec<String>,
    pub(super) artifacts: Vec<Produced>,
    pub(super) truncated: bool,
    pub(super) receipt: Receipt,
    /// Where it came from, beside what the tool's own labels say.
    pub(super) labels: Vec<String>,
}

impl<D> Answer<D> {
    /// A complete answer.
    pub(super) fn of(data: D) -> Self {
        let receipt = Receipt::default();
        let (logs, artifacts, labels) = (Vec::new(), Vec::new(), Vec::new());
        Self { data, error: None, logs, artifacts, truncated: false, receipt, labels }
    }
}

/// A description with the usual values, to be completed by struct update.
pub(super) fn about(
    name: &str,
    risk: Risk,
    effect: CallEffect,
    description: &str,
) -> ToolDescriptor {
    ToolDescriptor {
        name: name.to_owned(),
        aliases: Vec::new(),
        description: description.to_owned(),
        risk,
        effect,
        category: None,
        schema: Value::Null,
        output_schema: Value::Null,
        paths: Vec::new(),
        hosts: Vec::new(),
        command: None,
        sinks: Vec::new(),
        labels: vec!["workspace".to_owned()],
        sends_network: false,
        timeout_ms: 30_000,
        profile: String::new(),
        enabled: true,
        ..ToolDescriptor::default()
    }
}

/// The one path argument most tools have.
pub(super) fn path_arg(arg: &str, access: PathAccess) -> Vec<PathArg> {
    vec![PathArg { arg: arg.to_owned(), access }]
}

impl<T: Typed> Tool for T {
    fn descriptor(&self) -> ToolDescriptor {
        ToolDescriptor {
            schema: schema::without_null(schema::of::<T::Args>()),
            output_schema: schema::of::<T::Data>(),
            ..self.about()
        }
    }

    fn check(&self, args: &Map) -> Result<(), ToolError> {
        Typed::check(self, &read::<T::Args>(args)?)
    }

    fn dry_run(&self, call: &ToolCall) -> String {
        match read::<T::Args>(&call.args) {
            Ok(args) => Typed::dry_run(self, &args),
            Err(error) => format!("would refuse the arguments: {}", error.message),
        }
    }

    fn snapshot(&self, call: &ToolCall, context: &ToolContext) -> Result<Option<Undo>, ToolError> {
        Typed::snapshot(self, &read::<T::Args>(&call.args)?, &Call::new(call, context))
    }

    fn run(&self, call: &ToolCall, context: &ToolContext) -> ToolOutput {
        let answer =
            read(&call.args).and_then(|args| Typed::run(self, args, &Call::new(call, context)));
        match answer {
            Ok(answer) => output(answer),
            Err(error) => ToolOutput { error: Some(error), ..ToolOutput::default() },
        }
    }
}

fn read<A: DeserializeOwned>(args: &Map) -> Result<A, ToolError> {
    serde_json::from_value(Value::Object(args.clone()))
        .map_err(|error| ToolError::new(ErrorKind::BadArguments, error.to_string()))
}

fn output<D: Serialize>(answer: Answer<D>) -> ToolOutput {
    let Answer { data, error, logs, artifacts, truncated, receipt, labels } = answer;
    match serde_json::to_value(data) {
        Ok(data) => {
            let (data, whole) = (Some(data), None);
            ToolOutput { data, error, logs, artifacts, truncated, whole, receipt, labels }
        }
        Err(broken) => {
            let message = format!("the answer cannot be written as JSON: {broken}");
            let error = Some(ToolError::new(ErrorKind::BadOutput, message));
            ToolOutput { error, logs, receipt, ..ToolOutput::default() }
        }
    }
}
