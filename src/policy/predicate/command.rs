//! `command: {program, argv, flags, via, path, opaque, pipe_to, pipe_from, redirect, does, host,
//! exact}`.

use std::fmt;

use super::Globs;
use super::choices;
use super::path::PathIs;
use crate::command::Deed;
use crate::contracts::Diagnostic;
use crate::policy::case::Case;
use crate::policy::truth::{Reading, Truth};
use crate::policy::{CommandFact, LeafFact};
use crate::yaml::{Fields, Node};

/// What a command must be. Everything but `opaque` is asked of one program at a time.
#[derive(Debug, Clone)]
pub(in crate::policy) struct CommandIs {
    opaque: Option<bool>,
    leaf: LeafIs,
}

#[derive(Debug, Clone)]
struct LeafIs {
    program: Option<Globs>,
    argv: Option<Globs>,
    argv_words: Vec<Globs>,
    flags: Vec<String>,
    via: Option<Globs>,
    pipe_to: Option<Globs>,
    pipe_from: Option<Globs>,
    path: Option<PathIs>,
    redirect: Option<PathIs>,
    does: Option<Vec<Deed>>,
    host: Option<Globs>,
    /// Whether there may be nothing beside what is named.
    exact: bool,
}

impl CommandIs {
    pub(super) fn read(file: &str, node: &Node, mistakes: &mut Vec<Diagnostic>) -> Option<Self> {
        let mut fields = Fields::of(file, "`command`", node, mistakes)?;
        let opaque = fields.boolean("opaque", mistakes);
        let leaf = LeafIs::read(file, &mut fields, mistakes);
        fields.finish(mistakes);
        if opaque.is_none() && leaf.is_empty() {
            let message =
                "`command` names nothing: give it `program`, `flags`, `opaque` or another";
            mistakes.push(node.error(file, "empty-predicate", message));
        }
        Some(Self { opaque, leaf })
    }

    pub(super) fn holds(&self, case: &Case<'_>, reading: Reading) -> Truth {
        let Some(command) = &case.request.command else {
            return if case.command_missing() { Truth::Unknown } else { Truth::No };
        };
        let opaque = match self.opaque {
            Some(wanted) => Truth::of(wanted == command.opaque.is_some()),
            None => Truth::Yes,
        };
        let leaf =
            if self.leaf.is_empty() { Truth::Yes } else { self.programs(case, command, reading) };
        Truth::all([opaque, leaf])
    }

    /// What an opaque command runs is not known, so no statement about it is true or false.
    fn programs(&self, case: &Case<'_>, command: &CommandFact, reading: Reading) -> Truth {
        let fits = |leaf: &LeafFact| Truth::of(self.leaf.fits(case, leaf));
        reading.over(&command.leaves, command.opaque.is_some(), fits)
    }

    pub(super) fn found(case: &Case<'_>) -> String {
        match &case.request.command {
            None => "no command".to_owned(),
            Some(CommandFact { text, opaque: Some(why), .. }) => format!("`{text}`, opaque: {why}"),
            Some(CommandFact { text, .. }) => format!("`{text}`"),
        }
    }
}

impl LeafIs {
    fn read(file: &str, fields: &mut Fields<'_>, mistakes: &mut Vec<Diagnostic>) -> Self {
        let mut globs = |key, mistakes: &mut Vec<Diagnostic>| {
            let texts = fields.texts(key, mistakes)?;
            Some(Globs::compile(file, key, texts, mistakes))
        };
        let program = globs("program", mistakes);
        let via = globs("via", mistakes);
        let pipe_to = globs("pipe_to", mistakes);
        let pipe_from = globs("pipe_from", mistakes);
        let host = globs("host", mistakes);
        let argv = globs("argv", mistakes);
        let words = fields.texts("argv", &mut Vec::new()).unwrap_or_default();
        let argv_words = words
            .into_iter()
            .map(|word| Globs::compile(file, "argv", vec![word], &mut Vec::new()))
            .collect();
        let flags = fields.texts("flags", mistakes).unwrap_or_default();
        let path = fields.node("path").and_then(|node| PathIs::read(file, node, mistakes));
        let redirect = fields.node("redirect").and_then(|node| PathIs::read(file, node, mistakes));
        for (flag, place) in flags.iter().filter(|(flag, _)| flag.starts_with('-')) {
            let message = format!("`{flag}` has dashes; flags are written without");
            let plain = flag.trim_start_matches('-');
            mistakes
                .push(place.error(file, "bad-value", message).suggest(format!("write `{plain}`")));
        }
        let flags = flags.into_iter().map(|(flag, _)| flag.to_owned()).collect();
        let does = choices(file, fields, "does", &Deed::WORDS, mistakes);
        let exact = fields.boolean("exact", mistakes).unwrap_or(false);
        Self {
            program,
            argv,
            argv_words,
            flags,
            via,
            path,
            redirect,
            pipe_to,
            pipe_from,
            does,
            host,
            exact,
        }
    }

