//! What a cell costs, beside a plain spawn and bubblewrap: `just bench sandbox`. Not a gate.
//!
//! All rows are measured in turns, so that what else happens on the machine falls on all of them;
//! once as the process is, and once with a heap of 1 GiB, which must cost nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use bailiwick::ports::{Cancel, CommandSpec, Sandbox};
use bailiwick::sandbox::{LinuxSandbox, OnMissing, SandboxOptions};
use serde_json::{Value, json};

use super::{BINARY, has, spec};

/// Rounds unless `BAILIWICK_BENCH_ROUNDS` says otherwise.
const ROUNDS: usize = 500;
/// First rounds, which are not counted.
const WARM: usize = 10;
const HEAP: usize = 1 << 30;
const PERCENTILES: [(&str, usize); 3] = [("p10", 10), ("p50", 50), ("p99", 99)];
const OPEN: &str = "<!-- bench sandbox -->\n";
const CLOSE: &str = "<!-- end sandbox -->\n";

/// One way of running `/bin/true`, or why it cannot be tried.
struct Way {
    name: &'static str,
    run: Result<Box<dyn Fn()>, String>,
}

#[test]
#[ignore = "a measurement"]
fn bench() {
    let asked = std::env::var("BAILIWICK_BENCH_ROUNDS").ok().and_then(|text| text.parse().ok());
    let rounds: usize = asked.unwrap_or(ROUNDS).max(2);
    let ways = ways();
    let mut rows = measured(&ways, rounds, "");
    // Every page is written, so that it is there.
    let heap = std::hint::black_box(vec![1_u8; HEAP]);
    rows.extend(measured(&ways, rounds, " 1 GiB"));
    assert_eq!(
        heap.iter().step_by(4096).map(|byte| usize::from(*byte)).sum::<usize>(),
        HEAP / 4096
    );
    publish(&rows, rounds);
}

fn ways() -> Vec<Way> {
    let only = std::env::var("BAILIWICK_BENCH_ONLY").ok();
    let all = vec![
        Way { name: "plain", run: Ok(Box::new(plain)) },
        cell("landlock+seccomp", &["namespaces", "cgroup"], None),
        cell("full", &[], Some("namespaces")),
        Way { name: "bwrap", run: bwrap() },
    ];
    let wanted =
        |way: &Way| only.as_ref().is_none_or(|only| only.split(',').any(|it| it == way.name));
    all.into_iter().filter(wanted).collect()
}

/// Without a closure that runs between fork and exec, the standard library uses `posix_spawn`.
#[allow(clippy::disallowed_methods, reason = "the plain spawn to compare with")]
fn plain() {
    assert!(Command::new("/bin/true").output().unwrap().status.success());
}

fn cell(name: &'static str, without: &[&str], needs: Option<&str>) -> Way {
    let sandbox = LinuxSandbox::new(SandboxOptions {
        helper: PathBuf::from(BINARY),
        without: without.iter().map(|layer| (*layer).to_owned()).collect(),
        on_missing: OnMissing::Degrade,
        ..SandboxOptions::this_program(Vec::new())
    });
    let spec: CommandSpec = spec(&["/bin/true"]);
    let tried = sandbox.run(&spec, &Cancel::default()).map_err(|error| error.to_string());
    let run = tried.and_then(|output| {
        let enforced = &output.receipt.enforced;
        let stands = |layer: &str| enforced.iter().any(|it| it.split(':').next() == Some(layer));
        match needs.filter(|layer| !stands(layer)) {
            Some(layer) => Err(format!("no {layer} here: {}", output.receipt.missing.join("; "))),
            None => Ok(Box::new(move || {
                drop(sandbox.run(&spec, &Cancel::default()).unwrap());
            }) as Box<dyn Fn()>),
        }
    });
    Way { name, run }
}

