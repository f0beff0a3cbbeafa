//! Looking a host up, judging its addresses, and connecting to exactly one of them.
//!
//! The system's lookup cannot be called off. So it runs on a thread of its own, which nobody waits for
//! once its time is over; how many of them there are is bounded for the whole process.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::gate::{Gate, Target};
use super::limits::{DIALS_MAX, GLANCE, STACK_BYTES, Times};
use super::refusal::{Refusal, Status};
use super::shared::Shared;

static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// One of those that are under way.
struct Dial;

impl Dial {
    fn begin() -> Option<Self> {
        let more = |count| (count < DIALS_MAX).then_some(count + 1);
        UNDER_WAY.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).ok().map(|_| Self)
    }
}

impl Drop for Dial {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How far it is.
enum Step {
    /// The addresses are known and fine.
    Found,
    /// It is over.
    Done(Result<TcpStream, Refusal>),
}

/// A connection to `target`.
pub(super) fn dial(shared: &Shared, target: &Target) -> Result<TcpStream, Refusal> {
    let dial = Dial::begin().ok_or_else(|| {
        Refusal::new(Status::Busy, format!("{DIALS_MAX} connections are being made: try again"))
    })?;
    let (say, steps) = sync_channel(2);
    let (gate, times, to) = (shared.gate.clone(), shared.times, target.clone());
    let work = move || {
        let _under_way = dial;
        let done = reach(&gate, &to, &times, &say);
        // Nobody listens when the time is over.
        let _ = say.send(Step::Done(done));
    };
    let spawned =
        thread::Builder::new().name("proxy-dial".to_owned()).stack_size(STACK_BYTES).spawn(work);
    spawned
        .map_err(|error| Refusal::new(Status::Busy, format!("no thread to connect: {error}")))?;
    await_steps(shared, target, &steps)
}

fn await_steps(
    shared: &Shared,
    target: &Target,
    steps: &Receiver<Step>,
) -> Result<TcpStream, Refusal> {
    let times = &shared.times;
    let mut until = Instant::now() + times.lookup;
    let mut doing = "looked up";
    loop {
        match steps.recv_timeout(GLANCE) {
            Ok(Step::Found) => {
                until = Instant::now() + times.connect;
                doing = "reached";
            }
            Ok(Step::Done(done)) => return done,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Refusal::new(
                    Status::BadGateway,
                    format!("{target} cannot be {doing}"),
                ));
            }
            Err(RecvTimeoutError::Timeout) if shared.is_stopping() || Instant::now() >= until => {
                let why = format!("{target} could not be {doing} in time");
                return Err(Refusal::new(Status::GatewayTimeout, why));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn reach(
    gate: &Gate,
    target: &Target,
    times: &Times,
    say: &SyncSender<Step>,
) -> Result<TcpStream, Refusal> {
    let addresses = gate.addresses(target)?;
    let gone = |_| Refusal::new(Status::GatewayTimeout, "nobody waits any more");
    say.send(Step::Found).map_err(gone)?;
    connect(target, &addresses, times.connect)
}

/// Tries one address after the other; each gets its share of the time that is left.
fn connect(target: &Target, addresses: &[IpAddr], time: Duration) -> Result<TcpStream, Refusal> {
    let until = Instant::now() + time;
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let shares = (1..=addresses.len()).rev();
    for (address, share) in addresses.iter().zip(shares) {
        let left = until.saturating_duration_since(Instant::now());
        let wait = left / u32::try_from(share).unwrap_or(u32::MAX);
        if wait.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&SocketAddr::new(*address, target.port), wait) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    let late = last.kind() == io::ErrorKind::TimedOut;
    let status = if late { Status::GatewayTimeout } else { Status::BadGateway };
    Err(Refusal::new(status, format!("{target} cannot be reached: {last}")))
}
