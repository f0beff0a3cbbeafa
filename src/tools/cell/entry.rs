//! The way in: a request on standard input, a reply on standard output.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};

use super::super::{browser, parse, worker};

/// First argument with which the binary is a helper in a cell. The second names its job. Not for people.
pub const WORKER_ARGUMENT: &str = "__worker";

/// Longest request with what is to be read, in bytes. Those who ask stay below it.
const INPUT_BYTES_MAX: u64 = 32 << 20;

/// As `sysexits.h` has it: a defect of the program.
const EXIT_SOFTWARE: i32 = 70;

/// Whether the program was started as a helper. `args` as from `std::env::args_os`.
pub fn is_worker_invocation(args: impl IntoIterator<Item = OsString>) -> bool {
    args.into_iter().nth(1).is_some_and(|first| first == WORKER_ARGUMENT)
}

/// Is a helper; never returns. `args` as from `std::env::args_os`.
pub fn worker_main(args: impl IntoIterator<Item = OsString>) -> ! {
    let job = args.into_iter().nth(2).unwrap_or_default();
    let code = match serve(&job.to_string_lossy()) {
        Ok(()) => 0,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            EXIT_SOFTWARE
        }
    };
    std::process::exit(code)
}

fn serve(job: &str) -> io::Result<()> {
    let mut input = Vec::new();
    io::stdin().take(INPUT_BYTES_MAX).read_to_end(&mut input)?;
    // A library that prints what it wonders about must not spoil the reply.
    let mut out = File::from(rustix::io::dup(io::stdout())?);
    rustix::stdio::dup2_stdout(io::stderr())?;
    out.write_all(&answer_in_cell(job, &input)?)
}

/// The reply to `input`, as JSON. For cells, and for those who try what happens there.
///
/// # Errors
/// When there is no such job, or the request cannot be read: defects of whoever asks.
pub fn answer_in_cell(job: &str, input: &[u8]) -> io::Result<Vec<u8>> {
    match job {
        worker::JOB => worker::answer(input),
        parse::JOB => parse::answer(input),
        browser::JOB => browser::answer(input),
        other => Err(io::Error::other(format!("no job `{}`", other.escape_debug()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_argument_makes_a_helper() {
        let check = |args: &[&str]| is_worker_invocation(args.iter().map(OsString::from));
        assert!(check(&["bailiwick", "__worker"]));
        assert!(check(&["bailiwick", "__worker", "parse"]));
        assert!(!check(&["bailiwick", "run", "__worker"]));
        assert!(!check(&["__worker"]));
    }

    #[test]
    fn an_unknown_job_and_a_broken_request_are_errors() {
        assert!(answer_in_cell("dance", b"{}").is_err());
        assert!(answer_in_cell(worker::JOB, b"{").is_err());
        assert!(answer_in_cell(parse::JOB, b"no line").is_err());
        assert!(answer_in_cell(parse::JOB, b"{}\nx").is_err());
    }
}
