//! Reading from a socket with a bound on bytes and time; what was read too far is kept.

use std::io::{self, Read};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use super::limits::COPY_BYTES;
use super::shared::Activity;

/// What is read at once while a head is awaited.
const STEP_BYTES: usize = 4 << 10;

/// A socket, and bytes of it that nobody has taken yet.
#[derive(Debug)]
pub(super) struct Incoming {
    stream: Arc<TcpStream>,
    held: Vec<u8>,
}

/// Why something did not come.
#[derive(Debug)]
pub(super) enum Missing {
    /// The other side ended; `true` when it had sent nothing of it.
    Ended(bool),
    /// It is larger than the bound.
    TooLarge,
    /// The time is over.
    Late,
    /// Reading failed.
    Broken(io::Error),
}

impl Incoming {
    pub(super) const fn new(stream: Arc<TcpStream>) -> Self {
        Self { stream, held: Vec::new() }
    }

    pub(super) const fn stream(&self) -> &Arc<TcpStream> {
        &self.stream
    }

    /// The bytes that were read and not taken.
    pub(super) fn held(&self) -> &[u8] {
        &self.held
    }

    /// Reads on, until `deadline` at most.
    pub(super) fn more(&mut self, deadline: Instant) -> Result<(), Missing> {
        let wait = deadline.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            return Err(Missing::Late);
        }
        self.stream.set_read_timeout(Some(wait)).map_err(Missing::Broken)?;
        let mut step = [0; STEP_BYTES];
        match (&*self.stream).read(&mut step) {
            Ok(0) => Err(Missing::Ended(self.held.is_empty())),
            Ok(count) => {
                self.held.extend(step.iter().take(count));
                Ok(())
            }
            Err(error) if waits(&error) => Ok(()),
            Err(error) => Err(Missing::Broken(error)),
        }
    }

    /// A head with the empty line at its end.
    pub(super) fn head(&mut self, bytes_max: usize, deadline: Instant) -> Result<Vec<u8>, Missing> {
        let mut looked = 0;
        loop {
            let rest = self.held.get(looked..).unwrap_or_default();
            if let Some(at) = rest.windows(4).position(|four| four == b"\r\n\r\n") {
                let end = looked + at + 4;
                if end > bytes_max {
                    return Err(Missing::TooLarge);
                }
                let after = self.held.split_off(end);
                return Ok(std::mem::replace(&mut self.held, after));
            }
            if self.held.len() > bytes_max {
                return Err(Missing::TooLarge);
            }
            looked = self.held.len().saturating_sub(3);
            self.more(deadline)?;
        }
    }

    /// A line without its end, which must be `\r\n`.
    pub(super) fn line(&mut self, bytes_max: usize, activity: &Activity) -> io::Result<Vec<u8>> {
        loop {
            if let Some(at) = self.held.windows(2).position(|two| two == b"\r\n") {
                let mut line = self.held.split_off(0);
                self.held = line.split_off(at + 2);
                line.truncate(at);
                return Ok(line);
            }
            if self.held.len() > bytes_max {
                return Err(malformed());
            }
            let mut step = vec![0; STEP_BYTES];
            let count = self.read_on(&mut step, activity)?;
            if count == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
            self.held.extend(step.iter().take(count));
        }
    }

    /// Some bytes, those that are held first; 0 when the other side has ended.
    pub(super) fn some(&mut self, buffer: &mut [u8], activity: &Activity) -> io::Result<usize> {
        if self.held.is_empty() {
            return self.read_on(buffer, activity);
        }
        let count = buffer.len().min(self.held.len());
        for (to, from) in buffer.iter_mut().zip(self.held.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }

    /// Waits for bytes as long as any go through the connection.
    fn read_on(&mut self, buffer: &mut [u8], activity: &Activity) -> io::Result<usize> {
        loop {
            match (&*self.stream).read(buffer) {
                Ok(count) => {
                    activity.touch();
                    return Ok(count);
                }
                Err(error) if waits(&error) && !activity.is_idle() => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// A buffer for copying.
pub(super) fn buffer() -> Vec<u8> {
    vec![0; COPY_BYTES]
}

pub(super) fn malformed() -> io::Error {
    io::Error::from(io::ErrorKind::InvalidData)
}

/// Whether a read only has nothing yet.
fn waits(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(error.kind(), K::WouldBlock | K::TimedOut | K::Interrupted)
}
