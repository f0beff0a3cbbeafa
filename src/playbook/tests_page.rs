//! The examples of the user page, and a playbook that uses the language as a whole.

use super::vocabulary_for_tests::vocabulary;
use super::*;
use crate::contracts::SourceKind;

const PAGE: &str = include_str!("../../docs/playbooks.md");

/// What stands before an example that is a part.
const HEAD: &str = "schema: 1\nname: t\ndescription: d\npermissions: { tools: [git_status, read_text, write_text, shell_exec, search_text, user_notification], read: [.] }\n";

/// An example that is a file of its own begins with its path.
fn file(example: &str) -> Option<&str> {
    example.strip_prefix("# playbooks/")?.lines().next()
}

fn library(examples: &[&str]) -> Pinned {
    let files = examples.iter().filter_map(|example| {
        let path = file(example)?;
        let (kind, name) = match path.strip_prefix("fragments/") {
            Some(_) => (SourceKind::Fragment, path),
            None => (SourceKind::Playbook, path.trim_end_matches(".yaml")),
        };
        Some((kind, name.to_owned(), format!("playbooks/{path}"), (*example).to_owned()))
    });
    Pinned::new(files)
}

#[test]
fn the_examples_of_the_user_page_have_no_mistakes() {
    let examples: Vec<&str> =
        PAGE.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() > 10, "{}", examples.len());
    let library = library(&examples);
    let first = examples[0];
    for example in &examples {
        let text = match file(example) {
            Some(path) if path.starts_with("fragments/") => continue,
            Some(_) => (*example).to_owned(),
            None if example.starts_with("schema:") => (*example).to_owned(),
            None if example.starts_with("scenarios:") => format!("{first}{example}"),
            None if example.contains("inputs: {") && example.contains("webhook") => {
                format!("{HEAD}{example}")
            }
            None => format!("{HEAD}inputs: {{ repo: {{ type: path, default: . }} }}\n{example}"),
        };
        let linted = lint("p.yaml", &text, &vocabulary(), &LintLimits::default(), &library);
        assert_eq!(linted.diagnostics, [], "{text}");
    }
}

#[test]
fn the_user_page_names_every_key() {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    let keys = |place: &str| {
        let properties = schema.pointer(place).unwrap().as_object().unwrap();
        properties.keys().cloned().collect::<Vec<_>>()
    };
    for key in [keys("/properties"), keys("/$defs/step/properties")].concat() {
        assert!(PAGE.contains(&format!("`{key}")) || PAGE.contains(&format!("{key}?")), "{key}");
    }
}

