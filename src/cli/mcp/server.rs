//! The server side of a connection: which tools there are, and calls.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ErrorData, Implementation,
    ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    ToolAnnotations,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::super::run::{self, Ways};
use super::super::tools::{is_enabled, single_call};
use super::ask::{self, Puts};
use super::{called, names};
use crate::app::{App, OpenHost};
use crate::cli::CliError;
use crate::contracts::{CallEffect, Map, RunId, RunStatus, Trigger};
use crate::identity::this_account;
use crate::orchestrator::{Answerer, NobodyAnswers, RunEnd};
use crate::ports::ToolDescriptor;
use crate::server::LetIn;

/// Looks for what became of a call that waited for a person.
pub(super) const RESULT_TOOL: &str = "bailiwick_result";
/// How often it is looked whether somebody answered.
const LOOK: Duration = Duration::from_millis(300);
/// Runs that are remembered, so that their results can be fetched.
const RUNS_MAX: usize = 10_000;

/// The governed tools of one workspace.
#[derive(Clone)]
pub(super) struct Governed(Arc<Inner>);

struct Inner {
    app: Arc<App>,
    cwd: PathBuf,
    wait: Duration,
    elicit: bool,
    /// Own names by the names that clients see.
    names: BTreeMap<String, String>,
    /// Runs, each with who asked for it.
    runs: Mutex<BTreeSet<(RunId, String)>>,
}

impl Governed {
    pub(super) fn new(app: Arc<App>, cwd: PathBuf, wait: Duration, elicit: bool) -> Self {
        let tools = app.tools();
        let enabled = tools.tools().filter(|tool| is_enabled(tool, &app.workspace));
        let names = names::exposed(enabled.map(|tool| tool.name.as_str()));
        Self(Arc::new(Inner { app, cwd, wait, elicit, names, runs: Mutex::default() }))
    }

    /// How long a call waits for a person.
    pub(super) fn wait(&self) -> Duration {
        self.0.wait
    }

    fn tools(&self) -> Vec<Tool> {
        let Inner { app, names, .. } = self.0.as_ref();
        let described = names.iter().filter_map(|(name, own)| {
            app.toolbox().find(own).map(|descriptor| told(name, descriptor))
        });
        described.chain([result_tool()]).collect()
    }
}

impl ServerHandler for Governed {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("bailiwick", env!("CARGO_PKG_VERSION")))
            .with_instructions(
                "Every call is decided by the policy of this workspace, runs inside walls, and is \
                 journalled. A call may be denied, or answer `approval_required`: a person then \
                 answers, and `bailiwick_result` tells what became of it.",
            )
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let name = request.name.as_ref();
        let args = request.arguments.unwrap_or_default();
        let inner = Arc::clone(&self.0);
        let (cancel, stop) = watch::channel(0_u32);
        let runtime = Handle::current();
        let by = who(&context);
        let mut puts = None;
        let mut work = if name == RESULT_TOOL {
            let run_id = run_of(&args).filter(|run| self.0.knows(*run, &by)).ok_or_else(|| {
                ErrorData::invalid_params("`run_id` names no call of this client", None)
            })?;
            tokio::task::spawn_blocking(move || inner.settle(run_id, &runtime, stop))
        } else {
            let own = self.0.names.get(name).cloned().ok_or_else(|| {
                let shown: String = name.chars().take(100).flat_map(char::escape_debug).collect();
                ErrorData::invalid_params(format!("there is no tool `{shown}`"), None)
            })?;
            let (answerer, put) = self.answerer(&context);
            let ask = Ask { by, answerer, attended: put.is_some() };
            puts = put;
            tokio::task::spawn_blocking(move || inner.call(&own, args, ask, &runtime, stop))
        };
        let questions = async {
            if let Some(puts) = puts {
                puts.put().await;
            }
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            never = questions => match never {},
            result = &mut work => match result {
                Ok(result) => Ok(result.into()),
                Err(error) => Err(ErrorData::internal_error(error.to_string(), None)),
            },
            () = context.ct.cancelled() => {
                cancel.send_modify(|times| *times += 1);
                Err(ErrorData::internal_error("the call was cancelled", None))
            }
        }
    }
}

impl Governed {
    /// Who answers questions, and what puts them to the client, where it can.
    fn answerer(&self, context: &RequestContext<RoleServer>) -> (Arc<dyn Answerer>, Option<Puts>) {
        let asks = self.0.elicit.then(|| ask::over(&context.peer, &who(context))).flatten();
        match asks {
            Some((elicits, puts)) => (Arc::new(elicits), Some(puts)),
            None => (Arc::new(NobodyAnswers), None),
        }
    }
}

/// Whose call it is, and who answers for them.
struct Ask {
    by: String,
    answerer: Arc<dyn Answerer>,
    /// Whether somebody can be asked here.
    attended: bool,
}

/// Who asks: whoever was let in over HTTP, and this account over standard input.
fn who(context: &RequestContext<RoleServer>) -> String {
    let let_in = context
        .extensions
        .get::<http::request::Parts>()
        .and_then(|head| head.extensions.get::<LetIn>());
    let_in.map_or_else(this_account, |let_in| let_in.by.clone())
}

impl Inner {
    fn knows(&self, run: RunId, by: &str) -> bool {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.contains(&(run, by.to_owned()))
    }

