//! Commands in the words of programs that are no wrappers: `find -exec`, `git bisect run`, `tar`.

use super::{Deed, Scope, Stdin, Walker, Word};
use crate::command::data::is_database;
use crate::command::found;
use crate::command::table::program as known;
use crate::command::vcs::{settings, verb_at};
use crate::command::words::{Takes, sort};

impl Walker {
    /// Walks the commands that stand in the words of `program`.
    pub(super) fn inner_lines(
        &mut self,
        scope: &Scope,
        program: &str,
        args: &[Word],
        stdin: &Stdin,
    ) {
        match program {
            "find" | "gfind" => self.find(scope, args),
            "fd" | "fdfind" => self.fd(scope, args),
            "git" => self.git(scope, args),
            "tar" | "gtar" | "bsdtar" => self.tar(scope, args),
            "ssh" | "rsync" | "scp" | "sftp" => self.options(scope, program, args),
            "vim" | "vi" | "nvim" | "ex" | "view" | "emacs" | "ed"
                if acts(args) || stdin.is_some() =>
            {
                self.hide(format!("`{program}` is told what to do in its own words"));
            }
            "make" | "gmake" | "bmake" | "ninja" | "just" if reads_input(args) => {
                if stdin.as_ref().is_some_and(|source| source.fetched)
                    && let Some(leaf) = self.leaves.last_mut()
                {
                    leaf.note(Deed::RunFetched);
                }
                self.hide(format!("`{program}` runs the rules that come in"));
            }
            "less" | "more" | "most"
                if args
                    .iter()
                    .any(|word| word.text.starts_with("+!") || word.text.starts_with("++!")) =>
            {
                self.hide(format!("`{program}` is told to run a command"));
            }
            "nano"
                if args.iter().any(|word| {
                    word.text.starts_with("-s") || word.text.starts_with("--speller")
                }) =>
            {
                self.hide("`nano` is told what runs");
            }
            "zip" if args.iter().any(|word| word.text == "-TT") => {
                self.hide("`zip` is told what tests its archives");
            }
            "make" | "gmake"
                if args.iter().any(|word| {
                    word.text.starts_with("SHELL=") || word.text.starts_with("--eval")
                }) =>
            {
                self.hide("`make` is told what runs");
            }
            "man"
                if args.iter().any(|word| {
                    word.text.starts_with("-P") || word.text.starts_with("--pager")
                }) =>
            {
                self.hide("`man` is told what runs");
            }
            "gcc" | "g++" | "cc" | "c++" | "clang" | "clang++"
                if args.iter().any(|word| word.text == "-wrapper") =>
            {
                self.hide(format!("`{program}` is told what runs"));
            }
            "cargo" if args.iter().any(|word| word.text.starts_with("--config")) => {
                self.hide("`cargo` gets settings, which can name programs to run");
            }
            "tcpdump" if args.iter().any(|word| word.text.starts_with("-z")) => {
                self.hide("`tcpdump` is told what runs");
            }
            "cmake" => self.cmake(scope, args),
            _ if is_database(program) && says_unknown(args) => {
                self.hide(format!("what `{program}` is told is not known"));
            }
            _ if is_database(program)
                && (args.iter().any(|word| escapes(&word.text))
                    || stdin
                        .as_ref()
                        .and_then(|source| source.text.as_deref())
                        .is_some_and(escapes)) =>
            {
                self.hide(format!("`{program}` is told to run a command"));
            }
            _ => {}
        }
        self.loads(scope, program, args);
        self.flags_that_run(scope, program, args);
        let flags = known(program).map_or(&[][..], |program| program.flags);
        if flags.iter().any(|(_, _, takes)| *takes == Takes::Line) && !program.contains("tar") {
            let sorted = sort(flags, args, crate::command::words::Style::default());
            for (_, _, line) in sorted.values.iter().filter(|(_, takes, _)| *takes == Takes::Line) {
                self.nested_word(scope, program, line, &None);
            }
        }
    }

    /// `cmake -E rm -rf build` and `cmake -E env program` are those programs.
    fn cmake(&mut self, scope: &Scope, args: &[Word]) {
        let Some(at) = args.iter().position(|word| word.text == "-E") else { return };
        let rest = args.get(at + 1..).unwrap_or_default();
        let Some((verb, words)) = rest.split_first() else { return };
        let program: &[&str] = match verb.text.as_str() {
            "rm" | "remove" => &["rm"],
            "remove_directory" => &["rm", "-r"],
            "env" => &["env"],
            _ => return,
        };
        let words = program.iter().map(|word| Word::known(word)).chain(words.iter().cloned());
        let words = words.collect();
        let mut inner = scope.clone();
        self.inside("cmake -E", |walker| walker.run(&mut inner, words, &None, Vec::new()));
    }

