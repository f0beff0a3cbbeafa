//! When there is a graph of neighbours, where it is kept, and when it is drawn anew.

use std::path::PathBuf;
use std::sync::{Arc, MutexGuard, PoisonError, RwLockReadGuard};

use super::flat::Flat;
use super::graph::{Drawn, Graph, Snapshot, draw, reaching};
use super::store::{VectorError, Vectors};
use crate::memory::contained::contained;
use crate::memory::generation::{Generation, Unsound};

/// How vectors are searched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VectorSearch {
    /// By a graph of neighbours when there are so many that this is faster, else every one is looked at.
    #[default]
    Auto,
    /// Every one is looked at.
    Exact,
    /// By a graph, however few there are.
    Hnsw,
}

/// From so many vectors on a graph is faster. Measured on one thread with 256 numbers a vector and 200
/// candidates a question: at 100,000 looking at all takes 2.4 ms and a graph 3.3 ms, which hardly grows with
/// their count; see `docs/benchmarks.md`.
pub const GRAPH_FROM: usize = 150_000;

/// The file of a generation.
const FILE: &str = "graph";
/// A graph that finds less of the nearest ten than this among its own rows is not used.
const REACHED_MIN: f32 = 0.95;
/// Fewer new and dead rows than this are never worth another graph.
const STALE_MIN: usize = 1_000;
/// A graph is drawn anew when its rows have so many times as many new and dead ones beside them.
const STALE_PART: usize = 4;

/// The graph, and what is to be said about it.
#[derive(Debug, Default)]
pub(super) struct Held {
    graph: Option<Arc<Graph>>,
    /// Why there is none, where something went wrong.
    trouble: Option<String>,
    /// How many vectors there were when one was drawn that could not be used.
    refused_at: Option<usize>,
}

impl Vectors {
    /// Whether a graph should be drawn now.
    pub(crate) fn wants_graph(&self) -> bool {
        let flat = self.flat();
        if !self.may_use_graph(&flat) {
            return false;
        }
        let held = self.held();
        if held.refused_at.is_some_and(|count| flat.len() < count + count / 2) {
            return false;
        }
        held.graph.as_ref().is_none_or(|graph| {
            graph.stale(&flat) > STALE_MIN.max(graph.drawn().records() / STALE_PART)
        })
    }

    /// Draws a graph of what there is now, uses it from then on, and writes it. Nothing becomes of it when
    /// `stop` says so. Other people's code may panic in here: what was there before stays as it was.
    pub(crate) fn draw_graph(&self, stop: impl FnMut() -> bool) -> Result<(), VectorError> {
        let (snapshot, count) = {
            let flat = self.flat();
            let mut snapshot = Snapshot::new(flat.dimension());
            flat.rows().for_each(|(known, bytes, scale)| snapshot.push(known, bytes, scale));
            (snapshot, flat.len())
        };
        let drawn = match contained("drawing the graph", || draw(&snapshot, stop)) {
            Ok(Some(drawn)) => drawn,
            Ok(None) => return Ok(()),
            Err(panic) => {
                self.refuse(count, panic);
                return Ok(());
            }
        };
        drop(snapshot);
        let _files = self.graph_files();
        let flat = self.flat();
        let graph =
            Graph::over(Arc::new(drawn.only(|known| flat.place_of(known.0, known.1))), &flat);
        let reached = reaching(&graph, &flat);
        drop(flat);
        if reached < REACHED_MIN {
            self.refuse(count, format!("it found only {reached:.2} of what is nearest"));
            return Ok(());
        }
        let drawn = Arc::clone(graph.drawn());
        *self.held_mut() = Held { graph: Some(Arc::new(graph)), ..Held::default() };
        self.save(&drawn)
    }

    /// What is to be said of a graph that should be there and is not.
    pub(crate) fn graph_trouble(&self) -> Option<String> {
        let flat = self.flat();
        let (wanted, held) = (self.may_use_graph(&flat), self.held());
        let forced = self.searching() == VectorSearch::Hnsw;
        match (&held.trouble, &held.graph) {
            (Some(why), None) if wanted => {
                Some(format!("every vector is looked at, there is no graph of neighbours: {why}"))
            }
            (None, None) if wanted && forced => {
                Some("every vector is looked at until the graph of neighbours is drawn".to_owned())
            }
            _ => None,
        }
    }

    /// How many records the graph in use was drawn of.
    pub(crate) fn graph_records(&self) -> Option<usize> {
        let flat = self.flat();
        let graph = self.held().graph.clone()?;
        (self.may_use_graph(&flat) && graph.fits(&flat)).then(|| graph.drawn().records())
    }

