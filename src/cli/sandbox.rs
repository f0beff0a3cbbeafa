//! `sandbox exec` runs any command in a cell, for people and for tests; `sandbox probe` says what
//! this machine can enforce, by trying it.

use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::{CliError, Cx, Exit, output};
use crate::app::App;
use crate::config::{OnMissing, SandboxConfig, SandboxProfile};
use crate::contracts::{Confinement, GOVERNING, Receipt};
use crate::ports::{Cancel, CommandSpec, Ending, Probe, SandboxError, may_run};

/// What makes a directory a workspace.
const WORKSPACE_FILE: &str = "config/bailiwick.yaml";

/// The profile of `exec` when none is named.
const DEFAULT_PROFILE: &str = "shell_exec";

/// As `timeout` does.
const EXIT_TIMED_OUT: u8 = 124;

/// Layers that machines may lack: the receipt then names them, and nothing is refused unless
/// `sandbox.require` has them.
const OPTIONAL_LAYERS: [&str; 6] = ["signals", "namespaces", "network", "cgroup", "memory", "user"];

/// Arguments of `sandbox`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a command in a cell; standard input and output pass through
    Exec(ExecArgs),
    /// Try every layer for real and say which hold
    Probe(ProbeArgs),
}

#[derive(Debug, clap::Args)]
struct ProbeArgs {
    /// As if this machine had not this layer; may be given several times
    #[arg(long, value_name = "LAYER", hide = true)]
    without: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct ExecArgs {
    /// Profile whose limits and paths apply
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Directory that the command may write; may be given several times
    #[arg(long, value_name = "DIR")]
    rw: Vec<PathBuf>,
    /// As if this machine had not this layer; may be given several times
    #[arg(long, value_name = "LAYER", hide = true)]
    without: Vec<String>,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    argv: Vec<String>,
}

/// Runs `sandbox`. `exec` ends as the command did.
///
/// # Errors
/// When the command could not be run inside walls, or the arguments make no sense.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let app = App::open(cx)?;
    match &args.command {
        Command::Exec(args) => exec(args, cx, &app),
        Command::Probe(args) => probe(args, &app, cx, out),
    }
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn exec(args: &ExecArgs, cx: &Cx, app: &App) -> Result<Exit, CliError> {
    let options = app.sandbox_options(&args.without)?;
    let spec = spec(args, cx, &app.workspace.config.sandbox)?;
    let stdio = own_stdio().map_err(|error| {
        CliError::new(Exit::Failed, format!("standard input or output is closed: {error}"))
    })?;
    let finished = crate::sandbox::LinuxSandbox::new(options)
        .run_attached(&spec, stdio, &Cancel::default())
        .map_err(not_run)?;
    if cx.verbose > 0 {
        explain(finished.ending, &finished.receipt);
    }
    Ok(exit(finished.ending))
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn exec(args: &ExecArgs, cx: &Cx, app: &App) -> Result<Exit, CliError> {
    let options = app.sandbox_options(&args.without)?;
    let spec = spec(args, cx, &app.workspace.config.sandbox)?;
    let output = crate::sandbox::for_this_system(options).run(&spec, &Cancel::default());
    output.map(|output| exit(output.ending)).map_err(not_run)
}

fn own_stdio() -> io::Result<[OwnedFd; 3]> {
    Ok([
        io::stdin().as_fd().try_clone_to_owned()?,
        io::stdout().as_fd().try_clone_to_owned()?,
        io::stderr().as_fd().try_clone_to_owned()?,
    ])
}

fn spec(args: &ExecArgs, cx: &Cx, config: &SandboxConfig) -> Result<CommandSpec, CliError> {
    let profile = profile(args.profile.as_deref(), config)?;
    if !may_run(&profile.argv, &args.argv) {
        let name = args.profile.as_deref().unwrap_or(DEFAULT_PROFILE);
        return Err(CliError::usage(format!(
            "the sandbox profile `{name}` does not let this command run"
        ))
        .hint(format!("`sandbox.profiles.{name}.argv` lets run: {}", profile.argv.join(", "))));
    }
    let cwd = real(&cx.cwd, &cx.cwd)?;
    let mut write: Vec<PathBuf> = profile.write.iter().map(PathBuf::from).collect();
    for directory in &args.rw {
        write.push(real(&cx.cwd, directory)?);
    }
    let protected = write.iter().filter_map(|root| workspace_of(root)).flat_map(|workspace| {
        GOVERNING.iter().map(move |name| workspace.join(name)).collect::<Vec<_>>()
    });
    let mut read: Vec<PathBuf> = profile.read.iter().map(PathBuf::from).collect();
    read.push(cwd.clone());
    let confinement = Confinement {
        profile: args.profile.clone().unwrap_or_else(|| DEFAULT_PROFILE.to_owned()),
        read,
        protected: protected.collect(),
        // The person at the keyboard named the directory, and may read all of it.
        unreadable: Vec::new(),
        write,
        network: profile.net,
        hosts: config.proxy.hosts.clone(),
    };
    Ok(CommandSpec {
        argv: args.argv.clone(),
        cwd,
        env: Vec::new(),
        stdin: Vec::new(),
        confinement,
        limits: profile.limits,
    })
}

fn profile<'a>(
    name: Option<&str>,
    config: &'a SandboxConfig,
) -> Result<&'a SandboxProfile, CliError> {
    let name = name.unwrap_or(DEFAULT_PROFILE);
    config.profiles.get(name).ok_or_else(|| {
        let known: Vec<&str> = config.profiles.keys().map(String::as_str).collect();
        CliError::usage(format!("there is no sandbox profile `{name}`"))
            .hint(format!("profiles here: {}", known.join(", ")))
    })
}

