//! What expressions may read: each question is a call of a reading tool, decided like any other.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::audit::{self, Fate};
use super::carried;
use super::driver::Work;
use super::evidence::Arguments;
use super::execute;
use super::finish;
use super::journal::Batch;
use super::judge::{Judge, Judged};
use super::ruling::Ruling;
use super::taken::{Labels, SECRET_FILE};
use crate::contracts::{
    ASIDE, CallId, Effect, ErrorKind, EventBody, FsAccess, Map, MemoryId, MemoryRecord, Origin,
    ToolCall, ToolError,
};
use crate::live::playbooks::SHIPPED_TEMPLATES;
use crate::playbook::expression::Reads;
use crate::ports::ToolOutput;

/// Where templates are looked for, in order.
const TEMPLATE_DIRS: [&str; 2] = ["prompts", "playbooks/templates"];

/// The tool in whose name expressions read.
pub(super) const READ_TEXT: &str = "read_text";

/// The tool in whose name the size of a file is asked for that is no text.
const READ_BIN: &str = "read_bin";

/// The tool in whose name a memory is looked up.
const MEMORY_SEARCH: &str = "memory_search";

/// The tool in whose name a document of the web is fetched.
pub(super) const HTTP_GET: &str = "http_get";

/// Longest wait for a file, in milliseconds.
const TIMEOUT_MS: u64 = 10_000;

/// Longest wait for a document of the web, in milliseconds.
const WEB_TIMEOUT_MS: u64 = 20_000;

/// Reads for the expressions of the step at `path`.
pub(super) struct GovernedReads<'a> {
    work: &'a Work,
    path: &'a str,
    /// Where the values come from that name what is read.
    labels: Labels,
    /// What was found in what was read: labels of secrets, and of what files carry.
    noted: RefCell<Labels>,
    decided: RefCell<Batch>,
}

impl<'a> GovernedReads<'a> {
    /// For expressions that take from where `labels` say.
    pub(super) fn new(work: &'a Work, path: &'a str, labels: Labels) -> Self {
        Self { work, path, labels, noted: RefCell::default(), decided: RefCell::default() }
    }

    /// Labels of the secrets that were in what was read so far, and of what files carry.
    pub(super) fn noted(&self) -> Labels {
        self.noted.borrow().clone()
    }

    /// What was decided about the reads since it was last asked for, to be journalled together with
    /// what came of them. Refusals go into the audit log as those of steps do.
    pub(super) fn decided(&self) -> Batch {
        self.decided.take()
    }

    /// Keeps a decision, aside from those that the run waits for.
    fn keep(&self, call: &ToolCall, judged: &Judged) {
        let services = &self.work.services;
        let path = format!("{}{ASIDE}read", self.path);
        let ruling = Ruling {
            services,
            call,
            path: &path,
            as_of_seq: self.work.record.seq,
            arguments: Arguments::Here,
        };
        let mut batch = self.decided.borrow_mut();
        let decided = ruling.decided(&mut batch, judged);
        batch.bodies.push(EventBody::CallDecided(decided));
        if judged.decision.effect == Effect::Deny {
            batch.audit.push(audit::refused(services, call, &judged.decision));
        }
    }

    /// Calls `read_text` on `file`, within the playbook's permissions or beyond them. The outer error is a refusal, the inner one the tool's.
    fn read_text(&self, file: &str, bounded: bool) -> Result<Result<String, ToolError>, String> {
        let args = Map::from_iter([("path".to_owned(), json!(file))]);
        let read = self.through(READ_TEXT, args, bounded);
        let read = read.map_err(|refused| format!("`{file}` may not be read: {refused}"))?;
        let text = |data: Value| data.get("text").and_then(Value::as_str).map(str::to_owned);
        Ok(read.map(|data| text(data).unwrap_or_default()))
    }

    /// Calls a tool that reads. The outer error is a refusal, the inner one the tool's.
    fn through(
        &self,
        name: &'static str,
        args: Map,
        bounded: bool,
    ) -> Result<Result<Value, ToolError>, String> {
        let call = self.call(name, args);
        // `read(…)` is the playbook's own word that it reads; where, its permissions still say.
        let judge = Judge { also: Some(name), bounded, ..self.judge()? };
        let output = self.dispatched(call, &judge, TIMEOUT_MS)?;
        Ok(output.error.map_or_else(|| Ok(output.data.unwrap_or_default()), Err))
    }

