//! From two lists of scores to one, and what speaks for and against each candidate beside them.

use super::weights::{Fusion, Weights};

/// A memory that may be recalled, and what is known about it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Candidate {
    /// Its score by words, when it was found by words.
    pub lexical: Option<f32>,
    /// Its cosine with the question, when it was found by meaning.
    pub cosine: Option<f32>,
    /// Which episode it is of, counted by the caller.
    pub episode: Option<usize>,
    /// How well its subject is named by the question, 0 to 1.
    pub subject: f32,
    /// How well its time fits the question, 0 to 1.
    pub time: f32,
    /// How far its origin is trusted, 0 to 3.
    pub origin: u8,
    /// 0 to 1.
    pub importance: f32,
    /// How old it is, in days.
    pub age_days: f32,
    /// Whether it is a question itself.
    pub asks: bool,
}

/// One candidate hands a share of its score to another that stands near it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Place of the candidate that hands it on.
    pub from: usize,
    /// Place of the candidate that gets it.
    pub to: usize,
    /// How far apart they stand, from 1.
    pub distance: usize,
    /// Whether `to` directly follows `from`.
    pub follows: bool,
}

/// The names of the parts of a score, in the order in which they are added.
pub const PARTS: [&str; 11] = [
    "words",
    "meaning",
    "neighbours",
    "reply",
    "episode",
    "subject",
    "time",
    "provenance",
    "importance",
    "recency",
    "asks",
];

/// A candidate's score and its parts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Fused {
    /// What each of [`PARTS`] added.
    pub parts: [f32; PARTS.len()],
}

impl Fused {
    /// The sum of the parts.
    #[must_use]
    pub fn score(&self) -> f32 {
        self.parts.iter().sum()
    }
}

/// In how many days newness counts half.
const HALF_LIFE_DAYS: f32 = 180.0;
/// Of reciprocal ranks, as usual.
const RRF: f32 = 60.0;

/// Scores every candidate. Links that name places there are none of are left out.
#[must_use]
pub fn fuse(candidates: &[Candidate], links: &[Link], weights: &Weights) -> Vec<Fused> {
    let words = spread(candidates, weights.fusion, |it| it.lexical);
    let meaning = spread(candidates, weights.fusion, |it| it.cosine);
    let share = weights.words.clamp(0.0, 1.0);
    let base: Vec<f32> =
        words.iter().zip(&meaning).map(|(w, m)| share * w + (1.0 - share) * m).collect();
    let mut near = vec![(0.0_f32, 0.0_f32); candidates.len()];
    for link in links {
        let (Some(score), Some(from)) = (base.get(link.from), candidates.get(link.from)) else {
            continue;
        };
        // What a program answers to a person is about the person's words and seldom new.
        let trusted = candidates.get(link.to).is_some_and(|to| to.origin >= from.origin);
        if let Some((neighbours, reply)) = near.get_mut(link.to) {
            *neighbours += score / as_f32(link.distance.max(1));
            if link.follows && from.asks && trusted {
                *reply += score;
            }
        }
    }
    let best = best_of_episodes(candidates, &base);
    let of = |list: &[f32], at: usize| list.get(at).copied().unwrap_or(0.0);
    let scored = candidates.iter().enumerate().map(|(at, it)| {
        let (neighbours, reply) = near.get(at).copied().unwrap_or_default();
        let episode = it.episode.map_or(0.0, |episode| of(&best, episode));
        Fused {
            parts: [
                share * of(&words, at),
                (1.0 - share) * of(&meaning, at),
                weights.neighbours * neighbours,
                weights.reply * reply,
                weights.episode * episode,
                weights.subject * it.subject,
                weights.time * it.time,
                weights.provenance * f32::from(it.origin.min(3)) / 3.0,
                weights.importance * it.importance.clamp(0.0, 1.0),
                weights.recency * 0.5_f32.powf(it.age_days.max(0.0) / HALF_LIFE_DAYS),
                if it.asks { -weights.asks } else { 0.0 },
            ],
        }
    });
    scored.collect()
}

/// The scores of one list, stretched to 0..1; 0 for what is not in it.
fn spread(
    candidates: &[Candidate],
    fusion: Fusion,
    score: impl Fn(&Candidate) -> Option<f32>,
) -> Vec<f32> {
    let scores: Vec<Option<f32>> = match fusion {
        Fusion::Linear => {
            candidates.iter().map(|it| score(it).filter(|it| it.is_finite())).collect()
        }
        Fusion::Rrf => reciprocal(candidates, score),
    };
    let present = || scores.iter().flatten().copied();
    let low = present().fold(f32::INFINITY, f32::min);
    let high = present().fold(f32::NEG_INFINITY, f32::max);
    let width = high - low;
    let one = |score: f32| if width > 1e-6 { (score - low) / width } else { 1.0 };
    scores.iter().map(|score| score.map_or(0.0, one)).collect()
}

