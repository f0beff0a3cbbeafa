//! Memory as people, programs and runs use it: every change is decided by policy first, and audited.
//!
//! A call of a run is decided and journalled as any other call; the tool then comes in through [`RunMemories`].
//! What a person or a program wants without a run is decided here, in [`govern`], and journalled as
//! `memory.written` in the program's own stream.

mod consolidate;
mod forget;
mod govern;
mod port;
mod remember;

pub use consolidate::{
    answer_proposal, consolidate, consolidate_if_due, memory_consolidate, undo_batch,
};
pub use forget::{forget, would_forget};
pub use govern::{Asker, MemoryRefusal};
pub use port::RunMemories;
pub use remember::remember;

pub(super) use port::{labels_of, run_draft};
