//! The tools of one workspace: those of this program, and those that its configuration declares.
//!
//! A value that `app` makes and hands down; nothing here is shared behind anybody's back. What the
//! program has is the same for all, and a declared tool never takes one of its names.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::declared::{self, DeclaredFile, Profiles};
use super::mcp::{self, McpSetup};
use super::notify;
use super::registry::{self, Entry, Held, entry_for};
use crate::contracts::Diagnostic;
use crate::ports::{Tool, ToolDescriptor, Vocabulary};

/// The tools of one workspace. Cheap to clone.
#[derive(Clone, Default)]
pub struct Toolbox {
    declared: Arc<Declared>,
}

#[derive(Default)]
struct Declared {
    /// Each tool by its own name.
    entries: BTreeMap<String, Entry>,
    /// Own names by other names.
    aliases: BTreeMap<String, String>,
    /// Why servers have no tools here, by name.
    absent: BTreeMap<String, String>,
    /// `user_notification`, where configuration lets it send what it says over a network.
    tells_outside: Option<Entry>,
}

/// What a workspace declares.
#[derive(Debug, Default)]
pub struct Declarations<'a> {
    /// Files of process tools. Only of a workspace that somebody trusts.
    pub files: Vec<DeclaredFile<'a>>,
    /// The sandbox profiles there are.
    pub profiles: Profiles,
    /// Other servers, and what they offered when they were listed.
    pub mcp: McpSetup,
    /// Why servers that are named have no tools, by name.
    pub absent: BTreeMap<String, String>,
    /// Whether what `user_notification` says leaves the machine, by a webhook or by mail.
    pub tells_outside: bool,
}

impl Toolbox {
    /// The tools of the program and those of `declarations`, with every mistake that was found. A
    /// tool whose declaration has mistakes is there under its name and refuses every call with the
    /// reason, so that rules and playbooks which name it keep their meaning.
    #[must_use]
    pub fn open(declarations: Declarations<'_>) -> (Self, Vec<Diagnostic>) {
        let mut mistakes = Vec::new();
        let mut toolbox = Declared { absent: declarations.absent, ..Declared::default() };
        for tool in declared::tools(&declarations.files, &declarations.profiles, &mut mistakes) {
            toolbox.add(tool);
        }
        for tool in mcp::tools(declarations.mcp) {
            toolbox.add(tool);
        }
        if declarations.tells_outside {
            let mut entry = entry_for(Held::BuiltIn(&notify::UserNotification));
            entry.descriptor.sends_network = true;
            toolbox.tells_outside = Some(entry);
        }
        (Self { declared: Arc::new(toolbox) }, mistakes)
    }

    /// What is known about the tool that answers to `name`, or to one of its other names.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&ToolDescriptor> {
        self.entry_of(name).map(|entry| &entry.descriptor)
    }

    /// All tools, as policy, lint and people see them.
    #[must_use]
    pub fn vocabulary(&self) -> Vocabulary {
        let Declared { entries, tells_outside, .. } = self.declared.as_ref();
        // Of two with one name the later counts.
        let entries = registry::built_in().iter().chain(entries.values()).chain(tells_outside);
        Vocabulary::new(entries.map(|entry| entry.descriptor.clone()))
    }

    /// The tools that configuration declares, sorted by name.
    pub fn declared(&self) -> impl Iterator<Item = &ToolDescriptor> {
        self.declared.entries.values().map(|entry| &entry.descriptor)
    }

    /// Why a tool of another server is not here, where that is known.
    #[must_use]
    pub fn absent(&self, name: &str) -> Option<String> {
        let (server, _) = name.strip_prefix("mcp:")?.split_once('/')?;
        let why = self.declared.absent.get(server)?;
        Some(format!("the tools of the MCP server `{server}` are not there: {why}"))
    }

    pub(super) fn entry_of(&self, name: &str) -> Option<&Entry> {
        let Declared { entries, aliases, tells_outside, .. } = self.declared.as_ref();
        tells_outside
            .as_ref()
            .filter(|entry| entry.descriptor.name == name)
            .or_else(|| registry::entry_of(name))
            .or_else(|| entries.get(name))
            .or_else(|| aliases.get(name).and_then(|own| entries.get(own)))
    }

    /// The tools of the program and `tools`, as a test has them.
    #[cfg(test)]
    pub(super) fn of(tools: impl IntoIterator<Item = Arc<dyn Tool>>) -> Self {
        let mut declared = Declared::default();
        tools.into_iter().for_each(|tool| declared.add(tool));
        Self { declared: Arc::new(declared) }
    }
}

