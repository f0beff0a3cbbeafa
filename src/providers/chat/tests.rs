//! Providers against a peer that answers well, badly, late and without end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::peer::{Act, Peer, bytes_of, lines, status};
use super::*;
use crate::ports::{Cancel, Message, Model, ModelError, Prompt, Reply, Role, Stopped, Usage};

fn prompt(seconds: u64) -> Prompt {
    let message = |role, text: &str| Message { role, text: text.to_owned() };
    Prompt {
        messages: vec![message(Role::System, "Be brief."), message(Role::User, "Grüße?")],
        schema: Some(json!({ "type": "object", "properties": { "a": { "type": "string" } } })),
        tokens_max: 64,
        wall: Duration::from_secs(seconds),
    }
}

fn ollama(peer: &Peer) -> OllamaModel {
    Ollama { url: peer.url.clone(), seed: 7, temperature: 0.0, context_tokens: Some(4096) }
        .model("tiny")
}

fn openai(peer: &Peer) -> OpenAi {
    let key = Some("sk-test".to_owned());
    let url = format!("{}/v1", peer.url);
    OpenAi::new(OpenAiOptions { url, model: "tiny".to_owned(), key, seed: 7, temperature: 0.0 })
        .unwrap()
}

fn ask(model: &dyn Model, seconds: u64) -> Result<Reply, ModelError> {
    model.ask(&prompt(seconds), &mut |_| {}, &Cancel::default())
}

fn piece(text: &str) -> String {
    json!({ "model": "tiny", "created_at": "t", "done": false,
            "message": { "role": "assistant", "content": text } })
    .to_string()
}

fn end(reason: &str) -> String {
    json!({ "model": "tiny", "created_at": "t", "done": true, "done_reason": reason,
            "message": { "role": "assistant", "content": "" },
            "prompt_eval_count": 11, "eval_count": 5 })
    .to_string()
}

const DELTA: &str = r#"data: {"choices":[{"delta":{"content":"ä{"}}]}"#;
const FINAL: &str = r#"data: {"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
const COUNTS: &str = r#"data: {"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":5}}"#;

#[test]
fn ollama_is_asked_in_its_own_form_and_heard_piece_by_piece() {
    let peer = Peer::new(vec![lines(&[&piece("{\"a\":"), &piece("\"ü\"}"), &end("stop")])]);
    let mut heard = Vec::new();
    let reply = ollama(&peer)
        .ask(&prompt(5), &mut |text| heard.push(text.to_owned()), &Cancel::default())
        .unwrap();
    assert_eq!(reply.text, "{\"a\":\"ü\"}");
    assert_eq!(heard, ["{\"a\":", "\"ü\"}", ""]);
    assert_eq!(reply.usage, Usage { input_tokens: 11, output_tokens: 5 });
    assert_eq!((reply.model.as_str(), reply.stopped), ("ollama/tiny", Stopped::Finished));
    let [sent] = &peer.sent()[..] else { panic!("one request") };
    assert!(sent.head.starts_with("POST /api/chat HTTP/1.1"), "{}", sent.head);
    assert_eq!(sent.body["model"], "tiny");
    assert_eq!(sent.body["stream"], true);
    assert_eq!(sent.body["messages"][1]["content"], "Grüße?");
    assert_eq!(sent.body["messages"][0]["role"], "system");
    assert_eq!(sent.body["format"], prompt(5).schema.unwrap());
    let options = &sent.body["options"];
    assert_eq!(
        (&options["temperature"], &options["seed"], &options["num_predict"], &options["num_ctx"]),
        (&json!(0.0), &json!(7), &json!(64), &json!(4096))
    );
}

#[test]
fn an_endpoint_of_openais_protocol_is_asked_in_that_form() {
    let peer = Peer::new(vec![lines(&[": hello", DELTA, "", FINAL, COUNTS, "data: [DONE]"])]);
    let reply = ask(&openai(&peer), 5).unwrap();
    assert_eq!((reply.text.as_str(), reply.model.as_str()), ("ä{", "openai/tiny"));
    assert_eq!(reply.usage, Usage { input_tokens: 11, output_tokens: 5 });
    let [sent] = &peer.sent()[..] else { panic!("one request") };
    assert!(sent.head.starts_with("POST /v1/chat/completions"), "{}", sent.head);
    assert!(sent.head.to_lowercase().contains("authorization: bearer sk-test"));
    assert_eq!(sent.body["response_format"]["json_schema"]["schema"], prompt(5).schema.unwrap());
    assert_eq!(sent.body["messages"][1]["role"], "user");
    assert_eq!((&sent.body["seed"], &sent.body["max_tokens"]), (&json!(7), &json!(64)));
}

