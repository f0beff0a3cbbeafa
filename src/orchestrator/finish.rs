//! What a call answered, on its way into the journal: with where it came from, and without secrets.

use std::collections::BTreeSet;

use serde_json::Value;

use super::audit::{self, Fate};
use super::driver::Work;
use super::error::RunError;
use super::journal::Batch;
use super::origins::handed_on;
use super::taken::{Labels, SECRET_FILE, secret};
use crate::contracts::{
    ArtifactRef, ArtifactStored, CallFinished, Effect, EventBody, Hash, Obligation, TextRef,
    Timestamp, ToolCall, ToolResult,
};
use crate::ports::{Produced, ToolDescriptor, ToolOutput};
use crate::telemetry::{Fingerprints, Redactor};

/// A call that ended.
pub(super) struct Ended<'a> {
    pub tool: &'a ToolDescriptor,
    pub call: &'a ToolCall,
    pub began: Timestamp,
    /// Whether it read a file that is a secret.
    pub read_secret: bool,
    /// What had to be done when it ran.
    pub obligations: Vec<Obligation>,
}

impl Ended<'_> {
    /// The events of its end.
    pub(super) fn finish(
        self,
        work: &Work,
        path: String,
        output: ToolOutput,
    ) -> Result<Batch, RunError> {
        let ended = work.services.clock.now();
        let mut batch = Batch::default();
        let mut output = output;
        let struck_out = struck(&work.services.redactor, &mut output);
        keep_whole(&mut output)?;
        let contents: Vec<Vec<u8>> =
            output.artifacts.iter_mut().map(|it| std::mem::take(&mut it.content)).collect();
        let (result, labels) = self.result(work, ended, output, struck_out);
        for content in contents {
            let content = batch.text(content, work.services.clock.salt());
            batch.bodies.push(EventBody::ArtifactStored(ArtifactStored {
                call_id: Some(self.call.id),
                path: path.clone(),
                content,
                artifact: None,
                labels: Vec::new(),
            }));
        }
        let fingerprints = match (&result.data, self.read_secret) {
            (Some(data), true) => Some(fingerprints(work, data, &mut batch)?),
            _ => None,
        };
        let reference = batch.text(serde_json::to_vec(&result)?, work.services.clock.salt());
        let error = result.error.as_ref().map(|it| format!("{}: {}", it.kind.as_str(), it.message));
        let duration_ms = ended.since_ms(self.began);
        let dry_run = self.obligations.contains(&Obligation::DryRun);
        let obligations = self.obligations;
        let fate = Fate { ok: result.ok, error, duration_ms, dry_run, obligations };
        let run = Some(self.call.run_id);
        batch.audit.push(audit::entry(&work.services, run, self.call, Effect::Allow, fate));
        batch.bodies.push(EventBody::CallFinished(CallFinished {
            call_id: self.call.id,
            path,
            ok: result.ok,
            error_kind: result.error.as_ref().map(|error| error.kind),
            retryable: result.error.as_ref().is_some_and(|error| error.retryable),
            truncated: result.truncated,
            result: reference,
            receipt: result.receipt,
            duration_ms,
            labels: Some(labels),
            fingerprints,
        }));
        Ok(batch)
    }

    fn result(
        &self,
        work: &Work,
        ended: Timestamp,
        output: ToolOutput,
        struck_out: Labels,
    ) -> (ToolResult, Vec<String>) {
        let mut labels: Labels =
            work.services.policy.current().output_labels(self.tool).into_iter().collect();
        labels.extend(output.labels.iter().cloned());
        labels.extend(handed_on(&self.call.labels).cloned());
        labels.extend(struck_out);
        if self.read_secret {
            labels.insert(SECRET_FILE.to_owned());
        }
        let labels: Vec<String> = labels.into_iter().collect();
        let result = ToolResult {
            call_id: self.call.id,
            ok: output.error.is_none(),
            data: output.data,
            error: output.error,
            started_at: self.began,
            finished_at: ended,
            logs: output.logs,
            artifacts: output.artifacts.into_iter().map(|it| it.artifact).collect(),
            labels: labels.clone(),
            truncated: output.truncated,
            receipt: output.receipt,
        };
        (result, labels)
    }
}

