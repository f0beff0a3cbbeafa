//! The commented default: the built-in layer and the reference in one.

/// Where the file stands in a workspace.
pub const DEFAULT_FILE: &str = "config/bailiwick.yaml";

/// Its text.
pub const DEFAULT_TEXT: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/config/bailiwick.yaml"));

/// How the built-in layer is named where a file's name is expected.
pub(super) const BUILT_IN_NAME: &str = "<built-in>/config/bailiwick.yaml";
