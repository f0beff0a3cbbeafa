//! Many calls leave nothing: no descriptors, mounts, control groups, children or files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bailiwick::ports::{Cancel, Ending, Sandbox};
use bailiwick::sandbox::{LinuxSandbox, SandboxOptions};

use super::{BINARY, eventually, place, shell, text};

/// Calls at once.
const BATCH: usize = 32;
/// Calls in the short version; `BAILIWICK_SOAK_CELLS` asks for another number.
const CALLS: usize = 200;
/// What has not changed for so long does not change by itself any more.
const SETTLED: Duration = Duration::from_millis(300);
/// Names a directory of control groups that belongs to this program.
const GROUP_PREFIX: &str = "bailiwick";

/// Other tests of the same process open and close descriptors: the work is done in one of its own.
#[test]
#[allow(clippy::disallowed_methods, reason = "the test starts itself once more")]
fn many_calls_at_once_leave_nothing() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sandbox::residue::batches_of_calls", "--ignored", "--nocapture"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// What this process has open, mounted, started and made.
#[derive(Debug, PartialEq, Eq)]
struct Traces {
    descriptors: usize,
    mounts: usize,
    groups: usize,
    children: usize,
    files: usize,
}

impl Traces {
    fn now(scratch: &Path) -> Self {
        Self {
            descriptors: fs::read_dir("/proc/self/fd").unwrap().count(),
            mounts: fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count(),
            groups: groups(Path::new("/sys/fs/cgroup"), 6),
            children: children().len(),
            files: fs::read_dir(scratch).unwrap().count(),
        }
    }

    /// Groups of a burst may go later than its calls, so there may be fewer of them than `before`.
    fn added_nothing_to(&self, before: &Self) -> bool {
        let rest = Self { groups: before.groups, ..*self };
        rest == *before && self.groups <= before.groups
    }
}

/// Every child of every thread, zombies among them.
fn children() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    // A thread may end while it is looked at.
    let of = |task: fs::DirEntry| fs::read_to_string(task.path().join("children")).ok();
    let lists: Vec<String> = tasks.filter_map(of).collect();
    lists.iter().flat_map(|list| list.split_ascii_whitespace()).map(str::to_owned).collect()
}

fn groups(place: &Path, depth: usize) -> usize {
    let Ok(entries) = fs::read_dir(place) else { return 0 };
    let directories: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect();
    let own = |path: &&PathBuf| {
        let mine = format!("{GROUP_PREFIX}-{}-", std::process::id());
        path.file_name().is_some_and(|name| name.to_string_lossy().contains(&mine))
    };
    let below: usize = match depth {
        0 => 0,
        _ => directories.iter().map(|directory| groups(directory, depth - 1)).sum(),
    };
    directories.iter().filter(own).count() + below
}

fn batch(sandbox: &Arc<LinuxSandbox>, size: usize) {
    let threads: Vec<_> = (0..size)
        .map(|number| {
            let sandbox = Arc::clone(sandbox);
            thread::spawn(move || {
                let mut spec = shell(&format!("echo x > $TMPDIR/f; (sleep 50 &); exit {number}"));
                spec.limits.output_bytes = 1 << 10;
                let output = sandbox.run(&spec, &Cancel::default()).unwrap();
                assert_eq!(output.ending, Ending::Exited(i32::try_from(number).unwrap()));
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
#[ignore = "started by `many_calls_at_once_leave_nothing`, in a process of its own"]
fn batches_of_calls() {
    let scratch = place();
    let asked = std::env::var("BAILIWICK_SOAK_CELLS").ok().and_then(|text| text.parse().ok());
    let calls: usize = asked.unwrap_or(CALLS);
    let untouched = Traces::now(&scratch.path);
    let sandbox = Arc::new(LinuxSandbox::new(SandboxOptions {
        helper: PathBuf::from(BINARY),
        scratch: scratch.path.clone(),
        ..SandboxOptions::this_program(Vec::new())
    }));
    // What is made once, at first use, may stay as long as the sandbox does.
    batch(&sandbox, BATCH);
    // Groups of a burst go with a later call, once the kernel is done with them.
    let settled = || {
        batch(&sandbox, 1);
        let before = Traces::now(&scratch.path);
        thread::sleep(SETTLED);
        Traces::now(&scratch.path) == before
    };
    assert!(eventually(settled));
    let after_one = Traces::now(&scratch.path);
    let mut left = calls;
    while left > 0 {
        batch(&sandbox, left.min(BATCH));
        left = left.saturating_sub(BATCH);
    }
    let added_nothing = || {
        batch(&sandbox, 1);
        Traces::now(&scratch.path).added_nothing_to(&after_one)
    };
    assert!(eventually(added_nothing), "{after_one:?} became {:?}", Traces::now(&scratch.path));
    drop(sandbox);
    let nothing = || Traces::now(&scratch.path) == untouched;
    assert!(eventually(nothing), "{untouched:?} became {:?}", Traces::now(&scratch.path));
    eprintln!("{calls} calls: {untouched:?}");
}
