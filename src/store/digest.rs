//! One way to hash rows: a domain, and each field preceded by its length, so that no two rows have
//! the same input.

use crate::contracts::Hash;

/// `BLAKE3(domain ‖ (length as little-endian u64 ‖ field)…)`.
pub(super) fn digest(domain: &[u8], fields: &[&[u8]]) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(domain);
    for field in fields {
        hasher.update(&(field.len() as u64).to_le_bytes());
        hasher.update(field);
    }
    Hash::from_bytes(*hasher.finalize().as_bytes())
}
