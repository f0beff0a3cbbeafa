//! One request as rules see it: with what the active set says about its tool.

use std::sync::Arc;

use serde_json::Value;

use super::goal::asked_for;
use super::host::is_url;
use super::{Options, Request, Terms};
use crate::contracts::{Profile, Risk};
use crate::ports::{Category, ToolDescriptor};

/// A request and what is known about its tool.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) request: &'a Request,
    /// The tool, where there is one of this name.
    pub(super) tool: Option<&'a Arc<ToolDescriptor>>,
    pub(super) risk: Risk,
    pub(super) category: Option<Category>,
    pub(super) profile: Profile,
    pub(super) scripts_may_allow: bool,
    /// Whether the person's goal asks for such a call, in the words of the tool.
    pub(super) asked_for: bool,
    /// Sinks that rules name beside those that the tool declares.
    sinks: &'a [String],
}

impl<'a> Case<'a> {
    pub(super) fn new(
        request: &'a Request,
        tool: Option<&'a Arc<ToolDescriptor>>,
        terms: &'a Terms,
        options: &Options,
    ) -> Self {
        Self {
            request,
            tool,
            risk: terms.risk.unwrap_or(request.risk),
            category: terms.category.or(request.category),
            profile: options.profile,
            scripts_may_allow: terms.scripts_may_allow == Some(true),
            asked_for: is_asked_for(&request.run.goal, tool, terms),
            sinks: &terms.sinks,
        }
    }

    /// The arguments through which something can leave or be aimed: those that the tool or the rules
    /// declare, a command, and whatever holds a URL.
    pub(super) fn sinks(&self) -> impl Iterator<Item = &str> {
        let declared = self.tool.map_or(&[][..], |tool| tool.sinks.as_slice());
        let command = self.tool.and_then(|tool| tool.command.as_ref());
        let is_sink = move |arg: &String, value: &Value| {
            declared.contains(arg)
                || self.sinks.contains(arg)
                || command == Some(arg)
                || holds_url(value)
        };
        let args = self.request.args.iter();
        args.filter(move |(arg, value)| is_sink(arg, value)).map(|(arg, _)| arg.as_str())
    }

    /// The tool's name and the others it answers to.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let aliases = self.tool.map_or(&[][..], |tool| tool.aliases.as_slice());
        std::iter::once(self.request.tool.as_str()).chain(aliases.iter().map(String::as_str))
    }

    /// Whether an argument that names a file is not known yet.
    pub(super) fn paths_missing(&self) -> bool {
        self.any_unknown(ToolDescriptor::names_files)
    }

    /// Whether an argument that may name a host is not known yet.
    pub(super) fn hosts_missing(&self) -> bool {
        self.any_unknown(|tool, arg| {
            tool.hosts.iter().any(|host| host.arg == arg)
                || tool.sinks.iter().any(|sink| sink == arg)
        })
    }

    /// Whether the command is not known yet.
    pub(super) fn command_missing(&self) -> bool {
        self.any_unknown(|tool, arg| tool.command.as_deref() == Some(arg))
    }

    fn any_unknown(&self, concerns: impl Fn(&ToolDescriptor, &str) -> bool) -> bool {
        let unknown = &self.request.unknown;
        self.tool.is_some_and(|tool| unknown.iter().any(|arg| concerns(tool, arg)))
    }
}

fn is_asked_for(goal: &str, tool: Option<&Arc<ToolDescriptor>>, terms: &Terms) -> bool {
    let own = tool.map_or(&[][..], |tool| tool.asked_by.as_slice());
    asked_for(goal, own.iter().chain(&terms.asked_by).map(String::as_str))
}

/// Whether a URL stands in an argument, at any depth.
fn holds_url(value: &Value) -> bool {
    match value {
        Value::String(text) => is_url(text),
        Value::Array(items) => items.iter().any(holds_url),
        Value::Object(map) => map.values().any(holds_url),
        _ => false,
    }
}
