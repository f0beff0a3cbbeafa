//! `bailiwick run`: a playbook, or a goal that chooses one, from here to its report.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;

use super::acting::Acting;
use super::attach::attachments;
use super::show_report;
use super::shown::one_line;
use super::signals;
use super::terminal::Terminal;
use super::{CliError, Cx, Exit, output, progress};
use crate::app::{App, History, OpenHost};
use crate::contracts::{Attachment, Map, RunId, Trigger};
use crate::host::{
    Adopted, ClientError, Host, HostError, Listener, Refusal, RunRequest, adopt_unfinished,
    run_through,
};
use crate::identity::this_account;
use crate::orchestrator::{
    Answerer, NobodyAnswers, Observer, PreApproved, RunEnd, RunError, RunRecord, SystemClock,
};
use crate::ports::Clock;

/// Longest prompt or arguments shown in one line, in characters.
const LINE_CHARS: usize = 400;

/// Tries to become the host, or to reach it, before giving up.
const TRIES: u32 = 50;
const BETWEEN_TRIES_MS: u64 = 100;

/// What shall be done.
#[derive(Debug, clap::Args)]
pub(super) struct What {
    /// The playbook: a file, or the name of one in playbooks/
    #[arg(conflicts_with = "goal")]
    pub playbook: Option<String>,
    /// Choose a playbook by what shall be done
    #[arg(long, value_name = "TEXT")]
    pub goal: Option<String>,
    /// An input of the playbook; may be given several times
    #[arg(long = "input", value_name = "KEY=VALUE")]
    inputs: Vec<String>,
    /// Inputs from a JSON file with one object
    #[arg(long, value_name = "FILE")]
    inputs_file: Option<PathBuf>,
    /// A file that comes with the goal; may be given several times. One outside of the workspace has at
    /// most 1 MiB
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
}

/// Run a playbook, or choose one by a goal.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    acting: Acting,
    /// Say yes where this rule (or this gate) asks; may be given several times
    #[arg(long, value_name = "RULE")]
    yes_approve: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// When the request is wrong, or the run could not come to an end or a stop here.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let app = App::open(cx)?;
    app.list_new_servers(cx.clock.as_ref())?;
    let request = request(&args, cx, &app)?;
    start(&app, request, args.acting, cx, out)
}

/// Runs what was asked for, or shows what it would do.
///
/// # Errors
/// As [`run`].
pub(super) fn start(
    app: &App,
    request: RunRequest,
    acting: Acting,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    for notice in app.notices(&app.policy()?) {
        output::note(&notice);
    }
    if acting.dry_run().unwrap_or(app.workspace.config.run.dry_run_default) {
        return super::dry_run::show(app, &request, cx, out);
    }
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        CliError::new(Exit::Failed, format!("the async runtime cannot start: {error}"))
    })?;
    let end = runtime.block_on(run_anywhere(app, request, cx));
    // A question on the terminal may still be open on a thread of its own.
    runtime.shutdown_background();
    let end = end?;
    if let Some(report) = &end.report {
        if cx.json {
            output::json(out, report)?
        } else {
            output::painted(out, &show_report::text(report, cx.color))?
        }
    } else if cx.json {
        output::json(out, &serde_json::json!({ "run_id": end.run_id, "status": end.status }))?;
    } else {
        output::text(out, &waiting(app, &end)?)?;
    }
    Ok(super::exit_of(end.status, end.report.as_ref()))
}

