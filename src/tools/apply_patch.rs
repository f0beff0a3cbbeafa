//! `apply_patch`: a unified diff, all of it or nothing.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::changes::{self, Change, Changes};
use super::fs::{Current, Node, Place, shown};
use super::one_file::FILE_BYTES_MAX;
use super::patch::{FilePatch, What, fit, parse};
use super::typed::{Answer, Call, Typed, about};
use crate::contracts::{CallEffect, ErrorKind, Map, Risk, SCHEMA_VERSION, ToolError};
use crate::ports::{PathAccess, PathsWithin, ToolDescriptor, Undo};

/// Permission bits of a new file of which the patch says nothing.
const NEW_FILE: u32 = 0o644;
/// Most files that a dry run names.
const NAMED_MAX: usize = 20;

pub(super) struct ApplyPatch;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// A unified diff, as `diff -u` and `git diff` write it; its paths start at the workspace. Several
    /// files, new and deleted ones, renames and permission bits are understood; binary changes and
    /// symbolic links are refused.
    #[schemars(length(min = 1))]
    patch: String,
    /// How many parts are taken off the names in the patch. When it is not said: one, where they begin
    /// with `a/` and `b/`; else none.
    #[schemars(range(min = 0, max = 64))]
    strip: Option<u32>,
    /// Whether only to look whether everything fits.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Data {
    /// Each file, in the order of the patch.
    files: Vec<FileChange>,
    /// Whether nothing was changed, because that was asked for.
    dry_run: bool,
}

#[derive(Serialize, JsonSchema)]
struct FileChange {
    /// Relative to the workspace; the new name of a file that is renamed or copied.
    path: String,
    /// `modified`, `created`, `deleted`, `renamed` or `copied`.
    change: &'static str,
    /// The old name of a file that is renamed or copied.
    from: Option<String>,
    /// Lines added.
    added: u64,
    /// Lines removed.
    removed: u64,
    /// Hunks that were found elsewhere than the patch says.
    moved: Vec<Moved>,
}

#[derive(Serialize, JsonSchema)]
struct Moved {
    /// Which hunk of the file, from 1.
    hunk: usize,
    /// By how many lines, downwards.
    lines: i64,
}

impl Typed for ApplyPatch {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Changes files as a unified diff says, all of it or nothing; a hunk that does not fit \
                    line by line stops it. Old contents are kept for undo.";
        ToolDescriptor {
            paths_within: Some(PathsWithin { arg: "patch", read: paths_within }),
            sinks: vec!["patch".to_owned()],
            undoable: true,
            ..about("apply_patch", Risk::Medium, CallEffect::Idempotent, what)
        }
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        files(args).map(drop)
    }

    fn dry_run(&self, args: &Args) -> String {
        let files = match files(args) {
            Ok(files) => files,
            Err(error) => return format!("would refuse: {}", error.message),
        };
        let each: Vec<String> = files.iter().take(NAMED_MAX).map(sentence).collect();
        let more = match files.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let verb = if args.dry_run { "would look whether it can" } else { "would" };
        format!("{verb} {}{more}", each.join(", "))
    }

    fn snapshot(&self, args: &Args, at: &Call<'_>) -> Result<Option<Undo>, ToolError> {
        if args.dry_run {
            return Ok(Some(Undo { schema_version: SCHEMA_VERSION, entries: Vec::new() }));
        }
        changes::keep(at, || plan(args, at).map(|(changes, _)| changes))
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let dry_run = args.dry_run;
        if dry_run {
            let (changes, files) = plan(&args, at)?;
            changes.within_limits()?;
            return Ok(Answer::of(Data { files, dry_run }));
        }
        let changes = changes::to_do(at, || plan(&args, at).map(|(changes, _)| changes))?;
        let (_, files) = plan(&args, at)?;
        changes.apply(at)?;
        Ok(Answer::of(Data { files, dry_run }))
    }
}

