//! `bailiwick approvals`: the questions that runs wait with, and answers to them.

mod about;
mod here;

use std::io::Write;

use serde_json::{Value, json};

use super::remote::{Place, Remote, ask, read, wait_for};
use super::shown::one_line;
use super::terminal;
use super::{CliError, Cx, Exit, client_error, output};
use crate::client::{Client, Request};
use crate::contracts::ApprovalId;
use crate::contracts::views::{Answered, ApprovalPage, ApprovalView};

/// Where the daemon keeps them.
const PATH: [&str; 4] = ["api", "v1", "execution", "approvals"];
/// What stands in the place of a run that has not asked yet.
const BEFOREHAND: &str = "(beforehand)";
/// Approvals that are asked for at once.
const PAGE: u32 = 200;
/// Most approvals that are listed.
const LISTED_MAX: usize = 10_000;
/// Longest prompt or reason in a table, and longest arguments, in characters.
const CELL_CHARS: usize = 80;
const ARGS_CHARS: usize = 4_000;

/// Look at what runs ask, and answer.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List open questions, newest first
    Ls {
        /// The answered and the outdated ones as well
        #[arg(long)]
        all: bool,
    },
    /// Show a question: what is asked, exactly what would be done, and why policy asks
    Show {
        /// Its id, or its first characters
        id: String,
    },
    /// Say yes
    Approve(Given),
    /// Answer a question that wants words: a text, or one of its options by number
    Answer {
        /// Its id, or its first characters
        id: String,
        /// What you say
        text: String,
    },
    /// Say no; a reason lets a gate with `rewind_to` try again
    Deny(Given),
}

#[derive(Debug, clap::Args)]
struct Given {
    /// Its id, or its first characters
    id: String,
    /// Why, for the journal and, of a no, for who tries again
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Does it.
///
/// # Errors
/// When there is no such question, or it waits for no answer any more.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let place = args.remote.place(cx)?;
    match args.command {
        Command::Ls { all } => {
            let now = cx.clock.now();
            let all = all_of(&place, all)?.into_iter().map(|it| it.at(now)).collect();
            list(&place, all, cx, out)
        }
        Command::Show { id } => {
            let id = find(&place, &id, true)?;
            show(&place, &one_of(&place, id)?.at(cx.clock.now()), cx, out)
        }
        Command::Approve(given) => answer(&place, given, true, cx, out),
        Command::Answer { id, text } => {
            let known = find(&place, &id, false).or_else(|_| find(&place, &id, true))?;
            let reason = Some(worded(&one_of(&place, known)?, &text)?);
            answer(&place, Given { id, reason }, true, cx, out)
        }
        Command::Deny(given) => answer(&place, given, false, cx, out),
    }
}

/// Open questions, or every one.
fn all_of(place: &Place, closed_too: bool) -> Result<Vec<ApprovalView>, CliError> {
    match place {
        Place::Named(client) | Place::Daemon(client, _) => wait_for(pages(client, closed_too)),
        Place::Here(app) => here::all(app, closed_too),
    }
}

async fn pages(client: &Client, closed_too: bool) -> Result<Vec<ApprovalView>, CliError> {
    let (mut all, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut request = Request::get(&PATH).with("limit", PAGE);
        if !closed_too {
            request = request.with("status", "open");
        }
        if let Some(cursor) = &cursor {
            request = request.with("cursor", cursor);
        }
        let answer = client.ask(&request).await.map_err(client_error)?;
        let page: ApprovalPage = read(client, answer)?;
        all.extend(page.approvals);
        if page.next_cursor.is_none() || page.next_cursor == cursor || all.len() >= LISTED_MAX {
            return Ok(all);
        }
        cursor = page.next_cursor;
    }
}

fn one_of(place: &Place, id: ApprovalId) -> Result<ApprovalView, CliError> {
    match place {
        Place::Named(client) | Place::Daemon(client, _) => {
            let id = id.to_string();
            let path: Vec<&str> = PATH.into_iter().chain([id.as_str()]).collect();
            ask(client, Request::get(&path))
        }
        Place::Here(app) => here::one(app, id),
    }
}

/// The question that a person means: its id, or its first characters.
fn find(place: &Place, id: &str, closed_too: bool) -> Result<ApprovalId, CliError> {
    if let Ok(id) = id.parse() {
        return Ok(id);
    }
    let prefix = format!("{}{}", ApprovalId::PREFIX, id.trim_start_matches(ApprovalId::PREFIX));
    let all = all_of(place, closed_too)?;
    let mut fitting =
        all.iter().map(|it| it.approval_id).filter(|id| id.to_string().starts_with(&prefix));
    let hint = |message: String| CliError::usage(message).hint("list them: bailiwick approvals ls");
    match (fitting.next(), fitting.next()) {
        (Some(one), None) if prefix.len() > ApprovalId::PREFIX.len() => Ok(one),
        (Some(_), Some(_)) => Err(hint(format!("`{id}` is the beginning of several questions"))),
        _ if closed_too => Err(hint(format!("there is no question `{id}`"))),
        _ => Err(hint(format!("there is no open question `{id}`"))),
    }
}

/// What is said to a question that wants words.
fn worded(it: &ApprovalView, said: &str) -> Result<String, CliError> {
    let Some(consult) = &it.consult else {
        let id = it.approval_id;
        return Err(CliError::usage(format!("`{id}` wants a yes or a no, not words"))
            .hint(format!("bailiwick approvals approve {id}, or deny {id}")));
    };
    consult
        .accepts(Some(&terminal::chosen(consult, said)))
        .map_err(|why| CliError::usage(format!("`{}`: {why}", it.approval_id)))
}

