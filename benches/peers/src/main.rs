//! `bailiwick-peers NAME`: measures one area beside its peers, prints a table, writes
//! `target/bench/NAME.json` and the area's section of `docs/benchmarks.md`.

mod machine;
mod policy;
mod report;
mod rounds;

use std::process::ExitCode;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let measured = match name.as_str() {
        "policy" => policy::measure(),
        _ => Err(format!("no area `{name}`: there is `policy`").into()),
    };
    match measured.and_then(|report| report.publish(&name)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
