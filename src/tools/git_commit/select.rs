//! What a commit takes in: the changed files among what was named.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::Work;
use crate::contracts::{ErrorKind, ToolError};
use crate::policy::is_secret;

/// Most files of a commit of named paths: they stand on a command line.
const NAMED_MAX: usize = 1_000;
/// Most bytes of their names.
const NAMED_BYTES_MAX: usize = 100 * 1024;

/// Paths relative to the top of the repository.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    pub(super) paths: Vec<String>,
    pub(super) left_out: Vec<String>,
}

/// The changed files, of `named` where something is named.
pub(super) fn chosen(work: &Work<'_>, named: &[String]) -> Result<Chosen, ToolError> {
    let mut args = vec![
        "--literal-pathspecs",
        "-C",
        &work.top,
        "status",
        "--porcelain",
        "-z",
        "--no-renames",
        "--untracked-files=all",
        "--ignore-submodules=dirty",
        "--",
    ];
    let absolute: Vec<String> = named
        .iter()
        .map(|path| work.at.jail.absolute(path).map(|path| path.to_string_lossy().into_owned()))
        .collect::<Result<_, _>>()?;
    args.extend(absolute.iter().map(String::as_str));
    let output = work.repository.run(&args)?;
    if output.truncated {
        let message = "too many files are changed to look at each: name `paths`";
        return Err(ToolError::new(ErrorKind::TooLarge, message));
    }
    let mut chosen = Chosen::default();
    for record in output.stdout.split(|byte| *byte == 0).filter(|record| !record.is_empty()) {
        let (Some(state), Some(name)) = (record.get(..2), record.get(3..)) else {
            return Err(ToolError::new(
                ErrorKind::BadContent,
                "git printed a state that cannot be read",
            ));
        };
        if state.contains(&b'U') || matches!(state, b"AA" | b"DD") {
            let name = String::from_utf8_lossy(name).escape_debug().to_string();
            let message = format!("`{name}` has conflicts: settle them first");
            return Err(ToolError::new(ErrorKind::Conflict, message));
        }
        let Ok(name) = std::str::from_utf8(name) else {
            let shown = String::from_utf8_lossy(name).escape_debug().to_string();
            let message = format!("`{shown}` has a name that is not UTF-8: commit it by hand");
            return Err(ToolError::new(ErrorKind::BadContent, message));
        };
        let path = Path::new(&work.top).join(name);
        let closed = work.at.context.confinement.unreadable.iter().any(|it| path.starts_with(it));
        if closed || is_secret(&path) {
            chosen.left_out.push(name.to_owned());
        } else {
            chosen.paths.push(name.to_owned());
        }
    }
    whole(&chosen, named)?;
    Ok(chosen)
}

fn whole(chosen: &Chosen, named: &[String]) -> Result<(), ToolError> {
    if chosen.paths.is_empty() {
        let why = match chosen.left_out.first() {
            None => String::new(),
            Some(one) => format!(": `{}` usually holds secrets", one.escape_debug()),
        };
        let message = format!("there is nothing to commit{why}");
        return Err(ToolError::new(ErrorKind::Conflict, message));
    }
    let bytes: usize = chosen.paths.iter().map(String::len).sum();
    if !named.is_empty() && (chosen.paths.len() > NAMED_MAX || bytes > NAMED_BYTES_MAX) {
        let message = format!(
            "more than {NAMED_MAX} files are changed there: commit fewer at once, or all without `paths`"
        );
        return Err(ToolError::new(ErrorKind::TooLarge, message));
    }
    Ok(())
}

/// Names as git reads them from standard input.
pub(super) fn joined(paths: &[String]) -> Vec<u8> {
    let mut all = Vec::new();
    for path in paths {
        all.extend_from_slice(path.as_bytes());
        all.push(0);
    }
    all
}

/// Names that git printed, each followed by NUL.
pub(super) fn names(output: &[u8]) -> impl Iterator<Item = &OsStr> {
    output.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(OsStr::from_bytes)
}