    /// What does not fit of the graph's files.
    pub(crate) fn graph_findings(&self) -> Vec<String> {
        let flat = self.flat();
        if !self.may_use_graph(&flat) {
            return Vec::new();
        }
        match Generation::current(&self.graph_root(), self.id()) {
            Ok(Some(generation)) => {
                let damaged = generation.damaged().into_iter();
                damaged.map(|name| format!("`{name}` is not what was written")).collect()
            }
            Ok(None) => Vec::new(),
            Err(error) => vec![error.to_string()],
        }
    }

    /// There is no graph any more until one is drawn.
    pub(crate) fn drop_graph(&self) {
        *self.held_mut() = Held::default();
    }

    /// Takes records out of the graph's files; those that cannot be used are deleted. Whoever calls this has
    /// taken the records' vectors away before.
    pub(crate) fn erase_from_graph(&self, numbers: &[u64]) -> Result<(), VectorError> {
        let _files = self.graph_files();
        let graph = self.held().graph.clone();
        let Some(graph) = graph else {
            return match std::fs::remove_dir_all(self.graph_root()) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            };
        };
        let drawn = Arc::new(graph.drawn().without(numbers));
        let flat = self.flat();
        let graph = Graph::over(Arc::clone(&drawn), &flat);
        drop(flat);
        self.held_mut().graph = Some(Arc::new(graph));
        self.save(&drawn)
    }

    /// Reads the graph that was written for these vectors. What cannot be read is drawn anew later.
    pub(super) fn load_graph(&self) {
        let flat = self.flat();
        if !self.may_use_graph(&flat) {
            return;
        }
        let loaded = contained("reading the graph", || self.read_graph(&flat));
        drop(flat);
        let mut held = self.held_mut();
        match loaded {
            Ok(Ok(graph)) => held.graph = graph.map(Arc::new),
            Ok(Err(error)) => held.trouble = Some(error.to_string()),
            Err(panic) => held.trouble = Some(panic),
        }
    }

    /// Lays the graph over rows that are counted anew.
    pub(super) fn lay_anew(&self, flat: &Flat) {
        let mut held = self.held_mut();
        held.graph =
            held.graph.take().map(|it| Arc::new(Graph::over(Arc::clone(it.drawn()), flat)));
    }

    /// The graph, if there is one to search with.
    pub(super) fn graph(&self, flat: &Flat) -> Option<Arc<Graph>> {
        if self.may_use_graph(flat) { self.held().graph.clone() } else { None }
    }

    fn may_use_graph(&self, flat: &Flat) -> bool {
        match self.searching() {
            VectorSearch::Exact => false,
            VectorSearch::Auto => flat.len() >= self.graph_from(),
            VectorSearch::Hnsw => !flat.is_empty(),
        }
    }

    fn refuse(&self, count: usize, why: String) {
        let mut held = self.held_mut();
        *held = Held { graph: held.graph.take(), trouble: Some(why), refused_at: Some(count) };
    }

    fn read_graph(&self, flat: &Flat) -> Result<Option<Graph>, VectorError> {
        let Some(generation) = Generation::current(&self.graph_root(), self.id())? else {
            return Ok(None);
        };
        let damaged = |what: &str| VectorError::Unsound(Unsound::Damaged(what.to_owned()));
        let listed = generation.manifest.files.first();
        let bytes = generation.read(listed.ok_or_else(|| damaged("a graph without a file"))?)?;
        let drawn = Drawn::decode(&bytes).ok_or_else(|| damaged("the graph points at nothing"))?;
        Ok(Some(Graph::over(Arc::new(drawn), flat)))
    }

    fn save(&self, drawn: &Drawn) -> Result<(), VectorError> {
        let Some(bytes) = drawn.encode() else { return Ok(()) };
        let dimension = self.flat().dimension() as u64;
        let mut generation = Generation::begin(&self.graph_root(), self.id(), dimension)?;
        let path = generation.files().join(FILE);
        crate::durable::replace(&path, &bytes, crate::durable::PRIVATE)?;
        generation.publish(vec![FILE.to_owned()], &[], drawn.records() as u64, 0)?;
        Ok(generation.activate()?)
    }

    fn graph_root(&self) -> PathBuf {
        self.root().join("graph")
    }

    fn graph_files(&self) -> MutexGuard<'_, ()> {
        self.graph_files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn held_mut(&self) -> std::sync::RwLockWriteGuard<'_, Held> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }
}
