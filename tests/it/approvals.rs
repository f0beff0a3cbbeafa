//! People who answer: several of them, by name, beforehand, and under rules that change meanwhile.

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::daemon_space::{Daemon, PATIENCE, Reply, request};
use super::harness::Space;
use super::policies::DENY;

const API: &str = "/api/v1/execution";

const TWO: &str = r#"schema: 1
name: two
description: Needs two people.
permissions: { tools: [write_text], write: ["reports/"] }
steps:
  - { id: gate, approval: { prompt: "Go on?", ttl: 1h, approvers: 2 } }
  - { id: write, tool: write_text, args: { path: reports/two.md, text: "done" } }
"#;

const WRITE: &str = r#"schema: 1
name: write
description: Writes.
inputs: { text: { type: string, default: "done" } }
permissions: { tools: [write_text], write: ["reports/"] }
steps:
  - { id: write, tool: write_text, args: { path: reports/w.md, text: "${{ inputs.text }}" } }
"#;

fn ask() -> String {
    DENY.replace("effect: deny", "effect: ask")
}

fn space() -> Space {
    let space = Space::new();
    space.write("playbooks/two.yaml", TWO);
    space.write("playbooks/write.yaml", WRITE);
    space
}

/// A token of that name.
fn token(space: &Space, name: &str) -> String {
    let made = space.run(&["tokens", "add", name, "--expires", "90d", "--json"]).expect(0).json();
    made["token"].as_str().unwrap().to_owned()
}

/// A call of somebody.
fn called(daemon: &mut Daemon, token: &str, path: &str, body: &Value) -> Reply {
    daemon.token = Some(token.to_owned());
    daemon.post(path, body)
}

/// The only question that is open, or was asked last, about a run.
fn question(daemon: &Daemon, run: &str) -> Value {
    let all = daemon.get(&format!("{API}/approvals")).body;
    let mut found = all["approvals"].as_array().unwrap().iter().filter(|it| it["run_id"] == run);
    found.next().unwrap_or_else(|| panic!("{all}")).clone()
}

fn id(question: &Value) -> String {
    question["approval_id"].as_str().unwrap().to_owned()
}

fn answer_path(question: &Value) -> String {
    format!("{API}/approvals/{}", id(question))
}

