//! Every tool with random and hostile arguments, within and beyond its schema: no panic, no change
//! outside of the workspace nor to what governs the program, and every failure is an answer.
//!
//! The short version runs always; `BAILIWICK_SOAK_TOOL_CASES=100000` asks for another number of cases. A
//! failure names the seed of its case; `BAILIWICK_TOOL_SEED` begins with that one.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::Toolbox;
use super::dispatch::take_snapshot;
use super::fixture::Bench;
use super::registry::vocabulary;
use crate::ports::ToolDescriptor;

/// Cases of the short version.
const CASES: u64 = 800;

/// Cases with one workspace: then it is a new one, because they leave things behind.
const ROUND: u64 = 300;

/// How long a case may take: none of them has anything to wait for.
const WALL_MS: u64 = 500;

const DEPTH_MAX: u32 = 4;

/// What governs the program, and what lies beside the workspace.
const GOVERNING: [&str; 4] =
    ["policies/own.yaml", "playbooks/p.yaml", ".env", ".git/hooks/pre-commit"];
const OUTSIDE: [&str; 3] = ["outside/secret", "outside/deep/file", "beside"];

/// Numbers that look random and are the same each time (`splitmix64`).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % end.max(1) as u64).unwrap()
    }

    /// Whether something happens that does so `percent` times of a hundred.
    fn chance(&mut self, percent: u64) -> bool {
        self.roll() % 100 < percent
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Texts that have broken programs before. No name that would be looked up, no address that answers.
const TEXTS: [&str; 72] = [
    "",
    " ",
    ".",
    "..",
    "/",
    "//",
    "a",
    "a/b/c",
    "./a",
    "a/../b",
    "../outside/secret",
    "../../../../../../etc/passwd",
    "/etc/passwd",
    "/proc/self/mem",
    "/dev/zero",
    "link/secret",
    "link",
    "loop",
    "sub/up/secret",
    "policies/own.yaml",
    "Policies/own.yaml",
    "policies/../policies/own.yaml",
    ".env",
    ".git/hooks/pre-commit",
    ".bailiwick/x",
    "~",
    "~/.ssh/id_rsa",
    "-rf",
    "--help",
    "a\0b",
    "a\nb",
    "a\r\nb: c",
    "\u{202e}txt.exe",
    "\u{feff}",
    "\u{1b}[2J",
    "\u{0}",
    "é",
    "e\u{301}",
    "𝒳",
    "\u{10ffff}",
    "$(id)",
    "`id`",
    "; rm -rf /",
    "| cat",
    "${HOME}",
    "%00",
    "%2e%2e%2f",
    "{{7*7}}",
    "${{ secrets.x }}",
    "'",
    "\"",
    "\\",
    "*",
    "**",
    "[",
    "[z-a]",
    "(",
    "(a+)+$",
    "a{1000000000}",
    "<a href=b>",
    "$..*",
    "$[",
    "http://127.0.0.1:1/",
    "http://[::1]:1/x",
    "http://localhost:1/",
    "https://u:p@127.0.0.1:1/",
    "http://127.0.0.1:1/\r\nx: y",
    "file:///etc/passwd",
    "http://",
    "PD94bWw=",
    "sub/a.txt",
    "sub",
];

/// Addresses that can be parsed, and where nobody answers.
const URLS: [&str; 5] = [
    "http://127.0.0.1:1/",
    "http://[::1]:1/x",
    "http://localhost:1/a?b#c",
    "https://127.0.0.1:1/",
    "http://127.1:1/\u{e9}",
];

fn text(dice: &mut Dice) -> String {
    match dice.below(10) {
        0 => {
            let one = *dice.one(&TEXTS);
            let times = 1 + dice.below(2_000);
            one.repeat(times)
        }
        1 => {
            let length = dice.below(64);
            (0..length).filter_map(|_| char::from_u32(dice.roll() as u32 % 0x11_0000)).collect()
        }
        2 => format!("{}{}", dice.one(&TEXTS), dice.one(&TEXTS)),
        3 => format!("{}/{}", dice.one(&TEXTS), dice.one(&TEXTS)),
        _ => (*dice.one(&TEXTS)).to_owned(),
    }
}

fn number(dice: &mut Dice) -> Value {
    match dice.below(9) {
        0 => json!(0),
        1 => json!(-1),
        2 => json!(i64::MIN),
        3 => json!(i64::MAX),
        4 => json!(u64::MAX),
        5 => json!(1.5),
        6 => json!(1e300),
        7 => json!(-0.0),
        _ => json!(dice.below(1_000)),
    }
}

/// Anything at all.
fn any(dice: &mut Dice, depth: u32) -> Value {
    match dice.below(if depth == 0 { 5 } else { 8 }) {
        0 => Value::Null,
        1 => json!(dice.chance(50)),
        2 => number(dice),
        3 | 4 => json!(text(dice)),
        5 => (0..dice.below(4)).map(|_| any(dice, depth - 1)).collect(),
        6 => {
            let fields = (0..dice.below(4)).map(|_| (text(dice), any(dice, depth - 1)));
            Value::Object(fields.collect())
        }
        _ => (0..200).fold(json!("deep"), |inner, _| json!([inner])),
    }
}

/// What `schema` takes, more often than not.
fn fitting(dice: &mut Dice, schema: &Value, depth: u32) -> Value {
    if depth == 0 || dice.chance(15) {
        return any(dice, depth.min(2));
    }
    if let Some(words) = schema["enum"].as_array() {
        return dice.one(words).clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => dice.one(kinds).clone(),
        kind => kind.clone(),
    };
    match kind.as_str() {
        Some("string") => json!(text(dice)),
        Some("boolean") => json!(dice.chance(50)),
        Some("integer") => {
            let edges = [&schema["minimum"], &schema["maximum"]];
            let edge = edges[dice.below(2)].as_u64().unwrap_or(1);
            match dice.below(4) {
                0 => json!(edge),
                1 => json!(edge.wrapping_add(1)),
                2 => json!(edge.wrapping_sub(1)),
                _ => json!(dice.below(100)),
            }
        }
        Some("number") => number(dice),
        Some("array") => {
            let items = &schema["items"];
            (0..dice.below(4)).map(|_| fitting(dice, items, depth - 1)).collect()
        }
        Some("object") => object(dice, schema, depth - 1),
        _ => any(dice, depth - 1),
    }
}

fn object(dice: &mut Dice, schema: &Value, depth: u32) -> Value {
    let mut fields = Map::new();
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, of) in schema["properties"].as_object().into_iter().flatten() {
        let likely = if required.contains(&name.as_str()) { 96 } else { 30 };
        if dice.chance(likely) {
            // What fits by its type is seldom a URL, and headers must have names.
            let value = match name.as_str() {
                "url" if dice.chance(80) => json!(*dice.one(&URLS)),
                "headers" | "select" if dice.chance(70) => json!({}),
                "sha256" | "blake3" if dice.chance(80) => continue,
                _ => fitting(dice, of, depth),
            };
            fields.insert(name.clone(), value);
        }
    }
    if schema["additionalProperties"].is_object() {
        for _ in 0..dice.below(3) {
            fields.insert(text(dice), fitting(dice, &schema["additionalProperties"], depth));
        }
    }
    if dice.chance(5) {
        fields.insert(text(dice), any(dice, 2));
    }
    Value::Object(fields)
}

