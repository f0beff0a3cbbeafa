//! The execution layer: tools, direct calls, the audit log, settings.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::json;

use crate::contracts::{
    ExecutionChange, LogEntry, LogPage, NodeHealth, ToolList, ToolSwitched, ToolView,
};
use crate::orchestrator::{Change, ChangeError, Services, execution_config};
use crate::ports::ToolDescriptor;
use crate::server::problem::Problem;
use crate::server::query::wrong;
use crate::server::reply::{Answer, Reply};
use crate::server::route::Call;
use crate::yaml::did_you_mean;

/// Most entries of the audit log at once.
const LOGS_MAX: u32 = 1_000;

pub(in crate::server) async fn tools(call: Call) -> Answer {
    let services = Arc::clone(&call.shared.services);
    Reply::ok(&call.shared.blocking(move || listed(&services)).await?)
}

fn listed(services: &Services) -> ToolList {
    drop(services.settings.refreshed());
    let set = services.policy.current();
    let view = |tool: &ToolDescriptor| ToolView {
        name: tool.name.clone(),
        aliases: tool.aliases.clone(),
        enabled: set.is_enabled(&tool.name) == Some(true),
        risk: tool.risk,
        effect: tool.effect,
        description: tool.description.clone(),
        schema: tool.schema.clone(),
    };
    ToolList { tools: services.callable().tools().map(|tool| view(tool)).collect() }
}

/// The tool that answers to `name`.
pub(in crate::server) fn known(
    services: &Services,
    name: &str,
) -> Result<Arc<ToolDescriptor>, Problem> {
    let tools = services.callable();
    tools.get(name).cloned().ok_or_else(|| {
        let shown: String = name.chars().take(100).flat_map(char::escape_debug).collect();
        let detail = format!("there is no tool `{shown}`");
        let suggestion = did_you_mean(name, tools.names());
        let problem =
            Problem::new(StatusCode::NOT_FOUND, "unknown_tool", "there is no such tool", &detail);
        problem.error(Some("tool_name"), &detail, suggestion.as_deref())
    })
}

pub(in crate::server) async fn switch(call: Call) -> Answer {
    let on: Option<bool> = call.query.parse("enabled", "is neither `true` nor `false`")?;
    let on = on.ok_or_else(|| wrong("enabled", "is missing", Some("`true` or `false`")))?;
    let (services, by) = (Arc::clone(&call.shared.services), call.caller.by.clone());
    let name = call.part("name").to_owned();
    let switched = call.shared.blocking(move || switch_now(&services, &name, on, &by)).await??;
    Reply::ok(&switched)
}

fn switch_now(
    services: &Services,
    name: &str,
    on: bool,
    by: &str,
) -> Result<ToolSwitched, Problem> {
    let name = known(services, name)?.name.clone();
    services.settings.change(&Change::Tool(name.clone(), on), by)?;
    let enabled = services.policy.current().is_enabled(&name) == Some(true);
    if enabled != on {
        let detail = format!("the rules switch `{name}` off: configuration cannot switch it on");
        return Err(Problem::conflict("off_by_rules", detail));
    }
    Ok(ToolSwitched { name, enabled })
}

pub(in crate::server) async fn show_config(call: Call) -> Answer {
    let services = Arc::clone(&call.shared.services);
    let config = call.shared.blocking(move || services.settings.refreshed()).await?;
    Reply::ok(&execution_config(&config))
}

pub(in crate::server) async fn change_config(call: Call) -> Answer {
    let change: ExecutionChange = call.json()?;
    let (services, by) = (Arc::clone(&call.shared.services), call.caller.by.clone());
    let changing = move || {
        services.settings.change(&Change::Settings(change), &by)?;
        Ok::<_, ChangeError>(execution_config(&services.config()))
    };
    Reply::ok(&call.shared.blocking(changing).await??)
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        let message = error.to_string();
        match error {
            ChangeError::Invalid(mistakes) => Self::invalid(message).diagnostics(&mistakes),
            ChangeError::NotTrusted(_) => {
                let title = "nobody vouches for the workspace";
                Self::new(StatusCode::FORBIDDEN, "not_trusted", title, message)
            }
            ChangeError::Broken { .. } => Self::conflict("broken_file", message),
            ChangeError::Io { .. } | ChangeError::Unkept => Self::internal(&message),
        }
    }
}

pub(in crate::server) async fn logs(call: Call) -> Answer {
    let limit = call.query.limit(LOGS_MAX)?;
    let lines = call.shared.read(move |reader| reader.audit_tail(limit)).await?;
    let read = |json: &str| serde_json::from_str::<LogEntry>(json);
    let entries = lines.iter().map(|line| read(&line.json)).collect::<Result<_, _>>();
    Reply::ok(&LogPage { entries: entries.map_err(|error| Problem::internal(&error))? })
}

pub(in crate::server) async fn node_health(_call: Call) -> Answer {
    Reply::ok(&NodeHealth { ok: false, reason: Some("no node configured".to_owned()) })
}

/// 403: the tool is switched off.
pub(in crate::server) fn disabled(tool: &str) -> Problem {
    let detail = format!("the tool `{tool}` is switched off");
    Problem::new(StatusCode::FORBIDDEN, "tool_disabled", "the tool is switched off", detail)
        .with("tool_name", json!(tool))
}