/// What a run waits for, and what to type. What runs wait for that it called is said as well.
pub(super) fn waiting(app: &App, end: &RunEnd) -> Result<String, CliError> {
    let (run, history) = (end.run_id, app.history()?);
    let mut text = format!("{run} is {}\n", end.status.as_str());
    let (mut flags, mut doubted, mut worded) = (String::new(), Vec::new(), false);
    let mut runs = vec![run];
    while let Some(id) = runs.pop() {
        let Some(record) = history.called(id)? else { continue };
        runs.extend(record.open_children());
        let called = if id == run { String::new() } else { format!("{id} ") };
        for (subject, rules) in record.open_questions() {
            let prompt = one_line(&subject.prompt, LINE_CHARS);
            text.push_str(&format!("  {called}{} asks: {prompt}\n", subject.path));
            if subject.consult.is_some() {
                let id = subject.approval_id;
                text.push_str(&format!("    say it: bailiwick approvals answer {id} TEXT\n"));
                worded = true;
            }
            rules.iter().for_each(|rule| flags.push_str(&format!(" --yes-approve {rule}")));
        }
        let doubts = doubts(&history, &record)?;
        if !doubts.is_empty() {
            text.push_str(&doubts);
            doubted.push(id);
        }
    }
    if worded {
        text.push_str(&format!("then go on: bailiwick runs resume {run}\n"));
    }
    if !flags.is_empty() {
        text.push_str(&format!("answer on a terminal: bailiwick runs resume {run}\n"));
        text.push_str(&format!("or say yes here:      bailiwick runs resume {run}{flags}\n"));
    }
    for id in doubted {
        text.push_str(&format!(
            "say what became of it: bailiwick runs resolve {id} --happened | --did-not-happen | --abandon\n"
        ));
    }
    Ok(text)
}

/// Each call that is in doubt, with its arguments.
pub(super) fn doubts(history: &History, record: &RunRecord) -> Result<String, CliError> {
    let mut text = String::new();
    for call in record.in_doubt() {
        let whole = history.call(call)?;
        let args = serde_json::to_string(&whole.args).unwrap_or_else(|error| error.to_string());
        let path = &call.requested.path;
        text.push_str(&format!(
            "  {path} was cut off and may or may not have happened: {} {}\n",
            whole.name,
            one_line(&args, LINE_CHARS)
        ));
    }
    Ok(text)
}

/// Everything about the run that depends on where the person stands.
fn request(args: &Args, cx: &Cx, app: &App) -> Result<RunRequest, CliError> {
    let (found, inputs) = match (&args.what.playbook, &args.what.goal) {
        (Some(name), _) => (app.find_playbook(name, &cx.cwd)?, args.what.inputs()?),
        (None, Some(goal)) if goal.trim().is_empty() => {
            return Err(
                CliError::usage("the goal is empty").hint("say what shall be done: --goal TEXT")
            );
        }
        (None, Some(goal)) => {
            let led = app.lead(goal, &args.what.inputs()?)?;
            output::note(&format!("note: {}: {}", led.entry.name(), led.why));
            (led.entry, led.inputs)
        }
        (None, None) => return Err(nothing()),
    };
    let attachments = args.what.attachments(Some(&app.workspace.root), &cx.cwd)?;
    if !attachments.is_empty() && found.playbook.as_ref().is_some_and(|it| it.goal.is_none()) {
        output::note("note: no model plans this: the attachments are kept, and nothing reads them");
    }
    Ok(RunRequest {
        path: found.path,
        source: found.source,
        goal: args.what.goal.clone(),
        inputs,
        attachments,
        cwd: cx.cwd.clone(),
        yes_approve: args.yes_approve.clone(),
        attended: Terminal::is_here() && !cx.json,
        config: app.config_hash(),
        idempotency_key: Some(SystemClock.uuid().to_string()),
        trigger: Trigger::Person,
        dry_run: false,
    })
}

/// Nothing was asked for.
pub(super) fn nothing() -> CliError {
    CliError::usage("there is nothing to run")
        .hint("name a playbook, or say what shall be done: --goal TEXT")
        .hint("see what there is: bailiwick playbook ls")
}

impl What {
    /// What was given for the playbook's inputs.
    ///
    /// # Errors
    /// As [`inputs`].
    pub(super) fn inputs(&self) -> Result<Map, CliError> {
        inputs(self.inputs_file.as_deref(), &self.inputs)
    }

