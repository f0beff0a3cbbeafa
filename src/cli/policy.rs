//! `policy check | show | explain | serve`.

mod check;
mod explain;
mod foreign;
mod judge;
mod serve;
mod show;

#[cfg(test)]
mod tests;

use std::io::{self, BufRead, Write};

use clap::Subcommand;

use super::{CliError, Cx, Exit};
use crate::app::{App, PolicyInputs};

/// Check, show, explain and serve the policy.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Finds every mistake in files of rules before they are in force.
    Check(check::Args),
    /// Shows the rules in force, and what is wrong with the files.
    Show,
    /// Says how a call would be decided and why.
    Explain(explain::Args),
    /// Decides calls of other programs: one JSON request per line in, one verdict per line out.
    Serve(serve::Args),
}

/// Runs `bailiwick policy …`.
///
/// # Errors
/// When the arguments, the files named by them or standard output cannot be used.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let inputs = App::open(cx)?.policy_inputs()?;
    dispatch(args, cx, &inputs, &mut io::stdin().lock(), out)
}

fn dispatch(
    args: Args,
    cx: &Cx,
    inputs: &PolicyInputs,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    match args.command {
        Command::Check(args) => check::run(&args, cx, inputs, out),
        Command::Show => show::run(cx, inputs, out),
        Command::Explain(args) => explain::run(args, cx, inputs, out),
        Command::Serve(args) => serve::run(&args, cx, inputs, input, out),
    }
}