#[allow(clippy::disallowed_methods, reason = "the peer to compare with")]
fn bwrap() -> Result<Box<dyn Fn()>, String> {
    if !has("bwrap") {
        return Err("bubblewrap is not installed".to_owned());
    }
    let command = || {
        let mut command = Command::new("bwrap");
        for place in ["/usr", "/bin", "/sbin", "/lib", "/lib64"] {
            command.args(["--ro-bind-try", place, place]);
        }
        command.args(["--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]);
        command.args(["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "/bin/true"]);
        command
    };
    let output = command().output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    Ok(Box::new(move || assert!(command().output().unwrap().status.success())))
}

/// Each way comes at each place, and after each other: what one leaves to be taken down falls on all.
fn order(ways: usize, round: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..ways).collect();
    order.rotate_left(round % ways);
    if (round / ways) % 2 == 1 {
        order.reverse();
    }
    order
}

/// Rows for each way, in microseconds.
fn measured(ways: &[Way], rounds: usize, suffix: &str) -> Vec<Value> {
    let mut times: Vec<Vec<f64>> = ways.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds + WARM {
        for index in order(ways.len(), round) {
            let (way, times) = (&ways[index], &mut times[index]);
            if let Ok(run) = &way.run {
                let start = Instant::now();
                run();
                if round >= WARM {
                    times.push(start.elapsed().as_secs_f64() * 1e6);
                }
            }
        }
    }
    for times in &mut times {
        times.sort_unstable_by(f64::total_cmp);
    }
    let at = |times: &[f64], percent: usize| times[(times.len() - 1) * percent / 100];
    let beside = format!("plain{suffix}");
    let mut rows = Vec::new();
    for (way, own) in ways.iter().zip(&times) {
        let name = format!("{}{suffix}", way.name);
        for (metric, percent) in PERCENTILES {
            rows.push(match &way.run {
                Err(why) => json!({ "name": name, "metric": metric, "unit": "µs", "skipped": why }),
                Ok(_) => {
                    let (value, base) = (at(own, percent), at(&times[0], percent));
                    let ratio = value / base;
                    json!({ "name": name, "metric": metric, "value": value, "unit": "µs",
                            "vs": beside, "ratio": ratio })
                }
            });
        }
    }
    rows
}

fn publish(rows: &[Value], rounds: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let report = json!({ "rows": rows, "machine": machine(), "versions": versions() });
    std::fs::create_dir_all(root.join("target/bench")).unwrap();
    let text = serde_json::to_string_pretty(&report).unwrap();
    std::fs::write(root.join("target/bench/sandbox.json"), text).unwrap();
    let section = section(rows, rounds);
    eprintln!("{section}");
    // A debug build says nothing about speed: only the file is written.
    if cfg!(debug_assertions) {
        return;
    }
    let page = root.join("docs/benchmarks.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(OPEN).unwrap();
    let (_, after) = rest.split_once(CLOSE).unwrap();
    std::fs::write(page, format!("{before}{OPEN}{section}{CLOSE}{after}")).unwrap();
}

fn section(rows: &[Value], rounds: usize) -> String {
    let mut text = format!(
        "`/bin/true` with its output collected; {rounds} rounds, all rows in turns, each at each place, wall-clock \
         time. `full`: a cell is made ahead. `1 GiB`: the \
         measuring process has a heap of that size, every page written.\n\n\
         | what | metric | value | beside | ratio |\n|---|---|---|---|---|\n"
    );
    for row in rows {
        let (name, metric) = (row["name"].as_str().unwrap(), row["metric"].as_str().unwrap());
        let _ = match row["skipped"].as_str() {
            Some(why) => writeln!(text, "| {name} | {metric} | skipped: {why} | | |"),
            None => {
                let (value, ratio) =
                    (row["value"].as_f64().unwrap(), row["ratio"].as_f64().unwrap());
                let vs = row["vs"].as_str().unwrap();
                writeln!(text, "| {name} | {metric} | {value:.0} µs | {vs} | {ratio:.2}× |")
            }
        };
    }
    let list = |map: &BTreeMap<&str, String>| {
        map.iter().map(|(key, value)| format!("{key} {value}")).collect::<Vec<_>>().join(", ")
    };
    let _ = writeln!(text, "\nMachine: {}. Versions: {}.", list(&machine()), list(&versions()));
    text
}

fn machine() -> BTreeMap<&'static str, String> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let info = read("/proc/cpuinfo");
    let cpu = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    BTreeMap::from([
        ("cores", cores.to_string()),
        ("cpu", cpu.map(|(_, name)| name.to_owned()).unwrap_or_default()),
        ("kernel", read("/proc/sys/kernel/osrelease")),
        ("load", read("/proc/loadavg")),
    ])
}

#[allow(clippy::disallowed_methods, reason = "the peer says its version")]
fn versions() -> BTreeMap<&'static str, String> {
    let own = env!("CARGO_PKG_VERSION").to_owned();
    let peer = Command::new("bwrap").arg("--version").output();
    let said = peer.map(|it| String::from_utf8_lossy(&it.stdout).trim().replace("bubblewrap ", ""));
    BTreeMap::from([
        ("bailiwick", own),
        ("bwrap", said.unwrap_or_else(|_| "not installed".to_owned())),
    ])
}
