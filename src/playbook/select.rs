//! Choosing a playbook for a goal in words, or saying why none is chosen.
//!
//! Deterministic and deliberately timid: it compares words, and running the wrong procedure is
//! worse than asking for its name. Every choice and every refusal says why.

use std::collections::{BTreeMap, BTreeSet};

/// A playbook that could be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// Where it was read from.
    pub path: String,
}

/// What came of looking.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    /// One fits.
    Chosen {
        /// Its index among the candidates.
        index: usize,
        /// Why it was chosen, in a sentence.
        why: String,
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

/// Words that say nothing about what to do.
const EMPTY: [&str; 54] = [
    "a", "all", "an", "and", "any", "are", "as", "at", "be", "by", "can", "could", "do", "does",
    "for", "from", "give", "has", "have", "how", "i", "if", "in", "is", "it", "its", "let", "me",
    "my", "of", "on", "or", "our", "please", "run", "should", "so", "some", "that", "the", "their",
    "then", "there", "this", "to", "us", "want", "we", "what", "with", "would", "you", "your",
    "playbook",
];

/// Words that turn a goal into another: where a playbook does not speak of them, it does not fit.
const TURNING: [&str; 34] = [
    "buy",
    "cancel",
    "commit",
    "delete",
    "deploy",
    "destroy",
    "disable",
    "discard",
    "dont",
    "drop",
    "email",
    "erase",
    "force",
    "install",
    "kill",
    "mail",
    "merge",
    "never",
    "no",
    "not",
    "overwrite",
    "pay",
    "post",
    "publish",
    "push",
    "release",
    "remove",
    "reset",
    "revert",
    "send",
    "stop",
    "uninstall",
    "upload",
    "without",
];

/// Chooses among `candidates` for `goal`.
#[must_use]
pub fn select(goal: &str, candidates: &[Candidate]) -> Selection {
    if candidates.is_empty() {
        let reasons = vec!["there are no playbooks".to_owned()];
        return Selection::Refused { reasons, nearest: Vec::new() };
    }
    match named(goal, candidates).as_slice() {
        [index] => return by_name(goal, candidates, *index),
        [] => {}
        several => return tie(candidates, several.iter().map(|index| (*index, 1.0)).collect()),
    }
    let words = words(goal);
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
    judge(candidates, &texts, &words, &ranked)
}

fn judge(
    candidates: &[Candidate],
    texts: &[BTreeSet<String>],
    words: &BTreeSet<String>,
    ranked: &[(usize, f64)],
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
    let turning: Vec<&str> = missed
        .iter()
        .filter(|word| TURNING.iter().any(|turn| stem(turn) == **word))
        .copied()
        .collect();
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
    let next = ranked.get(1).copied().filter(|(_, next)| score - next < MARGIN_MIN);
    if reasons.is_empty()
        && let Some(next) = next
    {
        return tie(candidates, vec![(index, score), next]);
    }
    if reasons.is_empty() {
        let why = format!("its name and description speak of {}", met.join(", "));
        return Selection::Chosen { index, why };
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
fn by_name(goal: &str, candidates: &[Candidate], index: usize) -> Selection {
    let Some(candidate) = candidates.get(index) else {
        return Selection::Refused { reasons: Vec::new(), nearest: Vec::new() };
    };
    let text = text(candidate);
    let turning: Vec<String> = words(goal)
        .into_iter()
        .filter(|word| !text.contains(word) && TURNING.iter().any(|turn| stem(turn) == *word))
        .collect();
    if turning.is_empty() {
        return Selection::Chosen { index, why: format!("the goal names `{}`", candidate.name) };
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

fn words(text: &str) -> BTreeSet<String> {
    text.to_lowercase()
        .replace('\'', "")
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !EMPTY.contains(word))
        .map(stem)
        .collect()
}

/// A word without its commonest endings, so that `checks` meets `checking`.
fn stem(word: &str) -> String {
    const ENDINGS: [&str; 8] = ["ings", "ing", "ies", "ed", "es", "ly", "s", "y"];
    let short = match word {
        "repo" | "repos" | "repositories" | "repository" => return "repositor".to_owned(),
        "licenses" | "license" | "licences" | "licence" => return "licenc".to_owned(),
        word => word,
    };
    let ending = ENDINGS.iter().find(|ending| {
        short.strip_suffix(**ending).is_some_and(|rest| rest.chars().count() >= 3)
            && !(**ending == "s" && short.ends_with("ss"))
    });
    let stem = ending.and_then(|ending| short.strip_suffix(ending)).unwrap_or(short);
    stem.trim_end_matches('e').to_owned()
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
            path: format!("playbooks/{name}.yaml"),
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
            match select(goal, &candidates()) {
                Selection::Chosen { index, why } => {
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
            match select(goal, &candidates()) {
                Selection::Refused { reasons, .. } => assert!(!reasons.is_empty(), "{goal}"),
                chosen => panic!("{goal}: {chosen:?}"),
            }
        }
        assert!(matches!(select("anything", &[]), Selection::Refused { .. }));
    }

    #[test]
    fn twins_are_a_tie() {
        let mut twins = candidates();
        twins.push(Candidate { name: "health".to_owned(), ..twins[0].clone() });
        let Selection::Refused { reasons, nearest } =
            select("inspect the git repository state and size", &twins)
        else {
            panic!("chose one of two twins")
        };
        assert!(reasons[0].contains("`repo-health` and `health`"), "{reasons:?}");
        assert_eq!(nearest.len(), 2);
    }
}
