//! The set inside the program: the files of `policies/` as they were when it was built.

use super::{Layer, Source};

/// Each file of the set, by its path in a workspace.
const FILES: [(&str, &str); 5] = [
    ("policies/10-files.yaml", include_str!("../../policies/10-files.yaml")),
    ("policies/20-commands.yaml", include_str!("../../policies/20-commands.yaml")),
    ("policies/30-tools.yaml", include_str!("../../policies/30-tools.yaml")),
    ("policies/40-strict.yaml", include_str!("../../policies/40-strict.yaml")),
    ("policies/50-exfiltration.rhai", include_str!("../../policies/50-exfiltration.rhai")),
];

/// The built-in set. Its files are named `<built-in>/…`.
#[must_use]
pub fn built_in() -> Vec<Source> {
    let source = |(name, text): &(&str, &str)| Source {
        layer: Layer::BuiltIn,
        path: format!("<built-in>/{}", name.trim_start_matches("policies/")),
        bytes: text.as_bytes().to_vec(),
    };
    FILES.iter().map(source).collect()
}

/// The files of the set by their path in a workspace, for a new one.
#[must_use]
pub const fn default_files() -> &'static [(&'static str, &'static str)] {
    &FILES
}
