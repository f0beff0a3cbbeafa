//! The job: choose, gather, propose, check, decide, apply, in this order.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use crate::contracts::{
    BatchId, Consolidated, ConsolidationReport, Effect, EventBody, MemoryConsolidated, MemoryId,
    MemoryProposal, MemoryRuling, NewRecord, ProposalId, ProposalState, SCHEMA_VERSION, Stored,
    Timestamp,
};
use crate::memory::contained::contained;
use crate::memory::{Library, Memory, MemoryError};
use crate::ports::{Embedder, RecordAppend};
use crate::recall::consolidate::{Candidate, Checked, Reading, check, clusters, overlap, summary};

use super::archive::over_budget;
use super::choose::{chosen, holds};
use super::rows::applied;
use super::settings::ConsolidateSettings;

/// Texts that are embedded at once.
const EMBEDDED_AT_ONCE: usize = 64;

/// Writes one text for several; its text is a proposal like any other.
pub struct Writer<'a> {
    /// Who it is, for people.
    pub name: String,
    /// The text for the texts, or why there is none.
    #[allow(clippy::type_complexity, reason = "one closure, named by the field")]
    pub write: Box<dyn Fn(&[&str]) -> Result<String, String> + 'a>,
}

impl std::fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("name", &self.name).finish_non_exhaustive()
    }
}

/// One consolidation: what it works with.
pub struct Consolidation<'a> {
    /// What is remembered.
    pub memory: &'a Memory,
    /// What bounds it.
    pub settings: &'a ConsolidateSettings,
    /// Says how near texts are; words in common do where there is none.
    pub embedder: Option<&'a dyn Embedder>,
    /// Writes summaries; sentences of the sources do where there is none.
    pub writer: Option<Writer<'a>>,
    /// What policy says about a proposal: `allow` it is carried out, `ask` it waits for a person, `deny` it
    /// is only kept.
    pub decide: &'a dyn Fn(&MemoryProposal) -> MemoryRuling,
    /// When a record was last of use, where that is known.
    pub last_used: &'a dyn Fn(&MemoryId) -> Option<Timestamp>,
    /// Who asked for it.
    pub by: String,
}

impl std::fmt::Debug for Consolidation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consolidation").field("by", &self.by).finish_non_exhaustive()
    }
}

/// What one job writes.
#[derive(Default)]
struct Outcome {
    proposals: Vec<MemoryProposal>,
    texts: Vec<Stored>,
    records: Vec<NewRecord>,
    derived: Vec<MemoryId>,
    archived: Vec<MemoryId>,
}

/// What was found without keeping writers out: making vectors and asking a model take their time.
struct Gathered {
    drafts: Vec<Draft>,
    similar_by: String,
    examined: usize,
    left: usize,
    kept_apart: usize,
    clusters: usize,
    /// The last row of the log that was looked at.
    up_to: u64,
    notes: Vec<String>,
}

/// Records that say the same, and who writes what stands for them.
struct Draft {
    members: Vec<Candidate>,
    similarity: f32,
    written_by: String,
    /// Where it is not sentences of theirs.
    text: Option<String>,
}

