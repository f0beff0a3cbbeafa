//! What is refused: with a reason, the right exit code, and a line in the audit log.

use std::os::unix::fs::symlink;

use super::harness::Space;

/// A playbook of one call, with the widest permissions it can state.
fn one_call(tool: &str, args: &str) -> String {
    format!(
        "schema: 1\nname: one\ndescription: One call.\npermissions: {{ tools: [{tool}], read: [\"/\"], write: [\"/\"] }}\nsteps:\n  - {{ id: one, tool: {tool}, args: {args} }}\n"
    )
}

#[test]
fn calls_that_leave_their_bounds_are_refused_with_a_reason_and_audited() {
    let space = Space::new();
    std::fs::write(space.outside().join("secret.txt"), "outside").unwrap();
    symlink(space.outside().join("secret.txt"), space.path("link.txt")).unwrap();
    symlink(space.outside(), space.path("out")).unwrap();
    std::fs::create_dir(space.path("policies")).unwrap();
    let outside = space.outside().join("secret.txt").display().to_string();
    for (tool, args) in [
        ("read_text", format!("{{ path: \"{outside}\" }}")),
        ("read_text", "{ path: \"../secret.txt\" }".to_owned()),
        ("read_text", "{ path: link.txt }".to_owned()),
        ("read_text", "{ path: out/secret.txt }".to_owned()),
        ("read_text", "{ path: .env }".to_owned()),
        ("read_text", "{ path: /etc/shadow }".to_owned()),
        ("read_text", "{ path: /proc/self/environ }".to_owned()),
        ("list_dir", "{ path: out }".to_owned()),
        ("write_text", "{ path: policies/mine.yaml, text: x }".to_owned()),
        ("write_text", "{ path: Policies/../policies/mine.yaml, text: x }".to_owned()),
        ("write_text", "{ path: .git/hooks/post-checkout, text: x }".to_owned()),
        ("write_text", "{ path: .bailiwick/lock, text: x }".to_owned()),
        ("write_text", "{ path: out/new.txt, text: x }".to_owned()),
        ("write_text", "{ path: config/bailiwick.yaml, text: x }".to_owned()),
    ] {
        let playbook = space.write("one.yaml", &one_call(tool, &args));
        let before = space.audit().len();
        let ran = space.run(&["run", playbook.to_str().unwrap(), "--json"]).expect(3);
        let report = ran.json();
        let reason = report["decisions"][0]["reason"].as_str().unwrap();
        assert!(!reason.is_empty(), "{tool} {args}");
        let audit = space.audit();
        assert!(audit.len() > before, "{tool} {args} is not in the audit log");
        assert_eq!(audit.last().unwrap()["decision"], "deny", "{tool} {args}");
    }
    assert!(!space.path("policies/mine.yaml").exists());
    assert!(!space.outside().join("new.txt").exists());
    assert!(!space.path("config").exists());
}

#[test]
fn a_disabled_tool_is_refused_and_an_unknown_one_is_a_mistake() {
    let space = Space::new();
    space.run(&["tools", "disable", "read_text"]).expect(0);
    let playbook = space.write("one.yaml", &one_call("read_text", "{ path: README.md }"));
    space.run(&["run", playbook.to_str().unwrap()]).expect(3).says(&["read_text"]);
    assert_eq!(space.audit().last().unwrap()["decision"], "deny");
    space.run(&["tools", "enable", "read_text"]).expect(0);
    space.run(&["run", playbook.to_str().unwrap()]).expect(0);
    let playbook = space.write("one.yaml", &one_call("read_txt", "{ path: README.md }"));
    space.run(&["run", playbook.to_str().unwrap()]).expect(2).says(&["read_txt", "did you mean"]);
}

