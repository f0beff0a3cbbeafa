//! The whole language end to end: graphs, blocks, loops inside of loops, called playbooks, fragments.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::Space;

const HEADER: &str = "schema: 1\nname: NAME\ndescription: A test.\npermissions: { tools: [read_text, write_text, list_dir, shell_exec, user_notification], read: [\".\"], write: [\"reports/\", \"scratch/\"] }\n";

fn playbook(space: &Space, name: &str, body: &str) -> String {
    let text = format!("{}{body}", HEADER.replace("NAME", name));
    space.write(&format!("playbooks/{name}.yaml"), &text).to_str().unwrap().to_owned()
}

fn run(space: &Space, body: &str, more: &[&str], code: i32) -> Value {
    let path = playbook(space, "main", body);
    let mut args = vec!["run", &path, "--json"];
    args.extend(more);
    space.run(&args).expect(code).json()
}

fn events(space: &Space, run: &str) -> Vec<Value> {
    let shown = space.run(&["runs", "show", run, "--events", "--json"]).expect(0).json();
    shown["events"].as_array().unwrap().clone()
}

/// The position of the first event of this kind about this path.
fn at(events: &[Value], kind: &str, path: &str) -> usize {
    let found = events.iter().position(|it| it["kind"] == kind && it["payload"]["path"] == path);
    found.unwrap_or_else(|| panic!("no {kind} of {path}"))
}

fn lines(report: &Value) -> Vec<(String, bool)> {
    let lines = report["steps"].as_array().unwrap().iter();
    lines.map(|s| (s["path"].as_str().unwrap().to_owned(), s["ok"].as_bool().unwrap())).collect()
}

fn line<'a>(report: &'a Value, path: &str) -> &'a Value {
    let found = report["steps"].as_array().unwrap().iter().find(|line| line["path"] == path);
    found.unwrap_or_else(|| panic!("no line of {path} in {report}"))
}

/// Every run of the workspace by the name of its playbook.
fn runs(space: &Space) -> BTreeMap<String, Value> {
    let listed = space.run(&["runs", "ls", "--limit", "1000", "--json"]).expect(0).json();
    let items = listed["items"].as_array().unwrap().clone().into_iter();
    items.map(|run| (run["playbook"].as_str().unwrap_or("none").to_owned(), run)).collect()
}

#[test]
fn independent_steps_of_a_graph_are_at_work_at_once_and_needs_are_waited_for() {
    let space = Space::new();
    let body = r#"
steps:
  - { id: join, needs: [a, b], tool: list_dir, args: { path: "." } }
  - { id: a, tool: shell_exec, args: { command: ["sleep", "0.6"] } }
  - { id: b, tool: shell_exec, args: { command: ["sleep", "0.6"] } }
"#;
    let report = run(&space, body, &[], 0);
    let events = events(&space, report["run_id"].as_str().unwrap());
    let (a, b) = (at(&events, "call.finished", "a"), at(&events, "call.finished", "b"));
    assert!(at(&events, "call.started", "b") < a, "b did not begin while a was at work");
    assert!(at(&events, "call.started", "a") < b, "a did not begin while b was at work");
    assert!(at(&events, "step.started", "join") > a.max(b), "join did not wait");
}

#[test]
fn loops_inside_of_loops_see_every_item_around_and_answer_in_the_order_of_items() {
    let space = Space::new();
    let body = r#"
steps:
  - id: outer
    foreach: { in: ["x", "y"], as: one, limit: 5, parallel: 2 }
    block:
      - id: grid
        foreach:
          matrix: { os: [linux, mac], v: [1, 2] }
          exclude: [{ os: mac, v: 1 }]
          as: two
          limit: 10
          parallel: 2
        tool: write_text
        args: { path: "reports/${{ one }}-${{ two.os }}-${{ two.v }}", text: "${{ one }}" }
      - id: back
        tool: read_text
        args: { path: "reports/${{ one }}-linux-2" }
      - id: sum
        if: "len(steps.grid.data) == 3"
        tool: write_text
        args: { path: "reports/${{ one }}", text: "${{ steps.back.data.text }}" }
outputs:
  order: "${{ [steps.outer.data[0].back.text, steps.outer.data[1].back.text] }}"
"#;
    let report = run(&space, body, &[], 0);
    assert_eq!(report["outputs"]["order"], json!(["x", "y"]));
    for name in ["x-linux-1", "x-linux-2", "x-mac-2", "y-mac-2"] {
        assert_eq!(space.read(&format!("reports/{name}")), name[..1]);
    }
    assert!(!space.path("reports/x-mac-1").exists(), "it is excluded");
    assert_eq!([space.read("reports/x"), space.read("reports/y")], ["x", "y"]);
    for path in ["outer", "outer[1]", "outer[1]/grid", "outer[1]/grid[2]", "outer[0]/sum"] {
        assert_eq!(line(&report, path)["ok"], true, "{path}");
    }
}

