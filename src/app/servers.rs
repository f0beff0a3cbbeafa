//! MCP servers of the workspace: where they are, what walls they stand in, and what they offered.
//!
//! What a server offered is kept in the state directory, beside the journal: a clone cannot bring it
//! along, and no tool can write it. A server that was never listed is listed once when its tools are
//! first needed; after that only a person has it listed again.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::App;
use crate::cli::{CliError, Exit};
use crate::config::{McpServerConfig, SandboxProfile};
use crate::contracts::{Confinement, FsAccess, Network};
use crate::durable::{PRIVATE, replace};
use crate::ports::Clock;
use crate::tools::{McpServer, Offer, Reach};
use crate::workspace::Owner;

/// Largest kept offer, in bytes.
const OFFER_BYTES_MAX: u64 = 64 << 20;
/// Longest name of a server, in bytes.
const NAME_BYTES_MAX: usize = 32;
/// Where a program stands that sees nothing of the workspace.
const ELSEWHERE: &str = "/tmp";

/// Every server that can be used, and why others cannot.
pub(super) struct Offers {
    pub(super) servers: Vec<(McpServer, Option<Offer>)>,
    pub(super) absent: BTreeMap<String, String>,
}

/// What listing a server again changed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Listed {
    /// The server.
    pub server: String,
    /// Tools that are new.
    pub added: Vec<String>,
    /// Tools that are described otherwise than before.
    pub changed: Vec<String>,
    /// Tools that are gone.
    pub removed: Vec<String>,
    /// Tools in all.
    pub tools: usize,
    /// Why others are not among them.
    pub passed_over: Vec<String>,
}

impl App {
    /// Every server, with what it offered when it was listed.
    pub(super) fn offers(&self) -> Offers {
        let (mut servers, mut absent) = (Vec::new(), BTreeMap::new());
        for name in self.workspace.config.mcp.servers.keys() {
            match self.mcp_server(name) {
                Err(why) => {
                    absent.insert(name.clone(), why);
                }
                Ok(server) => {
                    let offer = self.offer(&server);
                    match &offer {
                        Ok(Some(_)) => {}
                        Ok(None) => {
                            let why =
                                format!("it was not listed yet: bailiwick tools refresh {name}");
                            absent.insert(name.clone(), why);
                        }
                        Err(why) => {
                            absent.insert(name.clone(), why.clone());
                        }
                    }
                    servers.push((server, offer.ok().flatten()));
                }
            }
        }
        Offers { servers, absent }
    }

    /// Lists every server that was never listed, and says what came of those that could not be. To be
    /// called before the tools are first looked at.
    ///
    /// # Errors
    /// When the state directory is somebody else's.
    pub fn list_new_servers(&self, clock: &dyn Clock) -> Result<Vec<String>, CliError> {
        let Offers { servers, .. } = self.offers();
        let new: Vec<McpServer> =
            servers.into_iter().filter(|(_, offer)| offer.is_none()).map(|(it, _)| it).collect();
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let sandbox = self.sandbox()?;
        self.claim_state(clock)?;
        let now = clock.now();
        let asked: Vec<_> = std::thread::scope(|scope| {
            let asking: Vec<_> = new
                .iter()
                .map(|server| scope.spawn(|| Offer::ask(server, &sandbox, now)))
                .collect();
            asking.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
        });
        let mut failed = Vec::new();
        for (server, asked) in new.iter().zip(asked) {
            match asked {
                Ok(Ok(offer)) => self.keep_offer(server, &offer)?,
                Ok(Err(error)) => failed.push(error.message),
                Err(_) => failed.push(format!("listing the MCP server `{}` broke", server.name)),
            }
        }
        Ok(failed)
    }