impl Consolidation<'_> {
    /// Does it, or only says what it would do. Everything that follows becomes durable at once, or nothing.
    ///
    /// # Errors
    /// When memory cannot be read or written; then nothing changed.
    pub fn run(&self, dry_run: bool) -> Result<ConsolidationReport, MemoryError> {
        let memory = self.memory;
        let Gathered { drafts, similar_by, examined, left, kept_apart, clusters, up_to, mut notes } =
            self.gathered()?;
        let _alone = memory.writing();
        let now = memory.now();
        let batch = BatchId::from_uuid(memory.clock.uuid());
        let mut library = memory.library()?.clone();
        let before = holds(&library, now);
        let mut outcome = Outcome::default();
        // Another job may have proposed the same meanwhile.
        let known = proposed(memory)?;
        for draft in drafts {
            if known.contains(&sources_of(&draft.members)) {
                continue;
            }
            if draft.members.iter().all(|it| is_as_it_was(&library, it, now)) {
                self.propose(draft, &similar_by, &mut outcome);
            } else {
                notes.push("a record changed meanwhile, and waits for another time".to_owned());
            }
        }
        self.carry_out(&library, batch, now, &mut outcome);
        fold(&mut library, &outcome.records);
        let archive = over_budget(&library, self.settings, self.last_used, batch, now);
        outcome.archived = archive.iter().map(|row| row.id).collect();
        fold(&mut library, &archive);
        outcome.records.extend(archive);
        let count = |state| outcome.proposals.iter().filter(|it| it.state == state).count();
        let report = ConsolidationReport {
            dry_run,
            batch: (!outcome.records.is_empty()).then_some(batch),
            similar_by,
            before,
            after: holds(&library, now),
            examined,
            left,
            kept_apart,
            clusters,
            proposed: outcome.proposals.len(),
            applied: count(ProposalState::Applied),
            quarantined: count(ProposalState::Quarantined),
            kept: count(ProposalState::Proposed),
            archived: outcome.archived.len(),
            proposals: outcome.proposals.iter().map(|it| it.id).collect(),
            notes,
        };
        if !dry_run {
            self.write(outcome, &report, now)?;
            memory.consolidated.store(up_to, Ordering::Release);
        }
        Ok(report)
    }

    /// Chooses records, finds those that say the same, and has texts written for them.
    fn gathered(&self) -> Result<Gathered, MemoryError> {
        let memory = self.memory;
        let up_to = memory.library()?.last_seq();
        let (candidates, left) = chosen(memory, self.settings, memory.now())?;
        let mut notes = Vec::new();
        let (similar_by, similarity) = self.similarity(&candidates, &mut notes);
        let clustering = clusters(&candidates, similarity.as_ref(), self.settings.bounds);
        if clustering.left > 0 {
            notes.push(format!("{} pairs were too many for this time", clustering.left));
        }
        let known = proposed(memory)?;
        let mut drafts = Vec::new();
        for cluster in &clustering.clusters {
            let members: Vec<Candidate> =
                cluster.members.iter().filter_map(|at| candidates.get(*at).cloned()).collect();
            if known.contains(&sources_of(&members)) {
                continue;
            }
            let texts: Vec<&str> = members.iter().map(|it| it.text.as_str()).collect();
            let (written_by, text) = self.written(&texts, &mut notes);
            drafts.push(Draft { members, similarity: cluster.similarity, written_by, text });
        }
        Ok(Gathered {
            drafts,
            similar_by,
            examined: candidates.len(),
            left,
            kept_apart: clustering.refused,
            clusters: clustering.clusters.len(),
            up_to,
            notes,
        })
    }

    /// What says how near two candidates are, and its name.
    fn similarity(
        &self,
        candidates: &[Candidate],
        notes: &mut Vec<String>,
    ) -> (String, Box<dyn Fn(usize, usize) -> f32>) {
        match self.embedder.map(|embedder| (embedder.id(), vectors(embedder, candidates))) {
            Some((name, Ok(vectors))) => {
                let cosine = move |a: usize, b: usize| match (vectors.get(a), vectors.get(b)) {
                    (Some(a), Some(b)) => a.iter().zip(b).map(|(a, b)| a * b).sum(),
                    _ => 0.0,
                };
                return (name.to_owned(), Box::new(cosine));
            }
            Some((name, Err(reason))) => {
                notes
                    .push(format!("`{name}` gave no vectors, so words in common decide: {reason}"));
            }
            None => notes.push("there is no embedder, so words in common decide".to_owned()),
        }
        let readings: Vec<Reading> = candidates.iter().map(|it| Reading::of(&it.text)).collect();
        let shared = move |a: usize, b: usize| match (readings.get(a), readings.get(b)) {
            (Some(a), Some(b)) => overlap(a, b),
            _ => 0.0,
        };
        ("words".to_owned(), Box::new(shared))
    }

    /// A proposal for records that say the same, checked and decided.
    fn propose(&self, draft: Draft, similar_by: &str, outcome: &mut Outcome) {
        let Draft { members, similarity, written_by, text } = draft;
        let members: Vec<&Candidate> = members.iter().collect();
        let sources: Vec<&str> = members.iter().map(|it| it.text.as_str()).collect();
        let Some(made) = summary(&members, text) else { return };
        let checked = self.check(&sources, &made.text);
        let memory = self.memory;
        let now = memory.now();
        let stored = Stored::new(made.text.clone().into_bytes(), memory.clock.salt());
        let mut proposal = MemoryProposal {
            schema_version: SCHEMA_VERSION,
            id: ProposalId::from_uuid(memory.clock.uuid()),
            state: ProposalState::Proposed,
            sources: made.sources.clone(),
            area: made.area,
            text: stored.reference.clone(),
            metadata: made.metadata.clone(),
            span: made.span,
            similarity,
            similar_by: similar_by.to_owned(),
            written_by,
            reasons: Vec::new(),
            batch: None,
            derived: None,
            decided_by: None,
            created_at: now,
            updated_at: now,
        };
        self.judge(&mut proposal, &checked);
        outcome.texts.push(stored);
        outcome.proposals.push(proposal);
    }

    /// Who writes the text for the sources, and the text where it is not sentences of theirs.
    fn written(&self, sources: &[&str], notes: &mut Vec<String>) -> (String, Option<String>) {
        let extract = ("extract".to_owned(), None);
        let Some(writer) = &self.writer else { return extract };
        match (writer.write)(sources) {
            Ok(text) => (writer.name.clone(), Some(text)),
            Err(why) => {
                notes.push(format!("`{}` wrote no summary: {why}", writer.name));
                extract
            }
        }
    }

    fn check(&self, sources: &[&str], text: &str) -> Checked {
        let tools: Vec<&str> = self.settings.tools.iter().map(String::as_str).collect();
        check(sources, text, &tools)
    }

    /// The state of a new proposal: what a check or policy says.
    fn judge(&self, proposal: &mut MemoryProposal, checked: &Checked) {
        let reasons = checked.reasons();
        if !reasons.is_empty() {
            (proposal.state, proposal.reasons) = (ProposalState::Quarantined, reasons);
            return;
        }
        let ruling = (self.decide)(proposal);
        match ruling.effect {
            Effect::Allow if !checked.new_words.is_empty() => {
                let words = checked.new_words.join(", ");
                proposal
                    .reasons
                    .push(format!("a person is asked about words that no source has: {words}"));
            }
            Effect::Allow => proposal.state = ProposalState::Applied,
            Effect::Ask => proposal.reasons.push(format!("a person is asked: {}", ruling.reason)),
            _ => proposal.reasons.push(format!("policy keeps it as it is: {}", ruling.reason)),
        }
    }

    /// The rows of every proposal that may be applied.
    fn carry_out(&self, library: &Library, batch: BatchId, now: Timestamp, outcome: &mut Outcome) {
        for proposal in &mut outcome.proposals {
            if proposal.state != ProposalState::Applied {
                continue;
            }
            let text = outcome.texts.iter().find(|text| text.reference == proposal.text);
            let text = text.and_then(|text| std::str::from_utf8(&text.content).ok());
            let derived = MemoryId::from_uuid(self.memory.clock.uuid());
            let rows = text.and_then(|text| applied(library, proposal, text, derived, batch, now));
            let Some(rows) = rows else {
                proposal.state = ProposalState::Proposed;
                proposal.reasons.push("a source went away meanwhile".to_owned());
                continue;
            };
            outcome.records.extend(rows);
            outcome.derived.push(derived);
            (proposal.batch, proposal.derived) = (Some(batch), Some(derived));
            proposal.decided_by = Some("policy".to_owned());
        }
    }

    fn write(
        &self,
        outcome: Outcome,
        report: &ConsolidationReport,
        now: Timestamp,
    ) -> Result<(), MemoryError> {
        let applied = outcome.proposals.iter().filter(|it| it.state == ProposalState::Applied);
        let event = MemoryConsolidated {
            what: Consolidated::Job,
            by: self.by.clone(),
            batch: report.batch,
            proposals: outcome.proposals.iter().map(|it| it.id).collect(),
            derived: outcome.derived,
            sources: applied.flat_map(|it| it.sources.iter().copied()).collect(),
            archived: outcome.archived,
            decision: None,
            report: Some(Box::new(report.clone())),
        };
        self.memory.append_all(RecordAppend {
            at: now,
            records: outcome.records,
            texts: outcome.texts,
            events: vec![EventBody::MemoryConsolidated(event)],
            proposals: outcome.proposals,
        })
    }
}

