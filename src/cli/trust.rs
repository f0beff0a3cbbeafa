//! `bailiwick trust`: the user vouches for what governs the runner in a workspace.

use std::io::Write;

use serde_json::json;

use super::{CliError, Cx, Exit, output};
use crate::workspace::{Governed, Ledger, Standing, locate, user_dir};

/// What stands below a change of trust.
const AT_START: &str = "a daemon that runs here reads this when it starts: start it again";

/// Trusts the policies, playbooks, prompts, configuration and `.env` of this workspace as they are
/// now.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only say how the workspace stands.
    #[arg(long, conflicts_with = "revoke")]
    show: bool,
    /// Take trust back.
    #[arg(long)]
    revoke: bool,
}

/// Runs the command.
///
/// # Errors
/// When the workspace cannot be trusted, or the record cannot be read or written.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let root = locate(&cx.cwd, cx.workspace.as_deref())?.root;
    let ledger = Ledger::of(user_dir(&cx.env).as_deref(), &root)
        .map_err(|why| CliError::usage(format!("this workspace cannot be trusted: {why}")))?;
    let governed = Governed::read(&root);
    let before = ledger.standing(&root, &governed)?;
    let name = root.display();
    if args.revoke {
        let text = match ledger.revoke(&root)? {
            true => format!("`{name}` is not trusted any more\n{AT_START}"),
            false => format!("`{name}` was not trusted"),
        };
        let now = ledger.standing(&root, &governed)?;
        return answer(cx, out, &text, &root, &governed, &now);
    }
    if args.show {
        return answer(cx, out, &describe(&before), &root, &governed, &before);
    }
    ledger.record(&root, &governed, cx.clock.now())?;
    let mut text =
        format!("`{name}` is trusted with {} files as they are now", governed.files.len());
    if let Standing::Changed(changes) = &before {
        for change in changes {
            text.push_str(&format!("\n  {change}"));
        }
    }
    if !matches!(before, Standing::Trusted { .. }) {
        text.push_str(&format!("\n{AT_START}"));
    }
    let after = ledger.standing(&root, &governed)?;
    answer(cx, out, &text, &root, &governed, &after)
}

fn describe(standing: &Standing) -> String {
    match standing {
        Standing::Trusted { since } => format!("trusted since {since}"),
        Standing::Unknown => "not trusted: nobody said so yet".to_owned(),
        Standing::Changed(changes) => {
            let lines: Vec<String> = changes.iter().map(|change| format!("\n  {change}")).collect();
            format!("not trusted any more:{}", lines.concat())
        }
        Standing::Impossible(why) => format!("cannot be trusted: {why}"),
    }
}

fn answer(
    cx: &Cx,
    out: &mut dyn Write,
    text: &str,
    root: &std::path::Path,
    governed: &Governed,
    standing: &Standing,
) -> Result<Exit, CliError> {
    if !cx.json {
        return output::line(out, text).map(|()| Exit::Done);
    }
    let changes = match standing {
        Standing::Changed(changes) => changes.as_slice(),
        _ => &[],
    };
    let answer = json!({
        "workspace": root,
        "trusted": matches!(standing, Standing::Trusted { .. }),
        "standing": describe(standing),
        "changes": changes,
        "files": governed.files,
        "hash": governed.hash(),
    });
    output::json(out, &answer).map(|()| Exit::Done)
}
