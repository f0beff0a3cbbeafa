//! From settings by key to the typed configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

use super::mcp;
use super::reference::BUILT_IN_NAME;
use super::{
    BrowserConfig, BudgetConfig, Config, DesktopConfig, LimitsConfig, MemoryConfig, OnMissing,
    PolicyConfig, ProxyConfig, QueueConfig, Rate, RateConfig, RetentionConfig, RunConfig,
    SandboxConfig, SandboxProfile, SchedulesConfig, SecretsConfig, ServerConfig, Setting,
    ToolsConfig,
};
use crate::contracts::{ApprovalMode, Budget, Diagnostic, Network, Profile};
use crate::ports::Limits;

/// The configuration in `values`, which hold every key of the built-in layer.
pub(super) fn assemble(values: &BTreeMap<String, Setting>) -> Result<Config, Diagnostic> {
    let values = Values(values);
    Ok(Config {
        policy: policy(&values)?,
        tools: ToolsConfig {
            enabled: enabled(&values),
            browser: BrowserConfig {
                program: values.optional("tools.browser.program")?.map(PathBuf::from),
                driver: values.optional("tools.browser.driver")?.map(PathBuf::from),
            },
            desktop: DesktopConfig { display: values.optional("tools.desktop.display")? },
        },
        mcp: mcp::assemble(values.0),
        run: RunConfig {
            dry_run_default: values.boolean("run.dry_run_default")?,
            prefer_sandbox: values.boolean("run.prefer_sandbox")?,
            max_retries_per_tool: values.count("run.max_retries_per_tool")?,
        },
        budget: BudgetConfig {
            default: budget(&values, "budget.default")?,
            max: budget(&values, "budget.max")?,
        },
        server: server(&values)?,
        queue: queue(&values)?,
        schedules: SchedulesConfig {
            enabled: values.boolean("schedules.enabled")?,
            verify: values.optional("schedules.verify")?,
            retention: values.optional("schedules.retention")?,
            consolidation: values.optional("schedules.consolidation")?,
        },
        retention: RetentionConfig {
            texts_ms: Some(values.whole("retention.texts")?).filter(|ms| *ms > 0),
            keys_ms: values.whole("retention.keys")?,
        },
        sandbox: SandboxConfig {
            require: values.texts("sandbox.require")?,
            on_missing: match values.text("sandbox.on_missing")? {
                "degrade" => OnMissing::Degrade,
                _ => OnMissing::Refuse,
            },
            proxy: ProxyConfig {
                hosts: values.texts("sandbox.proxy.hosts")?,
                allow_addresses: values.addresses("sandbox.proxy.allow_addresses")?,
            },
            profiles: profiles(&values)?,
        },
        memory: MemoryConfig {
            text_bytes_max: values.whole("memory.text_bytes_max")?,
            same_from: values.number("memory.same_from")?,
            consolidation: super::consolidation::consolidation(&values)?,
        },
        recall: super::recall::recall(&values)?,
        models: super::recall::models(&values)?,
        notify: super::notify::assemble(&values)?,
        planner: super::planner::planner(&values)?,
        limits: limits(&values)?,
        secrets: SecretsConfig { dir: values.optional("secrets.dir")?.map(PathBuf::from) },
    })
}

fn policy(values: &Values<'_>) -> Result<PolicyConfig, Diagnostic> {
    Ok(PolicyConfig {
        profile: match values.text("policy.profile")? {
            "strict" => Profile::Strict,
            "ci" => Profile::Ci,
            _ => Profile::Workspace,
        },
        approval_mode: match values.text("policy.approval_mode")? {
            "auto" => ApprovalMode::Auto,
            _ => ApprovalMode::RequireApproval,
        },
        require_approval_for_risky: values.boolean("policy.require_approval_for_risky")?,
        approval_ttl_ms: values.whole("policy.approval_ttl")?,
        shadow: values.text("policy.shadow")?.to_owned(),
        backtest_ms: values.whole("policy.backtest")?,
        require_signed: values.boolean("policy.require_signed")?,
    })
}

fn server(values: &Values<'_>) -> Result<ServerConfig, Diagnostic> {
    Ok(ServerConfig {
        listen: values.text("server.listen")?.to_owned(),
        hosts: values.texts("server.hosts")?,
        body_bytes: values.whole("server.body")?,
        connections: values.count("server.connections")?,
        stop_grace_ms: values.whole("server.stop_grace")?,
    })
}

fn queue(values: &Values<'_>) -> Result<QueueConfig, Diagnostic> {
    Ok(QueueConfig {
        concurrency: values.count("queue.concurrency")?,
        per_playbook: values.count("queue.per_playbook")?,
        max: values.count("queue.max")?,
        hard_max: values.count("queue.hard_max")?,
        lease_ms: values.whole("queue.lease")?,
        free_disk_bytes: values.whole("queue.free_disk")?,
    })
}

fn enabled(values: &Values<'_>) -> BTreeMap<String, bool> {
    let settings = values.0.iter().filter_map(|(path, setting)| match setting {
        Setting::Bool(on) => Some((path.strip_prefix("tools.enabled.")?.to_owned(), *on)),
        _ => None,
    });
    settings.collect()
}

