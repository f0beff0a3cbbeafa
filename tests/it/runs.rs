//! Runs end to end: retries, time-outs, handlers, foreach, approvals, budgets, reports.

use super::harness::Space;

const HEADER: &str = "schema: 1\nname: p\ndescription: A test.\npermissions: { tools: [read_text, write_text, list_dir, shell_exec, user_notification], read: [\".\"], write: [\"reports/\", \"scratch/\"] }\n";

fn run(space: &Space, body: &str, more: &[&str], code: i32) -> serde_json::Value {
    let playbook = space.write("p.yaml", &format!("{HEADER}{body}"));
    let mut args = vec!["run", playbook.to_str().unwrap(), "--json"];
    args.extend(more);
    space.run(&args).expect(code).json()
}

fn steps(report: &serde_json::Value) -> Vec<(String, bool)> {
    let lines = report["steps"].as_array().unwrap();
    lines
        .iter()
        .map(|s| (s["path"].as_str().unwrap().to_owned(), s["ok"].as_bool().unwrap()))
        .collect()
}

#[test]
fn values_keep_their_types_from_step_to_step() {
    let space = Space::new();
    let body = r#"
steps:
  - { id: look, tool: list_dir, args: { path: "." } }
  - id: each
    foreach: { in: "${{ steps.look.data.entries }}", as: entry, parallel: 4, limit: 100 }
    tool: user_notification
    args: { text: "${{ entry.path }} has ${{ entry.bytes }} bytes" }
outputs:
  count: "${{ len(steps.each.data) }}"
  first: "${{ steps.look.data.entries[0].path }}"
"#;
    let report = run(&space, body, &[], 0);
    assert!(report["outputs"]["count"].as_u64().unwrap() >= 2, "{report}");
    assert!(report["outputs"]["first"].is_string());
}

#[test]
fn text_from_a_tool_is_never_an_expression() {
    let space = Space::new();
    space.write("evil.txt", "${{ inputs.secret }} ${{ read(`README.md`) }}");
    let body = r#"
inputs: { secret: { type: string, default: "s3cret" } }
steps:
  - { id: evil, tool: read_text, args: { path: evil.txt } }
  - { id: copy, tool: write_text, args: { path: reports/copy.txt, text: "${{ steps.evil.data.text }}" } }
"#;
    run(&space, body, &[], 0);
    assert_eq!(space.read("reports/copy.txt"), "${{ inputs.secret }} ${{ read(`README.md`) }}");
}

#[test]
fn a_failure_runs_on_failure_then_always_and_the_report_says_why() {
    let space = Space::new();
    let body = r#"
steps:
  - { id: bad, tool: read_text, args: { path: missing.txt } }
  - { id: never, tool: list_dir, args: { path: "." } }
on_failure:
  - { id: tell, tool: user_notification, args: { text: "failed: ${{ error.kind }}" } }
always:
  - { id: clean, tool: list_dir, args: { path: "." } }
"#;
    let report = run(&space, body, &[], 1);
    let expected = [("bad", false), ("tell", true), ("clean", true)];
    assert_eq!(steps(&report), expected.map(|(path, ok)| (path.to_owned(), ok)));
    assert!(report["summary"].as_str().unwrap().contains("not_found"), "{report}");
}

#[test]
fn a_call_past_its_time_is_stopped_and_tried_again_as_often_as_stated() {
    let space = Space::new();
    let body = r#"
steps:
  - id: slow
    tool: shell_exec
    args: { command: ["sleep", "30"] }
    effect: idempotent
    timeout: 200ms
    retry: { attempts: 3, backoff: constant, initial: 10ms, max: 20ms, on: [timeout] }
    continue_on_error: true
  - { id: after, if: "steps.slow.error.kind == `timeout`", tool: list_dir, args: { path: "." } }
"#;
    let began = std::time::Instant::now();
    let report = run(&space, body, &[], 0);
    assert!(began.elapsed().as_secs() < 20);
    assert_eq!(report["steps"][0]["attempts"], 3, "{report}");
    assert_eq!(steps(&report)[1], ("after".to_owned(), true));
}