fn answer(
    place: &Place,
    Given { id, reason }: Given,
    approved: bool,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let id = find(place, &id, false).or_else(|_| find(place, &id, true))?;
    let view = one_of(place, id)?;
    about::still_waits(&view)?;
    let worded = view.consult.is_some();
    let answered: Answered = match place {
        Place::Named(client) | Place::Daemon(client, _) => {
            let shown = id.to_string();
            let path: Vec<&str> = PATH.into_iter().chain([shown.as_str()]).collect();
            let mut body = json!({ "approved": approved });
            if let (Some(reason), Some(body)) = (reason, body.as_object_mut()) {
                body.insert("reason".to_owned(), json!(reason));
            }
            ask(client, Request::post(&path).body(body))?
        }
        Place::Here(app) => here::answer(app, id, approved, reason)?,
    };
    if cx.json {
        output::json(out, &answered)?;
        return Ok(Exit::Done);
    }
    let Answered { approval_id, run_id, status, missing, .. } = &answered;
    let word = match (approved, *missing) {
        (true, 0) if worded => "is answered".to_owned(),
        (true, 0) => "is approved".to_owned(),
        (true, 1) => "needs one more person to say yes".to_owned(),
        (true, missing) => format!("needs {missing} more people to say yes"),
        (false, _) => "is denied".to_owned(),
    };
    let run = run_id.zip(*status).map(|(run, status)| format!("; {run} is {}", status.as_str()));
    output::line(out, format!("{approval_id} {word}{}", run.unwrap_or_default()))?;
    Ok(Exit::Done)
}

fn list(
    place: &Place,
    all: Vec<ApprovalView>,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    if cx.json {
        output::json(out, &json!({ "items": all }))?;
        return Ok(Exit::Done);
    }
    if all.is_empty() {
        output::line(out, "nothing waits for an answer")?;
        return Ok(Exit::Done);
    }
    let playbooks = about::playbooks(place, &all)?;
    let heads = ["APPROVAL", "STATUS", "RUN", "PLAYBOOK", "STEP", "TOOL", "UNTIL", "PROMPT"];
    let mut rows = vec![heads.map(str::to_owned)];
    rows.extend(all.iter().map(|it| {
        [
            it.approval_id.to_string(),
            about::status(it),
            it.run_id.map_or_else(|| BEFOREHAND.to_owned(), about::short),
            it.run_id.and_then(|run| playbooks.get(&run).cloned()).unwrap_or_default(),
            one_line(&it.step, CELL_CHARS),
            it.tool.clone().unwrap_or_default(),
            it.expires_at.to_string(),
            one_line(&it.prompt, CELL_CHARS),
        ]
    }));
    output::table(out, &rows)?;
    Ok(Exit::Done)
}

fn show(place: &Place, it: &ApprovalView, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    if cx.json {
        output::json(out, it)?;
        return Ok(Exit::Done);
    }
    let mut lines = vec![it.prompt.clone()];
    match &it.run_id {
        Some(run) => lines.extend([format!("  run     {run}"), format!("  step    {}", it.step)]),
        None => {
            let by = it.given_by.as_deref().unwrap_or_default();
            lines.push(format!("  given   beforehand, by {by}"));
        }
    }
    if let Some(tool) = &it.tool {
        lines.push(format!("  tool    {tool}"));
    }
    if let Some(args) = &it.args {
        let args = Value::Object(args.clone()).to_string();
        lines.push(format!("  args    {}", one_line(&args, ARGS_CHARS)));
    }
    lines.extend(it.call_id.map(|call| format!("  call    {call}")));
    if let Some(risk) = &it.risk {
        lines.push(format!("  risk    {}", json!(risk).as_str().unwrap_or_default()));
    }
    if let Some(undoable) = it.undoable {
        let words = if undoable { "yes: bailiwick undo" } else { "this cannot be undone" };
        lines.push(format!("  undo    {words}"));
    }
    lines.extend(about::rules(place, it)?.into_iter().map(|rule| format!("  rule    {rule}")));
    lines.extend(about::people(it).map(|people| format!("  people  {people}")));
    lines.push(format!("  asked   {}, until {}", it.requested_at, it.expires_at));
    lines.push(format!("  status  {}", it.status));
    if let Some(by) = &it.by {
        lines.push(format!("  by      {by}"));
    }
    if let Some(reason) = &it.reason {
        lines.push(format!("  because {reason}"));
    }
    let id = it.approval_id;
    if it.run_id.is_none() {
        if it.waits() {
            lines.push(format!("take it back: bailiwick approvals deny {id}"));
        }
    } else if it.status == ApprovalView::EXPIRED {
        lines.push(format!(
            "it is too late to answer; have it asked anew: bailiwick approvals deny {id}"
        ));
    } else if it.waits() {
        lines.push(match &it.consult {
            Some(consult) => {
                let options = consult
                    .options
                    .iter()
                    .map(|it| format!("  option  {}\n", one_line(it, CELL_CHARS)));
                format!(
                    "{}answer: bailiwick approvals answer {id} TEXT",
                    options.collect::<String>()
                )
            }
            None => format!("answer: bailiwick approvals approve {id}, or deny {id}"),
        });
    }
    output::line(out, lines.join("\n"))?;
    Ok(Exit::Done)
}
