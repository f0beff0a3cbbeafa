//! Goals in words without a language model, through the program: to playbooks with inputs, to single tools,
//! or back with reasons.

use serde_json::{Value, json};

use super::harness::{Ran, Space};
use super::peer::{Act, Peer, Speaks, done, plan};

const TODOS: &str = "List the TODO comments in this repository and write them to reports/todo.md";

#[test]
fn a_goal_gives_a_playbook_its_inputs() {
    let space = Space::new();
    space.write("src/net.rs", "fn cast() {}\n// TODO: mend the net\n");
    let ran = space.run(&["run", "--goal", TODOS]).expect(0);
    ran.says(&["list-matches", "succeeded"]);
    let report = space.read("reports/todo.md");
    assert!(report.contains("mend the net") && report.contains("line 2"), "{report}");
    space.run(&["verify"]).expect(0);
}

#[test]
fn a_goal_becomes_a_single_governed_call() {
    let space = Space::new();
    let goal = "write \"hello\" to notes/greeting.txt";
    space.run(&["run", "--goal", goal]).expect(0).says(&["write_text", "succeeded"]);
    assert_eq!(space.read("notes/greeting.txt"), "hello");
    // Nothing said that what is there may be replaced.
    space.run(&["run", "--goal", "write \"bye\" to notes/greeting.txt"]).expect(1);
    assert_eq!(space.read("notes/greeting.txt"), "hello");
    // Rules hold as for everybody.
    space.run(&["run", "--goal", "write \"x\" to /etc/motd"]).expect(3);
    let audit = space.audit();
    assert!(audit.iter().any(|entry| entry["tool"] == "write_text"), "{audit:?}");
    space.run(&["run", "--dry-run", "--goal", "read README.md"]).expect(0).says(&["read_text"]);
}

#[test]
fn the_same_rules_have_the_same_name_in_every_process() {
    let space = Space::new();
    let run = || space.run(&["run", "--goal", "read README.md", "--json"]).expect(0).json();
    assert_eq!(run()["policy_hash"], run()["policy_hash"]);
}

#[test]
fn what_is_unclear_or_dangerous_is_refused_with_reasons() {
    let space = Space::new();
    space.write("notes/a.txt", "A");
    for (goal, why) in [
        ("delete notes/a.txt", "high risk"),
        ("do not read notes/a.txt", "`not`"),
        ("move notes/a.txt", "does not say `to`"),
        ("fais le menage", "no playbook fits"),
    ] {
        space.run(&["run", "--goal", goal]).expect(5).says(&[why]);
    }
    assert_eq!(space.read("notes/a.txt"), "A");
}

/// Finds the TODO comments, writes them down, and puts the old report away, about which the rules ask.
fn todo_plans() -> [String; 2] {
    let steps = json!([
        { "id": "find", "tool": "search_text", "args": { "path": ".", "pattern": "TODO" }, "why": "to find them" },
        { "id": "keep", "tool": "write_text", "why": "to write them down",
          "args": { "path": "reports/todo.md", "text": "To do:\n${{ steps.find.data.matches }}" } },
        { "id": "tidy", "tool": "delete_path", "args": { "path": "old.md" }, "why": "nobody needs it" },
    ]);
    [plan(steps), done("the TODO comments are in reports/todo.md")]
}

