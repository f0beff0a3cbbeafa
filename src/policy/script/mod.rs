//! Rules written in Rhai: typed getters over the facts, and a few functions that speak.
//!
//! A script sees nothing but its request. Its limits are counts, so that a decision is the same on a
//! slow machine; whatever goes wrong in it is a denial.

mod api;
mod check;
mod comparing;
mod depth;
mod endless;
mod engine;
mod facts;
mod literals;
mod load;
mod mended;
mod meter;
mod names;
mod patterns;
mod run;
mod views;

pub(super) use engine::ScriptEngine;
pub(super) use literals::lint as lint_literals;
pub(super) use load::{Script, ScriptRule, load};
pub use meter::Watch;
pub use names::{definitions, reference};
pub(super) use run::{Audience, Broken, Said, Spoken};

#[cfg(test)]
mod tests;
