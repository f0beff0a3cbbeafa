//! `build`, `test`, `analyse` and `command`: one command in the cell, in a tree of the run or in a copy.

use std::path::{Path, PathBuf};

use super::super::area::Area;
use super::super::bring::{self, Brought};
use super::super::kept;
use super::super::process::{Command, Walls, failure, run_kept};
use super::super::typed::{Answer, Call};
use super::allowed::{allowed, allowlist};
use super::args::Args;
use super::copy::Place;
use super::data::Data;
use super::projects;
use crate::contracts::{Confinement, ErrorKind, ToolError};
use crate::ports::Ending;

const CACHES: &str = "caches";

/// Where programs keep what they fetched: not with the user's own.
const CACHE_VARIABLES: [(&str, &str); 8] = [
    ("CARGO_HOME", "cargo"),
    ("npm_config_cache", "npm"),
    ("PIP_CACHE_DIR", "pip"),
    ("GOPATH", "go"),
    ("GOCACHE", "go-build"),
    ("RUFF_CACHE_DIR", "ruff"),
    ("MYPY_CACHE_DIR", "mypy"),
    ("XDG_CACHE_HOME", "other"),
];

pub(super) fn run(args: &Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
    if let Some(argv) = &args.command {
        check(argv, at)?;
    }
    let area = Area::of_run(at)?;
    let place = Place::of(args, at, &area)?;
    let dir = place.path();
    let argv = match &args.command {
        Some(argv) => argv.clone(),
        None => projects::command(args.action, dir).map_err(|why| {
            let message = format!("{why}; give a `command`");
            ToolError::new(ErrorKind::NotFound, message)
        })?,
    };
    check(&argv, at)?;
    let caches = area.dir(CACHES)?;
    let walls = Walls::Own(walls(at, dir, &caches));
    let env = environment(&caches);
    let cwd = dir.to_owned();
    let command = Command { argv: argv.clone(), cwd, env, stdin: Vec::new() };
    let (output, kept) = run_kept(at, command, walls)?;
    let wall_ms = at.call.timeout_ms.min(at.context.limits.wall_ms);
    let program = argv.first().map(String::as_str).unwrap_or_default();
    let mut error = failure(program, output.ending, wall_ms);
    // Reports of tests that failed are what one wants to see.
    let artifacts = bring::matching(at, dir, &args.artifacts).unwrap_or_else(|why| {
        error.get_or_insert(why);
        Vec::new()
    });
    let exit_code = match output.ending {
        Ending::Exited(status) => Some(status),
        Ending::Signalled(_) | Ending::TimedOut | Ending::Cancelled => None,
    };
    let text = |bytes: &[u8]| Some(String::from_utf8_lossy(bytes).into_owned());
    let data = Data {
        name: place.name(),
        command: Some(argv),
        exit_code,
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
        artifacts: Some(artifacts.iter().map(Brought::from).collect()),
        truncated: output.truncated,
        ..Data::default()
    };
    let (truncated, receipt) = (output.truncated, output.receipt);
    let mut logs = place.left_out();
    logs.extend(kept.iter().map(kept::said));
    let artifacts = artifacts.into_iter().chain(kept).collect();
    Ok(Answer { error, logs, artifacts, truncated, receipt, ..Answer::of(data) })
}

fn check(argv: &[String], at: &Call<'_>) -> Result<(), ToolError> {
    let list = allowlist(&at.context.away.argv);
    if allowed(argv, &list) {
        return Ok(());
    }
    let shown = argv.iter().take(2).cloned().collect::<Vec<_>>().join(" ");
    let message = format!(
        "`{}` is not in the worker's list (`sandbox.profiles.worker.argv`): `{}`",
        shown.escape_debug(),
        list.join("`, `"),
    );
    Err(ToolError::new(ErrorKind::Forbidden, message))
}

/// The directory and the caches, and what the profile grants for reading. The network is what policy
/// decided.
fn walls(at: &Call<'_>, dir: &Path, caches: &Path) -> Confinement {
    let granted = &at.context.confinement;
    let own: Vec<PathBuf> = vec![dir.to_owned(), caches.to_owned()];
    let read = own.iter().chain(&at.context.away.read).cloned().collect();
    Confinement {
        profile: granted.profile.clone(),
        read,
        write: own,
        network: granted.network,
        hosts: granted.hosts.clone(),
        ..Confinement::default()
    }
}

fn environment(caches: &Path) -> Vec<(String, String)> {
    let place = |name: &str| caches.join(name).display().to_string();
    CACHE_VARIABLES.iter().map(|(name, dir)| ((*name).to_owned(), place(dir))).collect()
}
