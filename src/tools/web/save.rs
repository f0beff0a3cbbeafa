//! What was downloaded for a call, from when its old file is kept until it is in its place.
//!
//! Undo needs to know what a call will leave before it leaves it, and a server may answer differently
//! the second time: so the bytes are fetched once, before, and lie in the run's area until they are put
//! in their place. After a crash in between they are still there.

use std::fs;
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::exchange::{Ask, exchange};
use super::fetch::{Bounds, Fetch, Fetched, no_document};
use super::target::Target;
use crate::contracts::{ErrorKind, Hash, ToolError};
use crate::tools::area::{Area, failed};
use crate::tools::typed::Call;

const DIR: &str = "saves";

/// What is wanted.
pub(super) struct Source<'a> {
    pub(super) target: Target,
    pub(super) bytes_max: u64,
    pub(super) sha256: Option<&'a str>,
    pub(super) blake3: Option<&'a str>,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct About {
    pub(super) url: String,
    pub(super) media_type: String,
    pub(super) sha256: String,
    pub(super) blake3: String,
}

/// A document and where it came from.
#[derive(Debug)]
pub(super) struct Saved {
    pub(super) about: About,
    pub(super) bytes: Vec<u8>,
}

impl Source<'_> {
    /// Gets it, and holds it against the hashes that are wanted.
    pub(super) fn get(self, at: &Call<'_>) -> Result<Saved, ToolError> {
        let Self { target, bytes_max, sha256, blake3 } = self;
        let allowed = &at.context.away.addresses;
        let bounds = Bounds { bytes: bytes_max };
        let look = |target: &Target, status: reqwest::StatusCode, _: &_| match status.as_u16() {
            200 => Ok(()),
            _ => Err(no_document(target, status)),
        };
        let mut bytes = Vec::new();
        let wanted = Fetch { target, bounds, allowed, watch: &at.watch };
        let fetched = exchange(&wanted, &Ask::get(), &look, &mut |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        })?;
        let Fetched { target, media_type, .. } = fetched;
        let about = About {
            url: target.url.as_str().to_owned(),
            media_type,
            sha256: data_encoding::HEXLOWER.encode(&Sha256::digest(&bytes)),
            blake3: Hash::of(&bytes).to_string(),
        };
        expect(&target, "SHA-256", sha256, &about.sha256)?;
        expect(&target, "BLAKE3", blake3, &about.blake3)?;
        Ok(Saved { about, bytes })
    }
}

impl Saved {
    /// Keeps it until the call runs.
    pub(super) fn keep(&self, at: &Call<'_>) -> Result<(), ToolError> {
        let (about, bytes) = files(at)?;
        let text = serde_json::to_vec(&self.about)
            .map_err(|error| ToolError::new(ErrorKind::Io, error.to_string()))?;
        fs::write(&bytes, &self.bytes).map_err(|error| failed(&bytes, &error))?;
        fs::write(&about, text).map_err(|error| failed(&about, &error))
    }

    /// What was kept for this call, if anything was. What is there afterwards is nothing.
    pub(super) fn take(at: &Call<'_>) -> Result<Option<Self>, ToolError> {
        if at.context.away.area.is_none() {
            return Ok(None);
        }
        let (about_file, bytes_file) = files(at)?;
        let Some(about) = content(&about_file)? else { return Ok(None) };
        let bytes = content(&bytes_file)?.unwrap_or_default();
        forget(&about_file)?;
        forget(&bytes_file)?;
        let about: Option<About> = serde_json::from_slice(&about).ok();
        // Half of it, or something else's: as good as nothing.
        Ok(about
            .filter(|about| about.blake3 == Hash::of(&bytes).to_string())
            .map(|about| Self { about, bytes }))
    }
}

fn files(at: &Call<'_>) -> Result<(PathBuf, PathBuf), ToolError> {
    let dir = Area::of_run(at)?.dir(DIR)?;
    let id = at.call.id;
    Ok((dir.join(format!("{id}.json")), dir.join(id.to_string())))
}

fn content(path: &Path) -> Result<Option<Vec<u8>>, ToolError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == Io::NotFound => Ok(None),
        Err(error) => Err(failed(path, &error)),
    }
}

fn forget(path: &Path) -> Result<(), ToolError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != Io::NotFound => Err(failed(path, &error)),
        _ => Ok(()),
    }
}

fn expect(target: &Target, what: &str, wanted: Option<&str>, found: &str) -> Result<(), ToolError> {
    match wanted {
        Some(wanted) if !wanted.eq_ignore_ascii_case(found) => {
            let from = target.shown();
            let message = format!("`{from}` has the {what} {found}, not the one that is wanted");
            Err(ToolError::new(ErrorKind::BadContent, message))
        }
        _ => Ok(()),
    }
}
