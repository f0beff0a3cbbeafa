//! `bailiwick memory proposals`: what records may become.

use std::io::Write;

use super::order::order;
use super::place;
use crate::cli::remote::{Place, ask};
use crate::cli::{CliError, Cx, Exit, output};
use crate::client::Request;
use crate::contracts::{MemoryProposal, ProposalId, ProposalList, ProposalView};
use crate::orchestrator::{MemoryOrder, MemoryRefusal};

#[derive(Debug, clap::Args)]
pub(super) struct Proposals {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List them, oldest first
    Ls,
    /// Show one with its sources and what would change
    Show {
        /// The proposal's id
        id: ProposalId,
    },
    /// Let it stand for its sources
    Accept {
        /// The proposal's id
        id: ProposalId,
    },
    /// Leave its sources as they are, for good
    Reject {
        /// The proposal's id
        id: ProposalId,
    },
}

pub(super) fn run(
    wanted: Proposals,
    place: &Place,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    match wanted.action.unwrap_or(Action::Ls) {
        Action::Ls => list(place, cx, out)?,
        Action::Show { id } => show(id, place, cx, out)?,
        Action::Accept { id } => answer(id, true, place, cx, out)?,
        Action::Reject { id } => answer(id, false, place, cx, out)?,
    }
    Ok(Exit::Done)
}

fn list(place: &Place, cx: &Cx, out: &mut dyn Write) -> Result<(), CliError> {
    let list: ProposalList = match place {
        Place::Named(client) => ask(client, Request::get(&["memory", "proposals"]))?,
        Place::Here(_) | Place::Daemon(..) => {
            let items = place::memory(place, cx)?.proposals().map_err(place::error)?;
            ProposalList { items }
        }
    };
    if cx.json {
        return output::json(out, &list);
    }
    if list.items.is_empty() {
        return output::line(out, "there are no proposals");
    }
    let mut rows =
        vec![["PROPOSAL", "STATE", "INTO", "SOURCES", "BATCH", "WHY"].map(str::to_owned)];
    rows.extend(list.items.iter().map(|it| {
        let batch = it.batch.map_or_else(|| "-".to_owned(), |batch| batch.to_string());
        let sources = it.sources.len().to_string();
        let why = it.reasons.first().cloned().unwrap_or_default();
        [
            it.id.to_string(),
            it.state.name().to_owned(),
            it.area.name().to_owned(),
            sources,
            batch,
            why,
        ]
    }));
    output::table(out, &rows)
}

fn show(id: ProposalId, place: &Place, cx: &Cx, out: &mut dyn Write) -> Result<(), CliError> {
    let view: ProposalView = match place {
        Place::Named(client) => {
            ask(client, Request::get(&["memory", "proposals", &id.to_string()]))?
        }
        Place::Here(_) | Place::Daemon(..) => {
            let view = place::memory(place, cx)?.proposal(id).map_err(MemoryRefusal::from);
            view.map_err(place::refusal)?
        }
    };
    if cx.json {
        return output::json(out, &view);
    }
    let it = &view.proposal;
    let (state, area, trust) = (it.state.name(), it.area.name(), it.metadata.trust);
    output::line(out, format!("{} is {state}", it.id))?;
    output::line(out, format!("  into     {area}, trust {trust}"))?;
    output::line(out, format!("  near     {:.2} by {}", it.similarity, it.similar_by))?;
    output::line(out, format!("  text by  {}", it.written_by))?;
    for source in &view.sources {
        output::line(out, format!("  source   {}", source.id))?;
    }
    it.reasons.iter().try_for_each(|why| output::line(out, format!("  why      {why}")))?;
    view.diff.iter().try_for_each(|line| output::line(out, line))
}

fn answer(
    id: ProposalId,
    accept: bool,
    place: &Place,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    let proposal: MemoryProposal = order(place, &MemoryOrder::AnswerProposal { id, accept })?;
    if cx.json {
        return output::json(out, &proposal);
    }
    output::line(out, format!("{id} is {}", proposal.state.name()))?;
    match proposal.batch {
        Some(batch) => output::line(out, format!("take it back: bailiwick memory undo {batch}")),
        None => Ok(()),
    }
}
