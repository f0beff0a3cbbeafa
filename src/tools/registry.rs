//! The tools there are in the program. Adding one is a file and a line in `TOOLS`. What a workspace
//! declares beside them is in a [`Toolbox`](super::Toolbox).

use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use jsonschema::Validator;

use super::{
    apply_patch, browser, consult_ui, delete_path, git_commit, git_diff, git_log, git_status,
    list_dir, memory, move_path, notify, parse, read_bin, read_text, run_sandboxed, search_text,
    shell_exec, web, worker, write_text,
};
use crate::ports::{Tool, ToolDescriptor, Vocabulary};

/// Every tool. Private: the way to run one is `dispatch`.
static TOOLS: &[&dyn Tool] = &[
    &apply_patch::ApplyPatch,
    &browser::BrowserTask,
    &consult_ui::ConsultUi,
    #[cfg(target_os = "linux")]
    &super::desktop::DesktopTask,
    &parse::CsvRead,
    &delete_path::DeletePath,
    &web::Download,
    &memory::FulltextSearch,
    &git_commit::GitCommit,
    &git_diff::GitDiff,
    &git_log::GitLog,
    &git_status::GitStatus,
    &parse::HtmlToText,
    &web::HttpGet,
    &web::HttpRequest,
    &parse::JsonQuery,
    &list_dir::ListDir,
    &parse::MarkdownToText,
    &memory::MemoryForget,
    &memory::MemorySearch,
    &memory::MemoryWrite,
    &move_path::MovePath,
    &parse::PdfToText,
    &read_bin::ReadBin,
    &read_text::ReadText,
    &run_sandboxed::RunSandboxed,
    &worker::SandboxWorkerRun,
    &search_text::SearchText,
    &shell_exec::ShellExec,
    &notify::UserNotification,
    &web::WebScrape,
    &write_text::WriteText,
];

/// A tool, what is known about it, and its schema compiled.
pub(super) struct Entry {
    pub(super) tool: Held,
    pub(super) descriptor: ToolDescriptor,
    pub(super) validator: Result<Validator, String>,
}

/// A tool, wherever it comes from. Private to `tools`: the way to run one is `dispatch`.
pub(super) enum Held {
    /// One of `TOOLS`.
    BuiltIn(&'static dyn Tool),
    /// One that configuration declares.
    Declared(Arc<dyn Tool>),
}

impl Deref for Held {
    type Target = dyn Tool;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::BuiltIn(tool) => *tool,
            Self::Declared(tool) => tool.as_ref(),
        }
    }
}

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| TOOLS.iter().map(|t| entry(*t)).collect());

/// The entries of `TOOLS`, in their order.
pub(super) fn built_in() -> &'static [Entry] {
    &ENTRIES
}

pub(super) fn entry(tool: &'static dyn Tool) -> Entry {
    entry_for(Held::BuiltIn(tool))
}

/// The entry of a tool, with its schema compiled.
pub(super) fn entry_for(tool: Held) -> Entry {
    let descriptor = tool.descriptor();
    let validator = jsonschema::validator_for(&descriptor.schema).map_err(|e| e.to_string());
    Entry { tool, descriptor, validator }
}

/// The entry that answers to `name`, or to one of its other names.
pub(super) fn entry_of(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| {
        entry.descriptor.name == name || entry.descriptor.aliases.iter().any(|alias| alias == name)
    })
}

/// What is known about the tool of the program that answers to `name`, or to one of its other names.
#[must_use]
pub fn find(name: &str) -> Option<&'static ToolDescriptor> {
    entry_of(name).map(|entry| &entry.descriptor)
}

/// The tools of the program, as policy, lint and people see them. Those of a workspace are in its
/// [`Toolbox`](super::Toolbox).
#[must_use]
pub fn vocabulary() -> Vocabulary {
    Vocabulary::new(ENTRIES.iter().map(|entry| entry.descriptor.clone()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_name_and_alias_is_there_once() {
        let mut names: Vec<&str> = Vec::new();
        for Entry { descriptor, .. } in ENTRIES.iter() {
            names.push(&descriptor.name);
            names.extend(descriptor.aliases.iter().map(String::as_str));
        }
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), names.len(), "{names:?}");
        assert_eq!(find("filesystem_read").unwrap().name, "read_text");
        assert_eq!(find("filesystem_write").unwrap().name, "write_text");
        assert!(find("read_texts").is_none());
    }

    #[test]
    fn every_schema_compiles_refuses_the_unknown_and_describes_each_argument() {
        assert!(ENTRIES.len() >= 8);
        for Entry { descriptor, validator, .. } in ENTRIES.iter() {
            let name = &descriptor.name;
            assert!(validator.is_ok(), "{name}: {validator:?}");
            assert_eq!(descriptor.schema["additionalProperties"], json!(false), "{name}");
            assert_eq!(descriptor.output_schema["type"], json!("object"), "{name}");
            for side in [&descriptor.schema, &descriptor.output_schema] {
                for (arg, schema) in side["properties"].as_object().unwrap() {
                    let text = schema["description"].as_str().unwrap_or_default();
                    assert!(!text.is_empty(), "{name}.{arg} has no description");
                }
            }
        }
    }

    #[test]
    fn what_policy_is_told_names_real_arguments() {
        for Entry { descriptor, .. } in ENTRIES.iter() {
            let known = descriptor.schema["properties"].as_object().unwrap();
            let paths = descriptor.paths.iter().map(|p| &p.arg);
            for arg in paths.chain(&descriptor.sinks).chain(&descriptor.command) {
                assert!(known.contains_key(arg), "{}.{arg}", descriptor.name);
            }
            let named = |arg: &&String| {
                ["path", "workdir", "command"].contains(&arg.as_str())
                    && !descriptor.paths.iter().any(|p| p.arg == **arg)
                    && descriptor.command.as_ref() != Some(*arg)
            };
            let missed: Vec<&String> = known.keys().filter(named).collect();
            assert!(missed.is_empty(), "{} hides {missed:?} from policy", descriptor.name);
        }
    }

    #[test]
    fn a_tool_that_only_reads_writes_no_path() {
        use crate::contracts::CallEffect;
        use crate::ports::PathAccess;
        for Entry { descriptor, .. } in ENTRIES.iter() {
            if descriptor.effect == CallEffect::Read {
                assert!(descriptor.paths.iter().all(|p| p.access == PathAccess::Read));
            }
        }
    }

    #[test]
    fn schemas_say_nothing_of_rust() {
        let text = serde_json::to_string(
            &ENTRIES.iter().map(|e| e.descriptor.schema.clone()).collect::<Vec<Value>>(),
        )
        .unwrap();
        for word in ["uint", "$schema", "$defs", "null", "\"title\":\"ReadText"] {
            assert!(!text.contains(word), "{word} in {text}");
        }
    }
}
