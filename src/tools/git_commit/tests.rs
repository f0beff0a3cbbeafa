use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::*;
use crate::tools::fixture::{Bench, git, git_output};

fn repository() -> Bench {
    let bench = Bench::with_programs();
    git(bench.root(), &["init", "-q", "-b", "main"]);
    bench.file("a", "1\n2\n3\n");
    bench.file("b", "b\n");
    git(bench.root(), &["add", "."]);
    git(bench.root(), &["commit", "-qm", "first"]);
    bench
}

fn said(bench: &Bench, args: &[&str]) -> String {
    String::from_utf8(git_output(bench.root(), args).stdout).unwrap().trim().to_owned()
}

fn commit(bench: &Bench, message: &str) -> Value {
    bench.ok("git_commit", json!({"path": ".", "message": message}))
}

#[test]
fn commits_all_or_what_is_named() {
    let bench = repository();
    bench.file("a", "1\ntwo\n3\n");
    bench.file("b", "B\n");
    bench.file("new/c", "c\n");
    let data =
        bench.ok("git_commit", json!({"path": ".", "message": "one", "paths": ["new", "b"]}));
    assert_eq!(data["files"], json!(["b", "new/c"]));
    assert_eq!(data["commit"], said(&bench, &["rev-parse", "HEAD"]));
    assert_eq!(said(&bench, &["status", "--porcelain"]), "M a");
    fs::remove_file(bench.path("b")).unwrap();
    let data = commit(&bench, "all");
    assert_eq!(data["files"], json!(["a", "b"]));
    assert_eq!(said(&bench, &["status", "--porcelain"]), "");
    let kind = bench.kind("git_commit", json!({"path": ".", "message": "none"}));
    assert_eq!(kind, ErrorKind::Conflict);
}

#[test]
fn the_message_is_text_and_never_an_option() {
    let bench = repository();
    for message in
        ["--amend", "-F/etc/passwd", "# a comment\n\nbody", "$(touch pwned)", "ä\u{1b}[2J"]
    {
        bench.file("a", message);
        commit(&bench, message);
        let kept = said(&bench, &["log", "-1", "--format=%B"]);
        assert_eq!(kept, message, "{message:?}");
    }
    assert_eq!(said(&bench, &["rev-list", "--count", "HEAD"]), "6");
    assert!(!bench.path("pwned").exists());
    for args in [
        json!({"path": "."}),
        json!({"path": ".", "message": " \n"}),
        json!({"path": ".", "message": "a\u{0}b"}),
        json!({"path": ".", "message": "x", "revert": "abcdef0"}),
        json!({"path": ".", "revert": "--abort"}),
        json!({"path": ".", "revert": "HEAD~1"}),
        json!({"path": ".", "message": "x", "author_name": "a <b>"}),
        json!({"path": ".", "message": "x", "author_email": "a\nb"}),
    ] {
        assert_eq!(bench.kind("git_commit", args.clone()), ErrorKind::BadArguments, "{args}");
    }
}

#[test]
fn odd_names_are_names() {
    let bench = repository();
    for name in ["--amend", ":(top)x", "*", "a b", "ü\n"] {
        bench.file(name, "x");
        let data = bench.ok("git_commit", json!({"path": ".", "message": "m", "paths": [name]}));
        assert_eq!(data["files"], json!([name]));
    }
    assert_eq!(said(&bench, &["status", "--porcelain"]), "");
}

#[test]
fn somebody_is_always_named() {
    let bench = repository();
    let author = || said(&bench, &["log", "-1", "--format=%an <%ae> %cn"]);
    bench.file("a", "x");
    commit(&bench, "m");
    assert_eq!(author(), "Bailiwick <bailiwick@localhost> Bailiwick");
    bench.file("a", "y");
    let args = json!({"path": ".", "message": "m", "author_name": "Ann", "author_email": "ann@example.org"});
    bench.ok("git_commit", args);
    assert_eq!(author(), "Ann <ann@example.org> Bailiwick");
    git(bench.root(), &["config", "user.name", "Repo"]);
    git(bench.root(), &["config", "user.email", "r@example.org"]);
    bench.file("a", "z");
    commit(&bench, "m");
    assert_eq!(author(), "Repo <r@example.org> Repo");
}

#[test]
fn no_program_of_the_repository_runs() {
    let bench = repository();
    let touch = format!("touch {}", bench.path("pwned").display());
    for hook in
        ["pre-commit", "commit-msg", "post-commit", "prepare-commit-msg", "post-index-change"]
    {
        let path = format!(".git/hooks/{hook}");
        bench.file(&path, &format!("#!/bin/sh\n{touch}\n"));
        fs::set_permissions(bench.path(&path), fs::Permissions::from_mode(0o755)).unwrap();
    }
    for (key, value) in [
        ("core.fsmonitor", touch.as_str()),
        ("core.hooksPath", ".git/hooks"),
        ("commit.gpgSign", "true"),
        ("gpg.program", touch.as_str()),
        ("core.editor", touch.as_str()),
        ("diff.external", touch.as_str()),
        ("log.showSignature", "true"),
    ] {
        git(bench.root(), &["config", key, value]);
    }
    bench.file("a", "1\nx\n3\n");
    let made = commit(&bench, "m");
    bench.ok("git_log", json!({"path": "."}));
    bench.ok("git_commit", json!({"path": ".", "revert": made["commit"]}));
    assert!(!bench.path("pwned").exists());
    // What a filter would make of the content is not known here.
    git(bench.root(), &["config", "filter.x.clean", &touch]);
    bench.file(".gitattributes", "*.bin filter=x\n");
    bench.file("c.bin", "c");
    let kind = bench.kind("git_commit", json!({"path": ".", "message": "m"}));
    assert_eq!(kind, ErrorKind::Forbidden);
    git(bench.root(), &["config", "merge.x.driver", &touch]);
    let kind = bench
        .kind("git_commit", json!({"path": ".", "revert": said(&bench, &["rev-parse", "HEAD"])}));
    assert_eq!(kind, ErrorKind::Forbidden);
    assert!(!bench.path("pwned").exists());
}

