//! Running git on a repository that nobody vouches for.
//!
//! A repository's own configuration names programs: hooks, a file monitor, filters, external diffs,
//! helpers that fetch what is missing. Whoever wrote the repository must not get one of them run.
//! So git starts without system and user configuration, everything dangerous is switched off by
//! name, filters that the repository defines are found first and emptied, and all of it happens in
//! the sandbox with nothing writable and no network.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::fs::{Dir, shown};
use super::process::{Command, Walls, failure, named_in_the_profile, run};
use super::typed::Call;
use crate::contracts::{Confinement, ErrorKind, Network, ToolError};
use crate::ports::{CommandOutput, Ending};

/// Said on the command line: stronger than any configuration file.
const SETTINGS: &[&str] = &[
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.untrackedCache=false",
    "core.quotePath=true",
    "safe.directory=*",
    "safe.bareRepository=explicit",
    "protocol.allow=never",
    "submodule.recurse=false",
    "status.submoduleSummary=false",
    "diff.submodule=short",
    "gc.auto=0",
    "maintenance.auto=false",
    "log.showSignature=false",
    "commit.gpgSign=false",
    "gpg.program=false",
    "core.editor=false",
    "sequence.editor=false",
    "rerere.enabled=false",
];

/// What in `.git` says which programs run.
const NAMES_PROGRAMS: &[&str] =
    &["config", "config.worktree", "hooks", "info", "modules", "worktrees"];

/// Most settings of a repository that are looked through, and most filters that are emptied.
const FILTERS_MAX: usize = 200;

/// The status with which git says that it cannot go on at all.
const FATAL: i32 = 128;

/// A repository's working directory, looked at and found safe to run git in.
pub(super) struct Repository<'a> {
    at: &'a Call<'a>,
    dir: Dir,
    /// Settings that empty what the repository itself defines.
    emptied: Vec<(String, String)>,
    /// Names of all its settings, separated by NUL.
    settings: Vec<u8>,
}

impl<'a> Repository<'a> {
    /// The repository that holds the directory `path`, or `None` and what git said when there is
    /// none.
    pub(super) fn open(at: &'a Call<'a>, path: &str) -> Result<Result<Self, String>, ToolError> {
        let dir = at.jail.open_dir(path)?;
        let mut repository = Self { at, dir, emptied: Vec::new(), settings: Vec::new() };
        let inside = repository.git(&["rev-parse", "--is-inside-work-tree"])?;
        match inside.ending {
            Ending::Exited(0) if inside.stdout.starts_with(b"true") => {}
            Ending::Exited(0) => return Ok(Err("there is no working tree here".to_owned())),
            Ending::Exited(FATAL) if is_no_repository(&inside.stderr) => {
                return Ok(Err(first_line(&inside.stderr)));
            }
            _ => return Err(repository.broken(&inside)),
        }
        let names = repository.run(&["config", "--list", "--includes", "--name-only", "-z"])?;
        if names.truncated {
            return Err(too_many(&repository.dir.real));
        }
        repository.emptied =
            emptied(&names.stdout).ok_or_else(|| too_many(&repository.dir.real))?;
        repository.settings = names.stdout;
        Ok(Ok(repository))
    }

    /// Runs git with `args`; it must end with status 0.
    pub(super) fn run(&self, args: &[&str]) -> Result<CommandOutput, ToolError> {
        let output = self.git(args)?;
        if output.ending == Ending::Exited(0) { Ok(output) } else { Err(self.broken(&output)) }
    }

    /// Whether the repository has a setting whose name begins and ends so, such as `merge.x.driver`.
    pub(super) fn has_setting(&self, begin: &str, end: &str) -> bool {
        let fits =
            |name: &[u8]| name.starts_with(begin.as_bytes()) && name.ends_with(end.as_bytes());
        self.settings.split(|byte| *byte == 0).any(fits)
    }

    /// Runs git with `args`, however it ends; it writes nothing.
    pub(super) fn look(&self, args: &[&str]) -> Result<CommandOutput, ToolError> {
        self.git(args)
    }

    /// Runs git with the access that the call was given, however it ends. What is written cannot be
    /// named on the command line; it comes in through `stdin`.
    pub(super) fn change(
        &self,
        args: &[&str],
        stdin: Vec<u8>,
        env: &[(String, String)],
    ) -> Result<CommandOutput, ToolError> {
        let mut all = self.environment();
        all.extend_from_slice(env);
        self.start(args, stdin, all, Walls::Own(self.recording()))
    }

    /// The walls of a git that records something. No other command writes in `.git`; this one may, but
    /// for what names programs there: it runs none, and the next one would be the user's own.
    fn recording(&self) -> Confinement {
        let mut walls = self.at.context.confinement.clone();
        walls.network = Network::None;
        walls.hosts.clear();
        let git = self.at.context.root.join(".git");
        if walls.protected.contains(&git) {
            walls.protected.retain(|place| *place != git);
            walls.protected.extend(NAMES_PROGRAMS.iter().map(|name| git.join(name)));
            walls.protected.sort();
            walls.protected.dedup();
        }
        walls
    }

