//! The first message of TLS (RFC 8446, 4.1.2), as far as it says to whom it goes.
//!
//! A tunnel is opened for one host, and a server may answer for many. So the name that the server is
//! told must be the one that was asked for, in the clear: then a tunnel carries TLS to that host, and
//! neither another protocol nor a word to another host behind the same address.

use super::limits::HELLO_BYTES_MAX;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const RECORD_BYTES_MAX: usize = 16 << 10;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;
/// Encrypted ClientHello and its forerunner: the true name is inside.
const HIDDEN_NAMES: [u16; 2] = [0xfe0d, 0xffce];

/// How far reading got.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// More bytes must come.
    More,
    /// It is for this host.
    For(String),
}

/// Why the first bytes of a tunnel are not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum HelloFault {
    #[error("what came through the tunnel is no TLS")]
    NotTls,
    #[error("the first message of TLS is broken")]
    Broken,
    #[error("the first message of TLS is too large")]
    TooLarge,
    #[error("TLS names no server (SNI), so it cannot be told where it goes")]
    Nameless,
    #[error("TLS hides the name of the server (ECH): switch that off")]
    Hidden,
}

use HelloFault::{Broken, Hidden, Nameless, NotTls, TooLarge};

/// The host that the TLS in `bytes` is for.
pub(super) fn server_name(bytes: &[u8]) -> Result<Read, HelloFault> {
    let Some(message) = message(bytes)? else {
        return if bytes.len() > HELLO_BYTES_MAX { Err(TooLarge) } else { Ok(Read::More) };
    };
    named(&message).map(Read::For)
}

/// The handshake message at the beginning, put together from its records; `None` when there must come
/// more.
fn message(bytes: &[u8]) -> Result<Option<Vec<u8>>, HelloFault> {
    let mut input = Input(bytes);
    let mut message = Vec::new();
    loop {
        if let Some(length) = length_of(&message)? {
            if length + 4 > HELLO_BYTES_MAX {
                return Err(TooLarge);
            }
            // What follows in the same record would be another message, which a client does not send.
            match message.len().checked_sub(length + 4) {
                Some(0) => return Ok(Some(message.split_off(4))),
                Some(_) => return Err(Broken),
                None => {}
            }
        }
        let header = input.0;
        if header.first().is_some_and(|kind| *kind != HANDSHAKE)
            || header.get(1).is_some_and(|major| *major != 3)
        {
            return Err(NotTls);
        }
        let Some(part) = input.skip(3).and_then(|()| input.vector16()) else {
            return match input_length(header) {
                Some(length) if length > RECORD_BYTES_MAX => Err(NotTls),
                _ => Ok(None),
            };
        };
        if part.is_empty() || part.len() > RECORD_BYTES_MAX {
            return Err(NotTls);
        }
        message.extend(part);
    }
}

/// The length that a record's header states.
fn input_length(header: &[u8]) -> Option<usize> {
    Some(usize::from(u16::from_be_bytes([*header.get(3)?, *header.get(4)?])))
}

/// The length that the message states, once it is there.
fn length_of(message: &[u8]) -> Result<Option<usize>, HelloFault> {
    if message.first().is_some_and(|kind| *kind != CLIENT_HELLO) {
        return Err(NotTls);
    }
    let [_, a, b, c, ..] = message else { return Ok(None) };
    Ok(Some((usize::from(*a) << 16) | (usize::from(*b) << 8) | usize::from(*c)))
}

fn named(hello: &[u8]) -> Result<String, HelloFault> {
    let mut input = Input(hello);
    let before = input.skip(2 + 32).and_then(|()| input.vector8()).and_then(|_| input.vector16());
    before.and_then(|_| input.vector8()).ok_or(Broken)?;
    if input.0.is_empty() {
        return Err(Nameless);
    }
    let mut extensions = Input(input.vector16().ok_or(Broken)?);
    if !input.0.is_empty() {
        return Err(Broken);
    }
    let mut name = None;
    while !extensions.0.is_empty() {
        let kind = extensions.number16().ok_or(Broken)?;
        let content = extensions.vector16().ok_or(Broken)?;
        if HIDDEN_NAMES.contains(&kind) {
            return Err(Hidden);
        }
        if kind == SERVER_NAME && name.replace(one_name(content)?).is_some() {
            return Err(Broken);
        }
    }
    name.ok_or(Nameless)
}

/// The one name in a list of names.
fn one_name(content: &[u8]) -> Result<String, HelloFault> {
    let mut outer = Input(content);
    let mut list = Input(outer.vector16().ok_or(Broken)?);
    let kind = list.number8().ok_or(Broken)?;
    let name = list.vector16().ok_or(Broken)?;
    let sound = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    if !outer.0.is_empty() || !list.0.is_empty() || kind != HOST_NAME || !sound {
        return Err(Broken);
    }
    Ok(String::from_utf8_lossy(name).to_ascii_lowercase())
}

/// Bytes that are taken from the front.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.take(count).map(|_| ())
    }

    fn number8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn number16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn vector8(&mut self) -> Option<&'a [u8]> {
        let length = self.number8()?;
        self.take(usize::from(length))
    }

    fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = self.number16()?;
        self.take(usize::from(length))
    }
}

/// A fatal alert: `unrecognized_name` (RFC 6066) where TLS was spoken at all.
pub(super) const ALERT: [u8; 7] = [21, 3, 1, 0, 2, 2, 112];
