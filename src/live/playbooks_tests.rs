use std::fs;

use super::*;
use crate::contracts::ToolError;
use crate::playbook::expression::{Evaluator, Reads, Scope, StepView};
use crate::playbook::vocabulary_for_tests::vocabulary;
use crate::playbook::{Action, SCHEMA, resolve_inputs};
use crate::route::{Offers, Routed, route};
use crate::yaml;

const GOOD: &str = "schema: 1\nname: NAME\ndescription: d\npermissions: { tools: [git_status] }\nsteps: [{ id: a, tool: git_status, args: { path: . } }]\n";

fn read(root: &Path) -> Catalogue {
    Catalogue::read(root, &vocabulary(), &LintLimits::default()).unwrap()
}

fn workspace(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join(DIRECTORY)).unwrap();
    for (name, content) in files {
        fs::write(root.path().join(DIRECTORY).join(name), content).unwrap();
    }
    root
}

#[test]
fn keeps_mistakes_beside_what_is_good() {
    let root = workspace(&[
        ("b.yaml", GOOD.replace("NAME", "bee").as_bytes()),
        ("a.yml", b"schema: 1\nnme: x\n"),
        ("c.yaml", b"\xff\xfe"),
        ("notes.txt", b"no playbook"),
        (".hidden.yaml", b"x"),
    ]);
    fs::create_dir(root.path().join("playbooks/dir.yaml")).unwrap();
    let catalogue = read(root.path());
    let found: Vec<(&str, &str, bool)> = catalogue
        .entries
        .iter()
        .map(|e| (e.path.as_str(), e.name(), e.playbook.is_some()))
        .collect();
    assert_eq!(
        found,
        [
            ("playbooks/a.yml", "a", false),
            ("playbooks/b.yaml", "bee", true),
            ("playbooks/c.yaml", "c", false),
            ("playbooks/dir.yaml", "dir", false),
        ]
    );
    assert_eq!(catalogue.entries[2].diagnostics[0].code, "unreadable");
    assert!(catalogue.entries[2].diagnostics[0].message.contains("byte 1"));
    for name in ["bee", "playbooks/b.yaml", "./playbooks/b.yaml"] {
        assert_eq!(catalogue.find(name).unwrap().path, "playbooks/b.yaml");
    }
    assert!(catalogue.find("bea").unwrap_err().to_string().contains("bee"));
    assert_eq!(catalogue.candidates().count(), 1);
}

#[test]
fn two_of_the_same_name_must_be_told_apart() {
    let good = GOOD.replace("NAME", "same");
    let root = workspace(&[("a.yaml", good.as_bytes()), ("b.yaml", good.as_bytes())]);
    let error = read(root.path()).find("same").unwrap_err().to_string();
    assert!(error.contains("playbooks/a.yaml, playbooks/b.yaml"), "{error}");
}

#[test]
fn falls_back_to_the_shipped_playbooks() {
    for root in [tempfile::tempdir().unwrap(), workspace(&[])] {
        let catalogue = read(root.path());
        for entry in &catalogue.entries {
            assert!(entry.path.starts_with(BUILT_IN));
            assert_eq!(entry.diagnostics, [], "{}", entry.path);
        }
        assert!(catalogue.find("repo-health").is_ok());
        assert!(catalogue.find("playbooks/repo-health.yaml").is_ok());
    }
}

#[test]
fn a_file_over_the_limit_and_a_pipe_are_refused() {
    let root = workspace(&[("big.yaml", &vec![b'#'; 2 << 20])]);
    #[cfg(unix)]
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.path().join("playbooks/pipe.yaml"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    for entry in read(root.path()).entries {
        assert_eq!(entry.diagnostics[0].code, "unreadable", "{}", entry.path);
    }
}

#[test]
fn a_link_is_no_playbook_wherever_it_leads() {
    let root = workspace(&[("good.yaml", GOOD.replace("NAME", "good").as_bytes())]);
    let outside = root.path().join("outside.yaml");
    fs::write(&outside, GOOD.replace("NAME", "outside")).unwrap();
    for (link, target) in [
        ("a.yaml", outside.as_path()),
        ("b.yaml", Path::new("good.yaml")),
        ("c.yaml", Path::new("nowhere.yaml")),
    ] {
        std::os::unix::fs::symlink(target, root.path().join(DIRECTORY).join(link)).unwrap();
    }
    let catalogue = read(root.path());
    let good = |entry: &&Entry| entry.playbook.is_some();
    assert_eq!(catalogue.entries.iter().filter(good).count(), 1);
    for entry in catalogue.entries.iter().take(3) {
        let [diagnostic] = entry.diagnostics.as_slice() else { panic!("{entry:?}") };
        assert_eq!(diagnostic.code, "unreadable");
        assert!(diagnostic.message.contains("has a link"), "{diagnostic:?}");
    }
}

#[test]
fn shipped_playbooks_meet_the_schema() {
    let schema = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (path, source) in SHIPPED {
        let root = yaml::parse(path, source, yaml::Limits::default()).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&root.to_json()).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{path}");
    }
}

/// Answers from the shipped templates; everything exists.
struct Shipped;

impl Reads for Shipped {
    fn exists(&self, _: &str) -> Result<bool, String> {
        Ok(true)
    }

    fn read(&self, path: &str) -> Result<String, String> {
        Err(format!("no shipped playbook reads `{path}`"))
    }

