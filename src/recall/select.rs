//! Choosing among scored memories what is handed on: no text twice, no more than asked, within a budget.

use std::collections::HashSet;

use crate::contracts::Hash;

/// A scored memory, as far as choosing needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// Its score.
    pub score: f32,
    /// When it was written: of two with one score the later comes first.
    pub number: u64,
    /// BLAKE3 of its text.
    pub content: Option<Hash>,
    /// Length of its text in bytes.
    pub bytes: u64,
}

/// How much may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many.
    pub count: usize,
    /// How many tokens all texts may have together, at four bytes each.
    pub tokens: Option<usize>,
}

/// What became of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Handed on.
    Taken(usize),
    /// Not handed on, and why, in words for people.
    Cut(usize, String),
}

/// How many that were cut are told of.
const CUT_MAX: usize = 50;

/// Goes through the offers from the best on. Tells of what was taken, and of the best that were cut.
#[must_use]
pub fn choose(offers: &[Offer], limits: Limits) -> Vec<Choice> {
    let mut order: Vec<(usize, &Offer)> = offers.iter().enumerate().collect();
    order.sort_by(|(_, a), (_, b)| b.score.total_cmp(&a.score).then(b.number.cmp(&a.number)));
    let (mut taken, mut tokens, mut cut) = (0, 0, 0);
    let mut texts = HashSet::new();
    let mut choices = Vec::new();
    for (place, offer) in order {
        let cost = usize::try_from(offer.bytes.div_ceil(4)).unwrap_or(usize::MAX);
        let reason = if offer.content.is_some_and(|hash| texts.contains(&hash)) {
            "the same text stands above".to_owned()
        } else if taken == limits.count {
            format!("only {} were asked for", limits.count)
        } else if limits.tokens.is_some_and(|most| cost.saturating_add(tokens) > most) {
            format!("its {cost} tokens do not fit the budget, of which {tokens} are used")
        } else {
            texts.extend(offer.content);
            taken += 1;
            tokens += cost;
            choices.push(Choice::Taken(place));
            continue;
        };
        cut += 1;
        if cut > CUT_MAX {
            break;
        }
        choices.push(Choice::Cut(place, reason));
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(score: f32, number: u64, text: &str) -> Offer {
        let bytes = text.len() as u64;
        Offer { score, number, content: Some(Hash::of(text.as_bytes())), bytes }
    }

    fn taken(offers: &[Offer], count: usize, tokens: Option<usize>) -> Vec<usize> {
        let choices = choose(offers, Limits { count, tokens });
        choices
            .iter()
            .filter_map(|it| if let Choice::Taken(at) = it { Some(*at) } else { None })
            .collect()
    }

    #[test]
    fn the_best_are_taken_within_the_limits() {
        let offers = [
            offer(0.1, 1, "low"),
            offer(0.9, 2, "a long text that costs many tokens"),
            offer(0.8, 3, "short"),
            offer(0.8, 4, "newer"),
            offer(0.7, 5, "short"),
        ];
        for (count, tokens, expect) in [
            (9, None, vec![1, 3, 2, 0]),
            (2, None, vec![1, 3]),
            (0, None, vec![]),
            (9, Some(5), vec![3, 2, 0]),
            (9, Some(0), vec![]),
        ] {
            assert_eq!(taken(&offers, count, tokens), expect, "{count} {tokens:?}");
        }
    }

    #[test]
    fn what_was_cut_says_why() {
        let offers = [offer(0.9, 1, "one"), offer(0.8, 2, "one"), offer(0.7, 3, "two")];
        let choices = choose(&offers, Limits { count: 1, tokens: None });
        assert_eq!(
            choices,
            [
                Choice::Taken(0),
                Choice::Cut(1, "the same text stands above".to_owned()),
                Choice::Cut(2, "only 1 were asked for".to_owned()),
            ]
        );
    }
}