/// Strikes declared secrets out of everything that came back, and gives the labels of those that did.
pub(super) fn struck(redactor: &Redactor, output: &mut ToolOutput) -> Labels {
    let mut names = Labels::new();
    names.extend(output.data.iter_mut().flat_map(|data| redactor.conceal(data)));
    names.extend(output.whole.iter_mut().flat_map(|data| redactor.conceal(data)));
    names.extend(output.logs.iter_mut().flat_map(|line| redactor.conceal_text(line)));
    names.extend(
        output.error.iter_mut().flat_map(|error| redactor.conceal_text(&mut error.message)),
    );
    names.extend(
        output.artifacts.iter_mut().flat_map(|it| redactor.conceal_text(&mut it.artifact.name)),
    );
    for produced in &mut output.artifacts {
        names.extend(struck_artifact(redactor, produced, &mut output.logs));
    }
    names.iter().map(|name| secret(name)).collect()
}

/// Strikes secrets out of a file that is text, and says so: it is another file then.
fn struck_artifact(
    redactor: &Redactor,
    produced: &mut Produced,
    logs: &mut Vec<String>,
) -> BTreeSet<String> {
    let names = struck_content(redactor, &mut produced.content);
    if !names.is_empty() {
        let artifact = &mut produced.artifact;
        artifact.hash = Hash::of(&produced.content);
        artifact.bytes = produced.content.len() as u64;
        logs.push(format!("secrets were struck out of the artifact `{}`", artifact.name));
    }
    names
}

/// Strikes secrets out of the content of a file, where that is text, and gives the names of those that stood
/// in it.
pub(super) fn struck_content(redactor: &Redactor, content: &mut Vec<u8>) -> BTreeSet<String> {
    let Ok(text) = std::str::from_utf8(content) else { return BTreeSet::new() };
    let mut text = text.to_owned();
    let names: BTreeSet<String> = redactor.conceal_text(&mut text).into_iter().collect();
    if !names.is_empty() {
        *content = text.into_bytes();
    }
    names
}

/// Makes an answer that was cut at the cap an artifact, secrets struck out already, and says so.
fn keep_whole(output: &mut ToolOutput) -> Result<(), RunError> {
    let Some(whole) = output.whole.take() else { return Ok(()) };
    let content = serde_json::to_vec(&whole)?;
    if content.len() > WHOLE_BYTES_MAX {
        let bytes = content.len();
        output.logs.push(format!(
            "the answer had {bytes} bytes and was cut; more than {WHOLE_BYTES_MAX} bytes are not kept"
        ));
        return Ok(());
    }
    let artifact = ArtifactRef {
        name: WHOLE.to_owned(),
        hash: Hash::of(&content),
        bytes: content.len() as u64,
        media_type: "application/json".to_owned(),
    };
    output.logs.push(format!(
        "the answer had {} bytes and was cut; all of it is the artifact `{WHOLE}` ({})",
        artifact.bytes, artifact.hash
    ));
    output.artifacts.push(Produced { artifact, content });
    Ok(())
}

/// The name of an artifact that holds an answer as it was before it was cut.
const WHOLE: &str = "output.json";
/// Largest answer that is kept, in bytes.
const WHOLE_BYTES_MAX: usize = 64 << 20;

/// Keeps what the content of a secret file is known again by.
fn fingerprints(work: &Work, data: &Value, batch: &mut Batch) -> Result<TextRef, RunError> {
    let clock = &work.services.clock;
    let prints = Fingerprints::of(data, clock.salt());
    Ok(batch.text(serde_json::to_vec(&prints)?, clock.salt()))
}
