//! `git_status`: branch, distance to upstream, and what is changed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::git::{Repository, path_text};
use super::typed::{Answer, Call, Typed, about, path_arg};
use crate::contracts::{CallEffect, ErrorKind, Risk, ToolError};
use crate::ports::{PathAccess, ToolDescriptor};

pub(super) struct GitStatus;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// A directory of the repository; relative to the workspace, or absolute.
    #[schemars(length(min = 1))]
    path: String,
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct Data {
    /// Whether the directory is in a git repository; if not, all else is empty, and
    /// `clean` is true.
    repository: bool,
    /// The branch; null when detached.
    branch: Option<String>,
    /// The commit; null before the first one.
    head: Option<String>,
    /// The branch that this one follows.
    upstream: Option<String>,
    /// Commits that upstream does not have.
    ahead: u64,
    /// Commits that only upstream has.
    behind: u64,
    /// Whether nothing is changed.
    clean: bool,
    /// Changed files, one entry each. `path` is relative to the top of the repository.
    changed: Vec<Change>,
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Change {
    /// Relative to the top of the repository.
    path: String,
    /// What happened to it; the staged change where there are two.
    status: Status,
    /// Whether something of it is staged.
    staged: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    Modified,
    Added,
    Deleted,
    Renamed,
    Copied,
    TypeChanged,
    Unmerged,
    Untracked,
}

impl Data {
    fn none() -> Self {
        Self {
            repository: false,
            branch: None,
            head: None,
            upstream: None,
            ahead: 0,
            behind: 0,
            clean: true,
            changed: Vec::new(),
        }
    }
}

impl Typed for GitStatus {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "State of a git repository. Runs no hook, filter or other program of the \
                    repository; submodules are not looked into.";
        ToolDescriptor {
            paths: path_arg("path", PathAccess::Read),
            timeout_ms: 60_000,
            names_only: true,
            profile: "git".to_owned(),
            ..about("git_status", Risk::Low, CallEffect::Read, what)
        }
    }

    fn dry_run(&self, args: &Args) -> String {
        format!("would ask git for the state of `{}`", args.path.escape_debug())
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let repository = match Repository::open(at, &args.path)? {
            Ok(repository) => repository,
            Err(why) => {
                let answer = Answer::of(Data::none());
                return Ok(Answer { logs: vec![format!("no repository: {why}")], ..answer });
            }
        };
        let output = repository.run(&[
            "status",
            "--porcelain=v2",
            "--branch",
            "-z",
            "--untracked-files=normal",
            "--ignore-submodules=dirty",
        ])?;
        let data = parse(&output.stdout, output.truncated).ok_or_else(|| {
            ToolError::new(ErrorKind::BadContent, "git printed a state that cannot be read")
        })?;
        Ok(Answer { truncated: output.truncated, receipt: output.receipt, ..Answer::of(data) })
    }
}

/// Reads `git status --porcelain=v2 --branch -z`. When `cut`, the last record may be incomplete.
fn parse(output: &[u8], cut: bool) -> Option<Data> {
    let mut data = Data { repository: true, ..Data::none() };
    let mut records: Vec<&[u8]> = output.split(|byte| *byte == 0).collect();
    records.pop(); // after the last NUL: nothing, or what was cut
    let mut records = records.into_iter();
    while let Some(record) = records.next() {
        match record.split_at_checked(2)? {
            (b"# ", header) => header_line(std::str::from_utf8(header).ok()?, &mut data)?,
            (b"1 ", rest) => data.changed.push(change(rest, 7)?),
            (b"2 ", rest) => {
                data.changed.push(change(rest, 8)?);
                // The old name follows as a record of its own.
                if records.next().is_none() && !cut {
                    return None;
                }
            }
            (b"u ", rest) => {
                let path = path_text(field(rest, 9)?);
                data.changed.push(Change { path, status: Status::Unmerged, staged: false });
            }
            (b"? ", path) => {
                let path = path_text(path);
                data.changed.push(Change { path, status: Status::Untracked, staged: false });
            }
            (b"! ", _) => {}
            _ => return None,
        }
    }
    data.clean = data.changed.is_empty();
    Some(data)
}

fn header_line(line: &str, data: &mut Data) -> Option<()> {
    let (key, value) = line.split_once(' ')?;
    match key {
        "branch.oid" => data.head = (value != "(initial)").then(|| value.to_owned()),
        "branch.head" => data.branch = (value != "(detached)").then(|| value.to_owned()),
        "branch.upstream" => data.upstream = Some(value.to_owned()),
        "branch.ab" => {
            let (ahead, behind) = value.split_once(' ')?;
            data.ahead = ahead.strip_prefix('+')?.parse().ok()?;
            data.behind = behind.strip_prefix('-')?.parse().ok()?;
        }
        _ => {} // newer versions of git may say more
    }
    Some(())
}

/// A record `XY … path` with `before` fields ahead of the path.
fn change(record: &[u8], before: usize) -> Option<Change> {
    let [x, y, ..] = record else { return None };
    let staged = *x != b'.';
    let status = status(if staged { *x } else { *y })?;
    Some(Change { path: path_text(field(record, before)?), status, staged })
}

/// What follows the first `n` fields, blanks included.
fn field(record: &[u8], n: usize) -> Option<&[u8]> {
    record.splitn(n.saturating_add(1), |byte| *byte == b' ').nth(n)
}