fn budget(values: &Values<'_>, path: &str) -> Result<Budget, Diagnostic> {
    Ok(Budget {
        steps: values.count(&format!("{path}.steps"))?,
        retries: values.count(&format!("{path}.retries"))?,
        wall_ms: values.whole(&format!("{path}.wall"))?,
        tokens: values.whole(&format!("{path}.tokens"))?,
        cost_usd: values.number(&format!("{path}.cost_usd"))?,
    })
}

fn limits(values: &Values<'_>) -> Result<LimitsConfig, Diagnostic> {
    Ok(LimitsConfig {
        file_bytes: values.whole("limits.file")?,
        steps: values.count("limits.steps")?,
        nesting: values.count("limits.nesting")?,
        foreach_items: values.count("limits.foreach_items")?,
        expression_operations: values.whole("limits.expression_operations")?,
        output_bytes: values.whole("limits.output")?,
        rate: RateConfig {
            default: values.rate("limits.rate.default")?,
            wait_ms: values.whole("limits.rate.wait")?,
            tools: values.rates("limits.rate.tools.")?,
            providers: values.rates("limits.rate.providers.")?,
        },
    })
}

fn profiles(values: &Values<'_>) -> Result<BTreeMap<String, SandboxProfile>, Diagnostic> {
    let names: BTreeSet<&str> = values
        .0
        .keys()
        .filter_map(|path| path.strip_prefix("sandbox.profiles.")?.split('.').next())
        .collect();
    names.into_iter().map(|name| Ok((name.to_owned(), profile(values, name)?))).collect()
}

fn profile(values: &Values<'_>, name: &str) -> Result<SandboxProfile, Diagnostic> {
    let path = |rest: &str| format!("sandbox.profiles.{name}.{rest}");
    Ok(SandboxProfile {
        argv: values.texts(&path("argv"))?,
        net: match values.text(&path("net"))? {
            "proxy" => Network::Proxy,
            "loopback" => Network::Loopback,
            _ => Network::None,
        },
        read: values.texts(&path("read"))?,
        write: values.texts(&path("write"))?,
        limits: Limits {
            wall_ms: values.whole(&path("timeout"))?,
            cpu_ms: values.whole(&path("cpu"))?,
            memory_bytes: values.whole(&path("memory"))?,
            pids: values.whole(&path("pids"))?,
            file_bytes: values.whole(&path("file"))?,
            open_files: values.whole(&path("open_files"))?,
            output_bytes: values.whole(&path("output"))?,
        },
    })
}

pub(super) struct Values<'a>(pub(super) &'a BTreeMap<String, Setting>);

impl<'a> Values<'a> {
    pub(super) fn get<T>(
        &self,
        path: &str,
        of: impl Fn(&'a Setting) -> Option<T>,
    ) -> Result<T, Diagnostic> {
        self.0.get(path).and_then(of).ok_or_else(|| {
            let message = format!("the built-in layer has no usable `{path}`");
            Diagnostic::error("missing-key", message, BUILT_IN_NAME, 1, 1)
        })
    }

    pub(super) fn boolean(&self, path: &str) -> Result<bool, Diagnostic> {
        self.get(path, |setting| match setting {
            Setting::Bool(value) => Some(*value),
            _ => None,
        })
    }

    pub(super) fn whole(&self, path: &str) -> Result<u64, Diagnostic> {
        self.get(path, |setting| match setting {
            Setting::Whole(number) => Some(*number),
            _ => None,
        })
    }

    pub(super) fn count(&self, path: &str) -> Result<u32, Diagnostic> {
        self.get(path, |setting| match setting {
            Setting::Whole(number) => u32::try_from(*number).ok(),
            _ => None,
        })
    }

    pub(super) fn number(&self, path: &str) -> Result<f64, Diagnostic> {
        self.get(path, |setting| match setting {
            Setting::Number(number) => Some(*number),
            _ => None,
        })
    }

    pub(super) fn text(&self, path: &str) -> Result<&'a str, Diagnostic> {
        self.get(path, |setting| match setting {
            Setting::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// `None` for no bound.
    fn rate(&self, path: &str) -> Result<Option<Rate>, Diagnostic> {
        self.get(path, |setting| match setting {
            Setting::Text(text) => Rate::parse(text).ok(),
            _ => None,
        })
    }

    /// The rates of all names below `prefix`.
    fn rates(&self, prefix: &str) -> Result<BTreeMap<String, Option<Rate>>, Diagnostic> {
        let below = self.0.keys().filter_map(|path| Some((path, path.strip_prefix(prefix)?)));
        below.map(|(path, name)| Ok((name.to_owned(), self.rate(path)?))).collect()
    }

    /// `None` for an empty text.
    pub(super) fn optional(&self, path: &str) -> Result<Option<String>, Diagnostic> {
        Ok(Some(self.text(path)?).filter(|text| !text.is_empty()).map(str::to_owned))
    }

    fn addresses(&self, path: &str) -> Result<BTreeMap<String, Vec<IpAddr>>, Diagnostic> {
        self.get(path, |setting| match setting {
            Setting::Addresses(hosts) => Some(hosts.clone()),
            _ => None,
        })
    }

    pub(super) fn texts(&self, path: &str) -> Result<Vec<String>, Diagnostic> {
        self.get(path, |setting| match setting {
            Setting::Texts(texts) => Some(texts.clone()),
            _ => None,
        })
    }
}
