//! `read_bin`: a part of one file, whatever is in it.

use std::io::{Read, Seek, SeekFrom};

use data_encoding::BASE64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fs::{Opened, shown};
use super::typed::{Answer, Call, Typed, about, path_arg};
use crate::contracts::{CallEffect, ErrorKind, Hash, Risk, ToolError};
use crate::ports::{PathAccess, ToolDescriptor};

/// What an answer needs beside the content, in bytes.
const REST_BYTES: u64 = 1_024;
/// First bytes of a file that tell its type.
const MAGIC_BYTES: usize = 512;
/// Largest file whose hash is worked out.
const HASHED_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// How much is read at once for the hash.
const CHUNK: usize = 256 * 1024;

pub(super) struct ReadBin;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The file; relative to the workspace, or absolute.
    #[schemars(length(min = 1))]
    path: String,
    /// The first byte that is read.
    #[serde(default)]
    #[schemars(range(min = 0))]
    offset: u64,
    /// Read at most this many bytes. Never more than fit into the cap on answers.
    #[schemars(range(min = 0))]
    length: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Data {
    /// The bytes, in base64.
    base64: String,
    /// Where they begin in the file.
    offset: u64,
    /// How many they are.
    length: u64,
    /// Size of the whole file in bytes.
    bytes: u64,
    /// Media type, guessed from the first bytes of the file.
    media_type: String,
    /// BLAKE3 of the whole file; null for one of more than 256 MiB.
    hash: Option<Hash>,
    /// Whether the file goes on behind them.
    truncated: bool,
}

impl Typed for ReadBin {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Reads a file of any kind, or a part of it, as base64.";
        ToolDescriptor {
            paths: path_arg("path", PathAccess::Read),
            ..about("read_bin", Risk::Low, CallEffect::Read, what)
        }
    }

    fn dry_run(&self, args: &Args) -> String {
        let path = args.path.escape_debug();
        match args.length {
            Some(length) => {
                format!("would read {length} bytes of `{path}` from byte {}", args.offset)
            }
            None => format!("would read `{path}` from byte {}", args.offset),
        }
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let mut opened = at.jail.open_file(&args.path)?;
        let room = at.context.output_bytes_max.saturating_sub(REST_BYTES) / 4 * 3;
        let wanted = args.length.map_or(room, |length| length.min(room));
        let content = part(&mut opened, args.offset, wanted)?;
        let magic = part(&mut opened, 0, u64::try_from(MAGIC_BYTES).unwrap_or(0))?;
        let hash = whole(&mut opened, at)?;
        let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
        let truncated = args.offset.saturating_add(length) < opened.bytes;
        let data = Data {
            base64: BASE64.encode(&content),
            offset: args.offset,
            length,
            bytes: opened.bytes,
            media_type: media_type(&magic).to_owned(),
            hash,
            truncated,
        };
        // A part that was asked for and given is all of the answer.
        let cut = truncated && args.length.is_none_or(|asked| asked > length);
        Ok(Answer { truncated: cut, ..Answer::of(data) })
    }
}

fn part(opened: &mut Opened, offset: u64, length: u64) -> Result<Vec<u8>, ToolError> {
    let mut bytes = Vec::new();
    let fail = |error| failed(opened, &error);
    (&opened.file).seek(SeekFrom::Start(offset)).map_err(fail)?;
    (&opened.file).take(length).read_to_end(&mut bytes).map_err(fail)?;
    Ok(bytes)
}

/// The hash of all of it, read piece by piece.
fn whole(opened: &mut Opened, at: &Call<'_>) -> Result<Option<Hash>, ToolError> {
    if opened.bytes > HASHED_BYTES_MAX {
        return Ok(None);
    }
    let mut file = &opened.file;
    file.seek(SeekFrom::Start(0)).map_err(|error| failed(opened, &error))?;
    let mut file = file.take(HASHED_BYTES_MAX);
    let (mut hasher, mut chunk) = (blake3::Hasher::new(), vec![0; CHUNK]);
    loop {
        at.watch.check()?;
        let read = file.read(&mut chunk).map_err(|error| failed(opened, &error))?;
        if read == 0 {
            return Ok(Some(Hash::from_bytes(hasher.finalize().into())));
        }
        hasher.update(chunk.get(..read).unwrap_or_default());
    }
}

fn failed(opened: &Opened, error: &std::io::Error) -> ToolError {
    ToolError::new(ErrorKind::Io, format!("cannot read `{}`: {error}", shown(&opened.real)))
}

