//! The keys of memory and of the models that it needs.

use super::key::{Key, Kind};
use super::keys::key;
use super::tighten::Tighter;

const LANGUAGES: &[&str] = &[
    "english",
    "arabic",
    "danish",
    "dutch",
    "finnish",
    "french",
    "german",
    "greek",
    "hungarian",
    "italian",
    "norwegian",
    "portuguese",
    "romanian",
    "russian",
    "spanish",
    "swedish",
    "tamil",
    "turkish",
    "none",
];

/// A part of a whole, which nothing makes stricter.
const fn share(path: &'static str, about: &'static str) -> Key {
    key(path, Kind::Amount(0.0, 1.0), Tighter::Never, about)
}

/// Each, in the order of the reference file.
pub(super) const KEYS: &[Key] = &[
    key(
        "memory.text_bytes_max",
        Kind::Bytes(1 << 10, 1 << 20),
        Tighter::Lower,
        "longest text of a memory",
    ),
    key(
        "memory.same_from",
        Kind::Amount(0.95, 1.0),
        Tighter::Never,
        "share of common runs of three words from which two long texts are one memory",
    ),
    key(
        "memory.vector",
        Kind::Word(&["auto", "exact"]),
        Tighter::Never,
        "how vectors are searched",
    ),
    key(
        "memory.language",
        Kind::Word(LANGUAGES),
        Tighter::Never,
        "language whose endings words lose; `none` takes them as they are",
    ),
    key(
        "memory.languages.*",
        Kind::Word(LANGUAGES),
        Tighter::Never,
        "language of one area: main, fragments, solutions or instruments",
    ),
    key(
        "memory.recall.fusion",
        Kind::Word(&["linear", "rrf"]),
        Tighter::Never,
        "how scores by words and by meaning become one",
    ),
    key(
        "memory.recall.candidates",
        Kind::Count(10, 10_000),
        Tighter::Never,
        "how many candidates come from each index at least",
    ),
    key(
        "memory.recall.hops",
        Kind::Count(0, 8),
        Tighter::Never,
        "how far away in its episode a neighbour may stand",
    ),
    share("memory.recall.words", "share of words in the first score; meaning has the rest"),
    share("memory.recall.neighbours", "how much of its neighbours' scores a memory gets"),
    share("memory.recall.reply", "how much more the memory gets that directly follows a question"),
    share("memory.recall.episode", "how much of the best score of its episode each memory gets"),
    share("memory.recall.subject", "for being about somebody or something that the question names"),
    share("memory.recall.time", "for having happened when the question says"),
    share(
        "memory.recall.provenance",
        "for having been said by a person; less, the less its origin is trusted",
    ),
    share("memory.recall.importance", "for importance 1"),
    share("memory.recall.recency", "for being new; half of it after half a year"),
    share("memory.recall.asks", "taken from what is a question itself"),
    key(
        "models.embedder",
        Kind::Word(&["auto", "static", "fastembed", "ollama"]),
        Tighter::Never,
        "what makes vectors; `auto` takes fastembed where it works, else static",
    ),
    key("models.ollama.url", Kind::Line, Tighter::Never, "address of the Ollama server"),
    key("models.ollama.embedder", Kind::Line, Tighter::Never, "its model that makes vectors"),
];
