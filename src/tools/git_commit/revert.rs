//! Taking a commit back with a new one: whole, or nothing is left of the try.

use std::path::Path;

use super::{Data, Work, select};
use crate::contracts::{ErrorKind, ToolError};
use crate::ports::Ending;
use crate::tools::fs::lossy;
use crate::tools::git::first_line;
use crate::tools::typed::Answer;

/// Most names of files in a refusal.
const NAMED_MAX: usize = 10;

impl Work<'_> {
    pub(super) fn revert(&self, hash: &str) -> Result<Answer<Data>, ToolError> {
        let commit = self.known(hash)?;
        if let Some(before) = self.reverted_before(&commit)? {
            let data =
                Data { commit: before, files: Vec::new(), left_out: Vec::new(), committed: false };
            return Ok(Answer::of(data));
        }
        if self.repository.has_setting("merge.", ".driver") {
            return conflict_of(
                ErrorKind::Forbidden,
                "the repository defines a merge driver, which is not run here: revert by hand",
            );
        }
        let files = self.files_of(&commit)?;
        self.no_filters(&files)?;
        self.none_governs(&files)?;
        let revert =
            ["-C", &self.top, "revert", "--no-edit", "--no-gpg-sign", "--end-of-options", &commit];
        let output = self.repository.change(&revert, Vec::new(), &self.who)?;
        if output.ending != Ending::Exited(0) {
            return Err(self.given_up(&commit, &first_line(&output.stderr))?);
        }
        let head = self.head()?;
        let files = self.files_of(&head)?;
        let data = Data { commit: head, files, left_out: Vec::new(), committed: true };
        Ok(Answer { receipt: output.receipt, ..Answer::of(data) })
    }

    /// The whole hash of a commit with one parent that the current branch has.
    fn known(&self, hash: &str) -> Result<String, ToolError> {
        let name = format!("{hash}^{{commit}}");
        let found = self.repository.look(&["rev-parse", "-q", "--verify", &name])?;
        if found.ending != Ending::Exited(0) {
            return conflict_of(ErrorKind::NotFound, &format!("there is no commit `{hash}`"));
        }
        let commit = String::from_utf8_lossy(found.stdout.trim_ascii()).into_owned();
        let within = self.repository.look(&["merge-base", "--is-ancestor", &commit, "HEAD"])?;
        if within.ending != Ending::Exited(0) {
            let message = format!("the current branch does not have the commit `{hash}`");
            return conflict_of(ErrorKind::Conflict, &message);
        }
        let line = self.repository.run(&["rev-list", "--parents", "-n1", &commit])?.stdout;
        if line.split(|byte| *byte == b' ').count() > 2 {
            let message = format!("`{hash}` is a merge: which side is meant, a person has to say");
            return conflict_of(ErrorKind::Conflict, &message);
        }
        Ok(commit)
    }

    /// A commit since then that says that it takes this one back.
    fn reverted_before(&self, commit: &str) -> Result<Option<String>, ToolError> {
        let (grep, range) =
            (format!("--grep=This reverts commit {commit}"), format!("{commit}..HEAD"));
        let output = self.repository.run(&[
            "log",
            "-n1",
            "--format=%H",
            "--no-show-signature",
            "--fixed-strings",
            &grep,
            &range,
        ])?;
        let found = String::from_utf8_lossy(output.stdout.trim_ascii()).into_owned();
        Ok(Some(found).filter(|found| !found.is_empty()))
    }

    /// What governs the program is read-only in the cell: git would stop half-way.
    fn none_governs(&self, files: &[String]) -> Result<(), ToolError> {
        let protected = &self.at.context.confinement.protected;
        let governs = |file: &&String| {
            let path = Path::new(&self.top).join(file);
            protected.iter().any(|place| path.starts_with(place))
        };
        match files.iter().find(governs) {
            None => Ok(()),
            Some(file) => {
                let message =
                    format!("`{}` governs the runner: revert by hand", file.escape_debug());
                conflict_of(ErrorKind::Forbidden, &message)
            }
        }
    }

    /// Takes the try back, and says why it failed.
    fn given_up(&self, commit: &str, said: &str) -> Result<ToolError, ToolError> {
        let unmerged = self.repository.run(&[
            "-C",
            &self.top,
            "diff",
            "--name-only",
            "--diff-filter=U",
            "-z",
            "--no-ext-diff",
        ])?;
        let names: Vec<String> =
            select::names(&unmerged.stdout).take(NAMED_MAX).map(|name| lossy(name).0).collect();
        let begun = self.repository.look(&["rev-parse", "-q", "--verify", "REVERT_HEAD"])?;
        if begun.ending == Ending::Exited(0) {
            let abort = ["-C", &self.top, "revert", "--abort"];
            let output = self.repository.change(&abort, Vec::new(), &self.who)?;
            if output.ending != Ending::Exited(0) {
                let message = format!(
                    "the reversal of `{commit}` has conflicts and could not be given up: `git revert \
                     --abort` says: {}",
                    first_line(&output.stderr)
                );
                return Err(ToolError::new(ErrorKind::InDoubt, message));
            }
        }
        let why = if names.is_empty() {
            said.to_owned()
        } else {
            format!("it has conflicts in `{}`", names.join("`, `"))
        };
        let message = format!("`{commit}` cannot be taken back, and nothing was changed: {why}");
        Ok(ToolError::new(ErrorKind::Conflict, message))
    }
}

fn conflict_of<T>(kind: ErrorKind, message: &str) -> Result<T, ToolError> {
    Err(ToolError::new(kind, message))
}
