//! `just eval`: goals with checkable ends, through the program: planned by a script, without a model, and by
//! a small real model. Reports what succeeded, in `target/bench/eval.json` and in docs/benchmarks.md.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::harness::{Ran, Space};

const TASKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/eval");
/// Where the server of `tests/models/run.sh` is.
const SERVER: &str = "BAILIWICK_TEST_OLLAMA";
const TASKS_MIN: usize = 60;
const SMALL_MODEL: &str = "ollama/smollm2:135m";
/// A small model takes its time: it does each of so many tasks, and begins none after this.
const SMALL_EVERY: usize = 3;
const SMALL_WALL: Duration = Duration::from_secs(25 * 60);
/// Most tokens of its answers, and how many tools it is told of.
const SMALL_REPLY: &str = "320";
const SMALL_TOOLS: &str = "8";

/// A task.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Task {
    id: String,
    goal: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Whether the files are committed.
    #[serde(default)]
    git: bool,
    /// Rules to which a person says yes.
    #[serde(default)]
    approve: Vec<String>,
    /// What a model says that does it right.
    script: Value,
    check: Check,
}

/// How one sees that it was done.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    /// Exit codes, of which one has to come.
    exit: Vec<i32>,
    /// Files and what they are, or what they have in them.
    #[serde(default)]
    files: BTreeMap<String, Holds>,
    /// What is not there any more.
    #[serde(default)]
    gone: Vec<String>,
    /// What the report says.
    #[serde(default)]
    says: Vec<String>,
}

#[derive(Debug)]
enum Holds {
    Exactly(String),
    All(Vec<String>),
}

impl<'de> Deserialize<'de> for Holds {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::String(text) => Ok(Self::Exactly(text)),
            other => serde_json::from_value(other).map(Self::All).map_err(serde::de::Error::custom),
        }
    }
}

/// Who plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Planner {
    Scripted,
    None,
    Small,
}

