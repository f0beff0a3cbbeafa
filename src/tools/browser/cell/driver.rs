//! The driver's process: it listens on the cell's own loopback, where nobody else is.

use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::contracts::{ErrorKind, ToolError};

/// Where it listens. The cell has a network of its own.
const PORT: u16 = 9515;
/// How long it may take until it listens.
const START: Duration = Duration::from_secs(10);
const GLANCE: Duration = Duration::from_millis(20);

/// The driver at work.
#[derive(Debug)]
pub(super) struct Driver(Child);

impl Driver {
    /// Starts it and waits until it listens.
    pub(super) async fn start(program: &Path) -> Result<Self, ToolError> {
        let mut driver = Self(spawn(program).map_err(|error| failed(program, &error.to_string()))?);
        let until = Instant::now() + START;
        while TcpStream::connect(("127.0.0.1", PORT)).await.is_err() {
            if let Ok(Some(status)) = driver.0.try_wait() {
                return Err(failed(program, &format!("it ended with {status}")));
            }
            if Instant::now() > until {
                return Err(failed(program, "it does not listen"));
            }
            sleep(GLANCE).await;
        }
        Ok(driver)
    }

    /// Where it is spoken to.
    pub(super) fn address(&self) -> String {
        format!("http://127.0.0.1:{PORT}")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The cell ends with this process, and everything in it.
        if let Err(error) = self.0.kill().and_then(|()| self.0.wait()) {
            tracing::debug!("the driver does not end: {error}");
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "this is inside of the cell already")]
fn spawn(program: &Path) -> io::Result<Child> {
    Command::new(program)
        .arg(format!("--port={PORT}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

fn failed(program: &Path, why: &str) -> ToolError {
    let program = program.display();
    ToolError::new(ErrorKind::Unavailable, format!("the driver `{program}` did not start: {why}"))
}
