//! Becoming the host: the store, the rules, the tools and the sandbox, put together.

use std::sync::Arc;

use super::App;
use super::reloads::watch_policy;
use crate::cli::{CliError, Exit, store_error};
use crate::host::Host;
use crate::live::playbooks::LivePlaybooks;
use crate::live::prompts::LivePrompts;
use crate::orchestrator::{LiveConfig, LiveTools, Services, SystemClock};
use crate::playbook::LintLimits;
use crate::playbook::expression::Evaluator;
use crate::ports::{Away, Clock};
use crate::store::{Store, StoreError, StoreOptions, is_held};
use crate::telemetry::Secrets;
use crate::workspace::cache_dir;

/// What names this boot of the machine.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Whether this process is the host now.
#[derive(Debug)]
pub enum OpenHost {
    /// It is.
    Host(Host),
    /// Another process is.
    Busy {
        /// Its id, when it could be read.
        pid: Option<u32>,
    },
}

impl App {
    /// Becomes the host, unless another process is.
    ///
    /// # Errors
    /// When the store cannot be opened, or what is stored is damaged.
    pub fn open_host(&self) -> Result<OpenHost, CliError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        self.claim_state(clock.as_ref())?;
        let boot_id = boot_id()?;
        let state_dir = self.workspace.state_dir.clone();
        let options = StoreOptions::new(state_dir, self.audit_path(), Arc::clone(&clock), boot_id);
        let opened = match Store::open(&options) {
            Ok(opened) => opened,
            Err(StoreError::Locked { pid, .. }) => return Ok(OpenHost::Busy { pid }),
            Err(error) => return Err(store_error(error)),
        };
        for finding in &opened.findings {
            tracing::error!("integrity: {finding}");
        }
        let services = Arc::new(self.services(opened.store, clock)?);
        self.keep_overrides_up(&services);
        Ok(OpenHost::Host(Host { services }))
    }

    fn services(&self, store: Store, clock: Arc<dyn Clock>) -> Result<Services, CliError> {
        let config = self.workspace.config.clone();
        let limits = LintLimits::from(&config);
        let secrets = self.secrets()?;
        let (store, metrics) = (Arc::new(store), Arc::default());
        let redactor = Arc::new(secrets.redactor());
        let memory = self.memory_of(&store, &clock, &redactor);
        let policy = Arc::new(self.policy()?);
        let policy_watch = watch_policy(&policy, &store, &metrics, &clock)?;
        Ok(Services {
            root: self.workspace.root.clone(),
            policy,
            policy_watch: Some(Arc::new(policy_watch)),
            trial: self.trial()?.map(Arc::new),
            places: self.places()?,
            tools: Arc::new(LiveTools::new(self.tools_now())),
            playbooks: Arc::new(self.live_playbooks()?),
            model: self.chat()?,
            compares: super::route::router_embedder,
            prompts: Arc::new(LivePrompts::new(&self.workspace.root, self.workspace.trusted)),
            sandbox: self.sandbox()?,
            away: self.away(),
            memory: Arc::new(memory),
            // The seam for the chat model of the configuration.
            kv: self.kv(),
            knowledge: self.knowledge_dir(),
            redactor,
            secrets: Arc::new(secrets),
            evaluator: Arc::new(Evaluator::new(limits.expressions())),
            live: Arc::default(),
            metrics,
            settings: Arc::new(LiveConfig::new(config)),
            rates: Arc::default(),
            named: Arc::default(),
            store,
            clock,
        })
    }

    /// Where work is done that the workspace is to see nothing of.
    fn away(&self) -> Away {
        let area = cache_dir(&self.workspace.env).map(|dir| dir.join("worker"));
        let sandbox = &self.workspace.config.sandbox;
        let argv = sandbox.profiles.get("worker").map(|worker| worker.argv.clone());
        Away {
            area,
            argv: argv.unwrap_or_default(),
            addresses: sandbox.proxy.allow_addresses.clone(),
            ..Away::default()
        }
    }

    /// The playbooks, kept up with their files.
    fn live_playbooks(&self) -> Result<LivePlaybooks, CliError> {
        let limits = LintLimits::from(&self.workspace.config);
        LivePlaybooks::open(&self.workspace.root, self.tools(), limits)
            .map_err(|error| CliError::usage(error.to_string()))
    }

    /// Whether a process is the host now.
    ///
    /// # Errors
    /// When the lock cannot be looked at.
    pub fn has_host(&self) -> Result<bool, CliError> {
        is_held(&self.workspace.state_dir).map_err(store_error)
    }

    /// The secrets that playbooks may use.
    ///
    /// # Errors
    /// When a secret's file is not private, or a secret is too short to be struck out.
    pub fn secrets(&self) -> Result<Secrets, CliError> {
        let dir = self.workspace.config.secrets.dir.as_deref();
        Secrets::load(self.workspace.env.iter(), dir)
            .map_err(|error| CliError::usage(error.to_string()))
    }
}

fn boot_id() -> Result<String, CliError> {
    std::fs::read_to_string(BOOT_ID).map(|id| id.trim().to_owned()).map_err(|error| {
        CliError::new(Exit::Failed, format!("`{BOOT_ID}` cannot be read: {error}"))
    })
}
