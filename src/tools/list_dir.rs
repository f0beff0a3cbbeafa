//! `list_dir`: what is in a directory, with totals of the whole tree that was looked at.

use std::cell::RefCell;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fs::{Kind, TREE_DEPTH_MAX, Visit, Walk, lossy, shown, walk};
use super::typed::{Answer, Call, Typed, about, path_arg};
use crate::contracts::{CallEffect, Risk, ToolError};
use crate::ports::{PathAccess, ToolDescriptor};

/// Directories that are listed but not entered: the history of a repository and our own state.
const CLOSED: &[&str] = &[".git", ".bailiwick"];
const DEPTH_DEFAULT: u32 = 1;
const LIMIT_DEFAULT: u32 = 10_000;
const LIMIT_MAX: u32 = 100_000;

pub(super) struct ListDir;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// The directory; relative to the workspace, or absolute.
    #[schemars(length(min = 1))]
    path: String,
    /// Levels: 1 is the directory's own entries. What is in `.git`, `.bailiwick` and the workspace's
    /// own `logs` is never listed from outside.
    #[serde(default = "depth_default")]
    #[schemars(range(min = 1, max = TREE_DEPTH_MAX))]
    depth: u32,
    /// Most entries listed. The totals count the others too.
    #[serde(default = "limit_default")]
    #[schemars(range(min = 1, max = LIMIT_MAX))]
    limit: u32,
}

fn depth_default() -> u32 {
    DEPTH_DEFAULT
}

fn limit_default() -> u32 {
    LIMIT_DEFAULT
}

#[derive(Default, Serialize, JsonSchema)]
pub(super) struct Data {
    /// In order of their names, each directory before what is in it. `path` is relative to the
    /// directory that was asked for.
    entries: Vec<Entry>,
    /// How many files there are.
    files: u64,
    /// How many directories.
    dirs: u64,
    /// Size of all files together, in bytes.
    bytes: u64,
    /// Whether something is missing from `entries`; the totals are of everything that was seen.
    truncated: bool,
}

#[derive(Serialize, JsonSchema)]
struct Entry {
    /// Relative to the directory that was asked for.
    path: String,
    /// What it is; links are not followed.
    kind: EntryKind,
    /// Size of a file in bytes; 0 for all else.
    bytes: u64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum EntryKind {
    File,
    Dir,
    Symlink,
    Other,
}

impl Typed for ListDir {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Lists a directory or a tree; follows no links.";
        ToolDescriptor {
            paths: path_arg("path", PathAccess::Read),
            timeout_ms: 60_000,
            names_only: true,
            ..about("list_dir", Risk::Low, CallEffect::Read, what)
        }
    }

    fn dry_run(&self, args: &Args) -> String {
        format!("would list `{}`, {} deep", args.path.escape_debug(), args.depth)
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let dir = at.jail.open_dir(&args.path)?;
        let listing = RefCell::new(Listing { limit: args.limit, ..Listing::default() });
        let closed_at = [at.jail.own_logs()];
        let how =
            Walk { depth: args.depth, closed: CLOSED, closed_at: &closed_at, watch: &at.watch };
        let omitted = walk(&dir.fd, &dir.real, &how, &mut |visit| {
            listing.borrow_mut().add(visit);
            Ok(true)
        })?;
        let Listing { mut data, left_out, lossy_names, .. } = listing.into_inner();
        data.truncated |= omitted.cut;
        let mut logs = Vec::new();
        if left_out > 0 {
            let listed = data.entries.len();
            logs.push(format!(
                "{listed} of {} entries are listed: give a larger `limit`, at most {LIMIT_MAX}, or list a \
                 directory below",
                left_out.saturating_add(listed as u64)
            ));
        }
        if lossy_names > 0 {
            logs.push(format!("{lossy_names} names are not UTF-8 and are shown with `\u{fffd}`"));
        }
        for path in &omitted.unreadable {
            logs.push(format!("`{}` may not be read", shown(path)));
        }
        let truncated = data.truncated;
        Ok(Answer { logs, truncated, ..Answer::of(data) })
    }
}

#[derive(Default)]
struct Listing {
    data: Data,
    limit: u32,
    /// Entries beyond the limit.
    left_out: u64,
    lossy_names: u64,
}