#[test]
fn a_step_whose_if_is_false_is_skipped_and_verify_decides_the_outcome() {
    let space = Space::new();
    let body = r#"
steps:
  - { id: look, tool: list_dir, args: { path: "." } }
  - { id: no, if: "!steps.look.ok", tool: list_dir, args: { path: "." } }
verify: ["steps.look.ok", "steps.no.skipped", "exists(`nowhere.txt`)"]
"#;
    let report = run(&space, body, &[], 1);
    assert_eq!(report["steps"][1]["skipped"], true);
    assert!(report["summary"].as_str().unwrap().contains("verify[2]"), "{report}");
}

#[test]
fn the_step_budget_ends_the_run_and_cleaning_up_still_runs() {
    let space = Space::new();
    let body = r#"
budget: { steps: 2 }
steps:
  - { id: one, tool: list_dir, args: { path: "." } }
  - { id: two, tool: list_dir, args: { path: "." } }
  - { id: three, tool: list_dir, args: { path: "." } }
always:
  - { id: clean, tool: list_dir, args: { path: "." } }
"#;
    let report = run(&space, body, &[], 1);
    let paths: Vec<String> = steps(&report).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["one", "two", "clean"]);
    assert!(report["summary"].as_str().unwrap().contains("budget.steps"), "{report}");
}

#[test]
fn the_wall_budget_stops_what_is_at_work() {
    let space = Space::new();
    let body = r#"
budget: { wall: 1s }
steps:
  - { id: slow, tool: shell_exec, args: { command: ["sleep", "60"] } }
"#;
    let began = std::time::Instant::now();
    let report = run(&space, body, &[], 1);
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    assert!(report["summary"].as_str().unwrap().contains("budget.wall"), "{report}");
}

#[test]
fn a_question_without_a_terminal_waits_and_is_answered_by_name_on_resume() {
    let space = Space::new();
    let body = r#"
steps:
  - { id: before, tool: list_dir, args: { path: "." } }
  - id: gate
    approval: { prompt: "Go on?", ttl: 2d }
  - { id: after, tool: write_text, args: { path: reports/x.md, text: "x" } }
"#;
    let waiting = run(&space, body, &[], 4);
    let id = waiting["run_id"].as_str().unwrap();
    assert_eq!(waiting["status"], "waiting_approval");
    assert!(!space.path("reports/x.md").exists());
    space.run(&["runs", "resume", id]).expect(4).says(&["Go on?", "--yes-approve gate"]);
    space.run(&["runs", "resume", id, "--yes-approve", "gate"]).expect(0);
    assert!(space.path("reports/x.md").exists());
    space.run(&["verify"]).expect(0);
}

#[test]
fn an_opaque_command_asks_and_runs_when_its_rule_was_approved() {
    let space = Space::new();
    let body = r#"
steps:
  - { id: opaque, tool: shell_exec, args: { command: ["sh", "-c", "$0 hello", "echo"] } }
"#;
    let waiting = run(&space, body, &[], 4);
    let id = waiting["run_id"].as_str().unwrap().to_owned();
    let shown = space.run(&["runs", "show", &id, "--json"]).expect(0).json();
    let rules = shown["decisions"][0]["decision"]["rules"].as_array().unwrap().clone();
    let asking: Vec<&str> = rules
        .iter()
        .filter(|rule| rule["effect"] == "ask")
        .map(|rule| rule["id"].as_str().unwrap())
        .collect();
    let mut args = vec!["runs", "resume", &id];
    for rule in &asking {
        args.extend(["--yes-approve", rule]);
    }
    space.run(&args).expect(0);
}

#[test]
fn stopping_a_run_kills_its_command_and_still_reports() {
    let space = Space::new();
    let playbook = space.write(
        "p.yaml",
        &format!("{HEADER}steps:\n  - {{ id: slow, tool: shell_exec, args: {{ command: [\"sleep\", \"300\"] }} }}\nalways:\n  - {{ id: clean, tool: list_dir, args: {{ path: \".\" }} }}\n"),
    );
    let child = space.spawn(&["run", playbook.to_str().unwrap(), "--json"]);
    for _ in 0..500 {
        if space.path(".bailiwick/host.sock").exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    std::thread::sleep(std::time::Duration::from_millis(700));
    let began = std::time::Instant::now();
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&child),
        rustix::process::Signal::INT,
    )
    .unwrap();
    let ran = super::harness::Ran::of(child.wait_with_output().unwrap()).expect(130);
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    let report = ran.json();
    assert_eq!(report["outcome"], "cancelled");
    assert_eq!(steps(&report), [("slow".to_owned(), false), ("clean".to_owned(), true)]);
}

