//! `search_text`: lines that match a regular expression.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};
use regex::bytes::{Regex, RegexBuilder};
use rustix::fs::{Mode, OFlags};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fs::{
    Found, Kind, Opened, TREE_DEPTH_MAX, Visit, Walk, lossy, read_at_most, shown, walk,
};
use super::typed::{Answer, Call, Typed, about, path_arg};
use super::watch::Watch;
use crate::contracts::{CallEffect, ErrorKind, Risk, ToolError};
use crate::policy::is_secret;
use crate::ports::{PathAccess, ToolDescriptor};

/// Directories that are not searched: history, build products, our own state.
const CLOSED: &[&str] = &[".git", "target", ".bailiwick"];
/// Larger files are not searched.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Longer lines are searched up to here: matching takes time in proportion.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// Longest text of a match that is reported, in characters.
const TEXT_CHARS_MAX: usize = 500;
/// Largest compiled expression in bytes. Matching is linear in the text, but also in this.
const REGEX_BYTES_MAX: usize = 512 * 1024;
/// Where a NUL is looked for, as a sign that a file is no text.
const BINARY_PROBE_BYTES: usize = 8 * 1024;
const LIMIT_DEFAULT: u32 = 1_000;
const LIMIT_MAX: u32 = 100_000;

pub(super) struct SearchText;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// A file or a directory; relative to the workspace, or absolute.
    #[schemars(length(min = 1))]
    path: String,
    /// A regular expression, matched against each line.
    #[schemars(length(min = 1, max = 4_096))]
    pattern: String,
    /// Only files whose path below `path` matches, such as `*.rs` (any directory) or `src/**/*.rs`.
    #[schemars(length(min = 1, max = 1_024))]
    glob: Option<String>,
    /// None of the files whose path matches, in the same words as `glob`.
    #[schemars(length(min = 1, max = 1_024))]
    exclude: Option<String>,
    /// Most matches.
    #[serde(default = "limit_default")]
    #[schemars(range(min = 1, max = LIMIT_MAX))]
    limit: u32,
    /// Whether upper and lower case are the same.
    #[serde(default)]
    ignore_case: bool,
}

fn limit_default() -> u32 {
    LIMIT_DEFAULT
}

#[derive(Default, Serialize, JsonSchema)]
pub(super) struct Data {
    /// In order of path and line; one for each line that matches. `path` is relative to the directory
    /// that was asked for.
    matches: Vec<Match>,
    /// How many files were searched.
    files_searched: u64,
    /// Whether there may be more matches.
    truncated: bool,
}

#[derive(Serialize, JsonSchema)]
struct Match {
    /// Relative to the directory that was asked for; the file's name when a file was.
    path: String,
    /// From 1.
    line: u64,
    /// Of the first match in the line, in characters from 1.
    column: u64,
    /// The line, without its end; at most 500 characters.
    text: String,
}

impl Typed for SearchText {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Finds lines that match a regular expression. Not searched: binary files, files \
                    over 4 MiB, links, files that usually hold secrets (unless named), and the \
                    directories `.git`, `target`, `.bailiwick` and the workspace's own `logs`.";
        ToolDescriptor {
            paths: path_arg("path", PathAccess::Read),
            timeout_ms: 120_000,
            ..about("search_text", Risk::Low, CallEffect::Read, what)
        }
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        Query::new(args).map(drop)
    }

    fn dry_run(&self, args: &Args) -> String {
        let (path, pattern) = (args.path.escape_debug(), args.pattern.escape_debug());
        format!("would search `{path}` for `{pattern}`")
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let mut search = Search::new(Query::new(&args)?, args.limit, &at.watch);
        match at.jail.open_any(&args.path)? {
            Found::File(file) => search.single(&file)?,
            Found::Dir(dir) => {
                let closed_at = [at.jail.own_logs()];
                let how = Walk {
                    depth: TREE_DEPTH_MAX,
                    closed: CLOSED,
                    closed_at: &closed_at,
                    watch: &at.watch,
                };
                let omitted = walk(&dir.fd, &dir.real, &how, &mut |visit| search.visit(visit))?;
                search.data.truncated |= omitted.cut;
                for path in &omitted.unreadable {
                    search.skip(path, "it may not be read");
                }
            }
        }
        let (logs, truncated) = (search.logs(), search.data.truncated);
        Ok(Answer { logs, truncated, ..Answer::of(search.data) })
    }
}

/// What is looked for, and where.
struct Query {
    regex: Regex,
    glob: Option<GlobMatcher>,
    exclude: Option<GlobMatcher>,
}

