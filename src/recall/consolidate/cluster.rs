//! Gathering records that say the same: inside one class, each with each.

use std::collections::{BTreeMap, BTreeSet};

use super::class::{Candidate, Class, may_be_merged};
use super::reading::{FactKind, Reading};
use super::same::{Difference, same};

/// How near records must be, and how many become one at most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The least similarity of each two records of a cluster. Never enough by itself.
    pub similarity: f32,
    /// Most records of a cluster.
    pub cluster_max: usize,
    /// Most pairs that are looked at; what is left waits for another time.
    pub pairs_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { similarity: 0.80, cluster_max: 20, pairs_max: 2_000_000 }
    }
}

/// Records that say the same, by their places among the candidates, in the order of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Two or more.
    pub members: Vec<usize>,
    /// The least similarity of two of them.
    pub similarity: f32,
}

/// What came of looking for clusters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Clustering {
    /// The clusters, by their first member.
    pub clusters: Vec<Cluster>,
    /// Pairs that were near enough and differ in something that matters, with what.
    pub refused: usize,
    /// One of the refused pairs and what they differ in, for people.
    pub example: Option<(usize, usize, Difference)>,
    /// Pairs that were not looked at because there were too many.
    pub left: usize,
}

/// Gathers records. `similarity` says how near two of them are, 0 to 1, by their places; whatever it says,
/// only records that [`same`] finds equal are put together. The same input gives the same clusters.
pub fn clusters(
    candidates: &[Candidate],
    similarity: &dyn Fn(usize, usize) -> f32,
    bounds: Bounds,
) -> Clustering {
    let readings: Vec<Reading> = candidates.iter().map(|it| Reading::of(&it.text)).collect();
    let mut result = Clustering::default();
    let mut near = Vec::new();
    let classes = classes(candidates);
    let pairs = classes.values().flat_map(|members| {
        let each = members.iter().enumerate();
        each.flat_map(|(at, a)| members.iter().skip(at + 1).map(move |b| (*a, *b)))
    });
    for (count, (a, b)) in pairs.enumerate() {
        if count >= bounds.pairs_max {
            result.left += 1;
            continue;
        }
        let value = similarity(a, b);
        let (Some(first), Some(second)) = (readings.get(a), readings.get(b)) else { continue };
        if !value.is_finite() || value < bounds.similarity {
            continue;
        }
        match same(first, second) {
            Ok(()) => near.push((value, a, b)),
            Err(difference) => {
                result.refused += 1;
                result.example.get_or_insert((a, b, difference));
            }
        }
    }
    result.clusters = joined(near, candidates, bounds.cluster_max);
    result
}

/// The records that may be merged, by class, in the order of the log.
fn classes(candidates: &[Candidate]) -> BTreeMap<Class, Vec<usize>> {
    let mut classes: BTreeMap<Class, Vec<usize>> = BTreeMap::new();
    for (place, candidate) in candidates.iter().enumerate() {
        if may_be_merged(candidate.area, &candidate.metadata) {
            classes.entry(candidate.class()).or_default().push(place);
        }
    }
    let number = |place: &usize| candidates.get(*place).map(|it| it.number);
    classes.values_mut().for_each(|members| members.sort_by_key(number));
    classes
}

/// Joins pairs, the nearest first, into groups in which each two members are a pair: `a` like `b` and `b`
/// like `c` does not make `a` like `c`.
fn joined(
    mut near: Vec<(f32, usize, usize)>,
    candidates: &[Candidate],
    cluster_max: usize,
) -> Vec<Cluster> {
    let number = |place: usize| candidates.get(place).map(|it| it.number);
    near.sort_by(|a, b| {
        b.0.total_cmp(&a.0)
            .then_with(|| (number(a.1), number(a.2)).cmp(&(number(b.1), number(b.2))))
    });
    let pairs: BTreeMap<(usize, usize), f32> =
        near.iter().flat_map(|(value, a, b)| [((*a, *b), *value), ((*b, *a), *value)]).collect();
    let mut group_of: BTreeMap<usize, usize> = BTreeMap::new();
    let mut groups: Vec<BTreeSet<usize>> = Vec::new();
    for (_, a, b) in &near {
        let group = |place: &usize| {
            let at = group_of.get(place).copied();
            let members = at.and_then(|at| groups.get(at)).cloned();
            (at, members.unwrap_or_else(|| BTreeSet::from([*place])))
        };
        let ((at_a, ours), (at_b, theirs)) = (group(a), group(b));
        let apart = at_a.is_none() || at_a != at_b;
        let all_near = ours.iter().all(|a| theirs.iter().all(|b| pairs.contains_key(&(*a, *b))));
        if !apart || !all_near || ours.len() + theirs.len() > cluster_max {
            continue;
        }
        let merged: BTreeSet<usize> = ours.union(&theirs).copied().collect();
        for emptied in [at_a, at_b].into_iter().flatten() {
            if let Some(group) = groups.get_mut(emptied) {
                group.clear();
            }
        }
        group_of.extend(merged.iter().map(|place| (*place, groups.len())));
        groups.push(merged);
    }
    let mut clusters: Vec<Cluster> = groups
        .into_iter()
        .filter(|members| members.len() > 1)
        .map(|members| {
            let mut members: Vec<usize> = members.into_iter().collect();
            members.sort_by_key(|place| number(*place));
            Cluster { similarity: least(&members, &pairs), members }
        })
        .collect();
    clusters.sort_by_key(|cluster| cluster.members.first().and_then(|place| number(*place)));
    clusters
}

fn least(members: &[usize], pairs: &BTreeMap<(usize, usize), f32>) -> f32 {
    let each = members.iter().enumerate();
    let all = each.flat_map(|(at, a)| members.iter().skip(at + 1).map(move |b| (*a, *b)));
    all.filter_map(|pair| pairs.get(&pair)).copied().fold(1.0, f32::min)
}

/// How much of their words two texts share, 0 to 1: what stands in for a similarity where no embedder is to
/// be had.
#[must_use]
pub fn overlap(a: &Reading, b: &Reading) -> f32 {
    fn stems(reading: &Reading) -> BTreeSet<&str> {
        let says = |kind: Option<FactKind>| kind != Some(FactKind::Qualifier);
        let tokens = reading.tokens().filter(|token| says(token.kind));
        tokens.map(|token| token.stem.as_str()).collect()
    }
    let (a, b) = (stems(a), stems(b));
    let shared = a.intersection(&b).count();
    let all = a.len() + b.len();
    if all == 0 {
        return 0.0;
    }
    #[allow(clippy::cast_precision_loss, reason = "texts have far fewer words than 2^24")]
    let share = (2 * shared) as f32 / all as f32;
    share
}
