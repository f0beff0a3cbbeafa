//! The files that runs produced: which there are, and where their contents are.

use std::collections::BTreeMap;

use super::call;
use super::error::RunError;
use super::record::RunRecord;
use crate::agent::block_of;
use crate::contracts::{ArtifactView, CallId, EventBody, Hash, RunId, TextRef, ToolResult};
use crate::planning::Draft;
use crate::store::{Reader, StoreError};

/// Runs that are looked through at once for a file whose run is not known.
const RUNS_AT_ONCE: u32 = 200;

/// A file that a run produced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// As it is shown.
    pub view: ArtifactView,
    /// Where its content is.
    pub content: TextRef,
}

/// The files of a run, in the order in which they were made. Blocks.
///
/// # Errors
/// When there is no such run, or it cannot be read.
pub fn artifacts_of(reader: &Reader, run_id: RunId) -> Result<Vec<Artifact>, RunError> {
    let (record, bodies) = RunRecord::load(reader, run_id)?;
    let (run, mut found) = (run_id.to_string(), Vec::new());
    if record.produced.is_empty() {
        return Ok(found);
    }
    let (whys, tags) = (whys(reader, &run, &record)?, record.planned.tags());
    // Contents stand before the end of the call that names them.
    let mut waiting: BTreeMap<CallId, Vec<TextRef>> = BTreeMap::new();
    for (_, body) in bodies {
        match body {
            EventBody::ArtifactStored(stored) => {
                waiting.entry(stored.call_id).or_default().push(stored.content);
            }
            EventBody::CallFinished(finished) => {
                let Some(contents) = waiting.remove(&finished.call_id) else { continue };
                let result: ToolResult =
                    match call::document(reader, &run, "a result", &finished.result) {
                        // Its names went with it.
                        Err(RunError::Store(StoreError::Forgotten(_))) => continue,
                        read => read?,
                    };
                for (artifact, content) in result.artifacts.into_iter().zip(contents) {
                    let view = ArtifactView {
                        name: artifact.name,
                        hash: artifact.hash,
                        bytes: artifact.bytes,
                        media_type: artifact.media_type,
                        call_id: finished.call_id,
                        step: finished.path.clone(),
                        labels: finished.labels.clone().unwrap_or_default(),
                        description: whys.get(&finished.path).cloned(),
                        tags: tags.clone(),
                        forgotten: reader.is_forgotten(&content)?,
                    };
                    found.push(Artifact { view, content });
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// What each planned step is for, by its path.
fn whys(
    reader: &Reader,
    run: &str,
    record: &RunRecord,
) -> Result<BTreeMap<String, String>, RunError> {
    let mut whys = BTreeMap::new();
    for plan in &record.planned.plans {
        let draft: Draft = match call::document(reader, run, "a plan", &plan.plan) {
            Err(RunError::Store(StoreError::Forgotten(_))) => continue,
            read => read?,
        };
        let block = block_of(plan.round);
        let told = draft.steps.into_iter().filter(|step| !step.why.trim().is_empty());
        whys.extend(told.map(|step| (format!("{block}/{}", step.id), step.why)));
    }
    Ok(whys)
}

/// The newest file whose content has this hash and was not forgotten. Blocks: runs that produced
/// something are read, newest first.
///
/// # Errors
/// When the journal cannot be read.
pub fn find_artifact(reader: &Reader, hash: &Hash) -> Result<Option<Artifact>, RunError> {
    let mut before = None;
    loop {
        let runs = reader.runs(before, RUNS_AT_ONCE)?;
        let Some(last) = runs.last() else { return Ok(None) };
        before = Some(last.cursor);
        for run in runs {
            if !reader.has_artifacts(&run.run_id)? {
                continue;
            }
            let found = artifacts_of(reader, run.run_id)?;
            let fits = |it: &Artifact| it.view.hash == *hash && !it.view.forgotten;
            if let Some(artifact) = found.into_iter().find(fits) {
                return Ok(Some(artifact));
            }
        }
    }
}
