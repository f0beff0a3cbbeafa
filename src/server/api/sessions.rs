//! Sessions of browsers.

use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::server::guard::{SESSION_COOKIE, session_cookie};
use crate::server::reply::{Answer, Reply};
use crate::server::route::Call;
use crate::server::session::SESSION_MS;

/// What begins a session.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct NewSession {
    /// The token.
    token: String,
}

/// A session.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct SessionBegun {
    /// What every change has to carry as `X-CSRF-Token`.
    csrf: String,
    /// How long it lasts, in seconds.
    expires_in_s: i64,
}

pub(in crate::server) async fn begin(call: Call) -> Answer {
    let NewSession { token } = call.json()?;
    let shared = &call.shared;
    let caller = shared.guard.holder(token.as_bytes(), shared.now())?;
    let clock = &shared.services.clock;
    let begun = shared.guard.sessions.begin(caller, clock.salt(), clock.salt(), shared.now().ms());
    let expires_in_s = SESSION_MS / 1_000;
    let cookie = cookie(&begun.cookie, expires_in_s);
    let session = SessionBegun { csrf: begun.csrf, expires_in_s };
    Reply::json(StatusCode::OK, &session)?.header(SET_COOKIE, &cookie)
}

pub(in crate::server) async fn end(call: Call) -> Answer {
    if let Some(cookie) = session_cookie(&call.headers) {
        call.shared.guard.sessions.end(cookie);
    }
    Reply::empty().header(SET_COOKIE, &cookie("", 0))
}

fn cookie(value: &str, seconds: i64) -> String {
    format!("{SESSION_COOKIE}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}")
}
