//! The processes below this one: counting them, and ending them without leaving one.
//!
//! Every orphan is adopted by the next subreaper above it, which is the supervisor or the guard,
//! so none can leave the tree, whatever session or group it makes. A process that forks while the
//! tree is read can be missed in one pass; the passes go on until the kernel says that there is
//! no child left.
//!
//! A process id that was read may belong to somebody else by the time it is signalled. From
//! Landlock 6 on the kernel refuses signals out of this tree ([`super::landlock::fence_signals`]).

use std::fs;
use std::io;
use std::thread::sleep;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpgrp, getpid, kill_process, kill_process_group, wait,
};

/// Between two passes over a tree that is being killed.
const PASS_PAUSE: Duration = Duration::from_micros(300);

/// A process of the tree.
#[derive(Debug, Clone, Copy)]
struct Process {
    pid: Pid,
    tasks: u64,
}

/// Whether to visit more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Going {
    On,
    Stop,
}

/// Whether there are more than `most` processes and threads below `root`. Those that ended and
/// were not reaped count as well: they too take a place in the kernel's table. Stops at the first
/// too many, since a bomb grows faster than it can be counted.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn exceeds(root: Pid, most: u64) -> io::Result<bool> {
    let mut count: u64 = 0;
    visit(root, |process| {
        count = count.saturating_add(process.tasks);
        Ok(if count > most { Going::Stop } else { Going::On })
    })?;
    Ok(count > most)
}

/// Reaps what has ended. Returns whether any child is left.
///
/// # Errors
/// When the kernel does not answer.
pub fn reap(mut each: impl FnMut(Pid, WaitStatus)) -> io::Result<bool> {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) => each(pid, status),
            Ok(None) => return Ok(true),
            Err(Errno::CHILD) => return Ok(false),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Kills everything below this process and reaps it. Returns when nothing is left.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn end() -> io::Result<()> {
    while reap(|_, _| {})? {
        kill_below(getpid())?;
        sleep(PASS_PAUSE);
    }
    Ok(())
}

/// Kills a whole group. The kernel signals all members at once, and none can fork meanwhile, so
/// a bomb that stays in its group ends here, however large it is.
///
/// # Errors
/// When the kernel does not answer.
pub fn kill_group(group: Pid) -> io::Result<()> {
    ignore_gone(kill_process_group(group, Signal::KILL))
}

/// One pass over everything below `root`, killing as it goes. Groups as well as processes; all
/// groups of a cell are of its own making, since its session is.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn kill_below(root: Pid) -> io::Result<()> {
    let own = getpgrp();
    visit(root, |process| {
        if let Some(group) = group_of(process.pid).filter(|group| *group != own) {
            kill_group(group)?;
        }
        ignore_gone(kill_process(process.pid, Signal::KILL))?;
        Ok(Going::On)
    })
}

/// That a process is gone, or that its id now belongs to somebody whom the kernel protects from
/// us, is what we want.
fn ignore_gone(sent: rustix::io::Result<()>) -> io::Result<()> {
    match sent {
        Ok(()) | Err(Errno::SRCH | Errno::PERM) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Shows `each` everything below `root`. What appears meanwhile may be missed.
fn visit(root: Pid, mut each: impl FnMut(Process) -> io::Result<Going>) -> io::Result<()> {
    let mut rest = children_of(root)?.0;
    while let Some(pid) = rest.pop() {
        // Read before it is shown: the children of a killed process are no longer below it.
        let (children, tasks) = children_of(pid)?;
        rest.extend(children);
        if each(Process { pid, tasks })? == Going::Stop {
            break;
        }
    }
    Ok(())
}

/// Children and number of threads of one process; none of both when it is gone.
fn children_of(pid: Pid) -> io::Result<(Vec<Pid>, u64)> {
    let threads = match fs::read_dir(format!("/proc/{pid}/task")) {
        Ok(threads) => threads,
        Err(error) if is_gone(&error) => return Ok((Vec::new(), 0)),
        Err(error) => return Err(error),
    };
    let mut children = Vec::new();
    let mut tasks = 0;
    for thread in threads {
        let thread = match thread {
            Ok(thread) => thread,
            Err(error) if is_gone(&error) => break,
            Err(error) => return Err(error),
        };
        tasks += 1;
        match fs::read_to_string(thread.path().join("children")) {
            Ok(text) => children.extend(pids(&text)),
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok((children, tasks))
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH))
}

fn pids(text: &str) -> impl Iterator<Item = Pid> {
    text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).filter_map(Pid::from_raw)
}

fn group_of(pid: Pid) -> Option<Pid> {
    rustix::process::getpgid(Some(pid)).ok()
}

/// Whether the kernel lists the children of a process (`CONFIG_PROC_CHILDREN`), without which a
/// tree cannot be followed.
pub fn can_be_followed() -> bool {
    let own = getpid();
    fs::metadata(format!("/proc/{own}/task/{own}/children")).is_ok()
}
