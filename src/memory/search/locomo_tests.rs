//! Recall of evidence on half of LoCoMo (Maharana et al. 2024, CC BY-NC 4.0): read where it lies, never copied.
//!
//! Each turn of a conversation is one record; a question counts by the share of its evidence among the first
//! hits. Categories: 1 several places, 2 time, 3 open, 4 one place; 5 has no answer and is left out.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::tests::Ram;
use super::{Engine, Settings};
use crate::contracts::{Area, MemoryMetadata, MemoryQuery, SearchMode, Timestamp};
use crate::memory::Library;
use crate::ports::{Embedder, RecordLog};
use crate::providers::embed::{Onnx, OnnxFiles, Static};
use crate::recall::{Fusion, Weights};

struct Asked {
    text: String,
    category: u64,
    evidence: HashSet<String>,
}

struct Data {
    log: Arc<Ram>,
    library: Library,
    asked: Vec<Asked>,
}

fn data() -> Option<Data> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/locomo-dev.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    };
    let (log, mut library, mut asked) = (Arc::new(Ram::default()), Library::default(), Vec::new());
    for sample in serde_json::from_str::<Vec<Value>>(&text).unwrap() {
        let name = sample["sample_id"].as_str().unwrap();
        let turns = sample["conversation"].as_object().unwrap();
        let mut known = HashSet::new();
        for session in 1.. {
            let Some(time) = turns.get(&format!("session_{session}_date_time")) else { break };
            let time = said_at(time.as_str().unwrap());
            let told = turns.get(&format!("session_{session}")).and_then(Value::as_array);
            for (seq, turn) in told.into_iter().flatten().enumerate() {
                let id = turn["dia_id"].as_str().unwrap().to_owned();
                let metadata = MemoryMetadata {
                    subject: Some(turn["speaker"].as_str().unwrap().to_owned()),
                    episode_id: Some(format!("{name}/{session}")),
                    seq: Some(seq as u64),
                    event_time: Some(time),
                    external_ids: vec![format!("{name}/{id}")],
                    ..MemoryMetadata::default()
                };
                known.insert(id);
                let caption = turn["blip_caption"].as_str().map(|it| format!(" [image: {it}]"));
                let text =
                    format!("{}{}", turn["text"].as_str().unwrap(), caption.unwrap_or_default());
                log.write(&mut library, Area::Fragments, &text, metadata);
            }
        }
        for question in sample["qa"].as_array().unwrap() {
            let category = question["category"].as_u64().unwrap();
            let all = question["evidence"].to_string();
            let evidence = all.split(|c: char| !(c.is_alphanumeric() || c == ':'));
            let evidence =
                evidence.filter(|it| known.contains(*it)).map(|it| format!("{name}/{it}"));
            let evidence: HashSet<String> = evidence.collect();
            if category != 5 && !evidence.is_empty() {
                let text = question["question"].as_str().unwrap().to_owned();
                asked.push(Asked { text, category, evidence });
            }
        }
    }
    Some(Data { log, library, asked })
}

/// `1:56 pm on 8 May, 2023`
fn said_at(text: &str) -> Timestamp {
    let parsed = jiff::civil::DateTime::strptime("%I:%M %p on %d %B, %Y", text).unwrap();
    let zoned = parsed.to_zoned(jiff::tz::TimeZone::UTC).unwrap();
    Timestamp::from_ms(zoned.timestamp().as_millisecond())
}

#[derive(Default)]
struct Measured {
    at_5: f64,
    at_10: f64,
    first: f64,
    gain: f64,
    count: f64,
    by_category: BTreeMap<u64, (f64, f64)>,
}

impl Measured {
    fn add(&mut self, asked: &Asked, found: &[String]) {
        let all = asked.evidence.len() as f64;
        let among = |count: usize| {
            found.iter().take(count).filter(|it| asked.evidence.contains(*it)).count() as f64 / all
        };
        let discount = |rank: usize| 1.0 / ((rank + 2) as f64).log2();
        let best: f64 = (0..asked.evidence.len().min(10)).map(discount).sum();
        let hits = found.iter().enumerate().filter(|(_, it)| asked.evidence.contains(*it));
        let ranks: Vec<usize> = hits.map(|(rank, _)| rank).collect();
        self.at_5 += among(5);
        self.at_10 += among(10);
        self.first += ranks.first().map_or(0.0, |rank| 1.0 / (*rank as f64 + 1.0));
        self.gain +=
            ranks.iter().filter(|rank| **rank < 10).map(|rank| discount(*rank)).sum::<f64>() / best;
        self.count += 1.0;
        let category = self.by_category.entry(asked.category).or_default();
        *category = (category.0 + among(10), category.1 + 1.0);
    }

    fn line(&self) -> String {
        let share = |sum: f64| format!("{:.3}", sum / self.count);
        let by =
            self.by_category.iter().map(|(c, (sum, count))| format!("c{c} {:.3}", sum / count));
        let by = by.collect::<Vec<_>>().join("  ");
        let (five, ten, first, gain) =
            (share(self.at_5), share(self.at_10), share(self.first), share(self.gain));
        format!("r@5 {five}  r@10 {ten}  MRR {first}  nDCG@10 {gain}  {by}")
    }
}

fn plain(fusion: Fusion) -> Weights {
    Weights {
        fusion,
        words: 0.5,
        neighbours: 0.0,
        hops: 0,
        reply: 0.0,
        episode: 0.0,
        subject: 0.0,
        time: 0.0,
        asks: 0.0,
        ..Weights::default()
    }
}

