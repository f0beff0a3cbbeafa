//! Waiting for several descriptors at once.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Which of the sources can be read, or reached their end, before `wait` is over. In the order of
/// `sources`; one that is not there has no news.
///
/// # Errors
/// When the kernel does not answer.
pub fn readable(sources: &[Option<BorrowedFd<'_>>], wait: Duration) -> io::Result<Vec<bool>> {
    let mut list: Vec<_> =
        sources.iter().flatten().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
    let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
    match poll(&mut list, Some(&wait)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let mut news = list.iter().map(|fd| !fd.revents().is_empty());
    Ok(sources.iter().map(|source| source.is_some() && news.next() == Some(true)).collect())
}

/// As [`readable`], for a known number of sources.
///
/// # Errors
/// When the kernel does not answer.
pub fn readable_of<const N: usize>(
    sources: [Option<BorrowedFd<'_>>; N],
    wait: Duration,
) -> io::Result<[bool; N]> {
    let mut found = readable(&sources, wait)?.into_iter();
    Ok([(); N].map(|()| found.next() == Some(true)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;

    #[test]
    fn tells_what_can_be_read_and_what_has_ended_in_order() {
        let (quiet, _held) = std::io::pipe().unwrap();
        let (full, mut writer) = std::io::pipe().unwrap();
        let (ended, _) = std::io::pipe().unwrap();
        writer.write_all(b"x").unwrap();
        let sources = [Some(quiet.as_fd()), None, Some(full.as_fd()), Some(ended.as_fd())];
        let found = readable_of(sources, Duration::from_secs(5)).unwrap();
        assert_eq!(found, [false, false, true, true]);
    }
}
