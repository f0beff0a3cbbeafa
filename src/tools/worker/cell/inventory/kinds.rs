//! What a file is, by its first bytes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

const HEAD_BYTES: u64 = 512;

/// Beginnings, and what they tell.
const MAGIC: &[(&[u8], &str)] = &[
    (b"\x7fELF", "elf"),
    (b"MZ", "pe"),
    (b"\xfe\xed\xfa\xce", "mach-o"),
    (b"\xfe\xed\xfa\xcf", "mach-o"),
    (b"\xce\xfa\xed\xfe", "mach-o"),
    (b"\xcf\xfa\xed\xfe", "mach-o"),
    (b"\xca\xfe\xba\xbe", "class"),
    (b"\0asm", "wasm"),
    (b"!<arch>\n", "static-library"),
    (b"PK\x03\x04", "archive"),
    (b"\x1f\x8b", "archive"),
    (b"\xfd7zXZ\0", "archive"),
    (b"BZh", "archive"),
    (b"\x28\xb5\x2f\xfd", "archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"Rar!", "archive"),
    (b"\x89PNG", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"%PDF-", "pdf"),
    (b"#!", "script"),
];

/// The kind of the file at `path`.
pub(super) fn of(path: &Path, bytes: u64) -> &'static str {
    if bytes == 0 {
        return "empty";
    }
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head));
    if read.is_err() {
        return "unreadable";
    }
    match MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        Some((_, kind)) => kind,
        None if head.contains(&0) => "data",
        None => "text",
    }
}

/// Whether files of a kind are machine code, which nobody can read.
pub(super) fn runs_on_a_machine(kind: &str) -> bool {
    matches!(kind, "elf" | "pe" | "mach-o" | "class" | "wasm" | "static-library")
}
