//! Where the values of a call came from: named by the person, found in what tools answered, or found
//! nowhere.
//!
//! Owns splitting texts into words that compare alike however they are written, reading answers into
//! what is trusted and what is not, and the labels that follow. What labels mean is left to rules; runs
//! of playbooks know the flow of values exactly and need none of this.
//!
//! The rule is one-sided. A value counts as `user` or `trusted` only where it stands as it is; it counts
//! as `untrusted` also where it is split, spaced or wrapped otherwise. What a model made up, decoded
//! or put together is `unknown`, and rules that demand `only: [user, trusted]` refuse that as well.

mod answer;
mod index;
mod token;
mod trace;
mod words;

#[cfg(test)]
mod tests;

pub use trace::{Came, Told, trace};
