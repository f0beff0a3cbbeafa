//! `move_path`: gives a file, a symbolic link or a directory another name.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::changes::{self, Change, Changes};
use super::fs::{Node, Place, shown};
use super::tree_of::tree_of;
use super::typed::{Answer, Call, Typed, about};
use crate::contracts::{CallEffect, ErrorKind, Risk, ToolError};
use crate::ports::{PathAccess, PathArg, ToolDescriptor, Undo};

pub(super) struct MovePath;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// What is moved: a file, a symbolic link (itself, not what it points to) or a directory; relative
    /// to the workspace, or absolute.
    #[schemars(length(min = 1))]
    from: String,
    /// Its new name in full. Nothing may be there; missing directories are made.
    #[schemars(length(min = 1))]
    to: String,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Data {
    /// What was moved, relative to the workspace where it lies in it.
    from: String,
    /// What it is called now.
    to: String,
    /// How many files and links that are, of a directory with those in it.
    files: u64,
}

impl Typed for MovePath {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Moves or renames a file, a symbolic link or a directory; never over something \
                    else. What was there is kept for undo.";
        let path = |arg: &str| PathArg { arg: arg.to_owned(), access: PathAccess::Write };
        ToolDescriptor {
            paths: vec![path("from"), path("to")],
            sinks: vec!["to".to_owned()],
            undoable: true,
            ..about("move_path", Risk::Medium, CallEffect::Idempotent, what)
        }
    }

    fn dry_run(&self, args: &Args) -> String {
        format!("would move `{}` to `{}`", args.from.escape_debug(), args.to.escape_debug())
    }

    fn snapshot(&self, args: &Args, at: &Call<'_>) -> Result<Option<Undo>, ToolError> {
        changes::keep(at, || plan(args, at).map(|plan| plan.changes))
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let changes = changes::to_do(at, || plan(&args, at).map(|plan| plan.changes))?;
        let Plan { from, to, changes: now } = plan(&args, at)?;
        let files =
            changes.0.iter().filter(|one| !matches!(one.after, Node::Dir(_) | Node::Absent));
        let files = u64::try_from(files.count()).unwrap_or(u64::MAX);
        let made = now.0.iter().take_while(|one| to.missing_dirs().contains(&one.path)).count();
        let target = to.real();
        let to = at.jail.make_way(to)?;
        if let Err(error) = from.move_to(&to) {
            now.take_back(made, &at.jail, &format!(".{}.tmp", at.call.id), &error)?;
            return Err(error);
        }
        Ok(Answer::of(Data {
            from: at.jail.relative_to_workspace(&from.real()),
            to: at.jail.relative_to_workspace(&target),
            files,
        }))
    }
}

struct Plan {
    from: Place,
    to: Place,
    changes: Changes,
}

