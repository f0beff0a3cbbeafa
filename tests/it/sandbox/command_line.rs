//! `sandbox exec` and `sandbox probe` as a person meets them.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::{BINARY, place, text};

fn bailiwick(directory: &Path, arguments: &[&str], input: &str) -> Output {
    #[allow(clippy::disallowed_methods, reason = "the test starts the program itself")]
    let mut child = Command::new(BINARY)
        .args(arguments)
        .current_dir(directory)
        .env("SECRET_OF_MINE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its input closes it; that is no failure of ours.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

#[test]
fn input_output_and_exit_code_pass_through_and_nothing_is_added() {
    let here = place();
    let script = "cat; echo err >&2; env | grep -c SECRET_OF_MINE; exit 7";
    let output = bailiwick(&here.path, &["sandbox", "exec", "--", "sh", "-c", script], "in\n");
    assert_eq!(output.status.code(), Some(7));
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("in\n0\n".into(), "err\n".into()));
    let killed = bailiwick(&here.path, &["sandbox", "exec", "--", "sh", "-c", "kill -9 $$"], "");
    assert_eq!(killed.status.code(), Some(137));
}

#[test]
fn it_reads_where_it_is_and_writes_only_what_it_was_given() {
    let (here, there) = (place(), place());
    fs::write(here.path.join("file"), "content").unwrap();
    let script = format!("cat file; touch x; touch {}/y", there.path.display());
    let run = |extra: &[&str]| {
        let mut arguments = vec!["sandbox", "exec"];
        arguments.extend(extra);
        arguments.extend(["--", "sh", "-c", &script]);
        bailiwick(&here.path, &arguments, "")
    };
    assert_eq!(text(&run(&[]).stdout), "content");
    assert!(!here.path.join("x").exists() && !there.path.join("y").exists());
    run(&["--rw", there.path.to_str().unwrap()]);
    assert!(!here.path.join("x").exists() && there.path.join("y").exists());
    run(&["--rw", "."]);
    assert!(here.path.join("x").exists());
}

#[test]
fn what_cannot_be_run_is_bad_usage_and_the_receipt_is_for_those_who_ask() {
    let here = place();
    let missing = bailiwick(&here.path, &["sandbox", "exec", "--", "no-such-program"], "");
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("`no-such-program`"));
    let asked = bailiwick(&here.path, &["sandbox", "exec", "-v", "--", "true"], "");
    assert!(text(&asked.stderr).contains("landlock:"), "{}", text(&asked.stderr));
}

#[test]
fn the_probe_speaks_json() {
    let here = place();
    let output = bailiwick(&here.path, &["sandbox", "probe", "--json"], "");
    let probe: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(probe["backend"], "linux");
    assert!(probe["layers"].as_array().unwrap().iter().all(|layer| layer["held"] == true));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_profile_holds_to_its_programs_and_a_layer_must_exist_to_be_missed() {
    let here = place();
    let exec = |more: &[&str]| {
        let mut arguments = vec!["sandbox", "exec"];
        arguments.extend(more);
        bailiwick(&here.path, &arguments, "")
    };
    let other = exec(&["--profile", "git", "--", "sh", "-c", "echo ran"]);
    assert_eq!((other.status.code(), text(&other.stdout).as_str()), (Some(2), ""));
    assert!(text(&other.stderr).contains("`sandbox.profiles.git.argv` lets run: git"));
    let unknown = exec(&["--without", "moat", "--", "true"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("no sandbox layer `moat`"), "{}", text(&unknown.stderr));
}

#[test]
fn doctor_looks_at_everything_and_says_what_to_do() {
    let here = place();
    let output = bailiwick(&here.path, &["doctor", "--json"], "");
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let items = said["items"].as_array().unwrap();
    let mut names: Vec<_> = items.iter().map(|item| item["name"].as_str().unwrap()).collect();
    names.dedup();
    let expected = [
        "workspace",
        "configuration",
        "trust",
        "state directory",
        "git",
        "policy",
        "sandbox",
        "store",
        "disk",
        "clock",
        "models",
    ];
    assert_eq!(names, expected);
    let bad: Vec<_> = items.iter().filter(|item| item["ok"] == false).collect();
    assert!(bad.iter().all(|item| item["fix"].is_string()), "{bad:?}");
    assert_eq!(said["ok"], bad.is_empty());
    assert_eq!(output.status.code(), Some(i32::from(!bad.is_empty())), "{bad:?}");
    let layers = items.iter().filter(|item| item["name"] == "sandbox").count();
    assert!(layers >= 11, "{items:#?}");
}

#[test]
fn the_helper_is_not_for_people() {
    let here = place();
    let output = bailiwick(&here.path, &["__cell"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("sandbox exec"));
}