impl Query {
    fn new(args: &Args) -> Result<Self, ToolError> {
        let bad = |message: String| ToolError::new(ErrorKind::BadArguments, message);
        let regex = RegexBuilder::new(&args.pattern)
            .case_insensitive(args.ignore_case)
            .size_limit(REGEX_BYTES_MAX)
            .build()
            .map_err(|error| bad(format!("argument `pattern`: {error}")))?;
        let matcher = |name: &str, pattern: &Option<String>| {
            let pattern = pattern.as_deref().map(glob).transpose();
            pattern.map_err(|error| bad(format!("argument `{name}`: {error}")))
        };
        let (glob, exclude) = (matcher("glob", &args.glob)?, matcher("exclude", &args.exclude)?);
        Ok(Self { regex, glob, exclude })
    }

    fn wants(&self, path: &Path) -> bool {
        self.glob.as_ref().is_none_or(|glob| glob.is_match(path))
            && !self.exclude.as_ref().is_some_and(|glob| glob.is_match(path))
    }
}

/// A pattern without `/` matches a file's name in any directory; one that begins with `/` begins at
/// the directory that is searched.
fn glob(text: &str) -> Result<GlobMatcher, globset::Error> {
    let pattern = match text.strip_prefix('/') {
        Some(anchored) => anchored.to_owned(),
        None if text.contains('/') => text.to_owned(),
        None => format!("**/{text}"),
    };
    GlobBuilder::new(&pattern).literal_separator(true).build().map(|glob| glob.compile_matcher())
}

struct Search<'a> {
    query: Query,
    limit: usize,
    watch: &'a Watch,
    data: Data,
    /// Whether it was stopped at the limit.
    stopped: bool,
    skipped: Vec<String>,
    skipped_more: u64,
}

/// Most skipped files that are named one by one.
const SKIPPED_NAMED_MAX: usize = 20;

impl<'a> Search<'a> {
    fn new(query: Query, limit: u32, watch: &'a Watch) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (data, skipped) = (Data::default(), Vec::new());
        Self { query, limit, watch, data, stopped: false, skipped, skipped_more: 0 }
    }

    /// A file that was named itself; globs are for choosing among many.
    fn single(&mut self, opened: &Opened) -> Result<(), ToolError> {
        let name = opened.real.file_name().map(Path::new).unwrap_or(&opened.real);
        self.content(&opened.file, name, opened.bytes).map(drop)
    }

    /// An entry of a tree; false when there are enough matches.
    fn visit(&mut self, visit: &Visit<'_>) -> Result<bool, ToolError> {
        if visit.kind != Kind::File || !self.query.wants(visit.path) {
            return Ok(true);
        }
        if is_secret(visit.path) {
            self.skip(visit.path, "it usually holds secrets; name it to search it");
            return Ok(true);
        }
        match open_entry(visit.dir, visit) {
            Ok(file) => self.content(&file, visit.path, visit.bytes),
            Err(error) => {
                self.skip(visit.path, &error.to_string());
                Ok(true)
            }
        }
    }

    fn content(&mut self, file: &File, path: &Path, bytes: u64) -> Result<bool, ToolError> {
        if bytes > FILE_BYTES_MAX {
            self.skip(path, "it is larger than 4 MiB");
            return Ok(true);
        }
        let (content, more) = read_at_most(file, path, FILE_BYTES_MAX)?;
        if more {
            self.skip(path, "it is larger than 4 MiB");
            return Ok(true);
        }
        let probe = content.get(..BINARY_PROBE_BYTES).unwrap_or(&content);
        if probe.contains(&0) {
            return Ok(true);
        }
        self.data.files_searched += 1;
        self.lines(&content, path)
    }

    fn lines(&mut self, content: &[u8], path: &Path) -> Result<bool, ToolError> {
        if content.is_empty() {
            return Ok(true);
        }
        // What follows the last line's end is no line.
        let content = content.strip_suffix(b"\n").unwrap_or(content);
        for (line, number) in content.split(|byte| *byte == b'\n').zip(1u64..) {
            self.watch.check()?;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let line = line.get(..LINE_BYTES_MAX).unwrap_or(line);
            let Some(found) = self.query.regex.find(line) else { continue };
            if self.data.matches.len() >= self.limit {
                self.data.truncated = true;
                self.stopped = true;
                return Ok(false);
            }
            let before = line.get(..found.start()).unwrap_or_default();
            let column = String::from_utf8_lossy(before).chars().count();
            self.data.matches.push(Match {
                path: lossy(path.as_os_str()).0,
                line: number,
                column: u64::try_from(column).unwrap_or(u64::MAX).saturating_add(1),
                text: String::from_utf8_lossy(line).chars().take(TEXT_CHARS_MAX).collect(),
            });
        }
        Ok(true)
    }