/// Who answered, as the journal tells it.
fn answers(space: &Space, run: &str) -> Vec<String> {
    let shown = space.run(&["runs", "show", run, "--events", "--json"]).expect(0).json();
    let events = shown["events"].as_array().unwrap().iter();
    let answers = events.filter(|event| event["kind"] == "approval.resolved");
    answers.map(|event| event["payload"]["by"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn two_people_have_to_say_yes_and_a_power_cut_between_them_changes_nothing() {
    let space = space();
    let (ann, bob) = (token(&space, "ann"), token(&space, "bob"));
    let mut daemon = Daemon::start(&space);
    assert_eq!(daemon.get("/runs").status, 401, "there are tokens: one is needed");
    daemon.token = Some(ann.clone());
    let run = daemon.submit("two", json!({}));
    daemon.wait_for(&run, &["waiting_approval"]);
    let asked = question(&daemon, &run);
    assert_eq!((asked["approvers"].as_u64(), &asked["approved_by"]), (Some(2), &json!([])));
    let (path, yes) = (answer_path(&asked), json!({ "approved": true }));
    let first = called(&mut daemon, &ann, &path, &yes);
    assert_eq!((first.status, &first.body["missing"]), (200, &json!(1)), "{first:?}");
    let twice = called(&mut daemon, &ann, &path, &yes);
    assert_eq!(twice.status, 409, "{twice:?}");
    assert_eq!(twice.body["type"], "about:blank#said_yes");
    assert_eq!(twice.body["approved_by"], json!(["token:ann"]));
    daemon.kill();
    let mut daemon = Daemon::start(&space);
    space.run(&["approvals", "ls"]).expect(0).says(&["open 1/2"]);
    let shown = space.run(&["approvals", "show", &id(&asked)]).expect(0);
    shown.says(&["1 of 2 said yes: token:ann"]);
    assert_eq!(called(&mut daemon, &ann, &path, &yes).status, 409, "the same person still");
    let second = called(&mut daemon, &bob, &path, &yes);
    assert_eq!((second.status, &second.body["missing"]), (200, &json!(0)), "{second:?}");
    daemon.wait_for(&run, &["succeeded"]);
    assert_eq!(space.read("reports/two.md"), "done");
    assert_eq!(answers(&space, &run), ["token:ann", "token:bob"]);
    // One no ends it, whoever said yes before.
    let run = daemon.submit("two", json!({}));
    daemon.wait_for(&run, &["waiting_approval"]);
    let path = answer_path(&question(&daemon, &run));
    assert_eq!(called(&mut daemon, &ann, &path, &yes).status, 200);
    assert_eq!(called(&mut daemon, &bob, &path, &json!({ "approved": false })).status, 200);
    daemon.wait_for(&run, &["denied", "failed"]);
    space.run(&["tokens", "revoke", "bob"]).expect(0);
    assert_eq!(daemon.get("/runs").status, 401, "out of force without a restart");
    space.run(&["tokens", "ls"]).expect(0).says(&["ann", "until "]);
    drop(daemon);
    space.run(&["verify"]).expect(0);
}

#[test]
fn a_call_waits_for_as_many_people_as_its_rule_says() {
    let space = space();
    space.write(
        "policies/90-mine.yaml",
        &ask().replace("    reason:", "    approvers: 2\n    reason:"),
    );
    let (ann, bob) = (token(&space, "ann"), token(&space, "bob"));
    let mut daemon = Daemon::start(&space);
    // One person's yes beforehand answers no question that needs two.
    let beforehand = format!("{API}/approve?tool_name=write_text");
    assert_eq!(called(&mut daemon, &ann, &beforehand, &json!({})).status, 200);
    let run = daemon.submit("write", json!({}));
    daemon.wait_for(&run, &["waiting_approval"]);
    let asked = question(&daemon, &run);
    assert_eq!((&asked["approvers"], &asked["rules"]), (&json!(2), &json!(["mine.no-reports"])));
    let (path, yes) = (answer_path(&asked), json!({ "approved": true }));
    assert_eq!(called(&mut daemon, &ann, &path, &yes).body["missing"], json!(1));
    assert_eq!(called(&mut daemon, &ann, &path, &yes).status, 409);
    assert!(!space.path("reports/w.md").exists());
    assert_eq!(called(&mut daemon, &bob, &path, &yes).body["missing"], json!(0));
    daemon.wait_for(&run, &["succeeded"]);
    assert_eq!(answers(&space, &run), ["token:ann", "token:bob"]);
}

#[test]
fn what_needs_people_is_no_schedule_and_a_run_without_any_ends_denied() {
    let space = space();
    let daemon = Daemon::start_with(&space, &["--set", "policy.profile=ci"]);
    let add = ["schedules", "add", "write", "0 4 * * 1", "--json"];
    space.run(&add).expect(0);
    let two = ask().replace("    reason:", "    approvers: 2\n    reason:");
    daemon.edit_rules(&space, "90-mine.yaml", &two);
    space.run(&add).expect(2).says(&["mine.no-reports", "nobody is near"]);
    let run = daemon.submit("write", json!({}));
    daemon.wait_for(&run, &["denied"]);
    space.run(&["runs", "show", &run]).expect(0).says(&["mine.no-reports"]);
    let events = request(&daemon.url, None, "GET", "/events?after=0", None).unwrap();
    let mut lines = BufReader::new(events).lines().map_while(Result::ok);
    let incident = lines.find(|line| line.contains("unattended.denied")).unwrap();
    assert!(incident.contains(&run), "{incident}");
}

#[test]
fn a_stream_ends_soon_after_the_token_is_revoked_that_opened_it() {
    let space = space();
    let (ann, bob) = (token(&space, "ann"), token(&space, "bob"));
    let daemon = Daemon::start(&space);
    let follow = |token: &str| {
        let stream = request(&daemon.url, Some(token), "GET", "/events", None).unwrap();
        let mut lines = BufReader::new(stream).lines();
        assert!(lines.next().unwrap().unwrap().contains("200"));
        lines
    };
    let (ended, mut goes_on) = (follow(&ann), follow(&bob));
    space.run(&["tokens", "revoke", "ann"]).expect(0);
    let began = Instant::now();
    // Until the connection is closed: without the revocation this goes on for ever.
    assert!(ended.map_while(Result::ok).count() > 0);
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    let mut daemon = daemon;
    daemon.token = Some(bob.clone());
    daemon.submit("write", json!({}));
    assert!(goes_on.any(|line| line.unwrap().contains("run.started")));
}

#[test]
fn who_sits_at_the_machine_is_one_of_them_and_nobody_is_none() {
    let space = space();
    let mut daemon = Daemon::start(&space);
    let run = daemon.submit("two", json!({}));
    daemon.wait_for(&run, &["waiting_approval"]);
    let asked = question(&daemon, &run);
    let nobody = daemon.post(&answer_path(&asked), &json!({ "approved": true }));
    assert_eq!((nobody.status, &nobody.body["type"]), (403, &json!("about:blank#unnamed")));
    let approve = ["approvals", "approve", &id(&asked)];
    space.run(&approve).expect(0).says(&["needs one more person"]);
    space.run(&approve).expect(2).says(&["has said yes", "2 different people"]);
    let ann = token(&space, "ann");
    let second = called(&mut daemon, &ann, &answer_path(&asked), &json!({ "approved": true }));
    assert_eq!(second.status, 200, "{second:?}");
    daemon.wait_for(&run, &["succeeded"]);
    let by = answers(&space, &run);
    assert!(by[0].starts_with("user:") && by[1] == "token:ann", "{by:?}");
}

#[test]
fn a_run_in_the_foreground_takes_one_yes_and_waits_for_the_other() {
    let space = space();
    let run = ["run", "two", "--yes-approve", "gate", "--json"];
    let waits = space.run(&run).expect(4).json();
    let run = waits["run_id"].as_str().unwrap();
    let by = answers(&space, run);
    assert!(by.len() == 1 && by[0].starts_with("user:") && by[0].ends_with("(--yes-approve gate)"));
    space.run(&["approvals", "ls"]).expect(0).says(&["open 1/2"]);
    space.run(&["runs", "resume", run, "--yes-approve", "gate"]).expect(4);
    assert_eq!(answers(&space, run).len(), 1, "the same person is one");
}

/// Waits until a question stands so.
#[track_caller]
fn becomes(daemon: &Daemon, asked: &Value, status: &str) {
    let until = Instant::now() + PATIENCE;
    loop {
        let now = daemon.get(&answer_path(asked)).body;
        if now["status"] == status {
            return;
        }
        assert!(Instant::now() < until, "{now} is not {status}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_is_asked_is_judged_anew_when_the_rules_change() {
    let space = space();
    space.write("policies/90-mine.yaml", &ask());
    let daemon = Daemon::start(&space);
    let run = daemon.submit("write", json!({}));
    daemon.wait_for(&run, &["waiting_approval"]);
    let asked = question(&daemon, &run);
    // The same rule in other words asks the same.
    let edit = |text: &str| daemon.edit_rules(&space, "90-mine.yaml", text);
    edit(&ask().replace("by hand here", "by hand"));
    // Judging follows the edit at once; what did not change in this time stays.
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(id(&question(&daemon, &run)), id(&asked));
    assert_eq!(question(&daemon, &run)["status"], "open");
    // Another rule asks something else.
    edit(&ask().replace("mine.no-reports", "mine.other"));
    becomes(&daemon, &asked, "superseded");
    let again = question(&daemon, &run);
    assert_eq!((&again["status"], &again["rules"]), (&json!("open"), &json!(["mine.other"])));
    // Nobody asks any more.
    edit(&ask().replace("reports/", "elsewhere/"));
    daemon.wait_for(&run, &["succeeded"]);
    becomes(&daemon, &again, "superseded");
    edit(&ask());
    let run = daemon.submit("write", json!({ "text": "more" }));
    daemon.wait_for(&run, &["waiting_approval"]);
    let asked = question(&daemon, &run);
    edit(DENY);
    daemon.wait_for(&run, &["denied"]);
    becomes(&daemon, &asked, "superseded");
    drop(daemon);
    space.run(&["verify"]).expect(0);
}

fn approve(daemon: &Daemon, tool: &str, body: &Value) -> Reply {
    daemon.post(&format!("{API}/approve?tool_name={tool}"), body)
}

#[test]
fn a_yes_given_beforehand_answers_one_call() {
    let space = space();
    space.write("policies/90-mine.yaml", &ask());
    let daemon = Daemon::start(&space);
    let given = approve(&daemon, "write_text", &json!({}));
    assert_eq!((given.status, &given.body["tool_name"]), (200, &json!("write_text")), "{given:?}");
    assert!(given.body["expires_at"].is_string());
    let shown = space.run(&["approvals", "show", given.body["approval_id"].as_str().unwrap()]);
    shown.expect(0).says(&["beforehand, by api", "write_text"]);
    space.run(&["approvals", "ls"]).expect(0).says(&["(beforehand)"]);
    // Of runs that begin at once, one gets it.
    let runs: Vec<String> = (0..4).map(|_| daemon.submit("write", json!({}))).collect();
    let mut done = Vec::new();
    for run in &runs {
        let stands = daemon.wait_for(run, &["succeeded", "waiting_approval"]);
        done.extend((stands["status"] == "succeeded").then(|| run.clone()));
    }
    assert_eq!(done.len(), 1, "{done:?}");
    assert_eq!(answers(&space, &done[0]), ["api (beforehand)"]);
    let used = daemon.get(&answer_path(&given.body)).body;
    assert_eq!((&used["status"], &used["by"]), (&json!("approved"), &json!(done[0])));
    // With arguments it is for these alone, also after a power cut.
    let args = json!({ "args": { "path": "reports/w.md", "text": "exactly" } });
    assert_eq!(approve(&daemon, "write_text", &args).status, 200);
    daemon.kill();
    let daemon = Daemon::start(&space);
    let other = daemon.submit("write", json!({ "text": "other" }));
    daemon.wait_for(&other, &["waiting_approval"]);
    let exact = daemon.submit("write", json!({ "text": "exactly" }));
    daemon.wait_for(&exact, &["succeeded"]);
    // It can be taken back, and is then there for nobody.
    let given = approve(&daemon, "write_text", &json!({})).body;
    space.run(&["approvals", "deny", &id(&given)]).expect(0).says(&["is denied"]);
    space.run(&["approvals", "deny", &id(&given)]).expect(2);
    let run = daemon.submit("write", json!({}));
    daemon.wait_for(&run, &["waiting_approval"]);
    assert_eq!(approve(&daemon, "no_such_tool", &json!({})).status, 404);
    drop(daemon);
    space.run(&["verify"]).expect(0);
}

#[test]
fn nobody_says_yes_beforehand_to_something_grave_without_seeing_it() {
    let space = space();
    space.write(
        "policies/90-mine.yaml",
        &ask().replace("    reason:", "    category: destructive\n    reason:"),
    );
    let daemon = Daemon::start(&space);
    assert_eq!(approve(&daemon, "write_text", &json!({})).status, 200);
    let run = daemon.submit("write", json!({ "text": "a" }));
    daemon.wait_for(&run, &["waiting_approval"]);
    let args = json!({ "args": { "path": "reports/w.md", "text": "b" } });
    assert_eq!(approve(&daemon, "write_text", &args).status, 200);
    let run = daemon.submit("write", json!({ "text": "b" }));
    daemon.wait_for(&run, &["succeeded"]);
    for (wrong, field) in [
        (json!({ "path": 7, "text": "b" }), "args.path"),
        (json!({ "path": "a", "text": "b", "txt": "b" }), "args.txt"),
        (json!({ "path": "a" }), "args.text"),
    ] {
        let refused = approve(&daemon, "write_text", &json!({ "args": wrong }));
        assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (422, &json!(field)));
    }
    let tools = "tools: { write_text: { category: credential } }\n";
    daemon.edit_rules(&space, "91-tools.yaml", &format!("schema: 1\n{tools}"));
    let refused = approve(&daemon, "write_text", &json!({}));
    assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (422, &json!("args")));
}

#[test]
fn a_command_in_its_cell_reaches_neither_socket_nor_tokens_nor_the_api() {
    let space = space();
    let secret = token(&space, "ann");
    let daemon = Daemon::start(&space);
    let address = daemon.url.strip_prefix("http://").unwrap();
    let (host, port) = address.split_once(':').unwrap();
    let probe = format!(
        "import socket, os\n\
         def tries(what, way):\n    try:\n        way(); print('REACHED', what)\n    except OSError as e:\n        print('kept from', what, e.errno)\n\
         def unix(path):\n    s = socket.socket(socket.AF_UNIX); s.connect(path)\n\
         for name in ['host.sock', 'api.sock']:\n    tries(name, lambda: unix('.bailiwick/' + name))\n    tries(name, lambda: unix(os.getcwd() + '/.bailiwick/' + name))\n\
         tries('tokens', lambda: open('.bailiwick/tokens.json').read())\n\
         tries('new tokens', lambda: open('.bailiwick/tokens.json', 'w').write('x'))\n\
         tries('api', lambda: socket.create_connection(('{host}', {port}), 2))\n"
    );
    space.write("probe.py", &probe);
    space.write(
        "playbooks/probe.yaml",
        "schema: 1\nname: probe\ndescription: Looks for a way out.\npermissions: { tools: [shell_exec], read: [\".\"], write: [\".\"] }\nsteps:\n  - { id: look, tool: shell_exec, args: { command: [python3, probe.py] } }\noutputs: { said: \"${{ steps.look.data.stdout }}\" }\n",
    );
    let taken = space.run(&["submit", "probe", "--json"]).expect(0).json();
    let run = taken["run_id"].as_str().unwrap();
    let mut daemon = daemon;
    daemon.token = Some(secret.clone());
    let stands = daemon.wait_for(run, &["succeeded", "waiting_approval"]);
    if stands["status"] == "waiting_approval" {
        space.run(&["approvals", "approve", &id(&question(&daemon, run))]).expect(0);
    }
    daemon.wait_for(run, &["succeeded", "failed", "denied"]);
    // The report follows the end.
    let until = Instant::now() + PATIENCE;
    let done = loop {
        let report = daemon.get(&format!("/runs/{run}/report"));
        if report.status == 200 {
            break report.body;
        }
        assert!(Instant::now() < until, "there is no report: {report:?}");
        std::thread::sleep(Duration::from_millis(20));
    };
    let said = done["outputs"]["said"].as_str().unwrap_or_default();
    assert_eq!(said.matches("kept from").count(), 7, "{done}");
    assert!(!said.contains("REACHED"), "{said}");
    assert!(daemon.get("/runs").status == 200, "the tokens are as they were");
    let text = space.read(".bailiwick/tokens.json");
    assert!(!text.contains(&secret), "{text}");
}

#[test]
fn a_no_of_a_person_stands_in_the_audit_log_with_who_said_it_and_why() {
    let space = space();
    space.write("policies/90-mine.yaml", &ask());
    let waits = space.run(&["run", "write"]).expect(4);
    assert_eq!(space.audit(), Vec::<Value>::new(), "{}", waits.stdout);
    let asked = space.run(&["approvals", "ls", "--json"]).expect(0).json()["items"][0].clone();
    space.run(&["approvals", "deny", &id(&asked), "--reason", "not on a Friday"]).expect(0);
    space.run(&["runs", "resume"]);
    let log = space.audit();
    assert_eq!(log.len(), 1, "{log:?}");
    assert_eq!((&log[0]["tool"], &log[0]["ok"]), (&json!("write_text"), &json!(false)));
    assert_eq!((&log[0]["decision"], &log[0]["dry_run"]), (&json!("ask"), &json!(false)));
    let why = log[0]["error"].as_str().unwrap();
    assert!(why.starts_with("user:") && why.ends_with(" said no: not on a Friday"), "{why}");
    assert!(!space.path("reports/w.md").exists());
}
