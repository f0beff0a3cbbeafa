//! From a question to an answer: candidates from both indexes and from beside them, weighed and chosen.

use std::collections::HashMap;
use std::sync::PoisonError;

use super::engine::{SearchError, Shared};
use super::filter::Filter;
use super::subjects::plain;
use crate::contracts::{MemoryAnswer, MemoryHit, MemoryQuery, SearchMode, Timestamp, Why};
use crate::memory::vector::Vectors;
use crate::memory::{Entry, Library, overlay};
use crate::recall::{
    Candidate, Choice, Fused, Limits, Link, Offer, PARTS, Question, choose, fuse, understand,
};

const DAY_MS: f32 = 86_400_000.0;
/// Smaller parts of a score are not told of.
const PART_MIN: f32 = 1e-4;

/// A candidate and where it was found.
struct Found<'a> {
    entry: &'a Entry,
    lexical: Option<(usize, f32)>,
    vector: Option<(usize, f32)>,
}

/// The candidates, by the order in which they came up.
#[derive(Default)]
struct Pool<'a> {
    found: Vec<Found<'a>>,
    places: HashMap<u64, usize>,
}

impl<'a> Pool<'a> {
    fn place(&mut self, entry: &'a Entry) -> usize {
        *self.places.entry(entry.number).or_insert_with(|| {
            self.found.push(Found { entry, lexical: None, vector: None });
            self.found.len() - 1
        })
    }
}

/// Answers a question.
pub(super) fn answer(
    shared: &Shared,
    library: &Library,
    query: &MemoryQuery,
    now: Timestamp,
) -> Result<MemoryAnswer, SearchError> {
    check_embedder(shared, query)?;
    let filter = Filter::new(library, query, now);
    let at = query.as_of.unwrap_or(now);
    let question = {
        let subjects = shared.subjects.read().unwrap_or_else(PoisonError::into_inner);
        understand(&query.text, |name| subjects.find(name), at)
    };
    let mut answer =
        MemoryAnswer { degraded: troubles(shared, library), ..MemoryAnswer::default() };
    let mut pool = Pool::default();
    by_words(shared, query, &question, &filter, &mut pool, &mut answer);
    by_meaning(shared, query, &question, &filter, &mut pool, &mut answer);
    let hops = shared.settings.weights.hops;
    let links = beside(library, &filter, &mut pool, hops);
    let candidates = weighed(shared, &question, &pool, at);
    let fused = fuse(&candidates, &links, &shared.settings.weights);
    let offers: Vec<Offer> =
        pool.found.iter().zip(&fused).map(|(it, fused)| offer(it, fused)).collect();
    let limits = Limits { count: query.k, tokens: query.token_budget };
    for choice in choose(&offers, limits) {
        let (place, cut) = match choice {
            Choice::Taken(place) => (place, None),
            Choice::Cut(place, why) if query.explain => (place, Some(why)),
            Choice::Cut(..) => continue,
        };
        let (Some(found), Some(fused)) = (pool.found.get(place), fused.get(place)) else {
            continue;
        };
        let Some(hit) = hit(shared, found, fused, at, cut)? else { continue };
        if hit.why.cut.is_some() { answer.cut.push(hit) } else { answer.items.push(hit) }
    }
    Ok(answer)
}

fn check_embedder(shared: &Shared, query: &MemoryQuery) -> Result<(), SearchError> {
    let Some(asked) = &query.embedder else { return Ok(()) };
    let active = shared.vectors.as_ref().map(|it| it.id());
    if active.is_some_and(|id| id == asked || id.split(['-', ':']).next() == Some(asked)) {
        return Ok(());
    }
    let active =
        active.map_or("no embedder is in use".to_owned(), |id| format!("`{id}` is in use"));
    Err(SearchError::Embedder { asked: asked.clone(), active })
}

