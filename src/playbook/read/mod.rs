//! From the YAML tree to a [`super::Playbook`], noting every mistake of form.
//!
//! Owns keys, kinds and ranges of values, and where each expression stands. Whether names in
//! expressions and arguments of tools mean something is the business of [`super::check`].

mod reader;
mod source;

mod document;

mod inputs;
mod permissions;
mod schedule;

mod bits;
mod fragments;
mod tree;

mod action;
mod block;
mod call;
mod foreach;
mod include;
mod misplaced;
mod retry;
mod steps;

mod ending;
mod scenarios;

pub(super) use bits::Bits;
pub(super) use document::document;
pub(super) use fragments::Fragments;
pub(super) use reader::{CallUse, Context, MISTAKES_MAX, Reader, Section, Site, ToolUse};
pub(super) use tree::Sight;
