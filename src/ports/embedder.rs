//! Turning texts into vectors.

/// Why a text has no vector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// The embedder is not to be had: what is missing, and how to get it.
    #[error("the embedder `{embedder}` is not available: {reason}")]
    Unavailable {
        /// Which.
        embedder: String,
        /// Why, and what to do.
        reason: String,
    },
    /// It answered with something that is no vector of its dimension.
    #[error("the embedder `{embedder}` gave no usable vector: {reason}")]
    BadVector {
        /// Which.
        embedder: String,
        /// What was wrong with it.
        reason: String,
    },
}

/// Turns texts into vectors. Blocks; called on threads of its user.
pub trait Embedder: Send + Sync {
    /// Names the embedder and the weights it works with, such as `static-minilm-256-1a2b3c4d`: vectors of
    /// different ids are never compared.
    fn id(&self) -> &str;

    /// How many numbers a vector has.
    fn dimension(&self) -> usize;

    /// A vector of length 1 for each text, in their order. A text without any word it knows has the zero
    /// vector, which is near nothing.
    ///
    /// # Errors
    /// When the embedder is not to be had or gave no usable vector; then none of the texts has one.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError>;
}
