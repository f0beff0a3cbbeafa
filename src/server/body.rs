//! Bodies of requests: read up to a limit, then as JSON whose mistakes name their field.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::options::ROOM_PATIENCE;
use super::problem::Problem;
use crate::contracts::Once;

/// Memory for bodies, shared by many requests.
#[derive(Debug)]
pub(super) struct Rooms {
    bytes: Arc<Semaphore>,
    /// How long a body waits.
    patience: Duration,
}

/// The part of it that one body takes.
#[derive(Debug, Default)]
pub(super) struct Room(Option<OwnedSemaphorePermit>);

impl Rooms {
    pub(super) fn new(bytes: u64) -> Self {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let bytes = Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS)));
        Self { bytes, patience: ROOM_PATIENCE }
    }

    /// Makes `room` larger by so many bytes, which have come already. What is only announced takes no
    /// room: to keep others out somebody has to send.
    async fn grow(&self, room: &mut Room, bytes: usize) -> Result<(), Problem> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let waiting = Arc::clone(&self.bytes).acquire_many_owned(bytes);
        let more = timeout(self.patience, waiting).await.map_err(|_late| no_room())?;
        let more = more.map_err(|_closed| no_room())?;
        match &mut room.0 {
            Some(room) => room.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}

fn no_room() -> Problem {
    let detail = "the bodies of other requests take all the memory there is for them: ask again";
    let title = "too much at once";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_room", title, detail)
        .retry_after(1)
        .header(header::CONNECTION, "close")
}

/// Reads a body of at most `bytes_max` bytes, whether its length was announced or not.
pub(super) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    bytes_max: u64,
    rooms: &Rooms,
) -> Result<(Bytes, Room), Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if announced.and_then(|length| length.parse::<u64>().ok()).is_some_and(|it| it > bytes_max) {
        return Err(too_large(bytes_max));
    }
    let (mut whole, mut room) = (BytesMut::new(), Room::default());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Problem::bad_request(format!("the body did not come whole: {error}"))
        })?;
        let Ok(data) = frame.into_data() else { continue };
        if (whole.len() as u64).saturating_add(data.len() as u64) > bytes_max {
            return Err(too_large(bytes_max));
        }
        rooms.grow(&mut room, data.len()).await?;
        whole.extend_from_slice(&data);
    }
    Ok((whole.freeze(), room))
}

fn too_large(bytes_max: u64) -> Problem {
    let detail = format!("a body has at most {bytes_max} bytes here (see `server.body`)");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is too large", detail)
        .header(header::CONNECTION, "close")
}

/// Refuses a body that does not say that it is JSON. Without one nothing has to be said.
pub(super) fn check_json(headers: &HeaderMap, body: &Bytes) -> Result<(), Problem> {
    if body.is_empty() {
        return Ok(());
    }
    let stated = headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes());
    let essence = stated.map(|value| value.split(|byte| *byte == b';').next().unwrap_or(value));
    if essence.is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case(b"application/json")) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "not_json",
        "the body is not JSON",
        "send the body with `Content-Type: application/json`",
    ))
}

/// Reads a body as JSON. What does not parse is 400; what parses and does not fit is 422 and names
/// the field.
pub(super) fn json<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    // Lists are not read as the fields of an object in their order.
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::invalid("the body does not fit: it is a list, not an object"));
    }
    check_syntax(body)?;
    let mut reader = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| wrong(&error))
}

/// Whether it is JSON at all, and says nothing twice. What is found wrong with it later does not fit:
/// the library calls a value of another kind a mistake of syntax.
fn check_syntax(body: &[u8]) -> Result<(), Problem> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize::<_, Once>(&mut reader);
    read.map_err(|error| match error.inner().classify() {
        serde_json::error::Category::Data => wrong(&error),
        _ => malformed(error.inner()),
    })?;
    reader.end().map_err(|error| malformed(&error))
}

/// Beginnings of messages whose field is named in them.
const OF_THE_OBJECT: [&str; 3] = ["unknown field", "missing field", "duplicate field"];

fn wrong(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let inner = error.inner();
    let path = error.path().to_string();
    let message = inner.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message);
    let message = &told(message);
    // What is missing or unknown belongs to the object itself: its name is in the message.
    let named = message
        .split('`')
        .nth(1)
        .filter(|_| OF_THE_OBJECT.iter().any(|kind| message.starts_with(kind)));
    let field = match (path.as_str(), named) {
        ("." | "", Some(name)) => name.to_owned(),
        (path, Some(name)) if !path.ends_with(name) => format!("{path}.{name}"),
        (path, _) => path.to_owned(),
    };
    let problem = Problem::invalid(format!("the body does not fit: {message}"));
    problem.error(Some(&field).filter(|it| *it != ".").map(String::as_str), message, None)
}

/// A mistake in words for people: the library speaks of the types of this program.
fn told(message: &str) -> String {
    if message == "expected value" {
        return "another kind of value belongs here".to_owned();
    }
    let Some((found, expected)) = message.split_once(", expected ") else {
        return message.to_owned();
    };
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 on",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "an object",
        "unit" => "null",
        other if other.starts_with("struct ") => "an object",
        other if other.contains("enum ") => "one of the known words",
        other => other,
    };
    format!("{found}, expected {expected}")
}