    /// Flags of any program by which it is told what to run, with a line behind them.
    fn flags_that_run(&mut self, scope: &Scope, program: &str, args: &[Word]) {
        const RUNS: [&str; 14] = [
            "exec",
            "toolexec",
            "vettool",
            "preview",
            "pager",
            "bind",
            "command",
            "cmd",
            "shell",
            "script-shell",
            "hook",
            "wrapper",
            "on-change",
            "ssh-command",
        ];
        if is_database(program) || matches!(program, "git" | "find" | "gfind") {
            return;
        }
        for (at, word) in args.iter().enumerate().filter(|(_, word)| word.text.starts_with('-')) {
            let name = word.text.trim_start_matches('-');
            let (name, attached) = match name.split_once('=') {
                Some((name, _)) => (name, true),
                None => (name, false),
            };
            if !RUNS.contains(&name) {
                continue;
            }
            let line = if attached {
                let dashes = word.text.len() - word.text.trim_start_matches('-').len();
                Some(word.after(dashes + name.len() + 1))
            } else {
                args.get(at + 1).cloned()
            };
            // A single word is a name or a path: what it is, other flags and rules say.
            if let Some(line) = line.filter(|line| line.text.trim().contains([' ', '('])) {
                self.nested_word(scope, program, &line, &None);
            }
        }
    }

    /// `find -exec program {} ;`: with any file it finds below its starting points.
    fn find(&mut self, scope: &Scope, args: &[Word]) {
        let starts: Vec<&Word> =
            args.iter().take_while(|word| !word.text.starts_with(['-', '(', '!'])).collect();
        if args.iter().any(|word| word.text.starts_with("-exec"))
            && let Some(leaf) = self.leaves.last_mut()
        {
            let found = found::names(leaf);
            leaf.files.extend(found);
        }
        let mut rest = args.iter();
        while let Some(word) = rest.next() {
            if !matches!(word.text.as_str(), "-exec" | "-execdir" | "-ok" | "-okdir") {
                continue;
            }
            let words =
                rest.by_ref().take_while(|word| !matches!(word.text.as_str(), ";" | "+" | "\\;"));
            let mut command: Vec<Word> = Vec::new();
            for word in words {
                if word.text != "{}" {
                    let mut word = word.clone();
                    word.open |= word.text.contains("{}");
                    command.push(word);
                    continue;
                }
                match starts.as_slice() {
                    [] => command.push(Word { glob: true, ..Word::known("./*") }),
                    starts => command.extend(starts.iter().map(|start| Word {
                        glob: true,
                        text: format!("{}/*", start.text.trim_end_matches('/')),
                        bare: format!("{}/*", start.bare.trim_end_matches('/')),
                        ..(*start).clone()
                    })),
                }
            }
            let mut inner = scope.clone();
            self.inside("find -exec", |walker| walker.run(&mut inner, command, &None, Vec::new()));
        }
    }

    fn fd(&mut self, scope: &Scope, args: &[Word]) {
        let at = args
            .iter()
            .position(|word| matches!(word.text.as_str(), "-x" | "-X" | "--exec" | "--exec-batch"));
        let Some(at) = at else { return };
        let command: Vec<Word> = args
            .get(at + 1..)
            .unwrap_or_default()
            .iter()
            .cloned()
            .chain([Word::unknown("…")])
            .collect();
        let mut inner = scope.clone();
        self.inside("fd -x", |walker| walker.run(&mut inner, command, &None, Vec::new()));
    }

    fn git(&mut self, scope: &Scope, args: &[Word]) {
        for setting in settings(args) {
            if let Some((name, _)) = setting.text.split_once("=!") {
                let line = setting.after(name.len() + 2);
                self.nested_word(scope, "git -c", &line, &None);
            }
        }
        let Some(at) = verb_at(args) else { return };
        let words: Vec<&str> = args.iter().skip(at).map(|word| word.text.as_str()).collect();
        let rest = |skip: usize| args.get(at + skip..).unwrap_or_default().to_vec();
        match words.as_slice() {
            ["bisect", "run", ..] => {
                let mut inner = scope.clone();
                self.inside("git bisect run", |walker| {
                    walker.run(&mut inner, rest(2), &None, Vec::new())
                });
            }
            ["submodule", "foreach", ..] => {
                let words: Vec<Word> = rest(2)
                    .into_iter()
                    .filter(|word| word.text != "--recursive" && word.text != "--quiet")
                    .collect();
                self.nested_words(scope, "git submodule foreach", &words, &None);
            }
            _ => {}
        }
        let mut named = args.iter().skip(at + 1).peekable();
        while let Some(word) = named.next() {
            let text = word.text.as_str();
            let runs = [
                "--exec",
                "--upload-pack",
                "--receive-pack",
                "--extcmd",
                "--open-files-in-pager",
                "--index-filter",
                "--tree-filter",
                "--msg-filter",
                "--env-filter",
                "--commit-filter",
                "--parent-filter",
            ];
            if let Some((name, _)) = text.split_once('=').filter(|(name, _)| runs.contains(name)) {
                self.nested_word(scope, "git", &word.after(name.len() + 1), &None);
            } else if (runs.contains(&text) || runs_after(text, words.first().copied()))
                && let Some(line) = named.peek()
            {
                self.nested_word(scope, "git", line, &None);
            }
        }
        if matches!(words.first(), Some(&("grep" | "difftool" | "mergetool")))
            && words.iter().any(|word| word.starts_with("-O"))
        {
            self.hide("`git grep -O` runs a program");
        }
    }

