//! Comparing the indexes with the records.

use crate::memory::generation::Generation;
use crate::memory::lexical::{spoken, stamp};
use crate::memory::{Entry, Library};

use super::engine::Shared;

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// Which index: `words`, `vectors` or `graph`.
    pub index: &'static str,
    /// What does not fit, in words for people.
    pub what: String,
}

/// How many records there are, and how many each index holds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Records that should be found.
    pub records: usize,
    /// In the index of words.
    pub words: usize,
    /// With a vector; nothing without an embedder.
    pub vectors: Option<usize>,
    /// In the graph of neighbours; nothing when there is none.
    pub graph: Option<usize>,
}

/// So many records are embedded again and compared.
const SAMPLES: usize = 16;
/// Nearer than this two vectors of one text are the same.
const SAME: f32 = 0.999;

/// Everything that does not fit, of files, counts and samples.
pub(super) fn findings(shared: &Shared, library: &Library) -> Vec<Finding> {
    let mut found = Vec::new();
    let wanted: Vec<&Entry> = library.iter().filter(|entry| entry.is_indexed()).collect();
    let lexical = &shared.lexical;
    if shared.settings.writes {
        let maker = lexical.languages().maker();
        files("words", Generation::current(lexical.root(), &maker), &wanted, &mut found);
    }
    let words = |entry: &&&Entry| lexical.stamp(entry.number) != Some(stamp(entry));
    count("words", wanted.iter().filter(words).count(), &mut found);
    let Some(vectors) = &shared.vectors else { return found };
    if shared.settings.writes {
        files("vectors", Generation::current(vectors.root(), vectors.id()), &wanted, &mut found);
    }
    let flat = vectors.flat();
    let rows = |entry: &&&Entry| flat.stamp(entry.number) != Some(stamp(entry));
    count("vectors", wanted.iter().filter(rows).count(), &mut found);
    if flat.len() > wanted.len() {
        let what = format!("{} vectors belong to no record", flat.len() - wanted.len());
        found.push(Finding { index: "vectors", what });
    }
    drop(flat);
    if shared.settings.writes {
        let damaged = vectors.graph_findings().into_iter();
        found.extend(damaged.map(|what| Finding { index: "graph", what }));
    }
    let step = (wanted.len() / SAMPLES).max(1);
    for entry in wanted.iter().step_by(step).take(SAMPLES) {
        found.extend(sample(shared, entry).map(|what| Finding { index: "vectors", what }));
    }
    found
}

fn files(
    index: &'static str,
    current: Result<Option<Generation>, crate::memory::generation::Unsound>,
    wanted: &[&Entry],
    found: &mut Vec<Finding>,
) {
    let mut say = |what: String| found.push(Finding { index, what });
    match current {
        Ok(Some(generation)) => {
            generation
                .damaged()
                .iter()
                .for_each(|name| say(format!("`{name}` is not what was written")));
            // Files of vectors may hold rows of records that were archived since; nobody reads them.
            let (held, records) = (generation.manifest.records, wanted.len());
            if held < records as u64 || (index == "words" && held > records as u64) {
                say(format!("{held} records are in its files, and there are {records}"));
            }
        }
        Ok(None) if !wanted.is_empty() => say("it has no files".to_owned()),
        Ok(None) => {}
        Err(error) => say(error.to_string()),
    }
}

fn count(index: &'static str, missing: usize, found: &mut Vec<Finding>) {
    if missing > 0 {
        found.push(Finding {
            index,
            what: format!("{missing} records are not in it as they are now"),
        });
    }
}

/// Embeds a record again and says when its vector is another.
fn sample(shared: &Shared, entry: &Entry) -> Option<String> {
    let vectors = shared.vectors.as_ref()?;
    let text = match shared.log.text(&entry.text) {
        Ok(text) => text?,
        Err(error) => return Some(format!("record {} cannot be read: {error}", entry.id)),
    };
    let made = match vectors.embed(&[spoken(entry, &text).as_ref()]) {
        Ok(made) => made.into_iter().next()?,
        Err(error) => return Some(error.to_string()),
    };
    let flat = vectors.flat();
    let held = flat.vector(entry.number)?;
    let cosine: f32 = held.iter().zip(&made).map(|(a, b)| a * b).sum();
    let zero = made.iter().all(|it| *it == 0.0) && held.iter().all(|it| *it == 0.0);
    (cosine < SAME && !zero)
        .then(|| format!("the vector of record {} is of another text", entry.id))
}