    /// Lists `name` again and keeps what it offers now.
    ///
    /// # Errors
    /// When there is no such server, it cannot be used, or nothing can be kept.
    pub fn refresh_server(&self, name: &str, clock: &dyn Clock) -> Result<Listed, CliError> {
        if !self.workspace.config.mcp.servers.contains_key(name) {
            let message = format!("there is no MCP server `{}`", name.escape_debug());
            let known: Vec<&str> =
                self.workspace.config.mcp.servers.keys().map(String::as_str).collect();
            return Err(
                CliError::usage(message).hint(format!("`mcp.servers` has: {}", known.join(", ")))
            );
        }
        let server = self.mcp_server(name).map_err(|why| {
            CliError::usage(format!("the MCP server `{name}` cannot be used: {why}"))
        })?;
        self.claim_state(clock)?;
        let before = self.offer(&server).ok().flatten();
        let offer = Offer::ask(&server, &self.sandbox()?, clock.now())
            .map_err(|error| CliError::new(Exit::Unavailable, error.message))?;
        self.keep_offer(&server, &offer)?;
        Ok(compared(name, before.as_ref(), &offer))
    }

    /// The server `name`, or why it cannot be used.
    fn mcp_server(&self, name: &str) -> Result<McpServer, String> {
        let config = &self.workspace.config;
        let written = config.mcp.servers.get(name).ok_or("there is no such server")?;
        if !is_name(name) {
            return Err(format!(
                "`{name}` is no name of a server: letters, digits, `_` and `-`, at most {NAME_BYTES_MAX}"
            ));
        }
        let (reach, sends_network) = match (written.command.is_empty(), written.url.is_empty()) {
            (false, true) => self.program(written)?,
            (true, false) => (self.address(written)?, true),
            (true, true) => return Err("it has neither `command` nor `url`".to_owned()),
            (false, false) => return Err("it has both `command` and `url`".to_owned()),
        };
        Ok(McpServer {
            name: name.to_owned(),
            reach,
            risk: written.risk,
            only: written.tools.clone(),
            timeout_ms: written.timeout_ms,
            sends_network,
        })
    }

    fn address(&self, written: &McpServerConfig) -> Result<Reach, String> {
        let url = written.url.clone();
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        if rest.is_none_or(str::is_empty) {
            return Err(
                "its `url` is no address that begins with `https://` or `http://`".to_owned()
            );
        }
        Ok(Reach::Http { url, headers: self.filled(&written.headers)? })
    }

    fn program(&self, written: &McpServerConfig) -> Result<(Reach, bool), String> {
        let profiles = &self.workspace.config.sandbox.profiles;
        let profile = profiles
            .get(&written.profile)
            .ok_or_else(|| format!("there is no sandbox profile `{}`", written.profile))?;
        if !crate::ports::may_run(&profile.argv, &written.command) {
            return Err(format!("the sandbox profile `{}` does not let it run", written.profile));
        }
        let confinement = self.server_walls(written, profile)?;
        let sends_network = confinement.network == Network::Proxy;
        let cwd = match written.workspace {
            FsAccess::None => PathBuf::from(ELSEWHERE),
            FsAccess::Read | FsAccess::Write => self.workspace.root.clone(),
        };
        let reach = Reach::Command {
            argv: written.command.clone(),
            env: self.filled(&written.env)?,
            cwd,
            confinement: Box::new(confinement),
            limits: profile.limits,
        };
        Ok((reach, sends_network))
    }

    /// The walls of a server's cell: those of its profile, and of the workspace what it was given. What
    /// governs the program stays read-only, and what it records unreadable, as for any command.
    fn server_walls(
        &self,
        written: &McpServerConfig,
        profile: &SandboxProfile,
    ) -> Result<Confinement, String> {
        let places = self.places().map_err(|error| error.message)?;
        let paths = |texts: &[String]| texts.iter().map(PathBuf::from).collect::<Vec<_>>();
        let mut write = paths(&profile.write);
        let mut read = paths(&profile.read);
        match written.workspace {
            FsAccess::None => {}
            FsAccess::Read => read.push(places.root.clone()),
            FsAccess::Write => write.push(places.root.clone()),
        }
        read.extend(write.iter().cloned());
        let under = |place: &Path, roots: &[PathBuf]| {
            roots.iter().any(|root| place.starts_with(root) || root.starts_with(place))
        };
        let reach = places.nets.of(&written.profile);
        let (mut protected, mut unreadable) = (places.protected(), places.unreadable());
        protected.retain(|place| under(place, &write));
        unreadable.retain(|place| under(place, &read));
        Ok(Confinement {
            profile: written.profile.clone(),
            read,
            write,
            protected,
            unreadable,
            network: reach.network,
            hosts: reach.hosts.into_iter().map(String::from).collect(),
        })
    }