    fn skip(&mut self, path: &Path, why: &str) {
        if self.skipped.len() < SKIPPED_NAMED_MAX {
            self.skipped.push(format!("`{}` was not searched: {why}", shown(path)));
        } else {
            self.skipped_more += 1;
        }
    }

    fn logs(&mut self) -> Vec<String> {
        let mut logs = std::mem::take(&mut self.skipped);
        if self.skipped_more > 0 {
            logs.push(format!("{} more files were not searched", self.skipped_more));
        }
        if self.stopped {
            let limit = self.limit;
            logs.push(format!(
                "stopped after {limit} matches: give a larger `limit`, at most {LIMIT_MAX}, or a narrower \
                 `path`, `glob` or `pattern`"
            ));
        }
        logs
    }
}

/// Opens a file that was just seen in `dir`, and only if it still is one.
fn open_entry(dir: &OwnedFd, visit: &Visit<'_>) -> rustix::io::Result<File> {
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(dir, visit.name, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&fd)?;
    if rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file() {
        Ok(File::from(fd))
    } else {
        Err(rustix::io::Errno::INVAL)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::time::{Duration, Instant};

    use serde_json::{Value, json};

    use super::is_secret;
    use crate::contracts::ErrorKind;
    use crate::tools::fixture::Bench;

    fn places(data: &Value) -> Vec<String> {
        let matches = data["matches"].as_array().unwrap().iter();
        matches
            .map(|m| format!("{}:{}:{}", m["path"].as_str().unwrap(), m["line"], m["column"]))
            .collect()
    }

    #[test]
    fn finds_lines_with_place_and_text() {
        let bench = Bench::new();
        bench.file("src/a.rs", "ä // TODO one\r\nnothing\n  todo\nTODO TODO");
        bench.file("src/b.txt", "TODO\n");
        let data = bench.ok("search_text", json!({"path": ".", "pattern": "TODO"}));
        assert_eq!(places(&data), ["src/a.rs:1:6", "src/a.rs:4:1", "src/b.txt:1:1"]);
        assert_eq!(data["matches"][0]["text"], "ä // TODO one");
        assert_eq!((&data["files_searched"], &data["truncated"]), (&json!(2), &json!(false)));
        let args = json!({"path": ".", "pattern": "TODO", "ignore_case": true, "glob": "*.rs"});
        let data = bench.ok("search_text", args);
        assert_eq!(places(&data), ["src/a.rs:1:6", "src/a.rs:3:3", "src/a.rs:4:1"]);
        let data = bench.ok("search_text", json!({"path": "src/b.txt", "pattern": "T"}));
        assert_eq!(places(&data), ["b.txt:1:1"]);
    }

    #[test]
    fn an_empty_match_is_found_once_per_line() {
        let bench = Bench::new();
        bench.file("a", "x\n\ny\n");
        let data = bench.ok("search_text", json!({"path": ".", "pattern": "^$"}));
        assert_eq!(places(&data), ["a:2:1"]);
    }

    #[test]
    fn leaves_out_what_is_no_source_text_and_says_what_was_too_large() {
        let bench = Bench::new();
        for dir in [".git", "target", ".bailiwick", "node"] {
            bench.file(&format!("{dir}/x"), "needle\n");
        }
        fs::write(bench.path("bin"), b"\0needle").unwrap();
        fs::write(bench.path("big"), "needle\n".repeat(700_000)).unwrap();
        fs::write(bench.path("latin1"), b"\xe4 needle").unwrap();
        symlink("node/x", bench.path("link")).unwrap();
        let output = bench.call("search_text", json!({"path": ".", "pattern": "needle"}));
        assert_eq!(places(output.data.as_ref().unwrap()), ["latin1:1:3", "node/x:1:1"]);
        assert_eq!(output.logs, ["`big` was not searched: it is larger than 4 MiB"]);
    }

    #[test]
    fn the_workspace_s_own_logs_are_not_searched_and_those_of_others_are() {
        let bench = Bench::new();
        for file in ["logs/tools_audit.jsonl", ".bailiwick/x", "other/logs/x", "logs.txt"] {
            bench.file(file, "needle\n");
        }
        let data = bench.ok("search_text", json!({"path": ".", "pattern": "needle"}));
        assert_eq!(places(&data), ["logs.txt:1:1", "other/logs/x:1:1"]);
        let data = bench.ok("search_text", json!({"path": "logs", "pattern": "needle"}));
        assert_eq!(
            places(&data),
            ["tools_audit.jsonl:1:1"],
            "policy decides about the name itself"
        );
    }

    #[test]
    fn what_is_excluded_is_not_searched() {
        let bench = Bench::new();
        for file in ["a.md", "reports/a.md", "reports/deep/b.md", "src/reports/a.md"] {
            bench.file(file, "needle\n");
        }
        for (exclude, expected) in [
            ("/reports/**", ["a.md:1:1", "src/reports/a.md:1:1"].as_slice()),
            ("a.md", &["reports/deep/b.md:1:1"]),
            ("*", &[]),
        ] {
            let args = json!({"path": ".", "pattern": "needle", "exclude": exclude});
            assert_eq!(places(&bench.ok("search_text", args)), expected, "{exclude}");
        }
        let args =
            json!({"path": ".", "pattern": "needle", "exclude": "b.md", "glob": "/reports/**"});
        assert_eq!(places(&bench.ok("search_text", args)), ["reports/a.md:1:1"]);
        let error =
            bench.error("search_text", json!({"path": ".", "pattern": "x", "exclude": "a["}));
        assert!(error.message.contains("`exclude`"), "{}", error.message);
    }

    #[test]
    fn secrets_are_not_come_across() {
        let bench = Bench::new();
        for file in [".env", ".env.local", "home/.ssh/config", "certs/a.key", ".env.example"] {
            bench.file(file, "TOKEN\n");
        }
        let output = bench.call("search_text", json!({"path": ".", "pattern": "TOKEN"}));
        assert_eq!(places(output.data.as_ref().unwrap()), [".env.example:1:1"]);
        assert_eq!(output.logs.len(), 4, "{:?}", output.logs);
        let named = bench.ok("search_text", json!({"path": "certs/a.key", "pattern": "TOKEN"}));
        assert_eq!(places(&named), ["a.key:1:1"], "policy decides about the name itself");
    }

    #[test]
    fn what_policy_calls_a_secret_is_not_come_across() {
        let bench = Bench::new();
        for file in [
            "credentials.json",
            ".vault-token",
            ".s3cfg",
            ".password-store/mail",
            "putty.ppk",
            "backup.gpg",
            "note.age",
            "Server.PEM",
        ] {
            assert!(is_secret(file.as_ref()), "{file}");
            bench.file(file, "TOKEN\n");
        }
        let output = bench.call("search_text", json!({"path": ".", "pattern": "TOKEN"}));
        assert_eq!(places(output.data.as_ref().unwrap()), [""; 0]);
        assert_eq!(output.logs.len(), 8, "{:?}", output.logs);
    }

    #[test]
    fn stops_at_the_limit() {
        let bench = Bench::new();
        bench.file("a", &"x\n".repeat(30));
        let data = bench.ok("search_text", json!({"path": ".", "pattern": "x", "limit": 10}));
        assert_eq!((places(&data).len(), &data["truncated"]), (10, &json!(true)));
        let data = bench.ok("search_text", json!({"path": ".", "pattern": "x", "limit": 30}));
        assert_eq!((places(&data).len(), &data["truncated"]), (30, &json!(false)));
        let output = bench.call("search_text", json!({"path": ".", "pattern": "x", "limit": 10}));
        assert_eq!(output.logs.len(), 1, "{:?}", output.logs);
        assert!(output.logs[0].starts_with("stopped after 10 matches: give a larger `limit`"));
    }

    #[test]
    fn what_the_cap_cuts_is_kept() {
        let mut bench = Bench::new();
        bench.cap(2_000);
        bench.file("a", &"x\n".repeat(500));
        let output = bench.call("search_text", json!({"path": ".", "pattern": "x"}));
        assert!(output.truncated && places(output.data.as_ref().unwrap()).len() < 100);
        assert_eq!(places(output.whole.as_ref().unwrap()).len(), 500);
    }

    #[test]
    fn hostile_expressions_are_refused_or_quick() {
        let bench = Bench::new();
        bench.file("a", &format!("{}b\n", "a".repeat(100_000)));
        for pattern in ["((a{1000}){1000}){1000}", "(", "\\", "(?=x)", "[[:word:]&&"] {
            let kind = bench.kind("search_text", json!({"path": ".", "pattern": pattern}));
            assert_eq!(kind, ErrorKind::BadArguments, "{pattern}");
        }
        let started = Instant::now();
        for pattern in ["(a+)+$", "(a|aa)+$", "(.*)(.*)(.*)(.*)[^b]$"] {
            bench.ok("search_text", json!({"path": ".", "pattern": pattern}));
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
        let kind = bench.kind("search_text", json!({"path": ".", "pattern": "x", "glob": "a[" }));
        assert_eq!(kind, ErrorKind::BadArguments);
    }

    #[test]
    fn its_time_is_limited() {
        let bench = Bench::new();
        bench.file("a", &"a\n".repeat(300_000));
        let mut call = bench.tool_call("search_text", json!({"path": ".", "pattern": "b"}));
        call.timeout_ms = 1;
        let error = bench.perform(&call).error.unwrap();
        assert_eq!((error.kind, error.retryable), (ErrorKind::Timeout, true));
    }
}
