//! From a program with its words to leaves: wrappers are taken off until a program is left.

use super::fetched::{gets_and_runs, gets_and_runs_package, unpacks};
use super::{Deed, Leaf, Output, Scope, Stdin, Walker, Word, output};
use crate::command::data::{is_database, text_destroys};
use crate::command::fact::{Access, FileUse};
use crate::command::leaf::{Given, build};
use crate::command::limits::OUTPUT_BYTES_MAX;
use crate::command::table::{CLUSTER, CONTAINER};
use crate::command::words::{Sorted, Style, Takes, sort};
use crate::command::wrapper::{CONTAINERS, Rest, VERBS, Wrapper, hides, wrapper};

impl Walker {
    /// Walks one program with its words.
    pub(super) fn run(
        &mut self,
        scope: &mut Scope,
        words: Vec<Word>,
        stdin: &Stdin,
        redirects: Vec<FileUse>,
    ) -> Output {
        if !self.step() {
            return None;
        }
        let mut words = words.into_iter();
        let first = words.next()?;
        let args: Vec<Word> = words.collect();
        let program = self.program(&first, &args);
        if first.text.contains('/') || self.defined.contains(&first.text) {
            // A path, or a name that the command itself gave a meaning.
        } else if let Some(output) = self.builtin(scope, &program, &args, stdin) {
            self.keep(scope, redirects);
            return output;
        }
        if self.defined.contains(&program) {
            if args.iter().any(|word| word.open) || self.via.iter().any(|via| via == "function") {
                self.hide(format!(
                    "`{program}` is a function that runs with words that are not known"
                ));
            }
            self.keep(scope, redirects);
            return None;
        }
        let found = wrapper(&program);
        if let Some(wrapper) = found {
            return self.wrapped(scope, &program, wrapper, &args, stdin, redirects);
        }
        if let Some(output) = self.container(scope, &program, &args, stdin) {
            self.keep(scope, redirects);
            return output;
        }
        if let Some(output) = self.script(scope, &first, &program, &args, stdin) {
            self.keep(scope, redirects);
            return output;
        }
        self.leaf(scope, &first, &program, args, stdin, redirects)
    }

    /// The name under which a program is known. What hides it makes the command opaque.
    fn program(&mut self, word: &Word, args: &[Word]) -> String {
        let name = program_name(&word.bare);
        let shown = word.text.escape_debug();
        if word.open || word.source.is_some() {
            self.hide(format!("the program is not known: `{shown}`"));
        } else if word.glob {
            self.hide(format!("the program is a pattern: `{shown}`"));
        } else if name.is_empty() {
            self.hide("no program is named");
        } else if !name.chars().all(|c| c.is_ascii_graphic()) {
            self.hide(format!("the program's name has unusual characters: `{shown}`"));
        } else if name.starts_with(['!', '^']) && name != "!" {
            self.hide(format!("`{shown}` takes a line from the shell's history"));
        } else if hides(&name) && !only_asks(args) {
            self.hide(format!("`{name}` runs what its arguments or its input say"));
        }
        name
    }

    /// Redirections of something that is no leaf itself.
    fn keep(&mut self, scope: &Scope, redirects: Vec<FileUse>) {
        let found =
            super::simple::Redirects { files: redirects, ..super::simple::Redirects::default() };
        self.bare_redirects(scope, found);
    }

    fn leaf(
        &mut self,
        scope: &Scope,
        first: &Word,
        program: &str,
        args: Vec<Word>,
        stdin: &Stdin,
        redirects: Vec<FileUse>,
    ) -> Output {
        let written = match program {
            "pwd" if args.is_empty() => scope.cwd(),
            _ => output::of(program, &args, stdin),
        };
        let given = Given { scope, via: self.via.clone(), redirects };
        let mut leaf = build(program, &args, given);
        let fetched = stdin.as_ref().is_some_and(|input| input.fetched);
        if first.text.contains('/') {
            self.executes(scope, &mut leaf, &first.text);
            if first.text.contains("://") {
                leaf.note(Deed::RunFetched);
            }
        } else if args.is_empty() && self.wrote(program).is_some() {
            self.hide(format!("the command itself made `{program}`"));
        }
        if let Some(why) = leaf.opaque.clone() {
            self.hide(why);
        }
        if self.builds_fetched(&leaf) {
            leaf.note(Deed::RunFetched);
        }
        self.takes_statements(&mut leaf, stdin);
        let fetched =
            fetched || leaf.does.contains(&Deed::Fetch) || args.iter().any(|word| word.fetched);
        self.remember_writes(&leaf, fetched);
        self.remember_downloads(scope, &leaf);
        self.unpacked |= unpacks(&leaf) && self.reads_fetched(&leaf, fetched);
        self.leaves.push(leaf);
        self.inner_lines(scope, program, &args, stdin);
        written
    }

