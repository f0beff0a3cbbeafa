//! Descriptors that go from one process of ours to the next.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// Descriptors that come with a call: standard input, output and error, and the call's own socket.
pub const DESCRIPTORS: usize = 4;

/// The descriptors of a call; `None` when the other side is gone.
///
/// # Errors
/// When something else came, or the socket is broken.
pub fn take(from: &UnixStream) -> io::Result<Option<[OwnedFd; DESCRIPTORS]>> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut passed = RecvAncillaryBuffer::new(&mut space);
    let mut slices = [IoSliceMut::new(&mut byte)];
    let count = loop {
        match recvmsg(from, &mut slices, &mut passed, RecvFlags::CMSG_CLOEXEC) {
            Ok(message) => break message.bytes,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    };
    let mut descriptors = Vec::with_capacity(DESCRIPTORS);
    for message in passed.drain() {
        if let RecvAncillaryMessage::ScmRights(passed) = message {
            descriptors.extend(passed);
        }
    }
    if count == 0 {
        return Ok(None);
    }
    <[OwnedFd; DESCRIPTORS]>::try_from(descriptors)
        .map(Some)
        .map_err(|_| io::Error::other("a call came without its descriptors"))
}

/// Passes the descriptors of a call on.
///
/// # Errors
/// When the other side is gone.
pub fn pass_on(to: &UnixStream, descriptors: &[OwnedFd; DESCRIPTORS]) -> io::Result<()> {
    let [stdin, stdout, stderr, call] = descriptors;
    send(to, &[stdin.as_fd(), stdout.as_fd(), stderr.as_fd(), call.as_fd()], b"c")
}

/// Hands one descriptor over.
///
/// # Errors
/// When the other side is gone.
pub fn hand_over(to: &UnixStream, descriptor: impl AsFd) -> io::Result<()> {
    send(to, &[descriptor.as_fd()], b"p")
}

fn send(to: &UnixStream, descriptors: &[BorrowedFd<'_>], byte: &[u8; 1]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut passed = SendAncillaryBuffer::new(&mut space);
    if !passed.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("descriptors do not fit into a message"));
    }
    sendmsg(to, &[IoSlice::new(byte)], &mut passed, SendFlags::NOSIGNAL)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn null() -> OwnedFd {
        std::fs::File::open("/dev/null").unwrap().into()
    }

    #[test]
    fn four_descriptors_arrive_and_an_end_is_no_call() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        pass_on(&ours, &[null(), null(), null(), null()]).unwrap();
        assert!(take(&theirs).unwrap().is_some());
        drop(ours);
        assert!(take(&theirs).unwrap().is_none());
    }

    #[test]
    fn fewer_are_no_call() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        hand_over(&ours, null()).unwrap();
        assert!(take(&theirs).is_err());
    }
}
