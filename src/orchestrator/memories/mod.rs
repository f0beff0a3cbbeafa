//! Memory as people, programs and runs use it: every change is decided by policy first, and audited.
//!
//! A call of a run is decided and journalled as any other call; the tool then comes in through [`RunMemories`].
//! What a person or a program wants without a run is decided here, in [`govern`], and journalled as
//! `memory.written` in the program's own stream.

mod consolidate;
mod forget;
mod govern;
mod kv;
mod orders;
mod pin;
mod port;
pub(super) mod recall;
mod remember;
mod sync;
mod writer;

pub use consolidate::{
    Occasion, answer_proposal, consolidate, consolidate_if_due, consolidations, memory_consolidate,
    undo_batch,
};
pub use forget::{forget, would_forget};
pub use govern::{Asker, MemoryRefusal};
pub use kv::{memory_kv, set_kv};
pub use orders::{MemoryOrder, OrderRefused, RefusedAs, carry_out};
pub use pin::{memory_pin, pin};
pub use port::RunMemories;
pub use remember::remember;
pub use sync::sync;

pub(super) use port::{labels_of, run_draft};
pub(super) use recall::{RUN, recall_once, shown};