    const fn is_empty(&self) -> bool {
        self.program.is_none()
            && self.argv.is_none()
            && self.flags.is_empty()
            && self.via.is_none()
            && self.pipe_to.is_none()
            && self.pipe_from.is_none()
            && self.path.is_none()
            && self.redirect.is_none()
            && self.does.is_none()
            && self.host.is_none()
    }

    fn fits(&self, case: &Case<'_>, leaf: &LeafFact) -> bool {
        let words = &leaf.words;
        let named = |globs: &Option<Globs>, name: Option<&str>| {
            globs.as_ref().is_none_or(|globs| name.is_some_and(|name| globs.is_match(name)))
        };
        named(&self.program, Some(&words.program))
            && named(&self.pipe_to, words.pipe_to.as_deref())
            && named(&self.pipe_from, words.pipe_from.as_deref())
            && self.via.as_ref().is_none_or(|via| words.via.iter().any(|name| via.is_match(name)))
            && self.flags.iter().all(|flag| words.flags.contains(flag))
            && self.begins(&words.positional)
            && self
                .does
                .as_ref()
                .is_none_or(|does| does.iter().any(|deed| words.does.contains(deed)))
            && self
                .host
                .as_ref()
                .is_none_or(|host| leaf.hosts.iter().any(|fact| host.is_match(&fact.name)))
            && self
                .path
                .as_ref()
                .is_none_or(|path| leaf.paths.iter().any(|fact| path.fits(case, fact)))
            && self
                .redirect
                .as_ref()
                .is_none_or(|path| leaf.redirects.iter().any(|fact| path.fits(case, fact)))
            && (!self.exact || self.is_all(leaf))
    }

    /// Whether it has no words but those of `argv` and bare flags that are named, and nothing around it
    /// that is not named: no wrapper, pipe, redirection or other directory.
    fn is_all(&self, leaf: &LeafFact) -> bool {
        let words = &leaf.words;
        let bare = |word: &&String| word.starts_with('-') && !word.contains('=');
        let bare = words.argv.iter().filter(bare).count();
        words.positional.len() == self.argv_words.len()
            && words.argv.len() == words.positional.len() + bare
            && words.flags.iter().all(|flag| self.flags.contains(flag))
            && (self.via.is_some() || words.via.is_empty())
            && (self.pipe_to.is_some() || words.pipe_to.is_none())
            && (self.pipe_from.is_some() || words.pipe_from.is_none())
            && (self.redirect.is_some() || leaf.redirects.is_empty())
            && words.cwd.as_deref() == Some(".")
    }

    /// Whether the words that are no flags begin with those of `argv`.
    fn begins(&self, positional: &[String]) -> bool {
        positional.len() >= self.argv_words.len()
            && self.argv_words.iter().zip(positional).all(|(glob, word)| glob.is_match(word))
    }
}

impl fmt::Display for CommandIs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        match self.opaque {
            Some(true) => parts.push("that is opaque".to_owned()),
            Some(false) => parts.push("that is not opaque".to_owned()),
            None => {}
        }
        let leaf = &self.leaf;
        let named = [
            ("program", &leaf.program),
            ("argv", &leaf.argv),
            ("via", &leaf.via),
            ("pipe_to", &leaf.pipe_to),
            ("pipe_from", &leaf.pipe_from),
            ("host", &leaf.host),
        ];
        for (key, globs) in named {
            if let Some(globs) = globs {
                parts.push(format!("with {key} {}", globs.written().join(" ")));
            }
        }
        if !leaf.flags.is_empty() {
            parts.push(format!("with flags {}", leaf.flags.join(" ")));
        }
        if let Some(does) = &leaf.does {
            let words: Vec<_> = does.iter().map(|deed| deed.as_str()).collect();
            parts.push(format!("that does {}", words.join(" or ")));
        }
        if leaf.exact {
            parts.push("and nothing else".to_owned());
        }
        for (key, path) in [("naming", &leaf.path), ("redirected to", &leaf.redirect)] {
            if let Some(path) = path {
                parts.push(format!("{key} {path}"));
            }
        }
        write!(f, "a command {}", parts.join(", "))
    }
}