fn reciprocal(
    candidates: &[Candidate],
    score: impl Fn(&Candidate) -> Option<f32>,
) -> Vec<Option<f32>> {
    let mut order: Vec<(usize, f32)> = candidates
        .iter()
        .enumerate()
        .filter_map(|(at, it)| Some((at, score(it).filter(|it| it.is_finite())?)))
        .collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut ranks = vec![None; candidates.len()];
    for (rank, (at, _)) in order.iter().enumerate() {
        if let Some(place) = ranks.get_mut(*at) {
            *place = Some(1.0 / (RRF + as_f32(rank + 1)));
        }
    }
    ranks
}

fn best_of_episodes(candidates: &[Candidate], base: &[f32]) -> Vec<f32> {
    let count = candidates.iter().filter_map(|it| it.episode).max().map_or(0, |last| last + 1);
    let mut best = vec![0.0_f32; count];
    for (it, score) in candidates.iter().zip(base) {
        if let Some(best) = it.episode.and_then(|episode| best.get_mut(episode)) {
            *best = best.max(*score);
        }
    }
    best
}

#[allow(clippy::cast_precision_loss, reason = "ranks and distances are small")]
const fn as_f32(count: usize) -> f32 {
    count as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lexical: Option<f32>, cosine: Option<f32>) -> Candidate {
        Candidate { lexical, cosine, ..Candidate::default() }
    }

    fn bare() -> Weights {
        Weights { provenance: 0.0, recency: 0.0, ..Weights::default() }
    }

    fn order(fused: &[Fused]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..fused.len()).collect();
        order.sort_by(|a, b| fused[*b].score().total_cmp(&fused[*a].score()));
        order
    }

    #[test]
    fn both_lists_count() {
        let all =
            [found(Some(9.0), None), found(Some(8.0), Some(0.8)), found(Some(1.0), Some(0.1))];
        for fusion in [Fusion::Linear, Fusion::Rrf] {
            let fused = fuse(&all, &[], &Weights { fusion, ..bare() });
            assert_eq!(order(&fused)[0], 1, "{fusion:?}");
        }
    }

    #[test]
    fn one_hit_alone_has_the_full_score_and_nan_none() {
        let fused = fuse(&[found(Some(3.0), None), found(Some(f32::NAN), None)], &[], &bare());
        assert!((fused[0].score() - 0.55).abs() < 1e-6);
        assert!(fused[1].score().abs() < 1e-6);
    }

    #[test]
    fn the_answer_after_a_question_gets_more_than_the_question() {
        let mut asked = found(Some(5.0), Some(0.5));
        asked.asks = true;
        let all = [asked, found(None, None), found(None, None), found(Some(1.0), Some(0.1))];
        let link = |to, distance, follows| Link { from: 0, to, distance, follows };
        let links = [link(1, 1, true), link(2, 2, false), link(99, 1, true)];
        let fused = fuse(&all, &links, &bare());
        assert!(fused[1].score() > fused[2].score() && fused[2].score() > fused[3].score());
    }

    #[test]
    fn what_a_model_answers_to_a_person_gets_nothing_of_the_question() {
        let said = |origin, asks| Candidate { origin, asks, ..found(Some(5.0), None) };
        let answer = |origin| Candidate { origin, ..found(None, None) };
        let link = Link { from: 0, to: 1, distance: 1, follows: true };
        for (asker, answerer, expect) in [(3, 3, true), (1, 1, true), (1, 3, true), (3, 1, false)] {
            let fused = fuse(&[said(asker, true), answer(answerer)], &[link], &bare());
            assert_eq!(fused[1].parts[3] > 0.0, expect, "{asker} {answerer}");
        }
    }

    #[test]
    fn a_named_subject_and_a_person_come_first() {
        let plain = found(Some(1.0), None);
        let named = Candidate { subject: 1.0, ..plain };
        let person = Candidate { origin: 3, ..plain };
        let model = Candidate { origin: 1, ..plain };
        let fused = fuse(&[plain, named, person, model], &[], &Weights::default());
        assert_eq!(order(&fused), [1, 2, 3, 0]);
    }

    #[test]
    fn an_episode_lifts_all_of_its_own() {
        let in_episode =
            |episode, lexical| Candidate { episode: Some(episode), ..found(lexical, None) };
        let all = [
            in_episode(0, Some(9.0)),
            in_episode(0, Some(2.0)),
            in_episode(1, Some(2.0)),
            found(Some(1.0), None),
        ];
        let fused = fuse(&all, &[], &bare());
        assert!(fused[1].score() > fused[2].score());
    }
}
