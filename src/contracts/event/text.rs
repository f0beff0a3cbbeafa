//! Texts that stand outside of the journal, so that they can be forgotten.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contracts::Hash;

/// A text kept outside the journal, so that it can be forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextRef {
    /// `BLAKE3(salt ‖ text)`; the salt is kept with the text.
    pub salted_hash: Hash,
    /// Length of the text in bytes.
    pub bytes: u64,
    /// The name under which the store keeps it.
    pub blob: String,
}

/// A text that is being stored, and its reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What stands in the event.
    pub reference: TextRef,
    /// 32 random bytes.
    pub salt: [u8; 32],
    /// The content.
    pub content: Vec<u8>,
}

impl Stored {
    /// Prepares `content` to be stored under a fresh `salt`.
    #[must_use]
    pub fn new(content: Vec<u8>, salt: [u8; 32]) -> Self {
        let salted_hash = Self::salted_hash(&salt, &content);
        let hex = salted_hash.to_string();
        let blob = format!("blob_{}", hex.get(..32).unwrap_or(&hex));
        let reference = TextRef { salted_hash, bytes: content.len() as u64, blob };
        Self { reference, salt, content }
    }

    /// `BLAKE3(salt ‖ content)`.
    #[must_use]
    pub fn salted_hash(salt: &[u8; 32], content: &[u8]) -> Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(salt);
        hasher.update(content);
        Hash::from_bytes(*hasher.finalize().as_bytes())
    }
}
