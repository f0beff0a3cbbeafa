//! Pairs that differ in one thing that matters, and pairs that say the same in other words. A gate that
//! merges nothing fails the second table, one that goes by nearness fails the first.

use super::super::{Bounds, Reading, clusters, overlap, same};
use super::candidates;

/// What differs, and the two texts.
const MINIMAL: &[(&str, &str, &str)] = &[
    ("number", "The pool has 8 connections", "The pool has 9 connections"),
    ("number", "The pool has 8 connections", "The pool has 80 connections"),
    ("number", "The pool has eight connections", "The pool has nine connections"),
    ("number", "We sold 1,000 tickets", "We sold 10,000 tickets"),
    ("number", "The factor is 1.5", "The factor is 15"),
    ("number", "It listens on port 8080", "It listens on port 8081"),
    ("number", "The offset is -5", "The offset is 5"),
    ("number", "3 dogs and 5 cats live there", "5 dogs and 3 cats live there"),
    ("number", "dogs get 3 meals and cats get 5", "cats get 3 meals and dogs get 5"),
    ("number", "Raise it from 5 to 10", "Raise it from 10 to 5"),
    ("number", "She won the first race", "She won the second race"),
    ("number", "Retry twice", "Retry three times"),
    ("number", "The score was 3/4", "The score was 1/4"),
    ("name", "Alice owns the repository", "Bob owns the repository"),
    ("name", "The repository belongs to Alice", "The repository belongs to Alicia"),
    ("name", "Carlos likes tea", "Carlo likes tea"),
    ("name", "Alice reviewed the patch of Bob", "Bob reviewed the patch of Alice"),
    ("name", "We met in Paris", "We met in Prague"),
    ("name", "It is deployed to AWS", "It is deployed to GCP"),
    ("name", "Use it with PostgreSQL", "Use it with MySQL"),
    ("name", "ask Zoë about it", "ask Zoe about it"),
    ("date", "The release is on 5 May 2026", "The release is on 6 May 2026"),
    ("date", "The release is on 2026-05-05", "The release is on 2026-06-05"),
    ("date", "The release is on May 5, 2026", "The release is on May 5, 2027"),
    ("date", "The release is in March", "The release is in April"),
    ("date", "The meeting is on Monday", "The meeting is on Tuesday"),
    ("date", "She called yesterday", "She called today"),
    ("date", "The audit is next week", "The audit is last week"),
    ("date", "It is planned for Q1 2026", "It is planned for Q2 2026"),
    ("time", "Backups start at 02:00", "Backups start at 03:00"),
    ("time", "The shop opens at 9 am", "The shop opens at 9 pm"),
    ("time", "The timeout ends at 18:00", "The timeout ends at 18:00:30"),
    ("colour", "The door is red", "The door is blue"),
    ("colour", "The grey button saves", "The green button saves"),
    ("colour", "The accent is #ff0000", "The accent is #ff00ff"),
    ("unit", "The limit is 5 MB", "The limit is 5 GB"),
    ("unit", "The limit is 5 MB", "The limit is 5 MiB"),
    ("unit", "The link has 5 MB per second", "The link has 5 Mb per second"),
    ("unit", "It takes 30 seconds", "It takes 30 minutes"),
    ("unit", "It costs $20", "It costs €20"),
    ("unit", "The track is 5 km long", "The track is 5 miles long"),
    ("unit", "It is 20 °C inside", "It is 20 °F inside"),
    ("unit", "The limit is 5 MB", "The limit is 5"),
    ("unit", "The share is 5%", "The share is 5"),
    ("negation", "The server is reachable", "The server is not reachable"),
    ("negation", "Deploys happen on Fridays", "Deploys never happen on Fridays"),
    ("negation", "The key works", "The key doesn't work"),
    ("negation", "She has a licence", "She has no licence"),
    ("negation", "do not stop and wait", "stop and do not wait"),
    ("negation", "It runs with root", "It runs without root"),
    ("qualifier", "Admins can delete records", "Only admins can delete records"),
    ("qualifier", "All tests pass", "Some tests pass"),
    ("qualifier", "The job may fail", "The job must fail"),
    ("qualifier", "The limit is about 5 MB", "The limit is 5 MB"),
    ("qualifier", "Alice is the owner", "Alice was the owner"),
    ("qualifier", "Restart before the update", "Restart after the update"),
    ("path", "The config is in /etc/app/main.conf", "The config is in /etc/app/test.conf"),
    ("path", "The config is in /etc/app.conf", "The config is in /opt/app.conf"),
    ("path", "The entry point is src/main.rs", "The entry point is src/lib.rs"),
    ("path", r"It is in C:\tools\a", r"It is in C:\tools\b"),
    ("path", "Secrets are in .env", "Secrets are in .envrc"),
    ("version", "It needs version 1.2.3", "It needs version 1.2.4"),
    ("version", "It needs v2", "It needs v3"),
    ("version", "It needs Python 3.11", "It needs Python 3.12"),
    ("version", "It needs 1.2.3", "It needs 1.2.3-rc1"),
    ("address", "Docs are at https://a.example/x", "Docs are at https://a.example/y"),
    ("address", "Write to ops@a.example", "Write to ops@b.example"),
    ("address", "The host is 10.0.0.1", "The host is 10.0.0.2"),
    ("identifier", "The database is db1", "The database is db2"),
    ("identifier", "It is set by MAX_SIZE", "It is set by MIN_SIZE"),
    ("identifier", "Pass --force to it", "Pass --dry-run to it"),
    ("identifier", "See ticket ABC-123", "See ticket ABC-124"),
    ("identifier", "The function is parseUrl", "The function is parseUri"),
    ("word", "Alice likes tea", "Alice likes coffee"),
    ("word", "The tests pass", "The tests fail"),
    ("word", "The feature is enabled", "The feature is disabled"),
    ("word", "dogs chase cats", "cats chase dogs"),
    ("word", "my brother visited her sister", "her sister visited my brother"),
    ("word", "They moved to the old office", "They moved from the old office"),
    ("word", "The left valve is open", "The right valve is open"),
    ("word", "东京的服务器", "大阪的服务器"),
    ("word", "الخادم في القاهرة", "الخادم في الرياض"),
];

