//! Space on the disk: how much is left, and a file that is given up first so that answers, cancels and
//! reports can still be written when nothing new is taken any more.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

/// Size of the file that is given up, in bytes.
const BALLAST_BYTES: u64 = 8 << 20;

/// The file is made again only when this many of it would fit beyond the limit, so that it does not come
/// and go.
const ROOM: u64 = 4;

/// Written at once, in bytes.
const CHUNK: usize = 64 << 10;

/// The file's name in the state directory.
const BALLAST: &str = "ballast";

/// Space in the state directory.
#[derive(Debug)]
pub(super) struct Disk {
    dir: PathBuf,
    free_min: u64,
}

/// How the disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    /// There is enough.
    Enough,
    /// There is less than there has to be for something new.
    Low {
        /// What is left, in bytes.
        free: u64,
    },
}

impl Disk {
    /// The disk of a directory, on which `free_min` bytes have to be free.
    pub(super) const fn new(dir: PathBuf, free_min: u64) -> Self {
        Self { dir, free_min }
    }

    /// Looks at the disk; gives the ballast up when it is nearly full, and makes it again when there is
    /// room. Blocks.
    ///
    /// # Errors
    /// When the disk cannot be looked at, or the ballast cannot be removed.
    pub(super) fn look(&self) -> io::Result<Space> {
        let space = self.decide(self.free()?)?;
        // What was given up may be enough.
        if let Space::Low { .. } = space { Ok(self.judge(self.free()?)) } else { Ok(space) }
    }

    fn decide(&self, free: u64) -> io::Result<Space> {
        let space = self.judge(free);
        match space {
            Space::Low { .. } => self.give_up()?,
            Space::Enough if free >= self.free_min.saturating_add(ROOM * BALLAST_BYTES) => {
                if let Err(error) = self.make() {
                    tracing::debug!("no ballast could be made: {error}");
                }
            }
            Space::Enough => {}
        }
        Ok(space)
    }

    const fn judge(&self, free: u64) -> Space {
        if free < self.free_min { Space::Low { free } } else { Space::Enough }
    }

    fn free(&self) -> io::Result<u64> {
        let about = rustix::fs::statvfs(&self.dir)?;
        Ok(about.f_bavail.saturating_mul(about.f_frsize))
    }

    fn give_up(&self) -> io::Result<()> {
        match fs::remove_file(self.dir.join(BALLAST)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Real bytes: a file with holes would free nothing.
    fn make(&self) -> io::Result<()> {
        let path = self.dir.join(BALLAST);
        if fs::symlink_metadata(&path).is_ok_and(|about| about.len() == BALLAST_BYTES) {
            return Ok(());
        }
        self.give_up()?;
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let chunk = [0x5a_u8; CHUNK];
        let mut left = BALLAST_BYTES;
        while left > 0 {
            let part = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            file.write_all(chunk.get(..part).unwrap_or(&chunk))?;
            left -= part as u64;
        }
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ballast_is_there_while_there_is_room_and_given_up_when_there_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::new(dir.path().to_owned(), 100 * BALLAST_BYTES);
        let ballast = || fs::metadata(dir.path().join(BALLAST)).map(|about| about.len()).ok();
        let (low, near, roomy) =
            (100 * BALLAST_BYTES - 1, 103 * BALLAST_BYTES, 104 * BALLAST_BYTES);
        for (free, space, there) in [
            (near, Space::Enough, None),
            (roomy, Space::Enough, Some(BALLAST_BYTES)),
            (near, Space::Enough, Some(BALLAST_BYTES)),
            (low, Space::Low { free: low }, None),
            (low, Space::Low { free: low }, None),
            (near, Space::Enough, None),
            (roomy, Space::Enough, Some(BALLAST_BYTES)),
        ] {
            assert_eq!(disk.decide(free).unwrap(), space, "{free}");
            assert_eq!(ballast(), there, "{free}");
        }
        assert_eq!(Disk::new(dir.path().to_owned(), 0).look().unwrap(), Space::Enough);
        let full = Disk::new(dir.path().to_owned(), u64::MAX);
        assert!(matches!(full.look().unwrap(), Space::Low { .. }));
        assert_eq!(ballast(), None);
    }
}
