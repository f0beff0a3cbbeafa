//! The tools that a goal most likely needs, for models that cannot look at many at once.

use super::near::nearness;
use super::words;
use crate::ports::{Embedder, ToolDescriptor};

/// How much what a tool does, and its meaning, weigh beside its words.
const ACTION: f64 = 0.5;
const MEANING: f64 = 0.5;

/// The indexes of the `most` of `tools` that are nearest to `goal`, in order: by their words, by what they do,
/// and by their meaning. Of equals the first.
#[must_use]
pub fn shortlist(
    goal: &str,
    tools: &[&ToolDescriptor],
    most: usize,
    embedder: Option<&dyn Embedder>,
) -> Vec<usize> {
    let abouts: Vec<String> = tools.iter().map(|tool| about(tool)).collect();
    let texts: Vec<&str> = abouts.iter().map(String::as_str).collect();
    let near = nearness(goal, &texts, embedder);
    let (said, wanted) = (words::stems(goal), words::actions(goal));
    let mut scores: Vec<(f64, usize)> = texts
        .iter()
        .zip(near)
        .enumerate()
        .map(|(index, (about, near))| {
            let spoken = words::stems(about).intersection(&said).count();
            let does = words::actions(about).intersection(&wanted).count();
            let of = |count: usize, all: usize| share(count, all.max(1));
            let score = of(spoken, said.len()) + ACTION * of(does, wanted.len()) + MEANING * near;
            (score, index)
        })
        .collect();
    scores.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut chosen: Vec<usize> = scores.into_iter().take(most).map(|(_, index)| index).collect();
    chosen.sort_unstable();
    chosen
}

/// What a tool is called and does, so that what it does stands where verbs stand.
fn about(tool: &ToolDescriptor) -> String {
    let first = tool.description.split(['.', ';']).next().unwrap_or_default();
    format!("{first}. {}", tool.name.replace('_', " "))
}

#[expect(clippy::cast_precision_loss, reason = "counts of words")]
fn share(count: usize, all: usize) -> f64 {
    count as f64 / all as f64
}