    fn judge(&self) -> Result<Judge<'_>, String> {
        Judge::of(self.work, self.path).ok_or_else(|| "the run has not started".to_owned())
    }

    /// What the tool answers, without secrets; or why it is not called.
    fn dispatched(
        &self,
        call: ToolCall,
        judge: &Judge<'_>,
        timeout_ms: u64,
    ) -> Result<ToolOutput, String> {
        let work = self.work;
        let judged = judge.decide(&call);
        self.keep(&call, &judged);
        let missing = || format!("there is no `{}`", call.name);
        let request = judged.request.ok_or_else(missing)?;
        let tool = work.services.tool(&call.name).ok_or_else(missing)?;
        let authorized =
            judged.set.authorize(call, &request, None).map_err(|refused| refused.to_string())?;
        let context = execute::context(work, &tool, authorized.decision(), timeout_ms);
        let mut output = work.services.toolbox().dispatch(&authorized, &context);
        if request.reads_secret {
            self.noted.borrow_mut().insert(SECRET_FILE.to_owned());
        }
        self.noted.borrow_mut().extend(carried::read(&work.services, &tool, &request));
        self.noted.borrow_mut().extend(finish::struck(&work.services.redactor, &mut output));
        Ok(output)
    }

    fn call(&self, name: &str, args: Map) -> ToolCall {
        ToolCall {
            id: CallId::from_uuid(self.work.services.clock.uuid()),
            run_id: self.work.run_id,
            step_id: self.path.to_owned(),
            name: name.to_owned(),
            args,
            timeout_ms: TIMEOUT_MS,
            allow_network: false,
            allow_fs: FsAccess::Read,
            expected_output_schema: None,
            idempotency_key: String::new(),
            origin: Origin::Playbook,
            labels: self.labels.iter().cloned().collect(),
            arg_labels: BTreeMap::new(),
        }
    }
}

/// Why something that somebody handed in cannot be read.
pub(super) struct Unread {
    pub kind: ErrorKind,
    pub why: String,
}

impl Unread {
    pub(super) const fn new(kind: ErrorKind, why: String) -> Self {
        Self { kind, why }
    }
}

/// A document of the web that is text.
pub(super) struct Document {
    pub text: String,
    /// As the other side says it.
    pub media_type: String,
}

/// Why a document of the web is not known.
pub(super) struct NotFetched {
    pub why: String,
    /// Whether the other side was asked.
    pub tried: bool,
}

impl Document {
    fn of(data: &Value) -> Result<Self, NotFetched> {
        let word = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned);
        let media_type = word("media_type").unwrap_or_default();
        let Some(text) = word("text") else {
            let bytes = data.get("bytes").and_then(Value::as_u64).unwrap_or_default();
            let why = format!("it is no text: {bytes} bytes of `{}`", media_type.escape_debug());
            return Err(NotFetched { why, tried: true });
        };
        Ok(Self { text, media_type })
    }
}

fn unread(file: &str, error: &ToolError) -> Unread {
    Unread::new(error.kind, format!("`{file}` cannot be read: {}", error.message))
}