/// The place itself: links that the caller wrote on the command line are the caller's.
fn real(cwd: &Path, path: &Path) -> Result<PathBuf, CliError> {
    let path = cwd.join(path);
    #[allow(clippy::disallowed_methods, reason = "named by the person who starts the command")]
    std::fs::canonicalize(&path)
        .map_err(|error| CliError::usage(format!("`{}`: {error}", path.display())))
}

/// The nearest workspace that `directory` is in.
fn workspace_of(directory: &Path) -> Option<&Path> {
    directory.ancestors().find(|place| place.join(WORKSPACE_FILE).is_file())
}

fn not_run(error: SandboxError) -> CliError {
    let exit = match error {
        SandboxError::NoProgram(_) | SandboxError::BadSpec(_) => Exit::Usage,
        SandboxError::Missing { .. } | SandboxError::Helper(_) => Exit::Failed,
    };
    CliError::new(exit, error.to_string())
        .hint("`bailiwick sandbox probe` shows what this machine can enforce")
}

fn exit(ending: Ending) -> Exit {
    Exit::As(match ending {
        Ending::Exited(code) => u8::try_from(code & 0xff).unwrap_or(u8::MAX),
        Ending::Signalled(signal) => u8::try_from(128 + (signal & 0x7f)).unwrap_or(u8::MAX),
        Ending::TimedOut => EXIT_TIMED_OUT,
        Ending::Cancelled => Exit::Cancelled.code(),
    })
}

fn explain(ending: Ending, receipt: &Receipt) {
    let ended = match ending {
        Ending::Exited(code) => format!("exited with {code}"),
        Ending::Signalled(signal) => format!("ended by signal {signal}"),
        Ending::TimedOut => "killed: its time was over".to_owned(),
        Ending::Cancelled => "killed: stopped".to_owned(),
    };
    output::note(&format!("sandbox: {ended}"));
    output::note(&format!("sandbox: enforced {}", receipt.enforced.join(" ")));
    for missing in &receipt.missing {
        output::note(&format!("sandbox: missing {missing}"));
    }
}

