//! How near texts are to a goal in meaning. Only ever decides between what fits by its words, and says what
//! may have been meant.

use crate::ports::Embedder;

/// How near each of `texts` is to `goal`, from 0 to 1; 0 for all where there is no embedder, or it failed.
pub(super) fn nearness(goal: &str, texts: &[&str], embedder: Option<&dyn Embedder>) -> Vec<f64> {
    let mut all = vec![goal];
    all.extend(texts);
    let vectors = embedder.map(|embedder| embedder.embed(&all));
    match vectors {
        Some(Ok(vectors)) => {
            let (goal, texts) = vectors
                .split_first()
                .map_or((&[][..], &[][..]), |(goal, texts)| (goal.as_slice(), texts));
            texts.iter().map(|text| cosine(goal, text)).collect()
        }
        Some(Err(error)) => {
            tracing::debug!("goals are compared by their words alone: {error}");
            vec![0.0; texts.len()]
        }
        None => vec![0.0; texts.len()],
    }
}

/// Of vectors of length 1.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    f64::from(dot.clamp(0.0, 1.0))
}
