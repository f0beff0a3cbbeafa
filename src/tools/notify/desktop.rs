//! A message on this machine's desktop, by the program that systems have for it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::tool::{Args, Severity};
use crate::tools::typed::Call;
use crate::tools::watch::Watch;

/// How long the program may take.
const TIME_MS: u64 = 5_000;
/// How often it is looked whether it is done.
const LOOK: Duration = Duration::from_millis(10);

/// Shows the message to the user whose process this is.
///
/// The program gets words of the message as arguments of their own, behind `--`, and of the environment
/// only where the session's bus is. It runs outside of a cell, since nothing in one reaches that bus.
pub(super) fn show(program: &Path, args: &Args, at: &Call<'_>) -> Result<(), String> {
    let urgency = match args.severity {
        Severity::Info => "normal",
        Severity::Warning | Severity::Error => "critical",
    };
    let session = format!("/run/user/{}", rustix::process::getuid().as_raw());
    #[allow(
        clippy::disallowed_methods,
        reason = "one program that a person named, which talks to the bus of the person's session"
    )]
    let mut command = Command::new(program);
    command
        .args(["--app-name=bailiwick", "--urgency", urgency, "--"])
        .args([args.headline(), unmarked(&args.text)])
        .env_clear()
        .env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={session}/bus"))
        .env("XDG_RUNTIME_DIR", session)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let shown = program.display();
    let mut child =
        command.spawn().map_err(|error| format!("`{shown}` cannot be started: {error}"))?;
    let watch = Watch::start(at.context.cancel.clone(), TIME_MS);
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("`{shown}` ended with {status}")),
            Ok(None) => {}
            Err(error) => return Err(end(&mut child, &format!("`{shown}`: {error}"))),
        }
        if let Err(why) = watch.check() {
            return Err(end(&mut child, &format!("`{shown}`: {}", why.message)));
        }
        std::thread::sleep(LOOK);
    }
}

fn end(child: &mut Child, why: &str) -> String {
    match child.kill().and_then(|()| child.wait()) {
        Ok(_) => why.to_owned(),
        Err(error) => format!("{why}, and it cannot be ended: {error}"),
    }
}

/// Text that no desktop takes for markup, and no program for the end of itself.
fn unmarked(text: &str) -> String {
    text.replace('\0', " ").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
