//! Copying a body, and not a byte more: what follows it would be a second request.

use std::io::{self, Write};
use std::net::TcpStream;

use super::head::Body;
use super::incoming::{Incoming, buffer, malformed};
use super::limits::{CHUNK_LINE_BYTES_MAX, TRAILERS_MAX};
use super::shared::Activity;

/// Most digits of the size of a chunk.
const SIZE_DIGITS_MAX: usize = 15;

/// Copies what `body` says; everything until the end where nothing does.
pub(super) fn copy(
    body: Body,
    from: &mut Incoming,
    to: &TcpStream,
    activity: &Activity,
) -> io::Result<()> {
    match body {
        Body::Length(length) => exactly(length, from, to, activity),
        Body::Chunked => chunks(from, to, activity),
        Body::Unsaid => until_end(from, to, activity),
    }
}

/// Copies until the other side ends.
pub(super) fn until_end(
    from: &mut Incoming,
    mut to: &TcpStream,
    activity: &Activity,
) -> io::Result<()> {
    let mut buffer = buffer();
    loop {
        let count = from.some(&mut buffer, activity)?;
        if count == 0 {
            return Ok(());
        }
        to.write_all(buffer.get(..count).unwrap_or_default())?;
        activity.touch();
    }
}

fn exactly(
    length: u64,
    from: &mut Incoming,
    mut to: &TcpStream,
    activity: &Activity,
) -> io::Result<()> {
    let mut buffer = buffer();
    let mut left = length;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let count = from.some(buffer.get_mut(..most).unwrap_or_default(), activity)?;
        if count == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        to.write_all(buffer.get(..count).unwrap_or_default())?;
        activity.touch();
        left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
    }
    Ok(())
}

/// Copies chunks in one spelling: extensions and the fields after the last chunk go no further.
fn chunks(from: &mut Incoming, mut to: &TcpStream, activity: &Activity) -> io::Result<()> {
    loop {
        let size = size(&from.line(CHUNK_LINE_BYTES_MAX, activity)?).ok_or_else(malformed)?;
        if size == 0 {
            break;
        }
        to.write_all(format!("{size:x}\r\n").as_bytes())?;
        exactly(size, from, to, activity)?;
        if !from.line(CHUNK_LINE_BYTES_MAX, activity)?.is_empty() {
            return Err(malformed());
        }
        to.write_all(b"\r\n")?;
    }
    for _ in 0..TRAILERS_MAX {
        if from.line(CHUNK_LINE_BYTES_MAX, activity)?.is_empty() {
            return to.write_all(b"0\r\n\r\n");
        }
    }
    Err(malformed())
}

/// The size in the line before a chunk.
fn size(line: &[u8]) -> Option<u64> {
    let before = line.split(|byte| *byte == b';').next()?;
    let end = before.iter().rposition(|byte| !matches!(byte, b' ' | b'\t'))?;
    let digits = before.get(..=end)?;
    let sound =
        (1..=SIZE_DIGITS_MAX).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok().filter(|_| sound)
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn reads_sizes_of_chunks_and_nothing_else() {
        let cases = [
            ("0", Some(0)),
            ("1A", Some(26)),
            ("a;ext=1", Some(10)),
            ("5 ", Some(5)),
            ("", None),
            ("+5", None),
            ("-1", None),
            ("0x5", None),
            (" 5", None),
            ("5 5", None),
            ("5\n", None),
            ("5\r", None),
            ("ffffffffffffffff", None),
        ];
        for (line, expected) in cases {
            assert_eq!(size(line.as_bytes()), expected, "{line:?}");
        }
    }
}
