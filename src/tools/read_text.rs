//! `read_text`: the text of one file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fs::{read_at_most, shown};
use super::typed::{Answer, Call, Typed, about, path_arg};
use crate::contracts::{CallEffect, ErrorKind, Risk, ToolError};
use crate::ports::{PathAccess, ToolDescriptor};

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
        let read = content.len();
        let text = text_of(content, more).map_err(|at| {
            let path = shown(&opened.real);
            let message = format!("`{path}` is not UTF-8 text: see byte {at}");
            ToolError::new(ErrorKind::BadContent, message)
        })?;
        let bytes = opened.bytes.max(u64::try_from(read).unwrap_or(u64::MAX));
        let answer = Answer::of(Data { text, bytes, truncated: more });
        Ok(Answer { truncated: more, ..answer })
    }
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
        let data = output.data.unwrap();
        assert_eq!(data["bytes"], 1u64 << 40);
        assert_eq!(data["truncated"], true);
        assert!(serde_json::to_string(&data).unwrap().len() as u64 <= bench.output_bytes_max());
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