fn probe(args: &ProbeArgs, app: &App, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let probe = crate::sandbox::for_this_system(app.sandbox_options(&args.without)?).probe();
    if cx.json {
        output::json(out, &probe)?;
    } else {
        output::text(out, &text(&probe))?;
    }
    let config = &app.workspace.config.sandbox;
    let holds = probe.layers.iter().all(|layer| layer.held || !needed(config, &layer.name));
    Ok(if holds { Exit::Done } else { Exit::Failed })
}

/// Whether commands are refused when this layer is missing.
pub(super) fn needed(config: &SandboxConfig, layer: &str) -> bool {
    let name = layer.split(':').next().unwrap_or(layer);
    let is_required = config.require.iter().any(|required| required == name);
    config.on_missing == OnMissing::Refuse && (is_required || !OPTIONAL_LAYERS.contains(&name))
}

fn text(probe: &Probe) -> String {
    let mut text = format!("sandbox backend: {}\n", probe.backend);
    for layer in &probe.layers {
        let verdict = if layer.held { "holds" } else { "DOES NOT HOLD" };
        text.push_str(&format!("\n{} {verdict}\n", layer.name));
        for line in layer.detail.split("; ") {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, resolve};

    fn args(rw: &[&Path], profile: Option<&str>) -> ExecArgs {
        ExecArgs {
            profile: profile.map(str::to_owned),
            rw: rw.iter().map(|path| path.to_path_buf()).collect(),
            without: Vec::new(),
            argv: vec!["true".into()],
        }
    }

    fn cx(cwd: &Path) -> Cx {
        Cx::plain(cwd, false)
    }

    #[test]
    fn what_governs_a_workspace_stays_protected_in_a_writable_directory() {
        let config = resolve(&Sources::default()).unwrap().config.sandbox;
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let plain = spec(&args(&[root], None), &cx(root), &config).unwrap().confinement;
        assert!(plain.protected.is_empty());
        std::fs::create_dir(root.join("config")).unwrap();
        std::fs::write(root.join(WORKSPACE_FILE), "").unwrap();
        let governed = spec(&args(&[root], None), &cx(root), &config).unwrap().confinement;
        assert!(governed.protected.iter().any(|path| path.ends_with("policies")));
        assert!(governed.protected.iter().any(|path| path.ends_with(".git/hooks")));
    }

    #[test]
    fn an_unknown_profile_or_directory_is_bad_usage() {
        let config = resolve(&Sources::default()).unwrap().config.sandbox;
        let here = std::env::temp_dir();
        let error = spec(&args(&[], Some("nope")), &cx(&here), &config).unwrap_err();
        assert_eq!(error.exit, Exit::Usage);
        assert!(error.message.contains("`nope`"));
        let gone = Path::new("/nowhere");
        let error = spec(&args(&[gone], None), &cx(&here), &config).unwrap_err();
        assert_eq!(error.exit, Exit::Usage);
    }

    #[test]
    fn a_profile_that_names_its_programs_runs_no_other() {
        let config = resolve(&Sources::default()).unwrap().config.sandbox;
        let here = std::env::temp_dir();
        let error = spec(&args(&[], Some("git")), &cx(&here), &config).unwrap_err();
        assert_eq!(error.exit, Exit::Usage);
        assert!(error.message.contains("profile `git`"), "{}", error.message);
        let mut git = args(&[], Some("git"));
        git.argv = vec!["git".into(), "log".into()];
        assert!(spec(&git, &cx(&here), &config).is_ok());
    }

    #[test]
    fn endings_become_the_exit_codes_of_a_shell() {
        let check = |ending, code: u8| assert_eq!(exit(ending).code(), code);
        check(Ending::Exited(3), 3);
        check(Ending::Signalled(9), 137);
        check(Ending::TimedOut, 124);
        check(Ending::Cancelled, 130);
    }
}