    fn remember(&self, run: RunId, by: String) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if runs.len() >= RUNS_MAX {
            runs.pop_first();
        }
        runs.insert((run, by));
    }

    /// A run of one step, from here to its end or to a question. Blocks.
    fn call(
        &self,
        tool: &str,
        args: Map,
        Ask { by, answerer, attended }: Ask,
        runtime: &Handle,
        stop: watch::Receiver<u32>,
    ) -> CallToolResult {
        let toolbox = self.app.toolbox();
        let Some(descriptor) = toolbox.find(tool) else {
            return called::refused("unknown_tool", &format!("there is no tool `{tool}`"));
        };
        if let Err(error) = toolbox.check_args(tool, &args) {
            return called::refused(error.kind.as_str(), &error.message);
        }
        let mut request = single_call(descriptor, args, &self.app, &self.cwd);
        request.trigger = Trigger::Mcp;
        request.attended = attended;
        request.dry_run = self.app.workspace.config.run.dry_run_default;
        let ways = Ways { answerer, observer: Arc::new(|_, _| {}), stop: stop.clone() };
        match runtime.block_on(run::anywhere(&self.app, request, ways)) {
            Ok(end) => {
                self.remember(end.run_id, by);
                self.answered(&end, runtime, stop)
            }
            Err(error) => failed(&error),
        }
    }

    /// What became of a run that waited.
    fn settle(
        &self,
        run_id: RunId,
        runtime: &Handle,
        stop: watch::Receiver<u32>,
    ) -> CallToolResult {
        match self.look(run_id, runtime, &stop) {
            Ok(end) => self.answered(&end, runtime, stop),
            Err(error) => failed(&error),
        }
    }

    /// The answer; for a run that waits for a person after having waited for them.
    fn answered(
        &self,
        end: &RunEnd,
        runtime: &Handle,
        stop: watch::Receiver<u32>,
    ) -> CallToolResult {
        let mut end = end.clone();
        let until = Instant::now() + self.wait;
        while end.report.is_none() && Instant::now() < until && *stop.borrow() == 0 {
            std::thread::sleep(LOOK);
            match self.look(end.run_id, runtime, &stop) {
                Ok(now) => end = now,
                Err(error) => return failed(&error),
            }
        }
        match (&end.report, end.status) {
            (Some(report), _) => called::ended(&end, report),
            (None, RunStatus::WaitingApproval) => match self.asked(end.run_id) {
                Ok(asked) => called::waits(end.run_id, &asked),
                Err(error) => failed(&error),
            },
            (None, status) => called::stands(end.run_id, status),
        }
    }

    /// Where a run stands now. One that was answered and that nobody drives is driven on here.
    fn look(
        &self,
        run_id: RunId,
        runtime: &Handle,
        stop: &watch::Receiver<u32>,
    ) -> Result<RunEnd, CliError> {
        if let Some(end) = self.app.ended(run_id)? {
            return Ok(end);
        }
        let status = self.app.history()?.status(run_id)?;
        let still = RunEnd { run_id, status, report: None };
        if status == RunStatus::WaitingApproval && !self.asked(run_id)?.is_empty() {
            return Ok(still);
        }
        match self.app.open_host()? {
            OpenHost::Busy { .. } => Ok(still),
            OpenHost::Host(host) => runtime
                .block_on(host.resume(
                    run_id,
                    "mcp",
                    Arc::new(NobodyAnswers),
                    Vec::new(),
                    Arc::new(|_, _| {}),
                    stop.clone(),
                ))
                .map_err(crate::cli::run_error),
        }
    }

    fn asked(
        &self,
        run_id: RunId,
    ) -> Result<Vec<(crate::contracts::ApprovalId, String)>, CliError> {
        let record = self.app.history()?.record(run_id)?;
        let open = record.open_questions();
        Ok(open.into_iter().map(|(it, _)| (it.approval_id, it.prompt.clone())).collect())
    }
}

fn failed(error: &CliError) -> CallToolResult {
    called::refused("unavailable", &error.message)
}

fn run_of(args: &Map) -> Option<RunId> {
    args.get("run_id")?.as_str()?.parse().ok()
}

/// A tool as clients see it. Its hints are what policy knows, not what it decides.
fn told(name: &str, tool: &ToolDescriptor) -> Tool {
    let schema = tool.schema.as_object().cloned().unwrap_or_default();
    let reads = tool.effect == CallEffect::Read;
    let hints = ToolAnnotations::from_raw(
        Some(tool.name.clone()),
        Some(reads),
        Some(!reads && tool.effect != CallEffect::Idempotent),
        Some(tool.effect.is_repeatable()),
        Some(tool.sends_network),
    );
    Tool::new(name.to_owned(), tool.description.clone(), schema).with_annotations(hints)
}

fn result_tool() -> Tool {
    let schema = json!({
        "type": "object",
        "properties": { "run_id": { "type": "string", "description": "As `approval_required` named it." } },
        "required": ["run_id"],
        "additionalProperties": false,
    });
    let schema = match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    };
    let what =
        "What became of a call that answered `approval_required`. Waits as long as calls do.";
    Tool::new(RESULT_TOOL, what, schema).with_annotations(ToolAnnotations::from_raw(
        None,
        Some(true),
        None,
        None,
        Some(false),
    ))
}
