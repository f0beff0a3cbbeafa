//! The tools there are. Adding one is a file and a line in `TOOLS`.

use std::sync::LazyLock;

use jsonschema::Validator;

use super::{
    git_diff, git_status, list_dir, read_text, run_sandboxed, search_text, shell_exec,
    user_notification, worker, write_text,
};
use crate::ports::{Tool, ToolDescriptor, Vocabulary};

/// Every tool. Private: the way to run one is `dispatch`.
static TOOLS: &[&dyn Tool] = &[
    &git_diff::GitDiff,
    &git_status::GitStatus,
    &list_dir::ListDir,
    &read_text::ReadText,
    &run_sandboxed::RunSandboxed,
    &worker::SandboxWorkerRun,
    &search_text::SearchText,
    &shell_exec::ShellExec,
    &user_notification::UserNotification,
    &write_text::WriteText,
];

/// A tool, what is known about it, and its schema compiled.
pub(super) struct Entry {
    pub(super) tool: &'static dyn Tool,
    pub(super) descriptor: ToolDescriptor,
    pub(super) validator: Result<Validator, String>,
}

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| TOOLS.iter().map(|t| entry(*t)).collect());

pub(super) fn entry(tool: &'static dyn Tool) -> Entry {
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

/// What is known about the tool that answers to `name`, or to one of its other names.
#[must_use]
pub fn find(name: &str) -> Option<&'static ToolDescriptor> {
    entry_of(name).map(|entry| &entry.descriptor)
}

/// All tools, as policy, lint and people see them.
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
