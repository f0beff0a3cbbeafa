//! `bailiwick memory search`.

use std::io::Write;
use std::path::PathBuf;

use super::place::Finder;
use crate::cli::remote::Place;
use crate::cli::shown::one_line;
use crate::cli::{CliError, Cx, Exit, output};
use crate::contracts::{Area, MemoryAnswer, MemoryHit, MemoryQuery, SearchMode, Timestamp, Why};

/// Longest text in a table, in characters.
const TEXT_CHARS: usize = 100;

#[derive(Debug, clap::Args)]
pub(super) struct Search {
    /// What is asked
    #[arg(required_unless_present = "batch", conflicts_with = "batch")]
    question: Option<String>,
    /// Answer each question of a file of JSON lines: {id, text, area?, tags?, as_of?}
    #[arg(long, value_name = "FILE")]
    batch: Option<PathBuf>,
    /// How many records at most
    #[arg(short, long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    k: u32,
    /// Only this area; may be given several times
    #[arg(long = "area", value_name = "AREA", value_parser = super::area)]
    areas: Vec<Area>,
    /// Only records with this tag; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Only records about this subject
    #[arg(long)]
    subject: Option<String>,
    /// Answer as things stood then: a time, or a day to its end
    #[arg(long, value_name = "TIME", value_parser = super::time)]
    as_of: Option<Timestamp>,
    /// How candidates are found
    #[arg(long, value_name = "MODE", default_value = "hybrid")]
    mode: Mode,
    /// Whose vectors are used [default: the active embedder's]
    #[arg(long, value_name = "NAME")]
    embedder: Option<String>,
    /// Say of each hit why it is there, and what was nearly
    #[arg(long)]
    explain: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Mode {
    Lexical,
    Vector,
    Hybrid,
}

pub(super) fn run(
    search: Search,
    place: &Place,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let query = MemoryQuery {
        text: search.question.unwrap_or_default(),
        areas: search.areas,
        tags: search.tags,
        subject: search.subject,
        as_of: search.as_of,
        k: search.k as usize,
        mode: match search.mode {
            Mode::Lexical => SearchMode::Lexical,
            Mode::Vector => SearchMode::Vector,
            Mode::Hybrid => SearchMode::Hybrid,
        },
        embedder: search.embedder,
        explain: search.explain,
        ..MemoryQuery::default()
    };
    let finder = Finder::of(place, query.embedder.as_deref(), cx)?;
    if let Some(file) = &search.batch {
        super::batch::run(file, &query, &finder, out)?;
        return Ok(Exit::Done);
    }
    let answer = finder.search(&query)?;
    if cx.json {
        output::json(out, &answer)?;
        return Ok(Exit::Done);
    }
    for why in &answer.degraded {
        output::note(&format!("note: {why}"));
    }
    show(&answer, query.explain, out)?;
    Ok(Exit::Done)
}

fn show(answer: &MemoryAnswer, explain: bool, out: &mut dyn Write) -> Result<(), CliError> {
    if answer.items.is_empty() {
        output::line(out, "nothing is remembered about that")?;
    } else {
        let mut rows = vec![["SCORE", "MEMORY", "AREA", "WHEN", "FROM", "TEXT"].map(str::to_owned)];
        rows.extend(answer.items.iter().map(row));
        output::table(out, &rows)?;
    }
    if !explain {
        return Ok(());
    }
    for hit in answer.items.iter().chain(&answer.cut) {
        output::line(out, format!("\n{}  {}", hit.id, one_line(&hit.text, TEXT_CHARS)))?;
        for line in told(&hit.why) {
            output::line(out, format!("  {line}"))?;
        }
    }
    Ok(())
}

fn row(hit: &MemoryHit) -> [String; 6] {
    let from = match &hit.subject {
        Some(subject) => format!("{} ({})", subject, hit.origin.name()),
        None => hit.origin.name().to_owned(),
    };
    [
        format!("{:.3}", hit.score),
        hit.id.to_string(),
        hit.area.name().to_owned(),
        hit.event_time.map(|time| time.to_string()).unwrap_or_default(),
        one_line(&from, TEXT_CHARS),
        one_line(&hit.text, TEXT_CHARS),
    ]
}

fn told(why: &Why) -> Vec<String> {
    let mut told = Vec::new();
    if let (Some(rank), Some(score)) = (why.lexical_rank, why.lexical_score) {
        told.push(format!("words    place {rank}, score {score:.3}"));
    }
    if let (Some(rank), Some(cosine)) = (why.vector_rank, why.cosine) {
        told.push(format!("meaning  place {rank}, cosine {cosine:.3}"));
    }
    told.extend(why.boosts.iter().map(|(name, by)| format!("boost    {name} {by:+.3}")));
    told.extend(why.age_days.map(|days| format!("age      {days:.1} days")));
    told.extend(why.cut.iter().map(|cut| format!("cut      {cut}")));
    told
}
