//! Measuring several things in turns, so that a noisy moment hits all of them.

use std::time::Duration;

use cpu_time::ThreadTime;

/// Rounds in which each contestant has a turn.
const ROUNDS: usize = 15;
/// Time of this thread that a turn takes at least.
const TURN: Duration = Duration::from_millis(120);

/// Something that answers the whole workload once per call.
pub struct Contestant<'a> {
    pub answer: Box<dyn FnMut() + 'a>,
}

/// The time of one operation, in nanoseconds of this thread's own time.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

/// What one of `operations` costs for each contestant, in their order.
pub fn compare(contestants: &mut [Contestant<'_>], operations: usize) -> Vec<Cost> {
    let mut costs = vec![Vec::with_capacity(ROUNDS); contestants.len()];
    for _ in 0..ROUNDS {
        for (contestant, costs) in contestants.iter_mut().zip(&mut costs) {
            costs.push(turn(contestant) / operations as f64);
        }
    }
    costs.into_iter().map(summed_up).collect()
}

fn turn(contestant: &mut Contestant<'_>) -> f64 {
    let (start, mut times) = (ThreadTime::now(), 0_u32);
    loop {
        (contestant.answer)();
        times += 1;
        let spent = start.elapsed();
        if spent >= TURN {
            return spent.as_nanos() as f64 / f64::from(times);
        }
    }
}

fn summed_up(mut costs: Vec<f64>) -> Cost {
    costs.sort_by(f64::total_cmp);
    Cost { median: costs[costs.len() / 2], least: costs[0], most: costs[costs.len() - 1] }
}