fn measure(
    data: &Data,
    embedder: Arc<dyn Embedder>,
    weights: Weights,
    mode: SearchMode,
    every: usize,
) -> Measured {
    let dir = tempfile::tempdir().unwrap();
    let log: Arc<dyn RecordLog> = Arc::<Ram>::clone(&data.log);
    let engine =
        Engine::open(dir.path(), log, Some(embedder), Settings { weights, ..Settings::default() });
    assert!(engine.wait_for_vectors(&data.library));
    let mut measured = Measured::default();
    for asked in data.asked.iter().step_by(every) {
        let query = MemoryQuery { text: asked.text.clone(), k: 20, mode, ..MemoryQuery::default() };
        let answer = engine.search(&data.library, &query, super::tests::now()).unwrap();
        assert!(answer.degraded.is_empty(), "{:?}", answer.degraded);
        let found: Vec<String> = answer.items.iter().map(|it| it.external_ids[0].clone()).collect();
        measured.add(asked, &found);
    }
    measured
}

/// Every eighth question with the built-in embedder; the whole table is `locomo_table`.
#[test]
fn evidence_of_conversations_is_recalled_with_the_built_in_embedder() {
    let Some(data) = data() else { return };
    let embedder: Arc<dyn Embedder> = Arc::new(Static::shared().unwrap());
    let ours = measure(&data, embedder, Weights::default(), SearchMode::Hybrid, 8);
    println!("{}", ours.line());
    assert!(ours.at_10 / ours.count > 0.70, "{}", ours.line());
}

/// The built-in one, and fastembed where MODELS_ROOT has it.
fn embedders() -> Vec<Arc<dyn Embedder>> {
    let mut embedders: Vec<Arc<dyn Embedder>> = vec![Arc::new(Static::shared().unwrap())];
    #[allow(clippy::disallowed_methods, reason = "a measurement that is started by hand")]
    let root = std::env::var("MODELS_ROOT").unwrap_or_default();
    match Onnx::start(&OnnxFiles::under(&PathBuf::from(root))) {
        Ok(onnx) => embedders.push(Arc::new(onnx)),
        Err(error) => println!("skipped: {error}"),
    }
    embedders
}

#[test]
#[ignore = "two minutes: the whole table, also with fastembed where MODELS_ROOT has it"]
fn locomo_table() {
    let Some(data) = data() else { return };
    println!("{} records, {} questions", data.library.len(), data.asked.len());
    for embedder in embedders() {
        for (name, weights, mode) in [
            ("words", plain(Fusion::Linear), SearchMode::Lexical),
            ("meaning", plain(Fusion::Linear), SearchMode::Vector),
            ("rrf 60", plain(Fusion::Rrf), SearchMode::Hybrid),
            ("linear", plain(Fusion::Linear), SearchMode::Hybrid),
            ("ours", Weights::default(), SearchMode::Hybrid),
        ] {
            let measured = measure(&data, Arc::clone(&embedder), weights, mode, 1);
            println!("{:28} {name:8} {}", embedder.id(), measured.line());
        }
    }
}

/// A question and the whole session that has its evidence: documents of several hundred words.
#[test]
#[ignore = "a minute: how long texts are found by meaning alone"]
fn long_texts_table() {
    let Some(data) = data() else { return };
    let mut sessions: BTreeMap<String, String> = BTreeMap::new();
    let mut session_of: BTreeMap<String, String> = BTreeMap::new();
    for entry in data.library.iter() {
        let session = entry.metadata.episode_id.clone().unwrap();
        session_of.insert(entry.metadata.external_ids[0].clone(), session.clone());
        let text = data.log.text(&entry.text).unwrap().unwrap();
        let subject = entry.metadata.subject.as_deref().unwrap();
        let whole = sessions.entry(session).or_default();
        whole.push_str(&format!("{subject}: {text}\n"));
    }
    let (names, texts): (Vec<String>, Vec<String>) = sessions.into_iter().unzip();
    let wanted: Vec<(&str, HashSet<&str>)> = data
        .asked
        .iter()
        .map(|it| {
            (it.text.as_str(), it.evidence.iter().map(|id| session_of[id].as_str()).collect())
        })
        .collect();
    let mean = texts.iter().map(String::len).sum::<usize>() / texts.len();
    println!("{} sessions of {mean} bytes, {} questions", texts.len(), wanted.len());
    for embedder in embedders() {
        for (name, bytes) in
            [("the first 600 bytes", 600), ("the first 1,100 bytes", 1_100), ("all", usize::MAX)]
        {
            let begins = |text: &String| text.chars().take(bytes).collect::<String>();
            let cut: Vec<String> = texts.iter().map(begins).collect();
            let rows = embedder.embed(&cut.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
            let (mut first, mut five) = (0_usize, 0_usize);
            for (question, sessions) in &wanted {
                let asked = embedder.embed(&[question]).unwrap().remove(0);
                let near = |row: &Vec<f32>| row.iter().zip(&asked).map(|(a, b)| a * b).sum::<f32>();
                let mut order: Vec<(f32, &str)> =
                    rows.iter().map(near).zip(names.iter().map(String::as_str)).collect();
                order.sort_by(|a, b| b.0.total_cmp(&a.0));
                first += usize::from(sessions.contains(order[0].1));
                five += usize::from(order[..5].iter().any(|it| sessions.contains(it.1)));
            }
            let share = |count: usize| count as f64 / wanted.len() as f64;
            println!(
                "{:28} {name:22} first {:.3}  five {:.3}",
                embedder.id(),
                share(first),
                share(five)
            );
        }
    }
}
