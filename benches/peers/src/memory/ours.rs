//! This program's own memory: a workspace in a directory of its own, written and asked as the daemon does it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bailiwick::app::{App, OpenHost};
use bailiwick::cli::Cx;
use bailiwick::contracts::{Area, MemoryDraft, MemoryQuery, SearchMode};
use bailiwick::host::Host;
use bailiwick::memory::Memory;
use bailiwick::orchestrator::{Asker, SystemClock, remember};
use bailiwick::workspace::Environment;
use cpu_time::{ProcessTime, ThreadTime};

use super::corpus::Corpus;
use super::peers::resident;
use crate::Failure;

/// Records of one request, as the command sends them.
const CHUNK: usize = 256;

pub struct Ours {
    host: Host,
}

/// What filling it cost.
pub struct Filled {
    pub records_per_s: f64,
    pub indexed_s: f64,
    pub cpu_s: f64,
    pub graph_cpu_s: f64,
    pub resident: f64,
    pub disk: f64,
}

/// As the daemon opens it.
pub fn open(dir: &Path, way: &str) -> Result<Ours, Failure> {
    match app(dir, vec![format!("memory.vector={way}")])?.open_host().map_err(told)? {
        OpenHost::Host(host) => Ok(Ours { host }),
        OpenHost::Busy { .. } => Err(format!("a process holds {}", dir.display()).into()),
    }
}

/// As a command opens it beside the daemon: reads alone.
pub fn open_reader(dir: &Path, way: &str) -> Result<Memory, Failure> {
    open_reader_with(dir, vec![format!("memory.vector={way}")])
}

/// The same with these settings.
pub fn open_reader_with(dir: &Path, sets: Vec<String>) -> Result<Memory, Failure> {
    let clock: Arc<dyn bailiwick::ports::Clock> = Arc::new(SystemClock);
    app(dir, sets)?.memory(&clock).map_err(told)
}

fn app(dir: &Path, mut sets: Vec<String>) -> Result<App, Failure> {
    sets.push("models.embedder=static".to_owned());
    let cx = Cx {
        cwd: dir.to_owned(),
        workspace: None,
        config_file: None,
        sets,
        env: Environment::new(std::iter::empty()),
        clock: Arc::new(SystemClock),
        json: false,
        verbose: 0,
        color: false,
    };
    App::open(&cx).map_err(told)
}

/// A workspace with nothing in it.
pub fn workspace(dir: &Path) -> Result<PathBuf, Failure> {
    std::fs::create_dir_all(dir.join("config"))?;
    std::fs::write(dir.join("config/bailiwick.yaml"), "schema: 1\n")?;
    Ok(dir.to_owned())
}

impl Ours {
    pub fn memory(&self) -> &Memory {
        &self.host.services.memory
    }

    pub fn write(&self, texts: &[String]) -> Result<(), Failure> {
        self.write_drafts(texts.iter().map(|text| draft(text)).collect())
    }

    pub fn write_drafts(&self, drafts: Vec<MemoryDraft>) -> Result<(), Failure> {
        let asker = Asker { by: "user:bench".to_owned(), person: true };
        for chunk in drafts.chunks(CHUNK) {
            let wanted = chunk.iter().map(|draft| draft.clone().into()).collect();
            remember(&self.host.services, &asker, wanted, None).map_err(|it| it.to_string())?;
        }
        Ok(())
    }

    /// Writes all texts, and waits until they are indexed.
    pub fn fill(&self, corpus: &Corpus, dir: &Path) -> Result<Filled, Failure> {
        let before = resident("self");
        let (began, cpu) = (Instant::now(), ProcessTime::now());
        self.write(&corpus.texts)?;
        let records_per_s = corpus.texts.len() as f64 / began.elapsed().as_secs_f64();
        let engine = self.memory().engine().ok_or("no indexes")?;
        let library = self.memory().library().map_err(|it| it.to_string())?;
        if !engine.wait_for_vectors(&library) {
            return Err("not every record was indexed".into());
        }
        drop(library);
        let (indexed_s, cpu_s) = (began.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64());
        let (resident, disk) = (resident("self") - before, on_disk(dir));
        Ok(Filled { records_per_s, indexed_s, cpu_s, graph_cpu_s: 0.0, resident, disk })
    }

    /// Waits until the graph of what was written is drawn; the CPU time that took.
    pub fn draw(&self) -> Result<f64, Failure> {
        let cpu = ProcessTime::now();
        let engine = self.memory().engine().ok_or("no indexes")?;
        let library = self.memory().library().map_err(|it| it.to_string())?;
        engine.noticed(&library);
        drop(library);
        engine.wait_for_graph().ok_or("no graph was drawn")?;
        Ok(cpu.elapsed().as_secs_f64())
    }

    /// How long it takes from one record's write until it is found, in ms, one number each try.
    pub fn to_searchable(&self, tries: usize) -> Result<Vec<f64>, Failure> {
        let mut times = Vec::with_capacity(tries);
        for number in 0..tries {
            let word = format!("zq{number}xk");
            let began = Instant::now();
            self.write(&[format!("a single note of {word}")])?;
            let found = ask(self.memory(), &word, SearchMode::Lexical, 1)?;
            if found.is_empty() {
                return Err(format!("`{word}` was not found at once").into());
            }
            times.push(began.elapsed().as_secs_f64() * 1e3);
            std::thread::sleep(Duration::from_millis(20));
        }
        times.sort_by(f64::total_cmp);
        Ok(times)
    }
}

fn draft(text: &str) -> MemoryDraft {
    // The number at its end says which of the corpus it is.
    let name = text.rsplit(' ').next().unwrap_or_default().to_owned();
    MemoryDraft { external_id: Some(name), ..MemoryDraft::new(Area::Fragments, text.to_owned()) }
}

/// One question; which of the corpus was found.
pub fn ask(memory: &Memory, text: &str, mode: SearchMode, k: usize) -> Result<Vec<usize>, Failure> {
    let query = MemoryQuery { text: text.to_owned(), mode, k, ..MemoryQuery::default() };
    let answer = memory.search(&query).map_err(|it| it.to_string())?;
    if !answer.degraded.is_empty() {
        return Err(answer.degraded.join("; ").into());
    }
    let number = |name: &String| name.parse().unwrap_or(usize::MAX);
    Ok(answer.items.iter().map(|it| it.external_ids.first().map_or(usize::MAX, number)).collect())
}

/// All questions once; ms of this thread for each, and what was found.
pub fn round(
    memory: &Memory,
    corpus: &Corpus,
    mode: SearchMode,
) -> Result<(f64, Vec<Vec<usize>>), Failure> {
    let began = ThreadTime::now();
    let found = corpus.questions.iter().map(|text| ask(memory, text, mode, 10));
    let found = found.collect::<Result<Vec<_>, _>>()?;
    Ok((began.elapsed().as_secs_f64() * 1e3 / corpus.questions.len() as f64, found))
}

fn on_disk(dir: &Path) -> f64 {
    let Ok(listed) = std::fs::read_dir(dir) else { return 0.0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() => on_disk(&entry.path()),
        Ok(about) => about.len() as f64,
        Err(_) => 0.0,
    };
    listed.flatten().map(size).sum()
}

fn told(error: bailiwick::cli::CliError) -> Failure {
    format!("{error:?}").into()
}