    /// The files that come with it, for the workspace at `root`, if it is here.
    ///
    /// # Errors
    /// As [`attachments`].
    pub(super) fn attachments(
        &self,
        root: Option<&Path>,
        cwd: &Path,
    ) -> Result<Vec<Attachment>, CliError> {
        attachments(&self.attach, root, cwd)
    }
}

/// Inputs from the file, then from the flags.
///
/// # Errors
/// When one is given twice or cannot be read.
pub(super) fn inputs(file: Option<&Path>, pairs: &[String]) -> Result<Map, CliError> {
    let mut inputs = match file {
        Some(path) => inputs_of_file(path)?,
        None => Map::new(),
    };
    for pair in pairs {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(CliError::usage(format!("`--input {pair}` has no `=`"))
                .hint("write --input key=value"));
        };
        let begins = format!("{key}=");
        if pairs.iter().filter(|other| other.starts_with(&begins)).count() > 1 {
            return Err(CliError::usage(format!("`--input {key}=…` is given twice")));
        }
        inputs.insert(key.to_owned(), Value::String(value.to_owned()));
    }
    Ok(inputs)
}

fn inputs_of_file(path: &Path) -> Result<Map, CliError> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| CliError::usage(format!("`{shown}` cannot be read: {error}")))?;
    match serde_json::from_str(&text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(CliError::usage(format!("`{shown}` must hold one JSON object"))),
        Err(error) => Err(CliError::usage(format!("`{shown}` is not JSON: {error}"))),
    }
}

/// [`anywhere`], for the person who typed the command.
async fn run_anywhere(app: &App, request: RunRequest, cx: &Cx) -> Result<RunEnd, CliError> {
    let stop = signals::stop()?;
    let observer = progress::observer(cx.json, cx.color);
    let answerer: Arc<dyn Answerer> =
        if request.attended { Arc::new(Terminal::default()) } else { Arc::new(NobodyAnswers) };
    anywhere(app, request, Ways { answerer, observer, stop }).await
}

/// Who answers, who watches, and who may stop a run.
pub(super) struct Ways {
    pub answerer: Arc<dyn Answerer>,
    pub observer: Observer,
    pub stop: watch::Receiver<u32>,
}

