//! Broken and half-broken rules thrown at a running daemon: whatever is in force is sound by itself, and
//! nobody who asks for a decision meanwhile is turned away or kept waiting.
//!
//! Of every mutation the daemon has to say what it was expected to say: that it is in force, or every
//! mistake that was found in it beside the daemon. `BAILIWICK_SOAK_MUTATIONS=1000` says how many; without
//! it a few are enough.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bailiwick::contracts::{Diagnostic, Severity};
use bailiwick::live::read_rules;
use bailiwick::policy::{
    Options, ReadFiles, Source, SourceKind, built_in, check_tests, compile_with,
};
use bailiwick::ports::Vocabulary;
use serde_json::{Value, json};

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
/// After how many mutations it is said how it goes.
const PROGRESS: usize = 100;
/// Between two questions of the prober.
const PACE: Duration = Duration::from_millis(100);

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

/// Judges the files by themselves and without the daemon, in a directory beside its own.
struct Judge {
    dir: PathBuf,
    vocabulary: Vocabulary,
    options: Options,
    /// So that a mutation of one file reads no other again.
    known: ReadFiles,
}

impl Judge {
    fn new(dir: PathBuf) -> Self {
        let tools = bailiwick::tools::vocabulary();
        let tools = tools.tools().map(|it| it.as_ref().clone());
        let options = Options { trusted: true, ..Options::default() };
        Self { dir, vocabulary: Vocabulary::new(tools), options, known: ReadFiles::default() }
    }

    /// Every mistake that keeps the files out of force.
    fn mistakes(&mut self) -> Vec<Mistake> {
        let (own, mut found) = read_rules(&self.dir, "policies");
        if found.is_empty() {
            found = self.of_rules(&own);
        }
        let errors = found.iter().filter(|found| found.severity == Severity::Error);
        errors.take(SHOWN_MAX).map(mistake).collect()
    }

    fn of_rules(&mut self, own: &[Source]) -> Vec<Diagnostic> {
        if let Err(found) = compile_with(&mut self.known, own, &self.vocabulary, &self.options) {
            return found;
        }
        let mut all = own.to_vec();
        all.extend(built_in());
        match compile_with(&mut self.known, &all, &self.vocabulary, &self.options) {
            Ok(set) => check_tests(&set, own),
            Err(found) => found,
        }
    }
}

/// Most mistakes that the daemon shows.
const SHOWN_MAX: usize = 100;

/// A mistake as the daemon shows it, without its words.
type Mistake = (String, String, u64);

fn mistake(found: &Diagnostic) -> Mistake {
    (found.code.clone(), found.file.clone(), u64::from(found.line))
}

fn shown(found: &Value) -> Mistake {
    let text = |key: &str| found[key].as_str().unwrap().to_owned();
    (text("code"), text("file"), found["line"].as_u64().unwrap())
}

/// What the prober saw.
#[derive(Debug, Default)]
struct Seen {
    hashes: BTreeSet<String>,
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
            seen.runs += 1;
            thread::sleep(PACE);
        }
        seen
    })
}

/// How the rules stand in the daemon: their hash, and the mistakes in the files.
fn standing(daemon: &Daemon) -> (String, Vec<Mistake>) {
    let ready = daemon.get("/readyz");
    assert_eq!(ready.status, 200, "{ready:?}");
    let policy = &ready.body["policy"];
    if policy["errors"] == 0 {
        return (policy["hash"].as_str().unwrap().to_owned(), Vec::new());
    }
    let rules = daemon.get("/policies").body;
    let errors = rules["errors"].as_array().unwrap().iter().take(SHOWN_MAX);
    (rules["policy_hash"].as_str().unwrap().to_owned(), errors.map(shown).collect())
}

/// Puts a file into its place at once, as editors do.
fn put(dir: &Path, name: &str, bytes: &[u8]) {
    let beside = dir.parent().unwrap().join("new-rules");
    fs::write(&beside, bytes).unwrap();
    fs::rename(&beside, dir.join(name)).unwrap();
}

/// Waits until the daemon stands as it should.
#[track_caller]
fn wait_for(
    daemon: &Daemon,
    what: &str,
    wanted: impl Fn(&(String, Vec<Mistake>)) -> bool,
) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        let now = standing(daemon);
        if wanted(&now) {
            return now.0;
        }
        assert!(Instant::now() < until, "{what}: {now:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Memory in use, in bytes.
fn resident(daemon: &Daemon) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1_024
}

/// How long it took until the daemon said what became of an edit, of those that changed what it says.
#[derive(Debug, Default)]
struct Tally {
    taken: Vec<Duration>,
    refused: Vec<Duration>,
}

impl Tally {
    /// How it stands, for people.
    fn said(&mut self) -> String {
        let (taken, refused) = (summed_up(&mut self.taken), summed_up(&mut self.refused));
        format!("until an edit was in force: {taken}; until it was refused: {refused}")
    }
}

/// Median and slowest, for people.
fn summed_up(times: &mut [Duration]) -> String {
    times.sort_unstable();
    match times {
        [] => "none".to_owned(),
        [.., slowest] => {
            let slowest = *slowest;
            format!(
                "{} (median {:.0?}, slowest {slowest:.0?})",
                times.len(),
                times[times.len() / 2]
            )
        }
    }
}