#[test]
fn a_key_is_never_shown() {
    let peer = Peer::new(vec![status(
        "401 Unauthorized",
        "",
        r#"{"error":{"message":"bad key Bearer sk-test"}}"#,
    )]);
    let model = openai(&peer);
    assert!(!format!("{model:?}").contains("sk-test"));
    let error = ask(&model, 5).unwrap_err();
    assert!(matches!(error, ModelError::Refused { .. }), "{error:?}");
    // Also where the endpoint repeats it.
    assert!(error.to_string().contains("bad key") && !error.to_string().contains("sk-test"));
    let peer = Peer::new(vec![status("500 Oops", "", "sk-test is wrong")]);
    let error = ask(&openai(&peer), 5).unwrap_err().to_string();
    assert!(error.contains("is wrong") && !error.contains("sk-test"), "{error}");
    let options = OpenAiOptions {
        url: String::new(),
        model: "m".into(),
        key: Some("a\nb".into()),
        seed: 0,
        temperature: 0.0,
    };
    let error = OpenAi::new(options).unwrap_err().to_string();
    assert!(error.contains("line break") && !error.contains("a\nb"), "{error}");
}

#[test]
fn a_character_that_comes_in_two_pieces_stays_whole() {
    let ours = Peer::new(vec![bytes_of(&[&piece("äöü€😀"), &end("stop")])]);
    assert_eq!(ask(&ollama(&ours), 5).unwrap().text, "äöü€😀");
    let theirs = Peer::new(vec![bytes_of(&[DELTA, FINAL, "data: [DONE]"])]);
    assert_eq!(ask(&openai(&theirs), 5).unwrap().text, "ä{");
}

#[test]
fn a_reply_that_was_cut_for_its_length_says_so() {
    let ours = Peer::new(vec![lines(&[&piece("{\"a"), &end("length")])]);
    assert_eq!(ask(&ollama(&ours), 5).unwrap().stopped, Stopped::Length);
    let cut = FINAL.replace("stop", "length");
    let theirs = Peer::new(vec![lines(&[DELTA, &cut, "data: [DONE]"])]);
    assert_eq!(ask(&openai(&theirs), 5).unwrap().stopped, Stopped::Length);
}

