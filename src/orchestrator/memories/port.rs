//! Memory for the tools of a run: what they want was decided already.

use std::collections::BTreeSet;

use super::forget;
use crate::contracts::{
    Area, ErrorKind, ForgetReceipt, MemoryAnswer, MemoryDraft, MemoryId, MemoryOrigin, MemoryQuery,
    MemorySelection, Origin, Provenance, ToolCall, ToolError, Written,
};
use crate::memory::{Entrusted, MemoryError, SaidBy};
use crate::orchestrator::services::Services;
use crate::orchestrator::taken::USER;
use crate::ports::Memories;

/// Pages and documents of strangers have a label that begins so.
const WEB: &str = "untrusted:web";
/// What a run writes in a workspace that nobody vouched for: its playbooks and its files may be anybody's.
const STRANGE_WORKSPACE: &str = "untrusted:workspace";

/// Memory, as a run's tools have it.
#[derive(Debug)]
pub struct RunMemories {
    services: Services,
}

impl Services {
    /// Memory, for the tools of a run.
    #[must_use]
    pub fn remembering(&self) -> RunMemories {
        RunMemories { services: self.clone() }
    }
}

impl Memories for RunMemories {
    fn search(&self, query: &MemoryQuery) -> Result<MemoryAnswer, ToolError> {
        let found = self.services.memory.search(query).map_err(told)?;
        self.services.memory.note_use(found.items.iter().map(|hit| hit.id).collect());
        Ok(found)
    }

    fn full_text(&self, query: &str, areas: &[Area], k: usize) -> Result<MemoryAnswer, ToolError> {
        let found = self.services.memory.full_text(query, areas, k).map_err(told)?;
        self.services.memory.note_use(found.items.iter().map(|hit| hit.id).collect());
        Ok(found)
    }

    fn write(&self, draft: MemoryDraft, call: &ToolCall) -> Result<Written, ToolError> {
        let labels = labels_of(&self.services, call, "text");
        let source = Provenance {
            run: Some(call.run_id),
            step: Some(call.step_id.clone()),
            call: Some(call.id),
            file: None,
        };
        // The call's own id: done again after a crash, it is the same record.
        let id = Some(MemoryId::from_uuid(call.id.uuid()));
        let wanted = Entrusted { id, ..run_draft(draft, labels, call.origin, source) };
        let written = self.services.memory.remember(vec![wanted]).map_err(told)?;
        written.into_iter().next().ok_or_else(|| {
            ToolError::new(ErrorKind::BadOutput, "memory said nothing of what it was given")
        })
    }

    fn forget(&self, meant: &MemorySelection, call: &ToolCall) -> Result<ForgetReceipt, ToolError> {
        let plan = self.services.memory.would_forget(meant).map_err(told)?;
        // The run that forgets cannot be forgotten by itself.
        let run = meant.run.filter(|run| *run != call.run_id);
        let done = forget::done(&self.services, &plan, run, &call.run_id.to_string());
        done.map_err(|error| ToolError::new(ErrorKind::Io, error.to_string()))
    }
}

/// Where the value of an argument came from, as far as it was traced; where the call's arguments came from,
/// otherwise. In a workspace that is not trusted, from a stranger.
pub(in crate::orchestrator) fn labels_of(
    services: &Services,
    call: &ToolCall,
    arg: &str,
) -> Vec<String> {
    let mut labels = call.arg_labels.get(arg).unwrap_or(&call.labels).clone();
    if services.knowledge.is_none() {
        labels.push(STRANGE_WORKSPACE.to_owned());
    }
    labels
}

/// What a run wants remembered: strangers' words stay strangers' words, and nothing is trusted more than
/// what a model says.
pub(in crate::orchestrator) fn run_draft(
    draft: MemoryDraft,
    labels: Vec<String>,
    origin: Origin,
    source: Provenance,
) -> Entrusted {
    // Whatever its origin, the label alone takes all trust from it.
    let strange = labels.iter().any(|label| label.starts_with(WEB));
    let said = match (strange, origin) {
        (true, _) => MemoryOrigin::Web,
        (false, Origin::Planner) => MemoryOrigin::Model,
        (false, _) if labels.iter().all(|label| label == USER) => MemoryOrigin::Model,
        (false, _) => MemoryOrigin::Tool,
    };
    let mut all: BTreeSet<String> = labels.into_iter().collect();
    all.extend(draft.labels.iter().cloned());
    let draft = MemoryDraft { labels: all.into_iter().collect(), origin: Some(said), ..draft };
    Entrusted { source, ..Entrusted::new(draft, SaidBy::Program) }
}

fn told(error: MemoryError) -> ToolError {
    let kind = match &error {
        MemoryError::Refused(_) | MemoryError::Search(_) => ErrorKind::BadArguments,
        MemoryError::NotFound(_) => ErrorKind::NotFound,
        MemoryError::Log(_) => ErrorKind::Io,
    };
    ToolError::new(kind, error.to_string())
}