    /// A database runs the statements that come in.
    fn takes_statements(&self, leaf: &mut Leaf, stdin: &Stdin) {
        let Some(source) = stdin.as_ref().filter(|_| is_database(&leaf.program)) else { return };
        if source.fetched {
            leaf.note(Deed::RunFetched);
        }
        match source.text.as_deref() {
            Some(text) if text_destroys(text) => leaf.note(Deed::Destroy),
            Some(_) => {}
            // A file of the workspace's own database is the work's to fill.
            None if matches!(leaf.program.as_str(), "sqlite3" | "duckdb" | "litecli") => {}
            None => leaf.note(Deed::Change),
        }
    }

    /// Notes that a file is run. One that the command itself made is not known.
    pub(super) fn executes(&mut self, scope: &Scope, leaf: &mut Leaf, path: &str) {
        for text in scope.paths(path).into_iter().flatten() {
            match self.wrote(&text) {
                Some(true) => leaf.note(Deed::RunFetched),
                Some(false) => {
                    self.hide(format!("it runs `{text}`, which the command itself makes"))
                }
                None if self.unpacked => self
                    .hide(format!("it runs `{text}` after unpacking what came from the network")),
                None => {}
            }
            leaf.files.push(FileUse { text, access: Access::Exec, redirect: false });
        }
    }

    /// Takes a wrapper off.
    fn wrapped(
        &mut self,
        scope: &mut Scope,
        program: &str,
        wrapper: &Wrapper,
        args: &[Word],
        stdin: &Stdin,
        redirects: Vec<FileUse>,
    ) -> Output {
        let sorted = sort(wrapper.flags, args, Style { stops: stops(program, args), words: false });
        if let Some(flag) = &sorted.unknown {
            self.hide(format!("`{program}` has the flag `{flag}`, which is not known"));
        }
        if sorted.has("query") || sorted.has("describe") || sorted.has("version") {
            return self.leaf(
                scope,
                &Word::known(program),
                program,
                args.to_vec(),
                stdin,
                redirects,
            );
        }
        if gets_and_runs(program, &sorted) {
            self.hide(format!("`{program}` gets a package and runs it"));
        }
        let writes = sorted.values.iter().any(|(_, takes, _)| *takes == Takes::Write);
        if writes || matches!(program, "ssh" | "chroot") {
            self.leaf(scope, &Word::known(program), program, args.to_vec(), stdin, Vec::new());
        }
        let mut inner = scope.clone();
        let rest = self.own_words(&mut inner, program, wrapper, &sorted);
        if let Some(words) = line_of(program, &sorted, rest) {
            self.keep(scope, redirects);
            return self.nested_words(&inner, program, &words, stdin);
        }
        if rest.is_empty() {
            return self.alone(scope, program, &sorted, args, stdin, redirects);
        }
        let words = rest.to_vec();
        match wrapper.rest {
            Rest::Line if program == "su" => {
                self.hide("`su` starts a shell");
                None
            }
            Rest::Line if !sorted.has("exec") => {
                self.keep(scope, redirects);
                self.nested_words(&inner, program, &words, stdin);
                None
            }
            Rest::Argv | Rest::Line => self
                .inside(program, |walker| walker.run(&mut inner, words, stdin, redirects))
                .flatten(),
            Rest::More => {
                let words = more(program, &sorted, words, stdin);
                self.inside(program, |walker| walker.run(&mut inner, words, &None, redirects));
                None
            }
        }
    }

