//! What people say to proposals, and what they are shown of them.

use crate::contracts::{
    BatchId, Consolidated, Effect, EventBody, MemoryConsolidated, MemoryId, MemoryProposal,
    MemoryRuling, ProposalId, ProposalSource, ProposalState, ProposalView,
};
use crate::memory::{Entry, Memory, MemoryError};
use crate::ports::RecordAppend;
use crate::recall::consolidate::{Candidate, check, may_be_merged, summary};

use super::choose::candidate;
use super::rows::applied;

/// Why a proposal was not decided.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProposalError {
    /// There is none.
    #[error("there is no proposal `{0}`: `bailiwick memory proposals` lists them")]
    NotFound(ProposalId),
    /// It was decided already, or cannot be accepted at all.
    #[error("the proposal `{id}` is {state}{why}")]
    NotOpen {
        /// Which.
        id: ProposalId,
        /// What it is.
        state: &'static str,
        /// Why it is so, and what to do, after a separator.
        why: String,
    },
    /// A source is not what it was when the proposal was made.
    #[error("the proposal `{id}` no longer fits its sources: {why}")]
    Stale {
        /// Which.
        id: ProposalId,
        /// What is in the way.
        why: String,
    },
    /// Policy did not let it happen.
    #[error("policy does not allow it: {0}")]
    Denied(String),
    /// Memory cannot be used.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

/// What came of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The proposal as it is now.
    pub proposal: MemoryProposal,
    /// The batch of the changes, when it was accepted.
    pub batch: Option<BatchId>,
}