/// Beginnings by which files are known.
const MAGIC: &[(usize, &[u8], &str)] = &[
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\0", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (257, b"ustar", "application/x-tar"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"\x7fELF", "application/x-elf"),
    (0, b"\0asm", "application/wasm"),
    (0, b"SQLite format 3\0", "application/vnd.sqlite3"),
    (0, b"OggS", "application/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
    (8, b"WAVE", "audio/wav"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
];

fn media_type(start: &[u8]) -> &'static str {
    let known = MAGIC
        .iter()
        .find(|(at, magic, _)| start.get(*at..).is_some_and(|rest| rest.starts_with(magic)));
    if let Some((_, _, name)) = known {
        return name;
    }
    let text = match std::str::from_utf8(start) {
        Ok(text) => Some(text),
        // The last character may be cut in two.
        Err(error) if error.error_len().is_none() && start.len() >= MAGIC_BYTES => {
            start.get(..error.valid_up_to()).and_then(|whole| std::str::from_utf8(whole).ok())
        }
        Err(_) => None,
    };
    match text {
        Some("") => "application/octet-stream",
        Some(text) if !text.contains('\0') => "text/plain",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::{CWD, Mode};
    use serde_json::json;

    use super::*;
    use crate::tools::fixture::Bench;

    #[test]
    fn reads_all_of_it_or_a_part() {
        let bench = Bench::new();
        let content = b"\x89PNG\r\n\x1a\n\0\xff rest";
        fs::write(bench.path("a.png"), content).unwrap();
        let hash = Hash::of(content).to_string();
        for (args, bytes, truncated) in [
            (json!({"path": "a.png"}), &content[..], false),
            (json!({"path": "a.png", "offset": 8, "length": 2}), b"\0\xff", true),
            (json!({"path": "a.png", "offset": 11}), b"rest", false),
            (json!({"path": "a.png", "offset": 15}), b"", false),
            (json!({"path": "a.png", "offset": 1_u64 << 40}), b"", false),
            (json!({"path": "a.png", "length": 0}), b"", true),
        ] {
            let data = bench.ok("read_bin", args.clone());
            assert_eq!(data["base64"], BASE64.encode(bytes), "{args}");
            assert_eq!(data["length"], bytes.len(), "{args}");
            assert_eq!(data["truncated"], truncated, "{args}");
            assert_eq!(data["bytes"], content.len());
            assert_eq!(data["media_type"], "image/png");
            assert_eq!(data["hash"], hash.as_str());
        }
    }

    #[test]
    fn an_answer_is_whole_base64_within_the_cap() {
        let mut bench = Bench::new();
        bench.cap(4_000);
        let file = fs::File::create(bench.path("huge")).unwrap();
        file.set_len(1 << 40).unwrap();
        let output = bench.call("read_bin", json!({"path": "huge", "offset": 5}));
        assert!(output.truncated);
        let data = output.data.unwrap();
        let read = BASE64.decode(data["base64"].as_str().unwrap().as_bytes()).unwrap();
        assert_eq!(data["length"], read.len());
        assert!(read.len() > 2_000, "{}", read.len());
        assert_eq!((&data["hash"], &data["bytes"]), (&json!(null), &json!(1_u64 << 40)));
    }

    #[test]
    fn guesses_what_it_is() {
        for (start, expected) in [
            (&b""[..], "application/octet-stream"),
            (b"hello", "text/plain"),
            ("größe".as_bytes(), "text/plain"),
            (b"a\0b", "application/octet-stream"),
            (b"\xff\xfe", "application/octet-stream"),
            (b"%PDF-1.7", "application/pdf"),
            (b"RIFF\0\0\0\0WEBP", "image/webp"),
            (b"PK\x03\x04", "application/zip"),
        ] {
            assert_eq!(media_type(start), expected, "{start:?}");
        }
        let mut cut = "a".repeat(MAGIC_BYTES - 1).into_bytes();
        cut.push(0xc3);
        assert_eq!(media_type(&cut), "text/plain");
    }

    #[test]
    fn only_regular_files_inside_are_read() {
        let bench = Bench::new();
        rustix::fs::mkfifoat(CWD, bench.path("fifo"), Mode::from_raw_mode(0o666)).unwrap();
        fs::create_dir(bench.path("dir")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", bench.path("link")).unwrap();
        for (path, kind) in [
            ("fifo", ErrorKind::BadContent),
            ("dir", ErrorKind::BadContent),
            ("none", ErrorKind::NotFound),
            ("link", ErrorKind::Forbidden),
            ("/etc/passwd", ErrorKind::Forbidden),
            ("../x", ErrorKind::Forbidden),
            ("a\0b", ErrorKind::BadArguments),
        ] {
            assert_eq!(bench.kind("read_bin", json!({"path": path})), kind, "{path:?}");
        }
        let args = json!({"path": "dir", "offset": -1});
        assert_eq!(bench.kind("read_bin", args), ErrorKind::BadArguments);
    }
}
