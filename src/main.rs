//! The program: arguments in, exit code out. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    // Before anything else: a cell's helper must stay small and single-threaded.
    if bailiwick::sandbox::is_cell_invocation(args.iter().cloned()) {
        bailiwick::sandbox::cell_main();
    }
    // The same of what reads the files of strangers inside a cell.
    if bailiwick::tools::is_worker_invocation(args.iter().cloned()) {
        bailiwick::tools::worker_main(args);
    }
    bailiwick::cli::main(args)
}
