//! Programs whose arguments are another program, with their own flags. An unknown flag makes the
//! command opaque: it may take the word that looks like the program.

use super::table::{AROUND, LINES};
use super::words::Flag;

/// What stands behind the wrapper's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// A program with its arguments.
    Argv,
    /// A line for a shell, in one word or several.
    Line,
    /// A program that gets more words from standard input.
    More,
}

/// A wrapper.
#[derive(Debug)]
pub(super) struct Wrapper {
    /// Its names.
    pub(super) names: &'static [&'static str],
    /// Its flags.
    pub(super) flags: &'static [Flag],
    /// Words of its own before the program.
    pub(super) skip: usize,
    /// Whether `NAME=value` may stand before the program.
    pub(super) assigns: bool,
    /// What follows.
    pub(super) rest: Rest,
}

pub(super) const fn plain(names: &'static [&'static str], flags: &'static [Flag]) -> Wrapper {
    Wrapper { names, flags, skip: 0, assigns: false, rest: Rest::Argv }
}

pub(super) const fn after(
    skip: usize,
    names: &'static [&'static str],
    flags: &'static [Flag],
) -> Wrapper {
    Wrapper { names, flags, skip, assigns: false, rest: Rest::Argv }
}

pub(super) const fn with(
    rest: Rest,
    skip: usize,
    names: &'static [&'static str],
    flags: &'static [Flag],
) -> Wrapper {
    Wrapper { names, flags, skip, assigns: false, rest }
}

pub(super) const fn assigning(names: &'static [&'static str], flags: &'static [Flag]) -> Wrapper {
    Wrapper { names, flags, skip: 0, assigns: true, rest: Rest::Argv }
}

/// Programs that run another after one of these words: `poetry run pytest`, `op run -- env`.
pub(super) const VERBS: &[(&str, &[&str])] = &[
    ("poetry", &["run"]),
    ("pipenv", &["run"]),
    ("uv", &["run"]),
    ("hatch", &["run"]),
    ("pdm", &["run"]),
    ("rye", &["run"]),
    ("bundle", &["exec"]),
    ("op", &["run"]),
    ("doppler", &["run"]),
    ("aws-vault", &["exec"]),
    ("direnv", &["exec"]),
    ("nix", &["develop", "shell"]),
    ("npm", &["exec", "x"]),
    ("pnpm", &["exec", "dlx"]),
    ("yarn", &["exec", "dlx"]),
    ("mise", &["exec", "x"]),
    ("asdf", &["exec"]),
    ("chamber", &["exec"]),
    ("conda", &["run"]),
    ("pipx", &["run"]),
];

/// Container programs that run another after `run` or `exec`.
pub(super) const CONTAINERS: [&str; 5] =
    ["docker", "podman", "nerdctl", "docker-compose", "podman-compose"];

/// Programs that run something in a way that is not looked into.
const HIDING: &[&str] = &[
    "expect",
    "entr",
    "at",
    "batch",
    "bwrap",
    "osascript",
    "m4",
    "fish",
    "csh",
    "tcsh",
    "pwsh",
    "powershell",
    "cmd",
    "gdb",
    "screen",
    "tmux",
    "socat",
    "rlwrap",
    "proot",
    "firejail",
    "sg",
    "newgrp",
    "dtach",
    "ansible",
    "salt",
    "fab",
    "pssh",
    "pdsh",
    "clush",
    "start-stop-daemon",
    "daemonize",
    "run-parts",
    "ld.so",
    "ld-linux-x86-64.so.2",
    "tclsh",
    "wish",
    "guile",
    "scheme",
    "sbcl",
    "ghci",
    "gnuplot",
    "octave",
    "irb",
    "iex",
    "elixir",
    "erl",
    "jshell",
    "scala",
    "groovy",
    "wmic",
    "rundll32",
    "regsvr32",
    "mshta",
    "cscript",
    "wscript",
    "installutil",
    "forfiles",
    "schtasks",
    "bitsadmin",
    "psexec",
    "winrs",
    "ansible-console",
    "systemd-nspawn",
    "machinectl",
    "capsh",
    "pkcon",
    "run0",
    "mosh-server",
    "jrunscript",
    "jjs",
    "bpftrace",
    "dtrace",
    "stap",
    "lldb",
    "r2",
    "radare2",
    "mitmproxy",
    "mitmdump",
    "ettercap",
    "bettercap",
    "msfconsole",
    "msfvenom",
    "zmodload",
    "ztcp",
    "zsocket",
    "format",
    "del",
    "deltree",
    "robocopy",
    "hydra",
    "hashcat",
    "john",
    "sqlmap",
    "nikto",
    "aircrack-ng",
    "responder",
    "mimikatz",
    "watchexec",
    "reflex",
];

/// Beginnings of names such as `Remove-Item`: PowerShell's, which no other shell has.
const POWERSHELL: [&str; 11] = [
    "remove-",
    "invoke-",
    "stop-",
    "clear-",
    "format-",
    "uninstall-",
    "restart-",
    "disable-",
    "set-",
    "start-",
    "new-",
];

/// Whether nothing can be told of what the program of this name does.
pub(super) fn hides(program: &str) -> bool {
    let cmdlet =
        || POWERSHELL.iter().any(|verb| program.starts_with(verb)) && !program.contains('.');
    HIDING.contains(&program) || cmdlet()
}

/// The wrapper of this name.
pub(super) fn wrapper(program: &str) -> Option<&'static Wrapper> {
    AROUND.iter().chain(LINES).find(|wrapper| wrapper.names.contains(&program))
}
