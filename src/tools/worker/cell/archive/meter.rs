//! A reader that stops when more comes out than may.

use std::cell::Cell;
use std::io::{self, Read};

/// More came out than may: carried through readers of others as an [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("more than {0} bytes come out of it")]
pub(super) struct Overflow(u64);

/// Counts what is read, together with others that share `used`.
pub(super) struct Meter<'a, R> {
    inner: R,
    used: &'a Cell<u64>,
    max: u64,
}

impl<'a, R: Read> Meter<'a, R> {
    pub(super) const fn new(inner: R, used: &'a Cell<u64>, max: u64) -> Self {
        Self { inner, used, max }
    }
}

impl<R: Read> Read for Meter<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let used = self.used.get().saturating_add(count as u64);
        self.used.set(used);
        if used > self.max {
            return Err(io::Error::other(Overflow(self.max)));
        }
        Ok(count)
    }
}

/// Whether a failure of a reader means that too much came out.
pub(super) fn is_overflow(error: &io::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> =
        error.get_ref().map(|inner| inner as _);
    while let Some(at) = source {
        // Readers wrap failures of what they read from in failures of their own.
        if at.is::<Overflow>() || at.downcast_ref::<io::Error>().is_some_and(is_overflow) {
            return true;
        }
        source = at.source();
    }
    false
}
