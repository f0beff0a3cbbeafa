//! Undo of what runs changed, with the real binary: byte for byte, and not where somebody else was.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::daemon_space::Daemon;
use super::harness::Space;

const HEADER: &str = "schema: 1\nname: p\ndescription: A test.\npermissions: { tools: [write_text, apply_patch, move_path, delete_path, git_commit, shell_exec], read: [\".\"], write: [\".\"] }\nsteps:\n";

/// Name, kind with permission bits, content of everything below `dir` but git and the program's state.
fn tree(dir: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let (mut found, mut open) = (BTreeMap::new(), vec![dir.to_owned()]);
    while let Some(here) = open.pop() {
        for entry in fs::read_dir(here).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(dir).unwrap().to_owned();
            if [".git", ".bailiwick", "logs"].iter().any(|own| name == Path::new(own)) {
                continue;
            }
            let meta = fs::symlink_metadata(&path).unwrap();
            let content = if meta.is_symlink() {
                fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
            } else if meta.is_dir() {
                open.push(path.clone());
                Vec::new()
            } else {
                fs::read(&path).unwrap()
            };
            found.insert(name, (meta.permissions().mode(), content));
        }
    }
    found
}

fn step(id: usize, tool: &str, args: &Value) -> String {
    format!("  - {{ id: s{id}, tool: {tool}, args: {args} }}\n")
}

fn run(space: &Space, steps: &[(&str, Value)]) -> String {
    let mut text = HEADER.to_owned();
    for (id, (tool, args)) in steps.iter().enumerate() {
        text.push_str(&step(id, tool, args));
    }
    let playbook = space.outside().join("p.yaml");
    fs::write(&playbook, text).unwrap();
    let report = space
        .run(&[
            "run",
            playbook.to_str().unwrap(),
            "--json",
            "--yes-approve",
            "fs.delete",
            "--yes-approve",
            "require-approval-for-risky",
        ])
        .expect(0)
        .json();
    report["run_id"].as_str().unwrap().to_owned()
}

/// Twenty directories with files of every kind, and a hundred changes to them.
fn hundred_changes(space: &Space) -> Vec<(&'static str, Value)> {
    let mut steps: Vec<(&str, Value)> = Vec::new();
    for n in 0..20 {
        space.write(&format!("d{n}/text"), &format!("one\ntwo\nthree {n}\n"));
        space.write(&format!("d{n}/crlf"), "a\r\nb\r\n");
        space.write(&format!("d{n}/tree/deep/x"), "x");
        let (bin, run) = (space.path(&format!("d{n}/bin")), space.path(&format!("d{n}/run")));
        fs::write(bin, [0, 255, 13, 10, n]).unwrap();
        fs::write(&run, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&run, fs::Permissions::from_mode(0o700 + u32::from(n) % 8)).unwrap();
        symlink("../nowhere", space.path(&format!("d{n}/tree/link"))).unwrap();
        fs::create_dir(space.path(&format!("d{n}/tree/empty"))).unwrap();
        fs::set_permissions(
            space.path(&format!("d{n}/tree/empty")),
            fs::Permissions::from_mode(0o750),
        )
        .unwrap();
        let patch = format!(
            "--- a/d{n}/text\n+++ b/d{n}/text\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n\
             --- a/d{n}/crlf\n+++ b/d{n}/crlf\n@@ -1,2 +1,1 @@\n a\n-b\n\
             --- /dev/null\n+++ b/d{n}/made/by/patch\n@@ -0,0 +1 @@\n+new\n\\ No newline at end of file\n\
             diff --git a/d{n}/run b/d{n}/run\nold mode 100755\nnew mode 100644\n"
        );
        steps.push(("write_text", json!({"path": format!("d{n}/new/file"), "text": "n"})));
        steps.push((
            "write_text",
            json!({"path": format!("d{n}/text"), "text": "more\n", "mode": "append"}),
        ));
        steps.push(("apply_patch", json!({ "patch": patch })));
        match n % 2 {
            0 => steps
                .push(("move_path", json!({"from": format!("d{n}"), "to": format!("moved/d{n}")}))),
            _ => steps.push((
                "move_path",
                json!({"from": format!("d{n}/bin"), "to": format!("d{n}/b2")}),
            )),
        }
        let tree = if n % 2 == 0 { format!("moved/d{n}/tree") } else { format!("d{n}/tree") };
        steps.push(("delete_path", json!({"path": tree, "recursive": true})));
    }
    steps
}

