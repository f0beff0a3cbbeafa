//! What a route is: everything the router and the document need to know of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use schemars::{Schema, SchemaGenerator};

use super::body::Room;
use super::guard::Caller;
use super::problem::Problem;
use super::query::Parameters;
use super::reply::Answer;
use super::shared::Shared;
use crate::scheduler::NewKey;

/// Makes the schema of a type.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// Answers a call.
pub(super) type Handler = fn(Call) -> Pin<Box<dyn Future<Output = Answer> + Send>>;

/// One method at one address.
#[derive(Debug)]
pub(super) struct Route {
    pub method: Method,
    /// With `{names}` of its parts.
    pub path: &'static str,
    /// A stable name.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    pub access: Access,
    pub query: &'static [Param],
    pub takes: Takes,
    /// The status of success.
    pub status: u16,
    pub gives: Gives,
    /// Statuses of problems that are this route's own.
    pub problems: &'static [u16],
    pub handler: Handler,
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Who has the token.
    Token,
    /// Who knows the secret of the webhook.
    Webhook,
    /// Everybody.
    Open,
}

/// A parameter after `?`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Param {
    pub name: &'static str,
    /// One line.
    pub what: &'static str,
    /// `integer`, `boolean`, `string`, or `array`: strings, one each time that it stands there.
    pub kind: &'static str,
}

/// What a route takes as a body.
#[derive(Debug, Clone, Copy)]
pub(super) enum Takes {
    /// Nothing.
    Nothing,
    /// JSON that has to be there.
    Json(SchemaOf),
    /// JSON that may be left out.
    OptionalJson(SchemaOf),
    /// Bytes of any kind.
    Bytes,
}

/// What a route gives.
#[derive(Debug, Clone, Copy)]
pub(super) enum Gives {
    /// Nothing.
    Nothing,
    /// JSON.
    Json(SchemaOf),
    /// Text of this content type.
    Text(&'static str),
    /// Bytes of any kind, each with a media type of its own.
    Bytes,
    /// A stream of events.
    Events,
}

/// A request as handlers see it: let in, read, and within its limits.
#[derive(Debug)]
pub(super) struct Call {
    pub shared: Arc<Shared>,
    pub caller: Caller,
    /// The parts of the address, by name.
    pub parts: Vec<(String, String)>,
    pub query: Parameters,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The room that the body takes, until the call has been worked on.
    pub _room: Room,
    /// What keys of this address are compared within.
    pub scope: String,
    /// What the caller names this request by.
    pub key: Option<NewKey>,
}

impl Route {
    /// Whether a request may name itself by a key, under which its answer is kept. What everybody may
    /// ask is answered anew each time.
    pub(super) fn takes_keys(&self) -> bool {
        self.method == Method::POST && self.access != Access::Open
    }
}

impl Call {
    /// A part of the address.
    pub(super) fn part(&self, name: &str) -> &str {
        let found = self.parts.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// A part of the address as an id. What is no id names nothing.
    pub(super) fn id<T: std::str::FromStr>(&self, name: &str, what: &str) -> Result<T, Problem> {
        let text = self.part(name);
        text.parse().map_err(|_form| {
            let shown: String = text.chars().take(80).collect();
            Problem::not_found(format!("there is no {what} `{}`", shown.escape_debug()))
        })
    }

    /// The key that stands in the body of this request.
    pub(super) fn key_in_body(&self, key: &str) -> NewKey {
        super::idempotency::new(&self.scope, key, &self.body)
    }

    /// The body as JSON; an empty one is an empty object.
    pub(super) fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, Problem> {
        super::body::json(&self.body)
    }
}

/// The schema of `T`.
pub(super) fn schema<T: schemars::JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}