fn files(args: &Args) -> Result<Vec<FilePatch>, ToolError> {
    let bytes = u64::try_from(args.patch.len()).unwrap_or(u64::MAX);
    if bytes > FILE_BYTES_MAX {
        let message = format!("{bytes} bytes are more than the {FILE_BYTES_MAX} a patch may have");
        return Err(ToolError::new(ErrorKind::TooLarge, message));
    }
    parse(&args.patch, args.strip.and_then(|strip| usize::try_from(strip).ok()))
        .map_err(|why| ToolError::new(ErrorKind::BadArguments, format!("the patch: {why}")))
}

/// Every file that a patch touches. Both names of a rename are changed, none is destroyed.
fn paths_within(args: &Map) -> Result<Vec<(String, PathAccess)>, String> {
    let Some(patch) = args.get("patch").and_then(Value::as_str) else {
        return Err("`patch` is no text".to_owned());
    };
    let strip = match args.get("strip") {
        None | Some(Value::Null) => None,
        Some(strip) => {
            let strip = strip.as_u64().and_then(|strip| usize::try_from(strip).ok());
            Some(strip.ok_or_else(|| "`strip` is no number of parts".to_owned())?)
        }
    };
    let files = parse(patch, strip).map_err(|why| format!("the patch: {why}"))?;
    let paths = files.into_iter().flat_map(|file| match file.what {
        What::Modify { path } | What::Create { path } => vec![(path, PathAccess::Write)],
        What::Delete { path } => vec![(path, PathAccess::Delete)],
        What::Rename { from, to } => vec![(from, PathAccess::Write), (to, PathAccess::Write)],
        What::Copy { from, to } => vec![(from, PathAccess::Read), (to, PathAccess::Write)],
    });
    Ok(paths.collect())
}

fn sentence(file: &FilePatch) -> String {
    let (added, removed) = file.counts();
    let path = file.path().escape_debug();
    match &file.what {
        What::Modify { .. } => format!("change `{path}` (+{added} -{removed})"),
        What::Create { .. } => format!("create `{path}` (+{added})"),
        What::Delete { .. } => format!("delete `{path}` (-{removed})"),
        What::Rename { from, .. } => {
            format!("rename `{}` to `{path}` (+{added} -{removed})", from.escape_debug())
        }
        What::Copy { from, .. } => {
            format!("copy `{}` to `{path}` (+{added} -{removed})", from.escape_debug())
        }
    }
}

/// What each path becomes, and how that is told.
fn plan(args: &Args, at: &Call<'_>) -> Result<(Changes, Vec<FileChange>), ToolError> {
    let (mut changes, mut told) = (Changes::default(), Vec::new());
    let files = files(args)?;
    for (index, file) in files.iter().enumerate() {
        at.watch.check()?;
        let about = |error: ToolError| ToolError {
            message: format!(
                "file {} of the patch, `{}`: {}",
                index + 1,
                file.path().escape_debug(),
                error.message
            ),
            ..error
        };
        told.push(one(file, at, &mut changes).map_err(about)?);
    }
    Ok((changes, told))
}

