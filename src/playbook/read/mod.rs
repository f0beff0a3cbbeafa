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

mod action;
mod retry;
mod steps;

mod ending;
mod scenarios;

pub(super) use document::document;
pub(super) use reader::{Context, MISTAKES_MAX, Reader, Section, Site, ToolUse};