impl Memory {
    /// Every proposal, oldest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn proposals(&self) -> Result<Vec<MemoryProposal>, MemoryError> {
        Ok(self.log.proposals()?)
    }

    /// A proposal with its texts and what would change.
    ///
    /// # Errors
    /// [`ProposalError::NotFound`], or when texts cannot be read.
    pub fn proposal(&self, id: ProposalId) -> Result<ProposalView, ProposalError> {
        let proposal = self.one_proposal(id)?;
        let text = self.log.text(&proposal.text).map_err(MemoryError::from)?;
        let mut sources = Vec::with_capacity(proposal.sources.len());
        for source in &proposal.sources {
            let entry = self.library()?.get(source).cloned();
            let shown = entry.map(|entry| self.shown(&entry)).transpose()?.flatten();
            sources.push(ProposalSource { id: *source, text: shown.map(|it| it.text) });
        }
        let diff = diff(&sources, text.as_deref().unwrap_or_default());
        Ok(ProposalView { proposal, text, sources, diff })
    }

    fn one_proposal(&self, id: ProposalId) -> Result<MemoryProposal, ProposalError> {
        let found = self.proposals()?.into_iter().find(|proposal| proposal.id == id);
        found.ok_or(ProposalError::NotFound(id))
    }

    /// Carries out or rejects a proposal as a person says. Accepting is decided by policy once more and
    /// checked once more, against the sources as they are now; what is quarantined cannot be accepted.
    ///
    /// # Errors
    /// Why nothing changed.
    pub fn answer_proposal(
        &self,
        id: ProposalId,
        accept: bool,
        by: &str,
        ruling: MemoryRuling,
        tools: &[&str],
    ) -> Result<Answered, ProposalError> {
        let _alone = self.writing();
        let mut proposal = self.one_proposal(id)?;
        let open = match proposal.state {
            ProposalState::Proposed => true,
            ProposalState::Quarantined => !accept,
            _ => false,
        };
        if !open {
            return Err(not_open(&proposal));
        }
        if ruling.effect == Effect::Deny {
            self.refused(&proposal, by, &ruling)?;
            return Err(ProposalError::Denied(ruling.reason));
        }
        proposal.decided_by = Some(by.to_owned());
        proposal.updated_at = self.now();
        if !accept {
            proposal.state = ProposalState::Rejected;
            self.decided(&proposal, Consolidated::Rejected, by, ruling, None, Vec::new())?;
            return Ok(Answered { proposal, batch: None });
        }
        let text = self.log.text(&proposal.text).map_err(MemoryError::from)?;
        let stale = |why: &str| ProposalError::Stale { id, why: why.to_owned() };
        let text = text.ok_or_else(|| stale("its text was forgotten"))?;
        let members = self.sources_now(&proposal)?;
        self.still_fits(&mut proposal, &members, &text, tools)?;
        let batch = BatchId::from_uuid(self.clock.uuid());
        let derived = MemoryId::from_uuid(self.clock.uuid());
        let rows =
            applied(&*self.library()?, &proposal, &text, derived, batch, proposal.updated_at);
        let rows = rows.ok_or_else(|| stale("a source is not there any more"))?;
        (proposal.state, proposal.batch) = (ProposalState::Applied, Some(batch));
        proposal.derived = Some(derived);
        self.decided(&proposal, Consolidated::Accepted, by, ruling, Some(batch), rows)?;
        Ok(Answered { proposal, batch: Some(batch) })
    }

    /// The sources of a proposal as they are now, all of them free to be merged.
    fn sources_now(&self, proposal: &MemoryProposal) -> Result<Vec<Candidate>, ProposalError> {
        let stale = |why: String| ProposalError::Stale { id: proposal.id, why };
        let now = self.now();
        let mut members = Vec::with_capacity(proposal.sources.len());
        for source in &proposal.sources {
            let entry = self.library()?.get(source).cloned();
            let free =
                |entry: &Entry| entry.counts_at(now) && may_be_merged(entry.area, &entry.metadata);
            let entry = entry.filter(free);
            let entry = entry.ok_or_else(|| stale(format!("`{source}` no longer counts")))?;
            let found = candidate(self, &entry)?;
            members.push(found.ok_or_else(|| stale(format!("`{source}` was forgotten")))?);
        }
        Ok(members)
    }

    /// Makes everything but the text of the record anew from the sources, and checks the text.
    fn still_fits(
        &self,
        proposal: &mut MemoryProposal,
        members: &[Candidate],
        text: &str,
        tools: &[&str],
    ) -> Result<(), ProposalError> {
        let stale = |why: &str| ProposalError::Stale { id: proposal.id, why: why.to_owned() };
        let same_class =
            members.iter().all(|it| Some(it.class()) == members.first().map(Candidate::class));
        if !same_class {
            return Err(stale("its sources differ in owner, trust, labels or time now"));
        }
        let all: Vec<&Candidate> = members.iter().collect();
        let made =
            summary(&all, Some(text.to_owned())).ok_or_else(|| stale("it has no sources"))?;
        let sources: Vec<&str> = members.iter().map(|it| it.text.as_str()).collect();
        let checked = check(&sources, text, tools);
        if !checked.is_sound() {
            return Err(stale(&checked.to_string()));
        }
        (proposal.area, proposal.metadata, proposal.span) = (made.area, made.metadata, made.span);
        Ok(())
    }

    /// That policy said no, in the journal.
    fn refused(
        &self,
        proposal: &MemoryProposal,
        by: &str,
        ruling: &MemoryRuling,
    ) -> Result<(), MemoryError> {
        let event = MemoryConsolidated {
            what: Consolidated::Refused,
            by: by.to_owned(),
            batch: None,
            proposals: vec![proposal.id],
            derived: Vec::new(),
            sources: proposal.sources.clone(),
            archived: Vec::new(),
            decision: Some(ruling.clone()),
            report: None,
        };
        self.append(Vec::new(), Vec::new(), vec![EventBody::MemoryConsolidated(event)])
    }

    fn decided(
        &self,
        proposal: &MemoryProposal,
        what: Consolidated,
        by: &str,
        ruling: MemoryRuling,
        batch: Option<BatchId>,
        records: Vec<crate::contracts::NewRecord>,
    ) -> Result<(), MemoryError> {
        let event = MemoryConsolidated {
            what,
            by: by.to_owned(),
            batch,
            proposals: vec![proposal.id],
            derived: proposal.derived.into_iter().collect(),
            sources: proposal.sources.clone(),
            archived: Vec::new(),
            decision: Some(ruling),
            report: None,
        };
        self.append_all(RecordAppend {
            at: proposal.updated_at,
            records,
            texts: Vec::new(),
            events: vec![EventBody::MemoryConsolidated(event)],
            proposals: vec![proposal.clone()],
        })
    }
}

fn not_open(proposal: &MemoryProposal) -> ProposalError {
    let why = match proposal.state {
        ProposalState::Quarantined => format!(
            " and cannot be accepted: {}. Reject it, or write down yourself what holds",
            proposal.reasons.join("; ")
        ),
        _ => match &proposal.decided_by {
            Some(by) => format!(" already, by {by}"),
            None => " already".to_owned(),
        },
    };
    ProposalError::NotOpen { id: proposal.id, state: proposal.state.name(), why }
}

/// The lines of the sources and of what would stand for them.
fn diff(sources: &[ProposalSource], text: &str) -> Vec<String> {
    let new: Vec<&str> = text.lines().collect();
    let old = sources.iter().filter_map(|source| source.text.as_deref()).flat_map(str::lines);
    let mut lines: Vec<String> = Vec::new();
    let mut kept: Vec<&str> = Vec::new();
    for line in old {
        if new.contains(&line) && !kept.contains(&line) {
            kept.push(line);
            lines.push(format!("  {line}"));
        } else {
            lines.push(format!("- {line}"));
        }
    }
    let added = new.into_iter().filter(|line| !kept.contains(line));
    lines.extend(added.map(|line| format!("+ {line}")));
    lines
}
