//! From a request to an answer: let in, read, recognised, worked on, in this order.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::RequestExt;
use axum::Router;
use axum::body::Body;
use axum::extract::{RawPathParams, Request};
use axum::http::header::{CACHE_CONTROL, CONNECTION, HeaderValue, TRANSFER_ENCODING};
use axum::http::{Response, StatusCode};
use axum::routing::{MethodFilter, MethodRouter, on};
use tokio::time::timeout;

use super::api::hooks;
use super::guard::Peer;
use super::idempotency;
use super::options::{BODY_PATIENCE, OPEN_BODY_BYTES_MAX, WORK_MAX, WORK_PATIENCE};
use super::problem::Problem;
use super::query::Parameters;
use super::reply::Answer;
use super::route::{Access, Call, Route, Takes};
use super::routes::ROUTES;
use super::shared::Shared;
use super::{body, guard};

/// Longest address of a request, in bytes.
const PATH_BYTES_MAX: usize = 8 * 1024;

/// The router of all routes.
pub(super) fn router(shared: &Arc<Shared>) -> Router {
    let mut router = Router::new();
    let paths: BTreeSet<&'static str> = ROUTES.iter().map(|route| route.path).collect();
    for path in paths {
        router = router.route(path, methods(shared, path));
    }
    let shared = Arc::clone(shared);
    router.fallback(move |request: Request| {
        let shared = Arc::clone(&shared);
        async move {
            let refused = identify(&shared, &request).err();
            let path: String = request.uri().path().chars().take(200).collect();
            let unknown = || Problem::not_found(format!("nothing is at `{}`", path.escape_debug()));
            refused.unwrap_or_else(unknown).into_response()
        }
    })
}

/// The methods of one path.
fn methods(shared: &Arc<Shared>, path: &'static str) -> MethodRouter {
    let here = || ROUTES.iter().filter(move |route| route.path == path);
    let mut methods = MethodRouter::new();
    for route in here() {
        let shared = Arc::clone(shared);
        let handler = move |request: Request| {
            let shared = Arc::clone(&shared);
            async move { serve(shared, route, request).await }
        };
        let Ok(filter) = MethodFilter::try_from(route.method.clone()) else { continue };
        methods = methods.merge(on(filter, handler));
    }
    let mut allowed: Vec<&str> = here().map(|route| route.method.as_str()).collect();
    if allowed.contains(&"GET") {
        allowed.push("HEAD");
    }
    let allowed = allowed.join(", ");
    let open = here().all(|route| matches!(route.access, Access::Open));
    let shared = Arc::clone(shared);
    methods.fallback(move |request: Request| {
        let (shared, allowed) = (Arc::clone(&shared), allowed.clone());
        async move {
            let refused = identify(&shared, &request).err().filter(|_| !open);
            refused.unwrap_or_else(|| Problem::method_not_allowed(&allowed)).into_response()
        }
    })
}

