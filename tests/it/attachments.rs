//! Files that come with a task: from the command line, over HTTP, to the model, and through a crash.

use serde_json::{Value, json};

use super::daemon_space::Daemon;
use super::harness::{Ran, Space};
use super::peer::{done, plan};

const SECRET: &str = "sesame-Zq81-open";

/// A workspace whose model looks around, and says that the goal is reached.
fn space() -> Space {
    let space = Space::new();
    let look = plan(json!([{ "tool": "list_dir", "args": { "path": "." }, "why": "to look" }]));
    let end = done("it is summed up");
    // A turn is said once; none of these tests asks for more than two runs of one process.
    let turns =
        [("p1_1 list_dir did", &end), ("p1_1 list_dir did", &end), ("", &look), ("", &look)];
    let turns = turns.map(|(when, say)| json!({ "when": when, "say": say }));
    space.write("logs/script.yaml", &json!(turns).to_string());
    space
}

fn run(space: &Space, args: &[&str]) -> Ran {
    let mut command = space.command(args);
    command.env("BAILIWICK_MODELS__CHAT", "[scripted/logs/script.yaml]");
    command.env("BAILIWICK_SECRET_KEY", SECRET);
    Ran::of(command.output().unwrap())
}

/// What the model was told first in a run.
fn labels_of(space: &Space, run_id: &str) -> String {
    run(space, &["runs", "show", run_id, "--events", "--json"]).expect(0).stdout
}

#[test]
fn files_come_with_a_goal_from_inside_and_outside_of_the_workspace() {
    let space = space();
    space.write("docs/in.md", "from inside");
    let outside = space.outside().join("letter.txt");
    std::fs::write(&outside, format!("Dear all, the key is {SECRET}.")).unwrap();
    let letter = outside.to_str().unwrap();
    let goal = ["run", "--goal", "Sum up what is attached", "--json"];
    let args = [&goal[..], &["--attach", "docs/in.md", "--attach", letter]].concat();
    let report = run(&space, &args).expect(0).json();
    let id = report["run_id"].as_str().unwrap();
    let files = run(&space, &["runs", "artifacts", id, "--json"]).expect(0).json();
    assert_eq!(files["items"].as_array().unwrap().len(), 1, "{files}");
    let file = &files["items"][0];
    assert_eq!((&file["name"], &file["step"]), (&json!("letter.txt"), &json!("attachments[1]")));
    assert_eq!(file["labels"], json!(["secret:KEY", "untrusted:attachment"]));
    // Secrets are struck out of it, as of every artifact.
    let kept = run(&space, &["runs", "artifacts", id, "--get", "letter.txt"]).expect(0).stdout;
    assert!(kept.starts_with("Dear all, the key is ") && !kept.contains(SECRET), "{kept}");
    let shown = labels_of(&space, id);
    assert!(!shown.contains(SECRET) && shown.contains("docs/in.md"), "{shown}");
    run(&space, &["verify"]).expect(0);
    // Dry, with the same files; nothing is kept.
    run(&space, &[&args[..], &["--dry-run"]].concat()).expect(0).says(&["list_dir"]);
    let runs = run(&space, &["runs", "ls", "--json"]).expect(0).json();
    assert_eq!(runs["items"].as_array().unwrap().len(), 1);
}

#[test]
fn what_cannot_be_attached_is_said_before_anything_is_kept() {
    let space = space();
    let big = space.outside().join("big.bin");
    std::fs::write(&big, vec![b'x'; (1 << 20) + 1]).unwrap();
    for (file, why) in [
        (big.to_str().unwrap(), "it has 1048577 bytes"),
        ("gone.txt", "cannot be read"),
        ("logs", "no regular file"),
    ] {
        for command in ["run", "submit"] {
            run(&space, &[command, "--goal", "Sum up", "--attach", file]).expect(2).says(&[why]);
        }
    }
    run(&space, &["runs", "ls"]).expect(2).says(&["nothing has run here yet"]);
}

fn attachment(name: &str, source: Value) -> Value {
    let mut attachment = json!({ "name": name, "media_type": "text/plain" });
    attachment.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
    attachment
}

#[test]
fn files_come_with_tasks_over_http_and_outlive_a_kill() {
    let space = space();
    let serve = || {
        let mut command = space.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
        command.env("BAILIWICK_MODELS__CHAT", "[scripted/logs/script.yaml]");
        Daemon::of(command)
    };
    let daemon = serve();
    let task = |attachments: Value| json!({ "goal": "Sum up", "attachments": attachments });
    let unknown = "8e4c7c1b99dbfd50e7a95185fead5ee1448fa904a2fdd778eaf5f2dbfd629a99";
    for (wrong, field) in [
        (attachment("a", json!({ "artifact": unknown })), "attachments[0].artifact"),
        (attachment("a", json!({ "path": "../a" })), "attachments[0].path"),
        (attachment("../../x", json!({ "data": "aGk=" })), "attachments"),
        (attachment("a\u{0}b", json!({ "data": "aGk=" })), "attachments"),
        (attachment(&"n".repeat(10_000), json!({ "data": "aGk=" })), "attachments"),
        (attachment("a", json!({ "data": "?" })), "attachments"),
    ] {
        let reply = daemon.post("/tasks", &task(json!([wrong])));
        assert_eq!(reply.status, 422, "{reply:?}");
        assert_eq!(reply.body["errors"][0]["field"], field, "{reply:?}");
    }
    let two = json!([
        attachment("same.txt", json!({ "data": "b25l" })),
        attachment("same.txt", json!({ "data": "dHdv" })),
    ]);
    let reply = daemon.post("/tasks", &task(two));
    assert_eq!(reply.status, 202, "{reply:?}");
    let id = reply.body["run_id"].as_str().unwrap().to_owned();
    // What was acknowledged is there with its files, whenever the power goes.
    daemon.kill();
    let daemon = serve();
    daemon.wait_for(&id, &["succeeded"]);
    let files = daemon.get(&format!("/runs/{id}/artifacts")).body;
    let hashes: Vec<_> = files["items"].as_array().unwrap().iter().map(|it| &it["hash"]).collect();
    assert!(hashes.len() == 2 && hashes[0] != hashes[1], "{files}");
    let again = json!([attachment("again.txt", json!({ "artifact": hashes[1] }))]);
    let reply = daemon.post("/tasks", &task(again));
    assert_eq!(reply.status, 202, "{reply:?}");
    let second = reply.body["run_id"].as_str().unwrap();
    daemon.wait_for(second, &["succeeded"]);
    let saved = space.outside().join("saved");
    run(&space, &["runs", "artifacts", second, "--save", saved.to_str().unwrap()]).expect(0);
    let content = std::fs::read_to_string(saved.join(second).join("001-again.txt")).unwrap();
    assert_eq!(content, "two");
    daemon.stop();
    run(&space, &["verify"]).expect(0);
}