fn vectors(embedder: &dyn Embedder, candidates: &[Candidate]) -> Result<Vec<Vec<f32>>, String> {
    let mut all = Vec::with_capacity(candidates.len());
    for part in candidates.chunks(EMBEDDED_AT_ONCE) {
        let texts: Vec<&str> = part.iter().map(|it| it.text.as_str()).collect();
        let made = contained("embedding", || embedder.embed(&texts))?;
        all.extend(made.map_err(|error| error.to_string())?);
    }
    Ok(all)
}

/// What was proposed before: what somebody rejected or took back is not proposed again, and what waits, waits.
fn proposed(memory: &Memory) -> Result<HashSet<Vec<MemoryId>>, MemoryError> {
    Ok(memory.log.proposals()?.into_iter().map(|it| it.sources).collect())
}

fn sources_of(members: &[Candidate]) -> Vec<MemoryId> {
    members.iter().map(|it| it.id).collect()
}

/// Whether a record still counts and says of itself what it said when it was looked at.
fn is_as_it_was(library: &Library, candidate: &Candidate, now: Timestamp) -> bool {
    library
        .get(&candidate.id)
        .is_some_and(|entry| entry.counts_at(now) && *entry.metadata == candidate.metadata)
}

/// Takes rows as if they stood in the log already, for what follows from them.
fn fold(library: &mut Library, rows: &[NewRecord]) {
    for (row, place) in rows.iter().zip(library.last_seq() + 1..) {
        library.apply(crate::contracts::RecordRow {
            record_seq: place,
            id: row.id,
            area: row.area,
            text: row.text.clone(),
            metadata: row.metadata.clone(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            content_hash: Some(row.content_hash),
        });
    }
}