/// A workspace with ways out of it, and what must stay as it is.
struct Ground {
    place: tempfile::TempDir,
    bench: Bench,
    before: BTreeMap<PathBuf, Vec<u8>>,
}

impl Ground {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        for name in OUTSIDE {
            let path = place.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        let bench = Bench::inside(place.path());
        for name in GOVERNING {
            bench.file(name, name);
        }
        for name in ["a", "sub/a.txt", "sub/page.html", "b.json"] {
            bench.file(name, "{\"a\": [1, 2]}");
        }
        symlink(place.path().join("outside"), bench.path("link")).unwrap();
        symlink("../../outside", bench.path("sub/up")).unwrap();
        symlink("loop", bench.path("loop")).unwrap();
        let before = kept(place.path(), &bench);
        assert_eq!(before.len(), GOVERNING.len() + OUTSIDE.len());
        Self { place, bench, before }
    }

    fn check(&self, case: &str) {
        assert_eq!(kept(self.place.path(), &self.bench), self.before, "{case}");
    }
}

/// What must stay as it is: all that is beside the workspace, but for the tools' own area, and what governs
/// the program.
#[allow(clippy::disallowed_methods, reason = "the temporary directory may be behind a link")]
fn kept(place: &Path, bench: &Bench) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let own = [bench.root().to_owned(), bench.context().away.area.clone().unwrap()];
    let mut open = vec![fs::canonicalize(place).unwrap()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if own.iter().any(|own| path.file_name() == own.file_name()) {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                let content = fs::read(&path).unwrap();
                all.insert(path, content);
            }
        }
    }
    for name in GOVERNING {
        let path = bench.path(name);
        let content = fs::read(&path).unwrap_or_default();
        all.insert(path, content);
    }
    all
}