#[test]
fn a_run_with_a_hundred_changes_is_put_back_byte_for_byte() {
    let space = Space::new();
    let steps = hundred_changes(&space);
    assert_eq!(steps.len(), 100);
    let before = tree(&space.root());
    let id = run(&space, &steps);
    assert_ne!(tree(&space.root()), before);
    let dry = space.run(&["undo", &id, "--dry-run", "--json"]).expect(0).json();
    assert_eq!(dry["put_back"].as_array().unwrap().len(), 100);
    assert_ne!(tree(&space.root()), before, "a dry run changes nothing");
    let undone = space.run(&["undo", &id, "--json"]).expect(0).json();
    assert_eq!(undone["put_back"].as_array().unwrap().len(), 100);
    assert_eq!(undone["left_alone"], json!([]));
    let after = tree(&space.root());
    let mut differs = String::new();
    for name in
        before.keys().chain(after.keys()).filter(|name| before.get(*name) != after.get(*name))
    {
        let _ =
            writeln!(differs, "{}: {:?} / {:?}", name.display(), before.get(name), after.get(name));
    }
    assert_eq!(differs, "");
    let undo_run = undone["undo_run_id"].as_str().unwrap();
    let shown = space.run(&["runs", "show", undo_run, "--events", "--json"]).expect(0).json();
    let events = shown["events"].as_array().unwrap();
    assert_eq!(events.iter().filter(|event| event["kind"] == "call.undone").count(), 100);
    let again = space.run(&["undo", &id, "--json"]).expect(0).json();
    assert!(again["put_back"].as_array().unwrap().iter().all(|one| one["paths"] == json!([])));
    space.run(&["verify"]).expect(0);
}

#[test]
fn what_somebody_changed_since_is_told_and_left_alone() {
    let space = Space::new();
    let steps = hundred_changes(&space);
    let before = tree(&space.root());
    let id = run(&space, &steps);
    space.write("d1/new/file", "by hand");
    let with_it = tree(&space.root());
    space.run(&["undo", &id, "--whole"]).expect(1).says(&["d1/new/file", "changed since"]);
    assert_eq!(tree(&space.root()), with_it, "all or nothing was asked for");
    let undone = space.run(&["undo", &id, "--json"]).expect(1).json();
    let left = undone["left_alone"].as_array().unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!((&left[0]["path"], &left[0]["conflict"]), (&json!("d1/new/file"), &json!(true)));
    assert_eq!(undone["put_back"].as_array().unwrap().len(), 99);
    let mut after = tree(&space.root());
    assert_eq!(after.remove(Path::new("d1/new/file")).unwrap().1, b"by hand");
    assert!(after.remove(Path::new("d1/new")).is_some(), "its directory holds it");
    assert_eq!(after, before);
    // Put into the state that the run left, it goes as well.
    space.write("d1/new/file", "n");
    space.run(&["undo", &id]).expect(0);
    assert_eq!(tree(&space.root()), before);
}

fn git(space: &Space, args: &[&str]) -> String {
    let output = std::process::Command::new("git").args(args).current_dir(space.root()).output();
    String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
}

#[test]
fn commits_are_taken_back_with_new_ones_and_the_files_with_them() {
    let space = Space::new();
    // A change that nobody committed yet: undo brings it back.
    space.write("README.md", "not committed\n");
    let before = tree(&space.root());
    let commit = |message: &str| ("git_commit", json!({"path": ".", "message": message}));
    let write = |path: &str, text: &str| ("write_text", json!({"path": path, "text": text}));
    let id = run(
        &space,
        &[
            write("README.md", "one\n"),
            write("src/a", "a\n"),
            commit("first of the run"),
            write("README.md", "two\n"),
            commit("second of the run"),
            write("src/a", "b\n"),
            ("shell_exec", json!({"command": ["true"]})),
        ],
    );
    assert_eq!(git(&space, &["log", "-1", "--format=%an %s"]), "Bailiwick second of the run");
    let undone = space.run(&["undo", &id, "--json"]).expect(0).json();
    let left = undone["left_alone"].as_array().unwrap();
    assert_eq!((left.len(), &left[0]["tool"]), (1, &json!("shell_exec")), "{left:?}");
    assert_eq!(tree(&space.root()), before);
    let subjects = git(&space, &["log", "-3", "--format=%s"]);
    assert_eq!(
        subjects,
        "Revert \"first of the run\"\nRevert \"second of the run\"\nsecond of the run"
    );
    assert_eq!(git(&space, &["diff", "HEAD~4", "HEAD"]), "", "committed is what was before");
    assert_eq!(git(&space, &["status", "--porcelain", "--untracked-files=no"]), "M README.md");
}

