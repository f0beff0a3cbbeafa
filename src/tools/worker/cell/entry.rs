//! The way in: a request on standard input, a reply on standard output.

use std::ffi::OsString;
use std::io::{Read, Write};

use super::words::{Refusal, Reply, Request, Why};
use super::{archive, inventory};

/// First argument with which the binary is the worker's helper in a cell. Not for people.
pub const WORKER_ARGUMENT: &str = "__worker";

/// Longest request in bytes.
const REQUEST_BYTES_MAX: u64 = 64 * 1024;

/// As `sysexits.h` has it: a defect of the program.
const EXIT_SOFTWARE: i32 = 70;

/// Whether the program was started as the worker's helper. `args` as from `std::env::args_os`.
pub fn is_worker_invocation(args: impl IntoIterator<Item = OsString>) -> bool {
    args.into_iter().nth(1).is_some_and(|first| first == WORKER_ARGUMENT)
}

/// Is the worker's helper; never returns.
pub fn worker_main() -> ! {
    let code = match serve() {
        Ok(()) => 0,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            EXIT_SOFTWARE
        }
    };
    std::process::exit(code)
}

fn serve() -> std::io::Result<()> {
    let mut text = Vec::new();
    std::io::stdin().take(REQUEST_BYTES_MAX).read_to_end(&mut text)?;
    let reply = answer(&serde_json::from_slice(&text)?);
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &reply)?;
    out.flush()
}

fn answer(request: &Request) -> Reply {
    match request {
        Request::Unpack { archive, into, limits } => match archive::unpack(archive, into, limits) {
            Ok(unpacked) => Reply::Unpacked(unpacked),
            Err(refusal) => Reply::Refused(refusal),
        },
        Request::Scan { tree, listed_max } => match inventory::scan(tree, *listed_max) {
            Ok(scanned) => Reply::Scanned(Box::new(scanned)),
            Err(error) => Reply::Refused(Refusal::new(Why::Io, error.to_string())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_argument_makes_a_helper() {
        let check = |args: &[&str]| is_worker_invocation(args.iter().map(OsString::from));
        assert!(check(&["bailiwick", "__worker"]));
        assert!(!check(&["bailiwick", "run", "__worker"]));
        assert!(!check(&["__worker"]));
    }
}