#[test]
fn switching_a_tool_leaves_a_trusted_workspace_trusted() {
    let space = Space::new();
    space.run(&["init"]).expect(0);
    space.run(&["tools", "disable", "read_text"]).expect(0);
    let shown = space.run(&["trust", "--show"]);
    assert!(!shown.stdout.contains("not trusted"), "{}", shown.stdout);
    space.run(&["tools", "call", "read_text", "--args", r#"{"path":"README.md"}"#]).expect(3);
}

#[test]
fn a_file_over_the_size_cap_is_cut_and_said() {
    let space = Space::new();
    space.write("big.txt", &"x".repeat(600 * 1024));
    let ran =
        space.run(&["tools", "call", "read_text", "--args", r#"{"path":"big.txt"}"#, "--json"]);
    let report = ran.expect(0).json();
    let data = &report["outputs"]["data"];
    assert_eq!(data["truncated"], true, "{}", data["bytes"]);
    assert!(data["text"].as_str().unwrap().len() <= 256 * 1024);
}

#[test]
fn a_command_sees_none_of_the_environment_and_cannot_write_elsewhere() {
    let space = Space::new();
    let args = r#"{"command":["printenv"]}"#;
    let mut command = space.command(&["tools", "call", "shell_exec", "--args", args, "--json"]);
    command.env("MY_TOKEN", "hunter2-hunter2");
    let ran = super::harness::Ran::of(command.output().unwrap()).expect(0);
    let stdout = ran.json()["outputs"]["data"]["stdout"].as_str().unwrap().to_owned();
    assert!(!stdout.contains("hunter2") && stdout.contains("PATH="), "{stdout}");
}

#[test]
fn wrong_usage_says_what_where_and_what_to_do() {
    let space = Space::new();
    let broken = space.write("broken.yaml", "schema: 1\nname: x\nsteps: 3\n");
    for (args, code, says) in [
        (vec!["runs", "show", "run_beef"], 2, vec!["nothing has run here yet"]),
        (vec!["verify"], 2, vec!["nothing has run here yet"]),
        (vec!["run", "no-such-playbook"], 2, vec!["no-such-playbook", "bailiwick playbook ls"]),
        (vec!["run", broken.to_str().unwrap()], 2, vec!["broken.yaml:3:"]),
        (vec!["run"], 2, vec!["--goal"]),
        (vec!["runs", "show", "run_beef"], 2, vec!["run_beef"]),
        (vec!["undo", "call_00000000000000000000000000000000"], 2, vec!["no call"]),
        (vec!["tools", "show", "nope"], 2, vec!["nope"]),
        (vec!["--workspace", "/no/such/dir", "runs", "ls"], 2, vec!["/no/such/dir"]),
        (vec!["run", "x.yaml", "--input", "novalue"], 2, vec!["x.yaml"]),
    ] {
        space.run(&args).expect(code).says(&says);
    }
}

#[test]
fn a_journal_that_came_with_a_clone_is_not_acted_on() {
    let (attacker, victim) = (Space::new(), Space::new());
    let playbook = attacker.write(
        "p.yaml",
        &one_call(
            "shell_exec",
            "{ command: [\"sh\", \"-c\", \"$0 owned > README.md\", \"echo\"] }",
        ),
    );
    attacker.run(&["run", playbook.to_str().unwrap()]).expect(4);
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .args([attacker.path(".bailiwick"), victim.path(".bailiwick")])
        .status()
        .unwrap();
    assert!(copied.success());
    let health = concat!(env!("CARGO_MANIFEST_DIR"), "/playbooks/repo-health.yaml");
    victim.run(&["run", health]).expect(6).says(&["was not made here", "move it away"]);
    victim.run(&["runs", "resume", "--all", "--yes-approve", "cmd.opaque"]).expect(6);
    assert!(victim.read("README.md").starts_with("# A project"));
}

#[test]
fn a_bare_name_is_a_playbook_and_not_a_file_that_lies_around() {
    let space = Space::new();
    space.write("repo-health", &one_call("list_dir", "{ path: . }"));
    space.run(&["run", "repo-health"]).expect(0).says(&["git_status"]);
}

#[test]
fn an_input_is_given_once() {
    let space = Space::new();
    let args = ["run", "repo-health", "--input", "repo=.", "--input", "repo=/"];
    space.run(&args).expect(2).says(&["twice"]);
}
