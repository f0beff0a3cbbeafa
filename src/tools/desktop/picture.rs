//! Pictures as PNG (RFC 2083): no filters, one piece of data.

use std::io::{self, Write};

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Eight bits of each of red, green and blue; nothing interlaced.
const TRUE_COLOUR: [u8; 5] = [8, 2, 0, 0, 0];
/// Bytes of a pixel: red, green, blue.
pub(super) const PIXEL: usize = 3;

/// `rows` of `width` pixels, as a PNG.
///
/// # Errors
/// When there are not as many bytes as pixels.
pub(super) fn png(width: u32, height: u32, pixels: &[u8]) -> io::Result<Vec<u8>> {
    let row = usize::try_from(width).unwrap_or(usize::MAX).saturating_mul(PIXEL);
    let wanted = row.saturating_mul(usize::try_from(height).unwrap_or(usize::MAX));
    if row == 0 || pixels.len() != wanted {
        return Err(io::Error::other("the picture has not as many bytes as pixels"));
    }
    let mut data = ZlibEncoder::new(Vec::new(), Compression::fast());
    for line in pixels.chunks(row) {
        data.write_all(&[0])?;
        data.write_all(line)?;
    }
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend(TRUE_COLOUR);
    let mut file = SIGNATURE.to_vec();
    chunk(&mut file, b"IHDR", &header)?;
    chunk(&mut file, b"IDAT", &data.finish()?)?;
    chunk(&mut file, b"IEND", &[])?;
    Ok(file)
}

fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) -> io::Result<()> {
    let bytes = u32::try_from(data.len()).map_err(io::Error::other)?;
    let mut sum = Crc::new();
    sum.update(kind);
    sum.update(data);
    file.extend(bytes.to_be_bytes());
    file.extend(kind);
    file.extend(data);
    file.extend(sum.sum().to_be_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_picture_is_what_its_pixels_are() {
        let pixels: Vec<u8> = (0..4 * 2 * 3).collect();
        let file = png(4, 2, &pixels).unwrap();
        assert!(file.starts_with(SIGNATURE));
        assert_eq!(&file[16..24], [0, 0, 0, 4, 0, 0, 0, 2]);
        let at = file.windows(4).position(|it| it == b"IDAT").unwrap();
        let bytes = u32::from_be_bytes(file[at - 4..at].try_into().unwrap()) as usize;
        let mut rows = Vec::new();
        flate2::read::ZlibDecoder::new(&file[at + 4..at + 4 + bytes])
            .read_to_end(&mut rows)
            .unwrap();
        assert_eq!(rows[1..13], pixels[..12]);
        assert_eq!((rows[0], rows[13]), (0, 0));
        assert_eq!(rows[14..], pixels[12..]);
        // What every reader knows of an empty last piece.
        assert!(file.ends_with(&[0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82]));
        assert!(png(4, 2, &pixels[1..]).is_err());
        assert!(png(0, 0, &[]).is_err());
    }
}
