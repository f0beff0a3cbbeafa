//! What a daemon counts, scraped while it works.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::daemon_space::{Daemon, page};
use super::harness::Space;
use super::policies::DENY;

const WRITE: &str = r#"schema: 1
name: write
description: Writes.
inputs: { path: { type: string, default: notes/a.md } }
permissions: { tools: [write_text], write: ["."] }
steps:
  - { id: write, tool: write_text, args: { path: "${{ inputs.path }}", text: "done" } }
"#;

/// Every sample of a page, by its name and labels.
type Samples = BTreeMap<String, f64>;

/// Whether a name may be one in the text format.
fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

/// Reads `a="x",b="y"}` up to its end, and gives what is behind it.
fn after_labels(mut rest: &str) -> &str {
    loop {
        let (name, value) = rest.split_once("=\"").unwrap();
        assert!(is_name(name), "{name}");
        let mut escaped = false;
        let end = value.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        rest = &value[end.unwrap() + 1..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return rest.strip_prefix('}').unwrap(),
        }
    }
}

/// Reads a page as Prometheus does: each family announced once, with samples of it alone behind it.
fn parsed(page: &str) -> (Samples, BTreeMap<String, String>) {
    let (mut samples, mut kinds) = (Samples::new(), BTreeMap::new());
    let mut family = "";
    assert!(page.ends_with('\n'), "{page}");
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(is_name(name) && ["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
            family = name;
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(is_name(rest.split(' ').next().unwrap()), "{line}");
        } else {
            let end = line.find(['{', ' ']).unwrap();
            let (name, rest) = line.split_at(end);
            let value = rest.strip_prefix('{').map_or(rest, after_labels);
            let suffix = name.strip_prefix(family).unwrap_or_else(|| panic!("{line} in {family}"));
            let histogram = kinds[family] == "histogram";
            assert!(suffix.is_empty() != histogram, "{line}");
            assert!(!histogram || ["_bucket", "_sum", "_count"].contains(&suffix), "{line}");
            let key = line[..line.len() - value.len()].to_owned();
            let value: f64 = value.strip_prefix(' ').unwrap().parse().unwrap();
            assert!(samples.insert(key, value).is_none(), "twice: {line}");
        }
    }
    (samples, kinds)
}

/// Scrapes until it is told to stop; how often. No counter ever goes back.
fn scrape(url: String, stop: &'static AtomicBool) -> thread::JoinHandle<usize> {
    thread::spawn(move || {
        let (mut before, mut count) = (Samples::new(), 0);
        while !stop.load(Ordering::SeqCst) {
            let (now, kinds) = parsed(&page(&url, "/metrics"));
            let gauge = |key: &str| kinds.get(key.split('{').next().unwrap());
            for (key, was) in &before {
                let falls = gauge(key).is_some_and(|kind| kind == "gauge");
                assert!(falls || now[key] >= *was, "{key}: {was} -> {}", now[key]);
            }
            (before, count) = (now, count + 1);
            thread::sleep(Duration::from_millis(5));
        }
        count
    })
}

#[test]
fn every_page_is_what_prometheus_reads_and_counters_tell_what_happened() {
    static STOP: AtomicBool = AtomicBool::new(false);
    let space = Space::new();
    space.write("playbooks/write.yaml", WRITE);
    let daemon = Daemon::start(&space);
    let scraping = scrape(daemon.url.clone(), &STOP);
    let run = |path: &str, stands: &str| {
        let run = daemon.submit("write", json!({ "path": path }));
        daemon.wait_for(&run, &[stands]);
        run
    };
    (0..5).for_each(|_| drop(run("notes/a.md", "succeeded")));
    daemon.edit_rules(&space, "90-mine.yaml", DENY);
    run("reports/a.md", "denied");
    daemon.edit_rules(&space, "90-mine.yaml", "rules: 3");
    daemon.edit_rules(&space, "90-mine.yaml", &DENY.replace("effect: deny", "effect: ask"));
    for verb in ["approve", "deny"] {
        let run = run("reports/a.md", "waiting_approval");
        let (open, _) = parsed(&page(&daemon.url, "/metrics"));
        assert_eq!(open["bailiwick_approvals_open"], 1.0);
        let all = daemon.get("/api/v1/execution/approvals?status=open").body;
        let id = all["approvals"][0]["approval_id"].as_str().unwrap();
        space.run(&["approvals", verb, id]).expect(0);
        daemon.wait_for(&run, &["succeeded", "denied", "failed"]);
    }
    STOP.store(true, Ordering::SeqCst);
    assert!(scraping.join().unwrap() > 10);
    let (now, _) = parsed(&page(&daemon.url, "/metrics"));
    let family = |name: &str| -> Vec<(&str, f64)> {
        let of = now.iter().filter(|(key, _)| key.split('{').next() == Some(name));
        of.map(|(key, value)| (&key[name.len()..], *value))
            .filter(|(_, value)| *value > 0.0)
            .collect()
    };
    for (name, expected) in [
        // A call is judged again right before it runs, and one that was asked about when it is answered.
        (
            "policy_decisions_total",
            vec![
                ("{effect=\"allow\"}", 10.0),
                ("{effect=\"ask\"}", 4.0),
                ("{effect=\"deny\"}", 1.0),
            ],
        ),
        ("policy_decision_microseconds_count", vec![("", 15.0)]),
        (
            "policy_reloads_total",
            vec![("{outcome=\"refused\"}", 1.0), ("{outcome=\"taken\"}", 2.0)],
        ),
        ("policy_reload_milliseconds_count", vec![("", 3.0)]),
        ("policy_errors", vec![]),
        ("approvals_asked_total", vec![("", 2.0)]),
        ("approvals_answered_total", vec![("{answer=\"no\"}", 1.0), ("{answer=\"yes\"}", 1.0)]),
        ("approvals_open", vec![]),
    ] {
        assert_eq!(family(&format!("bailiwick_{name}")), expected, "{name}");
    }
}