#[test]
fn secrets_are_left_out() {
    let bench = repository();
    bench.file("deploy/id_rsa", "KEY");
    bench.file(".env", "TOKEN=1");
    let kind = bench.kind("git_commit", json!({"path": ".", "message": "m"}));
    assert_eq!(kind, ErrorKind::Conflict);
    bench.file("a", "x");
    let data = commit(&bench, "m");
    assert_eq!(data["files"], json!(["a"]));
    assert_eq!(data["left_out"], json!([".env", "deploy/id_rsa"]));
}

#[test]
fn a_commit_is_taken_back_once() {
    let bench = repository();
    bench.file("a", "1\ntwo\n3\n");
    bench.file("new", "n");
    let made = commit(&bench, "change");
    bench.file("b", "later\n");
    commit(&bench, "later");
    bench.file("untracked", "mine");
    let hash = made["commit"].clone();
    let data = bench.ok("git_commit", json!({"path": ".", "revert": hash}));
    assert_eq!((&data["committed"], &data["files"]), (&json!(true), &json!(["a", "new"])));
    assert_eq!(fs::read_to_string(bench.path("a")).unwrap(), "1\n2\n3\n");
    assert!(!bench.path("new").exists() && bench.path("untracked").exists());
    assert_eq!(fs::read_to_string(bench.path("b")).unwrap(), "later\n");
    let again = bench.ok("git_commit", json!({"path": ".", "revert": hash}));
    assert_eq!((&again["committed"], &again["commit"]), (&json!(false), &data["commit"]));
}

#[test]
fn a_reversal_with_conflicts_leaves_nothing_half_done() {
    let bench = repository();
    bench.file("a", "1\ntwo\n3\n");
    let made = commit(&bench, "change");
    let revert = json!({"path": ".", "revert": made["commit"]});
    // Changed since in another commit.
    bench.file("a", "1\nzwei\n3\n");
    commit(&bench, "again");
    let head = said(&bench, &["rev-parse", "HEAD"]);
    let error = bench.error("git_commit", revert.clone());
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.message.contains("conflicts in `a`"), "{}", error.message);
    assert_eq!(said(&bench, &["rev-parse", "HEAD"]), head);
    assert_eq!(said(&bench, &["status", "--porcelain"]), "");
    assert_eq!(fs::read_to_string(bench.path("a")).unwrap(), "1\nzwei\n3\n");
    // Changed since and not committed.
    git(bench.root(), &["reset", "-q", "--hard", "HEAD~1"]);
    bench.file("a", "1\ntwo\nby hand\n");
    let error = bench.error("git_commit", revert);
    assert_eq!(error.kind, ErrorKind::Conflict, "{}", error.message);
    assert_eq!(fs::read_to_string(bench.path("a")).unwrap(), "1\ntwo\nby hand\n");
    assert_eq!(said(&bench, &["status", "--porcelain"]), "M a");
}

#[test]
fn what_is_no_commit_to_take_back_is_refused() {
    let bench = repository();
    git(bench.root(), &["checkout", "-q", "-b", "side"]);
    bench.file("c", "c");
    let side = commit(&bench, "side");
    git(bench.root(), &["checkout", "-q", "main"]);
    bench.file("d", "d");
    commit(&bench, "main");
    for (hash, kind) in [
        (side["commit"].as_str().unwrap().to_owned(), ErrorKind::Conflict),
        ("0123456789".to_owned(), ErrorKind::NotFound),
        (said(&bench, &["rev-parse", "HEAD^{tree}"]), ErrorKind::NotFound),
    ] {
        assert_eq!(bench.kind("git_commit", json!({"path": ".", "revert": hash})), kind, "{hash}");
    }
    git(bench.root(), &["merge", "-q", "--no-edit", "side"]);
    let merge = said(&bench, &["rev-parse", "HEAD"]);
    assert_eq!(
        bench.kind("git_commit", json!({"path": ".", "revert": merge})),
        ErrorKind::Conflict
    );
    fs::write(bench.path(".git/MERGE_HEAD"), format!("{merge}\n")).unwrap();
    bench.file("e", "e");
    let error = bench.error("git_commit", json!({"path": ".", "message": "m"}));
    assert!(error.message.contains("in the middle"), "{}", error.message);
}

#[test]
fn neither_repository_nor_paths_lie_outside() {
    let bench = repository();
    let outside = tempfile::tempdir().unwrap();
    git(outside.path(), &["init", "-q"]);
    let away = outside.path().display().to_string();
    assert_eq!(
        bench.kind("git_commit", json!({"path": away, "message": "m"})),
        ErrorKind::Forbidden
    );
    fs::create_dir(bench.path("plain")).unwrap();
    let none = Bench::with_programs();
    assert_eq!(none.kind("git_commit", json!({"path": ".", "message": "m"})), ErrorKind::NotFound);
}
