//! What is tried, one thing after the other.

use serde::Serialize;
use serde_json::{Value, json};

use crate::client::{Client, ClientError, Request, Target};
use crate::contracts::Map;

/// What the routes of the execution layer begin with.
const EXECUTION: [&str; 3] = ["api", "v1", "execution"];
/// The tool that is called: it reads and changes nothing.
const CALLED: &str = "git_status";
/// A token that nobody has.
const WRONG: &str = "not-the-token-of-this-daemon";

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// It is as it should be.
    Passed,
    /// It is not.
    Failed,
    /// It could not be tried here.
    Skipped,
}

impl Verdict {
    /// The word for people.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
        }
    }
}

/// One thing that was tried.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Checked {
    pub name: &'static str,
    pub verdict: Verdict,
    /// What was seen.
    pub said: String,
}

/// A daemon that is tried.
pub(super) struct Smoke {
    pub client: Client,
    /// Its address, where it was reached over TCP.
    pub url: Option<String>,
    /// The tool whose approval is tried, and its arguments.
    pub approve: (String, Map),
}

/// What is as it should be, in words, or what is not.
type Seen = Result<String, String>;

impl Smoke {
    /// Tries everything; a failure keeps nothing else from being tried.
    pub(super) async fn run(self) -> Vec<Checked> {
        let mut checked = vec![
            of("tools", self.tools().await),
            of("dry run", self.call(true).await),
            of("call", self.call(false).await),
            of("approval", self.approval().await),
        ];
        checked.push(match &self.url {
            Some(url) => of("wrong token", wrong_token(url).await),
            None => Checked {
                name: "wrong token",
                verdict: Verdict::Skipped,
                said: "the socket of this user wants no token; try it with --url or --start"
                    .to_owned(),
            },
        });
        checked.push(of("audit log", self.audit().await));
        checked
    }

    async fn tools(&self) -> Seen {
        let answer = self.get("tools").await?;
        let tools = answer.get("tools").and_then(Value::as_array).ok_or("no list of tools came")?;
        let named = |tool: &&Value| tool.get("name").and_then(Value::as_str) == Some(CALLED);
        let found = tools.iter().find(named).ok_or(format!("`{CALLED}` is not among them"))?;
        let whole = ["aliases", "enabled", "risk", "effect", "description", "schema"];
        if let Some(missing) = whole.iter().find(|field| found.get(**field).is_none()) {
            return Err(format!("`{CALLED}` has no `{missing}`"));
        }
        Ok(format!("{} tools", tools.len()))
    }

    /// Calls a tool that only reads.
    async fn call(&self, dry: bool) -> Seen {
        let body = json!({ "tool_name": CALLED, "args": { "path": "." }, "dry_run": dry });
        let answer = self.post(&["run"], body, None).await?;
        if answer.get("dry_run") != Some(&json!(dry)) {
            return Err(format!("`dry_run` is not {dry}: {answer}"));
        }
        let effect = text(&answer, "/decision/effect")?;
        if dry {
            return Ok(format!(
                "would {}; policy says {effect}",
                text(&answer, "/result/data/would")?.trim_start_matches("would ")
            ));
        }
        if answer.get("ok") != Some(&json!(true)) {
            return Err(format!("`{CALLED}` failed: {}", text(&answer, "/result/error/message")?));
        }
        Ok(format!("`{CALLED}` answered in {}; policy says {effect}", text(&answer, "/run_id")?))
    }

    /// Gives an approval, shows what a call with it would do, takes it back, and sees that it counts no more.
    async fn approval(&self) -> Seen {
        let (tool, args) = &self.approve;
        let named = Some(("tool_name", tool.as_str()));
        let given = self.post(&["approve"], json!({ "args": args }), named).await?;
        let id = text(&given, "/approval_id")?;
        let body = json!({ "tool_name": tool, "args": args, "dry_run": true, "approval_id": id });
        let shown = self.post(&["run"], body.clone(), None).await;
        let revoke = json!({ "approved": false, "reason": "only tried" });
        let revoked = self.post(&["approvals", &id], revoke, None).await;
        let shown = shown?;
        revoked?;
        if shown.get("dry_run") != Some(&json!(true)) || text(&shown, "/approval_id")? != id {
            return Err(format!("the dry run does not name the approval: {shown}"));
        }
        match self.ask(&["run"], body, None).await {
            Err(ClientError::Refused(problem)) if problem.status == 409 => {}
            Err(error) => return Err(error.to_string()),
            Ok(_) => return Err("an approval that was taken back still counts".to_owned()),
        }
        Ok(format!("given for `{tool}`, shown dry, taken back: it counts no more"))
    }

    async fn audit(&self) -> Seen {
        let path = ["api", "v1", "execution", "logs"];
        let request = Request::get(&path).with("limit", 1);
        let answer = self.client.ask(&request).await.map_err(|error| error.to_string())?;
        let newest = answer.pointer("/entries/0").ok_or("there is no entry")?;
        for field in ["at", "tool", "args_summary", "decision", "dry_run", "ok", "hash"] {
            if newest.get(field).is_none() {
                return Err(format!("the newest entry has no `{field}`"));
            }
        }
        Ok(newest.to_string())
    }

    async fn get(&self, name: &str) -> Result<Value, String> {
        let path = [&EXECUTION[..], &[name]].concat();
        self.client.ask(&Request::get(&path)).await.map_err(|error| error.to_string())
    }

    async fn post(
        &self,
        path: &[&str],
        body: Value,
        query: Option<(&str, &str)>,
    ) -> Result<Value, String> {
        self.ask(path, body, query).await.map_err(|error| error.to_string())
    }

    async fn ask(
        &self,
        path: &[&str],
        body: Value,
        query: Option<(&str, &str)>,
    ) -> Result<Value, ClientError> {
        let path = [&EXECUTION[..], path].concat();
        let request = Request::post(&path).body(body);
        let request = query.into_iter().fold(request, |it, (name, value)| it.with(name, value));
        self.client.ask(&request).await
    }
}

fn of(name: &'static str, seen: Seen) -> Checked {
    match seen {
        Ok(said) => Checked { name, verdict: Verdict::Passed, said },
        Err(said) => Checked { name, verdict: Verdict::Failed, said },
    }
}

fn text(answer: &Value, pointer: &str) -> Result<String, String> {
    let found = answer.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| format!("the answer has no `{pointer}`: {answer}"))
}

/// A wrong token is refused.
async fn wrong_token(url: &str) -> Seen {
    let target = Target::Url { url: url.to_owned(), token: Some(WRONG.to_owned()) };
    let client = Client::new(&target).map_err(|error| error.to_string())?;
    let path = [&EXECUTION[..], &["tools"]].concat();
    match client.ask(&Request::get(&path)).await {
        Err(ClientError::Refused(problem)) if problem.status == 401 => Ok("401".to_owned()),
        Err(error) => Err(format!("not 401: {error}")),
        Ok(_) => Err("not refused: the daemon wants no token (set EXECUTION_TOKEN)".to_owned()),
    }
}
