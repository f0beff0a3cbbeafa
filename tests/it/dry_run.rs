//! A dry run shows everything and does nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::harness::Space;

const PLAYBOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/playbooks/repo-health.yaml");

/// Every file outside of `.bailiwick/` and `logs/`, with its content.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != ".bailiwick" && name != "logs" {
                dirs.push(path);
            } else if path.is_file() {
                found.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn changes_no_file_and_shows_each_decision() {
    let space = Space::new();
    let before = files(&space.root());
    let ran = space.run(&["run", PLAYBOOK, "--dry-run", "--json"]).expect(0);
    assert_eq!(files(&space.root()), before);
    let answer = ran.json();
    let steps = answer["items"].as_array().unwrap();
    assert!(steps.len() >= 4, "{answer}");
    for step in steps {
        let effect = step["decision"]["effect"].as_str().unwrap();
        assert!(["allow", "depends"].contains(&effect), "{step}");
        assert!(!step["decision"]["reason"].as_str().unwrap().is_empty(), "{step}");
    }
    let report = steps.iter().find(|step| step["action"] == "write_text").unwrap();
    assert!(report["args"]["text"].as_str().unwrap().contains("<from steps"), "{report}");
    assert_eq!(space.audit().iter().filter(|entry| entry["dry_run"] == true).count(), steps.len());
    space.run(&["run", PLAYBOOK, "--dry-run"]).expect(0).says(&["write_text", "git_status"]);
}

#[test]
fn shows_a_denial_and_exits_with_3() {
    let space = Space::new();
    let playbook = space.write(
        "p.yaml",
        "schema: 1\nname: p\ndescription: Reads a secret.\npermissions: { tools: [read_text], read: [\".\"] }\nsteps:\n  - { id: key, tool: read_text, args: { path: .env } }\n",
    );
    space.run(&["run", playbook.to_str().unwrap(), "--dry-run"]).expect(3).says(&["deny"]);
}
