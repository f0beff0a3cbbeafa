//! Switching a tool in `config/execution_layer_config.json`, the file for what changes while the
//! program runs.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use rustix::fs::FlockOperation;
use serde_json::{Value, json};

use crate::cli::CliError;
use crate::contracts::Map;
use crate::yaml::did_you_mean;

/// Where it is, in a workspace.
const FILE: &str = "config/execution_layer_config.json";
/// Largest file that is read.
const BYTES_MAX: u64 = 1024 * 1024;
/// What it may say.
const KEYS: &[&str] = &[
    "tool_enabled",
    "approval_mode",
    "require_approval_for_risky",
    "max_steps_per_run",
    "max_retries_per_tool",
    "dry_run_default",
    "prefer_sandbox",
];

/// Switches `tool` on or off in the workspace at `root`; everything else in the file stays. Returns
/// whether anything changed.
pub(super) fn set(root: &Path, tool: &str, enabled: bool) -> Result<bool, CliError> {
    let path = root.join(FILE);
    let dir = path.parent().unwrap_or(root);
    let fail = |what: &str, error: std::io::Error| {
        CliError::usage(format!("cannot {what} `{}`: {error}", path.display()))
    };
    fs::create_dir_all(dir).map_err(|error| fail("make the directory of", error))?;
    // Two of us at once would each lose what the other changed.
    let lock = fs::File::open(dir).map_err(|error| fail("open the directory of", error))?;
    rustix::fs::flock(&lock, FlockOperation::LockExclusive)
        .map_err(|error| fail("lock the directory of", error.into()))?;
    let mut settings = read(&path)?;
    let enabled_tools = settings.entry("tool_enabled").or_insert_with(|| json!({}));
    let Value::Object(enabled_tools) = enabled_tools else {
        return Err(CliError::usage(format!("`{FILE}`: `tool_enabled` is not an object"))
            .hint("it maps names of tools to `true` or `false`"));
    };
    if enabled_tools.get(tool) == Some(&Value::Bool(enabled)) {
        return Ok(false);
    }
    enabled_tools.insert(tool.to_owned(), Value::Bool(enabled));
    write(&path, &settings).map_err(|error| fail("write", error))?;
    Ok(true)
}

fn read(path: &Path) -> Result<Map, CliError> {
    let text = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Map::new()),
        Ok(meta) if meta.len() > BYTES_MAX => {
            return Err(CliError::usage(format!("`{FILE}` is larger than 1 MiB")));
        }
        _ => fs::read_to_string(path)
            .map_err(|error| CliError::usage(format!("cannot read `{FILE}`: {error}")))?,
    };
    let value: Value = serde_json::from_str(&text)
        .map_err(|error| CliError::usage(format!("`{FILE}` is not JSON: {error}")))?;
    let Value::Object(settings) = value else {
        return Err(CliError::usage(format!("`{FILE}` is not a JSON object")));
    };
    match settings.keys().find(|key| !KEYS.contains(&key.as_str())) {
        None => Ok(settings),
        Some(unknown) => {
            let error = CliError::usage(format!("`{FILE}`: `{unknown}` is not a known key"));
            let hint = did_you_mean(unknown, KEYS.iter().copied())
                .unwrap_or_else(|| format!("it may have `{}`", KEYS.join("`, `")));
            Err(error.hint(hint))
        }
    }
}

/// Replaces the file in one step, durably.
fn write(path: &Path, settings: &Map) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".execution_layer_config").tempfile_in(dir)?;
    let mut text = serde_json::to_string_pretty(settings)?;
    text.push('\n');
    file.write_all(text.as_bytes())?;
    let mode = match fs::metadata(path) {
        Ok(meta) => meta.permissions(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            std::os::unix::fs::PermissionsExt::from_mode(0o644)
        }
        Err(error) => return Err(error),
    };
    file.as_file().set_permissions(mode)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    fs::File::open(dir)?.sync_all()
}
