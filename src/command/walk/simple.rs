//! A program with its words, and what is redirected.

use brush_parser::ast::{
    Assignment, AssignmentName, AssignmentValue, CommandPrefixOrSuffixItem, IoFileRedirectKind,
    IoFileRedirectTarget, IoRedirect, SimpleCommand,
};

use super::decides_what_runs;
use super::{Access, Leaf, Output, Scope, Source, Stdin, Walker, Word};
use crate::command::deed::is_kept;
use crate::command::fact::{Deed, FileUse};

/// What redirections name.
#[derive(Debug, Default)]
pub(super) struct Redirects {
    pub(super) files: Vec<FileUse>,
    pub(super) hosts: Vec<String>,
    pub(super) stdin: Stdin,
    pub(super) takes_output: bool,
    /// Whether what a file had is gone: `>`, and not `>>`.
    pub(super) replaces: bool,
}

/// Devices that are no files.
const STREAMS: [&str; 8] = [
    "/dev/null",
    "/dev/stdin",
    "/dev/stdout",
    "/dev/stderr",
    "/dev/tty",
    "/dev/zero",
    "/dev/urandom",
    "/dev/random",
];

/// Variables by which programs that build are told which others to run.
const NAMES_PROGRAM: [&str; 22] = [
    "CC",
    "CXX",
    "CPP",
    "LD",
    "AR",
    "AS",
    "FC",
    "RUSTC",
    "RUSTDOC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO",
    "GOROOT",
    "JAVA_HOME",
    "RSYNC_RSH",
    "CVS_RSH",
    "SVN_SSH",
    "SUDO_EDITOR",
    "SYSTEMD_EDITOR",
    "KUBE_EDITOR",
    "SUDO_ASKPASS",
    "HGEDITOR",
];

impl Walker {
    pub(super) fn simple(
        &mut self,
        scope: &mut Scope,
        simple: &SimpleCommand,
        stdin: &Stdin,
    ) -> Output {
        let mut words = Vec::new();
        let mut redirects = Redirects::default();
        let mut assigned = Vec::new();
        let prefix = simple.prefix.iter().flat_map(|prefix| &prefix.0);
        for item in prefix {
            match item {
                CommandPrefixOrSuffixItem::AssignmentWord(assignment, _) => {
                    assigned.extend(self.assigned(scope, assignment));
                }
                other => self.item(scope, other, &mut words, &mut redirects),
            }
        }
        if let Some(name) = &simple.word_or_name {
            words.extend(self.words(scope, &name.value));
        }
        for item in simple.suffix.iter().flat_map(|suffix| &suffix.0) {
            self.item(scope, item, &mut words, &mut redirects);
        }
        if words.is_empty() {
            let alone = simple.word_or_name.is_none();
            let empties = alone && redirects.replaces;
            for (name, value) in assigned {
                scope.set(&name, value);
            }
            self.bare_redirects(scope, redirects);
            if empties {
                self.emptied();
            }
            return alone.then(String::new);
        }
        self.with_environment(scope, assigned, words, stdin, redirects)
    }

    /// Variables before a program hold for that program alone.
    fn with_environment(
        &mut self,
        scope: &mut Scope,
        assigned: Vec<(String, Option<String>)>,
        words: Vec<Word>,
        stdin: &Stdin,
        redirects: Redirects,
    ) -> Output {
        let stdin = redirects.stdin.clone().or_else(|| stdin.clone());
        let from = self.leaves.len();
        let quiet = redirects.takes_output;
        let replaces = redirects.replaces;
        let silent = words.first().is_some_and(|word| {
            matches!(word.text.as_str(), ":" | "true")
                || word.text == "cat"
                    && words.iter().skip(1).all(|word| word.text == "/dev/null")
                    && words.len() > 1
        });
        let output = if assigned.is_empty() {
            self.run(scope, words, &stdin, redirects.files)
        } else {
            let mut inner = scope.clone();
            for (name, value) in assigned {
                inner.set(&name, value);
            }
            self.run(&mut inner, words, &stdin, redirects.files)
        };
        let nothing = output.as_deref().is_some_and(|text| text.trim().is_empty());
        if replaces && self.leaves.len() == from + 1 && (silent || nothing) {
            self.emptied();
        }
        if let Some(leaf) = self.leaves.iter_mut().skip(from).next_back() {
            for host in redirects.hosts {
                leaf.hosts.push(host);
                leaf.note(Deed::Send);
            }
        }
        if quiet { None } else { output }
    }

