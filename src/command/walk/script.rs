//! Shells and interpreters: their text is a line, or code that is looked at from outside.

use super::{Deed, Leaf, Output, Scope, Source, Stdin, Walker, Word};
use crate::command::code::{code_lines, is_calm};
use crate::command::data::task as runs_tasks;
use crate::command::fact::{Access, FileUse};
use crate::command::interpreter::{Language, Meaning, language};

const SHELLS: [&str; 9] = ["sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "rbash", "yash"];

/// Flags of shells whose value is the next word.
const SHELL_VALUES: [&str; 6] = ["-o", "+o", "-O", "+O", "--rcfile", "--init-file"];

impl Walker {
    /// Walks a shell or an interpreter; `None` when `program` is neither.
    pub(super) fn script(
        &mut self,
        scope: &mut Scope,
        first: &Word,
        program: &str,
        args: &[Word],
        stdin: &Stdin,
    ) -> Option<Output> {
        if SHELLS.contains(&program) {
            return Some(self.shell(scope, program, args, stdin));
        }
        let language = language(program)?;
        let mut leaf = self.started(scope, program, args);
        if first.text.contains('/') {
            self.executes(scope, &mut leaf, &first.text);
        }
        let at = self.leaves.len();
        self.leaves.push(leaf);
        self.interpreter(scope, language, program, args, stdin, at);
        Some(None)
    }

    fn started(&self, scope: &Scope, program: &str, args: &[Word]) -> Leaf {
        Leaf {
            program: program.to_owned(),
            argv: args.iter().map(|word| word.text.clone()).collect(),
            via: self.via.clone(),
            cwd: scope.cwd(),
            ..Leaf::default()
        }
    }

    fn shell(&mut self, scope: &Scope, program: &str, args: &[Word], stdin: &Stdin) -> Output {
        let (mut line, mut from_input) = (false, false);
        let mut rest = args.iter();
        let mut operands: Vec<&Word> = Vec::new();
        while let Some(word) = rest.next() {
            let text = word.text.as_str();
            if matches!(text, "--rcfile" | "--init-file") || word.open && text.starts_with('-') {
                self.hide(format!("`{program}` reads a file before it starts"));
            }
            if SHELL_VALUES.contains(&text) {
                rest.next();
            } else if matches!(text, "--version" | "--help") {
                return None;
            } else if text == "--" || text == "-" {
                operands.extend(rest.by_ref());
            } else if text.starts_with("--") {
                let known = [
                    "--login",
                    "--norc",
                    "--noprofile",
                    "--posix",
                    "--restricted",
                    "--verbose",
                    "--noediting",
                ];
                if !known.contains(&text) {
                    self.hide(format!("`{program}` has the flag `{text}`, which is not known"));
                }
            } else if text.starts_with(['-', '+']) {
                line |= text.starts_with('-') && text.contains('c');
                from_input |= text.contains('s');
            } else {
                operands.push(word);
                operands.extend(rest.by_ref());
            }
        }
        // With `-n` a shell reads and runs nothing, unless somebody types.
        let only_reads = |word: &Word| {
            word.text.strip_prefix('-').is_some_and(|letters| {
                letters.contains('n') && letters.chars().all(|c| matches!(c, 'n' | 'v' | 'x' | 'e'))
            })
        };
        if args.first().is_some_and(only_reads) && operands.len() + 1 == args.len() {
            let mut leaf = self.started(scope, program, args);
            let texts = operands.iter().flat_map(|word| scope.paths(&word.text)).flatten();
            leaf.files.extend(texts.map(|text| FileUse {
                text,
                access: Access::Read,
                redirect: false,
            }));
            self.leaves.push(leaf);
            return None;
        }
        match operands.first() {
            Some(text) if line => {
                self.note_fetched(program, std::slice::from_ref(text));
                self.nested_word(scope, &format!("{program} -c"), text, stdin)
            }
            None if line => None,
            Some(file) if !from_input => {
                self.shell_file(scope, program, args, file, stdin);
                None
            }
            _ => self.shell_input(scope, program, args, stdin),
        }
    }

    fn shell_file(
        &mut self,
        scope: &Scope,
        program: &str,
        args: &[Word],
        file: &Word,
        stdin: &Stdin,
    ) {
        if matches!(file.text.as_str(), "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0") {
            self.shell_input(scope, program, args, stdin);
            return;
        }
        if let Some(source) = &file.source {
            self.shell_input(scope, program, args, &Some(source.as_ref().clone()));
            return;
        }
        let mut leaf = self.started(scope, program, args);
        if file.open || file.glob {
            self.hide(format!("`{program}` runs a file that is not known: `{}`", file.text));
        }
        if file.fetched {
            leaf.note(Deed::RunFetched);
        }
        self.executes(scope, &mut leaf, &file.text);
        self.leaves.push(leaf);
    }

    /// A shell that runs what comes in.
    fn shell_input(
        &mut self,
        scope: &Scope,
        program: &str,
        args: &[Word],
        stdin: &Stdin,
    ) -> Output {
        let fetched = stdin.as_ref().is_some_and(|source| source.fetched);
        let mut leaf = self.started(scope, program, args);
        if fetched {
            leaf.note(Deed::RunFetched);
        }
        self.leaves.push(leaf);
        match stdin {
            Some(Source { text: Some(text), .. }) => self.nested(scope, program, text, &None),
            Some(_) => {
                self.hide(format!("`{program}` runs what comes in, which is not known"));
                None
            }
            None => {
                self.hide(format!("`{program}` runs what somebody types"));
                None
            }
        }
    }

    /// Code in the arguments, in a file, or coming in.
    fn interpreter(
        &mut self,
        scope: &Scope,
        language: &Language,
        program: &str,
        args: &[Word],
        stdin: &Stdin,
        at: usize,
    ) {
        let mut rest = args.iter();
        let mut code: Vec<Word> = Vec::new();
        let mut file = None;
        while let Some(word) = rest.next() {
            let text = word.text.as_str();
            if matches!(text, "--version" | "-V" | "--help" | "-h" | "-v") && args.len() == 1 {
                return;
            }
            match language.flag(text) {
                Meaning::Code(attached) => {
                    let value = attached.map(|at| word.after(at)).or_else(|| rest.next().cloned());
                    code.extend(value);
                }
                Meaning::Module => {
                    self.module(scope, program, word, rest.as_slice(), stdin);
                    return;
                }
                Meaning::Value => drop(rest.next()),
                Meaning::Flag => {}
                Meaning::Load => {
                    self.hide(format!("`{program}` loads what `{text}` names"));
                }
                Meaning::Operand => {
                    if language.first_is_code && code.is_empty() && file.is_none() {
                        code.push(word.clone());
                        file = Some(Word::known(""));
                    } else {
                        file = Some(word.clone());
                        break;
                    }
                }
            }
        }
        let looks = |word: &Word| matches!(word.text.as_str(), "--test" | "--version" | "--help");
        if code.is_empty() && file.is_none() && stdin.is_none() && args.iter().any(looks) {
            return;
        }
        if !code.is_empty() {
            code.iter().for_each(|code| self.code(scope, language, program, code));
            if code.iter().any(|code| code.fetched)
                && let Some(leaf) = self.leaves.get_mut(at)
            {
                leaf.note(Deed::RunFetched);
            }
            self.reads(scope, language, args, at);
            return;
        }
        match file {
            Some(file) if file.text != "-" && !file.text.starts_with("/dev/") => {
                self.runs_file(scope, program, &file, at);
            }
            Some(Word { source: Some(source), .. }) => {
                self.input(scope, language, program, &Some(*source), at)
            }
            _ => self.input(scope, language, program, stdin, at),
        }
    }

    fn runs_file(&mut self, scope: &Scope, program: &str, file: &Word, at: usize) {
        if file.open || file.glob {
            self.hide(format!("`{program}` runs a file that is not known: `{}`", file.text));
        }
        let Some(mut leaf) = self.leaves.get(at).cloned() else { return };
        self.executes(scope, &mut leaf, &file.text);
        let url = |word: &String| word.starts_with("https://") || word.starts_with("http://");
        if url(&file.text) || file.text == "run" && leaf.argv.iter().any(url) {
            leaf.note(Deed::RunFetched);
        }
        if runs_tasks(&leaf) {
            leaf.note(Deed::Destroy);
        }
        if file.text.ends_with("setup.py")
            && leaf.argv.iter().any(|word| matches!(word.as_str(), "upload" | "register"))
        {
            leaf.note(Deed::Send);
        }
        if let Some(place) = self.leaves.get_mut(at) {
            *place = leaf;
        }
    }

    /// `python -m twine upload`: the module is a program like any other.
    fn module(&mut self, scope: &Scope, program: &str, flag: &Word, rest: &[Word], stdin: &Stdin) {
        // `-mtwine` and `-Im twine` both name a module.
        let attached = flag.text.find('m').map(|at| flag.after(at + 1));
        let attached = attached.filter(|word| !word.text.is_empty());
        let words: Vec<Word> = attached.into_iter().chain(rest.iter().cloned()).collect();
        let named = words.first().map_or("", |word| word.text.as_str());
        if ["timeit", "pdb", "code", "runpy", "cProfile", "profile", "trace"].contains(&named) {
            self.hide(format!("`{program} -m {named}` runs what its words say"));
        }
        let mut inner = scope.clone();
        self.inside(&format!("{program} -m"), |walker| {
            walker.run(&mut inner, words, stdin, Vec::new())
        });
    }

    /// Files that `awk` and `sed` read beside their code.
    fn reads(&mut self, scope: &Scope, language: &Language, args: &[Word], at: usize) {
        let changes = edits_in_place(language, args);
        let access = if changes { Access::Write } else { Access::Read };
        let operands = args.iter().filter(|word| !word.text.starts_with('-') && !word.open);
        let texts: Vec<String> =
            operands.flat_map(|word| scope.paths(&word.text)).flatten().collect();
        if let Some(leaf) = self.leaves.get_mut(at) {
            let skip = usize::from(language.first_is_code);
            let files = texts.into_iter().skip(skip);
            leaf.files.extend(files.map(|text| FileUse { text, access, redirect: false }));
            if changes {
                leaf.flags.push("in-place".to_owned());
            }
        }
    }

    fn input(
        &mut self,
        scope: &Scope,
        language: &Language,
        program: &str,
        stdin: &Stdin,
        at: usize,
    ) {
        match stdin {
            Some(source) => {
                if source.fetched
                    && let Some(leaf) = self.leaves.get_mut(at)
                {
                    leaf.note(Deed::RunFetched);
                }
                match &source.text {
                    Some(text) => self.code(scope, language, program, &Word::known(text)),
                    None => {
                        self.hide(format!("`{program}` runs what comes in, which is not known"))
                    }
                }
            }
            None => self.hide(format!("`{program}` runs what somebody types")),
        }
    }

    /// Code is not understood: it is calm, or it hides what it does. Lines for a shell in it are
    /// looked at all the same.
    fn code(&mut self, scope: &Scope, language: &Language, program: &str, code: &Word) {
        if !code.open && is_calm(language, &code.text) {
            return;
        }
        self.hide(format!(
            "`{program}` gets its program as text, and what that does cannot be seen"
        ));
        for line in code_lines(&code.text) {
            self.nested(scope, program, &line, &None);
        }
    }
}

/// Whether files are changed where they are: `sed -i`, `perl -pi.bak`, `ruby -i`.
fn edits_in_place(language: &Language, args: &[Word]) -> bool {
    args.iter().any(|word| {
        if language.edits {
            return word.text.starts_with("--in-place") || in_letters(&word.text, 'i');
        }
        language.edits_by_letter() && in_letters(&word.text, 'i')
    })
}

/// Whether a letter is among the flags of `-nE`, before anything that has a value.
fn in_letters(word: &str, letter: char) -> bool {
    let Some(letters) = word.strip_prefix('-').filter(|rest| !rest.starts_with('-')) else {
        return false;
    };
    let flags = letters.split(['e', 'E', 'M', 'I', 'F', 'f', 'l']);
    flags.take(1).any(|flags| flags.contains(letter))
}
