//! `bailiwick completions SHELL`.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::Cli;
use super::{CliError, Cx, Exit, output};

/// Prints a completion script for a shell.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell.
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(args: Args, _: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    output::painted(out, &String::from_utf8_lossy(&script)).map(|()| Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_program_and_its_commands_for_every_shell() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish] {
            let mut out = Vec::new();
            run(Args { shell }, &Cx::plain("/", false), &mut out).unwrap();
            let script = String::from_utf8(out).unwrap();
            assert!(script.contains("bailiwick") && script.contains("doctor"), "{shell}");
        }
    }
}
