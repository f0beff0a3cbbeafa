//! The one way to print. Answers go to the writer of a command, which is standard output; notes and
//! errors go to standard error. A reader that has gone away, such as `head`, is no error.
//!
//! Everything is made printable here, so that no command can forget it; only [`painted`] takes the
//! caller's word for it.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use serde::Serialize;
use serde_json::json;

use super::shown::{escaped_json, one_line, printable};
use super::{CliError, Exit};

/// Writes a line, or several.
///
/// # Errors
/// When the answer cannot be written.
pub(super) fn line(out: &mut dyn Write, text: impl Display) -> Result<(), CliError> {
    painted(out, &format!("{}\n", printable(&text.to_string())))
}

/// Writes a text that brings its own line breaks.
///
/// # Errors
/// As [`line()`].
pub(super) fn text(out: &mut dyn Write, text: &str) -> Result<(), CliError> {
    painted(out, &printable(text))
}

/// Writes a text as it is: colours and all. Whoever painted it made the parts of others printable.
///
/// # Errors
/// As [`line()`].
pub(super) fn painted(out: &mut dyn Write, text: &str) -> Result<(), CliError> {
    reached(out, text).map(drop)
}

/// Writes a value as JSON.
///
/// # Errors
/// As [`line()`].
pub(super) fn json(out: &mut dyn Write, value: &impl Serialize) -> Result<(), CliError> {
    let document = serde_json::to_string_pretty(value).map_err(|error| no_json(&error))?;
    painted(out, &format!("{}\n", escaped_json(&document)))
}

/// Writes a value as one line of JSON, one of a stream. Returns whether anybody still reads.
///
/// # Errors
/// As [`line()`].
pub(super) fn json_line(out: &mut dyn Write, value: &impl Serialize) -> Result<bool, CliError> {
    let document = serde_json::to_string(value).map_err(|error| no_json(&error))?;
    reached(out, &format!("{}\n", escaped_json(&document)))
}

/// Writes rows with their columns aligned; the last column is not padded.
///
/// # Errors
/// As [`line()`].
pub(super) fn table<const N: usize>(
    out: &mut dyn Write,
    rows: &[[String; N]],
) -> Result<(), CliError> {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut shown = String::new();
    for row in rows {
        let cells = row.iter().zip(widths);
        let padded: String =
            cells.map(|(cell, width)| format!("{:width$}  ", one_line(cell, usize::MAX))).collect();
        shown.push_str(padded.trim_end());
        shown.push('\n');
    }
    painted(out, &shown)
}

/// Says something beside the answer, on standard error.
pub(super) fn note(text: &str) {
    // A courtesy: a closed standard error must not stop the work.
    if let Err(error) = line(&mut std::io::stderr(), text) {
        tracing::trace!("nobody reads the notes: {}", error.message);
    }
}

/// Writes an error as people or, with `as_json`, programs read it.
///
/// # Errors
/// As [`line()`].
pub(super) fn error(
    out: &mut dyn Write,
    error: &CliError,
    as_json: bool,
    color: bool,
) -> Result<(), CliError> {
    let CliError { exit, message, hints, diagnostics } = error;
    if as_json {
        let error = json!({ "message": message, "hints": hints, "exit_code": exit.code() });
        return json_line(out, &json!({ "error": error, "items": diagnostics })).map(drop);
    }
    let label = if color { "\u{1b}[1;31merror\u{1b}[0m" } else { "error" };
    let mut rest = format!(": {message}\n");
    for diagnostic in diagnostics {
        rest.push_str(&format!("  {diagnostic}\n"));
    }
    for hint in hints {
        rest.push_str(&format!("  hint: {hint}\n"));
    }
    painted(out, &format!("{label}{}", printable(&rest)))
}

/// Writes and flushes, and returns whether there is still a reader.
fn reached(out: &mut dyn Write, text: &str) -> Result<bool, CliError> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => {
            Err(CliError::new(Exit::Failed, format!("the answer cannot be written: {error}")))
        }
    }
}

fn no_json(error: &serde_json::Error) -> CliError {
    CliError::new(Exit::Failed, format!("the answer cannot be written as JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contracts::Diagnostic;

    fn written(write: impl FnOnce(&mut dyn Write) -> Result<(), CliError>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn aligns_columns_by_characters() {
        let rows = [["é", "b", "c"], ["long", "x", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(written(|out| table(out, &rows)), "é     b  c\nlong  x\n");
    }

    #[test]
    fn nothing_of_others_reaches_the_terminal_raw() {
        let evil = "a\u{1b}[2J\u{9b}b\u{202e}";
        let failed = CliError::usage(evil)
            .hint(evil)
            .with(vec![Diagnostic::error("x", evil, evil, 1, 1).suggest(evil)]);
        for shown in [
            written(|out| line(out, evil)),
            written(|out| text(out, evil)),
            written(|out| json(out, &evil)),
            written(|out| json_line(out, &evil).map(drop)),
            written(|out| table(out, &[[evil.to_owned()]])),
            written(|out| error(out, &failed, false, false)),
            written(|out| error(out, &failed, true, false)),
        ] {
            assert_eq!(printable(&shown), shown);
            assert!(shown.contains("[2J"), "{shown}");
        }
    }

    #[test]
    fn a_reader_that_has_gone_away_is_no_error_and_a_full_disk_is_one() {
        struct Broken(ErrorKind);
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(self.0.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        assert!(line(&mut Broken(ErrorKind::BrokenPipe), "x").is_ok());
        assert!(!json_line(&mut Broken(ErrorKind::BrokenPipe), &1).unwrap());
        assert!(line(&mut Broken(ErrorKind::StorageFull), "x").is_err());
    }
}