/// What cannot be asked, or only in part.
fn troubles(shared: &Shared, library: &Library) -> Vec<String> {
    let mut troubles = Vec::new();
    if let Some(why) = shared.lexical.trouble() {
        troubles.push(format!("the index of words is being made anew: {why}"));
    }
    if let Some(why) = shared.vectors.as_ref().and_then(|it| it.trouble()) {
        troubles.push(format!("not every record has a vector: {why}"));
    }
    troubles.extend(shared.vectors.as_ref().and_then(|it| it.graph_trouble()));
    troubles.extend(shared.unread.lock().unwrap_or_else(PoisonError::into_inner).clone());
    let (indexed, fresh) = shared.lexical.counts();
    let waiting = shared.queue.waiting();
    let embedded = shared.vectors.as_ref().map_or(indexed, |it| it.flat().len());
    if let Some(vectors) = shared.vectors.as_ref().filter(|_| embedded < indexed) {
        let missing = indexed - embedded;
        troubles.push(format!("{missing} records have no vector of `{}` yet", vectors.id()));
    }
    if waiting > fresh && indexed + fresh < library.len() {
        troubles.push(format!("{} records are not indexed yet", waiting - fresh));
    }
    troubles
}

fn by_words<'a>(
    shared: &Shared,
    query: &MemoryQuery,
    question: &Question,
    filter: &Filter<'a>,
    pool: &mut Pool<'a>,
    answer: &mut MemoryAnswer,
) {
    // Without an embedder words are all there is, whatever was asked for.
    if query.mode == SearchMode::Vector && shared.vectors.is_some() {
        return;
    }
    let count = wanted(shared, query);
    let wanted = |number| filter.entry(number).is_some();
    match shared.lexical.search(&question.terms, &question.phrases, count, wanted) {
        Ok(hits) => {
            for (rank, (number, score)) in hits.into_iter().enumerate() {
                let Some(entry) = filter.entry(number) else { continue };
                let place = pool.place(entry);
                if let Some(found) = pool.found.get_mut(place) {
                    found.lexical = Some((rank + 1, score));
                }
            }
        }
        Err(error) => answer.degraded.push(format!("words were not searched: {error}")),
    }
}

fn by_meaning<'a>(
    shared: &Shared,
    query: &MemoryQuery,
    question: &Question,
    filter: &Filter<'a>,
    pool: &mut Pool<'a>,
    answer: &mut MemoryAnswer,
) {
    if query.mode == SearchMode::Lexical {
        return;
    }
    let Some(vectors) = in_use(shared) else {
        let why = shared.settings.no_embedder.as_deref().unwrap_or("none was chosen");
        answer.degraded.push(format!("only words were searched, no embedder is in use: {why}"));
        return;
    };
    let forms: Vec<&str> =
        std::iter::once(question.text.as_str()).chain(question.bare.as_deref()).collect();
    let vector = match vectors.question(&forms) {
        Ok(vector) => vector,
        Err(error) => {
            answer.degraded.push(format!("meaning was not searched: {error}"));
            return;
        }
    };
    answer.embedder = Some(vectors.id().to_owned());
    let wanted_count = wanted(shared, query);
    let hits = vectors.search(&vector, wanted_count, |number| filter.entry(number).is_some());
    for (rank, (number, cosine)) in hits.into_iter().enumerate() {
        let Some(entry) = filter.entry(number) else { continue };
        let place = pool.place(entry);
        if let Some(found) = pool.found.get_mut(place) {
            found.vector = Some((rank + 1, cosine));
        }
    }
}

/// The vectors to answer with: those of the embedder before, as long as it has more than twice as many.
fn in_use(shared: &Shared) -> Option<&Vectors> {
    let vectors = shared.vectors.as_ref()?;
    let before = shared.before.as_ref();
    before.filter(|it| it.flat().len() > 2 * vectors.flat().len()).or(Some(vectors))
}

