//! The table of recall on LoCoMo, made by `memory/locomo.py` with the command itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

use crate::Failure;
use crate::report::Row;

/// The command, unless `BAILIWICK_BENCH_COMMAND` names another one.
const COMMAND: &str = "target/release/bailiwick";
const METRICS: [&str; 3] = ["r@5", "r@10", "MRR"];

#[derive(Deserialize)]
struct Table {
    rows: Vec<BTreeMap<String, Value>>,
}

/// With `static`, and with `fastembed` where it is to be had. A row says why it is not there.
pub fn rows() -> Vec<Row> {
    ["static", "fastembed"].into_iter().flat_map(of).collect()
}

fn of(embedder: &str) -> Vec<Row> {
    let made = table(embedder).and_then(|table| {
        let rows = table.rows.iter().flat_map(|row| {
            METRICS.map(|metric| {
                let name = row.get("row").and_then(Value::as_str).unwrap_or_default();
                blank(
                    &format!("LoCoMo, {embedder}: {name}"),
                    metric,
                    row.get(metric).and_then(Value::as_f64),
                )
            })
        });
        let rows: Vec<Row> = rows.collect();
        if rows.iter().any(|row| row.value.is_none()) {
            Err("a value is missing".into())
        } else {
            Ok(rows)
        }
    });
    made.unwrap_or_else(|error| {
        let all = blank(&format!("LoCoMo, {embedder}"), "r@10", None);
        vec![Row { skipped: Some(error.to_string()), ..all }]
    })
}

fn table(embedder: &str) -> Result<Table, Failure> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let command = std::env::var_os("BAILIWICK_BENCH_COMMAND");
    let command = command.map_or_else(|| here.join("../..").join(COMMAND), Into::into);
    let made = Command::new("python3")
        .arg(here.join("memory/locomo.py"))
        .args(["--json", "--embedder", embedder, "--bailiwick"])
        .arg(command)
        .stderr(Stdio::piped())
        .output()?;
    if !made.status.success() {
        let said = String::from_utf8_lossy(&made.stderr);
        return Err(said.trim().lines().last().unwrap_or("it failed").to_owned().into());
    }
    Ok(serde_json::from_slice(&made.stdout)?)
}

fn blank(name: &str, metric: &str, value: Option<f64>) -> Row {
    Row {
        name: name.to_owned(),
        metric: metric.to_owned(),
        value,
        unit: String::new(),
        vs: None,
        ratio: None,
        spread: None,
        skipped: None,
    }
}
