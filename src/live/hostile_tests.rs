//! What people and programs do to a directory of rules while a thread watches it: whoever decides gets
//! the same answer all the time, and soon.

use std::fs;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

use super::edit_tests::within_a_second;
use super::tests::{Ground, NO_REPORTS};
use super::{LivePolicy, PolicyWatch};
use crate::contracts::Effect;

/// What somebody does to `policies/`, how it is undone, and what is said meanwhile.
type Hostile = (&'static str, fn(&Path), fn(&Path), &'static str);

/// As somebody breaks a directory, and not only its text. `own.yaml` is what decides.
const HOSTILE: [Hostile; 10] = [
    (
        "a pipe",
        |dir| fifo(&dir.join("a.yaml")),
        |dir| remove(&dir.join("a.yaml")),
        "no regular file",
    ),
    ("a pipe in place of a file", |dir| swap(dir, fifo), restore, "no regular file"),
    ("a link out", |dir| swap(dir, |own| link("../../outside.yaml", own)), restore, "symlink"),
    ("a link to nothing", |dir| swap(dir, |own| link("gone", own)), restore, "No such file"),
    ("a link to itself", |dir| swap(dir, |own| link("own.yaml", own)), restore, "symbolic links"),
    ("a directory in place of a file", |dir| swap(dir, mkdir), restore, "no regular file"),
    (
        "2 MiB",
        |dir| fs::write(dir.join("a.yaml"), vec![b'#'; 2 << 20]).unwrap(),
        |dir| remove(&dir.join("a.yaml")),
        "more than 1048576 bytes",
    ),
    (
        "the directory is a link",
        |dir| {
            away(dir);
            link("away", dir)
        },
        |dir| {
            remove(dir);
            back(dir)
        },
        "symlink",
    ),
    (
        "the directory is a file",
        |dir| {
            away(dir);
            fs::write(dir, "x").unwrap()
        },
        |dir| {
            remove(dir);
            back(dir)
        },
        "no directory",
    ),
    ("no directory", away, back, "gone"),
];

fn fifo(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR, 0).unwrap();
}

fn link(to: &str, path: &Path) {
    std::os::unix::fs::symlink(to, path).unwrap();
}

fn mkdir(path: &Path) {
    fs::create_dir(path).unwrap();
}

fn remove(path: &Path) {
    let dir = fs::symlink_metadata(path).unwrap().is_dir();
    if dir { fs::remove_dir(path).unwrap() } else { fs::remove_file(path).unwrap() }
}

fn swap(dir: &Path, put: impl FnOnce(&Path)) {
    fs::rename(dir.join("own.yaml"), dir.join("own.kept")).unwrap();
    put(&dir.join("own.yaml"));
}

fn restore(dir: &Path) {
    remove(&dir.join("own.yaml"));
    fs::rename(dir.join("own.kept"), dir.join("own.yaml")).unwrap();
}

fn away(dir: &Path) {
    fs::rename(dir, dir.with_file_name("away")).unwrap();
}

fn back(dir: &Path) {
    fs::rename(dir.with_file_name("away"), dir).unwrap();
}

/// Decides all the time; the longest that one decision took, and how many there were.
fn deciding(ground: &Ground, live: &LivePolicy, stop: &AtomicBool) -> (Duration, usize) {
    let (mut slowest, mut count) = (Duration::ZERO, 0);
    while !stop.load(Ordering::Acquire) {
        let began = Instant::now();
        assert_eq!(ground.write(live, "reports/a.md").effect, Effect::Deny);
        slowest = slowest.max(began.elapsed());
        count += 1;
        std::thread::sleep(Duration::from_millis(1));
    }
    (slowest, count)
}

/// Decides all the time while `edits` are made.
fn while_deciding(ground: &Ground, live: &LivePolicy, edits: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    let (slowest, count) = std::thread::scope(|scope| {
        let deciding = scope.spawn(|| deciding(ground, live, &stop));
        let done = catch_unwind(AssertUnwindSafe(edits));
        stop.store(true, Ordering::Release);
        let seen = deciding.join().unwrap();
        done.unwrap_or_else(|panic| resume_unwind(panic));
        seen
    });
    assert!(count > 10 && slowest < Duration::from_secs(1), "{count} decisions, {slowest:?}");
}

