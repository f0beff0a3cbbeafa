//! Plain HTTP: one request to the host that was named, and its answer. A second request on the same
//! connection could name another host, so there is none.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use super::body;
use super::dial::dial;
use super::gate::Target;
use super::head::{self, Body, Head, framing, written};
use super::incoming::{Incoming, Missing};
use super::limits::{HEAD_BYTES_MAX, INTERIM_MAX, STACK_BYTES};
use super::refusal::{Refusal, Status, part};
use super::request::Plain;
use super::shared::{Activity, Shared};

/// Sends `request` to `target` and its answer to `client`. An error is one that the client was not told
/// yet.
pub(super) fn forward(
    shared: &Shared,
    mut client: Incoming,
    request: &Plain,
    target: &Target,
) -> Result<(), Refusal> {
    let server = Arc::new(dial(shared, target)?);
    let Some(_watched) = shared.watch(&server) else { return Ok(()) };
    let activity = Activity::new(shared.times.idle);
    let ready = activity.pace(client.stream()).and_then(|()| activity.pace(&server));
    let begun = ready.and_then(|()| server.as_ref().write_all(&request.head()));
    begun.map_err(|error| broken(target, &error))?;
    let (client_end, server_end) = (Arc::clone(client.stream()), Arc::clone(&server));
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("proxy-up".to_owned()).stack_size(STACK_BYTES);
        let sends = matches!(request.body, Body::Length(1..) | Body::Chunked);
        if sends {
            let upward = || {
                // A body that is broken off must not look like a whole one.
                if body::copy(request.body, &mut client, &server_end, &activity).is_err() {
                    let _ = server_end.shutdown(Shutdown::Both);
                }
            };
            builder.spawn_scoped(scope, upward).map_err(|error| broken(target, &error))?;
        }
        let answered = answer(shared, request, Incoming::new(server), &client_end, &activity);
        // The rest of a body that nobody waits for.
        let _ = server_end.shutdown(Shutdown::Both);
        if answered.is_ok() {
            part(&client_end, &[], &shared.times);
        }
        if answered.is_ok() || sends {
            let _ = client_end.shutdown(Shutdown::Read);
        }
        match answered {
            Ok(()) | Err(Unanswered::Midway) => Ok(()),
            Err(Unanswered::Yet(why)) => {
                Err(Refusal::new(Status::BadGateway, format!("{target}: {why}")))
            }
        }
    })
}

fn broken(target: &Target, error: &io::Error) -> Refusal {
    Refusal::new(Status::BadGateway, format!("the connection to {target} broke: {error}"))
}

/// Why there is no whole answer.
enum Unanswered {
    /// Nothing of it was passed on.
    Yet(String),
    /// Some of it was; there is nobody to tell.
    Midway,
}

fn answer(
    shared: &Shared,
    request: &Plain,
    mut server: Incoming,
    mut client: &TcpStream,
    activity: &Activity,
) -> Result<(), Unanswered> {
    for _ in 0..INTERIM_MAX {
        let head = answer_head(shared, &mut server, activity)?;
        let status = status(&head).ok_or_else(|| yet("the answer is no HTTP"))?;
        let body = head.body().map_err(yet)?;
        let fields = head.passed_on().map_err(yet)?;
        let interim = (100..200).contains(&status);
        if status == 101 {
            return Err(yet("the host changes the protocol, which was not asked for"));
        }
        let framing = framing(body).filter(|_| !interim);
        let mut own = vec![("Connection", "close")];
        own.extend(framing.iter().map(|(name, value)| (*name, value.as_str())));
        let own = if interim { &[] } else { own.as_slice() };
        client.write_all(&written(&head.first, &fields, own)).map_err(|_| Unanswered::Midway)?;
        if interim {
            continue;
        }
        let empty = request.method == "HEAD" || matches!(status, 204 | 304);
        activity.pace(server.stream()).map_err(|_| Unanswered::Midway)?;
        let body = if empty { Body::Length(0) } else { body };
        return body::copy(body, &mut server, client, activity).map_err(|_| {
            // A cut answer must not look like a whole one.
            let _ = client.shutdown(Shutdown::Both);
            Unanswered::Midway
        });
    }
    Err(yet("the host sends interim answers only"))
}

fn yet(why: &str) -> Unanswered {
    Unanswered::Yet(why.to_owned())
}

fn answer_head(
    shared: &Shared,
    server: &mut Incoming,
    activity: &Activity,
) -> Result<Head, Unanswered> {
    let bytes = loop {
        let why = match server.head(HEAD_BYTES_MAX, Instant::now() + shared.times.idle) {
            Ok(bytes) => break bytes,
            // The request's body is still on its way.
            Err(Missing::Late) if !activity.is_idle() => continue,
            Err(Missing::Late) => "the host did not answer in time".to_owned(),
            Err(Missing::Ended(_)) => "the host ended without an answer".to_owned(),
            Err(Missing::TooLarge) => "the head of the answer is too large".to_owned(),
            Err(Missing::Broken(error)) => format!("the host broke off: {error}"),
        };
        return Err(Unanswered::Yet(why));
    };
    head::parse(&bytes).map_err(yet)
}

/// The status in `HTTP/1.1 200 OK`.
fn status(head: &Head) -> Option<u16> {
    let rest =
        head.first.strip_prefix("HTTP/1.1 ").or_else(|| head.first.strip_prefix("HTTP/1.0 "))?;
    let digits = rest.get(..3).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let ends = rest.get(3..).is_some_and(|after| after.is_empty() || after.starts_with(' '));
    digits.parse().ok().filter(|_| ends)
}
