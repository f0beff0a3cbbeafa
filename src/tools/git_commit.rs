//! `git_commit`: records changes in a repository, or takes a commit back with a new one.
//!
//! The message comes in through standard input and paths as literal ones behind `--`, so that neither can
//! be an option. No hook, signature, editor, filter or merge driver of the repository runs: where the
//! result would be another than git's own with them, it is refused.

mod revert;
mod select;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fs::lossy;
use super::git::Repository;
use super::typed::{Answer, Call, Typed, about};
use crate::contracts::{CallEffect, ErrorKind, Risk, ToolError};
use crate::ports::{Ending, PathAccess, PathArg, ToolDescriptor};

/// Who commits where neither the call nor the repository says it.
const NAME: &str = "Bailiwick";
const EMAIL: &str = "bailiwick@localhost";
/// Longest message, in bytes.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Longest name or address, in bytes.
const IDENTITY_BYTES_MAX: usize = 256;

pub(super) struct GitCommit;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// A directory of the repository; relative to the workspace, or absolute.
    #[schemars(length(min = 1))]
    path: String,
    /// The message. Needed unless `revert` is given.
    #[schemars(length(min = 1))]
    message: Option<String>,
    /// Files and directories to commit, and nothing else; all changes in the repository when it is not
    /// said. What usually holds secrets is left out of directories.
    #[serde(default)]
    #[schemars(length(max = 200))]
    paths: Vec<String>,
    /// The author's name; what the repository says when it is not given, else `Bailiwick`.
    #[schemars(length(min = 1))]
    author_name: Option<String>,
    /// The author's address.
    #[schemars(length(min = 1))]
    author_email: Option<String>,
    /// A commit, by its hash: instead of changes, its reversal is committed. When that does not fit,
    /// nothing is changed.
    #[schemars(length(min = 7, max = 64))]
    revert: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Data {
    /// Hash of the new commit; of the one that exists already, where a commit was taken back before.
    commit: String,
    /// Files that it changes, relative to the top of the repository.
    files: Vec<String>,
    /// Changed files that were left out, because they usually hold secrets or may not be read.
    left_out: Vec<String>,
    /// Whether a new commit was made.
    committed: bool,
}

