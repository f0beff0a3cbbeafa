//! `bailiwick init`: makes a workspace.

use std::io::Write;
use std::path::PathBuf;

use serde_json::json;

use super::{CliError, Cx, Exit, output};
use crate::live::playbooks::{SHIPPED, SHIPPED_TEMPLATES};
use crate::policy::{default_files, json_schema, script_definitions, tests_json_schema};
use crate::tools::process_tool_schema;
use crate::workspace::{Made, Shipped, Vouched, init, user_dir};

/// Makes a workspace: configuration, policies, playbooks, prompts and memory. Safe to repeat.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where; the current directory unless given.
    dir: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// When the directory is none, something stands in the way, or writing fails.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let dir = match (&args.dir, &cx.workspace) {
        (Some(dir), _) | (None, Some(dir)) => cx.cwd.join(dir),
        (None, None) => cx.cwd.clone(),
    };
    let made = init(&dir, &shipped(), user_dir(&cx.env).as_deref(), cx.clock.now())?;
    if cx.json {
        output::json(out, &as_json(&made))?;
    } else {
        output::line(out, as_text(&made))?;
    }
    Ok(Exit::Done)
}

/// What a new workspace gets: its configuration, and the policies and playbooks inside the program.
fn shipped() -> Vec<Shipped> {
    let playbooks = SHIPPED.iter().chain(&SHIPPED_TEMPLATES);
    let texts = default_files().iter().chain(playbooks);
    let mut files = Shipped::base();
    files.extend(texts.map(|(path, text)| Shipped::text(path, text)));
    let generated = [
        ("config/schema/policy.json", format!("{:#}\n", json_schema())),
        ("config/schema/policy-tests.json", format!("{:#}\n", tests_json_schema())),
        ("config/schema/policy.d.rhai", script_definitions()),
        ("config/schema/tool.json", format!("{:#}\n", process_tool_schema())),
    ];
    files.extend(generated.map(|(path, text)| Shipped { path, bytes: text.into_bytes().into() }));
    files
}

fn as_json(made: &Made) -> serde_json::Value {
    let (trusted, not_made_here) = match &made.vouched {
        Vouched::Trusted => (true, &[][..]),
        Vouched::Foreign(files) => (false, files.as_slice()),
        Vouched::Impossible(_) => (false, &[][..]),
    };
    json!({
        "workspace": made.root,
        "made": made.made,
        "kept": made.kept,
        "unchanged": made.unchanged,
        "trusted": trusted,
        "not_made_here": not_made_here,
    })
}

fn as_text(made: &Made) -> String {
    let mut lines = vec![format!("workspace `{}`", made.root.display())];
    lines.extend(made.made.iter().map(|file| format!("  made  {file}")));
    lines.extend(made.kept.iter().map(|file| format!("  kept  {file} (it was edited)")));
    if !made.unchanged.is_empty() {
        lines.push(format!("  {} files were there already", made.unchanged.len()));
    }
    match &made.vouched {
        Vouched::Trusted => lines.push("it is trusted as it is now".to_owned()),
        Vouched::Foreign(files) => {
            lines.push("it is not trusted, because these files were not made here:".to_owned());
            lines.extend(files.iter().map(|file| format!("  {}", file.escape_debug())));
            lines.push("look at them, then run `bailiwick trust`".to_owned());
        }
        Vouched::Impossible(why) => lines.push(format!("it cannot be trusted: {why}")),
    }
    lines.join("\n")
}
