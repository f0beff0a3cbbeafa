//! Settings of `memory/kv/*.yaml`, changed under policy. The journal says which and by whom; what they were and are
//! stands in their own history, from where it can be taken away.

use serde_json::{Value, json};

use super::govern::{Asker, MemoryRefusal, allowed, call, noted};
use crate::contracts::{
    CallEffect, ConfigChanged, Effect, EventBody, KvChanged, Map, Risk, SettingChanged,
};
use crate::memory::KvError;
use crate::orchestrator::error::RunError;
use crate::orchestrator::services::Services;
use crate::ports::ToolDescriptor;

/// The name under which policy decides about settings.
const MEMORY_KV: &str = "memory_kv";

/// What policy knows about it. No step calls it: it is asked for here.
#[must_use]
pub fn memory_kv() -> ToolDescriptor {
    ToolDescriptor {
        name: MEMORY_KV.to_owned(),
        description: "Changes a setting of `memory/kv`, or takes it away.".to_owned(),
        risk: Risk::Low,
        effect: CallEffect::Idempotent,
        schema: json!({
            "type": "object",
            "properties": {
                "action": { "enum": ["set", "unset"] },
                "name": { "type": "string" },
                "value": {},
            },
            "required": ["action", "name"],
            "additionalProperties": false,
        }),
        labels: vec!["workspace".to_owned()],
        ..ToolDescriptor::default()
    }
}

/// Sets a setting, or takes it away where there is no value, if policy lets it. Blocks.
///
/// # Errors
/// [`MemoryRefusal`].
pub fn set_kv(
    services: &Services,
    asker: &Asker,
    name: &str,
    value: Option<Value>,
) -> Result<KvChanged, MemoryRefusal> {
    services.kv.check(name, value.as_ref())?;
    if let Some(value) = &value {
        let text = value.to_string();
        if services.redactor.redact(&text) != text {
            let why = "the value holds what looks like a secret: keep it as a secret (docs/configuration.md)";
            return Err(MemoryRefusal::Invalid(why.to_owned()));
        }
    }
    let mut args = Map::new();
    args.insert("action".to_owned(), json!(if value.is_some() { "set" } else { "unset" }));
    args.insert("name".to_owned(), json!(name));
    if let Some(value) = &value {
        args.insert("value".to_owned(), value.clone());
    }
    let call = call(services, MEMORY_KV, args);
    allowed(services, asker, &call)?;
    if let (Ok(old), Some(new)) = (services.kv.get(name), &value)
        && old == *new
    {
        return Ok(KvChanged { name: name.to_owned(), old: Some(old), new: value });
    }
    journalled(services, asker, name, None)?;
    let changed = services.kv.change(name, value.clone(), &asker.by, services.clock.now());
    let told = changed.as_ref().err().map(ToString::to_string);
    if let Some(why) = &told {
        journalled(services, asker, name, Some(why))?;
    }
    noted(services, asker, &call, Effect::Allow, told.as_deref())?;
    Ok(KvChanged { name: name.to_owned(), old: changed?, new: value })
}

/// Says in the journal that a setting changes now, or why it did not.
fn journalled(
    services: &Services,
    asker: &Asker,
    name: &str,
    error: Option<&str>,
) -> Result<(), MemoryRefusal> {
    let group = name.split('.').next().unwrap_or_default();
    let changed = SettingChanged { key: name.to_owned(), before: None, after: None };
    let event = ConfigChanged {
        file: format!("memory/kv/{group}.yaml"),
        by: asker.by.clone(),
        changes: if error.is_none() { vec![changed] } else { Vec::new() },
        errors: error.map(str::to_owned).into_iter().collect(),
    };
    let appended =
        services.store.append_system(vec![EventBody::ConfigChanged(event)], services.clock.now());
    appended.map(drop).map_err(|error| RunError::from(error).into())
}

impl From<KvError> for MemoryRefusal {
    fn from(error: KvError) -> Self {
        let said = error.to_string();
        match error {
            KvError::Bad(_) => Self::Invalid(said),
            KvError::Missing(_) => Self::Missing(said),
            KvError::Io(_) => Self::Broken(said),
        }
    }
}