fn try_one(bench: &Bench, tool: &ToolDescriptor, args: Value, case: &str) {
    let mut call = bench.tool_call(&tool.name, args);
    call.timeout_ms = WALL_MS;
    if let Ok(would) = Toolbox::default().dry_run(&call) {
        assert!(!would.is_empty(), "{case}");
    }
    match take_snapshot(&call, bench.context()) {
        Ok(_) => {}
        Err(error) => {
            assert!(!error.message.contains("defect of this program"), "{case}: {error:?}")
        }
    }
    let output = bench.perform(&call);
    match (&output.error, &output.data) {
        (None, None) => panic!("{case}: neither an answer nor a failure"),
        (Some(error), _) => {
            assert!(!error.message.is_empty(), "{case}");
            assert!(!error.message.contains("defect of this program"), "{case}: {error:?}");
        }
        (None, Some(_)) => {}
    }
    let bytes = serde_json::to_vec(&output.data).unwrap().len();
    assert!(bytes as u64 <= bench.output_bytes_max(), "{case}: {bytes} bytes");
}

#[allow(clippy::disallowed_methods, reason = "how long a test runs is said by its environment")]
fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

#[test]
fn hostile_arguments_change_nothing_outside_and_break_nothing() {
    let tools: Vec<ToolDescriptor> =
        vocabulary().tools().map(|tool| tool.as_ref().clone()).collect();
    let (cases, first) = (
        number_of("BAILIWICK_SOAK_TOOL_CASES").unwrap_or(CASES),
        number_of("BAILIWICK_TOOL_SEED").unwrap_or(1),
    );
    let mut ground = Ground::new();
    let mut fits = BTreeMap::<&str, u64>::new();
    for seed in first..first + cases {
        let mut dice = Dice(seed);
        let tool = &tools[usize::try_from(seed).unwrap() % tools.len()];
        let args = object(&mut dice, &tool.schema, DEPTH_MAX);
        let shown: String = args.to_string().chars().take(2_000).collect();
        let case = format!("seed {seed}: {} {shown}", tool.name);
        let fitting = args
            .as_object()
            .is_some_and(|it| Toolbox::default().check_args(&tool.name, it).is_ok());
        *fits.entry(&tool.name).or_default() += u64::from(fitting);
        try_one(&ground.bench, tool, args, &case);
        if seed % 20 == 0 {
            ground.check(&case);
        }
        if seed % ROUND == 0 {
            ground.check(&case);
            ground = Ground::new();
        }
    }
    ground.check("the last");
    // Arguments that are all refused would say nothing about the tools.
    let idle: Vec<&str> =
        fits.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    assert!(idle.len() * 4 <= tools.len(), "no case fitted {idle:?}: {fits:?}");
}