#[test]
fn a_failure_in_a_block_is_rescued_and_always_runs_in_any_case() {
    let space = Space::new();
    let body = r#"
steps:
  - id: tried
    block:
      - { id: bad, tool: shell_exec, args: { command: ["false"] } }
      - { id: never, tool: list_dir, args: { path: "." } }
    rescue:
      - { tool: write_text, args: { path: reports/why, text: "${{ error.kind }}" } }
    always:
      - { id: clean, tool: list_dir, args: { path: "." } }
  - { id: after, if: "steps.tried.ok && !steps.bad.ok", tool: list_dir, args: { path: "." } }
"#;
    let report = run(&space, body, &[], 0);
    assert_eq!(space.read("reports/why"), "exit_status");
    assert_eq!(line(&report, "tried")["ok"], true);
    assert_eq!(line(&report, "after")["skipped"], false);
    let paths: Vec<String> = lines(&report).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["tried/bad", "tried/tried.rescue[0]", "tried/clean", "tried", "after"]);

    let unrescued = r#"
steps:
  - id: tried
    block:
      - { id: bad, tool: read_text, args: { path: missing.txt } }
    always:
      - { id: clean, tool: write_text, args: { path: reports/end, text: "clean" } }
on_failure:
  - { id: tell, tool: write_text, args: { path: reports/told, text: "${{ error.message }}" } }
"#;
    let report = run(&space, unrescued, &[], 1);
    assert_eq!(space.read("reports/end"), "clean");
    assert!(space.read("reports/told").contains("missing.txt"), "{report}");
    assert!(line(&report, "tried")["error"].as_str().unwrap().contains("tried/bad"), "{report}");
    assert!(report["summary"].as_str().unwrap().contains("not_found"), "{report}");
}

const CHILD: &str = r#"
inputs: { name: { type: string, required: true } }
steps:
  - { id: write, tool: write_text, args: { path: "DIR/${{ inputs.name }}", text: "from ${{ inputs.name }}" } }
outputs:
  said: "${{ inputs.name }}!"
"#;

#[test]
fn a_called_playbook_is_a_run_of_its_own_and_its_outputs_are_the_steps_data() {
    let space = Space::new();
    playbook(&space, "child", &CHILD.replace("DIR", "reports"));
    let body = r#"
steps:
  - id: each
    foreach: { in: ["a", "b", "c"], as: one, limit: 5, parallel: 3 }
    call: child
    inputs: { name: "${{ one }}" }
outputs:
  said: "${{ steps.each.data }}"
"#;
    let report = run(&space, body, &[], 0);
    let said = json!([{ "said": "a!" }, { "said": "b!" }, { "said": "c!" }]);
    assert_eq!(report["outputs"]["said"], said);
    assert_eq!(space.read("reports/b"), "from b");
    assert_eq!(
        report["telemetry"]["budget_used"]["steps"], 6,
        "each call costs one, and what it used counts"
    );
    let children: BTreeSet<&str> =
        (0..3).map(|n| line(&report, &format!("each[{n}]"))["run_id"].as_str().unwrap()).collect();
    assert_eq!(children.len(), 3);
    for child in children {
        let events = events(&space, child);
        assert_eq!(events[1]["payload"]["parent_run_id"], report["run_id"]);
        assert_eq!(events[1]["payload"]["trigger"], "call");
        assert_eq!(events.last().unwrap()["kind"], "report.ready");
    }
    space.run(&["verify"]).expect(0);
    let id = report["run_id"].as_str().unwrap();
    space.run(&["undo", id]).expect(0);
    assert!(!space.path("reports/a").exists(), "undo covers the runs that were called");
}

#[test]
fn a_called_run_may_touch_no_more_than_the_one_that_calls_it() {
    let space = Space::new();
    playbook(&space, "child", &CHILD.replace("DIR", "scratch"));
    let narrow = HEADER.replace("NAME", "narrow").replace(", \"scratch/\"", "");
    let body = "steps:\n  - { id: ask, call: child, inputs: { name: a } }\n";
    let path = space.write("narrow.yaml", &format!("{narrow}{body}"));
    let ran = space.run(&["run", path.to_str().unwrap(), "--json"]).expect(3).json();
    assert_eq!(ran["outcome"], "denied");
    assert!(!space.path("scratch/a").exists());
    let error = line(&ran, "ask")["error"].as_str().unwrap();
    assert!(error.contains("the calling run may do less"), "{error}");
    let dry = space.run(&["run", path.to_str().unwrap(), "--dry-run", "--json"]).expect(3).json();
    let inner = dry["items"].as_array().unwrap().iter().find(|step| step["path"] == "ask > write");
    assert_eq!(inner.unwrap()["decision"]["effect"], "deny", "{dry}");
    run(&space, body, &[], 0);
    assert_eq!(space.read("scratch/a"), "from a");
}