    /// Takes a wrapper's own words away: variables, a directory, a duration.
    fn own_words<'a>(
        &mut self,
        scope: &mut Scope,
        program: &str,
        wrapper: &Wrapper,
        sorted: &'a Sorted,
    ) -> &'a [Word] {
        let mut rest = sorted.operands.as_slice();
        if wrapper.assigns {
            rest = self.assignments(scope, rest);
        }
        if let Some(place) = sorted.value("chdir").or_else(|| sorted.value("wd")) {
            scope.go((!place.open).then_some(place.text.as_str()));
        }
        let (own, rest) = rest.split_at(wrapper.skip.min(rest.len()));
        if own.iter().any(|word| word.open) && wrapper.rest == Rest::Argv {
            self.hide(format!("`{program}` gets a word that is not known, which may be several"));
        }
        rest
    }

    /// `NAME=value` before the program.
    fn assignments<'a>(&mut self, scope: &mut Scope, words: &'a [Word]) -> &'a [Word] {
        let mut rest = words;
        while let Some((first, others)) = rest.split_first() {
            let Some((name, value)) = first.text.split_once('=') else { break };
            if name.is_empty() || name.contains('/') {
                break;
            }
            self.mind_variable(name);
            scope.set(name, (!first.open).then(|| value.to_owned()));
            rest = others;
        }
        rest
    }

    /// A wrapper without a program: a shell for some, a question or nothing for others.
    fn alone(
        &mut self,
        scope: &Scope,
        program: &str,
        sorted: &Sorted,
        args: &[Word],
        stdin: &Stdin,
        redirects: Vec<FileUse>,
    ) -> Output {
        let shell = match program {
            "sudo" | "doas" => sorted.has("shell") || sorted.has("login"),
            "su" | "script" | "nsenter" | "unshare" | "chroot" | "parallel" | "pkexec"
            | "runuser" => true,
            "ssh" => !sorted.has("no-command"),
            _ => false,
        };
        if shell {
            self.hide(format!("`{program}` starts a shell"));
        }
        self.leaf(scope, &Word::known(program), program, args.to_vec(), stdin, redirects);
        None
    }

    /// `docker run`, `kubectl exec`, `poetry run` and their like.
    fn container(
        &mut self,
        scope: &Scope,
        program: &str,
        args: &[Word],
        stdin: &Stdin,
    ) -> Option<Output> {
        let runs = |word: &&Word| matches!(word.text.as_str(), "run" | "exec" | "create");
        let plain = |word: &&Word| !word.text.starts_with('-');
        let mut numbered = args.iter().enumerate();
        // Behind global flags, whose values are not known, the verb is looked for by its name.
        let (verb_at, verb) = match args.first() {
            Some(first) if first.text.starts_with('-') => numbered.find(|(_, word)| runs(word))?,
            _ => numbered.find(|(_, word)| plain(word))?,
        };
        let after = args.get(verb_at + 1..).unwrap_or_default();
        let mut inner = scope.clone();
        let words = if CONTAINERS.contains(&program) {
            self.in_container(scope, program, args, (verb, after))?
        } else if matches!(program, "kubectl" | "oc")
            && matches!(verb.text.as_str(), "exec" | "run")
        {
            self.leaf(scope, &Word::known(program), program, args.to_vec(), &None, Vec::new());
            match after.iter().position(|word| word.text == "--") {
                Some(end) => from(after, end + 1),
                None => from(&sort(CLUSTER, after, Style::default()).operands, 1),
            }
        } else {
            if gets_and_runs_package(program, &verb.text, after) {
                self.hide(format!("`{program} {}` gets a package and runs it", verb.text));
            }
            let (_, verbs) = VERBS.iter().find(|(name, _)| *name == program)?;
            if !verbs.contains(&verb.text.as_str()) {
                return None;
            }
            match after.iter().position(|word| word.text == "--") {
                Some(end) => from(after, end + 1),
                None if after.first().is_some_and(|word| word.text.starts_with('-')) => {
                    self.hide(format!("`{program} {}` has flags that are not known", verb.text));
                    return None;
                }
                None => after.to_vec(),
            }
        };
        if words.is_empty() {
            return Some(None);
        }
        self.inside(program, |walker| walker.run(&mut inner, words, stdin, Vec::new()));
        Some(None)
    }

    /// The words of the program that runs in a container.
    fn in_container(
        &mut self,
        scope: &Scope,
        program: &str,
        args: &[Word],
        (verb, after): (&Word, &[Word]),
    ) -> Option<Vec<Word>> {
        let nested = matches!(verb.text.as_str(), "compose" | "container");
        let (verb, after) = after.split_first().filter(|_| nested).unwrap_or((verb, after));
        if !matches!(verb.text.as_str(), "run" | "exec" | "create") {
            return None;
        }
        let sorted = sort(CONTAINER, after, Style { stops: true, words: false });
        self.leaf(scope, &Word::known(program), program, args.to_vec(), &None, Vec::new());
        if let Some(flag) = &sorted.unknown {
            let verb = &verb.text;
            self.hide(format!("`{program} {verb}` has the flag `{flag}`, which is not known"));
        }
        let mut words: Vec<Word> = sorted.value("entrypoint").cloned().into_iter().collect();
        words.extend(from(&sorted.operands, 1));
        Some(words)
    }
}