    fn item(
        &mut self,
        scope: &mut Scope,
        item: &CommandPrefixOrSuffixItem,
        words: &mut Vec<Word>,
        redirects: &mut Redirects,
    ) {
        match item {
            CommandPrefixOrSuffixItem::IoRedirect(redirect) => {
                self.redirect(scope, redirect, redirects)
            }
            CommandPrefixOrSuffixItem::Word(word)
            | CommandPrefixOrSuffixItem::AssignmentWord(_, word) => {
                words.extend(self.words(scope, &word.value));
            }
            CommandPrefixOrSuffixItem::ProcessSubstitution(_, shell) => {
                words.push(self.process(scope, shell));
            }
        }
    }

    /// What an assignment sets. Some variables decide what runs.
    fn assigned(
        &mut self,
        scope: &mut Scope,
        assignment: &Assignment,
    ) -> Option<(String, Option<String>)> {
        let name = match &assignment.name {
            AssignmentName::VariableName(name) => name.clone(),
            AssignmentName::ArrayElementName(name, index) => {
                self.arithmetic(scope, index);
                name.clone()
            }
        };
        let value = match &assignment.value {
            AssignmentValue::Scalar(word) => {
                let word = self.one(scope, &word.value);
                if word.open || !is_calm_value(&name, &word.text) {
                    self.mind_variable(&name);
                }
                self.mind_value(scope, &name, &word);
                (!word.open && !word.fetched).then_some(word.text)
            }
            AssignmentValue::Array(items) => {
                self.mind_variable(&name);
                for (index, word) in items {
                    if let Some(index) = index {
                        self.arithmetic(scope, &index.value);
                    }
                    self.words(scope, &word.value);
                }
                None
            }
        };
        let plain = matches!(assignment.name, AssignmentName::VariableName(_));
        let value = match (value, assignment.append) {
            (Some(value), true) => scope.value(&name).map(|old| format!("{old}{value}")),
            (value, _) => value,
        };
        Some((name, value.filter(|_| plain)))
    }

    /// A variable that decides what runs makes the rest unseen.
    pub(super) fn mind_variable(&mut self, name: &str) {
        if decides_what_runs(name) {
            self.hide(format!("it sets `{name}`, which decides what runs"));
        }
        if name.starts_with("HIST") {
            self.hide(format!("it sets `{name}`, by which a shell records what was done"));
        }
    }

    /// A variable that names a program for others: `CC=/tmp/x make`.
    pub(super) fn mind_value(&mut self, scope: &Scope, name: &str, value: &Word) {
        if NAMES_PROGRAM.contains(&name) || name.starts_with("CARGO_BUILD_RUSTC") {
            self.nested_word(scope, name, value, &None);
        }
        let tells = ["eval", "exec", "linker=", "plugin", "javaagent", "shell="];
        let lower = value.text.to_ascii_lowercase();
        if (name.ends_with("FLAGS") || name.ends_with("_OPTIONS") || name.ends_with("_OPTS"))
            && tells.iter().any(|part| lower.contains(part))
        {
            self.hide(format!("`{name}` tells another program what to run"));
        }
    }

    pub(super) fn redirects(&mut self, scope: &mut Scope, list: &[IoRedirect]) -> Redirects {
        let mut found = Redirects::default();
        for redirect in list {
            self.redirect(scope, redirect, &mut found);
        }
        found
    }

    fn redirect(&mut self, scope: &mut Scope, redirect: &IoRedirect, found: &mut Redirects) {
        match redirect {
            IoRedirect::File(fd, kind, target) => {
                let (access, input) = match kind {
                    IoFileRedirectKind::Read | IoFileRedirectKind::DuplicateInput => {
                        (Access::Read, true)
                    }
                    _ => (Access::Write, false),
                };
                if !input && fd.is_none_or(|fd| fd == 1) {
                    found.takes_output = true;
                    found.replaces |=
                        matches!(kind, IoFileRedirectKind::Write | IoFileRedirectKind::Clobber);
                }
                self.target(scope, target, access, found);
                if input && fd.is_none_or(|fd| fd == 0) && found.stdin.is_none() {
                    found.stdin = Some(Source::default());
                }
            }
            IoRedirect::OutputAndError(word, _) => {
                found.takes_output = true;
                let word = self.one(scope, &word.value);
                self.file(scope, &word, Access::Write, found);
            }
            IoRedirect::HereDocument(_, document) => {
                let word = if document.requires_expansion {
                    self.document(scope, &document.doc.value)
                } else {
                    Word::known(&document.doc.value)
                };
                found.stdin = Some(source(word));
            }
            IoRedirect::HereString(_, word) => {
                let word = self.one(scope, &word.value);
                found.stdin = Some(source(word));
            }
        }
    }

