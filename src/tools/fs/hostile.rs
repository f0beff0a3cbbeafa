//! Every way out that a path can name, tried through the tools.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::{CWD, Mode};
use serde_json::json;

use crate::contracts::ErrorKind;
use crate::tools::fixture::Bench;

fn read(bench: &Bench, path: &str) -> Result<String, (ErrorKind, String)> {
    let output = bench.call("read_text", json!({ "path": path }));
    match output.error {
        Some(error) => Err((error.kind, error.message)),
        None => Ok(output.data.unwrap()["text"].as_str().unwrap().to_owned()),
    }
}

fn write(bench: &Bench, path: &str) -> Result<(), (ErrorKind, String)> {
    let args = json!({ "path": path, "text": "pwned" });
    let kept = bench.snapshot("write_text", args.clone()).map(drop);
    let written = bench.call("write_text", args).error.map_or(Ok(()), Err);
    assert_eq!(kept.is_ok(), written.is_ok(), "{path:?}: snapshot and write differ");
    written.map_err(|error| (error.kind, error.message))
}

#[track_caller]
fn forbidden<T: std::fmt::Debug>(path: &str, result: Result<T, (ErrorKind, String)>) -> String {
    let (kind, message) = result.expect_err(path);
    assert_eq!(kind, ErrorKind::Forbidden, "{path:?}: {message}");
    message
}

#[test]
fn nothing_outside_the_roots_is_read() {
    let bench = Bench::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    symlink(outside.path().join("secret"), bench.path("file-link")).unwrap();
    symlink(outside.path(), bench.path("dir-link")).unwrap();
    symlink("/proc/self/root", bench.path("magic")).unwrap();
    symlink("/proc/self/cwd", bench.path("cwd")).unwrap();
    symlink("loop", bench.path("loop")).unwrap();
    symlink("../../../../../../etc/passwd", bench.path("up")).unwrap();
    let absolute = outside.path().join("secret").display().to_string();
    for path in [
        absolute.as_str(),
        "/etc/passwd",
        "../../etc/passwd",
        "x/../../../etc/passwd",
        "file-link",
        "dir-link/secret",
        "magic/etc/passwd",
        "cwd/Cargo.toml",
        "loop",
        "up",
        "/proc/self/environ",
    ] {
        forbidden(path, read(&bench, path));
        for tool in ["list_dir", "git_status", "git_diff"] {
            let kind = bench.kind(tool, json!({ "path": path }));
            assert_eq!(kind, ErrorKind::Forbidden, "{tool} {path}");
        }
        let kind = bench.kind("search_text", json!({ "path": path, "pattern": "secret" }));
        assert_eq!(kind, ErrorKind::Forbidden, "search_text {path}");
    }
    let message = forbidden("", read(&bench, "dir-link/secret"));
    assert!(message.contains("dir-link` is a symbolic link to"), "{message}");
    assert!(message.contains(&outside.path().display().to_string()), "{message}");
}

#[test]
fn nothing_outside_the_roots_is_written() {
    let bench = Bench::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("file"), "kept").unwrap();
    symlink(outside.path(), bench.path("dir-link")).unwrap();
    symlink(outside.path().join("file"), bench.path("file-link")).unwrap();
    symlink(outside.path().join("new"), bench.path("dangling")).unwrap();
    symlink(outside.path().join("newdir"), bench.path("dangling-dir")).unwrap();
    symlink("/proc/self/root", bench.path("magic")).unwrap();
    let inside = format!("{}/x", outside.path().display());
    for path in [
        inside.as_str(),
        "../x",
        "a/../../x",
        "dir-link/new",
        "dir-link/file",
        "dir-link/new/deep",
        "file-link",
        "dangling",
        "dangling-dir/x",
        "magic/tmp/x",
    ] {
        forbidden(path, write(&bench, path));
    }
    let names: Vec<_> = fs::read_dir(outside.path()).unwrap().map(|e| e.unwrap()).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(fs::read_to_string(outside.path().join("file")).unwrap(), "kept");
}

