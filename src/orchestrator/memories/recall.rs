//! What a run is given of memory: decided as a call of `memory_search`, journalled before anything is made of it,
//! and the same for the rest of the run. A run that wants nothing of memory opens none.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::contracts::{
    ASIDE, CallId, Effect, EventBody, FsAccess, Map, MemoryHit, MemoryQuery, MemoryRecalled,
    MemoryRecord, Origin, RecalledRecord, ToolCall, Why,
};
use crate::memory::{Library, MemoryError};
use crate::orchestrator::audit::{self, Fate};
use crate::orchestrator::driver::Work;
use crate::orchestrator::error::RunError;
use crate::orchestrator::evidence::Arguments;
use crate::orchestrator::journal::Batch;
use crate::orchestrator::judge::Judge;
use crate::orchestrator::ruling::Ruling;
use crate::orchestrator::services::{Services, blocking};
use crate::orchestrator::taken::{Labels, USER};
use crate::store::StoreError;

/// The path of what is recalled for a run as a whole.
pub(in crate::orchestrator) const RUN: &str = "";
/// The name under which policy decides about recalling.
const MEMORY_SEARCH: &str = "memory_search";

/// How much of memory is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::orchestrator) struct RecallBounds {
    /// Most records that are found.
    pub records: usize,
    /// Most tokens that their texts have together.
    pub tokens: usize,
    /// Most bytes that the texts of pinned records have together.
    pub pinned_bytes: u64,
}

impl Default for RecallBounds {
    fn default() -> Self {
        Self { records: 10, tokens: 2_000, pinned_bytes: 8 * 1024 }
    }
}

/// What a run is to know for `question`, under policy: a batch that begins with `memory.recalled` for `path`, to be
/// appended before anything relies on it. Where policy does not let it happen, the event says why and
/// names no record; the same where memory cannot be asked. Blocks.
///
/// # Errors
/// When the run has not started.
pub(in crate::orchestrator) fn recall(
    work: &Work,
    path: &str,
    question: &str,
    bounds: RecallBounds,
) -> Result<Batch, RunError> {
    let call = call(work, path, question, bounds);
    let incomplete =
        || RunError::Incomplete { run: work.run_id.to_string(), what: "`run.started`" };
    // Naming `memory` is the playbook's own word that it looks there.
    let judge =
        Judge { also: Some(MEMORY_SEARCH), ..Judge::of(work, path).ok_or_else(incomplete)? };
    let judged = judge.decide(&call);
    let mut batch = Batch::default();
    let ruling = Ruling {
        services: &work.services,
        call: &call,
        path: &format!("{path}{ASIDE}recall"),
        as_of_seq: work.record.seq,
        arguments: Arguments::Here,
    };
    let decided = EventBody::CallDecided(ruling.decided(&mut batch, &judged));
    let decision = &judged.decision;
    let recalled = if decision.effect == Effect::Allow {
        let fate = Fate { ok: true, ..Fate::default() };
        let entry = audit::entry(&work.services, Some(work.run_id), &call, Effect::Allow, fate);
        batch.audit.push(entry);
        let found = found(&work.services, path, question, bounds);
        found.unwrap_or_else(|error| nothing(path, format!("memory cannot be asked: {error}")))
    } else {
        batch.audit.push(audit::refused(&work.services, &call, decision));
        nothing(path, format!("nothing may be recalled: {}", decision.reason))
    };
    batch.bodies = vec![EventBody::MemoryRecalled(recalled), decided];
    Ok(batch)
}

/// Recalls for the run as a whole, unless that was done before: true when it was done now. The piece of work that
/// asks is then to be begun anew, so that it sees what is in the journal and nothing else.
pub(in crate::orchestrator) async fn recall_once(work: &Work) -> Result<bool, RunError> {
    if work.record.recalled.contains_key(RUN) {
        return Ok(false);
    }
    let asking = work.clone();
    let recall = move || recall(&asking, RUN, &question_of(&asking), RecallBounds::default());
    let batch = blocking(recall).await??;
    work.journal.append(batch).await?;
    Ok(true)
}

fn nothing(path: &str, why: String) -> MemoryRecalled {
    MemoryRecalled { path: path.to_owned(), refused: Some(why), ..MemoryRecalled::default() }
}

/// What a run as a whole asks memory: its goal, and the name of its playbook where that is all there is.
pub(in crate::orchestrator) fn question_of(work: &Work) -> String {
    let goal = work.record.task.as_ref().map_or("", |task| task.goal.as_str()).trim();
    let playbook = &work.playbook;
    if goal.is_empty() || goal == playbook.description.trim() {
        return format!("{} {goal}", playbook.name.replace(['-', '_'], " ")).trim().to_owned();
    }
    goal.to_owned()
}

