//! `git_diff`: what is changed in a repository, as a patch and in numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::git::{Repository, path_text};
use super::kept;
use super::typed::{Answer, Call, Typed, about, path_arg};
use crate::contracts::{CallEffect, ErrorKind, Risk, ToolError};
use crate::ports::{PathAccess, ToolDescriptor};

pub(super) struct GitDiff;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// A directory; changes in it and below are shown. Relative to the workspace, or absolute.
    #[schemars(length(min = 1))]
    path: String,
    /// Whether to show what is staged, rather than what is not.
    #[serde(default)]
    staged: bool,
    /// Most bytes of the patch. Never more than the cap on answers.
    #[schemars(range(min = 1))]
    max_bytes: Option<u64>,
}

#[derive(Default, Serialize, JsonSchema)]
pub(super) struct Data {
    /// The patch, as git writes it.
    diff: String,
    /// Each changed file. `path` is relative to the top of the repository.
    files: Vec<FileChange>,
    /// Whether `diff` is not all of it.
    truncated: bool,
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct FileChange {
    /// Relative to the top of the repository.
    path: String,
    /// Lines added; null for a binary file.
    added: Option<u64>,
    /// Lines removed; null for a binary file.
    removed: Option<u64>,
}

impl Typed for GitDiff {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Changes in a git repository as a patch. Runs no hook, filter, external diff or \
                    other program of the repository.";
        ToolDescriptor {
            paths: path_arg("path", PathAccess::Read),
            timeout_ms: 60_000,
            profile: "git".to_owned(),
            ..about("git_diff", Risk::Low, CallEffect::Read, what)
        }
    }

    fn dry_run(&self, args: &Args) -> String {
        let what = if args.staged { "staged changes" } else { "changes" };
        format!("would ask git for the {what} in `{}`", args.path.escape_debug())
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let repository = match Repository::open(at, &args.path)? {
            Ok(repository) => repository,
            Err(why) => {
                let answer = Answer::of(Data::default());
                return Ok(Answer { logs: vec![format!("no repository: {why}")], ..answer });
            }
        };
        let numbers = repository.run(&command(args.staged, &["--numstat", "-z"]))?;
        let files = numstat(&numbers.stdout).ok_or_else(|| {
            ToolError::new(ErrorKind::BadContent, "git printed numbers that cannot be read")
        })?;
        let patch = repository.run(&command(args.staged, &["--patch"]))?;
        let cap = at.context.output_bytes_max;
        let whole = patch.stdout.clone();
        let (diff, cut) = cut_at_line(patch.stdout, args.max_bytes.map_or(cap, |max| max.min(cap)));
        let truncated = cut || patch.truncated || numbers.truncated;
        // What the call itself asked to leave out is not kept.
        let ours = cut && args.max_bytes.is_none_or(|max| max > cap);
        let artifacts: Vec<_> =
            ours.then(|| kept::whole("diff.patch", whole)).into_iter().collect();
        let logs = artifacts.iter().map(kept::said).collect();
        let answer = Answer::of(Data { diff, files, truncated });
        Ok(Answer { truncated, logs, artifacts, receipt: patch.receipt, ..answer })
    }
}

fn command<'a>(staged: bool, form: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec![
        "diff",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
        "--no-relative",
        "--no-renames",
        "-O/dev/null", // whatever order the repository's configuration asks for
        "--ignore-submodules=dirty",
        "--src-prefix=a/",
        "--dst-prefix=b/",
    ];
    args.extend_from_slice(form);
    if staged {
        args.push("--cached");
    }
    args.extend(["--", "."]);
    args
}

/// Reads `git diff --numstat -z --no-renames`. An incomplete last record is left out.
fn numstat(output: &[u8]) -> Option<Vec<FileChange>> {
    let mut records: Vec<&[u8]> = output.split(|byte| *byte == 0).collect();
    records.pop();
    let file = |record: &[u8]| {
        let mut fields = record.splitn(3, |byte| *byte == b'\t');
        let (added, removed) = (count(fields.next()?)?, count(fields.next()?)?);
        Some(FileChange { path: path_text(fields.next()?), added, removed })
    };
    records.into_iter().map(file).collect()
}

/// A number, or `-` for a binary file.
fn count(field: &[u8]) -> Option<Option<u64>> {
    match field {
        b"-" => Some(None),
        digits => std::str::from_utf8(digits).ok()?.parse().ok().map(Some),
    }
}

/// The first whole lines that fit into `max` bytes.
fn cut_at_line(mut diff: Vec<u8>, max: u64) -> (String, bool) {
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    let cut = diff.len() > max;
    if cut {
        diff.truncate(max);
        let end = diff.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        diff.truncate(end);
    }
    (String::from_utf8_lossy(&diff).into_owned(), cut)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::tools::fixture::{Bench, git};

    fn repository(bench: &Bench) {
        git(bench.root(), &["init", "-q", "-b", "main"]);
        bench.file("a.txt", "one\ntwo\n");
        bench.file("sub/b.txt", "b\n");
        fs::write(bench.path("bin"), b"\0\x01").unwrap();
        git(bench.root(), &["add", "."]);
        git(bench.root(), &["commit", "-q", "-m", "one"]);
    }

    #[test]
    fn shows_the_patch_and_the_numbers() {
        let bench = Bench::with_programs();
        repository(&bench);
        bench.file("a.txt", "one\n2\nthree\n");
        fs::write(bench.path("bin"), b"\0\x02").unwrap();
        let data = bench.ok("git_diff", json!({"path": "."}));
        assert_eq!(
            data["files"],
            json!([
                {"path": "a.txt", "added": 2, "removed": 1},
                {"path": "bin", "added": null, "removed": null},
            ])
        );
        let diff = data["diff"].as_str().unwrap();
        assert!(diff.contains("--- a/a.txt\n+++ b/a.txt\n") && diff.contains("\n-two\n+2\n"));
        assert_eq!(bench.ok("git_diff", json!({"path": "sub"}))["files"], json!([]));
        let staged = json!({"path": ".", "staged": true});
        assert_eq!(bench.ok("git_diff", staged.clone())["diff"], "");
        git(bench.root(), &["add", "a.txt"]);
        assert_eq!(bench.ok("git_diff", staged)["files"][0]["path"], "a.txt");
        let data = bench.ok("git_diff", json!({"path": ".", "staged": true, "max_bytes": 60}));
        assert_eq!(data["truncated"], true);
        assert!(data["diff"].as_str().unwrap().ends_with('\n'));
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        assert_eq!(numstat(b"1\t2\ta\tb\0").unwrap()[0].path, "a\tb");
        assert!(numstat(b"x\t2\ta\0").is_none());
        assert!(numstat(b"1\0").is_none());
        assert_eq!(numstat(b"1\t2\ta\0" as &[u8]).unwrap().len(), 1);
        assert_eq!(numstat(b"1\t2\ta\x003\t4\tcu").unwrap().len(), 1);
    }
}