#[test]
fn links_that_stay_inside_are_ways() {
    let bench = Bench::new();
    bench.file("real/a", "a");
    symlink("real", bench.path("way")).unwrap();
    symlink("real/a", bench.path("link")).unwrap();
    assert_eq!(read(&bench, "way/a").unwrap(), "a");
    assert_eq!(read(&bench, "link").unwrap(), "a");
    write(&bench, "way/b").unwrap();
    assert_eq!(fs::read_to_string(bench.path("real/b")).unwrap(), "pwned");
    let message = forbidden("link", write(&bench, "link"));
    assert!(message.contains("name the file that it points to"), "{message}");
    assert_eq!(fs::read_to_string(bench.path("real/a")).unwrap(), "a");
}

#[test]
fn what_governs_the_runner_is_never_written() {
    let bench = Bench::new();
    bench.file("policies/x.yaml", "schema: 1");
    bench.file(".git/config", "[core]");
    bench.file("free/file", "");
    symlink("policies", bench.path("way")).unwrap();
    symlink("../policies", bench.path("free/up")).unwrap();
    symlink("policies/x.yaml", bench.path("alias")).unwrap();
    fs::hard_link(bench.path("policies/x.yaml"), bench.path("twin")).unwrap();
    for path in [
        "policies/x.yaml",
        "policies/new.yaml",
        "policies/new/deep.yaml",
        "./policies//x.yaml",
        "free/../policies/x.yaml",
        "way/x.yaml",
        "way/new.yaml",
        "way/new/deep.yaml",
        "free/up/new.yaml",
        "alias",
        "twin",
        ".env",
        ".env/x",
        "config",
        "config/bailiwick.yaml",
        "memory/kv/new/x.yaml",
        ".bailiwick/state.db",
        ".git/config",
        ".git/hooks",
        ".git/hooks/pre-commit",
        "logs/tools_audit.jsonl",
    ] {
        forbidden(path, write(&bench, path));
    }
    assert_eq!(fs::read_to_string(bench.path("policies/x.yaml")).unwrap(), "schema: 1");
    for made in [".env", "config", "memory", ".bailiwick", ".git/hooks", "logs", "policies/new"] {
        assert!(!bench.path(made).exists(), "{made} was made");
    }
    for near in ["policies.txt", "policy/x", ".envrc", "free/.env", "free/policies/x", ".gitignore"]
    {
        write(&bench, near).unwrap();
    }
}

#[test]
fn no_file_takes_the_place_of_a_directory_that_governs() {
    let bench = Bench::new();
    let message = forbidden(".git", write(&bench, ".git"));
    assert!(message.contains("governs the runner"), "{message}");
    assert!(!bench.path(".git").exists());
}

#[test]
fn a_protected_directory_is_known_by_identity_too() {
    let bench = Bench::new();
    bench.file("shared/x.yaml", "schema: 1");
    symlink("shared", bench.path("policies")).unwrap();
    for path in ["shared/x.yaml", "shared/new.yaml", "shared/deep/new.yaml", "policies/new.yaml"] {
        forbidden(path, write(&bench, path));
    }
    assert!(!bench.path("shared/deep").exists());
}

#[test]
fn a_link_to_what_governs_or_to_a_secret_is_not_read_through() {
    let bench = Bench::new();
    bench.file(".env", "TOKEN=1");
    symlink(".env", bench.path("notes.txt")).unwrap();
    bench.file("certs/server.key", "KEY");
    symlink("certs/server.key", bench.path("public.txt")).unwrap();
    forbidden("public.txt", read(&bench, "public.txt"));
    assert_eq!(read(&bench, "certs/server.key").unwrap(), "KEY");
    let message = forbidden("notes.txt", read(&bench, "notes.txt"));
    assert!(message.contains("name it directly"), "{message}");
    assert_eq!(read(&bench, ".env").unwrap(), "TOKEN=1", "policy decides about the name itself");
}

