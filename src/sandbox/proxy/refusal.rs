//! Why something does not go through, said to the command and kept for the call's logs.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use super::limits::{PARTING_BYTES_MAX, REASON_CHARS_MAX, REFUSALS_MAX, Times};

/// The kinds of answer that let nothing through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    BadRequest,
    Forbidden,
    Timeout,
    HeadTooLarge,
    BadGateway,
    Busy,
    GatewayTimeout,
}

impl Status {
    const fn code(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Forbidden => 403,
            Self::Timeout => 408,
            Self::HeadTooLarge => 431,
            Self::BadGateway => 502,
            Self::Busy => 503,
            Self::GatewayTimeout => 504,
        }
    }
}

/// A refusal: one clear line with its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: Status,
    why: String,
}

impl Refusal {
    pub(super) fn new(status: Status, why: impl AsRef<str>) -> Self {
        Self { status, why: plain(why.as_ref()) }
    }

    pub(super) fn bad(why: impl AsRef<str>) -> Self {
        Self::new(Status::BadRequest, why)
    }

    pub(super) fn forbidden(why: impl AsRef<str>) -> Self {
        Self::new(Status::Forbidden, why)
    }

    /// The answer. The reason stands in the status line as well: of a refused tunnel most programs
    /// show nothing else.
    fn answer(&self) -> String {
        let (code, why) = (self.status.code(), &self.why);
        let length = why.len() + 1;
        format!(
            "HTTP/1.1 {code} {why}\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{why}\n"
        )
    }

    /// Answers and ends the connection. What is still on its way is read for a moment: a socket that is
    /// closed with unread bytes resets the connection, and the answer would be lost.
    pub(super) fn tell(&self, client: &TcpStream, times: &Times) {
        part(client, self.answer().as_bytes(), times);
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// Says `last` to a client and ends the connection. Failures are the client's loss: it is refused
/// whether it hears so or not.
pub(super) fn part(client: &TcpStream, last: &[u8], times: &Times) {
    let until = Instant::now() + times.parting;
    let mut client = client;
    if client.set_write_timeout(Some(times.parting)).is_err() || client.write_all(last).is_err() {
        return;
    }
    if client.shutdown(Shutdown::Write).is_err() {
        return;
    }
    let mut waste = [0; 4 << 10];
    let mut left = PARTING_BYTES_MAX;
    while left > 0 {
        let wait = until.saturating_duration_since(Instant::now());
        if wait.is_zero() || client.set_read_timeout(Some(wait)).is_err() {
            return;
        }
        match client.read(&mut waste) {
            Ok(0) | Err(_) => return,
            Ok(count) => left = left.saturating_sub(count),
        }
    }
}

/// `text` in one short line of printable ASCII.
fn plain(text: &str) -> String {
    let safe = text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' });
    safe.take(REASON_CHARS_MAX).collect()
}

/// What was refused, each once, with how often.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    seen: BTreeMap<String, u64>,
    more: u64,
}

impl Refusals {
    pub(super) fn note(&mut self, refusal: &Refusal) {
        if let Some(count) = self.seen.get_mut(&refusal.why) {
            *count = count.saturating_add(1);
        } else if self.seen.len() < REFUSALS_MAX {
            self.seen.insert(refusal.why.clone(), 1);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let each = self.seen.iter().map(|(why, count)| match count {
            1 => format!("proxy refused: {why}"),
            _ => format!("proxy refused {count} times: {why}"),
        });
        let more = (self.more > 0).then(|| format!("proxy refused {} more", self.more));
        each.chain(more).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_counted_once_each_and_bounded() {
        let mut refusals = Refusals::default();
        for round in 0..3 {
            for number in 0..REFUSALS_MAX + round {
                refusals.note(&Refusal::bad(format!("reason {number:03}")));
            }
        }
        let lines = refusals.lines();
        assert_eq!(lines.len(), REFUSALS_MAX + 1);
        assert_eq!(lines[0], "proxy refused 3 times: reason 000");
        assert_eq!(lines[REFUSALS_MAX], "proxy refused 3 more");
    }

    #[test]
    fn a_reason_is_one_short_printable_line() {
        let refusal = Refusal::bad(format!("a\r\nSet-Cookie: x\u{0}\u{e9}{}", "y".repeat(9_000)));
        let answer = refusal.answer();
        assert!(answer.starts_with("HTTP/1.1 400 a??Set-Cookie: x??yyy"), "{answer}");
        assert!(answer.len() < 2 * REASON_CHARS_MAX + 200);
        assert_eq!(answer.matches("\r\n").count(), 5);
    }
}
