//! How much each reason to recall a memory weighs.

/// How scores by words and by meaning become one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fusion {
    /// Each list stretched to 0..1 and added by weight.
    #[default]
    Linear,
    /// Reciprocal ranks with the usual 60, stretched to 0..1.
    Rrf,
}

/// The weights. All scores they work on lie between 0 and 1, so that they compare.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// How the two lists become one.
    pub fusion: Fusion,
    /// The share of words, 0 to 1; meaning has the rest.
    pub words: f32,
    /// How much of its neighbours' scores a memory gets, divided by their distance.
    pub neighbours: f32,
    /// How far away in the episode a neighbour may stand.
    pub hops: usize,
    /// How much more the memory gets that directly follows a question.
    pub reply: f32,
    /// How much of the best score of its episode each memory gets.
    pub episode: f32,
    /// For being about somebody or something that the question names.
    pub subject: f32,
    /// For having happened when the question says.
    pub time: f32,
    /// For having been said by a person; less, the less its origin is trusted.
    pub provenance: f32,
    /// For importance 1.
    pub importance: f32,
    /// For being new; half of it after half a year.
    pub recency: f32,
    /// Taken from what is a question itself.
    pub asks: f32,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            fusion: Fusion::Linear,
            words: 0.55,
            neighbours: 0.3,
            hops: 2,
            reply: 0.3,
            episode: 0.2,
            subject: 0.3,
            time: 0.15,
            provenance: 0.2,
            importance: 0.05,
            recency: 0.02,
            asks: 0.05,
        }
    }
}
