//! One request as rules see it: with what the active set says about its tool.

use std::sync::Arc;

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
}

impl<'a> Case<'a> {
    pub(super) fn new(
        request: &'a Request,
        tool: Option<&'a Arc<ToolDescriptor>>,
        terms: &Terms,
        options: &Options,
    ) -> Self {
        Self {
            request,
            tool,
            risk: terms.risk.unwrap_or(request.risk),
            category: terms.category.or(request.category),
            profile: options.profile,
            scripts_may_allow: terms.scripts_may_allow == Some(true),
        }
    }

    /// The tool's name and the others it answers to.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let aliases = self.tool.map_or(&[][..], |tool| tool.aliases.as_slice());
        std::iter::once(self.request.tool.as_str()).chain(aliases.iter().map(String::as_str))
    }

    /// Whether an argument that names a file is not known yet.
    pub(super) fn paths_missing(&self) -> bool {
        self.any_unknown(|tool, arg| tool.paths.iter().any(|path| path.arg == arg))
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
