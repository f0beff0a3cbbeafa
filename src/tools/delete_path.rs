//! `delete_path`: removes a file, a symbolic link, or a directory with all that is in it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::changes::{self, Change, Changes};
use super::fs::{Node, shown};
use super::tree_of::tree_of;
use super::typed::{Answer, Call, Typed, about, path_arg};
use crate::contracts::{CallEffect, ErrorKind, Risk, ToolError};
use crate::ports::{Category, PathAccess, ToolDescriptor, Undo};

pub(super) struct DeletePath;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The file, symbolic link or directory; relative to the workspace, or absolute. A link itself is
    /// removed, never what it points to.
    #[schemars(length(min = 1))]
    path: String,
    /// Whether a directory is removed with all that is in it. Without it, only an empty one is.
    #[serde(default)]
    recursive: bool,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Data {
    /// What was removed, relative to the workspace where it lies in it.
    path: String,
    /// How many files and links were removed.
    files: u64,
    /// How many directories.
    directories: u64,
    /// Bytes of the files.
    bytes: u64,
}

impl Typed for DeletePath {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Removes a file, a symbolic link or a directory; all of it is kept for undo, and \
                    what cannot be kept is not removed.";
        ToolDescriptor {
            paths: path_arg("path", PathAccess::Delete),
            category: Some(Category::Destructive),
            undoable: true,
            ..about("delete_path", Risk::High, CallEffect::Idempotent, what)
        }
    }

    fn dry_run(&self, args: &Args) -> String {
        let path = args.path.escape_debug();
        match args.recursive {
            true => format!("would remove `{path}` and, of a directory, all that is in it"),
            false => format!("would remove `{path}`: a file, a link or an empty directory"),
        }
    }

    fn snapshot(&self, args: &Args, at: &Call<'_>) -> Result<Option<Undo>, ToolError> {
        changes::keep(at, || plan(args, at))
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let changes = changes::to_do(at, || plan(&args, at))?;
        changes.apply(at)?;
        let count = |of: fn(&Node) -> u64| changes.0.iter().map(|one| of(&one.before)).sum();
        let path = changes.0.last().map(|top| at.jail.relative_to_workspace(&top.path));
        Ok(Answer::of(Data {
            path: path.unwrap_or_default(),
            files: count(|node| u64::from(matches!(node, Node::File(_) | Node::Link(_)))),
            directories: count(|node| u64::from(matches!(node, Node::Dir(_)))),
            bytes: count(|node| match node {
                Node::File(current) => u64::try_from(current.bytes.len()).unwrap_or(u64::MAX),
                _ => 0,
            }),
        }))
    }
}