/// What is read that a task names.
impl GovernedReads<'_> {
    /// The text of a file.
    pub(super) fn text(&self, file: &str) -> Result<String, Unread> {
        let read = self.read_text(file, true).map_err(|why| Unread::new(ErrorKind::Denied, why))?;
        read.map_err(|error| unread(file, &error))
    }

    /// How many bytes a file has, whatever is in it.
    pub(super) fn bytes(&self, file: &str) -> Result<u64, Unread> {
        let args = [("path".to_owned(), json!(file)), ("length".to_owned(), json!(0))];
        let read = self.through(READ_BIN, Map::from_iter(args), true);
        let refused =
            |why| Unread::new(ErrorKind::Denied, format!("`{file}` may not be read: {why}"));
        let data = read.map_err(refused)?.map_err(|error| unread(file, &error))?;
        Ok(data.get("bytes").and_then(Value::as_u64).unwrap_or_default())
    }

    /// The memory of this id, where the rules let memory be searched for it.
    pub(super) fn memory(&self, id: &MemoryId) -> Result<MemoryRecord, Unread> {
        let refused = |why: String| Unread::new(ErrorKind::Denied, why);
        let args = Map::from_iter([("query".to_owned(), json!(id.to_string()))]);
        let call = self.call(MEMORY_SEARCH, args);
        let judge = self.judge().map_err(refused)?;
        let judged = Judge { also: Some(MEMORY_SEARCH), ..judge }.decide(&call);
        self.keep(&call, &judged);
        if judged.decision.effect != Effect::Allow {
            return Err(refused(judged.decision.reason));
        }
        let record = self.work.services.memory.record(id);
        record.map_err(|error| Unread::new(ErrorKind::NotFound, error.to_string()))
    }

    /// A document of the web, as a call of the run would get it: within the playbook's tools and network, and
    /// its rates.
    pub(super) fn document(&self, url: &str) -> Result<Document, NotFetched> {
        let before = |why: String| NotFetched { why, tried: false };
        let services = &self.work.services;
        let judge = self.judge().map_err(before)?;
        let missing = || before(format!("there is no `{HTTP_GET}`"));
        let tool = services.tool(HTTP_GET).ok_or_else(missing)?;
        let rates = services.config().limits.rate.clone();
        services.rates.take(&rates, HTTP_GET).map_err(|full| before(full.to_string()))?;
        let plain = self.call(HTTP_GET, Map::from_iter([("url".to_owned(), json!(url))]));
        let arg_labels = BTreeMap::from([("url".to_owned(), plain.labels.clone())]);
        let allow_network = judge.reaches(&tool);
        let call = ToolCall { timeout_ms: WEB_TIMEOUT_MS, allow_network, arg_labels, ..plain };
        let began = services.clock.now();
        let output = self.dispatched(call.clone(), &judge, WEB_TIMEOUT_MS).map_err(before)?;
        let error = output.error.map(|error| format!("{}: {}", error.kind.as_str(), error.message));
        let duration_ms = services.clock.now().since_ms(began);
        let fate =
            Fate { ok: error.is_none(), error: error.clone(), duration_ms, ..Fate::default() };
        let entry = audit::entry(services, Some(call.run_id), &call, Effect::Allow, fate);
        self.decided.borrow_mut().audit.push(entry);
        if let Some(why) = error {
            return Err(NotFetched { why, tried: true });
        }
        Document::of(&output.data.unwrap_or_default())
    }

    /// Where what `tool` answers comes from.
    pub(super) fn labels_of(&self, tool: &str) -> Vec<String> {
        let services = &self.work.services;
        let tool = services.tool(tool);
        tool.map(|tool| services.policy.current().output_labels(&tool)).unwrap_or_default()
    }
}

impl Reads for GovernedReads<'_> {
    fn exists(&self, path: &str) -> Result<bool, String> {
        match self.read_text(path, true)? {
            Ok(_) => Ok(true),
            Err(error) => match error.kind {
                ErrorKind::NotFound => Ok(false),
                // There is something, if not a text.
                ErrorKind::BadContent | ErrorKind::TooLarge | ErrorKind::Conflict => Ok(true),
                _ => Err(error.message),
            },
        }
    }

    fn read(&self, path: &str) -> Result<String, String> {
        self.read_text(path, true)?.map_err(|error| error.message)
    }

    fn template(&self, name: &str) -> Result<String, String> {
        for dir in TEMPLATE_DIRS {
            let file: PathBuf = [dir, name].iter().collect();
            match self.read_text(&file.to_string_lossy(), false)? {
                Ok(text) => return Ok(text),
                Err(error) if error.kind == ErrorKind::NotFound => {}
                Err(error) => return Err(error.message),
            }
        }
        let shipped =
            SHIPPED_TEMPLATES.iter().find(|(path, _)| path.ends_with(&format!("/{name}")));
        shipped
            .map(|(_, text)| (*text).to_owned())
            .ok_or_else(|| format!("no template `{name}` in {}", TEMPLATE_DIRS.join(" or ")))
    }

    fn now(&self) -> String {
        self.work.services.clock.now().to_string()
    }
}
