//! Settings of `memory/kv`: listed, read, changed under policy.

use std::sync::Arc;

use super::memory::asker;
use crate::contracts::{KvList, KvSetting, KvValue};
use crate::orchestrator::{MemoryRefusal, set_kv};
use crate::server::reply::{Answer, Reply};
use crate::server::route::Call;

pub(in crate::server) async fn list(call: Call) -> Answer {
    let services = Arc::clone(&call.shared.services);
    let items = call.shared.blocking(move || services.kv.all()).await?;
    Reply::ok(&KvList { items: items.map_err(MemoryRefusal::from)? })
}

pub(in crate::server) async fn show(call: Call) -> Answer {
    let (services, name) = (Arc::clone(&call.shared.services), call.part("name").to_owned());
    let wanted = name.clone();
    let value = call.shared.blocking(move || services.kv.get(&wanted)).await?;
    Reply::ok(&KvSetting { name, value: value.map_err(MemoryRefusal::from)? })
}

pub(in crate::server) async fn set(call: Call) -> Answer {
    let KvValue { value } = call.json()?;
    changed(&call, Some(value)).await
}

pub(in crate::server) async fn unset(call: Call) -> Answer {
    changed(&call, None).await
}

async fn changed(call: &Call, value: Option<serde_json::Value>) -> Answer {
    let (services, name) = (Arc::clone(&call.shared.services), call.part("name").to_owned());
    let asker = asker(call);
    let done = move || set_kv(&services, &asker, &name, value);
    Reply::ok(&call.shared.blocking(done).await??)
}
