//! Memory: evidence recalled on LoCoMo through the command, and what asking, writing and opening cost beside other
//! people's indexes, all of them asked the same in turns.

mod alone;
mod corpus;
mod locomo;
mod ours;
mod peers;
mod tune;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use bailiwick::contracts::SearchMode;

use crate::Failure;
use crate::machine::machine;
use crate::report::{Report, Row};
pub use alone::alone;
use corpus::Corpus;
use ours::Ours;
use peers::Peer;
pub use tune::tune;

const QUESTIONS: usize = 200;
const ROUNDS: usize = 7;
const PEERS: [&str; 5] = ["hnswlib", "usearch", "sqlite", "chroma", "lancedb"];
const OURS: &str = "bailiwick";

/// Measures everything. `BAILIWICK_BENCH_SIZES` names other numbers of records, such as `10000` or `1000000`.
pub fn measure() -> Result<Report, Failure> {
    let sizes =
        std::env::var("BAILIWICK_BENCH_SIZES").unwrap_or_else(|_| "10000,100000".to_owned());
    let mut versions = BTreeMap::from([(OURS.to_owned(), env!("CARGO_PKG_VERSION").to_owned())]);
    let mut rows = locomo::rows();
    let python = peers::python();
    for size in sizes.split(',') {
        let count: usize = size.trim().parse()?;
        let corpus = Corpus::make(count, QUESTIONS)?;
        let dir =
            std::env::temp_dir().join(format!("bailiwick-bench-{}-{count}", std::process::id()));
        let measured = measure_at(&corpus, &dir, &python, &mut versions);
        std::fs::remove_dir_all(&dir)?;
        rows.extend(measured?);
    }
    Ok(Report {
        rows,
        machine: machine(),
        versions,
        title: "Memory",
        about: "Evidence of LoCoMo's questions among the first hits, through `memory import` and `memory search \
                --batch`. Then so many generated texts of 18 words with vectors of 256 numbers (`static`), one \
                memory asked 200 questions a round, 7 interleaved rounds after one that is not counted; CPU time of \
                the asking thread for ours, of the whole process for peers, medians. Questions are embedded before. \
                `hybrid` is words and vectors together, `vector` ten nearest by vectors alone, with the share of \
                the truly nearest ten. `graph` follows the graph of neighbours, `scan` looks at every vector. \
                hnswlib and usearch: M 16, ef 200 to build and 256 to search, vectors in memory only; the others as \
                they come. `ratio` is beside ours of the same size.",
    })
}

/// One that is asked, and what it said so far.
struct Asked<'a> {
    name: String,
    way: &'static str,
    round: Box<dyn FnMut() -> Result<Option<(f64, Vec<Vec<usize>>)>, Failure> + 'a>,
    costs: Vec<f64>,
    found: Vec<Vec<usize>>,
    skipped: Option<String>,
}

fn measure_at(
    corpus: &Corpus,
    dir: &Path,
    python: &Result<std::path::PathBuf, Failure>,
    versions: &mut BTreeMap<String, String>,
) -> Result<Vec<Row>, Failure> {
    let count = corpus.texts.len();
    let mut rows = Vec::new();
    let own = ours::workspace(&dir.join("ours"))?;
    let filled_by = ours::open(&own, "exact")?;
    let mut filled = filled_by.fill(corpus, &own)?;
    let times = filled_by.to_searchable(30)?;
    drop(filled_by);
    let graph = ours::open(&own, "hnsw")?;
    filled.graph_cpu_s = graph.draw()?;
    drop(graph);
    rows.extend(cost_rows(&filled, count));
    rows.push(spread_row(OURS, "durable write to searchable", count, &times, "ms", Some(20.0)));
    rows.push(reopened(&own, corpus)?);
    let graph = ours::open(&own, "hnsw")?;
    ours::round(graph.memory(), corpus, SearchMode::Vector)?;
    let scanning = ours::open_reader(&own, "exact")?;
    peers::hand_over(corpus, dir)?;
    let mut started: Vec<(&str, Result<Peer, Failure>)> = PEERS
        .iter()
        .map(|name| match python {
            Ok(python) => (*name, Peer::start(python, name, dir)),
            Err(error) => (*name, Err(error.to_string().into())),
        })
        .collect();
    for (name, peer) in &started {
        if let Ok(peer) = peer {
            versions.insert((*name).to_owned(), peer.built.version.clone());
            rows.extend(peer_rows(name, &peer.built, count, &filled));
        }
    }
    let mut asked = own_asked(&graph, &scanning, corpus);
    asked.extend(started.iter_mut().flat_map(|(name, peer)| peer_asked(name, peer)));
    rounds(&mut asked)?;
    rows.extend(asked_rows(&asked, corpus));
    Ok(rows)
}

