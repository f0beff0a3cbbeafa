//! What a cell costs, beside a plain spawn. Not a gate: `cargo test -- --ignored --nocapture`.

use std::process::Command;
use std::time::{Duration, Instant};

use bailiwick::ports::{Cancel, Sandbox};

use super::{sandbox, spec};

const ROUNDS: usize = 200;

#[test]
#[ignore = "a measurement"]
#[allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the plain spawn to compare with"
)]
fn cost_of_a_cell() {
    let sandbox = sandbox();
    let (spec, cancel) = (spec(&["/bin/true"]), Cancel::default());
    let (mut plain, mut cell) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        plain.push(time(|| assert!(Command::new("/bin/true").output().unwrap().status.success())));
        cell.push(time(|| drop(sandbox.run(&spec, &cancel).unwrap())));
    }
    for (name, mut times) in [("plain", plain), ("cell", cell)] {
        times.sort_unstable();
        println!("{name}: p10 {:?} p50 {:?} p99 {:?}", times[20], times[100], times[197]);
    }
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}
