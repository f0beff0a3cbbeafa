//! A run that asks a person for words, across processes, kills and nights.

use serde_json::{Value, json};

use super::daemon_space::Daemon;
use super::harness::Space;

const API: &str = "/api/v1/execution";

/// A playbook that asks and says what it heard; `args` are those of the question.
fn playbook(args: &str) -> String {
    format!(
        "schema: 1\nname: ask\ndescription: Asks.\npermissions: {{ tools: [consult_ui] }}\nsteps:\n  - {{ id: ask, tool: consult_ui, args: {args} }}\noutputs: {{ said: \"${{{{ steps.ask.data }}}}\" }}\n"
    )
}

fn space(args: &str) -> Space {
    let space = Space::new();
    space.write("playbooks/ask.yaml", &playbook(args));
    space
}

fn open(space: &Space) -> Value {
    let listed = space.run(&["approvals", "ls", "--json"]).expect(0).json();
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{listed}");
    items[0].clone()
}

fn id(question: &Value) -> String {
    question["approval_id"].as_str().unwrap().to_owned()
}

#[test]
fn without_a_terminal_the_run_waits_and_goes_on_with_the_answer() {
    let space = space("{ question: 'Which branch?', options: [main, next] }");
    let waiting = space.run(&["run", "ask"]).expect(4);
    let waiting = waiting.says(&["asks you: Which branch?", "approvals answer apr_"]);
    assert!(!waiting.stdout.contains("--yes-approve"), "{}", waiting.stdout);
    let question = open(&space);
    assert_eq!(question["consult"], json!({ "options": ["main", "next"] }));
    assert_eq!(question["tool"], "consult_ui");
    let id = id(&question);
    space.run(&["approvals", "answer", &id, "other"]).expect(2).says(&["main", "next"]);
    space.run(&["approvals", "approve", &id]).expect(2).says(&["an answer is wanted"]);
    space.run(&["approvals", "show", &id]).expect(0).says(&["approvals answer"]);
    space.run(&["approvals", "answer", &id, "2"]).expect(0).says(&["is answered"]);
    space.run(&["approvals", "answer", &id, "main"]).expect(2);
    let run = question["run_id"].as_str().unwrap();
    let resumed = space.run(&["runs", "resume", run, "--json"]).expect(0).json();
    let said = &resumed["items"][0]["report"]["outputs"]["said"];
    assert_eq!((&said["answer"], &said["answered"]), (&json!("next"), &json!(true)), "{resumed}");
}

#[test]
fn an_answer_is_leave_for_nothing() {
    let space = Space::new();
    let text = "schema: 1\nname: ask\ndescription: Asks.\npermissions: { tools: [consult_ui, delete_path], write: [\".\"] }\nsteps:\n  - { id: ask, tool: consult_ui, args: { question: 'May I delete everything?' } }\n  - { id: wipe, tool: delete_path, args: { path: README.md } }\n";
    space.write("playbooks/ask.yaml", text);
    space.run(&["run", "ask"]).expect(4);
    let question = open(&space);
    space.run(&["approvals", "answer", &id(&question), "yes"]).expect(0);
    let run = question["run_id"].as_str().unwrap();
    let ran = space.run(&["runs", "resume", run]);
    assert!(matches!(ran.code, 3 | 4), "{} {}", ran.stdout, ran.stderr);
    assert!(space.path("README.md").exists());
}

#[test]
fn nobody_near_means_the_default_or_a_refusal() {
    for (args, code, said) in [
        (
            "{ question: 'Which?', default: main }",
            0,
            json!({ "answer": "main", "answered": false }),
        ),
        ("{ question: 'Which?' }", 3, Value::Null),
    ] {
        let space = space(args);
        let mut command = space.command(&["run", "ask", "--json"]);
        command.env("BAILIWICK_POLICY__PROFILE", "ci");
        let ran = super::harness::Ran::of(command.output().unwrap()).expect(code);
        assert_eq!(ran.json()["outputs"]["said"], said, "{args}");
        if code == 3 {
            assert!(ran.stdout.contains("nobody is there to answer"), "{}", ran.stdout);
        }
    }
}

#[test]
fn who_will_not_say_ends_the_step() {
    let space = space("{ question: 'Which?', default: main }");
    space.run(&["run", "ask"]).expect(4);
    let question = open(&space);
    space.run(&["approvals", "deny", &id(&question)]).expect(0);
    let run = question["run_id"].as_str().unwrap();
    let ran = space.run(&["runs", "resume", run]);
    assert!(matches!(ran.code, 1 | 3), "{} {}", ran.stdout, ran.stderr);
}

#[test]
fn a_question_survives_a_power_cut_and_is_answered_over_the_api() {
    let space = space("{ question: 'Which?' }");
    let daemon = Daemon::start(&space);
    let run = daemon.submit("ask", json!({}));
    daemon.wait_for(&run, &["waiting_approval"]);
    daemon.kill();
    let daemon = Daemon::start(&space);
    daemon.wait_for(&run, &["waiting_approval"]);
    let all = daemon.get(&format!("{API}/approvals?status=open")).body;
    let question = all["approvals"][0].clone();
    assert_eq!(question["consult"], json!({}), "{all}");
    let path = format!("{API}/approvals/{}", id(&question));
    let wrong = daemon.post(&path, &json!({ "approved": true }));
    assert_eq!(wrong.status, 422, "{}", wrong.body);
    let right = daemon.post(&path, &json!({ "approved": true, "reason": "the third one" }));
    assert_eq!(right.status, 200, "{}", right.body);
    daemon.wait_for(&run, &["succeeded"]);
    let report = space.run(&["report", &run, "--json"]).expect(0).json();
    assert_eq!(report["outputs"]["said"]["answer"], "the third one", "{report}");
}

#[test]
fn the_default_holds_when_nobody_answers_in_time() {
    for (args, status) in [
        ("{ question: 'Which?', default: main, timeout_ms: 1500 }", "succeeded"),
        ("{ question: 'Which?', timeout_ms: 1500 }", "failed"),
    ] {
        let space = space(args);
        let daemon = Daemon::start(&space);
        let run = daemon.submit("ask", json!({}));
        daemon.wait_for(&run, &["waiting_approval", status]);
        let ended = daemon.wait_for(&run, &["succeeded", "failed", "denied"]);
        let word = ended["status"].as_str().unwrap();
        let fits = word == status || status == "failed" && word == "denied";
        assert!(fits, "{args}: {ended}");
    }
}