/// Whether a program is only asked what it is.
fn only_asks(args: &[Word]) -> bool {
    matches!(args, [word] if matches!(word.text.as_str(), "--version" | "--help" | "-V"))
}

/// Whether a wrapper's flags end at its first operand. `su root -c line` takes them anywhere, as
/// does `runuser` unless it is given a program.
fn stops(program: &str, args: &[Word]) -> bool {
    match program {
        "su" => false,
        "runuser" => {
            args.iter().any(|word| word.text.starts_with("-u") || word.text.starts_with("--user"))
        }
        _ => true,
    }
}

fn from(words: &[Word], start: usize) -> Vec<Word> {
    words.get(start..).unwrap_or_default().to_vec()
}

/// The line that a wrapper is given by a flag, with the words that it adds to it.
fn line_of(program: &str, sorted: &Sorted, rest: &[Word]) -> Option<Vec<Word>> {
    let flagged = sorted.values.iter().find(|(_, takes, _)| *takes == Takes::Line);
    if let Some((_, _, line)) = flagged {
        let added = if program == "env" { rest } else { &[] };
        return Some(std::iter::once(line).chain(added).cloned().collect());
    }
    match rest {
        [flag, line, ..] if program == "flock" && flag.text == "-c" => Some(vec![line.clone()]),
        _ => None,
    }
}

/// The words that `xargs` and `parallel` give a program, as far as their input is known.
fn more(program: &str, sorted: &Sorted, words: Vec<Word>, stdin: &Stdin) -> Vec<Word> {
    let mark = if sorted.has("replace") {
        sorted.value("replace").map_or("{}", |word| word.text.as_str()).to_owned()
    } else if program == "parallel" {
        "{}".to_owned()
    } else {
        String::new()
    };
    let given = words.iter().position(|word| matches!(word.text.as_str(), ":::" | "::::"));
    let (words, extra) = match given {
        Some(at) => (
            words.get(..at).unwrap_or_default().to_vec(),
            words.get(at + 1..).unwrap_or_default().to_vec(),
        ),
        None => {
            let text = stdin.as_ref().and_then(|source| source.text.as_deref());
            let known =
                text.filter(|text| text.len() < OUTPUT_BYTES_MAX && !sorted.has("arg-file"));
            let fetched = stdin.as_ref().is_some_and(|source| source.fetched);
            let extra: Vec<Word> = match known {
                Some(text) => text.split_whitespace().map(Word::known).collect(),
                None => vec![Word { fetched, ..Word::unknown("…") }],
            };
            (words, extra)
        }
    };
    if mark.is_empty() || !words.iter().any(|word| word.text.contains(&mark)) {
        return words.into_iter().chain(extra).collect();
    }
    let mut replaced = Vec::new();
    for word in words {
        if !word.text.contains(&mark) {
            replaced.push(word);
            continue;
        }
        for value in &extra {
            let mut made = word.clone();
            made.text = word.text.replace(&mark, &value.text);
            made.bare = word.bare.replace(&mark, &value.bare);
            made.open |= value.open;
            replaced.push(made);
        }
    }
    replaced
}

/// `/usr/bin/Rm.EXE` is `rm`: the way the most forgiving system finds it.
pub(super) fn program_name(word: &str) -> String {
    let name = word.rsplit(['/', '\\']).next().unwrap_or_default().to_lowercase();
    name.strip_suffix(".exe").unwrap_or(&name).to_owned()
}
