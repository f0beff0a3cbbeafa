//! Commands in the words of programs that are no wrappers: `find -exec`, `git bisect run`, `tar`.

use super::{Scope, Stdin, Walker, Word};
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
            "psql" | "mysql" | "sqlite3"
                if args.iter().any(|word| {
                    word.text.contains("\\!")
                        || word.text.contains(".shell")
                        || word.text.contains(".system")
                }) =>
            {
                self.hide(format!("`{program}` is told to run a command"));
            }
            "npx" | "bunx" | "pipx" | "uvx"
                if args.iter().any(|word| matches!(word.text.as_str(), "-c" | "--call")) =>
            {
                self.hide(format!("`{program}` runs a line"));
            }
            _ => {}
        }
        let flags = known(program).map_or(&[][..], |program| program.flags);
        if flags.iter().any(|(_, _, takes)| *takes == Takes::Line) && !program.contains("tar") {
            let sorted = sort(flags, args, crate::command::words::Style::default());
            for (_, _, line) in sorted.values.iter().filter(|(_, takes, _)| *takes == Takes::Line) {
                self.nested_word(scope, program, line, &None);
            }
        }
    }

    /// `find -exec program {} ;`: with any file it finds below its starting points.
    fn find(&mut self, scope: &Scope, args: &[Word]) {
        let starts: Vec<&Word> =
            args.iter().take_while(|word| !word.text.starts_with(['-', '(', '!'])).collect();
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
            } else if (runs.contains(&text) || text == "-x" && words.first() == Some(&"rebase"))
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
                if attached.is_some() {
                    self.nested_word(scope, "tar", &word.after(name.len() + 1), &None);
                } else if word.text == name
                    && let Some(line) = args.get(at + 1)
                {
                    self.nested_word(scope, "tar", line, &None);
                }
            }
            if let Some((name, _)) = word
                .text
                .split_once("exec=")
                .filter(|(name, _)| name.starts_with("--checkpoint-action") || name.is_empty())
            {
                self.nested_word(scope, "tar", &word.after(name.len() + 5), &None);
            }
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

/// Whether an editor is given something to do.
fn acts(args: &[Word]) -> bool {
    args.iter().any(|word| {
        let text = word.text.as_str();
        matches!(
            text,
            "-c" | "-s"
                | "-es"
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
