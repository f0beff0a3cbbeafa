//! `policy check | test | coverage | show | explain | suggest | backtest | serve | sign | verify`.

mod backtest;
mod check;
mod coverage;
mod decided;
mod diff;
mod explain;
mod foreign;
mod judge;
mod junit;
mod serve;
mod show;
mod sign;
mod suggest;
mod test;
mod tested;
mod verify;

#[cfg(test)]
mod suite_tests;
#[cfg(test)]
mod tests;

use std::io::{self, BufRead, Write};

use clap::Subcommand;

use super::{CliError, Cx, Exit};
use crate::app::{App, PolicyInputs};

pub use serve::answer_line;

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
    /// Runs the tests beside the rules.
    Test(test::Args),
    /// Says which rules the tests meet.
    Coverage(coverage::Args),
    /// Shows the rules in force, and what is wrong with the files.
    Show,
    /// Says how a call would be decided and why.
    Explain(explain::Args),
    /// Judges recorded decisions again, with other rules in place of the workspace's.
    Backtest(backtest::Args),
    /// Writes the smallest rule that would allow what was refused, for a person to review.
    Suggest(suggest::Args),
    /// Decides calls of other programs: one JSON request per line in, one verdict per line out.
    Serve(serve::Args),
    /// Signs a directory of rules, or makes a key to sign with.
    Sign(sign::Args),
    /// Checks whether a directory of rules is as somebody signed it whom you trust.
    Verify(verify::Args),
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
        Command::Test(args) => test::run(&args, cx, inputs, out),
        Command::Coverage(args) => coverage::run(&args, cx, inputs, out),
        Command::Show => show::run(cx, inputs, out),
        Command::Explain(args) => explain::run(args, cx, inputs, out),
        Command::Backtest(args) => backtest::run(&args, cx, inputs, out),
        Command::Suggest(args) => suggest::run(args, cx, inputs, out),
        Command::Serve(args) => serve::run(&args, cx, inputs, input, out),
        Command::Sign(args) => sign::run(&args, cx, inputs, out),
        Command::Verify(args) => verify::run(&args, cx, inputs, out),
    }
}
