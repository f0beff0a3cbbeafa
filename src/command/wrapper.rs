//! Programs whose arguments are another program: what they do cannot be seen from here.

use super::positional::GIT_VALUES;

/// Shells, and programs that run the command in their arguments.
const RUNNERS: [&str; 53] = [
    "sh",
    "bash",
    "dash",
    "zsh",
    "fish",
    "ksh",
    "mksh",
    "csh",
    "tcsh",
    "ash",
    "rbash",
    "busybox",
    "toybox",
    "pwsh",
    "powershell",
    "cmd",
    "env",
    "sudo",
    "su",
    "doas",
    "pkexec",
    "runuser",
    "setpriv",
    "xargs",
    "parallel",
    "timeout",
    "nohup",
    "nice",
    "ionice",
    "chrt",
    "taskset",
    "setsid",
    "stdbuf",
    "time",
    "watch",
    "script",
    "expect",
    "entr",
    "ssh",
    "docker",
    "podman",
    "kubectl",
    "nsenter",
    "unshare",
    "chroot",
    "bwrap",
    "systemd-run",
    "at",
    "batch",
    "crontab",
    "exec",
    "command",
    "strace",
];

/// Interpreters that take a program's text in their arguments, always.
const TEXTS: [&str; 7] = ["awk", "gawk", "mawk", "nawk", "osascript", "eval", "m4"];

/// Interpreters with the flags after which a program's text follows.
const INTERPRETERS: [(&str, &[char], &[&str]); 11] = [
    ("python", &['c'], &[]),
    ("pypy", &['c'], &[]),
    ("perl", &['e', 'E'], &[]),
    ("ruby", &['e'], &[]),
    ("node", &['e', 'p'], &["eval", "print"]),
    ("nodejs", &['e', 'p'], &["eval", "print"]),
    ("bun", &['e', 'p'], &["eval", "print"]),
    ("deno", &[], &["eval"]),
    ("php", &['r', 'B', 'R', 'E'], &["run"]),
    ("lua", &['e'], &[]),
    ("rscript", &['e'], &[]),
];

const FIND_RUNS: [&str; 4] = ["-exec", "-execdir", "-ok", "-okdir"];

/// Why what `program` does with `args` cannot be seen; `None` when it can.
pub(super) fn why_opaque(program: &str, args: &[String]) -> Option<String> {
    if RUNNERS.contains(&program) {
        return Some(format!("`{program}` runs the command in its arguments"));
    }
    if TEXTS.contains(&program) {
        return Some(format!("`{program}` runs the program text in its arguments"));
    }
    if program == "find" && args.iter().any(|word| FIND_RUNS.contains(&word.as_str())) {
        return Some("`find` runs a command for each file".to_owned());
    }
    if program == "git" && sets_config(args) {
        return Some("`git` gets configuration that can name programs to run".to_owned());
    }
    let base = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    let (_, letters, longs) = INTERPRETERS.iter().find(|(name, ..)| *name == base)?;
    inline_text(args, letters, longs).then(|| format!("`{program}` gets its program as text"))
}

/// Whether an interpreter is given text to run, or reads it from standard input.
fn inline_text(args: &[String], letters: &[char], longs: &[&str]) -> bool {
    for word in args {
        if word == "-" {
            return true;
        }
        if let Some(long) = word.strip_prefix("--") {
            if longs.contains(&long.split('=').next().unwrap_or_default()) {
                return true;
            }
        } else if let Some(short) = word.strip_prefix('-') {
            if short.chars().any(|letter| letters.contains(&letter)) {
                return true;
            }
            // What follows `-m` is the module's own.
            if short.ends_with('m') {
                return false;
            }
        } else {
            return longs.contains(&word.as_str());
        }
    }
    !args.iter().any(|word| matches!(word.as_str(), "--version" | "-V" | "--help" | "-h"))
}

/// Whether configuration stands among `git`'s global options.
fn sets_config(args: &[String]) -> bool {
    let mut rest = args.iter();
    while let Some(word) = rest.next().filter(|word| word.starts_with('-')) {
        let names_programs = ["-c", "--config-env", "--exec-path"];
        if names_programs.iter().any(|option| word.starts_with(option)) {
            return true;
        }
        if GIT_VALUES.contains(&word.as_str()) {
            rest.next();
        }
    }
    false
}
