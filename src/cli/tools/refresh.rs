//! `tools refresh`: MCP servers are asked again what they offer, by a person who looks at the change.

use std::io::Write;

use serde_json::json;

use crate::app::{App, Listed};
use crate::cli::{CliError, Cx, Exit, output};

pub(super) fn run(
    server: Option<&str>,
    app: &App,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let names: Vec<String> = match server {
        Some(name) => vec![name.to_owned()],
        None => app.workspace.config.mcp.servers.keys().cloned().collect(),
    };
    let (mut listed, mut failed) = (Vec::new(), None);
    for name in &names {
        match app.refresh_server(name, cx.clock.as_ref()) {
            Ok(one) => listed.push(one),
            Err(error) if names.len() > 1 => {
                output::note(&format!("warning: {}", error.message));
                failed = Some(error.exit);
            }
            Err(error) => return Err(error),
        }
    }
    if cx.json {
        output::json(out, &json!({ "items": listed }))?;
    } else if names.is_empty() {
        output::line(out, format_args!("no MCP server is configured"))?;
    } else {
        listed.iter().try_for_each(|one| output::text(out, &text(one)))?;
    }
    if !listed.is_empty() && app.has_host()? {
        output::note("note: a host is at work here; for its runs this counts from its next start");
    }
    Ok(failed.unwrap_or(Exit::Done))
}

fn text(listed: &Listed) -> String {
    let mut text = format!("`{}` offers {} tools\n", listed.server, listed.tools);
    let each = [("new", &listed.added), ("changed", &listed.changed), ("gone", &listed.removed)];
    for (word, names) in each {
        names.iter().for_each(|name| text.push_str(&format!("  {word}: {name}\n")));
    }
    for why in &listed.passed_over {
        text.push_str(&format!("  passed over: {why}\n"));
    }
    text
}
