//! Bringing files back that a command left in its scratch directory. It may have left anything:
//! links to the host's files, pipes that block, files without end.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use globset::{Glob, GlobSet, GlobSetBuilder};
use schemars::JsonSchema;
use serde::Serialize;

use super::fs::{Jail, Kind, TREE_DEPTH_MAX, Walk, read_at_most, walk};
use super::typed::Call;
use crate::contracts::{ArtifactRef, Confinement, ErrorKind, Hash, ToolError};
use crate::ports::Produced;

/// Most files of one call, most bytes of one, and of all.
pub(super) const FILES_MAX: usize = 32;
const FILE_BYTES_MAX: u64 = 16 << 20;
const ALL_BYTES_MAX: u64 = 64 << 20;

/// How a picture in PNG begins.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A file that came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Brought {
    /// Its path in the scratch directory.
    name: String,
    /// Its size.
    bytes: u64,
    /// BLAKE3 of its content.
    hash: String,
}

impl From<&Produced> for Brought {
    fn from(produced: &Produced) -> Self {
        let ArtifactRef { name, hash, bytes, .. } = &produced.artifact;
        Self { name: name.clone(), bytes: *bytes, hash: hash.to_string() }
    }
}

/// The files of these names in `dir`; each must be there.
pub(super) fn named(dir: &Path, names: &[String]) -> Result<Vec<Produced>, ToolError> {
    let confinement = Confinement { read: vec![dir.to_owned()], ..Confinement::default() };
    let jail = Jail::new(dir, &confinement);
    let mut found: Vec<Produced> = Vec::new();
    let mut room = ALL_BYTES_MAX;
    for name in names {
        let opened = jail.open_file(name)?;
        let shown = name.escape_debug();
        let no = |kind, why: String| Err(ToolError::new(kind, format!("`{shown}` {why}")));
        if opened.real != jail.absolute(name)? {
            return no(ErrorKind::Forbidden, "is reached through a link".to_owned());
        }
        let meta = opened.file.metadata().map_err(|error| super::area::failed(dir, &error))?;
        if meta.nlink() > 1 {
            return no(ErrorKind::Forbidden, "has a second name, which may be anywhere".to_owned());
        }
        let most = FILE_BYTES_MAX.min(room);
        let (content, more) = read_at_most(&opened.file, &opened.real, most)?;
        if more {
            return no(
                ErrorKind::TooLarge,
                format!("is larger than the {most} bytes that are left"),
            );
        }
        room = room.saturating_sub(content.len() as u64);
        found.push(produced(jail.relative_to_workspace(&opened.real), content));
    }
    Ok(found)
}

/// The files in `dir` that `globs` name; that there are none is no failure.
pub(super) fn matching(
    at: &Call<'_>,
    dir: &Path,
    globs: &[String],
) -> Result<Vec<Produced>, ToolError> {
    if globs.is_empty() {
        return Ok(Vec::new());
    }
    let globs = glob_set(globs)?;
    let confinement = Confinement { read: vec![dir.to_owned()], ..Confinement::default() };
    let start = Jail::new(dir, &confinement).open_dir(".")?;
    let mut names = Vec::new();
    let every = Walk { depth: TREE_DEPTH_MAX, closed: &[], closed_at: &[], watch: &at.watch };
    walk(&start.fd, &start.real, &every, &mut |visit| {
        if visit.kind == Kind::File && globs.is_match(visit.path) {
            names.extend(visit.path.to_str().map(str::to_owned));
        }
        Ok(names.len() <= FILES_MAX)
    })?;
    if names.len() > FILES_MAX {
        let message = format!("`artifacts` names more than {FILES_MAX} files: name fewer");
        return Err(ToolError::new(ErrorKind::TooLarge, message));
    }
    named(dir, &names)
}

/// Patterns of paths below a directory.
pub(super) fn glob_set(globs: &[String]) -> Result<GlobSet, ToolError> {
    let bad = |error: globset::Error| {
        ToolError::new(ErrorKind::BadArguments, format!("argument `artifacts`: {error}"))
    };
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        set.add(Glob::new(glob).map_err(bad)?);
    }
    set.build().map_err(bad)
}

fn produced(name: String, content: Vec<u8>) -> Produced {
    let media_type = match std::str::from_utf8(&content) {
        Ok(_) if name.ends_with(".json") => "application/json",
        Ok(_) => "text/plain; charset=utf-8",
        Err(_) if content.starts_with(PNG) => "image/png",
        Err(_) => "application/octet-stream",
    };
    let (hash, bytes) = (Hash::of(&content), content.len() as u64);
    let artifact = ArtifactRef { name, hash, bytes, media_type: media_type.to_owned() };
    Produced { artifact, content }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn brings_plain_files_and_nothing_that_leads_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir(root.join("sub")).unwrap();
        fs::write(root.join("sub/out.json"), "{}").unwrap();
        fs::write(root.join("twice"), "x").unwrap();
        fs::hard_link(root.join("twice"), root.join("again")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.join("out")).unwrap();
        std::os::unix::fs::symlink("sub/out.json", root.join("in")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, root.join("pipe"), 0o600.into()).unwrap();
        let [one] = named(root, &["sub/out.json".to_owned()]).unwrap().try_into().unwrap();
        assert_eq!((one.artifact.name.as_str(), one.content), ("sub/out.json", b"{}".to_vec()));
        assert_eq!(one.artifact.hash, Hash::of(b"{}"));
        for (name, kind) in [
            ("out", ErrorKind::Forbidden),
            ("in", ErrorKind::Forbidden),
            ("again", ErrorKind::Forbidden),
            ("../x", ErrorKind::Forbidden),
            ("/etc/passwd", ErrorKind::Forbidden),
            ("pipe", ErrorKind::BadContent),
            ("sub", ErrorKind::BadContent),
            ("none", ErrorKind::NotFound),
        ] {
            let error = named(root, &[name.to_owned()]).unwrap_err();
            assert_eq!(error.kind, kind, "{name}: {}", error.message);
        }
    }

    #[test]
    fn a_file_without_end_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = fs::File::create(dir.path().join("big")).unwrap();
        file.set_len(FILE_BYTES_MAX + 1).unwrap();
        let error = named(dir.path(), &["big".to_owned()]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLarge);
    }
}