#[test]
fn only_regular_files_are_read_and_written() {
    let mut bench = Bench::new();
    rustix::fs::mkfifoat(CWD, bench.path("fifo"), Mode::from_raw_mode(0o666)).unwrap();
    let _socket = UnixListener::bind(bench.path("socket")).unwrap();
    fs::create_dir(bench.path("dir")).unwrap();
    bench.confine(|walls| {
        walls.read.push("/dev".into());
        walls.write.push("/dev".into());
    });
    for path in ["fifo", "socket", "/dev/zero", "/dev/null", "/dev/tty"] {
        let kinds = [read(&bench, path).map(drop), write(&bench, path)];
        for result in kinds {
            let (kind, message) = result.expect_err(path);
            let expected = matches!(kind, ErrorKind::BadContent | ErrorKind::NotFound);
            assert!(expected, "{path}: {kind:?} {message}");
        }
    }
    assert!(fs::metadata(bench.path("fifo")).unwrap().file_type().is_fifo());
    assert_eq!(write(&bench, "dir").unwrap_err().0, ErrorKind::Conflict);
    assert_eq!(write(&bench, "fifo/x").unwrap_err().0, ErrorKind::NotFound);
    let found = bench.ok("search_text", json!({"path": ".", "pattern": "x"}));
    assert_eq!(found["files_searched"], 0);
    let listed = bench.ok("list_dir", json!({"path": "."}));
    assert_eq!(listed["entries"][1]["kind"], "other");
}

#[test]
fn a_root_may_be_one_file_or_a_directory_still_to_be_made() {
    let mut bench = Bench::new();
    bench.file("src/main.rs", "main");
    bench.file("src/other.rs", "other");
    let (file, reports) = (bench.path("src/main.rs"), bench.path("out/reports"));
    bench.confine(|walls| {
        walls.read = vec![file.clone()];
        walls.write = vec![file, reports];
    });
    assert_eq!(read(&bench, "src/main.rs").unwrap(), "main");
    forbidden("src/other.rs", read(&bench, "src/other.rs"));
    forbidden("src", read(&bench, "src"));
    write(&bench, "src/main.rs").unwrap();
    forbidden("src/other.rs", write(&bench, "src/other.rs"));
    forbidden("src/main.rs/x", write(&bench, "src/main.rs/x").map_err(as_forbidden));
    write(&bench, "out/reports/deep/a.md").unwrap();
    forbidden("out/b.md", write(&bench, "out/b.md"));
    assert_eq!(fs::read_dir(bench.path("src")).unwrap().count(), 2);
}

/// Below a file there is nothing: any refusal will do.
fn as_forbidden((_, message): (ErrorKind, String)) -> (ErrorKind, String) {
    (ErrorKind::Forbidden, message)
}

#[test]
fn a_link_cannot_stand_in_for_a_root() {
    let mut bench = Bench::new();
    bench.file("policies/x", "");
    bench.file("src/x", "src");
    symlink("src", bench.path("reports")).unwrap();
    let root = bench.path("reports");
    bench.confine(|walls| {
        walls.read = vec![root.clone()];
        walls.write = vec![root];
    });
    let message = forbidden("reports/x", read(&bench, "reports/x"));
    assert!(message.contains("reports` is a symbolic link to `src`"), "{message}");
    forbidden("reports/x", write(&bench, "reports/x"));
    forbidden("reports", write(&bench, "reports"));
    assert_eq!(fs::read_to_string(bench.path("src/x")).unwrap(), "src");
}

#[test]
fn no_roots_grant_nothing() {
    let mut bench = Bench::new();
    bench.file("a", "a");
    bench.confine(|walls| {
        walls.read = vec!["relative".into(), ".".into()];
        walls.write.clear();
    });
    forbidden("a", read(&bench, "a"));
    let message = forbidden("a", write(&bench, "a"));
    assert!(message.contains("may write nothing only") || message.contains("nothing"), "{message}");
}

