//! What the tool does around the cell: arguments, copies, the allowlist, and what it says beforehand.

use serde_json::{Value, json};

use crate::contracts::{ErrorKind, Network, Obligation};
use crate::ports::Ending;
use crate::tools::dispatch::perform;
use crate::tools::fixture::{Bench, Script};

const TOOL: &str = "sandbox_worker_run";

fn fine(stdout: &str) -> Script {
    Script { ending: Ending::Exited(0), stdout: stdout.into(), stderr: Vec::new() }
}

#[test]
fn arguments_that_say_nothing_or_too_much_are_refused() {
    let bench = Bench::new();
    for args in [
        json!({}),
        json!({"action": "dance"}),
        json!({"action": "download"}),
        json!({"action": "download", "url": "ftp://example.org/x"}),
        json!({"action": "download", "url": "https://user@example.org/x"}),
        json!({"action": "download", "url": "https://example.org/x", "sha256": "12"}),
        json!({"action": "download", "url": "https://example.org/x", "name": "../x"}),
        json!({"action": "download", "url": "https://example.org/x", "tree": "x"}),
        json!({"action": "unpack", "archive": "a", "source": "b"}),
        json!({"action": "unpack", "command": ["ls"]}),
        json!({"action": "scan", "tree": "a", "workdir": "b"}),
        json!({"action": "scan", "tree": ".."}),
        json!({"action": "command"}),
        json!({"action": "command", "command": ["a\0"]}),
        json!({"action": "command", "command": ["ls"], "artifacts": ["[z-a]"]}),
    ] {
        assert_eq!(bench.kind(TOOL, args.clone()), ErrorKind::BadArguments, "{args}");
    }
    assert!(bench.ran().is_empty());
}

#[test]
fn a_dry_run_says_exactly_what_would_happen() {
    let bench = Bench::new();
    for (args, would) in [
        (
            json!({"action": "download", "url": "https://example.org/x"}),
            "would get `https://example.org/x`, at most 67108864 bytes, as `archive`",
        ),
        (
            json!({"action": "unpack"}),
            "would unpack the download `archive` into a new directory `tree`: at most 100000 entries",
        ),
        (
            json!({"action": "unpack", "source": "v/a.tgz", "name": "t"}),
            "`v/a.tgz` of the workspace into a new directory `t`",
        ),
        (json!({"action": "scan", "workdir": "."}), "a copy of `.`"),
        (json!({"action": "build"}), "would run what builds it"),
        (
            json!({"action": "command", "command": ["make", "x y"]}),
            "would run \"make\" \"x y\" in the tree `tree`",
        ),
    ] {
        let call = bench.tool_call(TOOL, args);
        let data = perform(&call, &[Obligation::DryRun], bench.context()).data.unwrap();
        assert!(data["would"].as_str().unwrap().contains(would), "{data}");
    }
    assert!(bench.ran().is_empty());
}

#[test]
fn a_command_gets_a_copy_its_caches_and_nothing_else() {
    let bench = Bench::with_programs();
    bench.file("a.txt", "a");
    bench.file("sub/b.txt", "b");
    bench.file(".env", "KEY=1");
    bench.file("keys/server.key", "1");
    bench.file(".git/objects/x", "x");
    bench.file("target/debug/x", "x");
    std::os::unix::fs::symlink("a.txt", bench.path("in")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", bench.path("out")).unwrap();
    std::os::unix::fs::symlink("sub/../../x", bench.path("odd")).unwrap();
    let args = json!({"action": "command", "command": ["find", ".", "-print"], "workdir": "."});
    let output = bench.call(TOOL, args);
    assert_eq!(output.error, None);
    let data = output.data.unwrap();
    let mut seen: Vec<&str> = data["stdout"].as_str().unwrap().lines().collect();
    seen.sort_unstable();
    assert_eq!(seen, [".", "./a.txt", "./in", "./keys", "./sub", "./sub/b.txt"]);
    assert!(output.logs[0].contains("entries were not copied"), "{:?}", output.logs);
    let [spec] = bench.ran().try_into().unwrap();
    assert_eq!(spec.confinement.network, Network::None);
    assert_eq!(spec.confinement.write.len(), 2);
    assert!(spec.confinement.read.iter().all(|path| !path.starts_with(bench.root())));
    let home = spec.env.iter().find(|(name, _)| name == "CARGO_HOME").unwrap();
    assert!(home.1.ends_with("/caches/cargo"), "{home:?}");
    assert!(!spec.cwd.exists(), "the copy is gone");
}

#[test]
fn artifacts_come_back_also_from_what_failed() {
    let bench = Bench::with_programs();
    bench.file("Makefile", "test:\n\techo report > out.xml\n\tfalse\n");
    let args = json!({"action": "test", "workdir": ".", "artifacts": ["*.xml", "none*"]});
    let output = bench.call(TOOL, args);
    assert_eq!(output.error.unwrap().kind, ErrorKind::ExitStatus);
    let [artifact] = output.artifacts.try_into().unwrap();
    assert_eq!(
        (artifact.artifact.name.as_str(), artifact.content),
        ("out.xml", b"report\n".to_vec())
    );
    assert_eq!(output.data.unwrap()["command"], json!(["make", "test"]));
    assert!(!bench.path("out.xml").exists());
}

#[test]
fn programs_that_are_not_in_the_list_are_refused() {
    let mut bench = Bench::new();
    let args = |words: Value| json!({"action": "command", "command": words});
    let error = bench.error(TOOL, args(json!(["bash", "-c", "ls"])));
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(error.message.contains("`bash -c` is not in the worker's list"), "{}", error.message);
    bench.context_mut().away.argv = vec!["just ci".to_owned()];
    assert_eq!(bench.kind(TOOL, args(json!(["cargo", "check"]))), ErrorKind::Forbidden);
    bench.script(vec![fine("done")]);
    assert_eq!(bench.ok(TOOL, args(json!(["just", "ci"])))["stdout"], "done");
}

#[test]
fn what_was_not_made_before_is_named() {
    let bench = Bench::new();
    bench.file("empty/x", "");
    for (args, kind, says) in [
        (json!({"action": "unpack"}), ErrorKind::NotFound, "no download `archive`"),
        (json!({"action": "unpack", "source": "none.tgz"}), ErrorKind::NotFound, "none.tgz"),
        (json!({"action": "unpack", "source": "/etc/passwd"}), ErrorKind::Forbidden, "passwd"),
        (json!({"action": "scan"}), ErrorKind::NotFound, "no tree `tree`"),
        (json!({"action": "build", "tree": "other"}), ErrorKind::NotFound, "no tree `other`"),
        (
            json!({"action": "build", "workdir": "empty"}),
            ErrorKind::NotFound,
            "nothing here says how to build",
        ),
    ] {
        let error = bench.error(TOOL, args.clone());
        assert_eq!(error.kind, kind, "{args}");
        assert!(error.message.contains(says), "{args}: {}", error.message);
    }
    bench.context();
    assert!(bench.ran().is_empty());
}

#[test]
fn without_a_place_of_its_own_nothing_is_done() {
    let mut bench = Bench::new();
    bench.context_mut().away.area = None;
    assert_eq!(bench.kind(TOOL, json!({"action": "unpack"})), ErrorKind::Unavailable);
}
