//! Broken and half-broken rules thrown at a running daemon: whatever is in force is sound by itself, and
//! nobody who asks for a decision meanwhile is turned away or kept waiting.
//!
//! `BAILIWICK_SOAK_MUTATIONS=1000` says how many; without it a few are enough.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bailiwick::contracts::Severity;
use bailiwick::orchestrator::memory_write;
use bailiwick::policy::{Layer, Options, Source, built_in, check_tests, compile};
use bailiwick::ports::Vocabulary;
use serde_json::json;

use super::daemon_space::{Daemon, PATIENCE, call};
use super::harness::Space;

/// Looks at a directory: one decision.
const LOOK: &str = r#"schema: 1
name: look
description: Looks.
permissions: { tools: [list_dir], read: ["."] }
steps:
  - { id: look, tool: list_dir, args: { path: "." } }
"#;

/// What must stay so whatever else is edited.
const TESTS: &str = r#"schema: 1
cases:
  - name: agents do not read secrets
    request: { tool: read_text, args: { path: "~/.ssh/id_ed25519" } }
    expect: { verdict: deny }
  - name: what governs the runner is not written
    request: { tool: write_text, args: { path: "policies/x.yaml", text: x } }
    expect: { verdict: deny }
  - name: a tree outside is not removed
    request: { tool: shell_exec, args: { command: ["rm", "-rf", "/"] } }
    expect: { verdict: deny }
  - name: looking is allowed
    request: { tool: list_dir, args: { path: "." } }
    expect: { verdict: allow }
"#;

/// The longest that anything asked of the daemon may take, in a debug build on a busy machine.
const LATE: Duration = Duration::from_secs(10);
/// The most that the daemon may grow by.
const GROWTH_BYTES_MAX: u64 = 96 << 20;
/// Mutations before its memory is measured first.
const WARM_UP: usize = 5;

/// Numbers that look random and are the same each time (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound.max(1) as u64).unwrap()
    }
}

/// A file as somebody might leave it by mistake or on purpose.
fn mutated(dice: &mut Dice, text: &str) -> Vec<u8> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let (at, other) = (dice.below(lines.len()), dice.below(lines.len()));
    let swap = |from: &str, to: &str| text.replacen(from, to, 1).into_bytes();
    match dice.below(18) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(other, lines[at].clone()),
        2 => lines.swap(at, other),
        3 | 4 => {
            let mut words: Vec<String> = lines[at].split(' ').map(str::to_owned).collect();
            let (one, two) = (dice.below(words.len()), dice.below(words.len()));
            words.swap(one, two);
            lines[at] = words.join(" ");
        }
        5 => {
            let mut words: Vec<&str> = text.split(' ').collect();
            words.remove(dice.below(words.len()));
            return words.join(" ").into_bytes();
        }
        6 => return text.as_bytes()[..dice.below(text.len())].to_vec(),
        7 | 8 => {
            let mut bytes = text.as_bytes().to_vec();
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
            return bytes;
        }
        9 => {
            return (0..dice.below(4_096))
                .map(|_| u8::try_from(dice.below(256)).unwrap())
                .collect();
        }
        10 => return vec![b'#'; (1 << 20) + 1 + dice.below(1 << 20)],
        11 => lines.extend(lines.clone().into_iter().skip(2)),
        12 => return swap("effect: deny", "effect: allow"),
        13 => return text.replace("effect: deny", "effect: allow").into_bytes(),
        14 => return swap("reason: ", "reason: \"\" # "),
        15 => return Vec::new(),
        16 => return swap("deny(", "allow("),
        _ => lines[at].push_str("  # looked at"),
    }
    (lines.join("\n") + "\n").into_bytes()
}

/// The rules of the workspace, as they lie there.
fn sources(dir: &Path) -> Option<Vec<Source>> {
    let mut names: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|it| it.unwrap().path()).collect();
    names.sort();
    let source = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap();
        let shown = format!("policies/{}", path.file_name().unwrap().to_string_lossy());
        (bytes.len() <= 1 << 20).then_some(Source { layer: Layer::Workspace, path: shown, bytes })
    };
    names.iter().map(source).collect()
}

/// Whether the files pass every check by themselves, told without the daemon.
fn is_sound(dir: &Path, vocabulary: &Vocabulary) -> bool {
    let Some(own) = sources(dir) else { return false };
    let options = Options { trusted: true, ..Options::default() };
    if compile(&own, vocabulary, &options).is_err() {
        return false;
    }
    let mut all = own.clone();
    all.extend(built_in());
    let Ok(set) = compile(&all, vocabulary, &options) else { return false };
    check_tests(&set, &own).iter().all(|found| found.severity != Severity::Error)
}

/// What the prober saw.
#[derive(Debug, Default)]
struct Seen {
    hashes: BTreeSet<String>,
    asked: u64,
    runs: u64,
    slowest: Duration,
}

