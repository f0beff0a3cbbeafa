//! The files of runs, those that came with a task and those that calls produced: which there are, and where
//! their contents are.

use std::collections::{BTreeMap, BTreeSet};

use super::call;
use super::error::RunError;
use super::record::RunRecord;
use crate::agent::block_of;
use crate::contracts::{
    ArtifactStored, ArtifactView, CallId, EventBody, Hash, RunId, TextRef, ToolResult,
};
use crate::planning::Draft;
use crate::store::{Reader, StoreError};

/// Runs that are looked through at once for a file whose run is not known.
const RUNS_AT_ONCE: u32 = 200;

/// A file that a run produced, or that came with its task.
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
    if record.produced.is_empty() && record.attached.is_empty() {
        return Ok(found);
    }
    let (whys, tags) = (whys(reader, &run, &record)?, record.planned.tags());
    // Contents stand before the end of the call that names them.
    let mut waiting: BTreeMap<CallId, Vec<TextRef>> = BTreeMap::new();
    for (_, body) in bodies {
        match body {
            EventBody::ArtifactStored(stored) => match stored.call_id {
                Some(call) => waiting.entry(call).or_default().push(stored.content),
                None => found.extend(attached(reader, stored)?),
            },
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
                        call_id: Some(finished.call_id),
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

/// A file that came with the task.
fn attached(reader: &Reader, stored: ArtifactStored) -> Result<Option<Artifact>, RunError> {
    let ArtifactStored { path, content, artifact, labels, .. } = stored;
    let Some(artifact) = artifact else { return Ok(None) };
    let view = ArtifactView {
        name: artifact.name,
        hash: artifact.hash,
        bytes: artifact.bytes,
        media_type: artifact.media_type,
        call_id: None,
        step: path,
        labels,
        description: None,
        tags: Vec::new(),
        forgotten: reader.is_forgotten(&content)?,
    };
    Ok(Some(Artifact { view, content }))
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

/// The newest file whose content has this hash and was not forgotten. Blocks.
///
/// # Errors
/// When the journal cannot be read.
pub fn find_artifact(reader: &Reader, hash: &Hash) -> Result<Option<Artifact>, RunError> {
    Ok(find_artifacts(reader, &BTreeSet::from([*hash]))?.remove(hash))
}

/// The newest file for each of these hashes whose content has it and was not forgotten. Blocks: runs that
/// have files are read, newest first, until all are found.
///
/// # Errors
/// When the journal cannot be read.
pub(super) fn find_artifacts(
    reader: &Reader,
    wanted: &BTreeSet<Hash>,
) -> Result<BTreeMap<Hash, Artifact>, RunError> {
    let (mut before, mut known) = (None, BTreeMap::new());
    while known.len() < wanted.len() {
        let runs = reader.runs(before, RUNS_AT_ONCE)?;
        let Some(last) = runs.last() else { break };
        before = Some(last.cursor);
        for run in runs {
            if known.len() == wanted.len() {
                break;
            }
            if !reader.has_artifacts(&run.run_id)? {
                continue;
            }
            let found = artifacts_of(reader, run.run_id)?;
            let fit = |it: &Artifact| wanted.contains(&it.view.hash) && !it.view.forgotten;
            for artifact in found.into_iter().filter(fit) {
                known.entry(artifact.view.hash).or_insert(artifact);
            }
        }
    }
    Ok(known)
}