/// Directories on the way first, then what appears, then what disappears.
fn plan(args: &Args, at: &Call<'_>) -> Result<Plan, ToolError> {
    let from = at.jail.place(&at.jail.absolute(&args.from)?)?;
    let to = at.jail.place(&at.jail.absolute(&args.to)?)?;
    let (old, new) = (from.real(), to.real());
    if new.starts_with(&old) {
        let message = format!("`{}` cannot be moved into itself", shown(&old));
        return Err(ToolError::new(ErrorKind::BadArguments, message));
    }
    let tree = tree_of(&from, &at.jail, &at.watch)?;
    if tree.is_empty() {
        let message = format!("there is nothing at `{}`", shown(&old));
        return Err(ToolError::new(ErrorKind::NotFound, message));
    }
    if changes::current(&to)? != Node::Absent {
        let message = format!("`{}` is there already: give a name that nothing has", shown(&new));
        return Err(ToolError::new(ErrorKind::Conflict, message));
    }
    let mut changes = Changes::default();
    changes.way(&to);
    let below = |top: &Path, below: &Path| -> PathBuf {
        if below.as_os_str().is_empty() { top.to_owned() } else { top.join(below) }
    };
    for (name, node) in &tree {
        let path = below(&new, name);
        changes.0.push(Change { path, before: Node::Absent, after: node.clone() });
    }
    for (name, node) in tree.into_iter().rev() {
        changes.0.push(Change { path: below(&old, &name), before: node, after: Node::Absent });
    }
    Ok(Plan { from, to, changes })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use serde_json::json;

    use super::*;
    use crate::tools::fixture::Bench;

    #[test]
    fn moves_files_links_and_directories() {
        let bench = Bench::new();
        bench.file("a", "a");
        fs::set_permissions(bench.path("a"), fs::Permissions::from_mode(0o4751)).unwrap();
        bench.file("dir/sub/b", "b");
        symlink("nowhere", bench.path("link")).unwrap();
        let data = bench.ok("move_path", json!({"from": "a", "to": "new/deep/a"}));
        assert_eq!(data, json!({"from": "a", "to": "new/deep/a", "files": 1}));
        let mode = fs::metadata(bench.path("new/deep/a")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o4751, "the same file with another name");
        let data = bench.ok("move_path", json!({"from": "dir", "to": "other"}));
        assert_eq!(data["files"], 1);
        assert_eq!(fs::read_to_string(bench.path("other/sub/b")).unwrap(), "b");
        bench.ok("move_path", json!({"from": "link", "to": "l2"}));
        assert_eq!(fs::read_link(bench.path("l2")).unwrap(), Path::new("nowhere"));
        assert!(!bench.path("a").exists() && !bench.path("dir").exists());
    }

    #[test]
    fn nothing_is_moved_over_something_else_or_into_itself() {
        let bench = Bench::new();
        bench.file("a", "a");
        bench.file("b", "b");
        bench.file("dir/c", "c");
        symlink("nowhere", bench.path("link")).unwrap();
        for (from, to, kind) in [
            ("a", "b", ErrorKind::Conflict),
            ("a", "dir", ErrorKind::Conflict),
            ("a", "link", ErrorKind::Conflict),
            ("a", "a", ErrorKind::BadArguments),
            ("dir", "dir/sub/dir", ErrorKind::BadArguments),
            ("dir", "a/b", ErrorKind::NotFound),
            ("none", "new/x", ErrorKind::NotFound),
        ] {
            let args = json!({"from": from, "to": to});
            assert_eq!(bench.kind("move_path", args), kind, "{from} to {to}");
        }
        assert_eq!(fs::read_to_string(bench.path("b")).unwrap(), "b");
        assert!(!bench.path("new").exists(), "a call that fails makes no directory");
    }

    #[test]
    fn neither_end_may_govern_or_lie_outside() {
        let bench = Bench::new();
        let outside = tempfile::tempdir().unwrap();
        bench.file("a", "a");
        bench.file("policies/x.yaml", "schema: 1");
        bench.file("tree/policies", "a file of this name elsewhere");
        symlink(outside.path(), bench.path("way")).unwrap();
        let away = outside.path().join("a").display().to_string();
        for (from, to) in [
            ("policies/x.yaml", "y"),
            ("policies", "p"),
            ("a", "policies/y.yaml"),
            ("a", ".env"),
            ("a", ".git/hooks/pre-commit"),
            ("a", away.as_str()),
            ("a", "way/a"),
            ("/etc/hostname", "h"),
            (".", "x/y"),
        ] {
            let kind = bench.kind("move_path", json!({"from": from, "to": to}));
            let refused = matches!(
                kind,
                ErrorKind::Forbidden | ErrorKind::BadArguments | ErrorKind::Conflict
            );
            assert!(refused, "{from} to {to}: {kind:?}");
        }
        assert!(bench.path("a").exists() && bench.path("policies/x.yaml").exists());
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        bench.ok("move_path", json!({"from": "tree", "to": "forest"}));
    }

    #[test]
    fn what_somebody_changed_since_it_was_kept_is_not_moved() {
        let bench = Bench::new();
        bench.file("a", "a");
        let args = json!({"from": "a", "to": "b"});
        bench.snapshot("move_path", args.clone()).unwrap();
        bench.file("a", "theirs");
        let error = bench.error("move_path", args);
        assert_eq!((error.kind, error.retryable), (ErrorKind::Conflict, true));
        assert!(!bench.path("b").exists());
    }
}
