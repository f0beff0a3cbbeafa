//! `read_text`: the text of one file.

use std::io::Seek;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fs::{Opened, read_at_most, shown};
use super::kept;
use super::typed::{Answer, Call, Typed, about, path_arg};
use crate::contracts::{CallEffect, ErrorKind, Risk, ToolError};
use crate::ports::{PathAccess, Produced, ToolDescriptor};

/// Longest UTF-8 sequence but one byte: how much a cut may leave of a character.
const PARTIAL_CHAR_MAX: usize = 3;

pub(super) struct ReadText;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The file; relative to the workspace, or absolute.
    #[schemars(length(min = 1))]
    path: String,
    /// Read at most this many bytes. Never more than the cap on answers.
    #[schemars(range(min = 1))]
    max_bytes: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Data {
    /// The text, cut at a character when there is more.
    text: String,
    /// Size of the whole file in bytes.
    bytes: u64,
    /// Whether `text` is not all of it.
    truncated: bool,
}

impl Typed for ReadText {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Reads a UTF-8 text file.";
        ToolDescriptor {
            aliases: vec!["filesystem_read".to_owned()],
            paths: path_arg("path", PathAccess::Read),
            ..about("read_text", Risk::Low, CallEffect::Read, what)
        }
    }

    fn dry_run(&self, args: &Args) -> String {
        format!("would read `{}`", args.path.escape_debug())
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let cap = at.context.output_bytes_max;
        let limit = args.max_bytes.map_or(cap, |bytes| bytes.min(cap));
        let opened = at.jail.open_file(&args.path)?;
        let (content, more) = read_at_most(&opened.file, &opened.real, limit)?;
        // What the call itself asked to leave out is not kept.
        let ours = more && args.max_bytes.is_none_or(|bytes| bytes > cap);
        let artifacts = if ours { vec![whole(&opened, &content)?] } else { Vec::new() };
        let read = content.len();
        let text = text_of(content, more).map_err(|at| {
            let path = shown(&opened.real);
            let message = format!("`{path}` is not UTF-8 text: see byte {at}");
            ToolError::new(ErrorKind::BadContent, message)
        })?;
        let bytes = opened.bytes.max(u64::try_from(read).unwrap_or(u64::MAX));
        let logs = artifacts.iter().map(kept::said).collect();
        let answer = Answer::of(Data { text, bytes, truncated: more });
        Ok(Answer { truncated: more, logs, artifacts, ..answer })
    }
}

/// What was read of a file and what follows, as far as it is kept.
fn whole(opened: &Opened, begun: &[u8]) -> Result<Produced, ToolError> {
    // One byte was read to see whether there is more.
    let rest = opened.file.try_clone().and_then(|mut file| {
        file.rewind()?;
        Ok(file)
    });
    let file = rest.map_err(|error| {
        ToolError::new(ErrorKind::Io, format!("cannot read `{}`: {error}", shown(&opened.real)))
    })?;
    let (all, _) = read_at_most(&file, &opened.real, kept::BYTES_MAX)?;
    // A file that became shorter meanwhile: what the answer shows is what was read.
    let all = if all.len() < begun.len() { begun.to_vec() } else { all };
    Ok(kept::whole_of(&opened.real, all))
}

/// `content` as text; the character at the end may be cut in two when there is more. Else the place
/// of the first byte that is not text.
fn text_of(mut content: Vec<u8>, more: bool) -> Result<String, usize> {
    if more && let Err(error) = std::str::from_utf8(&content) {
        let valid = error.valid_up_to();
        if error.error_len().is_none() && content.len() - valid <= PARTIAL_CHAR_MAX {
            content.truncate(valid);
        }
    }
    String::from_utf8(content).map_err(|error| error.utf8_error().valid_up_to())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::contracts::ErrorKind;
    use crate::tools::fixture::Bench;
    use crate::tools::kept;

    #[test]
    fn reads_text_and_says_its_size() {
        let bench = Bench::new();
        bench.file("a.txt", "größe\n");
        let data = bench.ok("read_text", json!({"path": "a.txt"}));
        assert_eq!(data, json!({"text": "größe\n", "bytes": 8, "truncated": false}));
    }

    #[test]
    fn cuts_at_a_character() {
        let bench = Bench::new();
        bench.file("a.txt", "äöü€");
        for (max, text) in [(1, ""), (2, "ä"), (3, "ä"), (6, "äöü"), (8, "äöü"), (9, "äöü€")]
        {
            let data = bench.ok("read_text", json!({"path": "a.txt", "max_bytes": max}));
            let truncated = max < 9;
            assert_eq!(data, json!({"text": text, "bytes": 9, "truncated": truncated}), "{max}");
        }
    }

    #[test]
    fn a_huge_file_is_read_up_to_the_cap_only() {
        let bench = Bench::new();
        let file = std::fs::File::create(bench.path("huge")).unwrap();
        file.set_len(1 << 40).unwrap();
        let output = bench.call("read_text", json!({"path": "huge"}));
        assert!(output.truncated);
        assert_eq!(output.artifacts[0].artifact.bytes, kept::BYTES_MAX);
        assert!(output.logs[0].contains("the first part"), "{:?}", output.logs);
        let data = output.data.unwrap();
        assert_eq!(data["bytes"], 1u64 << 40);
        assert_eq!(data["truncated"], true);
        assert!(serde_json::to_string(&data).unwrap().len() as u64 <= bench.output_bytes_max());
    }

    #[test]
    fn what_the_cap_cuts_is_kept_and_what_the_call_leaves_out_is_not() {
        let mut bench = Bench::new();
        bench.cap(1_000);
        let text = "0123456789".repeat(300);
        bench.file("long.txt", &text);
        for (args, kept) in [
            (json!({"path": "long.txt"}), true),
            (json!({"path": "long.txt", "max_bytes": 5_000}), true),
            (json!({"path": "long.txt", "max_bytes": 100}), false),
        ] {
            let output = bench.call("read_text", args.clone());
            assert!(output.truncated, "{args}");
            let found: Vec<_> = output.artifacts.iter().map(|it| &it.content).collect();
            assert_eq!(found, if kept { vec![text.as_bytes()] } else { vec![] }, "{args}");
            if kept {
                assert_eq!(output.artifacts[0].artifact.name, "long.txt");
                assert!(output.logs[0].contains("all of it is the artifact `long.txt`"));
            }
        }
    }

    #[test]
    fn what_is_not_text_is_not_read() {
        let bench = Bench::new();
        for bytes in [&b"ok\xff"[..], b"\xc3", b"\x80abc"] {
            std::fs::write(bench.path("bin"), bytes).unwrap();
            assert_eq!(bench.kind("read_text", json!({"path": "bin"})), ErrorKind::BadContent);
        }
        std::fs::create_dir(bench.path("dir")).unwrap();
        assert_eq!(bench.kind("read_text", json!({"path": "dir"})), ErrorKind::BadContent);
        assert_eq!(bench.kind("read_text", json!({"path": "none"})), ErrorKind::NotFound);
        assert_eq!(bench.kind("read_text", json!({"path": "bin/x"})), ErrorKind::NotFound);
    }
}
