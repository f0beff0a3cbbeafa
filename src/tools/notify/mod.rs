//! `user_notification`: tells people something, in the log of the run and in the channels that
//! configuration names.
//!
//! Where a message goes is never in the call: a playbook or a model says what, a person wrote where.
//! What leaves the machine goes past the rules as anything that is sent over a network.

mod desktop;
mod mail;
mod tool;
mod webhook;

pub use tool::NOTIFIES;
pub(super) use tool::UserNotification;

#[cfg(test)]
mod tests;