/// As the host, or through it. The host may leave at any moment, so both are tried in turn.
///
/// # Errors
/// As [`run`].
pub(super) async fn anywhere(
    app: &App,
    request: RunRequest,
    ways: Ways,
) -> Result<RunEnd, CliError> {
    let Ways { answerer, observer, stop } = ways;
    for _ in 0..TRIES {
        match app.open_host()? {
            OpenHost::Host(host) => {
                return as_host(app, host, request, answerer, observer, stop).await;
            }
            OpenHost::Busy { .. } => {}
        }
        let through: Arc<dyn Answerer> = Arc::new(PreApproved::new(
            request.yes_approve.clone(),
            this_account(),
            Arc::clone(&answerer),
        ));
        let socket = app.socket();
        let (wanted, seen, stopping) = (request.clone(), Arc::clone(&observer), stop.clone());
        match run_through(&socket, wanted, through, seen, stopping).await {
            Ok(end) => return Ok(end),
            Err(ClientError::NoHost(error)) => {
                tracing::debug!("the host does not answer yet: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(BETWEEN_TRIES_MS)).await;
            }
            Err(ClientError::Refused(refusal)) => return Err(refused(refusal)),
            Err(ClientError::HostLeft(run)) => {
                return take_over(app, run, request.yes_approve, answerer, observer, stop).await;
            }
            Err(error @ ClientError::Unreadable(_)) => {
                return Err(CliError::new(Exit::Failed, error.to_string()));
            }
        }
    }
    Err(CliError::new(
        Exit::Unavailable,
        "another process holds this workspace and does not answer",
    )
    .hint("see who: bailiwick doctor"))
}

/// Drives the run here, beside what an earlier host left unfinished and what guests bring.
async fn as_host(
    app: &App,
    host: Host,
    request: RunRequest,
    answerer: Arc<dyn Answerer>,
    observer: Observer,
    stop: watch::Receiver<u32>,
) -> Result<RunEnd, CliError> {
    let hosting = Hosting::begin(app, &host).await?;
    let (accepting, wanted) = (host.clone(), request.clone());
    let accepted = tokio::task::spawn_blocking(move || accepting.accept(&wanted))
        .await
        .map_err(|error| CliError::new(Exit::Failed, error.to_string()))?;
    let end = match accepted {
        Ok((_, run_id)) => host
            .drive(run_id, answerer, request.yes_approve, observer, stop.clone())
            .await
            .map_err(super::run_error),
        Err(error) => Err(host_error(error)),
    };
    hosting.end(stop).await;
    end
}

/// What a host does beside its own run.
struct Hosting {
    adopted: Adopted,
    listener: Option<Listener>,
    socket: PathBuf,
}

impl Hosting {
    /// Takes up what was cut off, then lets guests in. Where the socket cannot be made, there are no
    /// guests: a second process has to wait.
    async fn begin(app: &App, host: &Host) -> Result<Self, CliError> {
        let silent = progress::observer(true, false);
        let adopted = adopt_unfinished(host, &silent).await.map_err(super::run_error)?;
        if !adopted.is_empty() {
            output::note(&format!("note: going on with {} runs that were cut off", adopted.len()));
        }
        let socket = app.socket();
        let listener = match Listener::open(host.clone(), &socket) {
            Ok(listener) => Some(listener),
            Err(error) => {
                let shown = socket.display();
                output::note(&format!(
                    "warning: no other process can run here: `{shown}`: {error}"
                ));
                None
            }
        };
        Ok(Self { adopted, listener, socket })
    }

    /// Waits for what was taken up and for guests, unless somebody asks to stop: then their runs are
    /// cut off and can be resumed.
    async fn end(mut self, mut stop: watch::Receiver<u32>) {
        stop.mark_unchanged();
        let ended = async {
            while let Some(joined) = self.adopted.join_next().await {
                report_adopted(joined);
            }
            if let Some(listener) = self.listener {
                listener.close(&self.socket).await;
            }
        };
        tokio::select! {
            () = ended => {}
            Ok(()) = stop.changed() => output::note("note: stopped; see bailiwick runs ls"),
        }
    }
}

type Joined = Result<(RunId, Result<RunEnd, RunError>), tokio::task::JoinError>;

fn report_adopted(joined: Joined) {
    match joined {
        Ok((run, Ok(end))) => {
            output::note(&format!("note: {run}, cut off before, is {}", end.status.as_str()));
        }
        Ok((run, Err(error))) => {
            tracing::warn!("{run}, left unfinished before, cannot go on: {error}")
        }
        Err(error) => tracing::warn!("a run left unfinished before broke: {error}"),
    }
}

/// The host died with our run: become the host and go on with it.
async fn take_over(
    app: &App,
    run: RunId,
    yes_approve: Vec<String>,
    answerer: Arc<dyn Answerer>,
    observer: Observer,
    stop: watch::Receiver<u32>,
) -> Result<RunEnd, CliError> {
    for _ in 0..TRIES {
        if let OpenHost::Host(host) = app.open_host()? {
            return host
                .resume(run, "taken over", answerer, yes_approve, observer, stop)
                .await
                .map_err(super::run_error);
        }
        tokio::time::sleep(std::time::Duration::from_millis(BETWEEN_TRIES_MS)).await;
        if let Some(end) = app.ended(run)? {
            return Ok(end);
        }
    }
    Err(CliError::new(Exit::Unavailable, format!("the host left while `{run}` was running"))
        .hint(format!("go on with it: bailiwick runs resume {run}")))
}

/// Why the host did not take or finish a run.
pub(super) fn host_error(error: HostError) -> CliError {
    match error {
        HostError::Refused(refusal) => refused(refusal),
        HostError::Run(error) => super::run_error(error),
    }
}

fn refused(refusal: Refusal) -> CliError {
    let exit = if refusal.usage { Exit::Usage } else { Exit::Failed };
    CliError::new(exit, refusal.message).with(refusal.diagnostics)
}