impl Typed for GitCommit {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Commits changes in a git repository, or the reversal of a commit. Runs no hook, \
                    filter, signing or other program of the repository, and reads no configuration \
                    but the repository's.";
        let path = |arg: &str, access| PathArg { arg: arg.to_owned(), access };
        ToolDescriptor {
            paths: vec![path("path", PathAccess::Write), path("paths", PathAccess::Read)],
            undoable: true,
            timeout_ms: 60_000,
            profile: "git".to_owned(),
            ..about("git_commit", Risk::Medium, CallEffect::NonIdempotent, what)
        }
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        let bad = |message: &str| Err(ToolError::new(ErrorKind::BadArguments, message));
        match (&args.message, &args.revert) {
            (None, None) => return bad("a commit needs a `message`"),
            (Some(_), Some(_)) => {
                return bad("`revert` makes its own message: leave `message` out");
            }
            (None, Some(_)) if !args.paths.is_empty() => {
                return bad("`revert` takes a whole commit back: leave `paths` out");
            }
            (None, Some(hash)) if !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                return bad("`revert` takes the hash of a commit");
            }
            (Some(message), None) if message.trim().is_empty() => return bad("`message` is empty"),
            (Some(message), None) if message.len() > MESSAGE_BYTES_MAX => {
                return bad("`message` is longer than 65536 bytes");
            }
            (Some(message), None) if message.contains('\0') => {
                return bad("`message` has a NUL character");
            }
            _ => {}
        }
        for text in [&args.author_name, &args.author_email].into_iter().flatten() {
            let odd = |c: char| c.is_control() || matches!(c, '<' | '>');
            if text.len() > IDENTITY_BYTES_MAX || text.chars().any(odd) || text.trim().is_empty() {
                return bad("the author's name and address are short texts without `<` and `>`");
            }
        }
        Ok(())
    }

    fn dry_run(&self, args: &Args) -> String {
        let path = args.path.escape_debug();
        match (&args.revert, args.paths.as_slice()) {
            (Some(hash), _) => format!("would commit the reversal of {hash} in `{path}`"),
            (None, []) => format!("would commit all changes in the repository of `{path}`"),
            (None, paths) => {
                let named = paths.iter().map(|path| format!("`{}`", path.escape_debug()));
                format!("would commit {}", named.collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let repository = Repository::open(at, &args.path)?
            .map_err(|why| ToolError::new(ErrorKind::NotFound, why))?;
        let top = top(&repository)?;
        let work = Work { at, repository: &repository, top, who: who(&repository, &args)? };
        work.nothing_under_way()?;
        match args.revert {
            Some(hash) => work.revert(&hash),
            None => work.commit(&args.paths, &args.message.unwrap_or_default()),
        }
    }
}

/// The top of the working tree.
fn top(repository: &Repository<'_>) -> Result<String, ToolError> {
    let output = repository.run(&["rev-parse", "--show-toplevel"])?;
    let text = output.stdout.strip_suffix(b"\n").unwrap_or(&output.stdout);
    String::from_utf8(text.to_vec()).map_err(|_bytes| {
        ToolError::new(ErrorKind::BadContent, "the repository lies at a path that is not UTF-8")
    })
}

/// Variables that say who commits.
fn who(repository: &Repository<'_>, args: &Args) -> Result<Vec<(String, String)>, ToolError> {
    let mut env = Vec::new();
    for (key, name, given, fixed) in [
        ("user.name", "NAME", &args.author_name, NAME),
        ("user.email", "EMAIL", &args.author_email, EMAIL),
    ] {
        let configured = repository.look(&["config", "--get", key])?.ending == Ending::Exited(0);
        if let Some(given) = given {
            env.push((format!("GIT_AUTHOR_{name}"), given.clone()));
        } else if !configured {
            env.push((format!("GIT_AUTHOR_{name}"), fixed.to_owned()));
        }
        if !configured {
            env.push((format!("GIT_COMMITTER_{name}"), fixed.to_owned()));
        }
    }
    env.push(("GIT_EDITOR".to_owned(), "false".to_owned()));
    env.push(("GIT_LITERAL_PATHSPECS".to_owned(), "1".to_owned()));
    Ok(env)
}

/// A repository in which something is to be committed.
struct Work<'a> {
    at: &'a Call<'a>,
    repository: &'a Repository<'a>,
    top: String,
    who: Vec<(String, String)>,
}

impl Work<'_> {
    /// Refuses to add to a merge, a rebase or the like that somebody has begun.
    fn nothing_under_way(&self) -> Result<(), ToolError> {
        for head in ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD"] {
            let found = self.repository.look(&["rev-parse", "-q", "--verify", head])?;
            if found.ending == Ending::Exited(0) {
                let message = format!(
                    "the repository is in the middle of something (`{head}`): finish or abort that first"
                );
                return Err(ToolError::new(ErrorKind::Conflict, message));
            }
        }
        Ok(())
    }

    fn commit(&self, paths: &[String], message: &str) -> Result<Answer<Data>, ToolError> {
        let chosen = select::chosen(self, paths)?;
        self.no_filters(&chosen.paths)?;
        let names = select::joined(&chosen.paths);
        let add = ["-C", &self.top, "add", "-A", "--pathspec-from-file=-", "--pathspec-file-nul"];
        self.changed(&add, names)?;
        let mut commit = vec![
            "-C",
            &self.top,
            "commit",
            "--quiet",
            "--no-verify",
            "--no-gpg-sign",
            "--cleanup=whitespace",
            "-F",
            "-",
        ];
        if !paths.is_empty() {
            commit.extend(["--only", "--"]);
            commit.extend(chosen.paths.iter().map(String::as_str));
        }
        let done = self.changed(&commit, message.as_bytes().to_vec())?;
        let head = self.head()?;
        let files = self.files_of(&head)?;
        let data = Data { commit: head, files, left_out: chosen.left_out, committed: true };
        Ok(Answer { receipt: done.receipt, ..Answer::of(data) })
    }

    /// Runs git so that it may write; it must end with status 0.
    fn changed(
        &self,
        args: &[&str],
        stdin: Vec<u8>,
    ) -> Result<crate::ports::CommandOutput, ToolError> {
        let output = self.repository.change(args, stdin, &self.who)?;
        match output.ending {
            Ending::Exited(0) => Ok(output),
            _ => Err(self.repository.broken(&output)),
        }
    }

    fn head(&self) -> Result<String, ToolError> {
        let output = self.repository.run(&["rev-parse", "--verify", "HEAD"])?;
        Ok(String::from_utf8_lossy(output.stdout.trim_ascii()).into_owned())
    }

    /// Files that a commit changes.
    fn files_of(&self, commit: &str) -> Result<Vec<String>, ToolError> {
        let output = self.repository.run(&[
            "diff-tree",
            "--no-commit-id",
            "--name-only",
            "-r",
            "-z",
            "--root",
            "--no-renames",
            "--no-ext-diff",
            "--no-textconv",
            "--end-of-options",
            commit,
        ])?;
        Ok(select::names(&output.stdout).map(|name| lossy(name).0).collect())
    }

    /// Refuses files that git would send through a program first: it does not run here, and another
    /// content would be recorded than the repository wants.
    fn no_filters(&self, paths: &[String]) -> Result<(), ToolError> {
        let args = ["-C", &self.top, "check-attr", "-z", "--stdin", "filter"];
        let output = self.repository.ask(&args, select::joined(paths))?;
        if output.ending != Ending::Exited(0) || output.truncated {
            return Err(self.repository.broken(&output));
        }
        let fields: Vec<&[u8]> = output.stdout.split(|byte| *byte == 0).collect();
        let filtered = fields.chunks_exact(3).find_map(|of| match of {
            [path, _, value] if !matches!(*value, b"unspecified" | b"unset") => Some(*path),
            _ => None,
        });
        match filtered {
            None => Ok(()),
            Some(path) => {
                let path = String::from_utf8_lossy(path).escape_debug().to_string();
                let message = format!(
                    "`{path}` goes through a filter (`.gitattributes`), which is not run here: commit it \
                     by hand"
                );
                Err(ToolError::new(ErrorKind::Forbidden, message))
            }
        }
    }
}

#[cfg(test)]
mod tests;
