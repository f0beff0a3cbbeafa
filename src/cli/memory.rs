//! `bailiwick memory`: what is remembered, and what becomes of it.

mod add;
mod batch;
mod consolidate;
mod export;
mod forget;
mod import;
mod jobs;
mod kv;
mod order;
mod pin;
mod place;
mod proposals;
mod search;
mod show;
mod stats;
mod sync;
mod undo;
mod verify;

use std::io::Write;

use super::remote::Remote;
use super::{CliError, Cx, Exit};
use crate::contracts::Area;

/// Remember, find, show, forget, import and export.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Remember a text; `-` reads it from standard input
    Add(Box<add::Add>),
    /// Find what is remembered about a question, or about each question of a file
    Search(Box<search::Search>),
    /// Show a record with its text and everything about it
    Show(show::Show),
    /// Put a record of `main` into every context
    Pin(pin::Pin),
    /// Take a record out of every context; it stays remembered
    Unpin(pin::Pin),
    /// Erase records for good; without `--yes`, only say which would go
    Forget(forget::Forget),
    /// Remember each line of a file of JSON
    Import(import::Import),
    /// Print every record that counts, as lines that `import` reads
    Export(export::Export),
    /// Settings of `memory/kv/*.yaml`, with their history
    Kv(kv::Args),
    /// Count what is remembered
    Stats,
    /// Take over what changed in the files of `memory/`; a daemon does it by itself
    Sync,
    /// Make one of records that say the same
    Consolidate(consolidate::Consolidate),
    /// List consolidations, with what each found and did
    Jobs,
    /// List what records may become; show, accept or reject one
    Proposals(proposals::Proposals),
    /// Take a batch back: its records are again what they were
    Undo(undo::Undo),
    /// Compare the indexes with the records and with what was written; what does not fit is made anew
    Verify,
    /// Make both indexes anew from the records
    Rebuild,
}

/// Does it.
///
/// # Errors
/// When memory cannot be read, what is wanted is wrong, or policy refuses.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let place = args.remote.place(cx)?;
    match args.command {
        Command::Add(add) => add::run(*add, &place, cx, out),
        Command::Search(search) => search::run(*search, &place, cx, out),
        Command::Show(show) => show::run(&show, &place, cx, out),
        Command::Pin(it) => pin::run(&it, true, &place, cx, out),
        Command::Unpin(it) => pin::run(&it, false, &place, cx, out),
        Command::Forget(forget) => forget::run(forget, &place, cx, out),
        Command::Import(import) => import::run(&import, &place, cx, out),
        Command::Export(export) => export::run(&export, &place, cx, out),
        Command::Kv(args) => kv::run(args, &place, cx, out),
        Command::Stats => stats::run(&place, cx, out),
        Command::Sync => sync::run(&place, cx, out),
        Command::Consolidate(it) => consolidate::run(&it, &place, cx, out),
        Command::Jobs => jobs::run(&place, cx, out),
        Command::Proposals(it) => proposals::run(it, &place, cx, out),
        Command::Undo(it) => undo::run(&it, &place, cx, out),
        Command::Verify => verify::verify(&place, cx, out),
        Command::Rebuild => verify::rebuild(&place, cx, out),
    }
}

/// The area that a person means.
fn area(name: &str) -> Result<Area, String> {
    Area::named(name).ok_or_else(|| {
        let known: Vec<&str> = Area::ALL.iter().map(|area| area.name()).collect();
        format!("there is no area `{name}`; there are {}", known.join(", "))
    })
}

/// The time that a person means: RFC 3339, or a day, which is meant to its end.
fn time(text: &str) -> Result<crate::contracts::Timestamp, String> {
    let day = text.len() == "2026-05-01".len() && !text.contains('T');
    let whole = if day { format!("{text}T23:59:59.999Z") } else { text.to_owned() };
    whole.parse().map_err(|_: crate::contracts::TimestampError| {
        format!("`{text}` is no time such as `2026-05-01` or `2026-05-01T07:00:00.000Z`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_meant_to_its_end() {
        let cases = [
            ("2026-05-01", Some("2026-05-01T23:59:59.999Z")),
            ("2026-05-01T07:00:00Z", Some("2026-05-01T07:00:00.000Z")),
            ("2026-13-01", None),
            ("yesterday", None),
            ("0000000000", None),
        ];
        for (text, meant) in cases {
            assert_eq!(time(text).ok().map(|it| it.to_string()).as_deref(), meant, "{text}");
        }
        assert!(area("cellar").unwrap_err().contains("instruments"));
    }
}
