//! Whether the workspace's rules carry the signature that they must have, where one is demanded.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::kept::SHOWN;
use super::layers::Signing;
use super::snapshot::{ManifestFile, mistake};
use crate::contracts::Diagnostic;
use crate::policy::{MANIFEST_FILE, Manifest, Source, TrustedKey, trusted_keys};

/// Largest file of keys, in bytes.
const KEYS_BYTES_MAX: u64 = 1 << 20;

impl Signing {
    /// Whether the workspace's rules must be signed.
    #[must_use]
    pub fn is_demanded(&self) -> bool {
        let there = |dir: &PathBuf| match fs::symlink_metadata(dir.join(Self::DEMAND)) {
            Ok(_) => true,
            // What cannot be looked at may be there.
            Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
        };
        self.required || self.dirs.iter().any(there)
    }

    /// Every key that the machine's owner and the user trust.
    ///
    /// # Errors
    /// What is wrong with their files: a line that cannot be read may have been the key.
    pub fn keys(&self) -> Result<Vec<TrustedKey>, Vec<Diagnostic>> {
        let (mut keys, mut mistakes) = (Vec::new(), Vec::new());
        for path in self.dirs.iter().map(|dir| dir.join(Self::KEYS)) {
            let shown = path.display().to_string();
            match read(&path) {
                Ok(None) => {}
                Ok(Some(text)) => match trusted_keys(&text, &shown) {
                    Ok(found) => keys.extend(found),
                    Err(wrong) => mistakes.extend(wrong),
                },
                Err(error) => {
                    let message = format!("the trusted keys cannot be read: {error}");
                    mistakes.push(mistake(&shown, "trusted-key", &message));
                }
            }
        }
        if mistakes.is_empty() { Ok(keys) } else { Err(mistakes) }
    }
}

fn read(path: &Path) -> io::Result<Option<String>> {
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    // Before it is opened: opening a pipe would wait for a writer.
    if !found.is_file() || found.len() > KEYS_BYTES_MAX {
        return Err(io::Error::other("it is no regular file, or it is too large"));
    }
    let mut text = String::new();
    File::open(path)?.take(KEYS_BYTES_MAX).read_to_string(&mut text)?;
    Ok(Some(text))
}

/// What a signature lacks, where one is demanded.
pub(super) fn missing(
    signing: &Signing,
    sources: &[Source],
    manifest: &ManifestFile,
) -> Vec<Diagnostic> {
    if !signing.is_demanded() {
        return Vec::new();
    }
    match signer(signing, sources, manifest, SHOWN) {
        Ok(_) => Vec::new(),
        Err(wrong) => wrong,
    }
}

/// Whose signature the files carry, by the keys that are trusted.
pub(super) fn signer(
    signing: &Signing,
    sources: &[Source],
    manifest: &ManifestFile,
    dir: &str,
) -> Result<TrustedKey, Vec<Diagnostic>> {
    let at = format!("{dir}{MANIFEST_FILE}");
    let wrong = |code: &str, message: &str| vec![mistake(&at, code, message)];
    let text = match manifest {
        None => {
            let help = "sign the directory with `bailiwick policy sign --key FILE`";
            let missing = mistake(&at, "unsigned", "the rules must be signed, and are not");
            return Err(vec![missing.suggest(help)]);
        }
        Some(Err(error)) => return Err(wrong("unreadable", error)),
        Some(Ok(text)) => text,
    };
    let manifest = Manifest::parse(text)
        .map_err(|error| wrong("bad-manifest", &format!("this is no manifest: {error}")))?;
    manifest.verify(sources, &signing.keys()?, dir).cloned()
}