#[test]
fn an_included_fragment_stands_where_it_is_included_and_stays_as_it_was_for_a_run() {
    let space = Space::new();
    space.write(
        "playbooks/fragments/both.yaml",
        "schema: 1\nsteps:\n  - { id: one, tool: list_dir, args: { path: \".\" } }\n  - id: gate\n    approval: { prompt: \"Go on?\", ttl: 1h }\n",
    );
    let body = r#"
steps:
  - include: fragments/both.yaml
  - { id: two, if: "steps.one.ok", tool: list_dir, args: { path: "." } }
"#;
    let waiting = run(&space, body, &[], 4);
    space.write("playbooks/fragments/both.yaml", "schema: 1\nsteps: []\n");
    let id = waiting["run_id"].as_str().unwrap();
    let args = ["runs", "resume", id, "--yes-approve", "gate", "--json"];
    let ended = space.run(&args).expect(0).json();
    let expected = [("one", true), ("gate", true), ("two", true)];
    let expected = expected.map(|(path, ok)| (path.to_owned(), ok));
    assert_eq!(lines(&ended["items"][0]["report"]), expected);
}

#[test]
fn a_question_in_a_called_run_is_answered_through_the_one_that_called_it() {
    let space = Space::new();
    playbook(
        &space,
        "asks",
        "steps:\n  - { id: sure, approval: { prompt: \"Sure?\", ttl: 1h } }\n",
    );
    let body = "steps:\n  - { id: ask, call: asks }\n";
    let path = playbook(&space, "main", body);
    space.run(&["run", &path]).expect(4).says(&["waiting_approval", "Sure?", "--yes-approve sure"]);
    let id = runs(&space)["main"]["run_id"].as_str().unwrap().to_owned();
    space.run(&["runs", "resume", &id]).expect(4).says(&["Sure?"]);
    space.run(&["runs", "resume", &id, "--yes-approve", "sure"]).expect(0);
    assert_eq!(runs(&space)["asks"]["status"], "succeeded");
}

#[test]
fn a_gate_where_nobody_can_be_asked_is_a_refusal() {
    let space = Space::new();
    let body = "steps:\n  - { id: gate, approval: { prompt: \"Go on?\", ttl: 1h } }\n";
    let report = run(&space, body, &["--set", "policy.profile=ci"], 3);
    assert!(report["summary"].as_str().unwrap().contains("nobody is there"), "{report}");
}

const SLOW: &str = r#"
steps:
  - { id: one, tool: write_text, args: { path: scratch/log, mode: append, text: "1" } }
  - { id: wait, tool: shell_exec, args: { command: ["sleep", "1"] }, effect: idempotent }
  - { id: two, tool: write_text, args: { path: scratch/log, mode: append, text: "2" } }
"#;

