//! Who answers questions: the engine over both indexes, or a look through all texts where there is none.

use std::sync::OnceLock;

use super::library::Library;
use super::overlay::Overlay;
use super::search::Engine;
use crate::contracts::{MemoryAnswer, MemoryQuery, Timestamp};

/// What answers questions.
pub(super) enum Answers {
    /// By reading every text.
    Texts(Overlay),
    /// By the indexes, which are opened when they are needed first.
    Indexes(OnceLock<Engine>, Box<dyn Fn() -> Engine + Send + Sync>),
}

impl Answers {
    /// Says that the library has new or changed records. What is not open yet looks at all of them then.
    pub(super) fn noticed(&self, library: &Library) {
        match self {
            Self::Texts(overlay) => overlay.noticed(library),
            Self::Indexes(engine, _) => {
                if let Some(engine) = engine.get() {
                    engine.noticed(library);
                }
            }
        }
    }

    /// Erases records from the indexes and their files.
    pub(super) fn forget(&self, numbers: &[u64]) -> Result<(), String> {
        match self {
            Self::Texts(overlay) => overlay.forget(numbers),
            Self::Indexes(..) => {
                if let Some(engine) = self.engine() {
                    return engine.forget(numbers).map_err(|error| error.to_string());
                }
            }
        }
        Ok(())
    }

    /// The records that fit a question best.
    pub(super) fn search(
        &self,
        library: &Library,
        query: &MemoryQuery,
        now: Timestamp,
    ) -> Result<MemoryAnswer, String> {
        match self {
            Self::Texts(overlay) => overlay.search(library, query, now),
            Self::Indexes(engine, open) => {
                let engine = engine.get_or_init(open);
                engine.search(library, query, now).map_err(|error| error.to_string())
            }
        }
    }

    /// The engine, where there is one.
    pub(super) fn engine(&self) -> Option<&Engine> {
        match self {
            Self::Texts(_) => None,
            Self::Indexes(engine, open) => Some(engine.get_or_init(open)),
        }
    }
}