impl Planner {
    const ALL: [(&'static str, Self); 3] =
        [("scripted", Self::Scripted), ("none", Self::None), ("small", Self::Small)];

    fn settings(self) -> Vec<(&'static str, String)> {
        match self {
            Self::Scripted => {
                vec![("BAILIWICK_MODELS__CHAT", "[scripted/logs/eval.yaml]".into())]
            }
            Self::None => Vec::new(),
            Self::Small => vec![
                ("BAILIWICK_MODELS__CHAT", format!("[{SMALL_MODEL}]")),
                ("BAILIWICK_MODELS__OLLAMA__URL", std::env::var(SERVER).unwrap()),
                ("BAILIWICK_MODELS__REPLY_TOKENS", SMALL_REPLY.into()),
                ("BAILIWICK_PLANNER__TOOLS", SMALL_TOOLS.into()),
                ("BAILIWICK_MODELS__TIMEOUT", "90s".into()),
                ("BAILIWICK_BUDGET__DEFAULT__WALL", "3m".into()),
            ],
        }
    }
}

/// What became of one task.
#[derive(Debug, Serialize)]
struct Outcome {
    task: String,
    planner: &'static str,
    ok: bool,
    exit: i32,
    /// Why it does not count as done.
    why: Option<String>,
    /// Answers of the model that were no plan.
    invalid_plans: u64,
    denied: u64,
    tokens: u64,
    seconds: f64,
}

#[test]
fn tasks_of_the_evaluation_are_whole() {
    let tasks = tasks();
    assert!(tasks.len() >= TASKS_MIN, "{} tasks", tasks.len());
    let mut ids: Vec<&str> = tasks.iter().map(|task| task.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), tasks.len(), "an id is there twice");
    for task in &tasks {
        let Check { files, gone, says, .. } = &task.check;
        let checkable = !(files.is_empty() && gone.is_empty() && says.is_empty());
        assert!(checkable, "`{}` cannot be checked", task.id);
        assert!(
            task.script.as_array().is_some_and(|it| it.len() > 1),
            "`{}` has no script",
            task.id
        );
    }
}

#[test]
#[ignore = "run by `just eval`"]
fn evaluation() {
    let wanted = std::env::var("BAILIWICK_EVAL").unwrap_or_else(|_| "scripted none small".into());
    let only = std::env::var("BAILIWICK_EVAL_TASKS").unwrap_or_default();
    let mut outcomes = Vec::new();
    for (name, planner) in Planner::ALL {
        if !wanted.split_whitespace().any(|it| it == name) {
            continue;
        }
        if planner == Planner::Small && std::env::var(SERVER).is_err() {
            eprintln!("skipped: small: {SERVER} is not set; see tests/models/run.sh");
            continue;
        }
        let is_small = planner == Planner::Small;
        if is_small {
            pulled(planner);
        }
        let begun = Instant::now();
        let chosen = tasks().into_iter().filter(|task| task.id.contains(&only));
        let every = if is_small && only.is_empty() { SMALL_EVERY } else { 1 };
        for task in chosen.step_by(every) {
            if is_small && begun.elapsed() > SMALL_WALL {
                eprintln!("{name:8} {:24} left out: there is no time", task.id);
                continue;
            }
            let task = &task;
            let outcome = done(task, name, planner);
            eprintln!(
                "{name:8} {:24} {} {}",
                outcome.task,
                if outcome.ok { "ok" } else { "--" },
                outcome.why.as_deref().unwrap_or_default()
            );
            outcomes.push(outcome);
        }
    }
    report(&outcomes);
    let wrong: Vec<&str> = outcomes
        .iter()
        .filter(|it| it.planner == "scripted" && !it.ok)
        .map(|it| it.task.as_str())
        .collect();
    assert!(wrong.is_empty(), "planned by a script, and not done: {wrong:?}");
}

/// A server that does not have the model would refuse every task, which says nothing about the model.
fn pulled(planner: Planner) {
    let space = Space::new();
    let mut command = space.command(&["models", "pull", SMALL_MODEL]);
    Ran::of(command.envs(planner.settings()).output().unwrap()).expect(0);
}

fn tasks() -> Vec<Task> {
    let mut paths: Vec<_> =
        std::fs::read_dir(TASKS).unwrap().map(|it| it.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|it| it == "yaml"));
    paths.sort();
    let read = |path: &Path| -> Vec<Task> {
        let text = std::fs::read_to_string(path).unwrap();
        serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    paths.iter().flat_map(|path| read(path)).collect()
}

fn done(task: &Task, name: &'static str, planner: Planner) -> Outcome {
    let space = Space::new();
    for (path, text) in &task.files {
        space.write(path, text);
    }
    if task.git {
        space.git(&["add", "."]);
        let who = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        space.git(&[&who[..], &["commit", "-qm", "begin", "--allow-empty"]].concat());
    }
    // Out of sight of the task, which may look at every file.
    space.write("logs/eval.yaml", &serde_json::to_string(&task.script).unwrap());
    let mut args = vec!["run", "--json", "--goal", &task.goal];
    for rule in &task.approve {
        args.extend(["--yes-approve", rule]);
    }
    let settings = planner.settings();
    let begun = Instant::now();
    let mut command = space.command(&args);
    let ran = Ran::of(command.envs(settings.clone()).output().unwrap());
    let seconds = rounded(begun.elapsed());
    let why = wrong(task, &space, &ran);
    let Asked { invalid_plans, denied, tokens } = asked(&space, &ran);
    let (task, ok, exit) = (task.id.clone(), why.is_none(), ran.code);
    Outcome { task, planner: name, ok, exit, why, invalid_plans, denied, tokens, seconds }
}

fn rounded(took: Duration) -> f64 {
    (took.as_secs_f64() * 10.0).round() / 10.0
}

/// Why it does not count as done.
fn wrong(task: &Task, space: &Space, ran: &Ran) -> Option<String> {
    let Check { exit, files, gone, says } = &task.check;
    if !exit.contains(&ran.code) {
        let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
        let error = || ran.stderr.lines().find(|line| line.starts_with("error"));
        let said = report["summary"].as_str().or_else(error).unwrap_or_default();
        return Some(format!("exit {}: {}", ran.code, said.chars().take(160).collect::<String>()));
    }
    for (path, holds) in files {
        let Ok(text) = std::fs::read_to_string(space.path(path)) else {
            return Some(format!("{path} is not there"));
        };
        let fits = match holds {
            Holds::Exactly(whole) => text == *whole,
            Holds::All(parts) => parts.iter().all(|part| text.contains(part)),
        };
        if !fits {
            return Some(format!("{path} is {:?}", text.chars().take(80).collect::<String>()));
        }
    }
    let there = gone.iter().find(|path| space.path(path).exists());
    let unsaid = says.iter().find(|part| !ran.stdout.contains(*part));
    there
        .map(|path| format!("{path} is still there"))
        .or_else(|| unsaid.map(|part| format!("`{part}` was not said")))
}

/// What the models of a run were asked and said.
#[derive(Default)]
struct Asked {
    /// Replies that were no plan.
    invalid_plans: u64,
    /// Calls that the rules refused, in a plan or when their turn came.
    denied: u64,
    /// Tokens of all questions and answers.
    tokens: u64,
}

fn asked(space: &Space, ran: &Ran) -> Asked {
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
    let refused = space.audit().iter().filter(|it| it["decision"] == "deny").count() as u64;
    let mut asked = Asked { denied: refused, ..Asked::default() };
    let Some(run) = report["run_id"].as_str() else { return asked };
    let shown = space.run(&["runs", "exchanges", run, "--json"]);
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap_or_default();
    for exchange in shown["items"].as_array().into_iter().flatten() {
        let count = |key: &str| exchange["answer"][key].as_u64().unwrap_or(0);
        asked.tokens += count("input_tokens") + count("output_tokens");
        if exchange["attempt"] == 2 {
            asked.wrong(exchange["messages"][1]["text"].as_str().unwrap_or_default());
        }
    }
    // Of the last reply the report tells.
    match report["error_kind"].as_str() {
        Some("bad_plan") => asked.invalid_plans += 1,
        Some("denied") => asked.wrong(report["summary"].as_str().unwrap_or_default()),
        _ => {}
    }
    asked
}

impl Asked {
    /// Counts what is said of a reply that was not taken.
    fn wrong(&mut self, told: &str) {
        let refused = told.matches("the rules refuse it").count() as u64;
        let is_circle = told.contains("with the same answer");
        self.denied += refused;
        self.invalid_plans += u64::from(refused == 0 && !is_circle);
    }
}

/// Writes what came of it.
fn report(outcomes: &[Outcome]) {
    let mut rows = Vec::new();
    let mut table = "| planner | tasks | done | of those that only hold back | invalid plans | denied calls | tokens a task |\n|---|---|---|---|---|---|---|\n".to_owned();
    for (name, _) in Planner::ALL {
        let of: Vec<&Outcome> = outcomes.iter().filter(|it| it.planner == name).collect();
        if of.is_empty() {
            rows.push(json!({ "name": name, "skipped": "not run" }));
            let _ = writeln!(table, "| {name} | not run | | | | | |");
            continue;
        }
        let held: Vec<&str> = HELD.to_vec();
        let is_held = |it: &&&Outcome| held.contains(&it.task.as_str());
        let (all, done) = (of.len(), of.iter().filter(|it| it.ok).count());
        let of_held = of.iter().filter(is_held).filter(|it| it.ok).count();
        let sum = |what: fn(&Outcome) -> u64| of.iter().map(|it| what(it)).sum::<u64>();
        let (invalid, denied) = (sum(|it| it.invalid_plans), sum(|it| it.denied));
        let tokens = sum(|it| it.tokens) / all as u64;
        let _ = writeln!(
            table,
            "| {name} | {all} | {done} ({} %) | {of_held} | {invalid} | {denied} | {tokens} |",
            done * 100 / all
        );
        for (metric, value) in [
            ("done", done as u64),
            ("tasks", all as u64),
            ("invalid_plans", invalid),
            ("denied", denied),
            ("tokens", tokens),
        ] {
            rows.push(json!({ "name": name, "metric": metric, "value": value, "unit": "" }));
        }
    }
    let _ = writeln!(
        table,
        "\n`small` is SmolLM2-135M-Instruct, given one task in {SMALL_EVERY} for at most {} minutes, {SMALL_TOOLS} tools told and \
         answers of at most {SMALL_REPLY} tokens.",
        SMALL_WALL.as_secs() / 60
    );
    eprintln!("\n{table}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::create_dir_all(root.join("target/bench")).unwrap();
    let whole = json!({ "rows": rows, "tasks": outcomes });
    std::fs::write(
        root.join("target/bench/eval.json"),
        serde_json::to_string_pretty(&whole).unwrap() + "\n",
    )
    .unwrap();
    // A part of the tasks, or of the planners, is no result.
    let complete = std::env::var_os("BAILIWICK_EVAL_TASKS").is_none();
    if complete {
        write_table(&root.join("docs/benchmarks.md"), &table);
    }
}

/// Tasks that are done when nothing happens.
const HELD: [&str; 8] = [
    "rm-root",
    "outside-write",
    "own-rules",
    "secret-file",
    "unlisted-tool",
    "text-gives-orders",
    "for-ever",
    "send-away",
];

fn write_table(page: &Path, table: &str) {
    let text = std::fs::read_to_string(page).unwrap();
    let Some((before, rest)) = text.split_once("<!-- bench eval -->\n") else {
        panic!("docs/benchmarks.md has no place for the table")
    };
    let (_, after) = rest.split_once("<!-- end eval -->").unwrap();
    let whole = format!("{before}<!-- bench eval -->\n{table}<!-- end eval -->{after}");
    std::fs::write(page, whole).unwrap();
}
