//! `/openapi.json`: the table of routes as an OpenAPI 3.1 document.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::problem::PROBLEM_JSON;
use super::route::{Access, Gives, Param, Route, Takes};
use super::routes::ROUTES;

/// Statuses of problems that every route may answer with.
const ANYWHERE: [u16; 5] = [400, 403, 421, 431, 500];

/// The whole document.
pub(super) fn document() -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator();
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES.iter() {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            let method = route.method.as_str().to_lowercase();
            path.insert(method, operation(route, &mut generator));
        }
    }
    let mut schemas = generator.take_definitions(true);
    schemas.insert("Problem".to_owned(), problem());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Bailiwick",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Tasks, runs, approvals, schedules and events of one workspace.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": { "type": "apiKey", "in": "header", "name": "X-Execution-Token" },
                "bearer": { "type": "http", "scheme": "bearer" },
                "session": { "type": "apiKey", "in": "cookie", "name": "bailiwick_session" },
            },
        },
    })
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let mut operation = json!({
        "operationId": route.name,
        "summary": route.summary,
        "parameters": parameters(route),
        "responses": responses(route, generator),
        "security": match route.access {
            Access::Open | Access::Webhook => json!([]),
            Access::Token => json!([{ "token": [] }, { "bearer": [] }, { "session": [] }]),
        },
    });
    if let (Some(body), Some(fields)) = (body(route, generator), operation.as_object_mut()) {
        fields.insert("requestBody".to_owned(), body);
    }
    operation
}

/// The names between braces in a path.
pub(super) fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|part| part.split('}').next())
}

fn parameters(route: &Route) -> Vec<Value> {
    let parts = parts(route.path).map(|name| {
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    });
    let query = route.query.iter().map(|param| {
        json!({
            "name": param.name, "in": "query", "description": param.what,
            "schema": schema_of(param),
        })
    });
    let header = |name: &str, what: &str| json!({ "name": name, "in": "header", "description": what, "schema": { "type": "string" } });
    let mut parameters: Vec<Value> = parts.chain(query).collect();
    if route.takes_keys() {
        let what = "a repeated request with the same key is answered as the first time";
        parameters.push(header("Idempotency-Key", what));
    }
    if matches!(route.gives, Gives::Events) {
        parameters.push(header("Last-Event-ID", "the event to go on behind"));
    }
    parameters
}

fn schema_of(param: &Param) -> Value {
    match param.kind {
        "array" => json!({ "type": "array", "items": { "type": "string" } }),
        kind => json!({ "type": kind }),
    }
}

fn body(route: &Route, generator: &mut SchemaGenerator) -> Option<Value> {
    let (required, media_type, schema) = match route.takes {
        Takes::Nothing => return None,
        Takes::Json(of) => (true, "application/json", json!(of(generator))),
        Takes::OptionalJson(of) => (false, "application/json", json!(of(generator))),
        Takes::Bytes => (false, "*/*", json!({})),
    };
    Some(json!({ "required": required, "content": { media_type: { "schema": schema } } }))
}

fn responses(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    let content = match route.gives {
        Gives::Nothing => None,
        Gives::Json(of) => Some(json!({ "application/json": { "schema": of(generator) } })),
        Gives::Text(kind) => Some(json!({ kind: { "schema": { "type": "string" } } })),
        Gives::Bytes => Some(json!({ "*/*": { "schema": {} } })),
        Gives::Events => Some(json!({ "text/event-stream": { "schema": { "type": "string" } } })),
    };
    let mut success = json!({ "description": route.summary });
    if let (Some(content), Some(fields)) = (content, success.as_object_mut()) {
        fields.insert("content".to_owned(), content);
    }
    responses.insert(route.status.to_string(), success);
    if matches!(route.gives, Gives::Events) && route.path.contains("{run_id}") {
        let what = "the run has ended and nothing follows";
        responses.insert("204".to_owned(), json!({ "description": what }));
    }
    for status in problems(route) {
        responses.insert(
            status.to_string(),
            json!({
                "description": "a problem",
                "content": { PROBLEM_JSON: { "schema": { "$ref": "#/components/schemas/Problem" } } },
            }),
        );
    }
    Value::Object(responses)
}

/// Statuses of problems that the route may answer with.
pub(super) fn problems(route: &Route) -> Vec<u16> {
    let mut statuses: Vec<u16> =
        ANYWHERE.into_iter().chain(route.problems.iter().copied()).collect();
    if route.access != Access::Open {
        statuses.push(401);
    }
    if !matches!(route.takes, Takes::Nothing) {
        statuses.extend([408, 413]);
    }
    if matches!(route.takes, Takes::Json(_) | Takes::OptionalJson(_)) {
        statuses.extend([415, 422]);
    }
    if route.takes_keys() {
        statuses.extend([409, 422]);
    }
    statuses.push(503);
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}

/// The schema of problem documents (RFC 9457).
fn problem() -> Value {
    json!({
        "type": "object",
        "description": "What went wrong. Problems of some kinds have more members.",
        "required": ["type", "title", "status", "detail", "errors"],
        "properties": {
            "type": { "type": "string", "description": "`about:blank#` and the kind of problem" },
            "title": { "type": "string", "description": "the kind in words" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "this case of it" },
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["message"],
                    "properties": {
                        "field": { "type": "string", "description": "such as `budget.steps`" },
                        "message": { "type": "string" },
                        "code": { "type": "string" },
                        "file": { "type": "string" },
                        "line": { "type": "integer" },
                        "column": { "type": "integer" },
                        "suggestion": { "type": "string" },
                    },
                },
            },
        },
    })
}