    /// As [`Repository::look`], with something to read.
    pub(super) fn ask(&self, args: &[&str], stdin: Vec<u8>) -> Result<CommandOutput, ToolError> {
        self.start(args, stdin, self.environment(), Walls::ReadOnly)
    }

    fn git(&self, args: &[&str]) -> Result<CommandOutput, ToolError> {
        self.start(args, Vec::new(), self.environment(), Walls::ReadOnly)
    }

    fn start(
        &self,
        args: &[&str],
        stdin: Vec<u8>,
        env: Vec<(String, String)>,
        walls: Walls,
    ) -> Result<CommandOutput, ToolError> {
        let mut argv: Vec<String> =
            ["git", "--no-pager", "--no-replace-objects"].map(str::to_owned).to_vec();
        for setting in SETTINGS {
            argv.extend(["-c".to_owned(), (*setting).to_owned()]);
        }
        argv.extend(args.iter().map(|arg| (*arg).to_owned()));
        let command = Command { argv, cwd: self.dir.real.clone(), env, stdin };
        if walls != Walls::ReadOnly {
            named_in_the_profile(self.at, &command.argv)?;
        }
        run(self.at, command, walls)
    }

    fn environment(&self) -> Vec<(String, String)> {
        let mut env: Vec<(String, String)> = [
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_NO_LAZY_FETCH", "1"),
            ("GIT_ALLOW_PROTOCOL", "none"),
            ("GIT_PAGER", "cat"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        // No search for a repository above what may be read.
        let ceiling = self.at.jail.read_root(&self.dir.real).and_then(Path::parent);
        if let Some(text) = ceiling.and_then(Path::to_str) {
            env.push(("GIT_CEILING_DIRECTORIES".to_owned(), text.to_owned()));
        }
        env.push(("GIT_CONFIG_COUNT".to_owned(), self.emptied.len().to_string()));
        for (i, (key, value)) in self.emptied.iter().enumerate() {
            env.push((format!("GIT_CONFIG_KEY_{i}"), key.clone()));
            env.push((format!("GIT_CONFIG_VALUE_{i}"), value.clone()));
        }
        env
    }

    /// The failure of a command that did not end with status 0.
    pub(super) fn broken(&self, output: &CommandOutput) -> ToolError {
        let wall_ms = self.at.context.limits.wall_ms.min(self.at.call.timeout_ms);
        let error = failure("git", output.ending, wall_ms)
            .unwrap_or_else(|| ToolError::new(ErrorKind::ExitStatus, "git gave no answer"));
        let message = format!("{}: {}", error.message, first_line(&output.stderr));
        ToolError { message, ..error }
    }
}

fn too_many(dir: &Path) -> ToolError {
    let message = format!(
        "the configuration of the repository at `{}` is too large to be made safe",
        shown(dir)
    );
    ToolError::new(ErrorKind::BadContent, message)
}

fn is_no_repository(stderr: &[u8]) -> bool {
    let text = String::from_utf8_lossy(stderr);
    text.contains("not a git repository") || text.contains("cannot use bare repository")
}

/// The first line of what git said, without control characters.
pub(super) fn first_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(300).collect()
}

/// Settings that take the program out of every filter and diff driver among `names` (NUL-separated
/// keys). `None` when there are too many.
fn emptied(names: &[u8]) -> Option<Vec<(String, String)>> {
    let mut drivers: Vec<String> = Vec::new();
    for name in names.split(|byte| *byte == 0) {
        // A key that is not UTF-8 cannot be passed on as it is, so the repository is not safe.
        let name = std::str::from_utf8(name).ok()?;
        let Some((driver, _)) = name.rsplit_once('.') else { continue };
        let known = driver.starts_with("filter.") || driver.starts_with("diff.");
        if known && !drivers.iter().any(|d| d == driver) {
            drivers.push(driver.to_owned());
        }
    }
    if drivers.len() > FILTERS_MAX {
        return None;
    }
    let mut settings = Vec::new();
    for driver in drivers {
        let keys: &[(&str, &str)] = if driver.starts_with("filter.") {
            &[("clean", ""), ("smudge", ""), ("process", ""), ("required", "false")]
        } else {
            &[("command", ""), ("textconv", "")]
        };
        for (key, value) in keys {
            settings.push((format!("{driver}.{key}"), (*value).to_owned()));
        }
    }
    Some(settings)
}

/// A path as git printed it.
pub(super) fn path_text(bytes: &[u8]) -> String {
    OsStr::from_bytes(bytes).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empties_every_program_of_a_filter_or_diff_driver() {
        let names = b"core.bare\0filter.a.b=c.clean\0filter.a.b=c.required\0diff.x.textconv\0diff.external\0";
        let settings = emptied(names).unwrap();
        let keys: Vec<&str> = settings.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "filter.a.b=c.clean",
                "filter.a.b=c.smudge",
                "filter.a.b=c.process",
                "filter.a.b=c.required",
                "diff.x.command",
                "diff.x.textconv",
            ]
        );
        let many: Vec<u8> =
            (0..=FILTERS_MAX).flat_map(|i| format!("filter.f{i}.clean\0").into_bytes()).collect();
        assert!(emptied(&many).is_none());
        assert!(emptied(b"filter.\xff.clean\0").is_none());
    }
}
