//! `bailiwick-peers NAME`: measures one area beside its peers, prints a table, writes
//! `target/bench/NAME.json` and the area's section of `docs/benchmarks.md`.

mod machine;
mod memory;
mod policy;
mod report;
mod rounds;

use std::process::ExitCode;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    if name == "memory-tune" {
        return ended(memory::tune());
    }
    let measured = match name.as_str() {
        "memory" => memory::measure(),
        "policy" => policy::measure(),
        _ => Err(format!("no area `{name}`: there are `memory` and `policy`").into()),
    };
    ended(measured.and_then(|report| report.publish(&name)))
}

fn ended(done: Result<(), Failure>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
