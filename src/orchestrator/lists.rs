//! Lists that steps go over. Each of a thousand items asks for its own; the list is read once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::error::RunError;
use crate::contracts::TextRef;

/// Most lists that are kept in memory at once.
const KEPT_MAX: usize = 16;

/// A list that a step goes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// The list, as JSON.
    pub text: TextRef,
    /// How many items it has.
    pub count: u32,
    /// Where it came from, where the journal says so.
    pub labels: Option<Vec<String>>,
}

/// Lists that were read, shared by everybody who looks at the same run.
#[derive(Debug, Clone, Default)]
pub struct Lists(Arc<Mutex<Kept>>);

/// By the name of their text.
type Kept = BTreeMap<String, Arc<Vec<Value>>>;

impl Lists {
    /// The list of `text`, which `read` gets from the store where it is not kept.
    pub(super) fn get(
        &self,
        text: &TextRef,
        read: impl FnOnce() -> Result<Vec<Value>, RunError>,
    ) -> Result<Arc<Vec<Value>>, RunError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(list) = kept.get(&text.blob) {
            return Ok(Arc::clone(list));
        }
        let list = Arc::new(read()?);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(text.blob.clone(), Arc::clone(&list));
        Ok(list)
    }
}