/// A workspace whose one model does this, and the settings for it. No shipped playbook is in the way.
fn scripted(turns: &[String]) -> (Space, Vec<(&'static str, String)>) {
    let space = Space::new();
    space.write("src/net.rs", "fn cast() {}\n// TODO: mend the net\n");
    space.write("old.md", "old");
    // The end is for who is told that the first plan was carried out, also after a restart.
    let when =
        |turn: &str| if turn.contains("\"done\":true") { "p1_1 search_text did" } else { "" };
    let turn = |turn: &String| json!({ "when": when(turn), "say": turn });
    let turns: Vec<Value> = turns.iter().rev().map(turn).collect();
    space.write("logs/script.yaml", &json!(turns).to_string());
    let chat = "[scripted/logs/script.yaml]".to_owned();
    (space, vec![("BAILIWICK_MODELS__CHAT", chat)])
}

fn run(space: &Space, settings: &[(&'static str, String)], args: &[&str]) -> Ran {
    let mut command = space.command(args);
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    Ran::of(command.output().unwrap())
}

/// A goal for which no playbook is there.
const GATHER: &str = "Gather what is left to do into reports/todo.md and drop old.md";

#[test]
fn a_planned_goal_shows_its_plan_asks_once_and_tells_what_happened() {
    let (space, settings) = scripted(&todo_plans());
    let asked = run(&space, &settings, &["run", "--goal", GATHER]).expect(4);
    let asked = asked.says(&[
        "plan 1 of scripted/",
        "search_text: allow",
        "delete_path: ask",
        "plan_1_gate asks",
    ]);
    assert!(!space.path("reports/todo.md").exists(), "{}", asked.stdout);
    let runs = run(&space, &settings, &["runs", "ls", "--json"]).expect(0).json();
    let id = runs["items"][0]["run_id"].as_str().unwrap();
    // Another process has the same rules, so that what was agreed to is agreed to still.
    let goes_on = ["runs", "resume", id, "--yes-approve", "plan_1_gate"];
    run(&space, &settings, &goes_on).expect(0).says(&["the TODO comments are in reports/todo.md"]);
    assert!(space.read("reports/todo.md").contains("mend the net"));
    assert!(!space.path("old.md").exists());
    run(&space, &settings, &["runs", "show"]).expect(0).says(&["plan_1/p1_1", "fs.delete"]);
    run(&space, &settings, &["verify"]).expect(0);
}

#[test]
fn what_an_earlier_goal_came_to_does_not_hold_up_a_later_one() {
    let write = |path: &str| {
        plan(
            json!([{ "tool": "write_text", "args": { "path": path, "text": "hi" }, "why": "to greet" }]),
        )
    };
    let peer = Peer::doing(Speaks::OpenAi, move |_, asked| {
        let told = asked.told();
        let second = told.contains("Put the second greeting");
        match (told.contains("p1_1 write_text did well"), second) {
            (true, _) => Act::Say(done("the greeting is there")),
            (_, true) => Act::Say(write("second.txt")),
            _ => Act::Say(write("first.txt")),
        }
    });
    let (space, settings) = (Space::new(), peer.settings());
    // What is written in a workspace that nobody vouches for may be a stranger's.
    space.run(&["trust"]).expect(0);
    for which in ["first", "second"] {
        let goal = format!("Put the {which} greeting somewhere");
        run(&space, &settings, &["run", "--goal", &goal]).expect(0);
        assert_eq!(space.read(&format!("{which}.txt")), "hi");
    }
    // It was remembered, and told as data.
    let asked = peer.asked();
    let told = asked.iter().find(|it| it.told().contains("second greeting")).unwrap().told();
    assert!(told.contains("Outcome: the greeting is there"), "{told}");
    assert!(told.contains("<data "), "{told}");
}

#[test]
fn a_no_with_a_comment_leads_to_another_plan_whoever_goes_on_with_the_run() {
    let remove = |path: &str| {
        plan(json!([{ "tool": "delete_path", "args": { "path": path }, "why": "nobody needs it" }]))
    };
    let peer = Peer::doing(Speaks::OpenAi, move |_, asked| {
        let told = asked.told();
        match (told.contains("p2_1 delete_path did well"), told.contains("drop LICENSE")) {
            (true, _) => Act::Say(done("LICENSE is gone")),
            (_, true) => Act::Say(remove("LICENSE")),
            _ => Act::Say(remove("README.md")),
        }
    });
    let (space, settings) = (Space::new(), peer.settings());
    let answer = |verdict: &[&str]| {
        let open = run(&space, &settings, &["approvals", "ls", "--json"]).expect(0).json();
        let id = open["items"][0]["approval_id"].as_str().unwrap().to_owned();
        let args = [&["approvals", verdict[0], id.as_str()], &verdict[1..]].concat();
        run(&space, &settings, &args).expect(0);
        run(&space, &settings, &["runs", "resume", "--all"])
    };
    run(&space, &settings, &["run", "--goal", "Drop what nobody needs in here"]).expect(4);
    answer(&["deny", "--reason", "that is needed, drop LICENSE"]).expect(4).says(&["plan_2_gate"]);
    answer(&["approve"]).expect(0);
    assert!(space.path("README.md").exists() && !space.path("LICENSE").exists());
    assert_eq!(peer.asked().len(), 3);
}

#[test]
fn a_dry_run_of_a_goal_shows_the_first_plan_with_what_policy_says_and_changes_nothing() {
    let (space, settings) = scripted(&todo_plans());
    let dry = ["run", "--goal", GATHER, "--dry-run"];
    let shown = run(&space, &settings, &dry).expect(0).says(&[
        "plan_1_gate  approval: ask a person about the whole plan",
        "plan_1/p1_1  search_text",
        "plan_1/p1_2  write_text",
        "depends",
        "ask: ",
        "fs.delete",
    ]);
    assert!(space.path("old.md").exists() && !space.path("reports/todo.md").exists());
    let runs = run(&space, &settings, &["runs", "ls", "--json"]).expect(0).json();
    assert_eq!(runs["items"], json!([]), "{}", shown.stdout);
    assert!(space.audit().iter().all(|entry| entry["dry_run"] == true), "{:?}", space.audit());
    // As a program reads it, and where a step would be refused.
    let steps = json!([{ "tool": "write_text", "args": { "path": "policies/x.yaml", "text": "x" }, "why": "w" }]);
    let (space, settings) = scripted(&[plan(steps)]);
    let refused = run(&space, &settings, &[&dry[..], &["--json"]].concat()).expect(3).json();
    assert_eq!(refused["items"][1]["path"], "plan_1/p1_1");
    assert_eq!(refused["items"][1]["decision"]["effect"], "deny");
    // Where the model has none, or nobody answers.
    let (space, settings) = scripted(&["no".to_owned(), "no".to_owned()]);
    run(&space, &settings, &dry).expect(1).says(&["no JSON object"]);
    let peer = Peer::new(Speaks::Ollama, vec![Act::Status("404 Not Found", "")]);
    run(&space, &peer.settings(), &dry).expect(5).says(&["404"]);
    assert_eq!(peer.asked().len(), 1);
    // Without a model what the goal leads to is shown.
    run(&space, &[], &["run", "--goal", TODOS, "--dry-run"]).expect(0).says(&["list-matches"]);
}

/// What an event says, without what is never the same: ids, times, and hashes of what has them.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let moves = |name: &str| {
                let ends = ["_id", "_ms", "_at", "_us", "_key", "_head", "hash"];
                ["at", "blob"].contains(&name) || ends.iter().any(|end| name.ends_with(end))
            };
            let kept = map.iter().filter(|(name, _)| !moves(name));
            kept.map(|(name, value)| (name.clone(), plain(value))).collect()
        }
        Value::Array(all) => all.iter().map(plain).collect(),
        Value::String(text) => json!(without_ids(text)),
        other => other.clone(),
    }
}

