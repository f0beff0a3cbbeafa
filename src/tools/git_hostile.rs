//! Repositories that try to get a program run when somebody only looks at them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::json;

use super::fixture::{Bench, git, git_output};

/// A repository with a script that leaves a mark when it runs.
struct Trap {
    bench: Bench,
    script: PathBuf,
    mark: PathBuf,
}

impl Trap {
    fn new() -> Self {
        let bench = Bench::with_programs();
        git(bench.root(), &["init", "-q", "-b", "main"]);
        bench.file("a.txt", "one\ntwo\n");
        bench.file("same", "same\n");
        git(bench.root(), &["add", "."]);
        git(bench.root(), &["commit", "-q", "-m", "one"]);
        let (script, mark) = (bench.path(".git/evil.sh"), bench.path(".git/ran"));
        fs::write(&script, format!("#!/bin/sh\necho x >> '{}'\ncat\n", mark.display())).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        Self { bench, script, mark }
    }

    fn config(&self, key: &str, value: &str) {
        git(self.bench.root(), &["config", key, value]);
    }

    /// Changes files after the trap was set, so that git must look at their content; one of them
    /// only in its time.
    fn change(&self) {
        self.bench.file("a.txt", "one\n2\n");
        let file = fs::File::options().write(true).open(self.bench.path("same")).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1)).unwrap();
    }

    fn look(&self) {
        for args in [json!({"path": "."}), json!({"path": ".", "staged": true})] {
            self.bench.ok("git_diff", args);
        }
        let status = self.bench.ok("git_status", json!({"path": "."}));
        assert_eq!(status["changed"][0]["path"], "a.txt");
    }

    /// Whether git without our precautions falls into the trap.
    fn is_real(&self) -> bool {
        for args in [&["status"][..], &["diff"], &["-p", "diff"]] {
            git_output(self.bench.root(), args);
        }
        self.mark.exists()
    }
}

#[test]
fn no_setting_of_a_repository_gets_a_program_run() {
    let attributes = "* filter=evil diff=evil\n";
    for (key, attributes) in [
        ("core.fsmonitor", ""),
        ("filter.evil.clean", attributes),
        ("filter.evil.process", attributes),
        ("filter.EVIL=x.clean", "* filter=EVIL=x\n"),
        ("diff.external", ""),
        ("diff.evil.command", attributes),
        ("diff.evil.textconv", attributes),
    ] {
        let trap = Trap::new();
        let evil = trap.script.to_str().unwrap();
        trap.config(key, evil);
        if key.starts_with("filter.") {
            let driver = key.rsplit_once('.').unwrap().0;
            trap.config(&format!("{driver}.required"), "true");
        }
        // Not in the work tree, where it would itself be a change.
        fs::create_dir_all(trap.bench.path(".git/info")).unwrap();
        fs::write(trap.bench.path(".git/info/attributes"), attributes).unwrap();
        trap.change();
        trap.look();
        assert!(!trap.mark.exists(), "`{key}` got its program run");
        assert!(trap.is_real(), "`{key}` is no trap, so the test says nothing");
    }
}

#[test]
fn settings_from_an_included_file_are_found_too() {
    let trap = Trap::new();
    let text = format!("[filter \"evil\"]\n\tclean = {}\n", trap.script.display());
    fs::write(trap.bench.path(".git/more"), text).unwrap();
    trap.config("include.path", "more");
    fs::create_dir_all(trap.bench.path(".git/info")).unwrap();
    fs::write(trap.bench.path(".git/info/attributes"), "* filter=evil\n").unwrap();
    trap.change();
    trap.look();
    assert!(!trap.mark.exists());
    assert!(trap.is_real());
}

#[test]
fn no_hook_runs() {
    let trap = Trap::new();
    let hooks = trap.bench.path(".git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    fs::copy(&trap.script, hooks.join("post-index-change")).unwrap();
    trap.change();
    trap.look();
    assert!(!trap.mark.exists());
    // Plain git rewrites its index, and calls the hook, only when it is sure that no file changed in
    // the same instant: give it that.
    let fell = (0..20).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        trap.change();
        trap.is_real()
    });
    assert!(fell);
}

#[test]
fn a_submodule_is_not_looked_into() {
    let trap = Trap::new();
    let sub = trap.bench.path("sub");
    fs::create_dir(&sub).unwrap();
    git(&sub, &["init", "-q", "-b", "main"]);
    fs::write(sub.join("x"), "x").unwrap();
    git(&sub, &["add", "."]);
    git(&sub, &["commit", "-q", "-m", "sub"]);
    git(trap.bench.root(), &["add", "sub"]);
    git(trap.bench.root(), &["commit", "-q", "-m", "with sub"]);
    git(&sub, &["config", "core.fsmonitor", trap.script.to_str().unwrap()]);
    trap.change();
    trap.look();
    assert!(!trap.mark.exists());
    assert!(trap.is_real());
}

#[test]
fn a_missing_object_is_not_fetched() {
    let trap = Trap::new();
    let url = format!("ext::sh -c touch% {}", trap.mark.display());
    for (key, value) in [
        ("core.repositoryFormatVersion", "1"),
        ("remote.evil.url", url.as_str()),
        ("remote.evil.promisor", "true"),
        ("extensions.partialClone", "evil"),
        ("protocol.ext.allow", "always"),
    ] {
        trap.config(key, value);
    }
    let blob = git_output(trap.bench.root(), &["rev-parse", "HEAD:a.txt"]).stdout;
    let blob = String::from_utf8(blob).unwrap();
    let (dir, file) = blob.trim().split_at(2);
    fs::remove_file(trap.bench.path(&format!(".git/objects/{dir}/{file}"))).unwrap();
    trap.change();
    assert!(trap.bench.call("git_diff", json!({"path": "."})).error.is_some());
    assert!(!trap.mark.exists(), "git went to fetch an object");
    assert!(trap.is_real());
}

#[test]
fn a_work_tree_elsewhere_is_none_of_ours() {
    let trap = Trap::new();
    trap.config("core.worktree", "/etc");
    let data = trap.bench.ok("git_status", json!({"path": "."}));
    assert_eq!(data["repository"], false);
}

#[test]
fn a_repository_above_the_roots_is_not_found() {
    let mut trap = Trap::new();
    trap.bench.file("inner/x", "x");
    let inner = trap.bench.path("inner");
    trap.bench.confine(|walls| walls.read = vec![inner]);
    let data = trap.bench.ok("git_status", json!({"path": "inner"}));
    assert_eq!(data["repository"], false);
}