#[test]
fn decisions_go_on_whatever_is_done_to_the_directory_under_a_watch() {
    let ground = Ground::bare();
    ground.put("outside.yaml", NO_REPORTS);
    ground.put("ws/policies/own.yaml", NO_REPORTS);
    let live = Arc::new(ground.open(true));
    let _watch = PolicyWatch::start(Arc::clone(&live)).unwrap();
    let (dir, good) = (ground.dir.path().join("ws/policies"), live.current().hash());
    while_deciding(&ground, &live, || {
        for (what, harm, mend, says) in HOSTILE {
            harm(&dir);
            let said = || live.errors().iter().any(|error| error.message.contains(says));
            within_a_second(&format!("{what}: `{says}`"), said);
            assert_eq!(live.current().hash(), good, "{what}");
            mend(&dir);
            within_a_second(&format!("the end of: {what}"), || live.errors().is_empty());
            assert_eq!(live.current().hash(), good, "{what}");
        }
    });
}

#[test]
fn an_edit_counts_whatever_the_clock_and_the_directory_do_meanwhile() {
    let ground = Ground::bare();
    ground.put("ws/policies/own.yaml", NO_REPORTS);
    let live = Arc::new(ground.open(true));
    let _watch = PolicyWatch::start(Arc::clone(&live)).unwrap();
    let dir = ground.dir.path().join("ws/policies");
    let mut text = NO_REPORTS.to_owned();
    while_deciding(&ground, &live, || {
        // Of the same length, and dated before, as it was, and long after what it replaces.
        for (word, days) in
            [("todaY", -20_000_i64), ("todAy", -20_000), ("tOday", 20_000), ("Today", 0)]
        {
            let (before, next) = (live.current().hash(), NO_REPORTS.replace("today", word));
            // In place: the same inode and the same length.
            let mut file = fs::File::options().write(true).open(dir.join("own.yaml")).unwrap();
            file.write_all(next.as_bytes()).unwrap();
            let now = UNIX_EPOCH + Duration::from_secs(86_400 * 25_000);
            let away = Duration::from_secs(86_400 * days.unsigned_abs());
            file.set_modified(if days < 0 { now - away } else { now + away }).unwrap();
            within_a_second(word, || live.current().hash() != before && live.errors().is_empty());
            text = next;
        }
        for number in 0..3 {
            // Another directory in its place, and one that was away for a moment.
            let before = live.current().hash();
            away(&dir);
            fs::create_dir(&dir).unwrap();
            text = NO_REPORTS.replace("today", &format!("for {number} days"));
            ground.put("ws/policies/own.yaml", &text);
            fs::remove_dir_all(dir.with_file_name("away")).unwrap();
            within_a_second("another directory", || {
                live.current().hash() != before && live.errors().is_empty()
            });
        }
    });
    assert!(ground.write(&live, "reports/a.md").reason.contains("for 2 days"), "{text}");
}

#[test]
fn thousands_of_rules_are_no_burden_for_who_decides() {
    // Without optimisation a few of them are enough to wait for.
    let each = if cfg!(debug_assertions) { 100 } else { 2_500 };
    let ground = Ground::bare();
    ground.put("ws/policies/own.yaml", NO_REPORTS);
    let live = Arc::new(ground.open(true));
    let _watch = PolicyWatch::start(Arc::clone(&live)).unwrap();
    let before = live.current().hash();
    let rules = |of: std::ops::Range<u32>| {
        let rule = |n: u32| {
            format!(
                "  - {{ id: r.n{n}, effect: deny, on: {{ tool: [write_text] }}, when: {{ path: {{ under: [n{n}] }} }}, reason: no, match: [ {{ tool: write_text, args: {{ path: n{n}/a, text: x }} }} ] }}\n"
            )
        };
        format!("schema: 1\nrules:\n{}", of.map(rule).collect::<String>())
    };
    while_deciding(&ground, &live, || {
        for part in 0..4 {
            let new = ground.dir.path().join("new");
            fs::write(&new, rules(part * each..(part + 1) * each)).unwrap();
            fs::rename(&new, ground.dir.path().join(format!("ws/policies/many{part}.yaml")))
                .unwrap();
        }
        let until = Instant::now() + Duration::from_secs(100);
        while live.current().hash() == before {
            assert!(Instant::now() < until, "{:?}", live.errors());
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(ground.write(&live, &format!("n{}/a", 4 * each - 1)).effect, Effect::Deny);
    });
}
