//! `tar`, in the forms that the programs of this world write.

use std::io::Read;

use ::tar::{Archive, Entry, EntryType};

use super::super::words::Refusal;
use super::format::unreadable;
use super::place::{Place, damaged, refused};

/// Bytes that one entry takes beside its content: headers, long names, what fills a block.
pub(super) const FRAME_BYTES_MAX: u64 = 8 * 512;

const BLOCK: usize = 512;
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// Whether `head` is the header of a tar file: its checksum fits, which garbage's does not.
pub(super) fn is_tar(head: &[u8]) -> bool {
    let Some(block) = head.get(..BLOCK) else { return false };
    let stated = block.get(CHECKSUM).and_then(|field| std::str::from_utf8(field).ok());
    let stated = stated.map(|text| text.trim_matches(['\0', ' ']));
    let Some(stated) = stated.and_then(|text| u32::from_str_radix(text, 8).ok()) else {
        return false;
    };
    let at = |(index, byte): (usize, &u8)| match CHECKSUM.contains(&index) {
        true => u32::from(b' '),
        false => u32::from(*byte),
    };
    block.iter().enumerate().map(at).sum::<u32>() == stated
}

pub(super) fn unpack(stream: &mut dyn Read, place: &mut Place<'_>) -> Result<(), Refusal> {
    let mut archive = Archive::new(stream);
    for entry in archive.entries().map_err(|error| unreadable(&error))? {
        one(entry.map_err(|error| unreadable(&error))?, place)?;
    }
    Ok(())
}

fn one(mut entry: Entry<'_, &mut dyn Read>, place: &mut Place<'_>) -> Result<(), Refusal> {
    let name = entry.path_bytes().into_owned();
    place.count(&name)?;
    let kind = entry.header().entry_type();
    let mode = entry.header().mode().map_err(|error| damaged(&name, &error.to_string()))?;
    let target = || {
        let target = entry.link_name_bytes().map(std::borrow::Cow::into_owned);
        target.ok_or_else(|| refused(&name, "is a link without a target"))
    };
    match kind {
        EntryType::Directory => place.dir(&name),
        // Old archives have directories as files whose names end with a slash.
        EntryType::Regular | EntryType::Continuous if name.ends_with(b"/") => place.dir(&name),
        EntryType::Regular | EntryType::Continuous => {
            let bytes = entry.size();
            place.file(&name, mode, Some(bytes), &mut entry)
        }
        EntryType::Symlink => place.link(&name, &target()?),
        EntryType::Link => place.hard_link(&name, &target()?),
        EntryType::Block | EntryType::Char => Err(refused(&name, "is a device")),
        EntryType::Fifo => Err(refused(&name, "is a named pipe")),
        EntryType::GNUSparse => Err(refused(&name, "is a sparse file, which this does not read")),
        // Notes about all that follows, such as the commit that `git archive` writes down.
        EntryType::XGlobalHeader => Ok(()),
        other => {
            let kind = char::from(other.as_byte()).escape_debug().to_string();
            Err(refused(&name, &format!("is of an unknown kind (`{kind}`)")))
        }
    }
}
