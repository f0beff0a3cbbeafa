//! Every bound of the proxy in one place.

use std::time::Duration;

/// Connections at once; more wait until one ends.
pub(super) const CONNECTIONS_MAX: usize = 64;
/// Request line and fields, or status line and fields.
pub(super) const HEAD_BYTES_MAX: usize = 64 << 10;
/// Fields of a head.
pub(super) const FIELDS_MAX: usize = 256;
/// The first message of TLS. Those of real clients have some 500 to 4,000 bytes.
pub(super) const HELLO_BYTES_MAX: usize = 16 << 10;
/// Answers such as `100 Continue` before the answer itself.
pub(super) const INTERIM_MAX: usize = 8;
/// The line before a chunk, and each line after the last.
pub(super) const CHUNK_LINE_BYTES_MAX: usize = 1 << 10;
/// Lines after the last chunk.
pub(super) const TRAILERS_MAX: usize = 64;
/// What is copied at once.
pub(super) const COPY_BYTES: usize = 64 << 10;
/// Addresses of one host that are looked at.
pub(super) const ADDRESSES_MAX: usize = 32;
/// Lookups and connects that are under way in this process, those that hang included.
pub(super) const DIALS_MAX: usize = 256;
/// Different refusals that are reported.
pub(super) const REFUSALS_MAX: usize = 32;
/// Characters of a reported refusal, and of the reason in an answer.
pub(super) const REASON_CHARS_MAX: usize = 300;
/// What is read and thrown away after a refusal, so that the answer arrives before the end.
pub(super) const PARTING_BYTES_MAX: usize = 64 << 10;
/// Stack of each thread.
pub(super) const STACK_BYTES: usize = 512 << 10;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// Until the head of a request is there.
    pub(super) head: Duration,
    /// Until the first message of TLS is there.
    pub(super) hello: Duration,
    /// Looking up a name.
    pub(super) lookup: Duration,
    /// Connecting, all addresses together.
    pub(super) connect: Duration,
    /// Without a byte in either direction. A connection as a whole may last as long as the call.
    pub(super) idle: Duration,
    /// For the last words to somebody who is refused.
    pub(super) parting: Duration,
}

pub(super) const TIMES: Times = Times {
    head: Duration::from_secs(10),
    hello: Duration::from_secs(10),
    lookup: Duration::from_secs(10),
    connect: Duration::from_secs(15),
    idle: Duration::from_secs(300),
    parting: Duration::from_millis(500),
};

/// How often somebody who waits looks whether it is over.
pub(super) const GLANCE: Duration = Duration::from_millis(10);
/// How long accepting rests after a failure, such as no descriptor left.
pub(super) const REST: Duration = Duration::from_millis(50);
