//! What is remembered: found, listed, written, forgotten.

use std::sync::Arc;

use axum::http::StatusCode;

use crate::contracts::{
    Area, ForgetPlan, Forgetting, Forgotten, MemoryDraft, MemoryId, MemoryPage, MemoryQuery,
    MemorySelection, MemoryWrittenList, NewMemories, Pinning, SearchMode, Timestamp, Written,
    WrittenAs,
};
use crate::orchestrator::{self, Asker, MemoryRefusal, forget, remember, would_forget};
use crate::server::idempotency::id_of;
use crate::server::problem::Problem;
use crate::server::query::wrong;
use crate::server::reply::{Answer, Reply};
use crate::server::route::Call;

/// Most records of an answer, of a page, and of a request.
const K_MAX: u32 = 1_000;
const PAGE_MAX: u32 = 200;
const ITEMS_MAX: usize = 256;
/// Callers who are accounts of this machine: they came in through its own socket.
const ACCOUNT: &str = "user:";

pub(in crate::server) async fn search(call: Call) -> Answer {
    let query = query(&call)?;
    let services = Arc::clone(&call.shared.services);
    let search = move || {
        let found = services.memory.search(&query)?;
        services.memory.note_use(found.items.iter().map(|hit| hit.id).collect());
        Ok::<_, MemoryRefusal>(found)
    };
    let found = call.shared.blocking(search).await?;
    Reply::ok(&found?)
}

fn query(call: &Call) -> Result<MemoryQuery, Problem> {
    let text = call.query.get("q").ok_or_else(|| wrong("q", "is missing", None))?.to_owned();
    let as_of = call.query.parse::<Timestamp>("as_of", "is no RFC 3339 time")?;
    let k = call.query.parse::<u32>("k", "is no count")?.unwrap_or(10);
    if !(1..=K_MAX).contains(&k) {
        return Err(wrong("k", &format!("is not between 1 and {K_MAX}"), None));
    }
    let mode = match call.query.get("mode") {
        None | Some("hybrid") => SearchMode::Hybrid,
        Some("lexical") => SearchMode::Lexical,
        Some("vector") => SearchMode::Vector,
        Some(_) => return Err(wrong("mode", "is none", Some("lexical, vector, hybrid"))),
    };
    Ok(MemoryQuery {
        text,
        areas: call.query.all("area").map(named).collect::<Result<_, _>>()?,
        tags: call.query.all("tag").map(str::to_owned).collect(),
        subject: call.query.get("subject").map(str::to_owned),
        as_of,
        k: k as usize,
        mode,
        embedder: call.query.get("embedder").map(str::to_owned),
        explain: call.query.parse("explain", "is neither true nor false")?.unwrap_or(false),
        ..MemoryQuery::default()
    })
}

fn area(call: &Call) -> Result<Option<Area>, Problem> {
    call.query.get("area").map(named).transpose()
}

fn named(area: &str) -> Result<Area, Problem> {
    let words = "main, fragments, solutions, instruments";
    Area::named(area).ok_or_else(|| wrong("area", "is none", Some(words)))
}

pub(in crate::server) async fn list(call: Call) -> Answer {
    let (limit, cursor, area) = (call.query.limit(PAGE_MAX)?, call.query.cursor()?, area(&call)?);
    let services = Arc::clone(&call.shared.services);
    let page = move || services.memory.page(area, cursor, limit as usize);
    let (items, next) = call.shared.blocking(page).await?.map_err(MemoryRefusal::from)?;
    Reply::ok(&MemoryPage { items, next_cursor: next.map(|number| number.to_string()) })
}

pub(in crate::server) async fn show(call: Call) -> Answer {
    let id: MemoryId = call.id("memory_id", "memory")?;
    let services = Arc::clone(&call.shared.services);
    let record = call.shared.blocking(move || services.memory.record(&id)).await?;
    Reply::ok(&record.map_err(MemoryRefusal::from)?)
}

/// One record. Under a key it has an id made of the key, so that a repeat changes nothing.
pub(in crate::server) async fn write(call: Call) -> Answer {
    let draft: MemoryDraft = call.json()?;
    let id = call.key.as_ref().map(|key| MemoryId::from_uuid(id_of(key)));
    let (services, asker) = (Arc::clone(&call.shared.services), asker(&call));
    let wanted = vec![draft.into()];
    let done = move || remember(&services, &asker, wanted, id);
    let written = call.shared.blocking(done).await??;
    let Some(written) = written.into_iter().next() else {
        return Err(Problem::internal(&"nothing was said of what was handed in"));
    };
    let Written { id, became, .. } = &written;
    let status = match became {
        WrittenAs::New => StatusCode::CREATED,
        WrittenAs::Known => StatusCode::OK,
    };
    Reply::json(status, &written)?.location(&format!("/memory/records/{id}"))
}

pub(in crate::server) async fn import(call: Call) -> Answer {
    let NewMemories { items } = call.json()?;
    if items.len() > ITEMS_MAX {
        let count = items.len();
        return Err(Problem::invalid(format!("there are {count} records; at most {ITEMS_MAX}")));
    }
    let (services, asker) = (Arc::clone(&call.shared.services), asker(&call));
    let done = move || remember(&services, &asker, items, None);
    Reply::ok(&MemoryWrittenList { items: call.shared.blocking(done).await?? })
}

pub(in crate::server) async fn forget_one(call: Call) -> Answer {
    let id: MemoryId = call.id("memory_id", "memory")?;
    let meant = MemorySelection { ids: vec![id], ..MemorySelection::default() };
    let (services, asker) = (Arc::clone(&call.shared.services), asker(&call));
    Reply::ok(&call.shared.blocking(move || forget(&services, &asker, &meant)).await??)
}

pub(in crate::server) async fn forget_many(call: Call) -> Answer {
    let Forgetting { meant, dry_run } = call.json()?;
    let (services, asker) = (Arc::clone(&call.shared.services), asker(&call));
    let done = move || -> Result<Forgotten, MemoryRefusal> {
        if dry_run {
            return Ok(Forgotten { plan: would_forget(&services, &meant)?, receipt: None });
        }
        let receipt = Some(forget(&services, &asker, &meant)?);
        Ok(Forgotten { plan: ForgetPlan::default(), receipt })
    };
    Reply::ok(&call.shared.blocking(done).await??)
}

pub(in crate::server) async fn pin(call: Call) -> Answer {
    let id: MemoryId = call.id("memory_id", "memory")?;
    let Pinning { pinned } = call.json()?;
    let (services, asker) = (Arc::clone(&call.shared.services), asker(&call));
    let done = move || orchestrator::pin(&services, &asker, id, pinned);
    Reply::ok(&call.shared.blocking(done).await??)
}

pub(in crate::server) async fn sync(call: Call) -> Answer {
    let services = Arc::clone(&call.shared.services);
    Reply::ok(&call.shared.blocking(move || orchestrator::sync(&services)).await??)
}

/// Who came in through the machine's own socket is a person of it; who has a token is a program.
pub(super) fn asker(call: &Call) -> Asker {
    let by = call.caller.by.clone();
    let person = by.starts_with(ACCOUNT);
    Asker { by, person }
}