/// What is inside goes before what holds it.
fn plan(args: &Args, at: &Call<'_>) -> Result<Changes, ToolError> {
    let path = at.jail.absolute(&args.path)?;
    let place = at.jail.place(&path)?;
    let real = place.real();
    let tree = tree_of(&place, &at.jail, &at.watch)?;
    if tree.is_empty() {
        let message = format!("there is nothing at `{}`", shown(&real));
        return Err(ToolError::new(ErrorKind::NotFound, message));
    }
    if tree.len() > 1 && !args.recursive {
        let message = format!(
            "`{}` is a directory that is not empty: `recursive: true` removes it with all that is in it",
            shown(&real)
        );
        return Err(ToolError::new(ErrorKind::Conflict, message));
    }
    let gone = |(below, before): (std::path::PathBuf, Node)| {
        let path = if below.as_os_str().is_empty() { real.clone() } else { real.join(below) };
        Change { path, before, after: Node::Absent }
    };
    Ok(Changes(tree.into_iter().rev().map(gone).collect()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use rustix::fs::{CWD, Mode};
    use serde_json::json;

    use super::*;
    use crate::tools::fixture::Bench;

    #[test]
    fn removes_a_file_a_link_and_an_empty_directory() {
        let bench = Bench::new();
        bench.file("a", "abc");
        symlink("a", bench.path("link")).unwrap();
        fs::create_dir(bench.path("empty")).unwrap();
        let data = bench.ok("delete_path", json!({"path": "link"}));
        assert_eq!(data, json!({"path": "link", "files": 1, "directories": 0, "bytes": 0}));
        assert!(bench.path("a").exists(), "what a link points to stays");
        let data = bench.ok("delete_path", json!({"path": "a"}));
        assert_eq!(data, json!({"path": "a", "files": 1, "directories": 0, "bytes": 3}));
        let data = bench.ok("delete_path", json!({"path": "empty"}));
        assert_eq!(data["directories"], 1);
        assert_eq!(bench.kind("delete_path", json!({"path": "a"})), ErrorKind::NotFound);
        assert_eq!(fs::read_dir(bench.root()).unwrap().count(), 0);
    }

    #[test]
    fn a_directory_goes_only_when_that_was_said_and_keeps_all_of_it() {
        let bench = Bench::new();
        bench.file("dir/a", "a");
        bench.file("dir/deep/b", "bb");
        fs::create_dir(bench.path("dir/empty")).unwrap();
        symlink("../nowhere", bench.path("dir/link")).unwrap();
        let error = bench.error("delete_path", json!({"path": "dir"}));
        assert_eq!(error.kind, ErrorKind::Conflict);
        assert!(error.message.contains("recursive: true"), "{}", error.message);
        let args = json!({"path": "dir", "recursive": true});
        let undo = bench.snapshot("delete_path", args.clone()).unwrap().unwrap();
        assert_eq!(undo.entries.len(), 6);
        let data = bench.ok("delete_path", args);
        assert_eq!(data, json!({"path": "dir", "files": 3, "directories": 3, "bytes": 3}));
        assert!(!bench.path("dir").exists());
    }

    #[test]
    fn what_could_not_be_put_back_is_not_removed() {
        type Make = fn(&Bench);
        let cases: [(&str, Make, ErrorKind); 5] = [
            (
                "a pipe",
                |bench| {
                    let path = bench.path("dir/x");
                    rustix::fs::mkfifoat(CWD, path, Mode::from_raw_mode(0o666)).unwrap();
                },
                ErrorKind::BadContent,
            ),
            (
                "a second name",
                |bench| fs::hard_link(bench.path("dir/a"), bench.path("twin")).unwrap(),
                ErrorKind::Forbidden,
            ),
            (
                "a name that is not text",
                |bench| {
                    use std::os::unix::ffi::OsStrExt;
                    let name = std::ffi::OsStr::from_bytes(b"\xff");
                    fs::write(bench.path("dir").join(name), "").unwrap();
                },
                ErrorKind::BadContent,
            ),
            (
                "too large",
                |bench| {
                    let file = fs::File::create(bench.path("dir/big")).unwrap();
                    file.set_len(changes::KEPT_BYTES_MAX + 1).unwrap();
                },
                ErrorKind::TooLarge,
            ),
            ("a secret", |bench| bench.file("dir/id_rsa", "KEY"), ErrorKind::Forbidden),
        ];
        for (what, make, kind) in cases {
            let bench = Bench::new();
            bench.file("dir/a", "a");
            make(&bench);
            let before = fs::read_dir(bench.path("dir")).unwrap().count();
            let args = json!({"path": "dir", "recursive": true});
            assert_eq!(
                bench.snapshot("delete_path", args.clone()).unwrap_err().kind,
                kind,
                "{what}"
            );
            assert_eq!(bench.kind("delete_path", args), kind, "{what}");
            assert_eq!(fs::read_dir(bench.path("dir")).unwrap().count(), before, "{what}");
        }
    }

    #[test]
    fn what_governs_and_what_lies_outside_is_never_removed() {
        let bench = Bench::new();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("kept"), "k").unwrap();
        bench.file("policies/x.yaml", "schema: 1");
        bench.file(".git/config", "[core]");
        symlink(outside.path(), bench.path("way")).unwrap();
        for path in [
            "policies",
            "policies/x.yaml",
            ".git",
            ".git/config",
            ".",
            "..",
            "/",
            "way/kept",
            "../x",
        ] {
            let kind = bench.kind("delete_path", json!({"path": path, "recursive": true}));
            let refused = matches!(kind, ErrorKind::Forbidden | ErrorKind::Conflict);
            assert!(refused, "{path}: {kind:?}");
        }
        assert_eq!(fs::read_to_string(outside.path().join("kept")).unwrap(), "k");
        assert!(bench.path("policies/x.yaml").exists() && bench.path(".git/config").exists());
        // The link itself is a name of the workspace.
        bench.ok("delete_path", json!({"path": "way", "recursive": true}));
        assert!(outside.path().join("kept").exists());
    }

    #[test]
    fn what_somebody_added_since_it_was_kept_stops_it() {
        let bench = Bench::new();
        bench.file("dir/a", "a");
        let args = json!({"path": "dir", "recursive": true});
        bench.snapshot("delete_path", args.clone()).unwrap();
        bench.file("dir/a", "new");
        let error = bench.error("delete_path", args.clone());
        assert_eq!((error.kind, error.retryable), (ErrorKind::Conflict, true));
        bench.snapshot("delete_path", args.clone()).unwrap();
        bench.file("dir/b", "theirs");
        assert_eq!(bench.kind("delete_path", args), ErrorKind::Conflict);
        assert_eq!(fs::read_to_string(bench.path("dir/a")).unwrap(), "new");
        assert_eq!(fs::read_to_string(bench.path("dir/b")).unwrap(), "theirs");
    }

    #[test]
    fn a_directory_that_cannot_be_emptied_stays_whole() {
        if rustix::process::geteuid().is_root() {
            eprintln!("skipped: to root the system refuses nothing");
            return;
        }
        let bench = Bench::new();
        bench.file("dir/closed/a", "a");
        bench.file("dir/z", "z");
        let closed = bench.path("dir/closed");
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
        let args = json!({"path": "dir", "recursive": true});
        assert_eq!(bench.kind("delete_path", args), ErrorKind::Forbidden);
        assert!(bench.path("dir/z").exists() && bench.path("dir/closed/a").exists());
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    }
}
