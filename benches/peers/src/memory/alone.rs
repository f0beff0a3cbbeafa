//! So many records that nobody waits for peers: what this program's own memory costs there, a line as soon as
//! it is known.

use std::time::Instant;

use bailiwick::contracts::SearchMode;

use super::corpus::Corpus;
use super::ours;
use crate::Failure;

const QUESTIONS: usize = 50;
const ROUNDS: usize = 3;

/// Measures `count` records in `memory.vector: exact`, then draws a graph and measures with it.
pub fn alone(count: usize) -> Result<(), Failure> {
    let corpus = Corpus::make(count, QUESTIONS)?;
    let place = std::env::temp_dir().join(format!("bailiwick-alone-{}", std::process::id()));
    let measured = measure(&corpus, &place);
    std::fs::remove_dir_all(&place)?;
    measured
}

fn measure(corpus: &Corpus, place: &std::path::Path) -> Result<(), Failure> {
    let dir = ours::workspace(place)?;
    let ours = ours::open(&dir, "exact")?;
    let filled = ours.fill(corpus, &dir)?;
    let each = |sum: f64| sum / corpus.texts.len() as f64;
    println!("written durably: {:.0} a second", filled.records_per_s);
    println!(
        "indexed after {:.0} s, {:.3} CPU-ms each",
        filled.indexed_s,
        each(filled.cpu_s) * 1e3
    );
    println!("memory {:.0} B, disk {:.0} B each", each(filled.resident), each(filled.disk));
    let times = ours.to_searchable(10)?;
    println!("found {:.1} ms after the write", times[times.len() / 2]);
    asked(&ours, corpus, "scan")?;
    drop(ours);
    let began = Instant::now();
    let ours = ours::open(&dir, "exact")?;
    ours::ask(ours.memory(), &corpus.questions[0], SearchMode::Hybrid, 10)?;
    println!("opened to the first answer: {:.1} s", began.elapsed().as_secs_f64());
    drop(ours);
    let ours = ours::open(&dir, "hnsw")?;
    println!("graph: {:.3} CPU-ms each", each(ours.draw()?) * 1e3);
    asked(&ours, corpus, "graph")
}

fn asked(ours: &ours::Ours, corpus: &Corpus, name: &str) -> Result<(), Failure> {
    for (way, mode) in [("hybrid", SearchMode::Hybrid), ("vector", SearchMode::Vector)] {
        let mut rounds = (0..=ROUNDS)
            .map(|_| ours::round(ours.memory(), corpus, mode))
            .collect::<Result<Vec<_>, _>>()?;
        let recall = corpus.recall(&rounds.remove(0).1);
        rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let median = rounds[rounds.len() / 2].0;
        println!("{name}, {way} question: {median:.2} CPU-ms, the nearest ten found: {recall:.3}");
    }
    Ok(())
}