/// Texts that say the same.
const PARAPHRASES: &[(&str, &str)] = &[
    (
        "Backups run every night at 02:00 on host db1",
        "Every night at 02:00 backups run on host db1",
    ),
    ("The deploy takes 5 minutes", "A deploy takes 5 min."),
    ("The pool has eight connections", "The pool has 8 connections!"),
    ("Alice owns the repository.", "alice owns the repository"),
    ("The release is on 5 May 2026", "The release is on May 5, 2026"),
    ("The release is on 2026-05-05", "The release is on 5 May 2026"),
    ("The shop opens at 9 am", "The shop opens at 09:00"),
    ("The limit is 5 MB", "The limit is 5MB"),
    ("We sold 1,000 tickets", "We sold 1000 tickets"),
    ("It costs 20 euros", "It costs €20"),
    ("The door is grey", "The door is gray"),
    ("The key doesn't work", "The key does not work"),
    ("The nightly job starts at 02:00", "The nightly job begins at 02:00"),
    ("The job needs a token", "The job requires the token"),
    ("Deploys use the release branch", "A deploy uses the release branch"),
    ("The parser is reading the file", "The parser reads the file"),
    ("The server has 32 GB of RAM", "The server has 32 GB of RAM in total"),
    ("In Paris the office is closed on Monday", "The office in Paris is closed on Mondays"),
    ("It needs version 1.2.3", "It needs version v1.2.3"),
    ("The config is in `/etc/app.conf`", "the config is in `/etc/app.conf`."),
    ("Docs are at https://a.example/x.", "docs are at https://a.example/x"),
    ("ﬁle names are long", "File names are long"),
    ("Alice’s office is on the third floor", "Alice's office is on the 3rd floor"),
    ("東京のサーバー", "東京のサーバー。"),
    ("On db1 the listener uses port 5432", "The listener on db1 uses port 5432"),
];

#[test]
fn what_differs_in_one_thing_is_never_the_same() {
    assert!(MINIMAL.len() >= 60, "{} pairs", MINIMAL.len());
    let merged: Vec<_> = MINIMAL
        .iter()
        .filter(|(_, a, b)| {
            let texts = candidates(&[a, b]);
            // As near as can be: the gate alone has to hold.
            !clusters(&texts, &|_, _| 1.0, Bounds::default()).clusters.is_empty()
        })
        .collect();
    assert!(merged.is_empty(), "merged: {merged:#?}");
}

#[test]
fn the_order_of_the_two_does_not_matter() {
    let all = MINIMAL.iter().map(|(_, a, b)| (a, b)).chain(PARAPHRASES.iter().map(|(a, b)| (a, b)));
    for (a, b) in all {
        let (left, right) = (Reading::of(a), Reading::of(b));
        assert_eq!(same(&left, &right).is_ok(), same(&right, &left).is_ok(), "{a} | {b}");
    }
}

#[test]
fn what_says_the_same_is_found() {
    let apart: Vec<_> = PARAPHRASES
        .iter()
        .filter_map(|(a, b)| Some((a, b, same(&Reading::of(a), &Reading::of(b)).err()?)))
        .collect();
    assert!(apart.is_empty(), "kept apart: {apart:#?}");
}

#[test]
fn words_in_common_are_enough_to_find_most_of_what_says_the_same() {
    let near = |(a, b): &&(&str, &str)| overlap(&Reading::of(a), &Reading::of(b)) >= 0.8;
    let found = PARAPHRASES.iter().filter(near).count();
    assert!(found * 10 >= PARAPHRASES.len() * 9, "{found} of {}", PARAPHRASES.len());
}

#[test]
fn each_pair_says_what_keeps_it_apart() {
    let said = |a: &str, b: &str| {
        same(&Reading::of(a), &Reading::of(b))
            .map_or_else(|it| it.to_string(), |()| "same".to_owned())
    };
    assert_eq!(
        said("The limit is 5 MB", "The limit is 5 GB"),
        "the number `5 MB` is not in both at the same place"
    );
    assert_eq!(said("Alice likes tea", "Alice likes coffee"), "one says `tea`, the other `coffee`");
    assert_eq!(said("dogs chase cats", "cats chase dogs"), "the same words in another order");
}
