//! Paths as people write them: made absolute, and shown without harm to a terminal.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::contracts::{ErrorKind, ToolError};
use crate::policy::without_dots;

/// Longest path in bytes, as the kernel has it.
const PATH_BYTES_MAX: usize = 4_096;

/// The absolute form of `text`, relative ones starting at `root`, with `.` and `..` worked out as
/// they are written. What stands there is not looked at: that is for whoever opens it.
pub(super) fn absolute(root: &Path, text: &str) -> Result<PathBuf, ToolError> {
    let bad = |why: &str| Err(ToolError::new(ErrorKind::BadArguments, why.to_owned()));
    if text.is_empty() {
        return bad("the path is empty: write `.` for the workspace itself");
    }
    if text.contains('\0') {
        return bad("the path has a NUL character: no file can be named so");
    }
    if text == "~" || text.starts_with("~/") {
        return bad("`~` is not expanded: write the path in full, or relative to the workspace");
    }
    if text.len() > PATH_BYTES_MAX {
        return bad("the path is longer than 4096 bytes");
    }
    Ok(without_dots(&root.join(text)))
}

/// `path` for a message: control characters escaped, so that a file's name cannot drive a terminal.
pub(in crate::tools) fn shown(path: &Path) -> String {
    let mut text = String::new();
    for c in path.to_string_lossy().chars() {
        if c.is_control() {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    text
}

/// `name` as JSON can carry it, and whether something was lost on the way.
pub(in crate::tools) fn lossy(name: &OsStr) -> (String, bool) {
    let text = name.to_string_lossy();
    let lost = matches!(text, std::borrow::Cow::Owned(_));
    (text.into_owned(), lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn works_out_dots_as_written() {
        for (text, expect) in [
            (".", "/ws"),
            ("./a//b/", "/ws/a/b"),
            ("a/../b", "/ws/b"),
            ("../x", "/x"),
            ("../../../../etc/passwd", "/etc/passwd"),
            ("/tmp/./x", "/tmp/x"),
            ("-rf", "/ws/-rf"),
            ("a\nb", "/ws/a\nb"),
        ] {
            let path = absolute(Path::new("/ws"), text).unwrap();
            assert_eq!(path, Path::new(expect), "{text}");
        }
    }

    #[test]
    fn refuses_what_names_no_file() {
        for text in ["", "a\0b", "~", "~/.ssh/id_ed25519", &"a/".repeat(3_000)] {
            let error = absolute(Path::new("/ws"), text).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BadArguments, "{text:?}");
        }
    }

    #[test]
    fn a_shown_path_has_no_control_characters() {
        assert_eq!(shown(Path::new("a\x1b[2Jb\nc")), "a\\u{1b}[2Jb\\nc");
        assert_eq!(shown(Path::new("größe.txt")), "größe.txt");
    }
}
