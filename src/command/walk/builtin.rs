//! What the shell does itself.

use super::parameter::holds_command;
use super::{Output, Scope, Stdin, Walker, Word};

/// What the shell does itself with words that name variables. It reads `a[$(…)]` once more.
const NAMING: [&str; 16] = [
    "test",
    "[",
    "read",
    "mapfile",
    "readarray",
    "printf",
    "unset",
    "declare",
    "typeset",
    "local",
    "export",
    "readonly",
    "let",
    "getopts",
    "wait",
    "[[",
];

impl Walker {
    /// Walks a command of the shell's own; `None` when `program` is none, or one like any other.
    pub(super) fn builtin(
        &mut self,
        scope: &mut Scope,
        program: &str,
        args: &[Word],
        stdin: &Stdin,
    ) -> Option<Output> {
        let quiet = Some(Some(String::new()));
        let reads_again = |word: &Word| {
            holds_command(&word.text) && (word.text.contains('[') || program == "let")
        };
        if NAMING.contains(&program) && !word_is_text(program, args) && args.iter().any(reads_again)
        {
            self.hide(format!("`{program}` gets a name with a command in it"));
        }
        match program {
            "hash" if args.iter().any(|word| word.text.starts_with("-p")) => {
                self.hide("`hash` changes what other words mean");
                None
            }
            "declare" | "typeset" | "local"
                if args
                    .iter()
                    .any(|word| word.text.starts_with('-') && word.text.contains('n')) =>
            {
                self.hide(format!("`{program}` makes a name stand for another"));
                None
            }
            "mapfile" | "readarray" | "compgen"
                if args.iter().any(|word| word.text.starts_with("-C")) =>
            {
                self.hide(format!("`{program}` is told what to run"));
                None
            }
            "cd" | "pushd" | "popd" | "chdir" => {
                self.go(scope, program, args);
                quiet
            }
            "eval" => Some(self.eval(scope, args, stdin)),
            "source" | "." => {
                self.sourced(scope, args);
                Some(None)
            }
            "export" | "declare" | "typeset" | "local" | "readonly"
                if args.iter().any(|word| !word.text.starts_with('-')) =>
            {
                self.declared(scope, args);
                quiet
            }
            "unset" | "read" | "mapfile" | "readarray" | "getopts" | "let" => {
                for word in args {
                    let name = word.text.split(['=', '[']).next().unwrap_or_default();
                    self.mind_variable(name);
                    scope.set(name, None);
                }
                None
            }
            "printf" if args.first().is_some_and(|word| word.text == "-v") => {
                let name = args.get(1).map_or("", |word| word.text.as_str());
                self.mind_variable(name);
                scope.set(name, None);
                quiet
            }
            "trap" => {
                if let Some(line) = args.iter().find(|word| word.text != "--" && word.text != "-") {
                    self.nested_word(scope, "trap", line, &None);
                }
                quiet
            }
            "alias" => {
                for word in args {
                    let Some((name, _)) = word.text.split_once('=') else { continue };
                    self.nested_word(scope, "alias", &word.after(name.len() + 1), &None);
                    self.defined.insert(name.to_owned());
                }
                quiet
            }
            "enable" | "complete" | "bind" | "fc" if !args.is_empty() => {
                self.hide(format!("`{program}` changes what other words mean"));
                quiet
            }
            "set" if args.iter().any(|word| word.open) => {
                self.hide("`set` gets words that are not known");
                quiet
            }
            _ => None,
        }
    }

    fn go(&mut self, scope: &mut Scope, program: &str, args: &[Word]) {
        let place = args.iter().find(|word| !word.text.starts_with('-') || word.text == "-");
        match place {
            None if program == "cd" || program == "chdir" => scope.go(Some("~")),
            Some(word) if !word.open && word.text != "-" && !word.glob => {
                scope.go(Some(&word.text))
            }
            _ => scope.go(None),
        }
    }

    /// The words become a line that runs here and now.
    fn eval(&mut self, scope: &mut Scope, args: &[Word], stdin: &Stdin) -> Output {
        if args.iter().any(|word| word.open) {
            self.note_fetched("eval", args);
            return self.nested_words(scope, "eval", args, stdin);
        }
        let line = args.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
        self.inside("eval", |walker| walker.text(scope, &line, stdin)).flatten()
    }

    fn sourced(&mut self, scope: &mut Scope, args: &[Word]) {
        let Some(file) = args.first() else { return };
        if let Some(source) = &file.source {
            self.note_fetched("source", args);
            match &source.text {
                Some(text) => drop(self.inside("source", |walker| walker.text(scope, text, &None))),
                None => self.hide("`source` reads lines that are not known"),
            }
            return;
        }
        if file.open || file.glob || file.text.starts_with("/dev/") {
            self.hide(format!("`source` reads a file that is not known: `{}`", file.text));
        }
        let mut leaf = super::Leaf {
            program: "source".to_owned(),
            argv: args.iter().map(|word| word.text.clone()).collect(),
            via: self.via.clone(),
            cwd: scope.cwd(),
            ..super::Leaf::default()
        };
        self.executes(scope, &mut leaf, &file.text);
        self.leaves.push(leaf);
    }

    /// `export NAME=value`.
    fn declared(&mut self, scope: &mut Scope, args: &[Word]) {
        for word in args.iter().filter(|word| !word.text.starts_with('-')) {
            let (name, value) = match word.text.split_once('=') {
                Some((name, value)) => (name.trim_end_matches('+'), Some(value)),
                None => (word.text.as_str(), None),
            };
            self.mind_variable(name);
            if let Some(value) = value {
                scope
                    .set(name, (!word.open && !word.text.contains("+=")).then(|| value.to_owned()));
            }
        }
    }

    /// Leaves a fact when `args`, which are run, came from the network.
    pub(super) fn note_fetched(&mut self, program: &str, args: &[Word]) {
        if !args.iter().any(|word| word.fetched) {
            return;
        }
        let mut leaf = super::Leaf {
            program: program.to_owned(),
            argv: args.iter().map(|word| word.text.clone()).collect(),
            via: self.via.clone(),
            ..super::Leaf::default()
        };
        leaf.note(super::Deed::RunFetched);
        self.leaves.push(leaf);
    }
}

/// `printf` prints its words unless it is given a variable to write to; so do `test` and `[`
/// compare theirs.
fn word_is_text(program: &str, args: &[Word]) -> bool {
    matches!(program, "printf" | "test" | "[") && !args.iter().any(|word| word.text == "-v")
}
