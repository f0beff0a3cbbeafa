//! Tools at work while somebody swaps directories for links under them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::json;

use crate::tools::fixture::Bench;

const RACE: Duration = Duration::from_millis(700);

/// Exchanges two names without pause until it is dropped.
struct Swapper {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Swapper {
    fn start(a: PathBuf, b: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE).unwrap();
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Swapper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}

/// Calls `attempt` until the time is over and it both succeeded and was refused: then there was a
/// race to win or to lose.
fn race(mut attempt: impl FnMut(usize) -> bool) {
    let started = Instant::now();
    let (mut done, mut refused) = (0_usize, 0_usize);
    while started.elapsed() < RACE || (started.elapsed() < 20 * RACE && (done == 0 || refused == 0))
    {
        if attempt(done + refused) {
            done += 1;
        } else {
            refused += 1;
        }
    }
    assert!(done > 0 && refused > 0, "no race: {done} done, {refused} refused");
}

fn names(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn reading_never_follows_a_link_out() {
    let bench = Bench::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("file"), "secret").unwrap();
    bench.file("sub/file", "plain");
    symlink(outside.path(), bench.path("link")).unwrap();
    let _swapper = Swapper::start(bench.path("sub"), bench.path("link"));
    race(|n| {
        let output = match n % 3 {
            0 => bench.call("read_text", json!({"path": "sub/file"})),
            1 => bench.call("search_text", json!({"path": "sub/file", "pattern": "."})),
            _ => bench.call("list_dir", json!({"path": "sub"})),
        };
        let text = serde_json::to_string(&output.data).unwrap();
        assert!(!text.contains("secret") && !text.contains("\"bytes\":6"), "escaped: {text}");
        output.error.is_none()
    });
}

#[test]
fn writing_never_follows_a_link_out() {
    let bench = Bench::new();
    let outside = tempfile::tempdir().unwrap();
    bench.file("sub/file", "plain");
    symlink(outside.path(), bench.path("link")).unwrap();
    let _swapper = Swapper::start(bench.path("sub"), bench.path("link"));
    race(|n| {
        let path = if n % 2 == 0 { format!("sub/f{}", n % 50) } else { format!("sub/d{n}/f") };
        let output = bench.call("write_text", json!({"path": path, "text": "x"}));
        assert_eq!(names(outside.path()), Vec::<String>::new(), "escaped with {path}");
        output.error.is_none()
    });
}

#[test]
fn writing_never_reaches_what_governs() {
    let bench = Bench::new();
    bench.file("policies/a.yaml", "schema: 1");
    bench.file("sub/a.yaml", "plain");
    symlink("policies", bench.path("link")).unwrap();
    let _swapper = Swapper::start(bench.path("sub"), bench.path("link"));
    race(|n| {
        let path = if n % 2 == 0 { "sub/a.yaml".to_owned() } else { format!("sub/d{n}/x.yaml") };
        let output = bench.call("write_text", json!({"path": path, "text": "rules: []"}));
        assert_eq!(names(&bench.path("policies")), ["a.yaml"], "a new file with {path}");
        let text = fs::read_to_string(bench.path("policies/a.yaml")).unwrap();
        assert_eq!(text, "schema: 1");
        output.error.is_none()
    });
}

#[test]
fn a_file_swapped_for_a_link_is_not_written_through() {
    let bench = Bench::new();
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("victim");
    fs::write(&victim, "kept").unwrap();
    bench.file("file", "plain");
    symlink(&victim, bench.path("link")).unwrap();
    let swapper = Swapper::start(bench.path("file"), bench.path("link"));
    let started = Instant::now();
    // A write that wins replaces the link by a file, so there may be nothing left to swap.
    while started.elapsed() < RACE {
        bench.call("write_text", json!({"path": "file", "text": "x"}));
        bench.call("write_text", json!({"path": "file", "text": "x", "mode": "append"}));
        assert_eq!(fs::read_to_string(&victim).unwrap(), "kept");
    }
    drop(swapper);
}