/// Ids in a text, such as `run_0190…`, as their kind.
fn without_ids(text: &str) -> String {
    let mut words = text.split('_');
    let mut plain = words.next().unwrap_or_default().to_owned();
    for word in words {
        let digits = word.bytes().take_while(u8::is_ascii_hexdigit).count();
        plain.push('_');
        plain.push_str(if digits >= 32 { &word[32..] } else { word });
    }
    plain
}

#[test]
fn two_runs_of_the_same_script_have_the_same_journal_but_for_ids_and_times() {
    let mut journals = Vec::new();
    for _ in 0..2 {
        let (space, settings) = scripted(&todo_plans());
        let yes = ["--yes-approve", "fs.delete", "--yes-approve", "require-approval-for-risky"];
        let ran =
            run(&space, &settings, &[&["run", "--goal", GATHER, "--json"], &yes[..]].concat());
        let report = ran.expect(0).json();
        let id = report["run_id"].as_str().unwrap().to_owned();
        let shown = space.run(&["runs", "show", &id, "--events", "--json"]).expect(0).json();
        let root = space.outside().display().to_string();
        let text = shown["events"].to_string().replace(&root, "/home");
        let events: Vec<Value> = serde_json::from_str(&text).unwrap();
        assert!(events.len() > 20);
        journals.push(events.iter().map(plain).collect::<Vec<Value>>());
    }
    let (first, second) = (&journals[0], &journals[1]);
    assert_eq!(first.len(), second.len());
    for (one, other) in first.iter().zip(second) {
        assert_eq!(one, other);
    }
}

#[test]
fn files_are_saved_with_the_words_that_the_model_found_for_what_a_goal_came_to() {
    let look =
        json!([{ "tool": "read_text", "args": { "path": "big.txt" }, "why": "to see all of it" }]);
    let end = json!({
        "thought": "", "done": true, "answer": "it is long", "tags": ["Long Texts", "moon"], "steps": [],
    });
    let turns = [("p1_1 read_text did", end.to_string()), ("", plan(look))];
    let turns = turns.map(|(when, say)| json!({ "when": when, "say": say }));
    let space = Space::new();
    // What is cut in the answer is kept as a file of the run.
    space.write("big.txt", &"words and words\n".repeat(40_000));
    space.write("logs/script.yaml", &json!(turns).to_string());
    let settings = vec![("BAILIWICK_MODELS__CHAT", "[scripted/logs/script.yaml]".to_owned())];
    let report = run(&space, &settings, &["run", "--goal", GATHER, "--json"]).expect(0).json();
    let id = report["run_id"].as_str().unwrap();
    let saved = space.outside().join("saved");
    let save = ["runs", "artifacts", id, "--save", saved.to_str().unwrap()];
    run(&space, &settings, &save).expect(0);
    let metadata = std::fs::read(saved.join(id).join("metadata.json")).unwrap();
    let metadata: Value = serde_json::from_slice(&metadata).unwrap();
    let item = &metadata["items"][0];
    assert_eq!(item["tags"], json!(["long-texts", "moon"]), "{metadata}");
    assert_eq!(item["description"], "to see all of it", "{metadata}");
    assert_eq!(item["source"]["step"], "plan_1/p1_1", "{metadata}");
    assert!(item["file"].as_str().unwrap().ends_with("big.txt"), "{metadata}");
}
