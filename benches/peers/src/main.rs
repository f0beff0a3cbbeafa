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
    if name == "memory-alone" {
        return ended(count().and_then(memory::alone));
    }
    let measured = match name.as_str() {
        "memory" => memory::measure(),
        "policy" => policy::measure(),
        _ => Err(format!("no area `{name}`: there are `memory` and `policy`").into()),
    };
    ended(measured.and_then(|report| report.publish(&name)))
}

/// How many records were asked for.
fn count() -> Result<usize, Failure> {
    let said = std::env::args().nth(2).ok_or("say how many records, such as 1000000")?;
    said.parse().map_err(|error| format!("`{said}` is no number of records: {error}").into())
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
