//! The schemas and the types say the same, and the committed files are what the types say.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::{CONTRACTS, arbitrary, root, schema};

#[test]
fn committed_schemas_are_what_the_types_say() {
    for (name, schema) in crate::contracts::schemas() {
        let path = root().join(format!("config/schema/{name}.json"));
        let now = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &now).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let path = path.display();
        assert!(committed == now, "{path} is stale: run `just bless` and look at the difference");
    }
}

#[test]
fn every_contract_has_a_schema_and_every_schema_a_contract() {
    let schemas: Vec<&str> = crate::contracts::schemas().iter().map(|(name, _)| *name).collect();
    let contracts: Vec<&str> = CONTRACTS.iter().map(|(name, _)| *name).collect();
    let (mut schemas, mut contracts) = (schemas, contracts);
    schemas.sort_unstable();
    contracts.sort_unstable();
    assert_eq!(schemas, contracts);
}

#[test]
fn whatever_a_schema_allows_is_read_and_reads_back_the_same() {
    for (name, reload) in CONTRACTS {
        let schema = schema(name);
        let validator = jsonschema::validator_for(&schema).unwrap();
        let mut runner = TestRunner::new(Config { cases: 48, ..Config::default() });
        let result = runner.run(&arbitrary::document(&schema), |document| {
            prop_assert!(validator.is_valid(&document), "the generator is wrong: {document}");
            let written = reload(&document).map_err(TestCaseError::fail)?;
            prop_assert!(validator.is_valid(&written), "{written}");
            prop_assert_eq!(reload(&written).map_err(TestCaseError::fail)?, written);
            Ok(())
        });
        result.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Each object in `document`, as a JSON pointer.
fn objects(document: &Value, at: &str, found: &mut Vec<String>) {
    match document {
        Value::Object(fields) => {
            found.push(at.to_owned());
            fields.iter().for_each(|(name, value)| objects(value, &format!("{at}/{name}"), found));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(i, value)| objects(value, &format!("{at}/{i}"), found));
        }
        _ => {}
    }
}

/// Whether the object at `pointer` is free: arguments, results and maps take any name.
fn is_free(pointer: &str) -> bool {
    const FREE: [&str; 7] =
        ["args", "calls_by_tool", "data", "expected_output_schema", "inputs", "labels", "outputs"];
    pointer.split('/').any(|part| FREE.contains(&part))
}

#[test]
fn unknown_fields_are_refused_at_every_depth_by_type_and_schema_alike() {
    for (name, reload) in CONTRACTS {
        let schema = schema(name);
        let validator = jsonschema::validator_for(&schema).unwrap();
        let mut runner = TestRunner::deterministic();
        let mut tried = 0;
        for _ in 0..24 {
            let document = arbitrary::document(&schema).new_tree(&mut runner).unwrap().current();
            let mut pointers = Vec::new();
            objects(&document, "", &mut pointers);
            // The root of an event is this test's own wrapper.
            pointers.retain(|at| !is_free(at) && (*name != "event-payloads" || !at.is_empty()));
            for pointer in &pointers {
                let mut changed = document.clone();
                changed.pointer_mut(pointer).unwrap()["surprise"] = json!(1);
                assert!(reload(&changed).is_err(), "{name} took `{pointer}/surprise`");
                assert!(
                    !validator.is_valid(&changed),
                    "the schema of {name} took `{pointer}/surprise`"
                );
                tried += 1;
            }
        }
        assert!(tried >= 20, "{name}: only {tried} tries");
    }
}

#[test]
fn fields_that_the_schema_requires_are_required() {
    for (name, reload) in CONTRACTS.iter().filter(|(name, _)| *name != "event-payloads") {
        let schema = schema(name);
        let mut runner = TestRunner::deterministic();
        let document = arbitrary::document(&schema).new_tree(&mut runner).unwrap().current();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for field in &required {
            let mut changed = document.clone();
            changed.as_object_mut().unwrap().remove(field.as_str().unwrap());
            assert!(reload(&changed).is_err(), "{name} was read without {field}");
        }
        let nothing = ["task-submission", "execution-layer-config"];
        assert!(!required.is_empty() || nothing.contains(name), "{name} requires nothing");
    }
}
