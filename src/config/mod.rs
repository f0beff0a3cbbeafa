//! Configuration: texts in layers to one resolved, typed value that says where each part came from.
//!
//! Owns the registry of keys, from which the reader, the JSON Schema and the reference table are
//! made, and the rule that a workspace nobody trusts can only tighten. Pure: files and the
//! environment arrive as text; finding and reading them is the business of `workspace`.

mod assemble;
mod consolidation;
mod key;
mod keys;
mod keys_memory;
mod keys_models;
mod layer;
mod lookup;
mod mcp;
mod models;
mod names;
mod notify;
mod others;
mod overrides;
mod planner;
mod rate;
mod read;
mod recall;
mod reference;
mod renamed;
mod resolve;
mod resolved;
mod schema;
mod setting;
mod tighten;

pub use consolidation::{BudgetOfArea, ConsolidationConfig};
pub use key::{Key, Kind};
pub use keys::{KEYS, LAYERS};
pub use lookup::{is_section, key_of, position_of};
pub use models::{ChatConfig, ModelName, NoModelName, Price, Provider};
pub use names::{env_name, is_config_variable};
pub use notify::{MailConfig, NotifyConfig, WebhookConfig};
pub use planner::{AskPlan, PlannerConfig};
pub use rate::Rate;
pub use recall::{ModelsConfig, RecallConfig};
pub use reference::{DEFAULT_FILE, DEFAULT_TEXT};
pub use resolve::{Origin, Resolved, SourceFile, Sources, Variable, resolve, without_others};
pub use resolved::{
    BrowserConfig, BudgetConfig, Config, DesktopConfig, LimitsConfig, McpConfig, McpServerConfig,
    MemoryConfig, OnMissing, PolicyConfig, ProxyConfig, QueueConfig, RateConfig, RetentionConfig,
    RunConfig, SandboxConfig, SandboxProfile, SchedulesConfig, SecretsConfig, ServerConfig,
    ToolsConfig,
};
pub use schema::{json_schema, reference_table};
pub use setting::Setting;
pub use tighten::Tighter;

#[cfg(test)]
mod tests;
