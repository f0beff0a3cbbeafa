//! For tests: archives made by hand, also such as no program would write.

use std::io::Write;

/// One entry of a `tar` file, header and content, whatever its name.
pub(super) fn tar_entry(
    name: &[u8],
    kind: u8,
    target: &[u8],
    mode: u32,
    content: &[u8],
) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let name = &name[..name.len().min(100)];
    header[..name.len()].copy_from_slice(name);
    header[100..108].copy_from_slice(format!("{mode:07o}\0").as_bytes());
    header[108..116].copy_from_slice(b"0000000\0");
    header[116..124].copy_from_slice(b"0000000\0");
    header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[148..156].fill(b' ');
    header[156] = kind;
    header[157..157 + target.len()].copy_from_slice(target);
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut entry = header.to_vec();
    entry.extend_from_slice(content);
    entry.resize(entry.len().div_ceil(512) * 512, 0);
    entry
}

pub(super) fn file(name: &str, content: &[u8]) -> Vec<u8> {
    tar_entry(name.as_bytes(), b'0', b"", 0o644, content)
}

pub(super) fn dir(name: &str) -> Vec<u8> {
    tar_entry(name.as_bytes(), b'5', b"", 0o755, b"")
}

pub(super) fn symlink(name: &str, target: &str) -> Vec<u8> {
    tar_entry(name.as_bytes(), b'2', target.as_bytes(), 0o777, b"")
}

pub(super) fn hard_link(name: &str, target: &str) -> Vec<u8> {
    tar_entry(name.as_bytes(), b'1', target.as_bytes(), 0o644, b"")
}

/// A whole `tar` file.
pub(super) fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut all = entries.concat();
    all.resize(all.len() + 1024, 0);
    all
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One entry of a `zip` file.
pub(super) struct ZipEntry {
    pub(super) name: Vec<u8>,
    pub(super) mode: u32,
    pub(super) content: Vec<u8>,
}

pub(super) fn zip_file(name: &str, mode: u32, content: &[u8]) -> ZipEntry {
    ZipEntry { name: name.into(), mode, content: content.to_vec() }
}

/// A whole `zip` file.
pub(super) fn zip(entries: &[ZipEntry]) -> Vec<u8> {
    let (mut all, mut directory) = (Vec::new(), Vec::new());
    for ZipEntry { name, mode, content } in entries {
        let at = u32::try_from(all.len()).unwrap();
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(content).unwrap();
        let packed = encoder.finish().unwrap();
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let mut shared = Vec::new();
        shared.extend([20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0]);
        shared.extend(crc.sum().to_le_bytes());
        shared.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
        shared.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
        shared.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        shared.extend([0, 0]);
        all.extend(b"PK\x03\x04");
        all.extend(&shared);
        all.extend(name);
        all.extend(packed);
        directory.extend(b"PK\x01\x02");
        directory.extend([20, 3]);
        directory.extend(&shared);
        directory.extend([0; 6]);
        directory.extend((mode << 16).to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend(name);
    }
    let count = u16::try_from(entries.len().min(0xffff)).unwrap();
    let at = u32::try_from(all.len()).unwrap();
    let size = u32::try_from(directory.len()).unwrap();
    all.extend(directory);
    all.extend(b"PK\x05\x06\0\0\0\0");
    all.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    all.extend(size.to_le_bytes());
    all.extend(at.to_le_bytes());
    all.extend([0, 0]);
    all
}
