//! `sandbox exec` and `sandbox probe` as a person meets them.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::{BINARY, has, place, text};

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
        "browser",
        "embedder",
        "planner",
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

/// Files of a directory over HTTP, each request on a connection of its own; the port.
fn files_over_http(root: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines =
                BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let first = lines.next().unwrap_or_default();
            while lines.next().is_some_and(|line| !line.is_empty()) {}
            let path = first.split(' ').nth(1).unwrap_or("/").split('?').next().unwrap_or("/");
            let (status, body) = match fs::read(root.join(path.trim_start_matches('/'))) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)));
        }
    });
    port
}

#[test]
fn git_clones_from_a_listed_host_and_from_no_other() {
    if !has("git") {
        return;
    }
    let (there, here) = (place(), place());
    let make = "git init -q -b main src && cd src && echo hi > a && git add a && \
        git -c user.name=a -c user.email=a@b.c commit -qm one && cd .. && \
        git clone -q --bare src r.git && git -C r.git update-server-info";
    let path = there.path.to_str().unwrap();
    let made =
        bailiwick(&there.path, &["sandbox", "exec", "--rw", path, "--", "sh", "-c", make], "");
    assert!(made.status.success(), "{}", text(&made.stderr));
    let port = files_over_http(there.path.clone());
    let clone = |host: &str| {
        let url = format!("http://{host}:{port}/r.git");
        let hosts = format!("sandbox.proxy.hosts=['http://git.test:{port}']");
        let bound =
            "sandbox.proxy.allow_addresses={git.test: [127.0.0.1], other.test: [127.0.0.1]}";
        let settings = ["--set", "sandbox.profiles.shell_exec.net=proxy", "--set", &hosts];
        let command = ["--set", bound, "--rw", ".", "--", "git", "clone", "-q", &url, "clone"];
        let arguments = [["sandbox", "exec"].as_slice(), &settings, &command].concat();
        bailiwick(&here.path, &arguments, "")
    };
    let other = clone("other.test");
    assert!(text(&other.stderr).contains("other.test"), "{}", text(&other.stderr));
    assert!(!here.path.join("clone").exists());
    let listed = clone("git.test");
    assert!(listed.status.success(), "{}", text(&listed.stderr));
    assert_eq!(fs::read_to_string(here.path.join("clone/a")).unwrap(), "hi\n");
}
