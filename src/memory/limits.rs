//! How large a memory may be.

/// Longest tag, subject, episode or foreign name, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 256;
/// Most tags of one record.
pub(super) const TAGS_MAX: usize = 64;
/// Most foreign names of one record.
pub(super) const EXTERNAL_IDS_MAX: usize = 1_024;

/// What bounds writing, from the configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WriteLimits {
    /// Longest text, in bytes.
    pub text_bytes_max: u64,
    /// From which share of common word shingles two texts count as one, 0.95 to 1, when every number, name
    /// and date is the same.
    pub same_from: f32,
}

impl Default for WriteLimits {
    fn default() -> Self {
        Self { text_bytes_max: 64 * 1024, same_from: 0.95 }
    }
}
