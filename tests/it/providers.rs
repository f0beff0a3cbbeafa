//! Goals planned by a model behind HTTP that misbehaves: each run ends in its time with a report and exit 5,
//! or by the next model of the chain, and nothing is done twice.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::{Ran, Space};
use super::peer::{Act, Peer, Speaks, done, plan};

const GOAL: &str = "Add a line to the log of visits";
/// What one question may take, and what a run that fails may take on a busy machine.
const TIMEOUT: &str = "4s";
const LONGEST: Duration = Duration::from_secs(60);

/// Appends a line: it must not be done twice.
fn append() -> String {
    plan(json!([
        { "tool": "write_text", "args": { "path": "visits.log", "text": "€\n", "mode": "append" }, "why": "w" },
    ]))
}

/// Runs the goal, and gives what came of it and how long it took.
fn reach(space: &Space, settings: Vec<(&'static str, String)>) -> (Ran, Duration) {
    let began = Instant::now();
    let mut command = space.command(&["run", "--goal", GOAL, "--json"]);
    command.env("BAILIWICK_MODELS__TIMEOUT", TIMEOUT).envs(settings);
    (Ran::of(command.output().unwrap()), began.elapsed())
}

/// Events of the run of this kind.
fn events(space: &Space, report: &Value, kind: &str) -> Vec<Value> {
    let run = report["run_id"].as_str().unwrap();
    let shown = space.run(&["runs", "show", run, "--events", "--json"]).expect(0).json();
    let events = shown["events"].as_array().unwrap().clone();
    events.into_iter().filter(|event| event["kind"] == kind).collect()
}

/// What a provider does for ever, how often it is asked, and the word that tells why.
fn misdeeds() -> Vec<(&'static str, Act, usize, &'static str)> {
    let utf8 =
        b"{\"message\":{\"role\":\"assistant\",\"content\":\"\xff\"},\"done\":false}\n".to_vec();
    vec![
        ("closes", Act::Close, 3, "not available"),
        ("hangs", Act::Hang, 1, "did not answer within"),
        ("cuts off in the middle", Act::Cut(append()), 3, "no usable reply"),
        ("429 for ever", Act::Status("429 Too Many Requests", ""), 3, "429"),
        (
            "429 until tomorrow",
            Act::Status("429 Too Many Requests", "Retry-After: 3000\r\n"),
            1,
            "429",
        ),
        ("garbage", Act::Raw(b"<html>busy</html>\n".to_vec()), 3, "no usable reply"),
        ("no UTF-8", Act::Raw(utf8), 3, "not UTF-8"),
        ("500", Act::Status("500 Internal Server Error", ""), 3, "500"),
        ("no such model", Act::Status("404 Not Found", ""), 1, "404"),
    ]
}

#[test]
fn whatever_a_provider_does_the_run_ends_in_time_with_a_report() {
    for speaks in [Speaks::Ollama, Speaks::OpenAi] {
        for (name, act, asked, why) in misdeeds() {
            // Garbage is no line of the other protocol, which passes over it.
            let why = if speaks == Speaks::OpenAi && name == "garbage" { "cut off" } else { why };
            let space = Space::new();
            let peer = Peer::new(speaks, vec![act]);
            let (ran, took) = reach(&space, peer.settings());
            let ran = ran.expect(5);
            let report = ran.json();
            let summary = report["summary"].as_str().unwrap();
            assert!(summary.contains(why), "{name}, {speaks:?}: {summary}");
            assert_eq!(report["error_kind"], "unavailable", "{name}, {speaks:?}");
            assert!(took < LONGEST, "{name}, {speaks:?}: {took:?}");
            let path = if speaks == Speaks::Ollama { "/api/chat" } else { "/v1/chat/completions" };
            let questions = peer.asked();
            assert_eq!(questions.len(), asked, "{name}, {speaks:?}");
            for question in questions {
                assert_eq!(question.path, path);
                assert!(question.told().contains(GOAL) && question.body["stream"] == true);
            }
            assert!(!space.path("visits.log").exists(), "{name}, {speaks:?}");
            space.run(&["verify"]).expect(0);
        }
    }
}

#[test]
fn nobody_listening_and_a_stream_without_end_are_told_as_well() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = vec![
        ("BAILIWICK_MODELS__CHAT", "[ollama/tiny]".to_owned()),
        ("BAILIWICK_MODELS__OLLAMA__URL", format!("http://{closed}")),
    ];
    let space = Space::new();
    let (ran, took) = reach(&space, nobody);
    ran.expect(5).says(&["ollama/tiny", "not available"]);
    assert!(took < LONGEST, "{took:?}");
    for speaks in [Speaks::Ollama, Speaks::OpenAi] {
        let (space, peer) = (Space::new(), Peer::new(speaks, vec![Act::Endless]));
        let (ran, took) = reach(&space, peer.settings());
        // By its bytes, or by its time where the machine is slow.
        let report = ran.expect(5).json();
        let summary = report["summary"].as_str().unwrap().to_owned();
        let bounded =
            ["does not end", "did not answer within"].iter().any(|it| summary.contains(it));
        assert!(bounded && took < LONGEST, "{took:?}: {summary}");
    }
}