impl Listing {
    fn add(&mut self, visit: &Visit<'_>) {
        let kind = match visit.kind {
            Kind::File => {
                self.data.files += 1;
                EntryKind::File
            }
            Kind::Dir => {
                self.data.dirs += 1;
                EntryKind::Dir
            }
            Kind::Symlink => EntryKind::Symlink,
            Kind::Other => EntryKind::Other,
        };
        self.data.bytes = self.data.bytes.saturating_add(visit.bytes);
        if self.data.entries.len() >= usize::try_from(self.limit).unwrap_or(usize::MAX) {
            self.data.truncated = true;
            self.left_out += 1;
            return;
        }
        let (path, lost) = lossy(visit.path.as_os_str());
        self.lossy_names += u64::from(lost);
        self.data.entries.push(Entry { path, kind, bytes: visit.bytes });
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use serde_json::{Value, json};

    use crate::contracts::ErrorKind;
    use crate::tools::fixture::Bench;

    fn paths(data: &Value) -> Vec<&str> {
        data["entries"].as_array().unwrap().iter().map(|e| e["path"].as_str().unwrap()).collect()
    }

    #[test]
    fn lists_in_order_and_counts_the_tree() {
        let bench = Bench::new();
        bench.file("src/b.rs", "12345");
        bench.file("src/a/x.rs", "1");
        bench.file("README.md", "12");
        bench.file(".git/config", "hidden");
        symlink("/etc", bench.path("link")).unwrap();
        let data = bench.ok("list_dir", json!({"path": "."}));
        assert_eq!(paths(&data), [".git", "README.md", "link", "src"]);
        assert_eq!(data["entries"][1], json!({"path": "README.md", "kind": "file", "bytes": 2}));
        assert_eq!(data["entries"][2], json!({"path": "link", "kind": "symlink", "bytes": 0}));
        let data = bench.ok("list_dir", json!({"path": ".", "depth": 64}));
        let all = [".git", "README.md", "link", "src", "src/a", "src/a/x.rs", "src/b.rs"];
        assert_eq!(paths(&data), all);
        assert_eq!(
            (&data["files"], &data["dirs"], &data["bytes"]),
            (&json!(3), &json!(3), &json!(8))
        );
        let data = bench.ok("list_dir", json!({"path": "src", "depth": 2}));
        assert_eq!(paths(&data), ["a", "a/x.rs", "b.rs"]);
    }

    #[test]
    fn the_workspace_s_own_logs_are_not_entered_and_those_of_others_are() {
        let bench = Bench::new();
        for file in ["logs/x", "other/logs/x", ".bailiwick/x"] {
            bench.file(file, "x");
        }
        let data = bench.ok("list_dir", json!({"path": ".", "depth": 9}));
        let all = [".bailiwick", "logs", "other", "other/logs", "other/logs/x"];
        assert_eq!((paths(&data), &data["bytes"]), (all.to_vec(), &json!(1)));
        let data = bench.ok("list_dir", json!({"path": "logs"}));
        assert_eq!(paths(&data), ["x"], "policy decides about the name itself");
    }

    #[test]
    fn a_limit_cuts_the_list_and_not_the_totals() {
        let bench = Bench::new();
        for i in 0..50 {
            bench.file(&format!("f{i:02}"), "x");
        }
        let output = bench.call("list_dir", json!({"path": ".", "limit": 10}));
        assert!(output.truncated);
        assert!(output.logs[0].starts_with("10 of 50 entries are listed: give a larger `limit`"));
        let data = output.data.unwrap();
        assert_eq!(paths(&data).len(), 10);
        assert_eq!((&data["files"], &data["truncated"]), (&json!(50), &json!(true)));
    }

    #[test]
    fn a_hundred_thousand_entries_fit_the_cap() {
        let bench = Bench::in_memory();
        let dir = bench.path("many");
        fs::create_dir(&dir).unwrap();
        for i in 0..100_000 {
            fs::File::create(dir.join(format!("f{i}"))).unwrap();
        }
        let output = bench.call("list_dir", json!({"path": "many", "limit": 100_000}));
        assert_eq!(
            paths(output.whole.as_ref().unwrap()).len(),
            100_000,
            "what the cap cuts is kept"
        );
        let data = output.data.unwrap();
        assert_eq!(data["files"], 100_000);
        assert_eq!(data["truncated"], true);
        assert!(serde_json::to_string(&data).unwrap().len() as u64 <= bench.output_bytes_max());
    }

    #[test]
    fn a_name_that_is_not_utf8_is_shown_and_said() {
        let bench = Bench::new();
        fs::write(bench.root().join(OsStr::from_bytes(b"bad\xff")), "x").unwrap();
        let output = bench.call("list_dir", json!({"path": "."}));
        assert_eq!(output.data.unwrap()["entries"][0]["path"], "bad\u{fffd}");
        assert!(output.logs[0].contains("not UTF-8"), "{:?}", output.logs);
    }

    #[test]
    fn stops_when_asked() {
        let bench = Bench::new();
        bench.file("a", "");
        bench.cancel();
        assert_eq!(bench.kind("list_dir", json!({"path": "."})), ErrorKind::Cancelled);
    }

    #[test]
    fn a_file_is_no_directory() {
        let bench = Bench::new();
        bench.file("a", "");
        assert_eq!(bench.kind("list_dir", json!({"path": "a"})), ErrorKind::BadContent);
    }
}