impl Declared {
    /// Whoever reads declarations saw to it that no name is one of the program's.
    fn add(&mut self, tool: Arc<dyn Tool>) {
        let entry = entry_for(Held::Declared(tool));
        let name = entry.descriptor.name.clone();
        debug_assert!(registry::entry_of(&name).is_none(), "`{name}` is taken");
        for alias in &entry.descriptor.aliases {
            self.aliases.insert(alias.clone(), name.clone());
        }
        self.entries.insert(name, entry);
    }
}

impl std::fmt::Debug for Toolbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.declared.entries.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;
    use crate::contracts::{CallEffect, ErrorKind, Risk, ToolError};
    use crate::tools::dispatch::perform_in;
    use crate::tools::fixture::Bench;
    use crate::tools::typed::{Answer, Call, Typed, about};

    /// What `CONTRIBUTING.md` tells an author to write.
    struct Shout;

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Args {
        /// What is shouted.
        #[schemars(length(min = 1, max = 100))]
        text: String,
    }

    #[derive(Serialize, JsonSchema)]
    struct Data {
        /// The text in capitals.
        text: String,
    }

    impl Typed for Shout {
        type Args = Args;
        type Data = Data;

        fn about(&self) -> ToolDescriptor {
            about("shout", Risk::Low, CallEffect::Read, "Says a text in capitals.")
        }

        fn dry_run(&self, args: &Args) -> String {
            format!("would shout {} characters", args.text.chars().count())
        }

        fn run(&self, args: Args, _: &Call<'_>) -> Result<Answer<Data>, ToolError> {
            Ok(Answer::of(Data { text: args.text.to_uppercase() }))
        }
    }

    fn sample() -> Toolbox {
        Toolbox::of([Arc::new(Shout) as Arc<dyn Tool>])
    }

    #[test]
    fn a_tool_is_one_type_and_everything_else_comes_from_it() {
        let (bench, toolbox) = (Bench::new(), sample());
        let call = |args| bench.tool_call("shout", args);
        let output = perform_in(&toolbox, &call(json!({"text": "hé"})), &[], bench.context());
        assert_eq!(output.data, Some(json!({"text": "HÉ"})), "{:?}", output.error);
        for args in
            [json!({}), json!({"text": ""}), json!({"text": "a", "x": 1}), json!({"text": 1})]
        {
            let error = perform_in(&toolbox, &call(args.clone()), &[], bench.context()).error;
            assert_eq!(error.map(|it| it.kind), Some(ErrorKind::BadArguments), "{args}");
        }
        assert_eq!(
            toolbox.dry_run(&call(json!({"text": "ab"}))).unwrap(),
            "would shout 2 characters"
        );
        assert!(toolbox.vocabulary().get("shout").is_some());
        assert!(
            crate::tools::describe(toolbox.find("shout").unwrap()).contains("What is shouted.")
        );
        let unknown = toolbox.check_args("shuot", &serde_json::Map::new()).unwrap_err();
        assert!(unknown.message.contains("did you mean `shout`?"), "{}", unknown.message);
    }

    #[test]
    fn what_is_told_outside_counts_as_sent_over_the_network() {
        for tells_outside in [false, true] {
            let (toolbox, _) = Toolbox::open(Declarations { tells_outside, ..Default::default() });
            assert_eq!(toolbox.find(notify::NOTIFIES).unwrap().sends_network, tells_outside);
            let vocabulary = toolbox.vocabulary();
            assert_eq!(vocabulary.get(notify::NOTIFIES).unwrap().sends_network, tells_outside);
        }
    }

    #[test]
    fn the_tools_of_the_program_are_in_every_toolbox_and_no_more_than_those_in_an_empty_one() {
        assert_eq!(
            Toolbox::default().vocabulary().names().collect::<Vec<_>>(),
            registry::vocabulary().names().collect::<Vec<_>>()
        );
        assert!(sample().find("read_text").is_some());
        assert!(Toolbox::default().find("shout").is_none());
    }
}
