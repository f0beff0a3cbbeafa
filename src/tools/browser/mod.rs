//! `browser_task`: a real browser that does steps on web pages, as a person would.
//!
//! Owns the steps, where the browser and its driver are found, and what comes back. Browser, driver and the
//! helper that speaks to it (`cell`) all run in one sandbox cell: a scratch directory of the call's own,
//! nothing of the workspace, and a network that is the checking proxy with the hosts that the call names.

mod args;
mod cell;
mod data;
mod programs;
mod tool;

#[cfg(test)]
mod tests;

pub(super) use cell::{JOB, answer};
pub use programs::BrowserPrograms;
pub(super) use tool::BrowserTask;
