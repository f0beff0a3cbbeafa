//! `zip`. The directory at the end says what there is; entries are read in its order, one by one, so
//! that names that are there twice are seen.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufReader, Read};

use ::zip::CompressionMethod;
use ::zip::ZipReadOptions;
use ::zip::read::{Config, ZipFile};
use ::zip::result::ZipError;
use ::zip::unstable::read::ZipIterable;

use super::super::words::{Limits, Refusal, Unpacked, Why};
use super::format::unreadable;
use super::meter::Meter;
use super::place::{Place, damaged, refused, too_many};

const KIND_BITS: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

pub(super) fn unpack(
    file: File,
    mut place: Place<'_>,
    limits: &Limits,
    used: &Cell<u64>,
) -> Result<Unpacked, Refusal> {
    let content = file.try_clone().map_err(|error| unreadable(&error))?;
    let archive = ZipIterable::try_new(BufReader::new(file), Config::default());
    // What one reader sees another must see: a name that differs between the two headers is a trap.
    let mut archive = archive.map_err(|error| broken(&error))?.enforce_header_consistency(true);
    // Before anything is read: a million entries are a few megabytes.
    if archive.len() as u64 > limits.entries {
        return Err(too_many(limits, "the directory of the archive"));
    }
    let content = BufReader::new(content);
    let mut entries = archive
        .files_with_reader(content, ZipReadOptions::new())
        .map_err(|error| broken(&error))?;
    while let Some(entry) = entries.next() {
        one(entry.map_err(|error| broken(&error))?, &mut place, limits, used)?;
    }
    Ok(place.finish("zip"))
}

fn one<R: Read>(
    mut entry: ZipFile<'_, R>,
    place: &mut Place<'_>,
    limits: &Limits,
    used: &Cell<u64>,
) -> Result<(), Refusal> {
    let name = entry.name_raw().to_vec();
    place.count(&name)?;
    let mode = entry.unix_mode().unwrap_or(REGULAR);
    if entry.encrypted() {
        return Err(refused(&name, "is encrypted"));
    }
    if name.ends_with(b"/") {
        return place.dir(&name);
    }
    match mode & KIND_BITS {
        0 | REGULAR => {}
        DIRECTORY => return place.dir(&name),
        LINK => {
            let mut target = Vec::new();
            let longest = limits.path_bytes as u64 + 1;
            Meter::new(&mut entry, used, limits.bytes)
                .take(longest)
                .read_to_end(&mut target)
                .map_err(|error| damaged(&name, &error.to_string()))?;
            return place.link(&name, &target);
        }
        _ => return Err(refused(&name, "is a device, a pipe or a socket")),
    }
    if !matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::DEFLATE) {
        let method = entry.compression();
        return Err(refused(
            &name,
            &format!("is compressed in a way this does not read: {method}"),
        ));
    }
    let bytes = entry.size();
    place.file(&name, mode, Some(bytes), &mut Meter::new(&mut entry, used, limits.bytes))
}

fn broken(error: &ZipError) -> Refusal {
    Refusal::new(Why::Damaged, format!("the archive is damaged: {error}"))
}