    fn tar(&mut self, scope: &Scope, args: &[Word]) {
        for (at, word) in args.iter().enumerate() {
            for name in [
                "--to-command",
                "--use-compress-program",
                "--rsh-command",
                "--info-script",
                "--new-volume-script",
                "-I",
            ] {
                let attached = word.text.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
                let line = match attached {
                    Some(_) => Some(word.after(name.len() + 1)),
                    None => args.get(at + 1).filter(|_| word.text == name).cloned(),
                };
                if let Some(line) = line {
                    self.told_to_run(scope, "tar", &line);
                }
            }
            if let Some((name, _)) = word
                .text
                .split_once("exec=")
                .filter(|(name, _)| name.starts_with("--checkpoint-action") || name.is_empty())
            {
                self.told_to_run(scope, "tar", &word.after(name.len() + 5));
            }
        }
    }

    /// A line that a program runs in an odd place. Where it is a packer there is nothing odd.
    fn told_to_run(&mut self, scope: &Scope, program: &str, line: &Word) {
        const PACKERS: [&str; 12] = [
            "gzip", "pigz", "bzip2", "pbzip2", "lbzip2", "xz", "pxz", "zstd", "zstdmt", "lz4",
            "lzma", "brotli",
        ];
        self.nested_word(scope, program, line, &None);
        let first = line.text.split_whitespace().next().unwrap_or_default();
        if !PACKERS.contains(&first) {
            self.hide(format!("`{program}` is told what to run"));
        }
    }

    /// `ssh -o ProxyCommand=…`.
    fn options(&mut self, scope: &Scope, program: &str, args: &[Word]) {
        for word in args {
            let lower = word.text.to_ascii_lowercase();
            for name in ["proxycommand", "localcommand", "knownhostscommand", "proxyusefdpass"] {
                if let Some(at) = lower.find(name) {
                    let line = word.after((at + name.len() + 1).min(word.text.len()));
                    self.hide(format!("`{program}` is told what runs on this machine"));
                    self.nested_word(scope, program, &line, &None);
                }
            }
        }
    }
}

/// Whether a letter of `git VERB` stands before a line that runs.
fn runs_after(flag: &str, verb: Option<&str>) -> bool {
    match flag {
        "-x" => matches!(verb, Some("rebase" | "difftool")),
        "-u" => matches!(verb, Some("clone" | "ls-remote")),
        _ => false,
    }
}

/// Whether a text for a database has its client run a command.
fn escapes(text: &str) -> bool {
    let text = text.trim_start().to_ascii_lowercase();
    let marks = [
        ".output ",
        ".once ",
        "into outfile",
        "into dumpfile",
        "\\!",
        ".shell",
        ".system",
        "from program",
        "to program",
        "xp_cmdshell",
        "load_file(",
    ];
    marks.iter().any(|mark| text.contains(mark))
        || text.split(';').any(|part| part.trim_start().starts_with("system "))
}

/// Whether the statement for a database is the output of something.
fn says_unknown(args: &[Word]) -> bool {
    const TOLD: [&str; 8] = ["-c", "--command", "-e", "--execute", "--eval", "-q", "--query", "-Q"];
    args.iter().zip(args.iter().skip(1)).any(|(flag, word)| {
        TOLD.contains(&flag.text.as_str()) && word.open && word.text.starts_with("$(")
    })
}

/// Whether the rules of a build come from standard input.
fn reads_input(args: &[Word]) -> bool {
    let stream = |text: &str| matches!(text, "-" | "/dev/stdin" | "/dev/fd/0");
    let flagged = |text: &str| matches!(text, "-f" | "--file" | "--makefile" | "--justfile");
    args.iter()
        .zip(args.iter().skip(1))
        .any(|(flag, word)| flagged(&flag.text) && (stream(&word.text) || word.source.is_some()))
        || args.iter().any(|word| matches!(word.text.as_str(), "-f-" | "--file=-" | "--makefile=-"))
}

/// Whether an editor is given something to do.
fn acts(args: &[Word]) -> bool {
    args.iter().any(|word| {
        let text = word.text.as_str();
        matches!(
            text,
            "-c" | "-s"
                | "-es"
                | "-sc"
                | "-S"
                | "-u"
                | "--cmd"
                | "--eval"
                | "--batch"
                | "-l"
                | "--script"
                | "--load"
                | "-f"
        ) || text.starts_with('+')
    })
}
