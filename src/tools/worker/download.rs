//! `download`: one file from the web into the run's area. The host fetches it, because a cell has no
//! network; its bytes are counted, hashed and stored, and read by nobody out here.

use std::fs::{self, File};
use std::io::Write;

use sha2::{Digest, Sha256};

use super::super::area::{Area, failed};
use super::super::typed::{Answer, Call};
use super::super::web::{Bounds, Fetch, Fetched, Target, fetch};
use super::args::{Args, bad};
use super::data::Data;
use crate::contracts::{ErrorKind, ToolError};

pub(super) const DIR: &str = "downloads";

pub(super) fn run(args: &Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
    let url = args.url.as_deref().ok_or_else(|| bad("`download` needs a `url`"))?;
    let target = Target::parse(url)?;
    let area = Area::of_run(at)?;
    let (scratch, name) = (area.scratch()?, args.download_name());
    let unfinished = scratch.path().join(name);
    let io = |error: std::io::Error| failed(&unfinished, &error);
    let mut file = File::create_new(&unfinished).map_err(io)?;
    let (mut sha256, mut blake3) = (Sha256::new(), blake3::Hasher::new());
    let bounds = Bounds { bytes: args.max_bytes() };
    let allowed = &at.context.away.addresses;
    let fetched = fetch(&Fetch { target, bounds, allowed, watch: &at.watch }, &mut |chunk| {
        sha256.update(chunk);
        blake3.update(chunk);
        file.write_all(chunk).map_err(io)
    })?;
    let sha256 = data_encoding::HEXLOWER.encode(&sha256.finalize());
    let blake3 = blake3.finalize().to_hex().to_string();
    expect(&fetched, "SHA-256", args.sha256.as_deref(), &sha256)?;
    expect(&fetched, "BLAKE3", args.blake3.as_deref(), &blake3)?;
    fs::rename(&unfinished, area.dir(DIR)?.join(name)).map_err(io)?;
    let Fetched { target, media_type, bytes, .. } = fetched;
    Ok(Answer::of(Data {
        name: name.to_owned(),
        url: Some(target.shown()),
        media_type: Some(media_type),
        bytes: Some(bytes),
        sha256: Some(sha256),
        blake3: Some(blake3),
        ..Data::default()
    }))
}

fn expect(
    fetched: &Fetched,
    what: &str,
    wanted: Option<&str>,
    found: &str,
) -> Result<(), ToolError> {
    match wanted {
        Some(wanted) if !wanted.eq_ignore_ascii_case(found) => {
            let from = fetched.target.shown();
            let message = format!("`{from}` has the {what} {found}, not the one that is wanted");
            Err(ToolError::new(ErrorKind::BadContent, message))
        }
        _ => Ok(()),
    }
}
