//! What is known of single programs: their flags, and what they do with their operands.

mod around;
mod files;
mod lines;
mod loads;
mod network;
mod service;
mod text;
mod vcs;
mod verb;

use super::words::{Flag, Style};

pub(in crate::command) use around::WRAPPERS as AROUND;
pub(in crate::command) use lines::{CLUSTER, CONTAINER, WRAPPERS as LINES};
pub(in crate::command) use loads::{LOADS, Loads};
pub(in crate::command) use service::{SERVICES, Service};
pub(in crate::command) use verb::{CHANGES, CHANGES_BEGINNINGS, LOOKS, LOOKS_BEGINNINGS};

/// What a program does with its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operands {
    /// They are texts.
    Texts,
    /// They may be files; nothing is known of the program.
    Anything,
    /// Files that are read.
    Read,
    /// Files that are written.
    Write,
    /// Files that are removed.
    Delete,
    /// The last is written, the others are read.
    Copy,
    /// The last is written, the others are removed.
    Move,
    /// The first is a text, the others are read.
    PatternRead,
    /// The first is a text, the others are written.
    ModeWrite,
    /// `if=` is read, `of=` is written.
    Assignments,
    /// URLs or hosts.
    Hosts,
    /// As `Copy`, with `host:path` among them.
    RemoteCopy,
    /// A verb, and what follows is its own affair.
    Verb,
}

/// What is known of a program.
#[derive(Debug)]
pub(super) struct Program {
    /// Its names.
    pub(super) names: &'static [&'static str],
    /// Its flags.
    pub(super) flags: &'static [Flag],
    /// What it does with operands.
    pub(super) operands: Operands,
    /// How it reads flags.
    pub(super) style: Style,
    /// Whether a word that is not known makes it opaque.
    pub(super) grave: bool,
}

const PLAIN: Style = Style { stops: false, words: false };

const fn calm(
    names: &'static [&'static str],
    operands: Operands,
    flags: &'static [Flag],
) -> Program {
    Program { names, flags, operands, style: PLAIN, grave: false }
}

const fn grave(
    names: &'static [&'static str],
    operands: Operands,
    flags: &'static [Flag],
) -> Program {
    Program { names, flags, operands, style: PLAIN, grave: true }
}

/// What is known of the program of this name.
pub(super) fn program(name: &str) -> Option<&'static Program> {
    let tables = [files::PROGRAMS, text::PROGRAMS, network::PROGRAMS, vcs::PROGRAMS];
    let own = tables.into_iter().flatten().find(|program| {
        program.names.iter().any(|known| match known.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => *known == name,
        })
    });
    let serves = || {
        service::OTHERS.contains(&name)
            || SERVICES.iter().any(|service| service.names.contains(&name))
    };
    own.or_else(|| serves().then_some(&service::CLIENT))
}
