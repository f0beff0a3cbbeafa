use std::fs;
use std::path::Path;

use clap::Parser;
use serde_json::Value;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

/// What the command printed, and how it ended.
#[derive(Debug)]
struct Reply {
    text: String,
    exit: Exit,
}

fn call(root: &Path, json: bool, words: &[&str]) -> Result<Reply, CliError> {
    let line = Line::try_parse_from(["playbook"].iter().chain(words)).unwrap();
    let mut out = Vec::new();
    let exit = run(line.args, &Cx::plain(root, json), &mut out)?;
    Ok(Reply { text: String::from_utf8(out).unwrap(), exit })
}

fn workspace() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("playbooks")).unwrap();
    fs::write(root.path().join("playbooks/bad.yaml"), "schema: 1\nnme: x\n").unwrap();
    root
}

#[test]
fn lint_exits_2_on_a_mistake_and_0_without() {
    let root = workspace();
    let reply = call(root.path(), false, &["lint"]).unwrap();
    assert_eq!(reply.exit, Exit::Usage);
    assert!(reply.text.contains("playbooks/bad.yaml:2:1"), "{}", reply.text);
    assert!(reply.text.contains("2 | nme: x"), "{}", reply.text);
    assert!(reply.text.contains("did you mean `name`?"), "{}", reply.text);
    assert!(reply.text.ends_with("4 errors in 1 playbook\n"), "{}", reply.text);
    let empty = tempfile::tempdir().unwrap();
    let reply = call(empty.path(), false, &["lint"]).unwrap();
    assert_eq!((reply.exit, reply.text.as_str()), (Exit::Done, "no mistakes in 5 playbooks\n"));
}

#[test]
fn lint_answers_programs_in_json_and_sarif() {
    let root = workspace();
    for words in
        [&["lint", "--format", "json"][..], &["lint", "playbooks/bad.yaml", "--format", "json"]]
    {
        let reply = call(root.path(), false, words).unwrap();
        let json: Value = serde_json::from_str(&reply.text).unwrap();
        let item =
            json["items"].as_array().unwrap().iter().find(|i| i["code"] == "unknown-key").unwrap();
        assert_eq!((&item["line"], &item["column"]), (&json!(2), &json!(1)));
        assert_eq!(item["file"], "playbooks/bad.yaml");
    }
    let by_flag: Value =
        serde_json::from_str(&call(root.path(), true, &["lint"]).unwrap().text).unwrap();
    assert!(by_flag["items"].is_array());
    let sarif = call(root.path(), true, &["lint", "--format", "sarif"]).unwrap();
    let sarif: Value = serde_json::from_str(&sarif.text).unwrap();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 4);
    assert_eq!(call(root.path(), false, &["lint", "nope"]).unwrap_err().exit, Exit::Usage);
}

#[test]
fn plan_shows_what_each_step_may_touch() {
    let root = tempfile::tempdir().unwrap();
    let text = call(root.path(), false, &["plan", "edit-test-report"]).unwrap().text;
    insta::assert_snapshot!(text, @r#"
    edit-test-report · <built-in>/playbooks/edit-test-report.yaml
    Edit a file, run a test command, and write a report.

    steps
      edit             write_text  risk medium, idempotent
                         writes ${{ inputs.file }}
      check            read_text  risk low, read
                         reads ${{ inputs.file }}
      test             shell_exec  risk medium, idempotent
                         reads .
                         reads ${{ inputs.file }}
                         reads ${{ inputs.workdir }}
                         writes ${{ inputs.file }}
                         writes ${{ inputs.report }}
                         writes scratch/
                         runs "${{ inputs.command }}"
      report           write_text  risk medium, idempotent
                         writes ${{ inputs.report }}

    verify  steps.check.data.text == inputs.text
    verify  steps.test.ok
    verify  steps.report.ok

    may touch
      tools    write_text, read_text, shell_exec
      read     ., ${{ inputs.file }}, ${{ inputs.workdir }}
      write    ${{ inputs.file }}, ${{ inputs.report }}, scratch/
      network  nothing
      secrets  nothing
      budget   20 calls, 4 retries, 10m

    approvals
      none in the playbook; policy may still ask
    "#);
    let json: Value =
        serde_json::from_str(&call(root.path(), true, &["plan", "repo-health"]).unwrap().text)
            .unwrap();
    assert_eq!(json["steps"][0]["tools"], json!(["git_status"]));
    assert_eq!(json["steps"][0]["reads"], json!(["${{ inputs.repo }}"]));
    assert_eq!(json["steps"][6]["writes"], json!(["reports/health.md"]));
    assert_eq!(json["approvals"], json!([]));
    let bad = call(workspace().path(), false, &["plan", "bad"]).unwrap_err();
    assert_eq!((bad.exit, bad.diagnostics.len()), (Exit::Usage, 4));
}

#[test]
fn ls_shows_files_with_mistakes_too() {
    let root = workspace();
    let text = call(root.path(), false, &["ls"]).unwrap().text;
    assert!(text.contains("bad  not used: 4 errors"), "{text}");
    let json: Value =
        serde_json::from_str(&call(root.path(), true, &["ls"]).unwrap().text).unwrap();
    assert_eq!(json["items"][0]["ok"], false);
    let empty = tempfile::tempdir().unwrap();
    assert!(call(empty.path(), false, &["ls"]).unwrap().text.contains("inside the program"));
}

#[test]
fn a_playbook_cannot_speak_to_the_terminal() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("playbooks")).unwrap();
    let (_, good) = crate::live::playbooks::SHIPPED[0];
    let name = good.lines().find(|line| line.starts_with("description:")).unwrap();
    let evil = good.replacen(name, r#"description: "x\e[2J\u202Ey""#, 1);
    fs::write(root.path().join("playbooks/evil.yaml"), evil).unwrap();
    fs::write(root.path().join("playbooks/bad.yaml"), "schema: 1\n\"n\\e[2Jme\": x\n").unwrap();
    for words in [&["ls"][..], &["lint"], &["plan", "playbooks/evil.yaml"]] {
        for json in [false, true] {
            let text = call(root.path(), json, words).unwrap().text;
            assert!(text.contains("[2J"), "{words:?}: {text}");
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{words:?}: {text:?}");
        }
    }
}

#[test]
fn test_compares_what_was_played_with_what_was_expected() {
    let root = tempfile::tempdir().unwrap();
    let reply = call(root.path(), false, &["test"]).unwrap();
    assert_eq!(reply.exit, Exit::Done, "{}", reply.text);
    let sound = "ok    repo-health: a clean repository gets a report";
    assert!(reply.text.contains(sound), "{}", reply.text);
    fs::create_dir(root.path().join("playbooks")).unwrap();
    for (path, source) in crate::live::playbooks::SHIPPED {
        let wrong = source.replace("outcome: failed", "outcome: denied");
        fs::write(root.path().join(path), wrong).unwrap();
    }
    let reply = call(root.path(), false, &["test"]).unwrap();
    assert_eq!(reply.exit, Exit::Failed, "{}", reply.text);
    assert!(reply.text.contains("ended `failed`, expected `denied`"), "{}", reply.text);
    let json: Value =
        serde_json::from_str(&call(root.path(), true, &["test"]).unwrap().text).unwrap();
    assert_eq!(json["items"].as_array().unwrap().len(), 13);
}

#[test]
fn schema_is_json() {
    let text = call(tempfile::tempdir().unwrap().path(), false, &["schema"]).unwrap().text;
    let schema: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(schema["title"], "Bailiwick playbook");
}