/// How many candidates each index is asked for.
fn wanted(shared: &Shared, query: &MemoryQuery) -> usize {
    shared.settings.candidates.max(query.k.saturating_mul(4))
}

/// Takes in what stands beside the candidates in their episodes, and links them.
fn beside<'a>(
    library: &'a Library,
    filter: &Filter<'a>,
    pool: &mut Pool<'a>,
    hops: usize,
) -> Vec<Link> {
    let mut links = Vec::new();
    if hops == 0 {
        return links;
    }
    for from in 0..pool.found.len() {
        let Some(entry) = pool.found.get(from).map(|it| it.entry) else { continue };
        for (distance, near) in library.neighbours(entry, hops) {
            if pool.places.contains_key(&near.number) || filter.passes(near) {
                let follows = distance == 1 && order(near) > order(entry);
                links.push(Link { from, to: pool.place(near), distance, follows });
            }
        }
    }
    links
}

fn order(entry: &Entry) -> (u64, u64) {
    (entry.metadata.seq.unwrap_or(entry.number), entry.number)
}

fn weighed(shared: &Shared, question: &Question, pool: &Pool<'_>, at: Timestamp) -> Vec<Candidate> {
    let asks = shared.lexical.asking(pool.found.iter().map(|it| it.entry.number));
    let mut episodes: HashMap<&str, usize> = HashMap::new();
    let weighed = pool.found.iter().zip(asks).map(|(found, asks)| {
        let about = &found.entry.metadata;
        let time = about.event_time.unwrap_or(found.entry.created_at);
        let named = |subject: &str| question.subjects.contains(&plain(subject));
        let episode = about.episode_id.as_deref().map(|name| {
            let next = episodes.len();
            *episodes.entry(name).or_insert(next)
        });
        Candidate {
            lexical: found.lexical.map(|it| it.1),
            cosine: found.vector.map(|it| it.1),
            episode,
            subject: match about.subject.as_deref() {
                Some(subject) if !question.subjects.is_empty() && named(subject) => 1.0,
                _ => 0.0,
            },
            time: question.times.iter().map(|it| it.fits(time)).fold(0.0, f32::max),
            origin: about.origin.trust(),
            importance: about.importance,
            age_days: days(at, time),
            asks,
        }
    });
    weighed.collect()
}

fn offer(found: &Found<'_>, fused: &Fused) -> Offer {
    Offer {
        score: fused.score(),
        number: found.entry.number,
        content: found.entry.content_hash,
        bytes: found.entry.text.bytes,
    }
}

/// A hit with its text; nothing when the text was forgotten meanwhile.
fn hit(
    shared: &Shared,
    found: &Found<'_>,
    fused: &Fused,
    at: Timestamp,
    cut: Option<String>,
) -> Result<Option<MemoryHit>, SearchError> {
    let entry = found.entry;
    let read = shared.log.text(&entry.text).map_err(|error| SearchError::Log(error.to_string()))?;
    let Some(text) = read else { return Ok(None) };
    let about = &entry.metadata;
    let time = about.event_time.unwrap_or(entry.created_at);
    let parts = PARTS.iter().zip(fused.parts).filter(|(_, part)| part.abs() >= PART_MIN);
    let why = Why {
        lexical_rank: found.lexical.map(|it| it.0),
        lexical_score: found.lexical.map(|it| it.1),
        vector_rank: found.vector.map(|it| it.0),
        cosine: found.vector.map(|it| it.1),
        boosts: parts.map(|(name, part)| ((*name).to_owned(), part)).collect(),
        age_days: Some(days(at, time)),
        cut,
    };
    Ok(Some(MemoryHit { why, ..overlay::hit(entry, text, fused.score()) }))
}

#[allow(clippy::cast_precision_loss, reason = "an age in days, where hours do not matter")]
fn days(at: Timestamp, time: Timestamp) -> f32 {
    at.since_ms(time) as f32 / DAY_MS
}
