//! The JSON Schema of the language, for editors. Lint says more and better; this is for completion.

/// The schema (2020-12), as committed in `config/schema/playbook.json`.
pub const SCHEMA: &str = include_str!("../../config/schema/playbook.json");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::SCHEMA;
    use crate::contracts::{Hash, SourceKind};
    use crate::playbook::LintLimits;
    use crate::playbook::Pinned;
    use crate::playbook::read::{Fragments, Reader, document};
    use crate::playbook::vocabulary_for_tests::vocabulary;
    use crate::yaml;

    /// Every key of the language, each at least once.
    const EVERYTHING: &str = include_str!("everything_for_tests.yaml");

    const FRAGMENT: &str =
        "schema: 1\nsteps: [{ tool: user_notification, args: { text: over } }]\n";
    const OTHER: &str = "schema: 1\nname: other\ndescription: d\ninputs: { n: { type: integer } }\npermissions: { tools: [git_status] }\nsteps: [{ id: a, tool: git_status, args: { path: . } }]\noutputs: { ok: \"${{ steps.a.ok }}\" }\n";

    /// What [`EVERYTHING`] includes and calls.
    fn library() -> Pinned {
        let fragment = ("fragments/over.yaml", FRAGMENT, SourceKind::Fragment);
        let other = ("other", OTHER, SourceKind::Playbook);
        Pinned::new([fragment, other].map(|(name, text, kind)| {
            (kind, name.to_owned(), format!("playbooks/{name}"), text.to_owned())
        }))
    }

    fn schema() -> Value {
        serde_json::from_str(SCHEMA).unwrap()
    }

    fn properties(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::Object(names)) = map.get("properties") {
                    found.extend(names.keys().cloned());
                }
                map.values().for_each(|value| properties(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| properties(item, found)),
            _ => {}
        }
    }

    #[test]
    fn takes_a_playbook_that_uses_every_key() {
        let root = yaml::parse("x", EVERYTHING, yaml::Limits::default()).unwrap();
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&root.to_json()).map(|e| e.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
        let (vocabulary, limits) = (vocabulary(), LintLimits::default());
        let linted = crate::playbook::lint("x", EVERYTHING, &vocabulary, &limits, &library());
        // A schedule and approvals exclude each other; everything else is as it should be.
        let codes: Vec<&str> = linted.diagnostics.iter().map(|d| d.code.as_str()).collect();
        assert_eq!(codes, ["approval-unattended"; 2]);
    }

    #[test]
    fn has_the_keys_that_lint_has_and_no_others() {
        let root = yaml::parse("x", EVERYTHING, yaml::Limits::default()).unwrap();
        let (vocabulary, limits) = (vocabulary(), LintLimits::default());
        let fragments = Fragments::fetch(&root, &library(), yaml::Limits::default());
        let mut reader = Reader::new("x", EVERYTHING, &vocabulary, &limits, &fragments);
        document(&mut reader, Hash::ZERO, &root).unwrap();
        let lint: BTreeSet<String> =
            reader.keys.iter().flat_map(|(_, keys)| keys).map(|key| (*key).to_owned()).collect();
        let mut schema_keys = BTreeSet::new();
        properties(&schema(), &mut schema_keys);
        assert!(lint.len() > 40, "lint read only {lint:?}");
        let only_schema: Vec<_> = schema_keys.difference(&lint).collect();
        assert!(only_schema.is_empty(), "only in the schema: {only_schema:?}");
        let only_lint: Vec<_> = lint.difference(&schema_keys).collect();
        assert!(only_lint.is_empty(), "only in lint: {only_lint:?}");
    }
}