/// Asks all the time, and fails as soon as an answer is wrong or late.
fn probe(url: String, stop: &'static AtomicBool) -> JoinHandle<Seen> {
    thread::spawn(move || {
        let mut seen = Seen::default();
        while !stop.load(Ordering::SeqCst) {
            let began = Instant::now();
            let rules = call(&url, None, "GET", "/policies", None).unwrap();
            assert_eq!(rules.status, 200, "{rules:?}");
            seen.hashes.insert(rules.body["policy_hash"].as_str().unwrap().to_owned());
            assert!(!rules.body["items"].as_array().unwrap().is_empty());
            let task = json!({ "playbook": "look", "inputs": {} });
            let taken = call(&url, None, "POST", "/tasks", Some(&task)).unwrap();
            assert_eq!(taken.status, 202, "{taken:?}");
            let run = taken.body["run_id"].as_str().unwrap().to_owned();
            loop {
                let shown = call(&url, None, "GET", &format!("/runs/{run}"), None).unwrap();
                let status = shown.body["status"].as_str().unwrap().to_owned();
                assert!(status != "failed", "{shown:?}");
                // The tests of the rules say that looking is allowed.
                if status == "succeeded" {
                    break;
                }
                assert!(began.elapsed() < LATE, "{shown:?}");
                thread::sleep(Duration::from_millis(5));
            }
            seen.slowest = seen.slowest.max(began.elapsed());
            seen.asked += 1;
            seen.runs += 1;
            thread::sleep(Duration::from_millis(50));
        }
        seen
    })
}

/// How the rules stand in the daemon: their hash, and how many mistakes there are.
fn standing(daemon: &Daemon) -> (String, u64) {
    let ready = daemon.get("/readyz");
    assert_eq!(ready.status, 200, "{ready:?}");
    let policy = &ready.body["policy"];
    (policy["hash"].as_str().unwrap().to_owned(), policy["errors"].as_u64().unwrap())
}

/// Puts a file into its place at once, as editors do.
fn put(dir: &Path, name: &str, bytes: &[u8]) {
    let beside = dir.parent().unwrap().join("new-rules");
    fs::write(&beside, bytes).unwrap();
    fs::rename(&beside, dir.join(name)).unwrap();
}

/// Waits until the daemon stands as it should.
#[track_caller]
fn wait_for(daemon: &Daemon, what: &str, wanted: impl Fn(&(String, u64)) -> bool) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        let now = standing(daemon);
        if wanted(&now) {
            return now.0;
        }
        assert!(Instant::now() < until, "{what}: {now:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Memory in use, in bytes.
fn resident(daemon: &Daemon) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1_024
}

#[test]
fn no_mutation_of_the_rules_gets_into_force_unless_it_is_sound() {
    static STOP: AtomicBool = AtomicBool::new(false);
    let wanted = std::env::var("BAILIWICK_SOAK_MUTATIONS").map_or(8, |it| it.parse().unwrap());
    let space = Space::new();
    space.run(&["init"]).expect(0);
    space.write("playbooks/look.yaml", LOOK);
    let dir = space.path("policies");
    space.write("policies/90-mine_test.yaml", TESTS);
    space.run(&["trust"]).expect(0);
    let tools = bailiwick::tools::vocabulary();
    let vocabulary =
        Vocabulary::new(tools.tools().map(|it| it.as_ref().clone()).chain([memory_write()]));
    assert!(is_sound(&dir, &vocabulary));
    let shipped: Vec<(String, String)> = sources(&dir)
        .unwrap()
        .into_iter()
        .map(|it| {
            let name = it.path.rsplit('/').next().unwrap().to_owned();
            (name, String::from_utf8(it.bytes).unwrap())
        })
        .collect();

    let daemon = Daemon::start(&space);
    let first = wait_for(&daemon, "the rules", |(_, errors)| *errors == 0);
    let prober = probe(daemon.url.clone(), &STOP);
    let (mut dice, mut before, mut taken, mut refused) = (Dice(42), None, 0, 0);
    let (mut good, mut good_hashes) = (first.clone(), BTreeSet::from([first.clone()]));
    let began = Instant::now();
    for number in 0..wanted {
        if number == WARM_UP {
            before = Some(resident(&daemon));
        }
        let (name, text) = &shipped[number * shipped.len() / wanted];
        let bytes = mutated(&mut dice, text);
        put(&dir, name, &bytes);
        if is_sound(&dir, &vocabulary) {
            let as_it_was = bytes == text.as_bytes();
            let hash = wait_for(&daemon, &format!("mutation {number} of {name} is sound"), |now| {
                now.1 == 0 && (as_it_was || now.0 != good || name.contains("_test"))
            });
            good = hash;
            good_hashes.insert(good.clone());
            taken += 1;
        } else {
            let what = format!("mutation {number} of {name} is broken");
            let hash = wait_for(&daemon, &what, |(_, errors)| *errors > 0);
            assert_eq!(hash, good, "{what}");
            refused += 1;
        }
        // So that every mutation is of what was shipped, and what was seen between two is known.
        let last_of_file = (number + 1) * shipped.len() / wanted != number * shipped.len() / wanted;
        if last_of_file {
            put(&dir, name, text.as_bytes());
            good = wait_for(&daemon, "the shipped file", |(hash, errors)| {
                *errors == 0 && *hash == first
            });
        }
    }
    STOP.store(true, Ordering::SeqCst);
    let seen = prober.join().unwrap();
    let strange: Vec<&String> = seen.hashes.difference(&good_hashes).collect();
    assert!(strange.is_empty(), "in force and not known to be sound: {strange:?}");
    let (before, after) = (before.unwrap_or_default(), resident(&daemon));
    eprintln!(
        "{wanted} mutations in {:.1?}: {taken} taken, {refused} refused; {} runs beside them, the slowest {:.1?}; memory {} -> {} KiB",
        began.elapsed(),
        seen.runs,
        seen.slowest,
        before / 1_024,
        after / 1_024,
    );
    assert!(refused > 0 && seen.asked > 0, "{seen:?}");
    assert!(after < before + GROWTH_BYTES_MAX, "{before} -> {after}");
    assert_eq!(daemon.stop(), 0);
    // Every edit stands in the journal of the system.
    space.run(&["verify"]).expect(0);
}
