//! Whether weights hold on conversations that they were not chosen on: each conversation of LoCoMo is left out once,
//! the weights are chosen on the others, one after the other, and measured on the one that was left out.
//! `bailiwick-peers memory-tune`; a look for people, no gate.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::process::Command;

use bailiwick::contracts::{MemoryDraft, MemoryQuery};
use bailiwick::memory::Memory;
use serde::Deserialize;

use super::ours;
use crate::Failure;

/// What is tried for each weight.
const TRIED: [(&str, &[f64]); 9] = [
    ("words", &[0.35, 0.45, 0.55, 0.65]),
    ("neighbours", &[0.1, 0.2, 0.3, 0.4]),
    ("reply", &[0.0, 0.15, 0.3, 0.45]),
    ("episode", &[0.0, 0.1, 0.2, 0.3]),
    ("subject", &[0.1, 0.2, 0.3, 0.4]),
    ("time", &[0.0, 0.15, 0.3]),
    ("asks", &[0.0, 0.05, 0.1]),
    ("recency", &[0.0, 0.02]),
    ("provenance", &[0.2]),
];

#[derive(Deserialize)]
struct Asked {
    text: String,
    evidence: HashSet<String>,
    conversation: String,
}

type Weights = BTreeMap<&'static str, f64>;
/// The share of evidence among the first ten, question by question.
type Found = Vec<f64>;

pub fn tune() -> Result<(), Failure> {
    let dir = std::env::temp_dir().join(format!("bailiwick-tune-{}", std::process::id()));
    let own = ours::workspace(&dir.join("ours"))?;
    let done = in_dir(&dir, &own);
    std::fs::remove_dir_all(&dir)?;
    done
}

fn in_dir(dir: &Path, own: &Path) -> Result<(), Failure> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("memory/locomo.py");
    let written = Command::new("python3")
        .arg(script)
        .args(["--bailiwick", "none", "--write"])
        .arg(dir)
        .status()?;
    if !written.success() {
        return Err("the conversations are not there".into());
    }
    let drafts: Vec<MemoryDraft> = lines(&dir.join("records.jsonl"))?;
    let asked: Vec<Asked> = lines(&dir.join("questions.jsonl"))?;
    ours::open(own, "exact")?.write_drafts(drafts)?;
    let mut known: BTreeMap<String, Found> = BTreeMap::new();
    let mut measured = |weights: &Weights| -> Result<Found, Failure> {
        let key = format!("{weights:?}");
        if let Some(found) = known.get(&key) {
            return Ok(found.clone());
        }
        let sets = weights.iter().map(|(name, value)| format!("memory.recall.{name}={value}"));
        let memory = ours::open_reader_with(own, sets.collect())?;
        let found = asked.iter().map(|it| share(&memory, it)).collect::<Result<Found, _>>()?;
        known.insert(key, found.clone());
        Ok(found)
    };
    let usual = measured(&Weights::new())?;
    let conversations: BTreeSet<&str> = asked.iter().map(|it| it.conversation.as_str()).collect();
    let (mut with_usual, mut with_chosen, mut count) = (0.0, 0.0, 0.0);
    for left_out in &conversations {
        let others = |found: &Found| mean(found, &asked, |it| it.conversation != *left_out);
        let mut chosen = Weights::new();
        for _ in 0..2 {
            for (name, values) in TRIED {
                let mut best = (others(&measured(&chosen)?), chosen.clone());
                for value in values {
                    let mut weights = chosen.clone();
                    weights.insert(name, *value);
                    let score = others(&measured(&weights)?);
                    if score > best.0 + 1e-9 {
                        best = (score, weights);
                    }
                }
                chosen = best.1;
            }
        }
        let own = |found: &Found| mean(found, &asked, |it| it.conversation == *left_out);
        let (as_usual, as_chosen) = (own(&usual), own(&measured(&chosen)?));
        println!(
            "{left_out}: r@10 {as_usual:.3} as usual, {as_chosen:.3} with weights of the others {chosen:?}"
        );
        let size = asked.iter().filter(|it| it.conversation == *left_out).count() as f64;
        (with_usual, with_chosen, count) =
            (with_usual + as_usual * size, with_chosen + as_chosen * size, count + size);
    }
    println!("all: {:.3} as usual, {:.3} left out", with_usual / count, with_chosen / count);
    for (name, values) in TRIED {
        for value in values {
            let found = measured(&Weights::from([(name, *value)]))?;
            println!("{name} {value}: {:.4}", mean(&found, &asked, |_| true));
        }
    }
    Ok(())
}

fn share(memory: &Memory, asked: &Asked) -> Result<f64, Failure> {
    let query = MemoryQuery { text: asked.text.clone(), k: 10, ..MemoryQuery::default() };
    let answer = memory.search(&query).map_err(|it| it.to_string())?;
    let names = answer.items.iter().flat_map(|it| &it.external_ids);
    let found = names.filter(|it| asked.evidence.contains(*it)).count();
    Ok(found as f64 / asked.evidence.len() as f64)
}

fn mean(found: &Found, asked: &[Asked], of: impl Fn(&Asked) -> bool) -> f64 {
    let own: Vec<f64> = found.iter().zip(asked).filter(|it| of(it.1)).map(|it| *it.0).collect();
    own.iter().sum::<f64>() / own.len().max(1) as f64
}

fn lines<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Vec<T>, Failure> {
    let text = std::fs::read_to_string(path)?;
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}