fn one(file: &FilePatch, at: &Call<'_>, changes: &mut Changes) -> Result<FileChange, ToolError> {
    let place = |path: &str| at.jail.place(&at.jail.absolute(path)?);
    let (old, new, change) = match &file.what {
        What::Modify { path } => (Some(place(path)?), Some(place(path)?), "modified"),
        What::Create { path } => (None, Some(place(path)?), "created"),
        What::Delete { path } => (Some(place(path)?), None, "deleted"),
        What::Rename { from, to } => (Some(place(from)?), Some(place(to)?), "renamed"),
        What::Copy { from, to } => (Some(place(from)?), Some(place(to)?), "copied"),
    };
    let before = old.as_ref().map(there).transpose()?;
    let content = before.as_ref().map_or(&[][..], |current| current.bytes.as_slice());
    let fitted =
        fit(content, &file.hunks).map_err(|why| ToolError::new(ErrorKind::Conflict, why))?;
    let bytes = u64::try_from(fitted.bytes.len()).unwrap_or(u64::MAX);
    if bytes > FILE_BYTES_MAX {
        let message = format!("{bytes} bytes are more than the {FILE_BYTES_MAX} a file may have");
        return Err(ToolError::new(ErrorKind::TooLarge, message));
    }
    if matches!(file.what, What::Delete { .. }) && !fitted.bytes.is_empty() {
        let message = "it has more in it than the patch removes: it is not deleted";
        return Err(ToolError::new(ErrorKind::Conflict, message));
    }
    let mode = file.mode.or(before.as_ref().map(|current| current.mode)).unwrap_or(NEW_FILE);
    // Of the bits a patch knows only whether the file can be run: who else may read it stays.
    let mode = match (&before, file.mode) {
        (Some(current), Some(0o755)) => current.mode | ((current.mode & 0o444) >> 2),
        (Some(current), Some(_)) => current.mode & !0o111,
        _ => mode,
    };
    let after = Node::File(Current { bytes: fitted.bytes, mode });
    let same = matches!(file.what, What::Modify { .. });
    if let Some(new) = &new {
        let before = match (&before, same) {
            (Some(current), true) => Node::File(current.clone()),
            _ => absent(new)?,
        };
        changes.way(new);
        changes.0.push(Change { path: new.real(), before, after });
    }
    let gone = matches!(file.what, What::Delete { .. } | What::Rename { .. });
    if let (Some(old), Some(current), true) = (&old, before, gone) {
        let before = Node::File(current);
        changes.0.push(Change { path: old.real(), before, after: Node::Absent });
    }
    let ((added, removed), from) = (file.counts(), from(&file.what));
    let moved = fitted.moved.into_iter().map(|(hunk, lines)| Moved { hunk, lines }).collect();
    Ok(FileChange { path: file.path().to_owned(), change, from, added, removed, moved })
}

fn from(what: &What) -> Option<String> {
    match what {
        What::Rename { from, .. } | What::Copy { from, .. } => Some(from.clone()),
        What::Modify { .. } | What::Create { .. } | What::Delete { .. } => None,
    }
}

/// The file that has to be there.
fn there(place: &Place) -> Result<Current, ToolError> {
    place.current(FILE_BYTES_MAX)?.ok_or_else(|| {
        ToolError::new(ErrorKind::NotFound, format!("there is no file `{}`", shown(&place.real())))
    })
}