/// The daemon under edits, and what is in force in it.
struct Rig<'a> {
    daemon: &'a Daemon,
    dir: &'a Path,
    judge: Judge,
    /// The hash in force, and every one that was.
    good: String,
    all_good: BTreeSet<String>,
    /// What is wrong with the files as they lie there.
    mistakes: Vec<Mistake>,
    tally: Tally,
}

impl Rig<'_> {
    /// Puts `bytes` in the place of a file, `in_force` being those of it that count now, and waits
    /// until the daemon says what it must. Gives whether they count.
    fn edit(&mut self, what: &str, name: &str, bytes: &[u8], in_force: &[u8]) -> bool {
        // Of files that say the same, and of tests, the hash says nothing.
        let same = bytes == in_force || is_tests(name);
        put(&self.judge.dir, name, bytes);
        let mistakes = self.judge.mistakes();
        let told = !same || mistakes != self.mistakes;
        let good = self.good.clone();
        let began = Instant::now();
        put(self.dir, name, bytes);
        if mistakes.is_empty() {
            self.good = wait_for(self.daemon, &format!("{what} is sound"), |(hash, errors)| {
                errors.is_empty() && (*hash == good) == same
            });
            self.all_good.insert(self.good.clone());
            self.tally.taken.extend(told.then(|| began.elapsed()));
        } else {
            let hash = wait_for(self.daemon, &format!("{what} has {mistakes:?}"), |(_, errors)| {
                *errors == mistakes
            });
            assert_eq!(hash, good, "{what} is in force with {mistakes:?}");
            self.tally.refused.extend(told.then(|| began.elapsed()));
        }
        self.mistakes = mistakes;
        self.mistakes.is_empty()
    }
}

fn is_tests(name: &str) -> bool {
    let (path, bytes) = (name.to_owned(), Vec::new());
    let source = Source { layer: bailiwick::policy::Layer::Workspace, path, bytes };
    source.kind() == SourceKind::Tests
}

/// The rules as they were shipped, and ours beside them: name and text of each file.
fn shipped(dir: &Path) -> Vec<(String, String)> {
    let (sources, mistakes) = read_rules(dir, "policies");
    assert_eq!(mistakes, []);
    let named = |source: Source| {
        let name = source.path.rsplit('/').next().unwrap().to_owned();
        (name, String::from_utf8(source.bytes).unwrap())
    };
    sources.into_iter().map(named).collect()
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
    let shipped = shipped(&dir);
    let mut judge = Judge::new(space.outside().join("judged"));
    fs::create_dir(&judge.dir).unwrap();
    shipped.iter().for_each(|(name, text)| fs::write(judge.dir.join(name), text).unwrap());
    assert_eq!(judge.mistakes(), []);

    let daemon = Daemon::start(&space);
    let first = wait_for(&daemon, "the rules", |(_, errors)| errors.is_empty());
    let prober = probe(daemon.url.clone(), &STOP);
    let (mut dice, mut before, mut counts) = (Dice(42), 0, [0, 0]);
    let all_good = BTreeSet::from([first.clone()]);
    let mut rig = Rig {
        daemon: &daemon,
        dir: &dir,
        judge,
        good: first,
        all_good,
        mistakes: Vec::new(),
        tally: Tally::default(),
    };
    let began = Instant::now();
    for (file, (name, text)) in shipped.iter().enumerate() {
        let mut in_force = text.clone().into_bytes();
        for number in (0..wanted).filter(|number| number * shipped.len() / wanted == file) {
            if number == WARM_UP {
                before = resident(&daemon);
            }
            // Every mutation is one of what was shipped.
            let bytes = mutated(&mut dice, text);
            if rig.edit(&format!("mutation {number} of {name}"), name, &bytes, &in_force) {
                in_force = bytes;
            }
            counts[usize::from(!rig.mistakes.is_empty())] += 1;
            if (number + 1) % PROGRESS == 0 {
                eprintln!(
                    "{} mutations in {:.1?}: {}",
                    number + 1,
                    began.elapsed(),
                    rig.tally.said()
                );
            }
        }
        assert!(rig.edit(&format!("{name} as shipped"), name, text.as_bytes(), &in_force));
    }
    STOP.store(true, Ordering::SeqCst);
    let seen = prober.join().unwrap();
    let strange: Vec<&String> = seen.hashes.difference(&rig.all_good).collect();
    assert!(strange.is_empty(), "in force and not known to be sound: {strange:?}");
    let (mut tally, after) = (rig.tally, resident(&daemon));
    let [sound, broken] = counts;
    eprintln!(
        "{wanted} mutations in {:.1?}: {sound} sound, {broken} broken, none of these in force; {}; {} runs beside them, the slowest {:.1?}; memory {} -> {} KiB",
        began.elapsed(),
        tally.said(),
        seen.runs,
        seen.slowest,
        before / 1_024,
        after / 1_024,
    );
    assert!(broken > 0 && seen.runs > 0, "{seen:?}");
    assert!(after < before + GROWTH_BYTES_MAX, "{before} -> {after}");
    assert_eq!(daemon.stop(), 0);
    // Every edit stands in the journal of the system.
    space.run(&["verify"]).expect(0);
}
