//! Whether a proposed text may stand for its sources: nothing of theirs is missing, nothing was invented,
//! nothing was put together that did not stand together. The same for a model's text as for any other.

use std::collections::BTreeSet;
use std::fmt;

use super::characters::{Disguised, disguised};
use super::orders::{Order, orders};
use super::reading::{Fact, FactKind, Reading, Token};
use super::summary::SUMMARY_CHARS_MAX;

/// What was found about a proposed text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Facts of the sources that it does not name.
    pub missing: Vec<Fact>,
    /// Facts that no source names.
    pub invented: Vec<Fact>,
    /// Sentences whose facts do not stand together, in this order, in any sentence of a source.
    pub rearranged: Vec<String>,
    /// Negations and qualifiers that are gone, new, or stand with another word.
    pub turned: Vec<String>,
    /// Words that no source has. They make it no worse than a person should look at it.
    pub new_words: Vec<String>,
    /// What reads like an order to whoever reads it, in it or in a source.
    pub orders: Vec<Order>,
    /// Characters that hide what it says, in it or in a source.
    pub disguised: Vec<Disguised>,
    /// It is empty, or too long to be a summary.
    pub unusable: bool,
}

impl Checked {
    /// Why it must not be applied; empty, when it may.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.unusable {
            reasons.push(format!("it is empty, or longer than {SUMMARY_CHARS_MAX} characters"));
        }
        let facts = |what: &str, facts: &[Fact]| -> Vec<String> {
            facts
                .iter()
                .map(|fact| format!("the {} `{}` {what}", fact.kind.name(), fact.value))
                .collect()
        };
        reasons.extend(facts("of a source is missing", &self.missing));
        reasons.extend(facts("is in no source", &self.invented));
        let sentences = self.rearranged.iter();
        reasons.extend(sentences.map(|it| format!("`{it}` puts together what no source does")));
        reasons
            .extend(self.turned.iter().map(|it| format!("`{it}` is not said as in the sources")));
        reasons.extend(self.orders.iter().map(ToString::to_string));
        reasons.extend(self.disguised.iter().map(ToString::to_string));
        reasons
    }

    /// Whether it may be applied.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.reasons().is_empty()
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reasons().join("; "))
    }
}

/// Holds `result` against `sources`. `tools` are names that only orders have a reason to name.
#[must_use]
pub fn check(sources: &[&str], result: &str, tools: &[&str]) -> Checked {
    let read: Vec<Reading> = sources.iter().map(|source| Reading::of(source)).collect();
    let proposed = Reading::of(result);
    let theirs: Vec<&Token> = read.iter().flat_map(Reading::tokens).collect();
    let ours: Vec<&Token> = proposed.tokens().collect();
    let texts = || sources.iter().copied().chain([result]);
    let mut hidden: Vec<Disguised> = texts().flat_map(disguised).collect();
    hidden.dedup();
    let mut ordered: Vec<Order> = texts().flat_map(|text| orders(text, tools)).collect();
    ordered.sort();
    ordered.dedup();
    Checked {
        missing: absent(&theirs, &ours),
        invented: absent(&ours, &theirs),
        rearranged: rearranged(&proposed, &read),
        turned: turned(&proposed, &read),
        new_words: new_words(&ours, &theirs),
        orders: ordered,
        disguised: hidden,
        unusable: ours.is_empty() || result.chars().count() > SUMMARY_CHARS_MAX,
    }
}

/// Facts of `from` that `within` does not have, each once.
fn absent(from: &[&Token], within: &[&Token]) -> Vec<Fact> {
    let there = |token: &Token| within.iter().any(|other| token.means(other));
    let facts: BTreeSet<Fact> = from
        .iter()
        .filter(|token| !there(token))
        .filter_map(|token| Some(Fact { kind: token.kind?, value: token.key.clone() }))
        .filter(|fact| fact.kind.must_survive())
        .collect();
    facts.into_iter().collect()
}

/// Sentences whose facts stand in no source's sentence in this order.
fn rearranged(proposed: &Reading, sources: &[Reading]) -> Vec<String> {
    let stands = |facts: &[&Token]| {
        sources.iter().flat_map(|source| &source.sentences).any(|sentence| {
            let mut rest = sentence.iter();
            facts.iter().all(|fact| rest.any(|token| fact.means(token)))
        })
    };
    let facts_of = |sentence: &Vec<Token>| {
        let kept = |token: &&Token| token.kind.is_some_and(FactKind::must_survive);
        sentence.iter().filter(kept).cloned().collect::<Vec<_>>()
    };
    let broken = proposed.sentences.iter().map(facts_of).filter(|facts| {
        let facts: Vec<&Token> = facts.iter().collect();
        facts.len() > 1 && !stands(&facts)
    });
    broken
        .map(|facts| facts.iter().map(|it| it.key.as_str()).collect::<Vec<_>>().join(" … "))
        .collect()
}

/// Negations and qualifiers with the word they stand with, of one side only.
fn turned(proposed: &Reading, sources: &[Reading]) -> Vec<String> {
    let of = |reading: &Reading| -> BTreeSet<String> {
        let pairs = reading.sentences.iter().flat_map(|sentence| {
            sentence.iter().enumerate().filter_map(|(at, token)| {
                let turns = matches!(token.kind, Some(FactKind::Negation | FactKind::Qualifier));
                let next = sentence.get(at + 1).map_or("", |next| next.stem.as_str());
                turns.then(|| format!("{} {next}", token.key).trim_end().to_owned())
            })
        });
        pairs.collect()
    };
    let theirs: BTreeSet<String> = sources.iter().flat_map(of).collect();
    of(proposed).symmetric_difference(&theirs).cloned().collect()
}

fn new_words(ours: &[&Token], theirs: &[&Token]) -> Vec<String> {
    let known = |token: &Token| theirs.iter().any(|other| token.means(other));
    let new = ours.iter().filter(|token| token.kind.is_none() && !known(token));
    new.map(|token| token.key.clone()).collect::<BTreeSet<_>>().into_iter().collect()
}
