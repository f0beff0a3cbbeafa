//! Choosing a playbook for a goal in words, or saying why none is chosen.
//!
//! Deterministic and deliberately timid: it compares words, and running the wrong procedure is
//! worse than asking for its name. Every choice and every refusal says why.

use std::collections::{BTreeMap, BTreeSet};

use super::near::nearness;
use super::words::{stems as words, turns};
use crate::playbook::{Input, Playbook};
use crate::ports::Embedder;

/// A playbook that could be chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// What it takes.
    pub inputs: Vec<Input>,
    /// Templates of paths that it may write.
    pub writes: Vec<String>,
}

impl From<&Playbook> for Candidate {
    fn from(playbook: &Playbook) -> Self {
        Self {
            name: playbook.name.clone(),
            description: playbook.description.clone(),
            inputs: playbook.inputs.clone(),
            writes: playbook.permissions.write.clone(),
        }
    }
}

/// What came of looking.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Selection {
    /// One fits.
    Chosen {
        /// Its index among the candidates.
        index: usize,
        /// Why it was chosen, in a sentence.
        why: String,
        /// Whether the goal names it.
        named: bool,
    },
    /// None fits well enough, or several fit as well as each other.
    Refused {
        /// Why, and what to do.
        reasons: Vec<String>,
        /// Index and score (0 to 1) of the nearest, best first; at most three.
        nearest: Vec<(usize, f64)>,
    },
}

/// The least share of the goal's words, by weight, that a playbook must speak of.
const COVERED_MIN: f64 = 0.5;

/// How much better the best must be than the next.
const MARGIN_MIN: f64 = 0.15;

/// The fewest words that must meet.
const WORDS_MIN: usize = 2;

/// How much meaning weighs between playbooks that fit by their words.
const MEANING: f64 = 0.25;

/// Chooses among `candidates` for `goal`, whose words beside what is written out in it are `plain`.
pub(super) fn select(
    goal: &str,
    plain: &str,
    candidates: &[Candidate],
    embedder: Option<&dyn Embedder>,
) -> Selection {
    if candidates.is_empty() {
        let reasons = vec!["there are no playbooks".to_owned()];
        return Selection::Refused { reasons, nearest: Vec::new() };
    }
    match named(goal, candidates).as_slice() {
        [index] => return by_name(plain, candidates, *index),
        [] => {}
        several => return tie(candidates, several.iter().map(|index| (*index, 1.0)).collect()),
    }
    let words = words(plain);
    if words.is_empty() {
        let reasons = vec!["the goal has no words to look for".to_owned()];
        return Selection::Refused { reasons, nearest: Vec::new() };
    }
    let texts: Vec<BTreeSet<String>> = candidates.iter().map(text).collect();
    let weights = weights(&words, &texts);
    let total: f64 = weights.values().sum();
    let score = |text: &BTreeSet<String>| {
        let met = weights.iter().filter(|(word, _)| text.contains(*word));
        met.map(|(_, weight)| weight).sum::<f64>() / total
    };
    let mut ranked: Vec<(usize, f64)> = texts.iter().map(score).enumerate().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let about: Vec<&str> = candidates.iter().map(|it| it.description.as_str()).collect();
    let near = nearness(goal, &about, embedder);
    judge(candidates, &texts, &words, &ranked, &near)
}

fn judge(
    candidates: &[Candidate],
    texts: &[BTreeSet<String>],
    words: &BTreeSet<String>,
    ranked: &[(usize, f64)],
    near: &[f64],
) -> Selection {
    let nearest: Vec<(usize, f64)> =
        ranked.iter().take(3).filter(|(_, score)| *score > 0.0).copied().collect();
    let Some(&(index, score)) = nearest.first() else {
        let reasons = vec![
            "no playbook speaks of anything in the goal".to_owned(),
            "name one: `bailiwick run PLAYBOOK`; `bailiwick playbook ls` lists them".to_owned(),
        ];
        return Selection::Refused { reasons, nearest };
    };
    let (Some(candidate), Some(text)) = (candidates.get(index), texts.get(index)) else {
        return Selection::Refused { reasons: Vec::new(), nearest };
    };
    let met: Vec<&str> = words.iter().filter(|w| text.contains(*w)).map(String::as_str).collect();
    let missed: Vec<&str> =
        words.iter().filter(|w| !text.contains(*w)).map(String::as_str).collect();
    let mut reasons = Vec::new();
    let turning: Vec<&str> = missed.iter().filter(|word| turns(word)).copied().collect();
    if !turning.is_empty() {
        reasons.push(format!(
            "`{}` is nearest, and does not speak of {}",
            candidate.name,
            turning.join(", ")
        ));
    }
    if score < COVERED_MIN || met.len() < WORDS_MIN {
        reasons.push(format!(
            "`{}` is nearest, and has only {} in common with the goal; it does not speak of {}",
            candidate.name,
            list(&met),
            list(&missed)
        ));
    }
    let meaning = |index: usize| near.get(index).copied().unwrap_or_default() * MEANING;
    let close = |(other, next): &(usize, f64)| {
        score - next < MARGIN_MIN && score + meaning(index) - next - meaning(*other) < MARGIN_MIN
    };
    let next = ranked.get(1).copied().filter(close);
    if reasons.is_empty()
        && let Some(next) = next
    {
        return tie(candidates, vec![(index, score), next]);
    }
    if reasons.is_empty() {
        let why = format!("its name and description speak of {}", met.join(", "));
        return Selection::Chosen { index, why, named: false };
    }
    reasons.push("name the playbook: `bailiwick run PLAYBOOK`".to_owned());
    Selection::Refused { reasons, nearest }
}