    fn target(
        &mut self,
        scope: &mut Scope,
        target: &IoFileRedirectTarget,
        access: Access,
        found: &mut Redirects,
    ) {
        match target {
            IoFileRedirectTarget::Filename(word) => {
                let word = self.one(scope, &word.value);
                self.file(scope, &word, access, found);
            }
            IoFileRedirectTarget::ProcessSubstitution(_, shell) => {
                let word = self.process(scope, shell);
                if access == Access::Read {
                    found.stdin = word.source.map(|source| *source);
                }
            }
            // `2>&1` names a number; a word that is none is a file.
            IoFileRedirectTarget::Duplicate(word) => {
                let word = self.one(scope, &word.value);
                let number = word.text.trim_end_matches('-');
                if !number.bytes().all(|byte| byte.is_ascii_digit()) || word.open {
                    self.file(scope, &word, access, found);
                }
            }
            IoFileRedirectTarget::Fd(_) => {}
        }
    }

    /// A file that is redirected to or from; `/dev/tcp/host/port` is the network.
    fn file(&mut self, scope: &Scope, word: &Word, access: Access, found: &mut Redirects) {
        if word.open && access == Access::Write {
            self.hide(format!("it writes to a file that is not known: `{}`", word.text));
            return;
        }
        for kind in ["/dev/tcp/", "/dev/udp/"] {
            if let Some(rest) = word.text.strip_prefix(kind) {
                found.hosts.push(rest.replacen('/', ":", 1));
            }
        }
        if STREAMS.contains(&word.text.as_str()) || word.text.starts_with("/dev/fd/") || word.open {
            return;
        }
        for path in scope.paths(&word.text) {
            match path {
                Some(text) => found.files.push(FileUse { text, access, redirect: true }),
                None if access == Access::Write => {
                    self.hide("it writes in a directory that is not known");
                }
                None => {}
            }
        }
    }

    /// The last program writes nothing over a file: what was in it is gone.
    fn emptied(&mut self) {
        if let Some(leaf) = self.leaves.last_mut()
            && leaf
                .files
                .iter()
                .any(|file| file.redirect && file.access == Access::Write && is_kept(&file.text))
        {
            leaf.note(Deed::Destroy);
        }
    }

    /// `> file` alone empties the file, as `: > file` does.
    pub(super) fn bare_redirects(&mut self, scope: &Scope, found: Redirects) {
        if found.files.is_empty() && found.hosts.is_empty() {
            return;
        }
        let mut leaf = Leaf {
            program: ":".to_owned(),
            via: self.via.clone(),
            cwd: scope.cwd(),
            files: found.files,
            hosts: found.hosts,
            ..Leaf::default()
        };
        if !leaf.hosts.is_empty() {
            leaf.note(Deed::Send);
        }
        self.remember_writes(&leaf, false);
        self.leaves.push(leaf);
    }
}

/// Whether a variable that may decide what runs gets a value that does not.
fn is_calm_value(name: &str, value: &str) -> bool {
    const CALM: [&str; 8] = [
        "--max-old-space-size",
        "--max_old_space_size",
        "--no-warnings",
        "--no-deprecation",
        "--enable-source-maps",
        "--experimental-vm-modules",
        "--openssl-legacy-provider",
        "--trace-warnings",
    ];
    matches!(name, "NODE_OPTIONS")
        && value.split_whitespace().all(|word| {
            word.parse::<u32>().is_ok()
                || CALM.contains(&word.split('=').next().unwrap_or_default())
        })
}

fn source(word: Word) -> Source {
    Source { fetched: word.fetched, text: (!word.open).then(|| format!("{}\n", word.text)) }
}
