//! `write_text`: makes, replaces or extends one file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fs::{Current, Existing, Place};
use super::one_file::{self, FILE_BYTES_MAX};
use super::turns::Stage;
use super::typed::{Answer, Call, Typed, about, path_arg};
use crate::contracts::{CallEffect, ErrorKind, Risk, ToolError};
use crate::ports::{PathAccess, ToolDescriptor, Undo};

pub(super) struct WriteText;

#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Mode {
    Create,
    #[default]
    Overwrite,
    Append,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The file; relative to the workspace, or absolute. Missing directories are made.
    #[schemars(length(min = 1))]
    path: String,
    /// The text.
    text: String,
    /// `create` refuses to touch a file that exists; `overwrite` replaces it; `append` adds at the end.
    #[serde(default)]
    mode: Mode,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Data {
    /// The file, relative to the workspace where it lies in it.
    path: String,
    /// Size of the file now, in bytes.
    bytes: u64,
    /// Whether it was not there before.
    created: bool,
}

impl Typed for WriteText {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Writes a text file, atomically; the old content is kept for undo.";
        ToolDescriptor {
            aliases: vec!["filesystem_write".to_owned()],
            paths: path_arg("path", PathAccess::Write),
            sinks: vec!["path".to_owned()],
            undoable: true,
            ..about("write_text", Risk::Medium, CallEffect::Idempotent, what)
        }
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        too_large(args.text.len())
    }

    fn dry_run(&self, args: &Args) -> String {
        let (path, bytes) = (args.path.escape_debug(), args.text.len());
        match args.mode {
            Mode::Create => format!("would create `{path}` with {bytes} bytes"),
            Mode::Overwrite => format!("would replace `{path}` with {bytes} bytes"),
            Mode::Append => format!("would append {bytes} bytes to `{path}`"),
        }
    }

    fn snapshot(&self, args: &Args, at: &Call<'_>) -> Result<Option<Undo>, ToolError> {
        let place = one_file::turn(&args.path, at, Stage::Keeping)?;
        let before = place.current(FILE_BYTES_MAX)?;
        let after = content(args, before.as_ref())?;
        Ok(Some(one_file::keep(&place, before, &after, at)))
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        at.watch.check()?;
        let place = one_file::turn(&args.path, at, Stage::Writing)?;
        let before = unchanged(&place, &args, at)?;
        let bytes = content(&args, before.as_ref())?;
        let existing = if args.mode == Mode::Create { Existing::Refuse } else { Existing::Replace };
        let (place, created) = one_file::put(place, &bytes, existing, at)?;
        Ok(Answer::of(Data {
            path: at.jail.relative_to_workspace(&place.real()),
            bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            created,
        }))
    }
}

/// What is there now, as far as it matters.
fn unchanged(place: &Place, args: &Args, at: &Call<'_>) -> Result<Option<Current>, ToolError> {
    match one_file::unchanged(place, at)? {
        Some(now) => Ok(now),
        None if args.mode == Mode::Append => place.current(FILE_BYTES_MAX),
        None => Ok(None),
    }
}

/// What the file will hold.
fn content(args: &Args, before: Option<&Current>) -> Result<Vec<u8>, ToolError> {
    let mut bytes = match (args.mode, before) {
        (Mode::Append, Some(current)) => current.bytes.clone(),
        _ => Vec::new(),
    };
    bytes.extend_from_slice(args.text.as_bytes());
    too_large(bytes.len())?;
    Ok(bytes)
}