fn tie(candidates: &[Candidate], nearest: Vec<(usize, f64)>) -> Selection {
    let names: Vec<String> = nearest
        .iter()
        .filter_map(|(index, _)| candidates.get(*index))
        .map(|candidate| format!("`{}`", candidate.name))
        .collect();
    let reasons = vec![
        format!("{} fit about as well as each other", names.join(" and ")),
        "name the playbook: `bailiwick run PLAYBOOK`".to_owned(),
    ];
    Selection::Refused { reasons, nearest }
}

fn list(words: &[&str]) -> String {
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

/// The candidates whose names stand in the goal as they are.
fn named(goal: &str, candidates: &[Candidate]) -> Vec<usize> {
    let goal = goal.to_lowercase();
    let part = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let tokens: BTreeSet<&str> =
        goal.split(|c: char| !part(c)).map(|token| token.trim_end_matches('.')).collect();
    let quoted: BTreeSet<&str> = goal.split(['"', '`', '\'']).skip(1).step_by(2).collect();
    let is_named = |candidate: &Candidate| {
        let name = candidate.name.to_lowercase();
        let telling = name.contains(['-', '_', '.']);
        quoted.contains(name.as_str()) || (telling && tokens.contains(name.as_str()))
    };
    candidates.iter().enumerate().filter(|(_, c)| is_named(c)).map(|(index, _)| index).collect()
}

/// A name in the goal chooses, unless the goal turns against it.
fn by_name(plain: &str, candidates: &[Candidate], index: usize) -> Selection {
    let Some(candidate) = candidates.get(index) else {
        return Selection::Refused { reasons: Vec::new(), nearest: Vec::new() };
    };
    let text = text(candidate);
    let turning: Vec<String> =
        words(plain).into_iter().filter(|word| !text.contains(word) && turns(word)).collect();
    if turning.is_empty() {
        let why = format!("the goal names `{}`", candidate.name);
        return Selection::Chosen { index, why, named: true };
    }
    let reasons = vec![format!(
        "the goal names `{}`, which does not speak of {}",
        candidate.name,
        turning.join(", ")
    )];
    Selection::Refused { reasons, nearest: vec![(index, 1.0)] }
}

fn text(candidate: &Candidate) -> BTreeSet<String> {
    words(&format!("{} {}", candidate.name, candidate.description))
}

/// Rare words weigh more; words that no playbook has weigh most.
fn weights(words: &BTreeSet<String>, texts: &[BTreeSet<String>]) -> BTreeMap<String, f64> {
    #[allow(clippy::cast_precision_loss, reason = "there are few playbooks")]
    let share = |count: usize| (count as f64 + 0.5) / (texts.len() as f64 + 1.0);
    words
        .iter()
        .map(|word| {
            let count = texts.iter().filter(|text| text.contains(word)).count();
            (word.clone(), 1.0 - share(count).ln())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates() -> Vec<Candidate> {
        [
            ("repo-health", "Inspect a git repository and write a health report: state, size, TODO comments, licence and README."),
            ("edit-test-report", "Edit a file, run a test command, and write a report."),
            ("backup", "Copy the workspace to another disk."),
        ]
        .map(|(name, description)| Candidate {
            name: name.to_owned(),
            description: description.to_owned(),
            inputs: Vec::new(),
            writes: Vec::new(),
        })
        .to_vec()
    }

    #[test]
    fn chooses_what_the_goal_speaks_of() {
        for (goal, expected) in [
            ("Inspect this repository and write a health report", 0),
            ("check the health of my repo", 0),
            ("Are there a README and a license in the repository?", 0),
            ("run repo-health", 0),
            ("please run `backup`", 2),
            ("copy this workspace to the other disk", 2),
            ("edit a file and run the test command", 1),
            ("EDIT-TEST-REPORT, now.", 1),
        ] {
            match select(goal, goal, &candidates(), None) {
                Selection::Chosen { index, why, .. } => {
                    assert_eq!(index, expected, "{goal}: {why}");
                    assert!(!why.is_empty());
                }
                refused => panic!("{goal}: {refused:?}"),
            }
        }
    }

    #[test]
    fn refuses_with_reasons_when_unsure() {
        for goal in [
            "",
            "the of and",
            "make coffee",
            "report",
            "write a report",
            "delete the repository",
            "delete the repository health report",
            "do not inspect the repository health",
            "inspect the repository and email the health report to my boss",
            "don't run repo-health",
            "run repo-health or edit-test-report",
            "back up",
            "deploy to production",
            "repository",
        ] {
            match select(goal, goal, &candidates(), None) {
                Selection::Refused { reasons, .. } => assert!(!reasons.is_empty(), "{goal}"),
                chosen => panic!("{goal}: {chosen:?}"),
            }
        }
        assert!(matches!(select("anything", "anything", &[], None), Selection::Refused { .. }));
    }

    fn of(goal: &str, candidates: &[Candidate]) -> Selection {
        select(goal, goal, candidates, None)
    }

    #[test]
    fn twins_are_a_tie() {
        let mut twins = candidates();
        twins.push(Candidate { name: "health".to_owned(), ..twins[0].clone() });
        let Selection::Refused { reasons, nearest } =
            of("inspect the git repository state and size", &twins)
        else {
            panic!("chose one of two twins")
        };
        assert!(reasons[0].contains("`repo-health` and `health`"), "{reasons:?}");
        assert_eq!(nearest.len(), 2);
    }
}