#[test]
fn what_the_system_refuses_is_refused_in_words() {
    let bench = Bench::new();
    if rustix::process::geteuid().is_root() {
        eprintln!("skipped: to root the system refuses nothing");
        return;
    }
    bench.file("closed/a", "a");
    bench.file("hidden/a", "a");
    fs::set_permissions(bench.path("hidden/a"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(bench.path("closed"), fs::Permissions::from_mode(0o555)).unwrap();
    for path in ["closed/new", "closed/new/deep", "closed/a"] {
        let error = bench.error("write_text", json!({"path": path, "text": "x"}));
        assert_eq!(error.kind, ErrorKind::Forbidden, "{path}");
        assert!(error.message.contains("the system does not permit it"), "{}", error.message);
    }
    assert_eq!(fs::read_to_string(bench.path("closed/a")).unwrap(), "a");
    forbidden("hidden/a", read(&bench, "hidden/a"));
    fs::set_permissions(bench.path("hidden"), fs::Permissions::from_mode(0o000)).unwrap();
    let output = bench.call("search_text", json!({"path": ".", "pattern": "a"}));
    assert_eq!(output.logs, ["`hidden` was not searched: it may not be read"]);
    for dir in ["closed", "hidden"] {
        fs::set_permissions(bench.path(dir), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// Mounts for a test; gone when it ends.
struct Mount<'a>(&'a Path);

#[allow(clippy::disallowed_methods, reason = "a test that needs a mount")]
fn mount(args: &[&str], at: &Path) -> bool {
    let output = std::process::Command::new("mount").args(args).arg(at).output();
    output.is_ok_and(|output| output.status.success())
}

impl<'a> Mount<'a> {
    fn new(args: &[&str], at: &'a Path) -> Option<Self> {
        mount(args, at).then(|| Self(at))
    }
}

impl Drop for Mount<'_> {
    #[allow(clippy::disallowed_methods, reason = "a test that needs a mount")]
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_a_read_only_one_and_a_bind_mount_leave_all_as_it_was() {
    let bench = Bench::new();
    bench.file("policies/x.yaml", "schema: 1");
    let (disk, twin) = (bench.path("disk"), bench.path("twin"));
    fs::create_dir(&disk).unwrap();
    fs::create_dir(&twin).unwrap();
    let Some(mounted) = Mount::new(&["-t", "tmpfs", "-o", "size=64k", "tmpfs"], &disk) else {
        eprintln!("skipped: this test needs to mount, as root");
        return;
    };
    bench.ok("write_text", json!({"path": "disk/a", "text": "small"}));
    let big = "x".repeat(200_000);
    let error = bench.error("write_text", json!({"path": "disk/a", "text": big}));
    assert_eq!(error.kind, ErrorKind::Io);
    assert!(error.message.contains("no space"), "{}", error.message);
    assert_eq!(fs::read_to_string(disk.join("a")).unwrap(), "small");
    assert_eq!(fs::read_dir(&disk).unwrap().count(), 1, "a temporary file was left");
    assert!(mount(&["-o", "remount,ro"], &disk));
    let kind = bench.kind("write_text", json!({"path": "disk/a", "text": "x"}));
    assert_eq!(kind, ErrorKind::Forbidden);
    drop(mounted);
    let policies = bench.path("policies").display().to_string();
    let _bound = Mount::new(&["--bind", &policies], &twin).unwrap();
    forbidden("twin/new.yaml", write(&bench, "twin/new.yaml"));
    forbidden("twin/x.yaml", write(&bench, "twin/x.yaml"));
    forbidden("twin/deep/x.yaml", write(&bench, "twin/deep/x.yaml"));
    assert_eq!(fs::read_dir(bench.path("policies")).unwrap().count(), 1);
}
