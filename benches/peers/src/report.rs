//! Rows of a measurement: as a table for people, as JSON, and as a section of a page.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::Failure;

/// One measured value, or why there is none.
#[derive(Debug, Serialize)]
pub struct Row {
    pub name: String,
    pub metric: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    pub unit: String,
    /// With which row `ratio` compares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vs: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

/// Everything that was measured in one go.
#[derive(Debug, Serialize)]
pub struct Report {
    pub rows: Vec<Row>,
    pub machine: BTreeMap<String, String>,
    pub versions: BTreeMap<String, String>,
    #[serde(skip)]
    pub title: &'static str,
    #[serde(skip)]
    pub about: &'static str,
}

impl Report {
    /// Prints the table, writes the JSON, and puts the table into the page.
    pub fn publish(&self, name: &str) -> Result<(), Failure> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let table = self.table();
        println!("{table}");
        let dir = root.join("target/bench");
        fs::create_dir_all(&dir)?;
        fs::write(dir.join(format!("{name}.json")), serde_json::to_vec_pretty(self)?)?;
        self.write_section(name, &table, root.join("docs/benchmarks.md"))
    }

    fn table(&self) -> String {
        let mut text = String::from(
            "| what | metric | value | beside | ratio | least to most |\n|---|---|---|---|---|---|\n",
        );
        for row in &self.rows {
            let value = match (&row.skipped, row.value) {
                (Some(why), _) => format!("skipped: {why}"),
                (None, Some(value)) => format!("{} {}", shown(value), row.unit),
                (None, None) => String::new(),
            };
            let vs = row.vs.as_deref().unwrap_or("");
            let ratio = row.ratio.map(|ratio| format!("{}×", shown(ratio))).unwrap_or_default();
            let spread = row.spread.as_deref().unwrap_or("");
            let (name, metric) = (&row.name, &row.metric);
            let _ = writeln!(text, "| {name} | {metric} | {value} | {vs} | {ratio} | {spread} |");
        }
        text
    }

    /// The section of this area is replaced; what people write around it stays.
    fn write_section(&self, name: &str, table: &str, page: PathBuf) -> Result<(), Failure> {
        let text = fs::read_to_string(&page)?;
        let (open, close) = (format!("<!-- bench {name} -->\n"), format!("<!-- end {name} -->\n"));
        let (before, rest) = text
            .split_once(&open)
            .ok_or_else(|| format!("{} has no `{}`", page.display(), open.trim()))?;
        let (_, after) =
            rest.split_once(&close).ok_or_else(|| format!("`{}` is missing", close.trim()))?;
        let listed = |map: &BTreeMap<String, String>| {
            map.iter().map(|(key, value)| format!("{key} {value}")).collect::<Vec<_>>().join(", ")
        };
        let section = format!(
            "### {}\n\n{}\n\n{table}\nMachine: {}. Versions: {}.\n",
            self.title,
            self.about,
            listed(&self.machine),
            listed(&self.versions),
        );
        fs::write(page, format!("{before}{open}{section}{close}{after}"))?;
        Ok(())
    }
}

fn shown(value: f64) -> String {
    match value {
        v if v >= 1_000_000.0 => format!("{:.2} M", v / 1_000_000.0),
        v if v >= 10_000.0 => format!("{:.1} K", v / 1_000.0),
        v if v >= 100.0 => format!("{v:.0}"),
        v => format!("{v:.2}"),
    }
}