#[test]
fn a_commit_that_others_built_on_is_left_alone() {
    let space = Space::new();
    let id = run(
        &space,
        &[
            ("write_text", json!({"path": "a", "text": "ours\n"})),
            ("git_commit", json!({"path": ".", "message": "ours", "paths": ["a"]})),
            ("write_text", json!({"path": "b", "text": "b\n"})),
        ],
    );
    space.write("a", "theirs\n");
    space.git(&["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qam", "theirs"]);
    let undone = space.run(&["undo", &id, "--json"]).expect(1).json();
    let left = undone["left_alone"].as_array().unwrap();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(
        left.iter().any(|one| one["why"].as_str().unwrap().contains("conflicts in `a`")),
        "{left:?}"
    );
    assert_eq!(space.read("a"), "theirs\n");
    assert!(!space.path("b").exists());
    assert_eq!(git(&space, &["log", "-1", "--format=%s"]), "theirs");
    assert!(!space.path(".git/REVERT_HEAD").exists());
}

#[test]
fn questions_say_whether_it_can_be_undone() {
    let space = Space::new();
    space.write("old", "x");
    let asked = |tool: &str, args: &Value| {
        let text = format!("{HEADER}{}", step(0, tool, args));
        let playbook = space.outside().join("ask.yaml");
        fs::write(&playbook, text).unwrap();
        space.run(&["run", playbook.to_str().unwrap(), "--json"]).expect(4);
        let list = space.run(&["approvals", "ls", "--json"]).expect(0).json();
        let id = list["items"][0]["approval_id"].as_str().unwrap().to_owned();
        let shown = space.run(&["approvals", "show", &id]).expect(0).stdout;
        (list["items"][0].clone(), shown)
    };
    let (view, shown) = asked("delete_path", &json!({"path": "old"}));
    assert_eq!(view["undoable"], true);
    assert!(!view["prompt"].as_str().unwrap().contains("undone"), "{view}");
    assert!(shown.contains("undo    yes"), "{shown}");
    let (view, shown) = asked("shell_exec", &json!({"command": ["sh", "-c", "$0 x", "echo"]}));
    assert_eq!(view["undoable"], false);
    assert!(view["prompt"].as_str().unwrap().ends_with("This cannot be undone."), "{view}");
    assert!(shown.contains("undo    this cannot be undone"), "{shown}");
}

#[test]
fn the_api_undoes_too() {
    let space = Space::new();
    space.write("a", "a\n");
    let before = tree(&space.root());
    let write = |path: &str, text: &str| ("write_text", json!({"path": path, "text": text}));
    let id = run(&space, &[write("a", "A\n"), write("new/b", "b\n")]);
    let nothing = run(&space, &[("shell_exec", json!({"command": ["true"]}))]);
    let daemon = Daemon::start(&space);
    let undo = |run: &str, body: Value| {
        let reply = daemon.post(&format!("/runs/{run}/undo"), &body);
        (reply.status, reply.body)
    };
    let (status, view) = undo(&id, json!({"dry_run": true}));
    assert_eq!((status, &view["undo_run_id"]), (200, &json!(null)), "{view}");
    let call = view["put_back"][0]["call_id"].clone();
    assert_eq!(view["put_back"][0]["paths"], json!(["new", "new/b"]));
    space.write("new/b", "by hand");
    let (status, problem) = undo(&id, json!({"call_id": call}));
    assert_eq!((status, &problem["type"]), (409, &json!("about:blank#changed_since")), "{problem}");
    assert_eq!(problem["left_alone"][0]["path"], "new/b");
    let (status, _) = undo(&id, json!({"whole": true}));
    assert_eq!((status, space.read("a").as_str()), (409, "A\n"));
    let (status, view) = undo(&id, json!({}));
    assert_eq!((status, view["left_alone"].as_array().unwrap().len()), (200, 1), "{view}");
    assert_eq!((space.read("a").as_str(), space.read("new/b").as_str()), ("a\n", "by hand"));
    space.write("new/b", "b\n");
    // The command asks the daemon.
    space.run(&["undo", &id]).expect(0);
    assert_eq!(tree(&space.root()), before);
    for (run, body, expected) in [
        (nothing.as_str(), json!({}), 409),
        (nothing.as_str(), json!({"call_id": call}), 404),
        ("run_00000000000000000000000000000000", json!({}), 404),
        (id.as_str(), json!({"call": "x"}), 422),
    ] {
        let (status, problem) = undo(run, body.clone());
        assert_eq!(status, expected, "{run} {body}: {problem}");
    }
}
