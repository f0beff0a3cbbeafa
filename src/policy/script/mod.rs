//! Rules written in Rhai: typed getters over the facts, and a few functions that speak.
//!
//! A script sees nothing but its request. Its limits are counts, so that a decision is the same on a
//! slow machine; whatever goes wrong in it is a denial.

mod api;
mod check;
mod engine;
mod known;
mod load;
mod run;
mod views;

pub(super) use engine::ScriptEngine;
pub(super) use load::{Script, ScriptRule, load};
pub(super) use run::{Audience, Said, Spoken};
