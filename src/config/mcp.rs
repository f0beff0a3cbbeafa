//! MCP servers, from settings by key.

use std::collections::BTreeMap;

use super::{McpConfig, McpServerConfig, Setting};
use crate::contracts::{FsAccess, Risk};

const PREFIX: &str = "mcp.servers.";
const PROFILE: &str = "shell_exec";
const TIMEOUT_MS: u64 = 30_000;

/// The servers in `values`. What a server does not say is as the reference says; whether it says
/// enough is seen where it is used.
pub(super) fn assemble(values: &BTreeMap<String, Setting>) -> McpConfig {
    let mut servers = BTreeMap::new();
    for (path, setting) in values {
        let Some((name, key)) = path.strip_prefix(PREFIX).and_then(|rest| rest.split_once('.'))
        else {
            continue;
        };
        put(servers.entry(name.to_owned()).or_insert_with(plain), key, setting);
    }
    McpConfig { servers }
}

fn plain() -> McpServerConfig {
    McpServerConfig {
        command: Vec::new(),
        url: String::new(),
        env: BTreeMap::new(),
        headers: BTreeMap::new(),
        profile: PROFILE.to_owned(),
        workspace: FsAccess::None,
        risk: Risk::High,
        tools: Vec::new(),
        timeout_ms: TIMEOUT_MS,
    }
}

fn put(server: &mut McpServerConfig, key: &str, setting: &Setting) {
    match (key.split_once('.').unwrap_or((key, "")), setting) {
        (("command", _), Setting::Texts(words)) => server.command.clone_from(words),
        (("tools", _), Setting::Texts(names)) => server.tools.clone_from(names),
        (("url", _), Setting::Text(url)) => server.url.clone_from(url),
        (("profile", _), Setting::Text(name)) => server.profile.clone_from(name),
        (("timeout", _), Setting::Whole(ms)) => server.timeout_ms = *ms,
        (("env", name), Setting::Text(value)) => {
            server.env.insert(name.to_owned(), value.clone());
        }
        (("headers", name), Setting::Text(value)) => {
            server.headers.insert(name.to_owned(), value.clone());
        }
        (("risk", _), Setting::Text(word)) => {
            server.risk = match word.as_str() {
                "low" => Risk::Low,
                "medium" => Risk::Medium,
                _ => Risk::High,
            };
        }
        (("workspace", _), Setting::Text(word)) => {
            server.workspace = match word.as_str() {
                "read" => FsAccess::Read,
                "write" => FsAccess::Write,
                _ => FsAccess::None,
            };
        }
        // The registry gives every key its kind: nothing else is there.
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{SourceFile, Sources, resolve};
    use crate::contracts::{FsAccess, Risk};

    fn file(text: &str, trusted: bool) -> Sources {
        let file = SourceFile { name: "f".to_owned(), text: text.to_owned(), trusted };
        Sources { file: Some(file), ..Sources::default() }
    }

    const TWO: &str = "mcp:\n  servers:\n    fs: { command: [node, server.js], env: { MODE: quiet }, workspace: read, \
                       risk: medium, tools: [read_file], timeout: 5s }\n    far: { url: 'https://mcp.example.org/', \
                       headers: { Authorization: 'Bearer ${secret:FAR}' } }\n";

    #[test]
    fn reads_servers_and_what_they_leave_out_is_strict() {
        let servers = resolve(&file(TWO, true)).unwrap().config.mcp.servers;
        let (fs, far) = (&servers["fs"], &servers["far"]);
        assert_eq!((fs.command.len(), fs.risk, fs.timeout_ms), (2, Risk::Medium, 5_000));
        assert_eq!((fs.workspace, fs.env["MODE"].as_str()), (FsAccess::Read, "quiet"));
        assert_eq!((far.risk, far.workspace, far.tools.len()), (Risk::High, FsAccess::None, 0));
        assert_eq!(far.headers["Authorization"], "Bearer ${secret:FAR}");
        for broken in [
            "mcp: { servers: { a: { comand: [x] } } }",
            "mcp: { servers: { a: { risk: none } } }",
            "mcp: { servers: { a: [x] } }",
            "mcp: { servers: { 'a b': { url: x } } }",
        ] {
            assert!(resolve(&file(broken, true)).is_err(), "{broken}");
        }
    }

    #[test]
    fn a_workspace_that_nobody_trusts_names_no_server() {
        let resolved = resolve(&file(TWO, false)).unwrap();
        assert!(resolved.config.mcp.servers.is_empty(), "{:?}", resolved.config.mcp);
        assert!(resolved.warnings.len() >= 5);
    }
}