const BUILD: &str = "schema: 1
name: build
description: Builds one target.
inputs: { os: { type: string }, fast: { type: boolean, default: false } }
permissions: { tools: [shell_exec, user_notification], write: [target/] }
steps:
  - { id: make, tool: shell_exec, args: { command: [make, \"${{ inputs.os }}\"] } }
  - { id: look, approval: { prompt: \"Keep ${{ inputs.os }}?\" } }
outputs: { log: \"${{ steps.make.ok }}\" }
";

const NOTIFY: &str = "schema: 1
steps:
  - { tool: user_notification, args: { text: \"train ${{ run.id }} is over\" } }
";

const TRAIN: &str = r#"schema: 1
name: release-train
description: Builds every target, writes the notes and publishes after a person said yes.
inputs: { version: { type: string } }
permissions:
  tools: [git_status, search_text, shell_exec, write_text, user_notification]
  read: [.]
  write: [target/, notes.md]
parallel: 3
steps:
  - { id: status, tool: git_status, args: { path: . } }
  - id: targets
    needs: [status]
    if: steps.status.data.clean
    foreach:
      matrix: { os: [linux, mac], fast: [true, false] }
      exclude: [{ os: mac, fast: true }]
      as: target
      parallel: 2
    block:
      - { id: build, call: build, inputs: { os: "${{ target.os }}", fast: "${{ target.fast }}" } }
      - { id: probe, if: steps.build.data.log, tool: shell_exec, args: { command: [probe, "${{ target.os }}"] } }
    rescue:
      - { tool: user_notification, args: { text: "${{ target.os }}: ${{ error.message }}" } }
  - { id: todos, needs: [status], tool: search_text, args: { path: ., pattern: TODO } }
  - id: notes
    needs: [targets, todos]
    tool: write_text
    args: { path: notes.md, text: "${{ inputs.version }} ${{ len(steps.targets.data) }} ${{ inputs.feedback }}" }
  - id: gate
    needs: [notes]
    approval: { prompt: "Publish ${{ inputs.version }}?", ttl: 2d, rewind_to: notes }
  - id: publish
    needs: [gate]
    parallel: 2
    block:
      - { id: tag, tool: shell_exec, args: { command: [git, tag, "${{ inputs.version }}"] } }
      - { id: push, needs: [tag], tool: shell_exec, args: { command: [git, push] } }
    always:
      - include: fragments/notify.yaml
verify: [steps.publish.ok, steps.push.ok]
outputs: { built: "${{ steps.targets.data }}" }
scenarios:
  - name: the notes are written twice
    inputs: { version: "1.0" }
    results:
      status: { ok: true, data: { clean: true } }
      build: { ok: true, data: { log: true } }
      probe: [{ ok: true }, { ok: false, error: { kind: exit_status } }, { ok: true }]
      gate: [{ ok: false, comment: name the people }, { ok: true }]
    expect: { outcome: succeeded }
"#;

fn train() -> Linted {
    let pinned = Pinned::new(
        [
            (SourceKind::Playbook, "build", "playbooks/build.yaml", BUILD),
            (
                SourceKind::Fragment,
                "fragments/notify.yaml",
                "playbooks/fragments/notify.yaml",
                NOTIFY,
            ),
        ]
        .map(|(kind, name, path, text)| (kind, name.to_owned(), path.to_owned(), text.to_owned())),
    );
    lint("playbooks/train.yaml", TRAIN, &vocabulary(), &LintLimits::default(), &pinned)
}

#[test]
fn a_release_train_is_read_and_compiled() {
    use crate::agent::program::{Order, StepKind};
    let linted = train();
    assert_eq!(linted.diagnostics, []);
    let program = compile(&linted.playbook.unwrap());
    assert_eq!(program.steps.order, Order::Graph { parallel: 3 });
    let [_, targets, _, _, gate, publish] = program.steps.steps.as_slice() else {
        panic!("{program:#?}")
    };
    let StepKind::Block(body) = &targets.kind else { panic!("{targets:?}") };
    assert_eq!(
        (body.steps.order, body.steps.steps[0].kind.clone()),
        (Order::Sequence, StepKind::Call)
    );
    assert_eq!(body.rescue.steps[0].id, "targets.rescue[0]");
    assert_eq!(targets.foreach.map(|foreach| foreach.parallel), Some(2));
    let StepKind::Approval(gate) = &gate.kind else { panic!("{gate:?}") };
    assert_eq!(gate.rewind.as_ref().map(|it| (it.to.as_str(), it.attempts)), Some(("notes", 3)));
    let StepKind::Block(body) = &publish.kind else { panic!("{publish:?}") };
    assert_eq!(body.steps.order, Order::Graph { parallel: 2 });
    assert_eq!(body.always.steps[0].id, "publish.always[0]");
}

#[test]
fn the_plan_of_a_release_train_shows_its_order_its_blocks_and_who_is_asked() {
    let linted = train();
    let plan = plan(&linted.playbook.unwrap(), &linted.called, &vocabulary());
    let text = plan.text();
    for line in [
        "\n  targets          block  \n                     needs status\n                     if steps.status.data.clean\n",
        "\n    build          call build\n                       may touch tools shell_exec, user_notification\n                       may touch write target/\n",
        "\n    targets.rescue[0] user_notification  rescue, risk ",
        "                     back to notes\n",
        "\n    push           shell_exec  risk ",
        "\napprovals\n  build/look       asks: Keep ${{ inputs.os }}?\n",
        "\n  gate             asks: Publish ${{ inputs.version }}?\n",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["steps"][2]["inside"], "targets");
    assert_eq!(json["steps"][2]["call"]["permissions"]["write"], serde_json::json!(["target/"]));
    assert_eq!(json["steps"][11]["fragment"], "playbooks/fragments/notify.yaml");
}
