//! Which format a file is, by its first bytes, and the way through it.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;

use super::super::words::{Limits, Refusal, Unpacked, Why};
use super::meter::{Meter, is_overflow};
use super::place::Place;
use super::{tar, zip};

/// The name of the one file in what is compressed and no archive.
const CONTENT: &[u8] = b"content";

/// Largest dictionary of an `xz` file, in KiB, and window of a `zst` file, in bytes.
const XZ_MEMORY_KIB: u32 = 256 * 1024;
const ZSTD_WINDOW_BYTES: u64 = 128 << 20;

/// Bytes that tell a format.
const HEAD_BYTES: usize = 512;

/// A way of compressing one stream.
#[derive(Debug, Clone, Copy)]
enum Compression {
    None,
    Gzip,
    Xz,
    Bzip2,
    Zstd,
}

impl Compression {
    const fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => "gz",
            Self::Xz => "xz",
            Self::Bzip2 => "bz2",
            Self::Zstd => "zst",
        }
    }
}

/// Takes `archive` apart into `into`, which is empty. What is there after a refusal is to be thrown
/// away.
///
/// # Errors
/// With the reason, and the entry that is to blame.
pub(in crate::tools::worker::cell) fn unpack(
    archive: &Path,
    into: &Path,
    limits: &Limits,
) -> Result<Unpacked, Refusal> {
    let io = |error: io::Error| Refusal::new(Why::Io, format!("the archive: {error}"));
    let mut file = File::open(archive).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let head = head(&mut file).map_err(io)?;
    file.rewind().map_err(io)?;
    let by_ratio = limits.ratio_free_bytes.max(size.saturating_mul(limits.ratio));
    let limits = Limits { bytes: limits.bytes.min(by_ratio), ..*limits };
    let used = Cell::new(0);
    let place = Place::new(into, &limits);
    let compression = match head.as_slice() {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => {
            return zip::unpack(file, place, &limits, &used);
        }
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Compression::Bzip2,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        head if tar::is_tar(head) => Compression::None,
        [] => return Err(Refusal::new(Why::Damaged, "the archive is empty")),
        _ => {
            let known = "tar, tar.gz, tar.xz, tar.bz2, tar.zst, zip or gz";
            return Err(Refusal::new(Why::Damaged, format!("the file is no archive: not {known}")));
        }
    };
    let stream = decoder(compression, BufReader::new(file))?;
    // The frames of a tar file count too: a few blocks of each entry beside its content.
    let max = limits.bytes.saturating_add(limits.entries.saturating_mul(tar::FRAME_BYTES_MAX));
    let max = max.min(limits.ratio_free_bytes.max(by_ratio));
    stream_of(Meter::new(stream, &used, max), compression, place)
}

fn head(file: &mut File) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    file.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// A tar file, or one file.
fn stream_of(
    mut stream: impl Read,
    compression: Compression,
    mut place: Place<'_>,
) -> Result<Unpacked, Refusal> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    stream
        .by_ref()
        .take(HEAD_BYTES as u64)
        .read_to_end(&mut head)
        .map_err(|error| unreadable(&error))?;
    let is_tar = tar::is_tar(&head);
    let mut whole = io::Cursor::new(head).chain(stream);
    if !is_tar {
        place.file(CONTENT, 0, None, &mut whole)?;
        return Ok(place.finish(compression.suffix()));
    }
    tar::unpack(&mut whole, &mut place)?;
    // What follows the end of the tar file: only at its own end does a stream say that it is whole.
    io::copy(&mut whole, &mut io::sink()).map_err(|error| unreadable(&error))?;
    Ok(match compression {
        Compression::None => place.finish("tar"),
        _ => place.finish(&format!("tar.{}", compression.suffix())),
    })
}

fn decoder(compression: Compression, file: BufReader<File>) -> Result<Box<dyn Read>, Refusal> {
    Ok(match compression {
        Compression::None => Box::new(file),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        Compression::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(file, true, XZ_MEMORY_KIB)),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(file)),
        Compression::Zstd => Box::new(ZstdFrames { file: Some(file), frame: None }),
    })
}

type ZstdFrame =
    ruzstd::decoding::StreamingDecoder<BufReader<File>, ruzstd::decoding::FrameDecoder>;

/// A `zst` file is one frame after the other.
struct ZstdFrames {
    file: Option<BufReader<File>>,
    frame: Option<Box<ZstdFrame>>,
}

impl Read for ZstdFrames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let count = frame.read(buffer)?;
                if count > 0 || buffer.is_empty() {
                    return Ok(count);
                }
            }
            if let Some(frame) = self.frame.take() {
                self.file = Some(frame.into_inner());
            }
            let Some(mut file) = self.file.take() else { return Ok(0) };
            if file.fill_buf()?.is_empty() {
                return Ok(0);
            }
            let frame = ZstdFrame::new_with_max_window_size(file, ZSTD_WINDOW_BYTES);
            self.frame = Some(Box::new(frame.map_err(io::Error::other)?));
        }
    }
}

/// What a failure of the stream means.
pub(super) fn unreadable(error: &io::Error) -> Refusal {
    match is_overflow(error) {
        true => Refusal::new(Why::TooLarge, format!("the archive: {error}")),
        false => Refusal::new(Why::Damaged, format!("the archive is damaged: {error}")),
    }
}
