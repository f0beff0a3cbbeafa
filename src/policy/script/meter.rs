//! What a rule has used up: counted work, and as a last resort time.
//!
//! The verdict of a rule must not depend on how fast a machine is, so its limits are counts. Work of
//! our own functions on long texts is counted too. A rule that is within all counts and still does
//! not end in [`WALL_MS`] is stopped, which is told apart: it is a defect to look at.

use std::cell::Cell;

use rhai::{Dynamic, EvalAltResult, Position};

/// Most operations of one rule.
pub(super) const OPERATIONS_MAX: u64 = 50_000;

/// Longest time for all scripts of one decision, in milliseconds.
pub(super) const WALL_MS: u64 = 1_000;

/// Bytes that count as one operation when a function reads them.
const BYTES_PER_OPERATION: usize = 64;

/// The time is looked at once in so many operations.
const LOOKS_EVERY: u64 = 16;

/// Milliseconds since any beginning, never going back. Handed in: this module knows no clock.
pub type Watch = fn() -> u64;

/// Until when scripts may run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    watch: Watch,
    at_ms: u64,
}

impl Deadline {
    /// [`WALL_MS`] from now.
    pub(super) fn of(watch: Watch) -> Self {
        Self { watch, at_ms: watch().saturating_add(WALL_MS) }
    }

    fn passed(self) -> bool {
        (self.watch)() >= self.at_ms
    }
}

/// Why a rule was stopped from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    Work,
    Time,
}

/// What the rule on this thread has used up.
#[derive(Debug, Clone, Copy)]
struct Meter {
    charged: u64,
    deadline: Option<Deadline>,
}

const IDLE: Meter = Meter { charged: 0, deadline: None };

thread_local! {
    static METER: Cell<Meter> = const { Cell::new(IDLE) };
}

/// The meter runs while this lives.
pub(super) struct Running(());

impl Running {
    pub(super) fn until(deadline: Option<Deadline>) -> Self {
        METER.set(Meter { deadline, ..IDLE });
        Self(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        METER.set(IDLE);
    }
}

/// Asked by the engine at each operation: whether to stop, and why. The engine's own count begins
/// anew in each function that a list calls for its items, so it is not used.
pub(super) fn progress(_: u64) -> Option<Dynamic> {
    let mut meter = METER.get();
    meter.charged = meter.charged.saturating_add(1);
    METER.set(meter);
    if meter.charged > OPERATIONS_MAX {
        return Some(Dynamic::from(Stop::Work));
    }
    let late = meter.charged.is_multiple_of(LOOKS_EVERY) && is_late(meter);
    late.then(|| Dynamic::from(Stop::Time))
}

/// Counts the work of a function that reads `bytes`.
pub(super) fn charge(bytes: usize) -> Result<(), Box<EvalAltResult>> {
    charge_steps(bytes / BYTES_PER_OPERATION)
}

/// Counts work that takes as long as `operations`.
pub(super) fn charge_steps(operations: usize) -> Result<(), Box<EvalAltResult>> {
    let mut meter = METER.get();
    let operations = u64::try_from(operations).unwrap_or(u64::MAX);
    meter.charged = meter.charged.saturating_add(operations);
    METER.set(meter);
    let stop = if meter.charged > OPERATIONS_MAX {
        Stop::Work
    } else if operations > 0 && is_late(meter) {
        Stop::Time
    } else {
        return Ok(());
    };
    Err(EvalAltResult::ErrorTerminated(Dynamic::from(stop), Position::NONE).into())
}

fn is_late(meter: Meter) -> bool {
    meter.deadline.is_some_and(Deadline::passed)
}
