//! Reading calls and results back from the store.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::driver::Work;
use super::error::RunError;
use super::services::blocking;
use crate::contracts::{CallRequested, TextRef, ToolCall};
use crate::store::Reader;

/// The whole call behind a `call.requested`.
pub(super) async fn load(work: &Work, requested: &CallRequested) -> Result<ToolCall, RunError> {
    let (store, run) = (Arc::clone(&work.services.store), work.run_id.to_string());
    let reference = requested.call.clone();
    blocking(move || document(store.reader(), &run, "a call", &reference)).await?
}

/// A stored JSON document. Blocks.
pub(super) fn document<T: DeserializeOwned>(
    store: &Reader,
    run: &str,
    what: &'static str,
    reference: &TextRef,
) -> Result<T, RunError> {
    let bytes = store.blob(reference)?;
    serde_json::from_slice(&bytes).map_err(|source| RunError::Stored {
        run: run.to_owned(),
        what,
        source,
    })
}
