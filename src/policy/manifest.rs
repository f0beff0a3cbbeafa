//! Signed rules: a manifest of every file of a directory, and whose signature it carries (ed25519).
//!
//! The signature covers the version and each file's name and BLAKE3 hash, rules and tests alike. Nothing
//! may be missing, changed or added. Who is trusted to sign is no business of the directory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use super::{Source, SourceKind};
use crate::contracts::{Diagnostic, Hash};

/// The manifest's file, in the directory it is about.
pub const MANIFEST_FILE: &str = "manifest.json";
/// Of the manifest's form.
const VERSION: u32 = 1;
/// What a signature is for: it means nothing elsewhere.
const DOMAIN: &[u8] = b"bailiwick.policies.v1\n";
const PUBLIC: &str = "ed25519:";
const PRIVATE: &str = "ed25519-private:";

/// What was signed, by which key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    schema_version: u32,
    /// Each file of rules and of tests, by its name in the directory.
    files: BTreeMap<String, Hash>,
    key: PublicKey,
    signature: String,
}

/// A key that signatures are checked by, as `ed25519:` and Base64.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey(VerifyingKey);

/// A key that signs. Shown only when it is written to its file.
pub struct PrivateKey(SigningKey);

/// A key that the user or the machine's owner trusts, with the name they gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// Whose it is.
    pub name: String,
    /// The key.
    pub key: PublicKey,
}

/// A text that is no key. What it says is not repeated: it may be a private one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No public key.
    #[error("this is no public key: expected `ed25519:` and 44 characters of Base64")]
    Public,
    /// No private key.
    #[error("this is no private key: expected `ed25519-private:` and 44 characters of Base64")]
    Private,
}

impl PrivateKey {
    /// The key made from 32 random bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The text for its file.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{PRIVATE}{}\n", BASE64.encode(self.0.as_bytes()))
    }

    /// What its signatures are checked by.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }
}

impl FromStr for PrivateKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let encoded = text.trim().strip_prefix(PRIVATE).ok_or(KeyError::Private)?;
        let seed = bytes::<32>(encoded).ok_or(KeyError::Private)?;
        Ok(Self::from_seed(&seed))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("public", &self.public()).finish_non_exhaustive()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC}{}", BASE64.encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let encoded = text.strip_prefix(PUBLIC).ok_or(KeyError::Public)?;
        let key = bytes::<32>(encoded).and_then(|key| VerifyingKey::from_bytes(&key).ok());
        // Whoever has a weak key has no secret: anybody can sign for it.
        key.filter(|key| !key.is_weak()).map(Self).ok_or(KeyError::Public)
    }
}

impl TryFrom<String> for PublicKey {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

fn bytes<const N: usize>(encoded: &str) -> Option<[u8; N]> {
    BASE64.decode(encoded.as_bytes()).ok()?.try_into().ok()
}

/// The trusted keys of a file: a line each, the key and then its name; `#` begins a comment.
///
/// # Errors
/// Every line that is something else.
pub fn trusted_keys(text: &str, file: &str) -> Result<Vec<TrustedKey>, Vec<Diagnostic>> {
    let (mut keys, mut mistakes) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, name) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match key.parse() {
            Ok(_) if name.trim().is_empty() => {
                let message = "a trusted key has a name behind it: whose it is";
                mistakes.push(Diagnostic::error("trusted-key", message, file, number, 1));
            }
            Ok(key) => keys.push(TrustedKey { name: name.trim().to_owned(), key }),
            Err(error) => {
                let message = KeyError::to_string(&error);
                mistakes.push(Diagnostic::error("trusted-key", message, file, number, 1));
            }
        }
    }
    if mistakes.is_empty() { Ok(keys) } else { Err(mistakes) }
}

/// Signs `sources`, all of one directory.
#[must_use]
pub fn sign(sources: &[Source], key: &PrivateKey) -> Manifest {
    let files = files(sources);
    let signature = BASE64.encode(&key.0.sign(&signed_bytes(&files)).to_bytes());
    Manifest { schema_version: VERSION, files, key: key.public(), signature }
}

impl Manifest {
    /// Reads the text of a manifest.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let manifest: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        match manifest.schema_version {
            VERSION => Ok(manifest),
            other => {
                Err(format!("its schema version is {other}, and this program knows {VERSION}"))
            }
        }
    }

    /// The text of the manifest.
    ///
    /// # Errors
    /// Never for a manifest made by [`sign`].
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Checks it against the files that are there: whose signature it carries, or everything that is
    /// wrong. `dir` is what people call the directory, with a slash at the end.
    ///
    /// # Errors
    /// Every way in which it does not hold.
    pub fn verify<'a>(
        &self,
        sources: &[Source],
        keys: &'a [TrustedKey],
        dir: &str,
    ) -> Result<&'a TrustedKey, Vec<Diagnostic>> {
        let mut wrong = Vec::new();
        let at = format!("{dir}{MANIFEST_FILE}");
        let key = keys.iter().find(|trusted| trusted.key == self.key);
        if key.is_none() {
            let message = format!("it is signed by a key that is not trusted: {}", self.key);
            wrong.push(Diagnostic::error("unknown-key", message, &at, 1, 1));
        }
        if !self.signature_holds() {
            let message = "the signature does not fit the manifest";
            wrong.push(Diagnostic::error("bad-signature", message, &at, 1, 1));
        }
        wrong.extend(self.differences(&files(sources), dir));
        match key {
            Some(key) if wrong.is_empty() => Ok(key),
            _ => Err(wrong),
        }
    }

    fn signature_holds(&self) -> bool {
        let Some(signature) = bytes::<64>(&self.signature) else { return false };
        let signature = Signature::from_bytes(&signature);
        self.key.0.verify_strict(&signed_bytes(&self.files), &signature).is_ok()
    }

    fn differences(&self, there: &BTreeMap<String, Hash>, dir: &str) -> Vec<Diagnostic> {
        let names: BTreeSet<&String> = self.files.keys().chain(there.keys()).collect();
        let difference = |name: &String| {
            let (code, message) = match (self.files.get(name), there.get(name)) {
                (Some(signed), Some(found)) if signed == found => return None,
                (Some(_), Some(_)) => ("signed-changed", "it was changed after it was signed"),
                (Some(_), None) => ("signed-missing", "it was signed and is gone"),
                (None, _) => ("not-signed", "it is not among the signed files"),
            };
            Some(Diagnostic::error(code, message, &format!("{dir}{name}"), 1, 1))
        };
        names.into_iter().filter_map(difference).collect()
    }
}

/// The files that a signature is about: whatever decides, and the tests.
fn files(sources: &[Source]) -> BTreeMap<String, Hash> {
    let counts = |source: &&Source| source.kind() != SourceKind::Other;
    let named = |source: &Source| {
        let name = source.path.rsplit('/').next().unwrap_or_default();
        (name.to_owned(), Hash::of(&source.bytes))
    };
    sources.iter().filter(counts).map(named).collect()
}

/// Each part with its length before it, so that no two lists of files share their bytes.
fn signed_bytes(files: &BTreeMap<String, Hash>) -> Vec<u8> {
    let mut signed = DOMAIN.to_vec();
    for (name, hash) in files {
        let length = u64::try_from(name.len()).unwrap_or(u64::MAX);
        signed.extend_from_slice(&length.to_le_bytes());
        signed.extend_from_slice(name.as_bytes());
        signed.extend_from_slice(hash.as_bytes());
    }
    signed
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