/// Answers every request: what happens before a route is known, and what every answer carries.
pub(super) async fn answer(
    shared: &Shared,
    router: Router,
    peer: Peer,
    mut request: Request,
) -> Response<Body> {
    let chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let checked = check(shared, peer, &request);
    let mut response = match checked {
        Err(problem) => problem.into_response(),
        Ok(()) => {
            request.extensions_mut().insert(peer);
            match tower::ServiceExt::oneshot(router, request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    };
    let headers = response.headers_mut();
    if chunked {
        // A `Content-Length` beside it has been dropped: who stands before us may have gone by it, and
        // take what follows for another request than we do.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// What has to be right whatever is asked for.
fn check(shared: &Shared, peer: Peer, request: &Request) -> Result<(), Problem> {
    guard::Guard::check_once(request.headers())?;
    shared.guard.check_names(peer, request.uri(), request.headers())?;
    check_address(request)
}

fn check_address(request: &Request) -> Result<(), Problem> {
    let uri = request.uri();
    let bytes = uri.path_and_query().map_or(0, |path| path.as_str().len());
    if bytes > PATH_BYTES_MAX {
        let detail = format!("an address has at most {PATH_BYTES_MAX} bytes");
        let title = "the address is too long";
        return Err(Problem::new(StatusCode::URI_TOO_LONG, "uri_too_long", title, detail));
    }
    Ok(())
}

fn identify(shared: &Shared, request: &Request) -> Result<guard::Caller, Problem> {
    let peer = *request
        .extensions()
        .get::<Peer>()
        .ok_or_else(|| Problem::internal(&"a request without a peer"))?;
    shared.guard.identify(peer, request.method(), request.headers(), shared.now())
}

async fn serve(shared: Arc<Shared>, route: &'static Route, request: Request) -> Response<Body> {
    let answer = match read(&shared, route, request).await {
        Ok(call) => work(shared, route, call).await,
        Err(problem) => Err(problem),
    };
    match answer {
        Ok(reply) => reply.into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// Reads a request as far as its handler needs it.
async fn read(
    shared: &Arc<Shared>,
    route: &'static Route,
    mut request: Request,
) -> Result<Call, Problem> {
    let caller = match route.access {
        Access::Token => identify(shared, &request)?,
        // Who knows a secret may have signed the body with it: that is looked at once it is here.
        Access::Webhook | Access::Open => guard::Caller::anybody(),
    };
    let (rooms, bytes_max) = match (route.access, route.takes) {
        (Access::Token, _) => (&shared.bodies, shared.body_bytes_max),
        (Access::Webhook, _) => {
            hooks::check_stated(request.headers())?;
            (&shared.bodies_of_strangers, shared.body_bytes_max)
        }
        (Access::Open, _) => {
            (&shared.bodies_of_strangers, shared.body_bytes_max.min(OPEN_BODY_BYTES_MAX))
        }
    };
    let query = Parameters::read(request.uri(), route.query)?;
    let parts: RawPathParams = request
        .extract_parts()
        .await
        .map_err(|error| Problem::bad_request(format!("the address cannot be read: {error}")))?;
    let parts: Vec<_> =
        parts.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let scope = idempotency::scope(route.path, &parts);
    let (head, body) = request.into_parts();
    let reading = body::read(&head.headers, body, bytes_max, rooms);
    let (body, room) = timeout(BODY_PATIENCE, reading).await.map_err(|_late| slow())??;
    if !matches!(route.takes, Takes::Bytes) {
        body::check_json(&head.headers, &body)?;
    }
    let key = match route.takes_keys() {
        true => idempotency::key(&head.headers, &scope, &body)?,
        false => None,
    };
    let (shared, headers) = (Arc::clone(shared), head.headers);
    Ok(Call { shared, caller, parts, query, headers, body, _room: room, scope, key })
}

/// Works on a request in a task of its own: what was begun is finished even when the caller leaves or
/// waits for no longer.
async fn work(shared: Arc<Shared>, route: &'static Route, call: Call) -> Answer {
    let turn = timeout(WORK_PATIENCE, Arc::clone(&shared.work).acquire_owned()).await;
    let turn = turn
        .map_err(|_late| too_many(format!("{WORK_MAX} requests are at work")))?
        .map_err(|_closed| stopping())?;
    // What is begun may be durable: it is never cut off, only no longer waited for. How many there
    // are has a bound, and the end of the server waits for them.
    let working = tokio::spawn(async move {
        let answer = carry_out(route, call).await;
        drop(turn);
        answer
    });
    match timeout(WORK_PATIENCE, working).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Err(Problem::internal(&error)),
        Err(_late) => Err(late(WORK_PATIENCE)),
    }
}

async fn carry_out(route: &'static Route, call: Call) -> Answer {
    let call = match route.access {
        Access::Webhook => hooks::admit(call).await?,
        Access::Token | Access::Open => call,
    };
    idempotency::once(route, call).await
}

/// 408: nobody waits longer for a body.
pub(super) fn slow() -> Problem {
    let detail = format!("the body did not come within {} s", BODY_PATIENCE.as_secs());
    Problem::new(StatusCode::REQUEST_TIMEOUT, "slow_body", "the body came too slowly", detail)
        .header(axum::http::header::CONNECTION, "close")
}

fn late(after: Duration) -> Problem {
    let detail = format!("there was no answer within {} s; it may still be done", after.as_secs());
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "late", "it took too long", detail)
}

/// 503: the server ends.
pub(super) fn stopping() -> Problem {
    let (title, detail) = ("the server is stopping", "ask again when it has been started again");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", title, detail).retry_after(5)
}

/// 503: no more connections or streams.
pub(super) fn crowded(what: &str) -> Problem {
    too_many(format!("there are as many {what} as `server.connections` allows"))
}

fn too_many(detail: String) -> Problem {
    let title = "too many at once";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "crowded", title, detail).retry_after(5)
}