    fn template(&self, name: &str) -> Result<String, String> {
        let path = format!("playbooks/templates/{name}");
        let found = SHIPPED_TEMPLATES.iter().find(|(shipped, _)| *shipped == path);
        found.map(|(_, text)| (*text).to_owned()).ok_or(format!("no template `{name}`"))
    }

    fn now(&self) -> String {
        "2026-05-01T07:00:00.000Z".to_owned()
    }
}

/// The report that a shipped playbook writes in its scenario `index`.
fn report(name: &str, index: usize) -> (String, Vec<bool>) {
    let root = tempfile::tempdir().unwrap();
    let catalogue = read(root.path());
    let found = catalogue.find(name).unwrap();
    let playbook = found.playbook.clone().unwrap_or_else(|| panic!("{:#?}", found.diagnostics));
    let evaluator = Evaluator::new(LintLimits::default().expressions());
    let scenario = &playbook.scenarios[index];
    let inputs = resolve_inputs(&playbook, &scenario.inputs).unwrap();
    let mut scope = Scope { inputs, ..Scope::default() };
    let mut text = String::new();
    for step in &playbook.steps {
        let Action::Tool { args, .. } = &step.action else { panic!("{}", step.id) };
        let args = evaluator.value(&args.clone().into(), &scope, &Shipped).unwrap();
        if step.id == "report" {
            text = args["text"].as_str().unwrap().to_owned();
        }
        let result = scenario.results[&step.id].nth(0).unwrap();
        let error = result.error.as_ref().map(|error| ToolError::new(error.kind, &error.message));
        let (ok, data) = (result.ok, result.data.clone());
        scope.steps.insert(step.id.clone(), StepView { ok, data, error, ..StepView::default() });
    }
    let outputs = evaluator.value(&playbook.outputs.clone().into(), &scope, &Shipped).unwrap();
    for (name, expected) in &scenario.expect.outputs {
        assert_eq!(&outputs[name], expected, "{name}");
    }
    for memory in &playbook.remember {
        evaluator.value(&memory.text.clone().into(), &scope, &Shipped).unwrap();
    }
    let holds = |verify: &String| evaluator.condition(verify, &scope, &Shipped).unwrap();
    (text, playbook.verify.iter().map(holds).collect())
}

#[test]
fn repo_health_writes_a_report() {
    let (text, verified) = report("repo-health", 0);
    assert_eq!(verified, [true, true]);
    insta::assert_snapshot!(text, @"
    # Health of `.`

    Looked at 2026-05-01T07:00:00.000Z.

    - branch: `main`
    - commit: `0a1b2c3`
    - working tree: clean
    - size: 1 files, 0 directories, 12 bytes
    - licence: **missing**
    - README: `README.md`
    - TODO comments: 0 in 1 files

    ## At the top

    - `README.md`, 12 bytes
    ");
}

#[test]
fn repo_health_has_no_output_that_was_not_measured() {
    let root = tempfile::tempdir().unwrap();
    let playbook = read(root.path()).find("repo-health").unwrap().playbook.clone().unwrap();
    let evaluator = Evaluator::new(LintLimits::default().expressions());
    let mut scope = Scope::default();
    for step in &playbook.steps {
        scope.steps.insert(step.id.clone(), StepView::default());
    }
    for (name, template) in &playbook.outputs {
        let value = evaluator.value(template, &scope, &Shipped);
        assert!(value.is_err(), "{name}: {value:?}");
    }
    let data = serde_json::json!({"branch": null, "clean": true});
    let status = StepView { ok: true, data: Some(data), ..StepView::default() };
    scope.steps.insert("status".to_owned(), status);
    let branch = evaluator.value(&playbook.outputs["branch"], &scope, &Shipped);
    assert_eq!(branch.unwrap(), "none", "a detached head");
}

#[test]
fn edit_test_report_writes_a_report_of_success_and_of_failure() {
    let (passed, verified) = report("edit-test-report", 0);
    assert_eq!(verified, [true; 3]);
    assert!(passed.starts_with("# Edit and test: passed\n"), "{passed}");
    let (failed, verified) = report("edit-test-report", 1);
    assert_eq!(verified, [true, false, true]);
    insta::assert_snapshot!(failed, @"
    # Edit and test: **failed**

    - at: 2026-05-01T07:00:00.000Z
    - file: `scratch/edit.txt`, 5 bytes
    - command: `true`
    - exit code: 1
    - error: `scripted`

    ## Errors

    ```
    no
    ```
    ");
}

#[test]
fn goals_find_the_shipped_playbooks() {
    let root = tempfile::tempdir().unwrap();
    let candidates: Vec<Candidate> = read(root.path()).candidates().map(|(_, c)| c).collect();
    for (goal, name) in [
        ("inspect this repository and write a health report", "repo-health"),
        ("edit a file and run the test command", "edit-test-report"),
        (
            "List the TODO comments in this repository and write them to reports/todo.md",
            "list-matches",
        ),
    ] {
        let offers = Offers { playbooks: &candidates, ..Offers::default() };
        match route(goal, &crate::contracts::Map::new(), offers, None) {
            Routed::Playbook { index, .. } => assert_eq!(candidates[index].name, name),
            other => panic!("{goal}: {other:?}"),
        }
    }
}
