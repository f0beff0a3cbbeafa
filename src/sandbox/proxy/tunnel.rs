//! A tunnel: TLS to the host that was named, in both directions.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use super::body::until_end;
use super::dial::dial;
use super::gate::Target;
use super::hello::{ALERT, HelloFault, Read, server_name};
use super::incoming::{Incoming, Missing};
use super::limits::STACK_BYTES;
use super::refusal::{Refusal, part};
use super::shared::{Activity, Shared};

const OPEN: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

/// Connects `client` with `target`, says so, and carries bytes until both have ended. An error is one
/// that the client was not told yet.
pub(super) fn tunnel(
    shared: &Shared,
    mut client: Incoming,
    target: &Target,
) -> Result<(), Refusal> {
    let server = Arc::new(dial(shared, target)?);
    let Some(_watched) = shared.watch(&server) else { return Ok(()) };
    if client.stream().as_ref().write_all(OPEN).is_err() {
        return Ok(());
    }
    if let Err(fault) = hello(shared, &mut client, target) {
        // Somebody who says nothing and goes is not refused anything.
        if let Some(why) = fault {
            shared.note(&Refusal::forbidden(format!("tunnel to {target}: {why}")));
            part(client.stream(), &ALERT, &shared.times);
        }
        return Ok(());
    }
    let activity = Activity::new(shared.times.idle);
    // From here on there is nobody to tell: a connection that breaks is seen at both ends.
    let _ = carry(client, server, &activity);
    Ok(())
}

/// Waits for the first message of TLS, which stays with `client`.
fn hello(shared: &Shared, client: &mut Incoming, target: &Target) -> Result<(), Option<String>> {
    let deadline = Instant::now() + shared.times.hello;
    loop {
        match server_name(client.held()).map_err(|fault: HelloFault| Some(fault.to_string()))? {
            Read::For(name) if name.trim_end_matches('.') == target.name => return Ok(()),
            Read::For(name) => {
                return Err(Some(format!("TLS is for {name}, which is another host")));
            }
            Read::More => match client.more(deadline) {
                Ok(()) => {}
                Err(Missing::Late) => return Err(Some("no TLS came in time".to_owned())),
                Err(Missing::Ended(false)) => {
                    return Err(Some("it ended within the first message".to_owned()));
                }
                Err(_) => return Err(None),
            },
        }
    }
}

fn carry(client: Incoming, server: Arc<TcpStream>, activity: &Activity) -> io::Result<()> {
    activity.pace(client.stream())?;
    activity.pace(&server)?;
    let (client_end, server_end) = (Arc::clone(client.stream()), Arc::clone(&server));
    let (mut up, mut down) = (client, Incoming::new(server));
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("proxy-up".to_owned()).stack_size(STACK_BYTES);
        let upward = builder.spawn_scoped(scope, || one_way(&mut up, &server_end, activity))?;
        one_way(&mut down, &client_end, activity);
        upward.join().map_err(|_| io::Error::other("the thread broke"))
    })
}

/// Carries one direction to its end and passes the end on. One that breaks takes the other along.
fn one_way(from: &mut Incoming, to: &TcpStream, activity: &Activity) {
    let ended = until_end(from, to, activity).and_then(|()| to.shutdown(Shutdown::Write));
    if ended.is_err() {
        // Either may be closed already.
        let _ = (from.stream().shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}