fn own_asked<'a>(
    graph: &'a Ours,
    scanning: &'a bailiwick::memory::Memory,
    corpus: &'a Corpus,
) -> Vec<Asked<'a>> {
    let ways = [("graph", graph.memory()), ("scan", scanning)];
    let modes = [("hybrid", SearchMode::Hybrid), ("vector", SearchMode::Vector)];
    let all = ways.into_iter().flat_map(|way| modes.map(|mode| (way, mode)));
    let asked = all.map(|((kind, memory), (way, mode))| Asked {
        name: format!("{OURS}, {kind}"),
        way,
        round: Box::new(move || ours::round(memory, corpus, mode).map(Some)),
        costs: Vec::new(),
        found: Vec::new(),
        skipped: None,
    });
    asked.collect()
}

/// Both ways share one process: it is asked for one after the other.
fn peer_asked<'a>(name: &str, peer: &'a mut Result<Peer, Failure>) -> Vec<Asked<'a>> {
    let shared = std::rc::Rc::new(std::cell::RefCell::new(peer));
    let one = |way: &'static str| {
        let (shared, skipped) = (std::rc::Rc::clone(&shared), skipped(&shared.borrow()));
        Asked {
            name: name.to_owned(),
            way,
            round: Box::new(move || match shared.borrow_mut().as_mut() {
                Ok(peer) => {
                    let round = peer.round(way)?;
                    Ok(round.skipped.is_none().then_some((round.each_ms, round.found)))
                }
                Err(_) => Ok(None),
            }),
            costs: Vec::new(),
            found: Vec::new(),
            skipped,
        }
    };
    vec![one("hybrid"), one("vector")]
}

fn skipped(peer: &Result<Peer, Failure>) -> Option<String> {
    peer.as_ref().err().map(ToString::to_string)
}

