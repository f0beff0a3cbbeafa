//! The set inside the program: the files of `policies/` as they were when it was built.

use super::source::SourceKind;
use super::{Layer, Source};

/// Each file of the set and of its tests, by its path in a workspace.
const FILES: [(&str, &str); 16] = [
    ("policies/10-files.yaml", include_str!("../../policies/10-files.yaml")),
    ("policies/20-commands.yaml", include_str!("../../policies/20-commands.yaml")),
    ("policies/30-tools.yaml", include_str!("../../policies/30-tools.yaml")),
    ("policies/35-worker.yaml", include_str!("../../policies/35-worker.yaml")),
    ("policies/36-web.yaml", include_str!("../../policies/36-web.yaml")),
    ("policies/37-external.yaml", include_str!("../../policies/37-external.yaml")),
    ("policies/40-strict.yaml", include_str!("../../policies/40-strict.yaml")),
    ("policies/50-exfiltration.rhai", include_str!("../../policies/50-exfiltration.rhai")),
    ("policies/10-files_test.yaml", include_str!("../../policies/10-files_test.yaml")),
    ("policies/20-commands_test.yaml", include_str!("../../policies/20-commands_test.yaml")),
    ("policies/30-tools_test.yaml", include_str!("../../policies/30-tools_test.yaml")),
    ("policies/35-worker_test.yaml", include_str!("../../policies/35-worker_test.yaml")),
    ("policies/36-web_test.yaml", include_str!("../../policies/36-web_test.yaml")),
    ("policies/37-external_test.yaml", include_str!("../../policies/37-external_test.yaml")),
    ("policies/40-strict_test.yaml", include_str!("../../policies/40-strict_test.yaml")),
    (
        "policies/50-exfiltration_test.yaml",
        include_str!("../../policies/50-exfiltration_test.yaml"),
    ),
];

/// The built-in set, without its tests. Its files are named `<built-in>/…`.
#[must_use]
pub fn built_in() -> Vec<Source> {
    files().filter(|source| source.kind() != SourceKind::Tests).collect()
}

/// The tests of the built-in set.
#[must_use]
pub fn built_in_tests() -> Vec<Source> {
    files().filter(|source| source.kind() == SourceKind::Tests).collect()
}

fn files() -> impl Iterator<Item = Source> {
    FILES.iter().map(|(name, text)| Source {
        layer: Layer::BuiltIn,
        path: format!("<built-in>/{}", name.trim_start_matches("policies/")),
        bytes: text.as_bytes().to_vec(),
    })
}

/// The files of the set by their path in a workspace, for a new one.
#[must_use]
pub const fn default_files() -> &'static [(&'static str, &'static str)] {
    &FILES
}