fn too_large(bytes: usize) -> Result<(), ToolError> {
    if u64::try_from(bytes).is_ok_and(|bytes| bytes <= FILE_BYTES_MAX) {
        return Ok(());
    }
    let message = format!("{bytes} bytes are more than the {FILE_BYTES_MAX} a file may have");
    Err(ToolError::new(ErrorKind::TooLarge, message))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Mutex;
    use std::time::{Duration, Instant};

    use serde_json::json;

    use super::*;
    use data_encoding::BASE64;

    use crate::contracts::{CallId, Hash, Obligation, ToolCall};
    use crate::ports::Cancel;
    use crate::tools::dispatch::{perform, take_snapshot};
    use crate::tools::fixture::Bench;

    #[test]
    fn makes_replaces_and_extends() {
        let bench = Bench::new();
        let file = bench.path("reports/deep/a.md");
        let at = "reports/deep/a.md";
        let data = bench.ok("write_text", json!({"path": at, "text": "one\n"}));
        assert_eq!(data, json!({"path": at, "bytes": 4, "created": true}));
        let data = bench.ok("write_text", json!({"path": at, "text": "two\n", "mode": "append"}));
        assert_eq!(data, json!({"path": at, "bytes": 8, "created": false}));
        assert_eq!(fs::read_to_string(&file).unwrap(), "one\ntwo\n");
        bench.ok("write_text", json!({"path": at, "text": "three"}));
        assert_eq!(fs::read_to_string(&file).unwrap(), "three");
        let names: Vec<_> = fs::read_dir(file.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1, "a temporary file was left: {names:?}");
    }

    #[test]
    fn create_leaves_a_file_that_exists() {
        let bench = Bench::new();
        bench.file("a", "old");
        let args = json!({"path": "a", "text": "new", "mode": "create"});
        assert_eq!(bench.kind("write_text", args), ErrorKind::Conflict);
        assert_eq!(fs::read_to_string(bench.path("a")).unwrap(), "old");
        bench.ok("write_text", json!({"path": "b", "text": "new", "mode": "create"}));
    }

    #[test]
    fn keeps_the_mode_without_set_user_id() {
        let bench = Bench::new();
        bench.file("run.sh", "old");
        fs::set_permissions(bench.path("run.sh"), fs::Permissions::from_mode(0o4750)).unwrap();
        bench.ok("write_text", json!({"path": "run.sh", "text": "new"}));
        let mode = fs::metadata(bench.path("run.sh")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o750);
    }

    #[test]
    fn odd_names_are_names() {
        let bench = Bench::new();
        for name in ["-rf", "a\nb", "a b", "$(touch x)", "ümlaut", "dir/..x", "*"] {
            bench.ok("write_text", json!({"path": name, "text": "x"}));
            assert_eq!(fs::read_to_string(bench.path(name)).unwrap(), "x", "{name:?}");
        }
    }

    #[test]
    fn clears_away_what_a_crash_left() {
        let bench = Bench::new();
        bench.file("victim", "v");
        let call = bench.tool_call("write_text", json!({"path": "a", "text": "x"}));
        std::os::unix::fs::symlink("victim", bench.path(&format!(".{}.tmp", call.id))).unwrap();
        let output = bench.perform(&call);
        assert_eq!(output.error, None);
        assert_eq!(fs::read_to_string(bench.path("victim")).unwrap(), "v");
        assert!(fs::symlink_metadata(bench.path("a")).unwrap().is_file());
    }

    #[test]
    fn a_snapshot_keeps_the_old_content_and_knows_the_new() {
        let bench = Bench::new();
        bench.file("a", "old ");
        let args = json!({"path": "a", "text": "new", "mode": "append"});
        let undo = bench.snapshot("write_text", args).unwrap().unwrap();
        let [entry] = undo.entries.as_slice() else { panic!("{undo:?}") };
        assert_eq!(entry.path, bench.path("a"));
        assert_eq!(entry.before.as_deref(), Some("b2xkIA=="));
        assert_eq!(entry.after_hash, Some(Hash::of(b"old new")));
        assert_eq!(
            fs::read_to_string(bench.path("a")).unwrap(),
            "old ",
            "a snapshot changes nothing"
        );
        let undo = bench.snapshot("write_text", json!({"path": "n/e/w", "text": ""})).unwrap();
        assert_eq!(undo.unwrap().entries[0].before, None);
        assert!(!bench.path("n").exists(), "a snapshot makes no directory");
    }

    /// A call of its own, as each step of a run is.
    fn numbered(bench: &Bench, number: u128, args: serde_json::Value) -> ToolCall {
        let id = CallId::from_uuid(uuid::Uuid::from_u128(number));
        ToolCall { id, ..bench.tool_call("write_text", args) }
    }

    #[test]
    fn appends_at_once_lose_nothing_and_can_all_be_undone() {
        let bench = Bench::new();
        let record = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for number in 0..10_u128 {
                let (bench, record) = (&bench, &record);
                scope.spawn(move || {
                    let text = format!("line {number}\n");
                    let args = json!({"path": "new/log", "text": text, "mode": "append"});
                    let call = numbered(bench, 1_000 + number, args);
                    let undo = take_snapshot(&call, bench.context()).unwrap().unwrap();
                    record.lock().unwrap().extend(undo.entries);
                    assert_eq!(bench.perform(&call).error, None);
                });
            }
        });
        let text = fs::read_to_string(bench.path("new/log")).unwrap();
        let mut lines: Vec<_> = text.lines().collect();
        lines.sort_unstable();
        let expected: Vec<_> = (0..10).map(|number| format!("line {number}")).collect();
        assert_eq!(lines, expected);
        let mut after = None;
        for entry in record.into_inner().unwrap() {
            let before = entry.before.map(|it| Hash::of(&BASE64.decode(it.as_bytes()).unwrap()));
            assert_eq!(before, after, "each keeps what the one before left");
            after = entry.after_hash;
        }
        assert_eq!(after, Some(Hash::of(text.as_bytes())));
    }

    #[test]
    fn what_somebody_wrote_since_the_old_content_was_kept_is_not_replaced() {
        for (number, mode) in (2_000_u128..).zip(["overwrite", "append", "create"]) {
            let bench = Bench::new();
            let args = json!({"path": "a", "text": "ours", "mode": mode});
            let call = numbered(&bench, number, args);
            take_snapshot(&call, bench.context()).unwrap();
            bench.file("a", "theirs");
            let error = bench.perform(&call).error.unwrap();
            assert_eq!((error.kind, error.retryable), (ErrorKind::Conflict, true), "{mode}");
            assert_eq!(fs::read_to_string(bench.path("a")).unwrap(), "theirs", "{mode}");
        }
    }

    #[test]
    fn a_call_that_is_not_run_lets_the_next_one_write() {
        let mut bench = Bench::new();
        let args = json!({"path": "a", "text": "x"});
        let (first, second) = (numbered(&bench, 1, args.clone()), numbered(&bench, 2, args));
        for limit in [true, false] {
            bench.context_mut().cancel = Cancel::default();
            take_snapshot(&first, bench.context()).unwrap();
            if limit {
                bench.cancel();
            }
            let obligations = if limit { Vec::new() } else { vec![Obligation::DryRun] };
            perform(&first, &obligations, bench.context());
            bench.context_mut().cancel = Cancel::default();
            let started = Instant::now();
            assert_eq!(bench.perform(&second).error, None);
            assert!(started.elapsed() < Duration::from_secs(5), "it waited");
        }
    }

    #[test]
    fn what_cannot_be_kept_is_not_replaced() {
        let bench = Bench::new();
        let file = fs::File::create(bench.path("big")).unwrap();
        file.set_len(FILE_BYTES_MAX + 1).unwrap();
        let error = bench.snapshot("write_text", json!({"path": "big", "text": "x"})).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLarge);
        let text = "x".repeat(usize::try_from(FILE_BYTES_MAX).unwrap() + 1);
        let args = json!({"path": "a", "text": text});
        assert_eq!(bench.kind("write_text", args), ErrorKind::TooLarge);
    }
}
