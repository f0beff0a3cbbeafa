//! What a tool cuts from its answer is kept as an artifact, up to a bound.

use std::path::Path;

use crate::contracts::{ArtifactRef, Hash};
use crate::ports::Produced;

/// Most of a text or an output that is kept, in bytes. What is beyond is gone, and `truncated` says so.
pub(super) const BYTES_MAX: u64 = 16 << 20;

/// The name of an artifact that holds an answer as it was before it was cut.
pub(crate) const WHOLE: &str = "output.json";

/// Text of which the answer shows the beginning.
pub(super) fn whole(name: &str, mut content: Vec<u8>) -> Produced {
    content.truncate(usize::try_from(BYTES_MAX).unwrap_or(usize::MAX));
    produced(name, "text/plain", content)
}

/// An answer, as JSON, of which the call's own answer shows a part.
pub(super) fn answer(content: Vec<u8>) -> Produced {
    produced(WHOLE, "application/json", content)
}

fn produced(name: &str, media_type: &str, content: Vec<u8>) -> Produced {
    let artifact = ArtifactRef {
        name: name.to_owned(),
        hash: Hash::of(&content),
        bytes: content.len() as u64,
        media_type: media_type.to_owned(),
    };
    Produced { artifact, content }
}

/// As [`whole`], under the name of the file at `path`.
pub(super) fn whole_of(path: &Path, content: Vec<u8>) -> Produced {
    let name = path.file_name().map_or_else(|| "text".into(), |name| name.to_string_lossy());
    whole(&name, content)
}

/// What is said of it.
pub(super) fn said(kept: &Produced) -> String {
    let ArtifactRef { name, hash, bytes, .. } = &kept.artifact;
    let how_much = if *bytes < BYTES_MAX { "all of it is" } else { "the first part of it is" };
    format!(
        "`{name}` was cut in the answer; {how_much} the artifact `{name}` ({bytes} bytes, {hash})"
    )
}
