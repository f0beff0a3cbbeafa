//! Ctrl-C, SIGTERM and a closed terminal as a count of how often somebody asked to stop.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::{CliError, Exit};

/// A channel that counts interrupts: one ends the work, two skip `always` as well.
///
/// # Errors
/// When the system does not deliver signals.
pub(super) fn stop() -> Result<watch::Receiver<u32>, CliError> {
    let failed = |error| CliError::new(Exit::Failed, format!("signals cannot be handled: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
    let (sender, receiver) = watch::channel(0_u32);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                Some(()) = interrupt.recv() => {}
                Some(()) = terminate.recv() => {}
                Some(()) = hangup.recv() => {}
                else => return,
            }
            sender.send_modify(|times| *times += 1);
        }
    });
    Ok(receiver)
}