/// What was recalled, as expressions and prompts see it: `{pinned, recalled}`, lists of
/// `{id, area, text, trust, labels, why}`. A text that was forgotten meanwhile is empty. Blocks.
///
/// # Errors
/// When a text cannot be read.
pub(in crate::orchestrator) fn shown(
    services: &Services,
    recalled: &MemoryRecalled,
) -> Result<Value, RunError> {
    let list = |records: &[RecalledRecord]| {
        records.iter().map(|record| item(services, record)).collect::<Result<Vec<_>, _>>()
    };
    Ok(json!({ "pinned": list(&recalled.pinned)?, "recalled": list(&recalled.recalled)? }))
}

fn item(services: &Services, record: &RecalledRecord) -> Result<Value, RunError> {
    let text = match services.store.reader().blob(&record.text) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(StoreError::Forgotten(_)) => String::new(),
        Err(error) => return Err(error.into()),
    };
    Ok(json!({
        "id": record.memory_id.to_string(),
        "area": record.area.name(),
        "text": text,
        "trust": record.trust,
        "labels": record.labels,
        "why": record.why,
    }))
}

fn found(
    services: &Services,
    path: &str,
    question: &str,
    bounds: RecallBounds,
) -> Result<MemoryRecalled, MemoryError> {
    let memory = &services.memory;
    let pinned = memory.pinned(bounds.pinned_bytes)?;
    let query = MemoryQuery {
        text: question.to_owned(),
        k: bounds.records,
        token_budget: Some(bounds.tokens),
        ..MemoryQuery::default()
    };
    // Where nothing is remembered, no index is opened to find it.
    let is_empty = memory.library()?.is_empty();
    let answer = if is_empty { Default::default() } else { memory.search(&query)? };
    let library = memory.library()?;
    let mut labels: Labels = own_labels(services).into_iter().collect();
    let mut recalled = MemoryRecalled { path: path.to_owned(), ..MemoryRecalled::default() };
    for record in pinned {
        labels.extend(record.metadata.labels.iter().cloned());
        let label = record.metadata.origin.label(&record.metadata.labels);
        labels.extend(label.map(str::to_owned));
        recalled.pinned.extend(of_record(&library, record));
    }
    for hit in answer.items {
        if recalled.pinned.iter().any(|record| record.memory_id == hit.id) {
            continue;
        }
        labels.extend(hit.labels.iter().cloned());
        labels.extend(hit.origin.label(&hit.labels).map(str::to_owned));
        recalled.recalled.extend(of_hit(&library, hit));
    }
    memory.note_use(recalled.recalled.iter().map(|record| record.memory_id).collect());
    labels.remove(USER);
    recalled.labels = labels.into_iter().collect();
    recalled.degraded = answer.degraded;
    Ok(recalled)
}

/// Where the answers of `memory_search` come from: no person named in this run what another one wrote down.
fn own_labels(services: &Services) -> Vec<String> {
    let tool = services.tool(MEMORY_SEARCH);
    tool.map(|tool| services.policy.current().output_labels(&tool)).unwrap_or_default()
}

fn of_record(library: &Library, record: MemoryRecord) -> Option<RecalledRecord> {
    Some(RecalledRecord {
        memory_id: record.id,
        area: record.area,
        text: library.get(&record.id)?.text.clone(),
        trust: record.metadata.trust,
        labels: record.metadata.labels,
        why: "it is pinned".to_owned(),
    })
}

fn of_hit(library: &Library, hit: MemoryHit) -> Option<RecalledRecord> {
    Some(RecalledRecord {
        memory_id: hit.id,
        area: hit.area,
        text: library.get(&hit.id)?.text.clone(),
        trust: hit.trust,
        why: because(&hit.why),
        labels: hit.labels,
    })
}

/// Why a record was found, in words: where it stood in each list, and what moved it.
fn because(why: &Why) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(why.lexical_rank.map(|rank| format!("place {rank} by words")));
    parts.extend(why.vector_rank.map(|rank| format!("place {rank} by meaning")));
    parts.extend(why.boosts.iter().map(|(name, by)| format!("{name} {by:+.2}")));
    parts.join(", ")
}

fn call(work: &Work, path: &str, question: &str, bounds: RecallBounds) -> ToolCall {
    let mut args = Map::new();
    args.insert("query".to_owned(), json!(question));
    args.insert("k".to_owned(), json!(bounds.records));
    let labels = vec![USER.to_owned()];
    ToolCall {
        id: CallId::from_uuid(work.services.clock.uuid()),
        run_id: work.run_id,
        step_id: path.to_owned(),
        name: MEMORY_SEARCH.to_owned(),
        args,
        timeout_ms: 0,
        allow_network: false,
        allow_fs: FsAccess::None,
        expected_output_schema: None,
        idempotency_key: String::new(),
        origin: Origin::Playbook,
        labels,
        arg_labels: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_something_was_found_is_said_in_words() {
        let why = Why {
            lexical_rank: Some(1),
            vector_rank: Some(3),
            boosts: vec![("subject".to_owned(), 0.3), ("age".to_owned(), -0.004)],
            ..Why::default()
        };
        assert_eq!(because(&why), "place 1 by words, place 3 by meaning, subject +0.30, age -0.00");
        assert_eq!(because(&Why::default()), "");
    }
}
