//! Questions to the person behind a client over HTTP: they come on the stream of the call.

use std::io::BufRead;

use serde_json::{Value, json};

use super::{Client, server};
use crate::execution::ask;
use crate::harness::Space;

const FILE: &str = "reports/a.md";

/// A workspace whose rules ask, and a client whose person can be asked, or not.
fn asked(flags: &[&str], capabilities: &Value) -> (Space, Client) {
    let space = Space::new();
    space.write("policies/90-asks.yaml", &ask());
    let client = Client::of(server(&space, flags), capabilities);
    (space, client)
}

/// Calls; answers each question with `result`, on a connection of its own as clients do. Gives the questions and
/// what the call answered.
fn call(client: &mut Client, result: &Value) -> (Vec<Value>, Value) {
    let params = json!({ "name": "write_text", "arguments": { "path": FILE, "text": "done" } });
    let id = client.next;
    client.next += 1;
    let stream = client.open(&client.request(id, "tools/call", &params), &[]);
    let mut questions = Vec::new();
    for line in stream.lines() {
        let line = line.unwrap();
        let Some(message) = line.strip_prefix("data: ").filter(|data| !data.is_empty()) else {
            continue;
        };
        let message: Value = serde_json::from_str(message).unwrap();
        if message["method"] == "elicitation/create" {
            let answer = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
            assert_eq!(client.post(&answer, &[]).status, 202);
            questions.push(message["params"].clone());
        } else if message["id"] == id {
            return (questions, message["result"]["structuredContent"].clone());
        }
    }
    panic!("the stream ended without an answer: {questions:?}");
}

/// Open questions of the inbox.
fn inbox(space: &Space) -> Vec<Value> {
    space.run(&["approvals", "ls", "--json"]).expect(0).json()["items"].as_array().unwrap().clone()
}

#[test]
fn a_person_is_asked_on_the_stream_of_the_call() {
    for (result, status, written) in [
        (json!({ "action": "accept", "content": { "approve": true } }), "", true),
        (json!({ "action": "accept", "content": { "approve": false } }), "denied", false),
        (json!({ "action": "decline" }), "denied", false),
    ] {
        let (space, mut client) = asked(&["--elicit"], &json!({ "elicitation": {} }));
        let (questions, answer) = call(&mut client, &result);
        assert_eq!(questions.len(), 1, "{result}: {answer}");
        let shown = questions[0]["message"].as_str().unwrap();
        assert!(shown.contains("write_text") && shown.contains(FILE), "{shown}");
        assert_eq!(questions[0]["requestedSchema"]["required"], json!(["approve"]));
        assert_eq!(answer["status"].as_str().unwrap_or_default(), status, "{result}: {answer}");
        assert_eq!(space.path(FILE).exists(), written, "{result}: {answer}");
        assert!(inbox(&space).is_empty(), "{result}");
        if written {
            let audit = space.audit().pop().unwrap();
            assert_eq!(
                (&audit["decision"], &audit["ok"]),
                (&json!("allow"), &json!(true)),
                "{audit}"
            );
        }
    }
}

#[test]
fn who_is_not_asked_finds_the_question_in_the_inbox() {
    let cancel = json!({ "action": "cancel" });
    for (flags, capabilities, asked_times) in [
        // The person turns away.
        (["--elicit"].as_slice(), json!({ "elicitation": {} }), 1),
        // The client cannot ask, or nobody wanted that it does.
        (&["--elicit"], json!({}), 0),
        (&[], json!({ "elicitation": {} }), 0),
    ] {
        let (space, mut client) = asked(flags, &capabilities);
        let (questions, answer) = call(&mut client, &cancel);
        assert_eq!(questions.len(), asked_times, "{flags:?} {capabilities}");
        assert_eq!(answer["status"], "approval_required", "{flags:?}: {answer}");
        let open = inbox(&space);
        assert_eq!(open.len(), 1, "{open:?}");
        let id = answer["approval_id"].as_str().unwrap();
        assert!(answer["to_do"].as_str().unwrap().contains(&format!("approvals approve {id}")));
        space.run(&["approvals", "approve", id]).expect(0);
        let args = json!({ "run_id": answer["run_id"] });
        let result = client.call("bailiwick_result", &args);
        assert_eq!(result["structuredContent"]["path"], FILE, "{result}");
        assert_eq!(space.read(FILE), "done");
    }
}

#[test]
fn a_call_whose_client_left_while_it_was_asked_waits_in_the_inbox() {
    let (space, mut client) = asked(&["--elicit"], &json!({ "elicitation": {} }));
    let params = json!({ "name": "write_text", "arguments": { "path": FILE, "text": "done" } });
    let stream = client.open(&client.request(7, "tools/call", &params), &[]);
    let question =
        stream.lines().map(Result::unwrap).find(|line| line.contains("elicitation/create"));
    assert!(question.is_some(), "there was no question");
    let gone = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 7 } });
    assert_eq!(client.post(&gone, &[]).status, 202);
    // The server lives on, and nothing was done.
    let read = client.call("read_text", &json!({ "path": "LICENSE" }));
    assert_eq!(read["structuredContent"]["text"], "MIT\n", "{read}");
    assert!(!space.path(FILE).exists());
}
