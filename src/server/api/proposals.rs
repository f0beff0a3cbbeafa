//! What records may become: consolidating, proposals, taking batches back.

use std::sync::Arc;

use super::memory::asker;
use crate::contracts::{
    BatchId, Consolidating, MemoryJobList, ProposalAnswer, ProposalId, ProposalList,
};
use crate::orchestrator::{
    MemoryRefusal, answer_proposal, consolidate as work, consolidations, undo_batch,
};
use crate::server::reply::{Answer, Reply};
use crate::server::route::Call;

pub(in crate::server) async fn consolidate(call: Call) -> Answer {
    let Consolidating { dry_run } = call.json()?;
    let (services, asker) = (Arc::clone(&call.shared.services), asker(&call));
    Reply::ok(&call.shared.blocking(move || work(&services, &asker, dry_run)).await??)
}

pub(in crate::server) async fn list(call: Call) -> Answer {
    let services = Arc::clone(&call.shared.services);
    let items = call.shared.blocking(move || services.memory.proposals()).await?;
    Reply::ok(&ProposalList { items: items.map_err(MemoryRefusal::from)? })
}

pub(in crate::server) async fn jobs(call: Call) -> Answer {
    let services = Arc::clone(&call.shared.services);
    let items = call.shared.blocking(move || consolidations(services.store.reader())).await??;
    Reply::ok(&MemoryJobList { items })
}

pub(in crate::server) async fn show(call: Call) -> Answer {
    let id: ProposalId = call.id("proposal_id", "proposal")?;
    let services = Arc::clone(&call.shared.services);
    let view = call.shared.blocking(move || services.memory.proposal(id)).await?;
    Reply::ok(&view.map_err(MemoryRefusal::from)?)
}

pub(in crate::server) async fn answer(call: Call) -> Answer {
    let id: ProposalId = call.id("proposal_id", "proposal")?;
    let ProposalAnswer { accept } = call.json()?;
    let (services, asker) = (Arc::clone(&call.shared.services), asker(&call));
    let done = move || answer_proposal(&services, &asker, id, accept);
    Reply::ok(&call.shared.blocking(done).await??)
}

pub(in crate::server) async fn undo(call: Call) -> Answer {
    let batch: BatchId = call.id("batch_id", "batch")?;
    let (services, asker) = (Arc::clone(&call.shared.services), asker(&call));
    Reply::ok(&call.shared.blocking(move || undo_batch(&services, &asker, batch)).await??)
}
