//! `--attach FILE`: a file of the workspace goes by its path, any other inside of the task.

use std::io::Read;
use std::path::Path;

use data_encoding::BASE64;

use super::CliError;
use crate::contracts::{ATTACHMENT_BYTES_MAX, ATTACHMENTS_MAX, Attachment};
use crate::policy::without_dots;

/// Most of all contents together that go inside of a task: what the host's socket and the daemon's bodies
/// have room for.
const INSIDE_BYTES_MAX: usize = 8 << 20;
/// Bytes at the beginning of a file that tell whether it is text.
const HEAD_BYTES: u64 = 4 << 10;
/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// Endings of names that tell a media type.
const ENDINGS: &[(&str, &str)] = &[
    ("csv", "text/csv"),
    ("gif", "image/gif"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("md", "text/markdown"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("toml", "application/toml"),
    ("txt", "text/plain"),
    ("xml", "application/xml"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("zip", "application/zip"),
];

/// The files as a task brings them; relative paths start at `cwd`.
///
/// # Errors
/// When one cannot be read, is no regular file, or is too large to go inside of a task.
pub(super) fn attachments(
    files: &[impl AsRef<Path>],
    root: Option<&Path>,
    cwd: &Path,
) -> Result<Vec<Attachment>, CliError> {
    if files.len() > ATTACHMENTS_MAX {
        return Err(CliError::usage(format!("at most {ATTACHMENTS_MAX} files come with a task")));
    }
    let mut room = INSIDE_BYTES_MAX;
    files.iter().map(|file| attachment(file.as_ref(), root, cwd, &mut room)).collect()
}

fn attachment(
    file: &Path,
    root: Option<&Path>,
    cwd: &Path,
    room: &mut usize,
) -> Result<Attachment, CliError> {
    let absolute = without_dots(&cwd.join(file));
    let shown = file.display();
    let unread = |error| CliError::usage(format!("`--attach {shown}`: it cannot be read: {error}"));
    // Looked at before it is opened: opening a pipe waits for whoever writes into it.
    let about = std::fs::metadata(&absolute).map_err(unread)?;
    if !about.is_file() {
        return Err(CliError::usage(format!("`--attach {shown}`: it is no regular file")));
    }
    let inside = root.and_then(|root| absolute.strip_prefix(root).ok()?.to_str());
    let limit = if inside.is_some() { HEAD_BYTES } else { ATTACHMENT_BYTES_MAX as u64 + 1 };
    let mut content = Vec::new();
    let opened = std::fs::File::open(&absolute).map_err(unread)?;
    opened.take(limit).read_to_end(&mut content).map_err(unread)?;
    let name = name_of(&absolute);
    let media_type = media_type(&name, &content).to_owned();
    let (path, data) = match inside {
        Some(path) => (Some(path.to_owned()), None),
        None => (None, Some(whole(&content, about.len(), file, room)?)),
    };
    Ok(Attachment { name, media_type, path, artifact: None, data })
}

/// The content as it goes inside of a task.
fn whole(content: &[u8], bytes: u64, file: &Path, room: &mut usize) -> Result<String, CliError> {
    let shown = file.display();
    if content.len() > ATTACHMENT_BYTES_MAX {
        return Err(CliError::usage(format!(
            "`--attach {shown}`: it has {bytes} bytes; a file that is not in the workspace goes inside of \
             the task, which takes {ATTACHMENT_BYTES_MAX}"
        ))
        .hint("put it into the workspace: then it goes by its path"));
    }
    *room = room.checked_sub(content.len()).ok_or_else(|| {
        CliError::usage(format!(
            "`--attach {shown}`: the files that are not in the workspace have more than \
             {INSIDE_BYTES_MAX} bytes together"
        ))
        .hint("put some into the workspace: then they go by their paths")
    })?;
    Ok(BASE64.encode(content))
}

/// The last part of the path, in signs that a name may have.
fn name_of(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let plain = |c: char| if c.is_control() || c == '\\' { '_' } else { c };
    let mut name: String = name.chars().map(plain).collect();
    name.truncate(name.floor_char_boundary(NAME_BYTES_MAX));
    name
}

fn media_type(name: &str, head: &[u8]) -> &'static str {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let known = ENDINGS.iter().find(|(it, _)| ending.as_deref() == Some(it));
    if let Some((_, media_type)) = known {
        return media_type;
    }
    // A character may be cut at the end.
    let whole = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    if whole && !head.contains(&0) { "text/plain" } else { "application/octet-stream" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_contents_tell_a_media_type() {
        for (name, head, expected) in [
            ("a.JSON", &b"{}"[..], "application/json"),
            ("README", b"words \xc3", "text/plain"),
            ("core", b"\x7fELF\0", "application/octet-stream"),
            ("x.rs", b"fn x() {}", "text/plain"),
            ("x.rs", b"\xff\xfe", "application/octet-stream"),
        ] {
            assert_eq!(media_type(name, head), expected, "{name}");
        }
        assert_eq!(name_of(Path::new("/x/a\nb\\c")), "a_b_c");
        assert_eq!(name_of(Path::new(&format!("/{}", "ä".repeat(200)))).len(), 254);
    }

    #[test]
    fn a_file_goes_by_its_path_from_inside_and_by_its_content_from_outside() {
        let (space, away) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (root, away) = (space.path(), away.path());
        std::fs::write(root.join("in.txt"), "in").unwrap();
        std::fs::write(away.join("out.txt"), "out").unwrap();
        std::fs::write(away.join("big"), vec![b'x'; ATTACHMENT_BYTES_MAX + 1]).unwrap();
        let attach = |file: &str| attachments(&[file], Some(root), root);
        let inside = &attach("./x/../in.txt").unwrap()[0];
        assert_eq!((inside.path.as_deref(), &inside.data), (Some("in.txt"), &None));
        let out = away.join("out.txt");
        let outside = &attach(out.to_str().unwrap()).unwrap()[0];
        assert_eq!((&outside.path, outside.data.as_deref()), (&None, Some("b3V0")));
        // Where the workspace is elsewhere, everything is outside of it.
        let remote = &attachments(&["in.txt"], None, root).unwrap()[0];
        assert_eq!(remote.data.as_deref(), Some("aW4="));
        for (file, why) in [
            (away.join("big"), "it has 1048577 bytes"),
            (away.join("gone"), "cannot be read"),
            (away.to_owned(), "no regular file"),
        ] {
            let error = attach(file.to_str().unwrap()).unwrap_err();
            assert!(format!("{error:?}").contains(why), "{error:?}");
        }
        std::fs::write(away.join("full"), vec![b'x'; ATTACHMENT_BYTES_MAX]).unwrap();
        let nine = vec![away.join("full"); 9];
        let error = attachments(&nine, Some(root), root).unwrap_err();
        assert!(format!("{error:?}").contains("together"), "{error:?}");
    }
}
