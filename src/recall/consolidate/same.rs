//! Whether two texts say the same. Nearness in meaning is no part of it: it only says where to look.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::reading::{FactKind, Reading, Token};

/// What keeps two texts from being one memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A fact of one text is not in the other, or stands in another order there.
    Fact(FactKind, String),
    /// Each has a word that the other lacks.
    Words(String, String),
    /// The same words in an order that may say something else.
    Order,
    /// A negation, qualifier, number or colour stands with another word.
    Bound(String),
    /// One of them says nothing that could be compared.
    Empty,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fact(kind, value) => {
                write!(f, "the {} `{value}` is not in both at the same place", kind.name())
            }
            Self::Words(a, b) => write!(f, "one says `{a}`, the other `{b}`"),
            Self::Order => f.write_str("the same words in another order"),
            Self::Bound(word) => write!(f, "`{word}` stands with another word"),
            Self::Empty => f.write_str("there is nothing to compare"),
        }
    }
}

/// Whether both texts say the same, so that the one with more words can stand for both: equal facts of
/// each kind in equal order, every word of one in the other, and at most one part of it moved.
///
/// # Errors
/// The first difference that was found.
pub fn same(a: &Reading, b: &Reading) -> Result<(), Difference> {
    let (left, right): (Vec<_>, Vec<_>) = (a.tokens().collect(), b.tokens().collect());
    if left.is_empty() || right.is_empty() {
        return Err(Difference::Empty);
    }
    equal_facts(&left, &right)?;
    let (lesser, greater) = if left.len() <= right.len() { (left, right) } else { (right, left) };
    let places = places(&lesser, &greater).map_err(|missing| {
        let other = places_missing(&greater, &lesser);
        Difference::Words(missing, other)
    })?;
    if !one_part_moved(&places) {
        return Err(Difference::Order);
    }
    bound_alike(&lesser, &greater, &places)
}

/// Facts by kind in their order. A name that begins a sentence counts where the other text has it as a name.
fn equal_facts(left: &[&Token], right: &[&Token]) -> Result<(), Difference> {
    let sure = |token: &&&Token| token.kind == Some(FactKind::Name) && !token.weak;
    let names: BTreeSet<&str> =
        left.iter().chain(right).filter(sure).map(|token| token.key.as_str()).collect();
    let (left, right) = (by_kind(left, &names), by_kind(right, &names));
    let kinds: BTreeSet<FactKind> = left.keys().chain(right.keys()).copied().collect();
    for kind in kinds {
        let none = Vec::new();
        let (ours, theirs) = (left.get(&kind).unwrap_or(&none), right.get(&kind).unwrap_or(&none));
        let longest = ours.len().max(theirs.len());
        if let Some(at) = (0..longest).find(|at| ours.get(*at) != theirs.get(*at)) {
            let value = ours.get(at).or_else(|| theirs.get(at)).copied().unwrap_or_default();
            return Err(Difference::Fact(kind, value.to_owned()));
        }
    }
    Ok(())
}

fn by_kind<'a>(tokens: &[&'a Token], names: &BTreeSet<&str>) -> BTreeMap<FactKind, Vec<&'a str>> {
    let mut all: BTreeMap<FactKind, Vec<&str>> = BTreeMap::new();
    for token in tokens {
        if let Some(kind) = token.kind
            && (!token.weak || names.contains(token.key.as_str()))
        {
            all.entry(kind).or_default().push(&token.key);
        }
    }
    all
}

/// Where each token of `lesser` stands in `greater`, or the first that does not.
fn places(lesser: &[&Token], greater: &[&Token]) -> Result<Vec<usize>, String> {
    let mut taken = vec![false; greater.len()];
    let mut places: Vec<usize> = Vec::with_capacity(lesser.len());
    for token in lesser {
        let after = places.last().map_or(0, |last| last + 1);
        let order = (after..greater.len()).chain(0..after.min(greater.len()));
        let is_free = |at: &usize| taken.get(*at) == Some(&false);
        let fits = |at: &usize| greater.get(*at).is_some_and(|other| token.means(other));
        let place = order.filter(is_free).find(fits).ok_or_else(|| token.key.clone())?;
        if let Some(taken) = taken.get_mut(place) {
            *taken = true;
        }
        places.push(place);
    }
    Ok(places)
}

fn places_missing(from: &[&Token], within: &[&Token]) -> String {
    let missing = from.iter().find(|token| !within.iter().any(|other| token.means(other)));
    missing.map(|token| token.key.clone()).unwrap_or_default()
}

/// Whether the places go up, but for one part that stands before its neighbour instead of behind it.
fn one_part_moved(places: &[usize]) -> bool {
    let mut sorted = places.to_vec();
    sorted.sort_unstable();
    let rank = |place: &usize| sorted.binary_search(place).unwrap_or(usize::MAX);
    let ranks: Vec<usize> = places.iter().map(rank).collect();
    let fixed = |(at, rank): &(usize, &usize)| at == *rank;
    let head = ranks.iter().enumerate().take_while(fixed).count();
    let tail = ranks.iter().enumerate().rev().take_while(fixed).count();
    if head == ranks.len() {
        return true;
    }
    let moved = ranks.get(head..ranks.len() - tail).unwrap_or_default();
    let steps = moved.iter().zip(moved.iter().skip(1));
    steps.filter(|(here, next)| **next != **here + 1).count() == 1
}

/// Whether what changes a word's meaning stands with the same word in both.
fn bound_alike(lesser: &[&Token], greater: &[&Token], places: &[usize]) -> Result<(), Difference> {
    for (at, token) in lesser.iter().enumerate() {
        let place = places.get(at).copied().unwrap_or_default();
        let ours = |at: Option<usize>| at.and_then(|at| lesser.get(at)).copied();
        let theirs = |at: Option<usize>| at.and_then(|at| greater.get(at)).copied();
        let alike = |ours: Option<&Token>, theirs: Option<&Token>| match (ours, theirs) {
            (Some(ours), Some(theirs)) => ours.means(theirs),
            (None, None) => true,
            _ => false,
        };
        let next = alike(ours(Some(at + 1)), theirs(Some(place + 1)));
        let before = alike(ours(at.checked_sub(1)), theirs(place.checked_sub(1)));
        let bound = match token.kind {
            Some(FactKind::Negation | FactKind::Qualifier) => next,
            Some(FactKind::Number | FactKind::Colour) => next || before,
            _ => true,
        };
        if !bound {
            return Err(Difference::Bound(token.key.clone()));
        }
    }
    Ok(())
}