#[test]
fn what_is_remembered_is_in_the_journal_and_policy_decides() {
    let space = Space::new();
    let body = r#"
steps:
  - { id: look, tool: list_dir, args: { path: "." } }
remember:
  - { area: solutions, text: "looked at ${{ steps.look.data.files }} files", tags: [look] }
"#;
    let report = run(&space, body, &[], 0);
    let id = report["run_id"].as_str().unwrap();
    let shown = space.run(&["runs", "show", id, "--events", "--json"]).expect(0).json();
    let kinds: Vec<&str> =
        shown["events"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"memory.written"), "{kinds:?}");
    assert_eq!(kinds.last(), Some(&"report.ready"));
    assert_eq!(&kinds[..2], ["task.accepted", "run.started"]);
}

#[test]
fn a_failure_while_cleaning_up_starts_no_further_handler() {
    let space = Space::new();
    let body = r#"
steps:
  - { id: look, tool: list_dir, args: { path: "." } }
on_failure:
  - { id: tell, tool: user_notification, args: { text: "failed" } }
always:
  - { id: clean, tool: read_text, args: { path: missing.txt } }
"#;
    let report = run(&space, body, &[], 1);
    assert_eq!(steps(&report), [("look".to_owned(), true), ("clean".to_owned(), false)]);
}

#[test]
fn handlers_have_a_reserve_of_calls_and_no_more() {
    let space = Space::new();
    let body = r#"
budget: { steps: 1 }
steps:
  - { id: one, tool: list_dir, args: { path: "." } }
  - { id: two, tool: list_dir, args: { path: "." } }
always:
  - id: many
    foreach: { in: "${{ lines(inputs.text) }}", as: line, limit: 100 }
    tool: user_notification
    args: { text: "${{ line }}" }
inputs: { text: { type: string, default: "LINES" } }
"#;
    let many: String = (0..60).map(|line| format!("{line}\\n")).collect();
    let report = run(&space, &body.replace("LINES", &many), &[], 1);
    let calls = report["telemetry"]["calls_by_tool"]["user_notification"].as_u64().unwrap();
    assert_eq!(calls, 20, "{report}");
}

#[test]
fn a_new_workspace_is_trusted_and_its_policies_decide() {
    let space = Space::new();
    space.run(&["init"]).expect(0);
    space.run(&["policy", "show"]).expect(0).says(&["policies/10-files.yaml"]);
    space.run(&["run", "repo-health"]).expect(0);
    let mine = space.read("policies/10-files.yaml")
        + "\n  - { id: mine, effect: deny, on: { tool: list_dir }, reason: not here, \
           match: [{ tool: list_dir, args: { path: . } }] }\n";
    space.write("policies/10-files.yaml", &mine);
    let ran = space.run(&["run", "repo-health"]);
    assert_ne!(ran.code, 0, "an edited rule decides");
    space.run(&["init"]).expect(0).says(&["policies/10-files.yaml"]);
}

#[test]
fn runs_are_listed_by_status_and_by_playbook() {
    let space = Space::new();
    run(&space, "steps: [ { id: look, tool: list_dir, args: { path: \".\" } } ]\n", &[], 0);
    run(&space, "steps: [ { id: bad, tool: read_text, args: { path: missing.txt } } ]\n", &[], 1);
    for (filter, count) in [
        (&[][..], 2),
        (&["--status", "failed"], 1),
        (&["--playbook", "p"], 2),
        (&["--playbook", "p", "--status", "succeeded", "--limit", "5"], 1),
        (&["--playbook", "other"], 0),
        (&["--status", "paused"], 0),
    ] {
        let listed = space.run(&[&["runs", "ls", "--json"], filter].concat()).expect(0).json();
        assert_eq!(listed["items"].as_array().unwrap().len(), count, "{filter:?}: {listed}");
    }
    space.run(&["runs", "ls", "--status", "done"]).expect(2);
}
