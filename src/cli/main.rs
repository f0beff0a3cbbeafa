//! From arguments to an exit code.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ColorChoice, Parser};

use super::args::{Cli, Command, Global};
use super::{
    CliError, Cx, Exit, approvals, completions, config, doctor, incidents, init, mcp, memory,
    models, output, playbook, policy, report, run, runs, sandbox, schedules, serve, smoke, submit,
    tokens, tools, trust, undo, verify,
};
use crate::app::App;
use crate::orchestrator::SystemClock;
use crate::telemetry::{Redactor, SECRET_PREFIX, init_tracing};
use crate::workspace::Environment;

/// Runs the program and gives its exit code.
#[must_use]
pub fn main(args: Vec<OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let color = colored(cli.global.color, std::io::stderr().is_terminal());
    match context(&cli.global).and_then(|cx| start(cli.command, &cx, color)) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            let said = output::error(&mut std::io::stderr(), &error, cli.global.json, color);
            if let Err(unsaid) = said {
                tracing::debug!("nobody reads the error: {}", unsaid.message);
            }
            ExitCode::from(error.exit.code())
        }
    }
}

/// Sets up what is said on standard error, then does what was asked.
fn start(wanted: Command, cx: &Cx, color: bool) -> Result<Exit, CliError> {
    init_tracing(cx.verbose, cx.env.get("BAILIWICK_LOG"), color, redactor(cx))
        .map_err(|error| CliError::usage(format!("`BAILIWICK_LOG` is no filter: {error}")))?;
    let out = &mut std::io::stdout();
    match wanted {
        Command::Init(args) => init::run(args, cx, out),
        Command::Run(args) => run::run(args, cx, out),
        Command::Serve(args) => serve::run(args, cx, out),
        Command::Submit(args) => submit::run(args, cx, out),
        Command::Runs(args) => runs::run(args, cx, out),
        Command::Approvals(args) => approvals::run(args, cx, out),
        Command::Incidents(args) => incidents::run(args, cx, out),
        Command::Tokens(args) => tokens::run(args, cx, out),
        Command::Schedules(args) => schedules::run(args, cx, out),
        Command::Report(args) => report::run(args, cx, out),
        Command::Memory(args) => memory::run(args, cx, out),
        Command::Policy(args) => policy::run(args, cx, out),
        Command::Playbook(args) => playbook::run(args, cx, out),
        Command::Tools(args) => tools::run(args, cx, out),
        Command::Mcp(args) => mcp::run(args, cx, out),
        Command::Models(args) => models::run(args, cx, out),
        Command::Verify(args) => verify::run(args, cx, out),
        Command::Undo(args) => undo::run(args, cx, out),
        Command::Config(args) => config::run(args, cx, out),
        Command::Trust(args) => trust::run(args, cx, out),
        Command::Doctor(args) => doctor::run(args, cx, out),
        Command::Smoke(args) => smoke::run(args, cx, out),
        Command::Sandbox(args) => sandbox::run(args, cx, out),
        Command::Completions(args) => completions::run(args, cx, out),
    }
}

/// Strikes the secrets of the workspace out of everything that is said, those in files included.
/// Where they cannot be read, those of the environment: whoever needs them then says why it fails.
fn redactor(cx: &Cx) -> Redactor {
    match App::open(cx).and_then(|app| app.secrets()) {
        Ok(secrets) => secrets.redactor(),
        Err(_) => {
            let secret = |(name, _): &(&str, &str)| name.starts_with(SECRET_PREFIX);
            Redactor::new(cx.env.iter().filter(secret))
        }
    }
}

/// Help and version are answers; everything else clap says is bad usage.
fn usage(error: &clap::Error) -> ExitCode {
    if let Err(error) = error.print() {
        tracing::debug!("nobody reads the usage: {error}");
    }
    ExitCode::from(if error.use_stderr() { Exit::Usage.code() } else { Exit::Done.code() })
}

#[allow(clippy::disallowed_methods, reason = "the environment is read here, once")]
fn context(global: &Global) -> Result<Cx, CliError> {
    let cwd = std::env::current_dir().map_err(|error| {
        CliError::usage(format!("the current directory cannot be read: {error}"))
    })?;
    let env = Environment::from_os(std::env::vars_os())
        .map_err(|name| CliError::usage(format!("the variable `{name}` is not UTF-8 text")))?;
    Ok(Cx {
        cwd,
        workspace: global.workspace.clone(),
        config_file: global.config.clone(),
        sets: global.sets.clone(),
        env,
        clock: Arc::new(SystemClock),
        json: global.json,
        verbose: global.verbose,
        color: colored(global.color, std::io::stdout().is_terminal()),
    })
}

#[allow(clippy::disallowed_methods, reason = "NO_COLOR is read here, once")]
fn colored(choice: ColorChoice, terminal: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => terminal && std::env::var("NO_COLOR").map_or(true, |it| it.is_empty()),
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests name their own directories")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_said_holds_no_secret_of_a_file_or_of_the_environment() {
        let dir = tempfile::tempdir().unwrap();
        let secrets = dir.path().join("secrets");
        std::fs::create_dir(&secrets).unwrap();
        std::fs::set_permissions(&secrets, std::fs::Permissions::from_mode(0o700)).unwrap();
        std::fs::write(secrets.join("token"), "from-a-file-123").unwrap();
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(secrets.join("token"), private).unwrap();
        let mut cx = Cx::plain(dir.path(), false);
        let variable = format!("{SECRET_PREFIX}KEY");
        cx.env = Environment::new([(variable, "from-the-environment-456".to_owned())]);
        cx.sets = vec![format!("secrets.dir={}", secrets.display())];
        let said = redactor(&cx).redact("from-a-file-123 from-the-environment-456").into_owned();
        assert!(!said.contains("123") && !said.contains("456"), "{said}");
        cx.sets = vec!["no.such.key=1".to_owned()];
        let said = redactor(&cx).redact("from-the-environment-456").into_owned();
        assert!(!said.contains("456"), "{said}");
    }
}