/// That nothing is there.
fn absent(place: &Place) -> Result<Node, ToolError> {
    match changes::current(place)? {
        Node::Absent => Ok(Node::Absent),
        _ => {
            let path: &Path = &place.real();
            let message = format!("`{}` is there already", shown(path));
            Err(ToolError::new(ErrorKind::Conflict, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use serde_json::json;

    use super::*;
    use crate::tools::fixture::{Bench, git, git_output};

    const PATCH: &str = "--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n";

    #[test]
    fn changes_creates_deletes_and_renames_as_one() {
        let bench = Bench::new();
        bench.file("a.txt", "one\ntwo\n");
        bench.file("gone", "x\n");
        bench.file("old", "1\n2\n3\n");
        let patch = format!(
            "{PATCH}--- /dev/null\n+++ b/new/deep/b\n@@ -0,0 +1 @@\n+b\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\
             diff --git a/old b/other/new\nrename from old\nrename to other/new\n--- a/old\n+++ b/other/new\n@@ -2 +2 @@\n-2\n+two\n"
        );
        let data = bench.ok("apply_patch", json!({"patch": patch}));
        let told: Vec<_> = data["files"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| file["change"].as_str().unwrap())
            .collect();
        assert_eq!(told, ["modified", "created", "deleted", "renamed"]);
        assert_eq!(data["files"][3]["from"], "old");
        assert_eq!(fs::read_to_string(bench.path("a.txt")).unwrap(), "one\n2\n");
        assert_eq!(fs::read_to_string(bench.path("new/deep/b")).unwrap(), "b\n");
        assert_eq!(fs::read_to_string(bench.path("other/new")).unwrap(), "1\ntwo\n3\n");
        assert!(!bench.path("gone").exists() && !bench.path("old").exists());
    }

    #[test]
    fn one_hunk_that_does_not_fit_stops_all_of_it() {
        let bench = Bench::new();
        bench.file("a.txt", "one\ntwo\n");
        bench.file("b.txt", "other\n");
        let patch = format!(
            "--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+n\n{PATCH}--- a/b.txt\n+++ b/b.txt\n@@ -1 +1 @@\n-b\n+B\n"
        );
        for dry_run in [true, false] {
            let args = json!({"patch": patch, "dry_run": dry_run});
            let error = bench.error("apply_patch", args.clone());
            assert_eq!(error.kind, ErrorKind::Conflict);
            let said = "file 3 of the patch, `b.txt`: hunk 1 (line 13) does not fit: line 1 of the file is `other`, the patch expects `b`";
            assert_eq!(error.message, said);
            assert_eq!(bench.snapshot("apply_patch", args).is_err(), !dry_run);
        }
        assert_eq!(fs::read_to_string(bench.path("a.txt")).unwrap(), "one\ntwo\n");
        assert!(!bench.path("new").exists());
    }

    #[test]
    fn what_was_done_is_taken_back_when_a_later_file_fails() {
        if rustix::process::geteuid().is_root() {
            eprintln!("skipped: to root the system refuses nothing");
            return;
        }
        let bench = Bench::new();
        bench.file("a.txt", "one\ntwo\n");
        bench.file("closed/b", "b\n");
        fs::set_permissions(bench.path("closed"), fs::Permissions::from_mode(0o555)).unwrap();
        let patch = format!(
            "--- /dev/null\n+++ b/new/n\n@@ -0,0 +1 @@\n+n\n{PATCH}--- a/closed/b\n+++ b/closed/b\n@@ -1 +1 @@\n-b\n+B\n"
        );
        assert_eq!(bench.kind("apply_patch", json!({"patch": patch})), ErrorKind::Forbidden);
        assert_eq!(fs::read_to_string(bench.path("a.txt")).unwrap(), "one\ntwo\n");
        assert!(!bench.path("new").exists());
        fs::set_permissions(bench.path("closed"), fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_dry_run_changes_nothing_and_tells_what_was_found_elsewhere() {
        let bench = Bench::new();
        bench.file("a.txt", "zero\none\ntwo\n");
        let args = json!({"patch": PATCH, "dry_run": true});
        let data = bench.ok("apply_patch", args.clone());
        assert_eq!(data["dry_run"], true);
        assert_eq!(data["files"][0]["moved"], json!([{"hunk": 1, "lines": 1}]));
        assert_eq!(fs::read_to_string(bench.path("a.txt")).unwrap(), "zero\none\ntwo\n");
        let call = bench.tool_call("apply_patch", json!({"patch": PATCH}));
        assert_eq!(
            crate::tools::Toolbox::default().dry_run(&call).unwrap(),
            "would change `a.txt` (+1 -1)"
        );
    }

    #[test]
    fn permission_bits_follow_and_nobody_else_gets_to_read() {
        let bench = Bench::new();
        bench.file("run", "x\n");
        fs::set_permissions(bench.path("run"), fs::Permissions::from_mode(0o640)).unwrap();
        let mode =
            |path: &str| fs::metadata(bench.path(path)).unwrap().permissions().mode() & 0o777;
        let patch = "diff --git a/run b/run\nold mode 100644\nnew mode 100755\n";
        bench.ok("apply_patch", json!({"patch": patch}));
        assert_eq!(mode("run"), 0o750);
        let patch = "diff --git a/run b/run\nold mode 100755\nnew mode 100644\n";
        bench.ok("apply_patch", json!({"patch": patch}));
        assert_eq!(mode("run"), 0o640);
        let patch =
            "diff --git a/n b/n\nnew file mode 100755\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+n\n";
        bench.ok("apply_patch", json!({"patch": patch}));
        assert_eq!(mode("n"), 0o755);
    }

    #[test]
    fn no_patch_leads_out_or_governs() {
        let bench = Bench::new();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("f"), "a\n").unwrap();
        symlink(outside.path(), bench.path("way")).unwrap();
        symlink(outside.path().join("f"), bench.path("link")).unwrap();
        bench.file("policies/p.yaml", "a\n");
        fs::create_dir(bench.path("dir")).unwrap();
        let change = |path: &str| format!("--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n");
        for (patch, kind) in [
            (change("way/f"), ErrorKind::Forbidden),
            (change("link"), ErrorKind::Forbidden),
            (change("policies/p.yaml"), ErrorKind::Forbidden),
            (change("../f"), ErrorKind::BadArguments),
            (change("dir"), ErrorKind::Conflict),
            (change("none"), ErrorKind::NotFound),
            ("--- /dev/null\n+++ b/.env\n@@ -0,0 +1 @@\n+A=1\n".to_owned(), ErrorKind::Forbidden),
            ("--- /dev/null\n+++ b/dir\n@@ -0,0 +1 @@\n+a\n".to_owned(), ErrorKind::Conflict),
            (
                "diff --git a/policies/p.yaml b/x\nrename from policies/p.yaml\nrename to x\n"
                    .to_owned(),
                ErrorKind::Forbidden,
            ),
        ] {
            let error = bench.error("apply_patch", json!({"patch": patch}));
            assert_eq!(error.kind, kind, "{patch}: {}", error.message);
        }
        assert_eq!(fs::read_to_string(outside.path().join("f")).unwrap(), "a\n");
    }

    #[test]
    fn policy_is_told_of_every_path() {
        let patch = format!(
            "{PATCH}--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\ndiff --git a/o b/n\nrename from o\nrename to n\n\
             diff --git a/c b/d\ncopy from c\ncopy to d\n"
        );
        let args = json!({"patch": patch}).as_object().unwrap().clone();
        let told = paths_within(&args).unwrap();
        let told: Vec<(&str, PathAccess)> =
            told.iter().map(|(path, access)| (path.as_str(), *access)).collect();
        let (read, write, delete) = (PathAccess::Read, PathAccess::Write, PathAccess::Delete);
        let expected = [
            ("a.txt", write),
            ("gone", delete),
            ("o", write),
            ("n", write),
            ("c", read),
            ("d", write),
        ];
        assert_eq!(told, expected);
        for args in [json!({}), json!({"patch": "nothing"}), json!({"patch": PATCH, "strip": -1})] {
            assert!(paths_within(args.as_object().unwrap()).is_err(), "{args}");
        }
    }

    #[test]
    fn applies_what_git_writes() {
        let bench = Bench::new();
        git(bench.root(), &["init", "-q", "-b", "main"]);
        bench.file("a.txt", "1\n2\n3\n4\n5\n6\n7\n8\n9");
        bench.file("crlf", "a\r\nb\r\n");
        bench.file("dir/ä b", "x\ny\nz\n");
        bench.file("run.sh", "#!/bin/sh\n");
        git(bench.root(), &["add", "."]);
        git(bench.root(), &["commit", "-qm", "one"]);
        bench.file("a.txt", "1\nII\n3\n4\n5\n6\n7\n8\nnine\n");
        bench.file("crlf", "a\r\nB\r\n");
        git(bench.root(), &["mv", "dir/ä b", "moved\t.txt"]);
        fs::set_permissions(bench.path("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        bench.file("new", "n");
        bench.file("empty", "");
        git(bench.root(), &["add", "-A"]);
        let patch = git_output(bench.root(), &["diff", "--cached", "-M"]).stdout;
        let patch = String::from_utf8(patch).unwrap();
        git(bench.root(), &["commit", "-qm", "two"]);
        git(bench.root(), &["checkout", "-q", "HEAD~1"]);
        bench.ok("apply_patch", json!({"patch": patch}));
        git(bench.root(), &["add", "-A"]);
        let left = git_output(bench.root(), &["diff", "--cached", "main"]).stdout;
        assert_eq!(String::from_utf8(left).unwrap(), "");
    }
}