/// What goes wrong, and the word that tells it.
#[test]
fn whatever_a_provider_does_there_is_one_clear_error() {
    let broken = || vec![b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"mess".to_vec()];
    let utf8 = || vec![b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"a\":\"\xff\"}\n".to_vec()];
    let short = || vec![b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{}".to_vec()];
    let cases: Vec<(&str, Act, Act, &str)> = vec![
        ("closed", Act::Close, Act::Close, "not available"),
        ("cut off", Act::Send(broken()), Act::Send(broken()), "no usable reply"),
        ("too short", Act::Send(short()), Act::Send(short()), "cut off"),
        ("no end", lines(&[&piece("a")]), lines(&[DELTA]), "cut off"),
        ("not UTF-8", Act::Send(utf8()), Act::Send(utf8()), "not UTF-8"),
        ("garbage", lines(&["<html>"]), lines(&["data: <html>"]), "not JSON"),
        ("another form", lines(&["{\"x\":1}"]), lines(&["data: 7"]), "no usable reply"),
        (
            "an error in the middle",
            lines(&[&piece("a"), r#"{"error":"out of memory"}"#]),
            lines(&[DELTA, r#"data: {"error":{"message":"out of memory"}}"#]),
            "out of memory",
        ),
        (
            "overloaded",
            status("503 Service Unavailable", "", "busy"),
            status("503 Service Unavailable", "", "busy"),
            "503",
        ),
        (
            "no such model",
            status("404 Not Found", "", r#"{"error":"model 'tiny' not found"}"#),
            status("404 Not Found", "", r#"{"error":{"message":"model 'tiny' not found"}}"#),
            "model 'tiny' not found",
        ),
        (
            "endless line",
            Act::Endless("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
            Act::Endless("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
            "does not end",
        ),
        ("silence", Act::Hang, Act::Hang, "did not answer within 1 s"),
    ];
    for (name, ours, theirs, word) in cases {
        let (ours, theirs) = (Peer::new(vec![ours]), Peer::new(vec![theirs]));
        let wall = if name == "silence" { 1 } else { 30 };
        let both: [Box<dyn Model>; 2] = [Box::new(ollama(&ours)), Box::new(openai(&theirs))];
        for model in both {
            let error = ask(model.as_ref(), wall).unwrap_err().to_string();
            assert!(error.contains(word), "{name}, {}: {error}", model.name());
        }
    }
}

#[test]
fn an_endless_stream_of_good_lines_ends_at_the_limit_of_bytes() {
    let line: &'static str = Box::leak(format!("{}\n", piece(&"x".repeat(4000))).into_boxed_str());
    let peer = Peer::new(vec![Act::Endless(line)]);
    let error = ask(&ollama(&peer), 60).unwrap_err();
    assert!(error.to_string().contains("does not end"), "{error}");
}

#[test]
fn a_question_can_be_given_up() {
    let peer = Peer::new(vec![Act::Hang]);
    let cancel = Cancel::default();
    let stopping = cancel.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        stopping.request();
    });
    let start = Instant::now();
    let asked = ollama(&peer).ask(&prompt(30), &mut |_| {}, &cancel);
    assert_eq!(asked, Err(ModelError::Cancelled));
    assert!(start.elapsed() < Duration::from_secs(10));
}

fn patience() -> Patience {
    Patience {
        first_wait: Duration::from_millis(5),
        longest_wait: Duration::from_secs(2),
        rest: Duration::from_millis(1500),
        failures_max: 3,
        ..Patience::default()
    }
}

#[test]
fn what_may_pass_is_asked_again_and_no_sooner_than_the_provider_says() {
    let good = || lines(&[&piece("ok"), &end("stop")]);
    let busy = |after: &str| status("429 Too Many Requests", after, "slow down");
    let peer = Peer::new(vec![busy("Retry-After: 1\r\n"), busy(""), good()]);
    let chain = Chain::new(vec![Arc::new(ollama(&peer))], patience());
    let start = Instant::now();
    assert_eq!(ask(&chain, 30).unwrap().text, "ok");
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert_eq!(peer.sent().len(), 3);
}

#[test]
fn what_will_not_pass_is_not_asked_again_and_the_next_model_answers() {
    let none = status("404 Not Found", "", r#"{"error":"model 'tiny' not found"}"#);
    let long = status("429 Too Many Requests", "Retry-After: 3000\r\n", "");
    let good = || lines(&[DELTA, FINAL, "data: [DONE]"]);
    for first in [none, long] {
        let (first, second) = (Peer::new(vec![first]), Peer::new(vec![good()]));
        let chain =
            Chain::new(vec![Arc::new(ollama(&first)), Arc::new(openai(&second))], patience());
        assert_eq!(ask(&chain, 30).unwrap().model, "openai/tiny");
        assert_eq!((first.sent().len(), second.sent().len()), (1, 1));
    }
}

#[test]
fn a_provider_that_fails_again_and_again_is_left_alone_for_a_while() {
    let close = || Act::Close;
    let good = lines(&[&piece("ok"), &end("stop")]);
    let peer = Peer::new(vec![close(), close(), close(), good]);
    let chain = Chain::new(vec![Arc::new(ollama(&peer))], patience());
    assert!(ask(&chain, 30).is_err());
    assert_eq!(peer.sent().len(), 3);
    let error = ask(&chain, 30).unwrap_err().to_string();
    assert!(error.contains("failed 3 times in a row"), "{error}");
    assert_eq!(peer.sent().len(), 3, "it was asked although it rests");
    std::thread::sleep(Duration::from_millis(1600));
    assert_eq!(ask(&chain, 30).unwrap().text, "ok");
}

#[test]
fn tries_and_waits_end_with_the_time_of_the_question() {
    let peer = Peer::new(vec![Act::Close, Act::Close, Act::Close]);
    let wait = Duration::from_secs(20);
    let slow = Patience { first_wait: wait, longest_wait: wait, ..patience() };
    let chain = Chain::new(vec![Arc::new(ollama(&peer))], slow);
    let start = Instant::now();
    let error = ask(&chain, 1).unwrap_err();
    assert!(matches!(error, ModelError::TimedOut { .. }), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn more_questions_than_a_minute_may_have_wait() {
    let script = Script::parse("- { say: a, again: true }").unwrap();
    let limited = Patience { per_minute: 2, ..patience() };
    let chain = Chain::new(vec![Arc::new(Scripted::new("t", script))], limited);
    assert!(ask(&chain, 1).is_ok() && ask(&chain, 1).is_ok());
    assert!(matches!(ask(&chain, 1), Err(ModelError::TimedOut { .. })));
}

#[test]
fn without_any_model_the_error_says_what_to_configure() {
    let error = ask(&Chain::new(Vec::new(), patience()), 1).unwrap_err().to_string();
    assert!(error.contains("models.chat"), "{error}");
}