fn status(letter: u8) -> Option<Status> {
    Some(match letter {
        b'M' => Status::Modified,
        b'A' => Status::Added,
        b'D' => Status::Deleted,
        b'R' => Status::Renamed,
        b'C' => Status::Copied,
        b'T' => Status::TypeChanged,
        b'U' => Status::Unmerged,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ports::Ending;
    use crate::tools::fixture::{Bench, Script, git};

    #[test]
    fn a_directory_without_a_repository_is_an_answer() {
        let bench = Bench::with_programs();
        let data = bench.ok("git_status", json!({"path": "."}));
        assert_eq!(data["repository"], false);
        assert_eq!(data["changed"], json!([]));
    }

    #[test]
    fn reads_a_real_repository() {
        let bench = Bench::with_programs();
        let root = bench.root();
        git(root, &["init", "-q", "-b", "main"]);
        let data = bench.ok("git_status", json!({"path": "."}));
        assert_eq!((&data["head"], &data["branch"]), (&json!(null), &json!("main")));
        assert_eq!((&data["repository"], &data["clean"]), (&json!(true), &json!(true)));
        for file in ["kept", "gone", "old name", "both"] {
            bench.file(file, &format!("{file}\n").repeat(20));
        }
        git(root, &["add", "."]);
        git(root, &["commit", "-q", "-m", "one"]);
        git(root, &["clone", "-q", "--bare", ".", ".git/up.git"]);
        git(root, &["remote", "add", "origin", ".git/up.git"]);
        git(root, &["fetch", "-q", "origin"]);
        git(root, &["branch", "-q", "-u", "origin/main"]);
        git(root, &["commit", "-q", "--allow-empty", "-m", "two"]);
        git(root, &["mv", "old name", "new\nname"]);
        std::fs::remove_file(bench.path("gone")).unwrap();
        bench.file("both", "staged\n");
        git(root, &["add", "both"]);
        bench.file("both", "staged and more\n");
        bench.file("new dir/x", "");
        let data = bench.ok("git_status", json!({"path": "."}));
        assert_eq!((&data["ahead"], &data["behind"]), (&json!(1), &json!(0)));
        assert_eq!(data["upstream"], "origin/main");
        assert_eq!(data["head"].as_str().unwrap().len(), 40);
        assert_eq!(
            data["changed"],
            json!([
                {"path": "both", "status": "modified", "staged": true},
                {"path": "gone", "status": "deleted", "staged": false},
                {"path": "new\nname", "status": "renamed", "staged": true},
                {"path": "new dir/", "status": "untracked", "staged": false},
            ])
        );
        assert_eq!(data["clean"], false);
        let below = bench.ok("git_status", json!({"path": "new dir"}));
        assert_eq!(below["changed"], data["changed"]);
    }

    #[test]
    fn reads_conflicts_and_detached_heads_and_refuses_nonsense() {
        let output = b"# branch.oid abc\0# branch.head (detached)\0# branch.future x y\0\
            u UU N... 100644 100644 100644 100644 1 2 3 a b\0! ignored\0";
        let data = parse(output, false).unwrap();
        assert_eq!(data.branch, None);
        assert_eq!(
            data.changed,
            [Change { path: "a b".into(), status: Status::Unmerged, staged: false }]
        );
        for bad in [&b"x y\0"[..], b"1 MM\0", b"\0", b"1 ?? a b c d e f g\0", b"# branch.ab 1 2\0"]
        {
            assert!(parse(bad, false).is_none(), "{:?}", String::from_utf8_lossy(bad));
        }
        let cut = parse(b"? a\0? b", true).unwrap();
        assert_eq!(cut.changed.len(), 1);
    }

    #[test]
    fn git_gets_no_rights_and_no_programs() {
        let bench = Bench::new();
        let ok = |stdout: &[u8]| Script {
            ending: Ending::Exited(0),
            stdout: stdout.to_vec(),
            stderr: Vec::new(),
        };
        bench.script(vec![ok(b"true\n"), ok(b"filter.x.clean\0"), ok(b"# branch.oid (initial)\0")]);
        bench.ok("git_status", json!({"path": "."}));
        let ran = bench.ran();
        assert_eq!(ran.len(), 3);
        for spec in &ran {
            assert!(spec.confinement.write.is_empty());
            let has = |pair: &str| spec.argv.windows(2).any(|w| w[0] == "-c" && w[1] == pair);
            assert!(has("core.fsmonitor=false") && has("core.hooksPath=/dev/null"));
            let env =
                |name: &str| spec.env.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
            assert_eq!(env("GIT_CONFIG_GLOBAL"), Some("/dev/null"));
            assert_eq!(env("GIT_CONFIG_NOSYSTEM"), Some("1"));
            assert_eq!(env("GIT_OPTIONAL_LOCKS"), Some("0"));
            assert_eq!(env("GIT_ALLOW_PROTOCOL"), Some("none"));
        }
        assert!(ran[2].env.contains(&("GIT_CONFIG_KEY_0".into(), "filter.x.clean".into())));
        assert!(ran[2].env.contains(&("GIT_CONFIG_VALUE_0".into(), String::new())));
    }

    #[test]
    fn a_failing_git_is_an_error_with_what_it_said() {
        let bench = Bench::new();
        let stderr = b"fatal: index file corrupt\nmore".to_vec();
        bench.script(vec![Script { ending: Ending::Exited(128), stdout: Vec::new(), stderr }]);
        let error = bench.call("git_status", json!({"path": "."})).error.unwrap();
        assert_eq!(error.kind, ErrorKind::ExitStatus);
        assert!(error.message.ends_with("fatal: index file corrupt"), "{}", error.message);
    }
}
