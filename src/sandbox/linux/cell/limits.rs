//! Limits that the kernel counts, per process.

use rustix::process::{Resource, Rlimit, getrlimit, getuid, setrlimit};

use super::super::layers::{Layers, MEMORY, RLIMITS};
use super::super::wire::{CellLimits, Refusal};

/// Who counts what belongs to the cell as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// Nobody: the kernel counts memory for each process, and processes for the user.
    PerProcess,
    /// The kernel: processes in the cell's own user namespace, and memory in a control group if so.
    OfTheCell {
        /// Whether a control group counts memory.
        memory: bool,
    },
}

/// More processes than the limit by which a cell is stopped, so that it is stopped rather than starved.
const PIDS_ABOVE: u64 = 32;

/// Sets them for this process and what it becomes.
pub fn set(limits: &CellLimits, counting: Counting, layers: &mut Layers) -> Result<(), Refusal> {
    let cpu_seconds = limits.cpu_ms.div_ceil(1000);
    let fixed = [
        // A second to end in after SIGXCPU, then SIGKILL.
        (Resource::Cpu, cpu_seconds, cpu_seconds.saturating_add(1)),
        (Resource::Fsize, limits.file_bytes, limits.file_bytes),
        (Resource::Nofile, limits.open_files, limits.open_files),
        (Resource::Core, 0, 0),
        (Resource::Msgqueue, 0, 0),
        (Resource::Rtprio, 0, 0),
    ];
    for (resource, soft, hard) in fixed {
        set_one(resource, soft, hard)?;
    }
    let counts_memory = counting == Counting::OfTheCell { memory: true };
    if !counts_memory {
        set_one(Resource::As, limits.memory_bytes, limits.memory_bytes)?;
    }
    let tasks = match counting {
        Counting::OfTheCell { .. } => Some(limits.pids.saturating_add(PIDS_ABOVE)),
        Counting::PerProcess if getuid().is_root() => None,
        Counting::PerProcess => Some(tasks_of_the_system()?.saturating_add(limits.pids)),
    };
    if let Some(tasks) = tasks {
        set_one(Resource::Nproc, tasks, tasks)?;
    }
    let memory = if counts_memory { "cell" } else { "per-process" };
    layers.enforce(format!("{MEMORY}:{memory}"));
    layers.enforce(format!("{RLIMITS}:per-process"));
    Ok(())
}

fn set_one(resource: Resource, soft: u64, hard: u64) -> Result<(), Refusal> {
    // A limit that is lower already stays.
    let hard = getrlimit(resource).maximum.map_or(hard, |most| most.min(hard));
    let limit = Rlimit { current: Some(soft.min(hard)), maximum: Some(hard) };
    setrlimit(resource, limit)
        .map_err(|error| Refusal::missing(RLIMITS, format!("{resource:?}: {error}")))
}

/// Processes and threads of the whole machine. The kernel counts `RLIMIT_NPROC` per user, over
/// everything that user runs, and never for root; so the limit itself is the supervisor's to
/// hold. This one stops a bomb that outruns it, and is never too low for honest work.
fn tasks_of_the_system() -> Result<u64, Refusal> {
    let load = std::fs::read_to_string("/proc/loadavg")
        .map_err(|error| Refusal::missing(RLIMITS, format!("`/proc/loadavg`: {error}")))?;
    let total = load.split_ascii_whitespace().nth(3).and_then(|field| field.split_once('/'));
    total
        .and_then(|(_, total)| total.parse().ok())
        .ok_or_else(|| Refusal::missing(RLIMITS, format!("`/proc/loadavg` reads `{load}`")))
}