#[test]
fn what_passes_is_waited_for_and_what_was_done_is_done_once() {
    for speaks in [Speaks::Ollama, Speaks::OpenAi] {
        let acts = vec![
            Act::Status("429 Too Many Requests", "Retry-After: 1\r\n"),
            Act::SayInBytes(append()),
            Act::Cut(done("never heard")),
            Act::Close,
            Act::Say(done("visited")),
        ];
        let (space, peer) = (Space::new(), Peer::new(speaks, acts));
        let (ran, took) = reach(&space, peer.settings());
        let report = ran.expect(0).json();
        assert_eq!(report["outputs"]["answer"], "visited");
        assert!(took >= Duration::from_secs(1), "asked sooner than it said: {took:?}");
        // The character that came in pieces is whole, and there once.
        assert_eq!(space.read("visits.log"), "€\n");
        assert_eq!(peer.asked().len(), 5);
        assert!(peer.asked()[4].told().contains("p1_1 write_text did well"));
        assert_eq!(events(&space, &report, "model.answered").len(), 2);
    }
}

#[test]
fn the_next_of_the_chain_is_asked_the_same_and_the_journal_says_who_answered() {
    let first = Peer::new(Speaks::Ollama, vec![Act::Status("404 Not Found", "")]);
    let second = Peer::new(Speaks::OpenAi, vec![Act::Say(append()), Act::Say(done("visited"))]);
    let mut settings = [first.settings(), second.settings()].concat();
    settings.push(("BAILIWICK_MODELS__CHAT", format!("[{}, {}]", first.model(), second.model())));
    let space = Space::new();
    let (ran, _) = reach(&space, settings);
    let report = ran.expect(0).json();
    assert_eq!(space.read("visits.log"), "€\n");
    assert_eq!((first.asked().len(), second.asked().len()), (2, 2));
    let told = |peer: &Peer| peer.asked()[0].told().to_owned();
    assert_eq!(told(&first), told(&second));
    for answered in events(&space, &report, "model.answered") {
        assert_eq!(answered["payload"]["model"], "openai/tiny");
    }
}

#[test]
fn a_provider_that_dies_after_the_first_plan_leaves_what_was_done() {
    let (space, peer) =
        (Space::new(), Peer::new(Speaks::Ollama, vec![Act::Say(append()), Act::Close]));
    let (ran, _) = reach(&space, peer.settings());
    let report = ran.expect(5).json();
    assert_eq!(report["outcome"], "failed");
    assert_eq!(space.read("visits.log"), "€\n");
    assert_eq!(events(&space, &report, "call.intent").len(), 1);
}