fn malformed(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
    Problem::bad_request(format!("the body is not JSON: {message}, line {line} column {column}"))
        .error(None, &message, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contracts::TaskSubmission;

    #[test]
    fn mistakes_name_their_field() {
        for (body, status, field) in [
            (r#"{"playbook":"x"}"#, 200, None),
            ("", 200, None),
            (r#"{"playbook":7}"#, 422, Some("playbook")),
            (r#"{"plybook":"x"}"#, 422, Some("plybook")),
            (r#"{"budget":{"steps":-1}}"#, 422, Some("budget.steps")),
            (r#"{"budget":{"stops":1}}"#, 422, Some("budget.stops")),
            (r#"{"attachments":[{"name":1}]}"#, 422, Some("attachments[0].name")),
            (r#"{"priority":"urgent"}"#, 422, Some("priority")),
            (r#"{"priority":9}"#, 422, Some("priority")),
            (r#"{"priority":null}"#, 422, Some("priority")),
            (r#"{"priority":[]}"#, 422, Some("priority")),
            (r#"{"priority":}"#, 400, None),
            (r#"{"goal":"a","goal":"a"}"#, 422, Some("goal")),
            (r#"{"inputs":{"v":1,"v":2}}"#, 422, Some("inputs.v")),
            (r#"{"inputs":{"v":[{"w":1,"\u0077":2}]}}"#, 422, Some("inputs.v[0].w")),
            (r#"{"inputs":{"v":{"w":1},"w":-1.5e3}}"#, 200, None),
            (r#"{"goal":"\ud800"}"#, 400, None),
            (r#"{"inputs":{"v":1e999}}"#, 400, None),
            ("[]", 422, None),
            ("{", 400, None),
            (r#"{"goal":"x"} trailing"#, 400, None),
            ("\u{0}", 400, None),
        ] {
            let read = json::<TaskSubmission>(&Bytes::from(body));
            match read {
                Ok(_) => assert_eq!(status, 200, "{body}"),
                Err(problem) => {
                    assert_eq!(problem.status().as_u16(), status, "{body}");
                    let document = problem.document();
                    let found = document["errors"][0]["field"].as_str();
                    assert_eq!(found, field, "{body}: {document}");
                }
            }
        }
    }

    #[test]
    fn mistakes_are_told_without_the_names_of_types() {
        for (body, says) in [
            (
                r#"{"budget":{"steps":-1}}"#,
                "invalid value: integer `-1`, expected a whole number from 0 on",
            ),
            (r#"{"budget":7}"#, "invalid type: integer `7`, expected an object"),
            (r#"{"attachments":7}"#, "invalid type: integer `7`, expected a list"),
            (r#"{"inputs":7}"#, "invalid type: integer `7`, expected an object"),
            (r#"{"goal":7}"#, "invalid type: integer `7`, expected a string"),
            (r#"{"goalx":7}"#, "unknown field `goalx`"),
        ] {
            let problem = json::<TaskSubmission>(&Bytes::from(body)).unwrap_err();
            let document = problem.document();
            let said = document["errors"][0]["message"].as_str().unwrap();
            assert!(said.starts_with(says), "{body}: {said}");
        }
    }

    #[tokio::test]
    async fn a_body_is_cut_at_the_limit_with_and_without_a_length() {
        let headers = HeaderMap::new();
        let rooms = Rooms::new(6);
        let read = async |text: &str, max| {
            read(&headers, Body::from(text.to_owned()), max, &rooms).await.map(|(body, _)| body)
        };
        assert_eq!(read("12345", 5).await.unwrap(), "12345");
        assert_eq!(read("123456", 5).await.unwrap_err().status(), 413);
        let mut announced = HeaderMap::new();
        announced.insert("content-length", "6".parse().unwrap());
        let refused = super::read(&announced, Body::empty(), 5, &rooms).await.unwrap_err();
        assert_eq!(refused.status(), 413);
    }

    #[tokio::test]
    async fn all_bodies_together_take_no_more_than_there_is_room_for() {
        let (headers, mut rooms) = (HeaderMap::new(), Rooms::new(10));
        rooms.patience = Duration::from_millis(1);
        let read = async |text: &'static str, rooms: &Rooms| {
            super::read(&headers, Body::from(text), 10, rooms).await
        };
        let (_, first) = read("123456", &rooms).await.unwrap();
        let refused = read("123456", &rooms).await.unwrap_err();
        assert_eq!(refused.status(), 503);
        assert!(refused.into_response().headers().contains_key("retry-after"));
        let (_, second) = read("1234", &rooms).await.unwrap();
        // Who waits gets the room that is given back.
        rooms.patience = Duration::from_mins(1);
        let (third, ()) = tokio::join!(read("123456", &rooms), async { drop(first) });
        let (body, third) = third.unwrap();
        assert_eq!(body, "123456");
        drop((second, third));
        assert_eq!(rooms.bytes.available_permits(), 10);
    }
}