#[test]
fn a_run_that_is_killed_while_one_it_called_is_at_work_ends_and_does_nothing_twice() {
    let space = Space::new();
    playbook(&space, "slow", SLOW);
    let body = r#"
steps:
  - { id: inner, call: slow }
  - { id: after, tool: write_text, args: { path: scratch/log, mode: append, text: "3" } }
"#;
    let path = playbook(&space, "main", body);
    let mut child = space.spawn(&["run", &path]);
    let until = Instant::now() + Duration::from_secs(30);
    while !space.path("scratch/log").exists() {
        assert!(Instant::now() < until, "the called run does not begin");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let id = runs(&space)["main"]["run_id"].as_str().unwrap().to_owned();
    space.run(&["runs", "resume", &id]).expect(0);
    assert_eq!(space.read("scratch/log"), "123");
    let runs = runs(&space);
    assert_eq!(runs.len(), 2, "{runs:?}");
    assert_eq!(runs["slow"]["status"], "succeeded");
    let started = events(&space, runs["slow"]["run_id"].as_str().unwrap());
    let count = started.iter().filter(|event| event["kind"] == "run.started").count();
    assert_eq!(count, 1, "it was begun once");
    space.run(&["verify"]).expect(0);
}

#[test]
fn stopping_a_run_stops_the_runs_that_it_called() {
    let space = Space::new();
    let slow = "steps:\n  - { id: wait, tool: shell_exec, args: { command: [\"sleep\", \"300\"] } }\nalways:\n  - { id: clean, tool: write_text, args: { path: scratch/clean, text: x } }\n";
    playbook(&space, "slow", slow);
    let path = playbook(&space, "main", "steps:\n  - { id: inner, call: slow }\n");
    let child = space.spawn(&["run", &path, "--json"]);
    let until = Instant::now() + Duration::from_secs(30);
    // The command is at work when its run says so; the journal can be read meanwhile.
    loop {
        assert!(Instant::now() < until, "the called run does not begin");
        let listed = space.run(&["runs", "ls", "--json"]);
        let item = (listed.code == 0).then(|| listed.json()["items"][0].clone());
        if let Some(run) = item.filter(|run| run["playbook"] == "slow") {
            let id = run["run_id"].as_str().unwrap();
            if events(&space, id).iter().any(|event| event["kind"] == "call.started") {
                break;
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let ran = super::harness::Ran::of(child.wait_with_output().unwrap()).expect(130);
    assert_eq!(ran.json()["outcome"], "cancelled");
    assert_eq!(runs(&space)["slow"]["status"], "cancelled");
    assert_eq!(space.read("scratch/clean"), "x", "what stands at the end was done");
}

/// A graph of `steps` steps in which each needs up to three before it; every `every`th goes over a list
/// of `items`.
fn big_graph(steps: usize, every: usize, items: usize) -> String {
    let list: Vec<String> = (0..items).map(|item| item.to_string()).collect();
    let mut body = "budget: { steps: 1000 }\nparallel: 8\nsteps:\n".to_owned();
    for n in 0..steps {
        let needs: BTreeSet<usize> = [n / 2, n * 3 / 4, n.saturating_sub(7)]
            .into_iter()
            .filter(|before| *before < n)
            .collect();
        let needs: Vec<String> = needs.iter().map(|before| format!("s{before}")).collect();
        write!(body, "  - id: s{n}\n    needs: [{}]\n", needs.join(", ")).unwrap();
        if n % every == every - 1 {
            let list = list.join(", ");
            writeln!(
                body,
                "    foreach: {{ in: [{list}], as: item, limit: {items}, parallel: 8 }}"
            )
            .unwrap();
        }
        body.push_str("    tool: list_dir\n    args: { path: reports }\n");
    }
    body
}

/// Runs it and holds its journal against its shape; gives the most memory it had, in KiB.
fn big_graph_runs(steps: usize, every: usize, items: usize) -> u64 {
    let space = Space::new();
    space.write("reports/one", "");
    let path = playbook(&space, "main", &big_graph(steps, every, items));
    let mut child = space.spawn(&["run", &path, "--json"]);
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    // The answer is longer than a pipe: it is read while the process is at work.
    let mut stdout = child.stdout.take().unwrap();
    let answer = std::thread::spawn(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut stdout, &mut text).unwrap();
        text
    });
    let code = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok());
        most = most.max(peak.unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(code, Some(0));
    let report: Value = serde_json::from_str(&answer.join().unwrap()).unwrap();
    let loops = steps / every;
    let expected = steps + loops * items;
    assert_eq!(report["steps"].as_array().unwrap().len(), expected, "the report has every step");
    assert!(lines(&report).iter().all(|(_, ok)| *ok));
    let events = events(&space, report["run_id"].as_str().unwrap());
    let mut over: BTreeMap<&str, usize> = BTreeMap::new();
    for (position, event) in events.iter().enumerate() {
        let path = event["payload"]["path"].as_str().unwrap_or_default();
        match event["kind"].as_str().unwrap() {
            "step.finished" => {
                assert_eq!(over.insert(path, position), None, "{path} ended twice");
            }
            "step.started" if !path.contains('[') => {
                let n: usize = path[1..].parse().unwrap();
                for before in [n / 2, n * 3 / 4, n.saturating_sub(7)] {
                    let needed = format!("s{before}");
                    assert!(before >= n || over.contains_key(needed.as_str()), "{path}: {needed}");
                }
            }
            _ => {}
        }
    }
    space.run(&["verify"]).expect(0);
    most
}

#[test]
fn a_graph_with_loops_in_it_keeps_the_order_of_its_needs_and_reports_every_step() {
    big_graph_runs(40, 20, 10);
}

#[test]
#[ignore = "takes minutes: part of the soak"]
fn a_graph_of_500_steps_with_50_fold_loops_stays_in_its_memory() {
    let most = big_graph_runs(490, 49, 50);
    assert!(most > 0 && most < 400 * 1024, "it had {most} KiB");
}
