//! Trying every layer for real: cells in which the helper itself is the command and attacks.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, test_kill_process};

use super::cell::{ATTEMPTS_ARGUMENT, Attempt};
use super::layers;
use super::sandbox::LinuxSandbox;
use crate::contracts::{Confinement, Network};
use crate::ports::{
    Cancel, CommandOutput, CommandSpec, Ending, Layer, Limits, Probe, Sandbox, SandboxError,
};
use crate::sandbox::CELL_ARGUMENT;

const LIMITS: Limits = Limits {
    wall_ms: 10_000,
    cpu_ms: 10_000,
    memory_bytes: 1 << 30,
    pids: 16,
    file_bytes: 1 << 20,
    open_files: 64,
    output_bytes: 1 << 20,
};

/// Well above the limit on processes.
const BREED: &str = "64";
const SHORT_WALL_MS: u64 = 100;

/// Tries every layer. What could not even be tried did not hold.
pub fn probe(sandbox: &LinuxSandbox) -> Probe {
    let backend = "linux".to_owned();
    let mut layers = match attempts(sandbox) {
        Ok((attempts, receipt)) => by_layer(&attempts, &receipt),
        Err(reason) => {
            return Probe { backend, layers: vec![layer("sandbox", false, reason)] };
        }
    };
    layers.push(too_many_processes(sandbox));
    layers.push(no_process_left(sandbox));
    layers.push(out_of_time(sandbox));
    Probe { backend, layers }
}

fn layer(name: &str, held: bool, detail: impl Into<String>) -> Layer {
    Layer { name: name.to_owned(), held, detail: detail.into() }
}

/// The helper as the command of a cell.
fn run(
    sandbox: &LinuxSandbox,
    words: &[&str],
    limits: Limits,
) -> Result<CommandOutput, SandboxError> {
    let helper = real_helper(&sandbox.options().helper)?;
    let program = helper.to_string_lossy().into_owned();
    let mut argv = vec![program, CELL_ARGUMENT.to_owned()];
    argv.extend(words.iter().map(|word| (*word).to_owned()));
    let confinement = Confinement {
        profile: "probe".into(),
        read: vec![helper],
        network: Network::None,
        ..Confinement::default()
    };
    let spec = CommandSpec {
        argv,
        cwd: PathBuf::from("/"),
        env: Vec::new(),
        stdin: Vec::new(),
        confinement,
        limits,
    };
    sandbox.run(&spec, &Cancel::default())
}

/// The file itself, since the cell has neither links of ours nor `/proc/self`.
fn real_helper(helper: &Path) -> Result<PathBuf, SandboxError> {
    #[allow(clippy::disallowed_methods, reason = "our own binary, not a path from outside")]
    std::fs::canonicalize(helper).map_err(|error| {
        SandboxError::Helper(format!("`{}` cannot be found: {error}", helper.display()))
    })
}

fn attempts(sandbox: &LinuxSandbox) -> Result<(Vec<Attempt>, Vec<String>), String> {
    let text = |error: std::io::Error| error.to_string();
    let outside = tempfile::tempdir().map_err(text)?;
    std::fs::write(outside.path().join("secret"), "secret").map_err(text)?;
    let listener = TcpListener::bind("127.0.0.1:0").map_err(text)?;
    let port = listener.local_addr().map_err(text)?.port().to_string();
    let host = std::process::id().to_string();
    let place = outside.path().to_string_lossy();
    let output = run(sandbox, &[ATTEMPTS_ARGUMENT, &place, &port, &host], LIMITS)
        .map_err(|error| error.to_string())?;
    if output.ending != Ending::Exited(0) {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("the probe ended with {:?}: {said}", output.ending));
    }
    let attempts = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    Ok((attempts, output.receipt.enforced))
}

/// One line a layer; it held when every attempt on it failed as it should.
fn by_layer(attempts: &[Attempt], receipt: &[String]) -> Vec<Layer> {
    let mut lines: BTreeMap<&str, (bool, Vec<String>)> = BTreeMap::new();
    for attempt in attempts {
        let (held, details) = lines.entry(&attempt.layer).or_insert((true, Vec::new()));
        *held &= attempt.held;
        details.push(format!("{}: {}", attempt.tried, attempt.outcome));
    }
    let full = |name: &str| {
        let entry = receipt.iter().find(|entry| entry.split(':').next() == Some(name));
        entry.map_or(name.to_owned(), Clone::clone)
    };
    lines.into_iter().map(|(name, (held, d))| layer(&full(name), held, d.join("; "))).collect()
}

fn too_many_processes(sandbox: &LinuxSandbox) -> Layer {
    let name = format!("{}:supervised", layers::PIDS);
    match run(sandbox, &["breed", BREED], LIMITS) {
        Ok(output) => {
            let exceeded = format!("{}:exceeded", layers::PIDS);
            let held = output.receipt.enforced.contains(&exceeded);
            let detail = format!("start {BREED} processes where 16 may be: {:?}", output.ending);
            layer(&name, held, detail)
        }
        Err(error) => layer(&name, false, error.to_string()),
    }
}

fn no_process_left(sandbox: &LinuxSandbox) -> Layer {
    let tried = "leave a process in another session behind";
    let output = match run(sandbox, &["linger"], LIMITS) {
        Ok(output) => output,
        Err(error) => return layer(layers::TREE_KILL, false, error.to_string()),
    };
    let said = String::from_utf8_lossy(&output.stdout).trim().parse().ok();
    match said.and_then(Pid::from_raw) {
        Some(pid) => {
            let gone = test_kill_process(pid).is_err();
            let outcome = if gone { "it is gone" } else { "it still runs" };
            layer(layers::TREE_KILL, gone, format!("{tried}: {outcome}"))
        }
        None => layer(layers::TREE_KILL, false, format!("{tried}: it never started")),
    }
}

fn out_of_time(sandbox: &LinuxSandbox) -> Layer {
    let limits = Limits { wall_ms: SHORT_WALL_MS, ..LIMITS };
    match run(sandbox, &["wait"], limits) {
        Ok(output) => {
            let held = output.ending == Ending::TimedOut;
            layer("time", held, format!("wait longer than it may: {:?}", output.ending))
        }
        Err(error) => layer("time", false, error.to_string()),
    }
}
