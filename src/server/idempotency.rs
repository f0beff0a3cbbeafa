//! A request that comes again with the same key is answered as the first time.

use std::sync::{Arc, PoisonError};

use axum::http::header::HeaderName;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use uuid::Uuid;

use super::problem::Problem;
use super::reply::{Answer, Content, Reply};
use super::route::{Call, Route};
use super::shared::Shared;
use crate::contracts::{Hash, Timestamp};
use crate::scheduler::NewKey;
use crate::store::Remembered;

/// The header with the key.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header of an answer that was given before.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Longest key, in bytes.
pub(super) const KEY_BYTES_MAX: usize = 255;
/// Longer addresses are named by their hash.
const SCOPE_BYTES_MAX: usize = 512;

/// The key of a request: the address is its scope, the body what it must agree in.
pub(super) fn key(
    headers: &HeaderMap,
    scope: &str,
    body: &Bytes,
) -> Result<Option<NewKey>, Problem> {
    let mut stated = headers.get_all(KEY).iter();
    let key = match (stated.next(), stated.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().map(str::trim).unwrap_or_default(),
        (Some(_), Some(_)) => "",
    };
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        let detail = format!("`Idempotency-Key` is one text of 1 to {KEY_BYTES_MAX} characters");
        return Err(Problem::bad_request(detail));
    }
    Ok(Some(new(scope, key, body)))
}

/// A key within an address.
pub(super) fn new(scope: &str, key: &str, body: &Bytes) -> NewKey {
    NewKey { scope: scope.to_owned(), key: key.to_owned(), request_hash: Hash::of(body) }
}

/// An id for what is made under a key: made again, it is the same one.
pub(super) fn id_of(key: &NewKey) -> Uuid {
    let mut hasher = blake3::Hasher::new_derive_key("bailiwick 2026-11 id of an idempotency key");
    for part in [key.scope.as_bytes(), key.key.as_bytes(), key.request_hash.as_bytes()] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    let mut id = [0; 16];
    hasher.finalize_xof().fill(&mut id);
    uuid::Builder::from_custom_bytes(id).into_uuid()
}

/// What keys of an address are compared within: the route and the parts of its address, so that one
/// thing has one scope however its address was written.
pub(super) fn scope(path: &str, parts: &[(String, String)]) -> String {
    let mut address = path.to_owned();
    for (name, value) in parts {
        let value = if name == "playbook" { stem(value) } else { value };
        address = address.replace(&format!("{{{name}}}"), value);
    }
    let scope = format!("POST {address}");
    if scope.len() <= SCOPE_BYTES_MAX {
        return scope;
    }
    format!("POST {}", Hash::of(address.as_bytes()))
}

/// A playbook's name, of which its path is another form.
fn stem(name: &str) -> &str {
    let name = name.strip_prefix("./").unwrap_or(name);
    let name = name.strip_prefix("playbooks/").unwrap_or(name);
    name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")).unwrap_or(name)
}

/// Works on a call, unless it was worked on before.
pub(super) async fn once(route: &'static Route, call: Call) -> Answer {
    let Some(key) = call.key.clone() else { return (route.handler)(call).await };
    let shared = Arc::clone(&call.shared);
    let _at_work = AtWork::begin(&shared, &key)?;
    if let Some(before) = remembered(&shared, &key).await? {
        return before;
    }
    let reply = (route.handler)(call).await?;
    if let Some(answer) = worth_keeping(key, &reply, shared.now()) {
        let store = Arc::clone(&shared.services.store);
        shared.blocking(move || store.remember(answer)).await??;
    }
    Ok(reply)
}

/// The first answer to this key, if it was given. A task that was taken and whose answer was not
/// given is found again by the engine.
async fn remembered(shared: &Shared, key: &NewKey) -> Result<Option<Answer>, Problem> {
    let (scope, name) = (key.scope.clone(), key.key.clone());
    let known = shared.read(move |reader| reader.remembered(&scope, &name)).await?;
    let Some(known) = known else { return Ok(None) };
    if known.request_hash != key.request_hash {
        return Err(reused());
    }
    let Some((status, body)) = known.status.zip(known.body) else { return Ok(None) };
    let status = StatusCode::from_u16(status).map_err(|error| Problem::internal(&error))?;
    let mut reply = Reply::text(status, body);
    if let Content::Json(text) = &reply.content {
        if text.is_empty() {
            reply.content = Content::Empty;
        } else if let Some(path) = location(text) {
            reply = reply.location(&path)?;
        }
    }
    Ok(Some(reply.header(REPLAYED, "true")))
}

/// Where what was made is, told by its id: headers are not kept.
fn location(text: &str) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(text).ok()?;
    let id = |name: &str| body.get(name)?.as_str().map(str::to_owned);
    let made_run = body.get("task_id").is_some().then(|| id("run_id")).flatten();
    let run = made_run.map(|run| format!("/runs/{run}"));
    run.or_else(|| id("schedule_id").map(|schedule| format!("/schedules/{schedule}")))
}

/// What is kept of an answer. Refusals are not: what stood in the way may be gone when the request
/// comes again.
fn worth_keeping(key: NewKey, reply: &Reply, at: Timestamp) -> Option<Remembered> {
    if !reply.status.is_success() || reply.headers.contains_key(REPLAYED) {
        return None;
    }
    let body = match &reply.content {
        Content::Json(text) => text.clone(),
        Content::Empty => String::new(),
        Content::Text(..) | Content::Bytes(..) | Content::Events(_) => return None,
    };
    let NewKey { scope, key, request_hash } = key;
    Some(Remembered { scope, key, request_hash, status: reply.status.as_u16(), body, at })
}

/// 422: the key belongs to another request.
pub(super) fn reused() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "key_reused",
        "the key belongs to another request",
        "the `Idempotency-Key` came before with another body: take a new one",
    )
}

/// The mark of a request that is being worked on.
#[derive(Debug)]
struct AtWork {
    shared: Arc<Shared>,
    name: (String, String),
}

impl AtWork {
    fn begin(shared: &Arc<Shared>, key: &NewKey) -> Result<Self, Problem> {
        let name = (key.scope.clone(), key.key.clone());
        let mut at_work = shared.keys_at_work.lock().unwrap_or_else(PoisonError::into_inner);
        if !at_work.insert(name.clone()) {
            let detail = "a request with this `Idempotency-Key` is being worked on: ask again";
            return Err(Problem::conflict("at_work", detail).retry_after(1));
        }
        drop(at_work);
        Ok(Self { shared: Arc::clone(shared), name })
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let mut at_work = self.shared.keys_at_work.lock().unwrap_or_else(PoisonError::into_inner);
        at_work.remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::scope;

    #[test]
    fn one_thing_has_one_scope_however_it_is_addressed() {
        let hook = |name: &str| scope("/hooks/{playbook}", &[("playbook".into(), name.into())]);
        for name in ["hooked", "playbooks/hooked.yaml", "./playbooks/hooked.yml", "hooked.yaml"] {
            assert_eq!(hook(name), "POST /hooks/hooked", "{name}");
        }
        assert_ne!(hook("hooked"), hook("hooked2"));
        assert_eq!(scope("/tasks", &[]), "POST /tasks");
        assert!(hook(&"x".repeat(4_000)).len() < 512);
    }
}