    /// Values with their secrets put in.
    fn filled(&self, written: &BTreeMap<String, String>) -> Result<Vec<(String, String)>, String> {
        if written.values().all(|value| !value.contains("${secret:")) {
            return Ok(written.clone().into_iter().collect());
        }
        let secrets = self.secrets().map_err(|error| error.message)?;
        let each = written.iter().map(|(name, text)| Ok((name.clone(), secrets.filled(text)?)));
        each.collect()
    }

    /// What `server` offered when it was listed; `None` when it was not, or elsewhere.
    fn offer(&self, server: &McpServer) -> Result<Option<Offer>, String> {
        match self.owner().map_err(|error| error.message)? {
            Owner::Us => {}
            Owner::Nobody | Owner::SomebodyElse(_) => return Ok(None),
        }
        let path = self.offer_path(&server.name);
        let file = match std::fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("`{}` cannot be read: {error}", path.display())),
        };
        let mut bytes = Vec::new();
        file.take(OFFER_BYTES_MAX)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
        let offer: Offer = serde_json::from_slice(&bytes)
            .map_err(|error| format!("`{}` is damaged: {error}", path.display()))?;
        Ok(Some(offer).filter(|offer| offer.is_of(server)))
    }

    fn keep_offer(&self, server: &McpServer, offer: &Offer) -> Result<(), CliError> {
        let path = self.offer_path(&server.name);
        let failed = |error: std::io::Error| {
            CliError::new(Exit::Failed, format!("`{}` cannot be written: {error}", path.display()))
        };
        let dir = path.parent().unwrap_or(&self.workspace.state_dir);
        std::fs::create_dir_all(dir).map_err(failed)?;
        let mut text = serde_json::to_vec_pretty(offer)
            .map_err(|error| failed(std::io::Error::other(error)))?;
        text.push(b'\n');
        replace(&path, &text, PRIVATE).map_err(failed)
    }

    fn offer_path(&self, server: &str) -> PathBuf {
        self.workspace.state_dir.join("mcp").join(format!("{server}.json"))
    }
}

/// Letters, digits, `_` and `-`: what a name between `:` and `/` can be.
fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn compared(server: &str, before: Option<&Offer>, now: &Offer) -> Listed {
    let old =
        |name: &str| before.and_then(|offer| offer.tools.iter().find(|tool| tool.name == name));
    let (mut added, mut changed) = (Vec::new(), Vec::new());
    for tool in &now.tools {
        match old(&tool.name) {
            None => added.push(tool.name.clone()),
            Some(before) if before.told != tool.told => changed.push(tool.name.clone()),
            Some(_) => {}
        }
    }
    let gone = |name: &String| !now.tools.iter().any(|tool| tool.name == *name);
    let names = before.iter().flat_map(|offer| &offer.tools).map(|tool| tool.name.clone());
    Listed {
        server: server.to_owned(),
        added,
        changed,
        removed: names.filter(gone).collect(),
        tools: now.tools.len(),
        passed_over: now.passed_over.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_servers_are_plain() {
        for (name, fits) in [
            ("fs", true),
            ("a-b_1", true),
            ("", false),
            ("a/b", false),
            ("a:b", false),
            ("ä", false),
        ] {
            assert_eq!(is_name(name), fits, "{name}");
        }
        assert!(!is_name(&"a".repeat(33)));
    }
}
