//! Trying every layer for real: cells in which the helper itself is the command and attacks.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use super::cell::{ATTEMPTS_ARGUMENT, Attempt};
use super::layers;
use super::sandbox::LinuxSandbox;
use crate::contracts::{Confinement, Network, Receipt};
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

/// Enough for this program, whose own mapping counts where the kernel counts for each process.
const SMALL_MEMORY_BYTES: u64 = 768 << 20;
/// More than that.
const HOARD: &str = "900000000";

/// Tries every layer. What could not even be tried did not hold.
pub fn probe(sandbox: &LinuxSandbox) -> Probe {
    let backend = "linux".to_owned();
    let mut layers = match attempts(sandbox) {
        Ok((attempts, receipt)) => {
            let mut layers = by_layer(&attempts, &receipt.enforced);
            layers.extend(not_attempted(&layers, &receipt));
            layers
        }
        Err(reason) => {
            return Probe { backend, layers: vec![layer("sandbox", false, reason)] };
        }
    };
    layers.push(too_many_processes(sandbox));
    layers.push(too_much_memory(sandbox));
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

fn attempts(sandbox: &LinuxSandbox) -> Result<(Vec<Attempt>, Receipt), String> {
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
    Ok((attempts, output.receipt))
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

/// Layers without an attempt of their own: they stood around the others, or could not be built.
fn not_attempted(tried: &[Layer], receipt: &Receipt) -> Vec<Layer> {
    let name = |entry: &str| entry.split(':').next().unwrap_or(entry).to_owned();
    let apart = [layers::PIDS, layers::TREE_KILL, layers::MEMORY];
    let is_new = |entry: &&String| {
        let name = name(entry);
        !apart.contains(&name.as_str()) && !tried.iter().any(|layer| layer.name.starts_with(&name))
    };
    let stood = receipt.enforced.iter().filter(is_new);
    let stood = stood.map(|entry| layer(entry, true, "stood around every attempt"));
    let missing = receipt.missing.iter().filter(is_new);
    let missing = missing.map(|entry| {
        let (name, reason) = entry.split_once(": ").unwrap_or((entry, "not built"));
        layer(name, false, reason)
    });
    stood.chain(missing).collect()
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

fn too_much_memory(sandbox: &LinuxSandbox) -> Layer {
    let limits = Limits { memory_bytes: SMALL_MEMORY_BYTES, ..LIMITS };
    let tried = format!("use {HOARD} bytes of memory where {SMALL_MEMORY_BYTES} may be");
    match run(sandbox, &["hoard", HOARD], limits) {
        Ok(output) => {
            let held = output.ending != Ending::Exited(0);
            layer(layers::MEMORY, held, format!("{tried}: {:?}", output.ending))
        }
        Err(error) => layer(layers::MEMORY, false, format!("{tried}: {error}")),
    }
}

fn no_process_left(sandbox: &LinuxSandbox) -> Layer {
    let tried = "leave a process in another session behind";
    // An argument by which it is found: inside it has another number.
    let mark = format!("mark-{}-{:p}", std::process::id(), sandbox);
    let output = match run(sandbox, &["linger", &mark], LIMITS) {
        Ok(output) => output,
        Err(error) => return layer(layers::TREE_KILL, false, error.to_string()),
    };
    if output.stdout.is_empty() {
        return layer(layers::TREE_KILL, false, format!("{tried}: it never started"));
    }
    match is_running(&mark) {
        Ok(true) => layer(layers::TREE_KILL, false, format!("{tried}: it still runs")),
        Ok(false) => layer(layers::TREE_KILL, true, format!("{tried}: it is gone")),
        Err(error) => layer(layers::TREE_KILL, false, format!("{tried}: `/proc`: {error}")),
    }
}

/// Whether a process has `mark` among its arguments.
fn is_running(mark: &str) -> std::io::Result<bool> {
    for entry in std::fs::read_dir("/proc")? {
        // One that is gone meanwhile does not run.
        let line = std::fs::read(entry?.path().join("cmdline")).unwrap_or_default();
        if line.split(|byte| *byte == 0).any(|word| word == mark.as_bytes()) {
            return Ok(true);
        }
    }
    Ok(false)
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
