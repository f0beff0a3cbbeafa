//! `git_log`: the newest commits of a repository.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::git::{Repository, path_text};
use super::typed::{Answer, Call, Typed, about, path_arg};
use crate::contracts::{CallEffect, ErrorKind, Risk, ToolError};
use crate::ports::{Ending, PathAccess, ToolDescriptor};

/// Fields of a commit in what git prints.
const FORMAT: &str = "--format=tformat:%H%x00%P%x00%an%x00%ae%x00%aI%x00%s%x00%b";
const FIELDS: usize = 7;
/// Longest name of a revision, in bytes.
const REV_BYTES_MAX: usize = 256;

pub(super) struct GitLog;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// A directory of the repository; of one below its top, the commits that changed something in it.
    /// Relative to the workspace, or absolute.
    #[schemars(length(min = 1))]
    path: String,
    /// Where to begin: a branch, a tag or a commit. The current commit when it is not said.
    #[schemars(length(min = 1))]
    rev: Option<String>,
    /// Most commits.
    #[serde(default = "twenty")]
    #[schemars(range(min = 1, max = 500))]
    limit: u32,
    /// How many of the newest are passed over.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    skip: u32,
}

const fn twenty() -> u32 {
    20
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Data {
    /// Commits, newest first.
    commits: Vec<Commit>,
    /// Whether more of them follow, or some were cut.
    truncated: bool,
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Commit {
    /// Its whole hash.
    hash: String,
    /// Hashes of the commits before it.
    parents: Vec<String>,
    /// The author's name.
    author: String,
    /// The author's address.
    email: String,
    /// When it was written, with the author's time zone.
    date: String,
    /// The first line of the message.
    subject: String,
    /// The rest of the message.
    body: String,
}

impl Typed for GitLog {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "The newest commits of a git repository. Runs no program of the repository.";
        ToolDescriptor {
            paths: path_arg("path", PathAccess::Read),
            timeout_ms: 60_000,
            names_only: true,
            profile: "git".to_owned(),
            ..about("git_log", Risk::Low, CallEffect::Read, what)
        }
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        args.rev.as_deref().map_or(Ok(()), revision)
    }

    fn dry_run(&self, args: &Args) -> String {
        let from = args.rev.as_deref().unwrap_or("HEAD").escape_debug();
        let (limit, path) = (args.limit, args.path.escape_debug());
        format!("would list at most {limit} commits from `{from}` of `{path}`")
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let repository = Repository::open(at, &args.path)?
            .map_err(|why| ToolError::new(ErrorKind::NotFound, why))?;
        let rev = args.rev.as_deref().unwrap_or("HEAD");
        let commit = format!("{rev}^{{commit}}");
        let known =
            repository.look(&["rev-parse", "-q", "--verify", "--end-of-options", &commit])?;
        if known.ending != Ending::Exited(0) {
            if args.rev.is_none() {
                // There is no commit yet.
                return Ok(Answer::of(Data { commits: Vec::new(), truncated: false }));
            }
            let message = format!("there is no commit `{}`", rev.escape_debug());
            return Err(ToolError::new(ErrorKind::NotFound, message));
        }
        let (count, skip) = (format!("-n{}", args.limit + 1), format!("--skip={}", args.skip));
        let mut command = vec![
            "log",
            "-z",
            FORMAT,
            "--no-show-signature",
            "--no-mailmap",
            "--no-notes",
            "--no-decorate",
            "--no-color",
            "--encoding=UTF-8",
            &count,
            &skip,
            "--end-of-options",
            rev,
            "--",
        ];
        let prefix = repository.run(&["rev-parse", "--show-prefix"])?.stdout;
        if !prefix.trim_ascii().is_empty() {
            command.push(".");
        }
        let output = repository.run(&command)?;
        let mut commits = commits(&output.stdout, output.truncated).ok_or_else(|| {
            ToolError::new(ErrorKind::BadContent, "git printed commits that cannot be read")
        })?;
        let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
        let truncated = commits.len() > limit || output.truncated;
        commits.truncate(limit);
        let answer = Answer::of(Data { commits, truncated });
        Ok(Answer { truncated: output.truncated, receipt: output.receipt, ..answer })
    }
}

/// A name that can only be one: no option, no range, no path in a commit.
pub(super) fn revision(rev: &str) -> Result<(), ToolError> {
    let plain = |c: char| c.is_alphanumeric() || "-_./~^@{}+".contains(c);
    if rev.len() <= REV_BYTES_MAX
        && !rev.starts_with('-')
        && !rev.contains("..")
        && rev.chars().all(plain)
    {
        return Ok(());
    }
    let message = format!("`{}` names no single commit", rev.escape_debug());
    Err(ToolError::new(ErrorKind::BadArguments, message))
}

/// Reads NUL-separated fields. When `cut`, the last commit may be incomplete.
fn commits(output: &[u8], cut: bool) -> Option<Vec<Commit>> {
    let mut fields: Vec<&[u8]> = output.split(|byte| *byte == 0).collect();
    fields.pop();
    if !fields.len().is_multiple_of(FIELDS) && !cut {
        return None;
    }
    let commit = |of: &[&[u8]]| match of {
        [hash, parents, author, email, date, subject, body] => Some(Commit {
            hash: path_text(hash),
            parents: path_text(parents).split_whitespace().map(str::to_owned).collect(),
            author: path_text(author),
            email: path_text(email),
            date: path_text(date),
            subject: path_text(subject),
            body: path_text(body).trim_end().to_owned(),
        }),
        _ => None,
    };
    fields.chunks_exact(FIELDS).map(commit).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tools::fixture::{Bench, git};

    fn repository(bench: &Bench) {
        git(bench.root(), &["init", "-q", "-b", "main"]);
        for (number, path) in [(1, "a"), (2, "sub/b"), (3, "a")] {
            bench.file(path, &format!("{number}\n"));
            git(bench.root(), &["add", "."]);
            git(bench.root(), &["commit", "-qm", &format!("number {number}\n\nbody\nof {number}")]);
        }
    }

    #[test]
    fn lists_commits_newest_first() {
        let bench = Bench::with_programs();
        repository(&bench);
        let data = bench.ok("git_log", json!({"path": ".", "limit": 2}));
        assert_eq!(data["truncated"], true);
        let commits = data["commits"].as_array().unwrap();
        assert_eq!(commits.len(), 2);
        assert_eq!(
            (&commits[0]["subject"], &commits[0]["body"]),
            (&json!("number 3"), &json!("body\nof 3"))
        );
        assert_eq!(commits[0]["parents"][0], commits[1]["hash"]);
        assert_eq!(commits[0]["email"], "a@example.org");
        let data = bench.ok("git_log", json!({"path": "sub"}));
        assert_eq!(data["commits"].as_array().unwrap().len(), 1);
        let data = bench.ok("git_log", json!({"path": ".", "rev": "HEAD~2", "skip": 0}));
        assert_eq!(
            (data["commits"].as_array().unwrap().len(), &data["truncated"]),
            (1, &json!(false))
        );
    }

    #[test]
    fn nothing_yet_is_an_empty_list_and_nothing_there_is_not_found() {
        let bench = Bench::with_programs();
        assert_eq!(bench.kind("git_log", json!({"path": "."})), ErrorKind::NotFound);
        git(bench.root(), &["init", "-q"]);
        assert_eq!(bench.ok("git_log", json!({"path": "."}))["commits"], json!([]));
        let kind = bench.kind("git_log", json!({"path": ".", "rev": "nowhere"}));
        assert_eq!(kind, ErrorKind::NotFound);
    }

    #[test]
    fn a_revision_is_no_option_and_no_range() {
        let bench = Bench::with_programs();
        repository(&bench);
        for rev in ["--output=pwned", "-p", "HEAD~1..HEAD", "HEAD:a", "a b", "$(touch x)", ""] {
            let args = json!({"path": ".", "rev": rev});
            assert_eq!(bench.kind("git_log", args), ErrorKind::BadArguments, "{rev}");
        }
        assert!(!bench.path("pwned").exists());
    }

    #[test]
    fn output_of_another_form_is_refused() {
        assert_eq!(commits(b"", false), Some(Vec::new()));
        assert!(commits(b"a\0b\0", false).is_none());
        assert_eq!(commits(b"h\0p q\0n\0e\0d\0s\0b\n\0x\0y", true).unwrap().len(), 1);
    }
}
