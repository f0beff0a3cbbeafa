//! The proxy's threads: one that accepts, one for each connection.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::forward::forward;
use super::gate::{Gate, Speech};
use super::head;
use super::incoming::{Incoming, Missing};
use super::limits::{HEAD_BYTES_MAX, REST, STACK_BYTES, TIMES, Times};
use super::refusal::{Refusal, Status};
use super::request::{Wanted, wanted};
use super::shared::Shared;
use super::tunnel::tunnel;

/// A proxy that serves.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    listener: TcpListener,
    accepting: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Serves what is accepted from `listener`, until [`stop`](Self::stop) or the end of this value.
    ///
    /// # Errors
    /// When the socket cannot be shared with a thread, or there is no thread.
    pub fn start(listener: TcpListener, gate: Gate) -> io::Result<Self> {
        Self::start_within(listener, gate, TIMES)
    }

    pub(super) fn start_within(
        listener: TcpListener,
        gate: Gate,
        times: Times,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(gate, times));
        listener.set_nonblocking(false)?;
        let (own, served) = (listener.try_clone()?, Arc::clone(&shared));
        let work = move || accept(&own, &served);
        let accepting = named("proxy-accept").spawn(work)?;
        Ok(Self { shared, listener, accepting: Some(accepting) })
    }

    /// Ends every connection, waits for every thread but those that wait for the system's lookup of a
    /// name, and says what was refused: each reason once, at most 32, then how many more.
    #[must_use]
    pub fn stop(mut self) -> Vec<String> {
        self.end();
        self.shared.refused()
    }

    fn end(&mut self) {
        let Some(accepting) = self.accepting.take() else { return };
        self.shared.stop();
        wake(&self.listener);
        if accepting.join().is_err() {
            self.shared.note(&Refusal::new(Status::Busy, "the thread that accepts broke"));
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.end();
    }
}

/// Ends the wait for a connection. Connecting to the socket would not do: it may listen in a network
/// that cannot be reached from here.
#[cfg(target_os = "linux")]
fn wake(listener: &TcpListener) {
    // One that is shut down already is what is wanted.
    let _ = rustix::net::shutdown(listener, rustix::net::Shutdown::Both);
}

/// Ends the wait for a connection. Other systems have no cells with a network of their own.
#[cfg(not(target_os = "linux"))]
fn wake(listener: &TcpListener) {
    if let Ok(address) = listener.local_addr() {
        // One that nobody accepts any more is what is wanted.
        let _ = TcpStream::connect_timeout(&address, REST);
    }
}

fn named(name: &str) -> thread::Builder {
    thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES)
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut serving: Vec<JoinHandle<()>> = Vec::new();
    while shared.take_room() {
        let started = listener.accept().and_then(|(client, _)| {
            let served = Arc::clone(shared);
            named("proxy-serve").spawn(move || {
                let _room = Room(&served);
                serve(&served, client);
            })
        });
        match started {
            Ok(handle) => serving.push(handle),
            Err(_) => {
                shared.give_room();
                // No descriptor or no thread is left for the moment; a client that is gone costs
                // nothing but this moment.
                if !shared.is_stopping() {
                    thread::sleep(REST);
                }
            }
        }
        serving = joined(serving);
    }
    for handle in serving {
        broke(shared, handle.join());
    }
}

/// A connection's place, free again when its thread ends, however it ends.
struct Room<'a>(&'a Shared);

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.0.give_room();
    }
}

/// Those that are still at work.
fn joined(serving: Vec<JoinHandle<()>>) -> Vec<JoinHandle<()>> {
    let (done, at_work) = serving.into_iter().partition(JoinHandle::is_finished);
    let done: Vec<JoinHandle<()>> = done;
    for handle in done {
        // It has finished, so there is nothing left to say about a panic but that it was one; its
        // sockets are closed.
        let _ = handle.join();
    }
    at_work
}

fn broke(shared: &Shared, ended: thread::Result<()>) {
    if ended.is_err() {
        shared.note(&Refusal::new(Status::Busy, "a thread that served broke"));
    }
}

fn serve(shared: &Shared, client: TcpStream) {
    let client = Arc::new(client);
    let Some(_watched) = shared.watch(&client) else { return };
    if let Err(Some(refusal)) = answer(shared, Incoming::new(Arc::clone(&client))) {
        shared.note(&refusal);
        refusal.tell(&client, &shared.times);
    }
}

/// Serves one request. An error is what the client must still be told, if anything.
fn answer(shared: &Shared, mut client: Incoming) -> Result<(), Option<Refusal>> {
    let deadline = Instant::now() + shared.times.head;
    let head = client.head(HEAD_BYTES_MAX, deadline).map_err(|missing| missed(&missing))?;
    let head = head::parse(&head).map_err(|why| Some(Refusal::bad(why)))?;
    match wanted(&head).map_err(Some)? {
        Wanted::Tunnel(authority) => {
            let target = shared.gate.admit(&authority, Speech::Tls).map_err(Some)?;
            tunnel(shared, client, &target).map_err(Some)
        }
        Wanted::Answer(plain) => {
            let target = shared.gate.admit(&plain.authority, Speech::Plain).map_err(Some)?;
            forward(shared, client, &plain, &target).map_err(Some)
        }
    }
}

fn missed(missing: &Missing) -> Option<Refusal> {
    match missing {
        Missing::TooLarge => {
            let why = format!("the head of a request has at most {HEAD_BYTES_MAX} bytes");
            Some(Refusal::new(Status::HeadTooLarge, why))
        }
        Missing::Late => Some(Refusal::new(Status::Timeout, "no whole request came in time")),
        Missing::Ended(false) => Some(Refusal::bad("the request has no end")),
        // Programs look whether somebody listens.
        Missing::Ended(true) | Missing::Broken(_) => None,
    }
}
