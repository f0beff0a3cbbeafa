//! `bailiwick doctor`: what works here and what does not: checks as data, and how they are shown.

mod machine;
mod walls;

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::{CliError, Cx, Exit, output};
use crate::app::App;
use crate::ports::BrowserSetup;
use crate::tools::BrowserPrograms;
use crate::workspace::{Environment, Owner, Standing, Workspace};

/// Say what works here and what does not.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Looks at everything. Exit code 1 when something that is needed does not work.
///
/// # Errors
/// When the configuration has mistakes, or standard output cannot be written.
pub fn run(_: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let app = App::open(cx)?;
    let mut checks = workspace_checks(&app.workspace, &cx.env);
    checks.push(policy(&app));
    checks.extend(walls::sandbox(&app));
    checks.push(store(&app));
    let workspace = &app.workspace;
    let free_min = workspace.config.queue.free_disk_bytes;
    checks.push(machine::disk(&workspace.root, &workspace.state_dir, free_min));
    checks.push(machine::clock(cx.clock.now(), &cx.env));
    checks.push(machine::models(&workspace.config.models.ollama_url));
    checks.push(browser(&app));
    checks.push(embedder(&app));
    checks.push(planner(&app));
    show(&checks, cx.json, out)?;
    Ok(if checks.iter().all(|check| check.ok) { Exit::Done } else { Exit::Failed })
}

/// The browser of `browser_task`. Nothing else needs one, so its absence is no failure.
fn browser(app: &App) -> Check {
    let config = &app.workspace.config.tools.browser;
    let setup = BrowserSetup { program: config.program.clone(), driver: config.driver.clone() };
    match BrowserPrograms::find(&setup) {
        Ok(found) => Check::good("browser", found.browser.display().to_string()),
        Err(missing) => {
            Check::good("browser", "none; only `browser_task` needs one").fix(missing.message)
        }
    }
}

fn policy(app: &App) -> Check {
    match app.policy() {
        Err(error) => Check::bad("policy", error.message, "reinstall the program"),
        Ok(live) => {
            let (rules, errors) = (live.current().rules().len(), live.errors());
            match errors.first() {
                None => Check::good("policy", format!("{rules} rules in force")),
                Some(first) => Check::bad(
                    "policy",
                    format!("the last good {rules} rules decide: {first}"),
                    "see every mistake: bailiwick policy check",
                ),
            }
        }
    }
}

/// What plans goals. Nothing else needs a language model.
fn planner(app: &App) -> Check {
    match app.chat() {
        Err(error) => Check::bad("planner", error.message, "see docs/models.md"),
        Ok(None) => Check::good(
            "planner",
            "no language model: goals go to playbooks and single tools (docs/goals.md)",
        )
        .fix("`models.chat` names one; see docs/models.md"),
        Ok(Some(model)) => Check::good("planner", format!("`{}` is asked", model.name())),
    }
}

fn embedder(app: &App) -> Check {
    match app.embedder(&app.workspace.config.models.embedder) {
        Err(error) => Check::bad(
            "embedder",
            error.to_string(),
            "memory is searched by words alone; models.embedder: auto takes what works",
        ),
        Ok(chosen) => {
            let check =
                Check::good("embedder", format!("`{}` makes vectors", chosen.embedder.id()));
            match chosen.note {
                Some(_) => {
                    check.fix("a better one: scripts/get-models.sh, or bailiwick models pull")
                }
                None => check,
            }
        }
    }
}

fn store(app: &App) -> Check {
    if let Ok(Owner::SomebodyElse(why)) = app.owner() {
        let detail = format!("the state in `.bailiwick/` was not made here by you: {why}");
        return Check::bad("store", detail, "move it away to begin anew");
    }
    match app.history().and_then(|history| history.runs(1)) {
        Ok(_) => Check::good("store", "can be read"),
        Err(error) if error.exit == Exit::Usage => Check::good("store", "nothing has run here yet"),
        Err(error) => Check::bad("store", error.message, "bailiwick verify says what is damaged"),
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at, such as `state directory`.
    pub name: &'static str,
    /// Whether work can go on with it.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// What to do; also on a check that is `ok` but could be better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Check {
    /// A check that went well.
    #[must_use]
    pub fn good(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, ok: true, detail: detail.into(), fix: None }
    }

    /// A check that did not.
    #[must_use]
    pub fn bad(name: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, ok: false, detail: detail.into(), fix: Some(fix.into()) }
    }

    /// The same check with what could be done.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// The workspace, its configuration, trust and state directory, and git.
#[must_use]
pub fn workspace_checks(workspace: &Workspace, env: &Environment) -> Vec<Check> {
    vec![
        located(workspace),
        configuration(workspace),
        trust(workspace),
        state_dir(&workspace.root, &workspace.state_dir),
        git(env),
    ]
}

/// Shows checks to a person or a program.
///
/// # Errors
/// When standard output cannot be written.
pub fn show(checks: &[Check], as_json: bool, out: &mut dyn Write) -> Result<(), CliError> {
    if as_json {
        let ok = checks.iter().all(|check| check.ok);
        return output::json(out, &json!({ "ok": ok, "items": checks }));
    }
    for check in checks {
        let word = if check.ok { "ok " } else { "BAD" };
        output::line(out, format_args!("{word}  {:18} {}", check.name, check.detail))?;
        if let Some(fix) = &check.fix {
            output::line(out, format_args!("{:24}{fix}", ""))?;
        }
    }
    Ok(())
}

fn located(workspace: &Workspace) -> Check {
    let check = Check::good("workspace", workspace.root.display().to_string());
    if workspace.has_config {
        return check;
    }
    check.fix(
        "it has no `config/bailiwick.yaml` and works with the defaults; `bailiwick init` makes one",
    )
}

fn configuration(workspace: &Workspace) -> Check {
    match workspace.warnings.len() {
        0 => Check::good("configuration", "no mistakes"),
        count => Check::good("configuration", format!("{count} settings do not count"))
            .fix("`bailiwick config show` names them"),
    }
}

fn trust(workspace: &Workspace) -> Check {
    match &workspace.standing {
        Standing::Trusted { since } => Check::good("trust", format!("trusted since {since}")),
        Standing::Unknown => Check::good("trust", "not trusted: it can only tighten the defaults")
            .fix("look at what governs the runner, then run `bailiwick trust`"),
        Standing::Changed(changes) => {
            let count = changes.len();
            Check::good("trust", format!("not trusted any more: {count} files changed"))
                .fix("`bailiwick trust --show` names them; `bailiwick trust` accepts them")
        }
        Standing::Impossible(why) => Check::good("trust", format!("cannot be trusted: {why}")),
    }
}

/// Tries to write, where the state directory is or would be made.
fn state_dir(root: &Path, state_dir: &Path) -> Check {
    let place = if state_dir.is_dir() { state_dir } else { root };
    match tempfile::NamedTempFile::new_in(place) {
        Ok(_) => Check::good("state directory", format!("`{}` can be written", place.display())),
        Err(error) => Check::bad(
            "state directory",
            format!("`{}` cannot be written: {error}", place.display()),
            "let the user who runs this write there, or work on a copy",
        ),
    }
}

fn git(env: &Environment) -> Check {
    let found = env
        .get("PATH")
        .into_iter()
        .flat_map(std::env::split_paths)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(if cfg!(windows) { "git.exe" } else { "git" }))
        .find(|path| is_program(path));
    match found {
        Some(path) => Check::good("git", path.display().to_string()),
        None => {
            Check::bad("git", "not found in `PATH`", "install git; without it the git tools fail")
        }
    }
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}
