//! Whole decisions: facts, twenty YAML rules, twenty script rules. Each one is timed alone.

use cpu_time::ThreadTime;

use super::bailiwick::both;
use super::workload::{calls, places, vocabulary};
use crate::Failure;
use crate::report::Row;

/// How often each request is judged.
const ROUNDS: usize = 20;

/// p50 and p99 of a decision, in microseconds of this thread's own time.
pub fn rows() -> Result<Vec<Row>, Failure> {
    let (set, vocabulary, places, calls) = (both()?, vocabulary(), places(), calls());
    let mut times = Vec::with_capacity(ROUNDS * calls.len());
    for round in 0..=ROUNDS {
        for call in &calls {
            let start = ThreadTime::now();
            let request = call.request(&vocabulary, &places)?;
            std::hint::black_box(set.decide(&request));
            // The first round warms up.
            if round > 0 {
                times.push(start.elapsed().as_nanos() as f64 / 1_000.0);
            }
        }
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let row = |metric: &str, value: f64, goal: f64| Row {
        name: "bailiwick, facts + 20 YAML + 20 Rhai rules".to_owned(),
        metric: metric.to_owned(),
        value: Some(value),
        unit: "µs".to_owned(),
        vs: Some(format!("goal {goal} µs")),
        ratio: Some(value / goal),
        spread: None,
        skipped: None,
    };
    Ok(vec![row("p50", at(0.5), 40.0), row("p99", at(0.99), 150.0)])
}