/// Everybody in turns; the first round is not counted.
fn rounds(asked: &mut [Asked<'_>]) -> Result<(), Failure> {
    for round in 0..=ROUNDS {
        for one in asked.iter_mut().filter(|it| it.skipped.is_none()) {
            match (one.round)() {
                Ok(Some((cost, found))) => {
                    if round > 0 {
                        one.costs.push(cost);
                    }
                    one.found = found;
                }
                Ok(None) => one.skipped = Some("it has no such search".to_owned()),
                Err(error) => one.skipped = Some(error.to_string()),
            }
        }
        let failed = asked.iter().find(|it| it.name.starts_with(OURS) && it.skipped.is_some());
        if let Some(failed) = failed {
            return Err(failed.skipped.clone().unwrap_or_default().into());
        }
    }
    Ok(())
}

fn asked_rows(asked: &[Asked<'_>], corpus: &Corpus) -> Vec<Row> {
    let count = corpus.texts.len();
    let median = |costs: &[f64]| {
        let mut costs = costs.to_vec();
        costs.sort_by(f64::total_cmp);
        costs.get(costs.len() / 2).copied()
    };
    let base = |way: &str| {
        let own = asked.iter().filter(|it| it.way == way && it.name.starts_with(OURS));
        own.filter_map(|it| median(&it.costs)).fold(f64::INFINITY, f64::min)
    };
    let mut rows = Vec::new();
    for one in asked {
        let (value, base) = (median(&one.costs), base(one.way));
        let (low, high) = one
            .costs
            .iter()
            .fold((f64::INFINITY, 0.0_f64), |(low, high), it| (low.min(*it), high.max(*it)));
        rows.push(Row {
            name: one.name.clone(),
            metric: format!("{} question, {count}", one.way),
            value,
            unit: "CPU-ms".to_owned(),
            vs: value.map(|_| format!("{OURS}, the faster")),
            ratio: value.map(|value| value / base),
            spread: value.map(|_| format!("{low:.2} to {high:.2}")),
            skipped: one.skipped.clone(),
        });
        if one.way == "vector" && value.is_some() {
            let recall = corpus.recall(&one.found);
            rows.push(plain(&one.name, &format!("recall@10, {count}"), recall, "", Some(0.98)));
        }
    }
    rows
}

fn cost_rows(filled: &ours::Filled, count: usize) -> Vec<Row> {
    let each = |sum: f64| sum / count as f64;
    vec![
        plain(
            OURS,
            &format!("written durably, {count}"),
            filled.records_per_s,
            "/s",
            Some(2_000.0),
        ),
        plain(OURS, &format!("indexed, {count}"), count as f64 / filled.indexed_s, "/s", None),
        plain(
            OURS,
            &format!("CPU a record until indexed, {count}"),
            each(filled.cpu_s) * 1e3,
            "ms",
            None,
        ),
        plain(
            OURS,
            &format!("CPU a record for the graph, {count}"),
            each(filled.graph_cpu_s) * 1e3,
            "ms",
            None,
        ),
        plain(OURS, &format!("memory a record, {count}"), each(filled.resident), "B", None),
        plain(OURS, &format!("disk a record, {count}"), each(filled.disk), "B", None),
    ]
}

fn peer_rows(name: &str, built: &peers::Built, count: usize, ours: &ours::Filled) -> Vec<Row> {
    let each = |sum: f64| sum / count as f64;
    let beside = |metric: String, value: f64, unit: &str, own: f64| Row {
        ratio: Some(value / own),
        vs: Some(OURS.to_owned()),
        ..plain(name, &metric, value, unit, None)
    };
    let cpu = each(ours.cpu_s + ours.graph_cpu_s) * 1e3;
    vec![
        beside(format!("CPU a record to build, {count}"), each(built.built_s) * 1e3, "ms", cpu),
        beside(format!("memory a record, {count}"), each(built.resident), "B", each(ours.resident)),
        beside(format!("disk a record, {count}"), each(built.disk), "B", each(ours.disk)),
    ]
}

/// From nothing to the first answer.
fn reopened(dir: &Path, corpus: &Corpus) -> Result<Row, Failure> {
    let mut times = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        let ours = ours::open(dir, "hnsw")?;
        let question = corpus.questions.first().ok_or("no question")?;
        ours::ask(ours.memory(), question, SearchMode::Hybrid, 10)?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(spread_row(OURS, "opened to first answer", corpus.texts.len(), &times, "ms", None))
}

fn spread_row(
    name: &str,
    metric: &str,
    count: usize,
    sorted: &[f64],
    unit: &str,
    goal: Option<f64>,
) -> Row {
    let (least, most) = (sorted.first().copied(), sorted.last().copied());
    let value = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    let (least, most) = (least.unwrap_or_default(), most.unwrap_or_default());
    let spread = Some(format!("{least:.1} to {most:.1}"));
    Row { spread, ..plain(name, &format!("{metric}, {count}"), value, unit, goal) }
}

fn plain(name: &str, metric: &str, value: f64, unit: &str, goal: Option<f64>) -> Row {
    Row {
        name: name.to_owned(),
        metric: metric.to_owned(),
        value: Some(value),
        unit: unit.to_owned(),
        vs: goal.map(|goal| format!("goal {goal}")),
        ratio: goal.map(|goal| value / goal),
        spread: None,
        skipped: None,
    }
}
