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

/// What an area may hold.
macro_rules! budget {
    ($area:literal) => {
        [
            key(
                concat!("memory.budgets.", $area, ".records"),
                Kind::Count(0, 100_000_000),
                Tighter::Never,
                concat!("most records of `", $area, "` in the indexes; 0 for any number"),
            ),
            key(
                concat!("memory.budgets.", $area, ".bytes"),
                Kind::Bytes(0, 1 << 40),
                Tighter::Never,
                concat!("most bytes of texts of `", $area, "` in the indexes; 0 for any number"),
            ),
            key(
                concat!("memory.budgets.", $area, ".superseded"),
                Kind::Duration(0, 3_650 * 86_400_000),
                Tighter::Never,
                concat!("how long what was replaced in `", $area, "` stays in them; 0s for good"),
            ),
        ]
    };
}

const FRAGMENTS: [Key; 3] = budget!("fragments");
const SOLUTIONS: [Key; 3] = budget!("solutions");
const INSTRUMENTS: [Key; 3] = budget!("instruments");

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
        Kind::Word(&["auto", "exact", "hnsw"]),
        Tighter::Never,
        "how vectors are searched",
    ),
    key(
        "memory.graph_from",
        Kind::Count(1, 1_000_000_000),
        Tighter::Never,
        "from how many vectors on `auto` searches them with a graph of neighbours",
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
        "memory.consolidation.records",
        Kind::Count(0, 100_000_000),
        Tighter::Never,
        "new records that are enough to consolidate; 0 for never",
    ),
    key(
        "memory.consolidation.bytes",
        Kind::Bytes(0, 1 << 40),
        Tighter::Never,
        "bytes of new texts that are enough to consolidate; 0 for never",
    ),
    key(
        "memory.consolidation.cluster",
        Kind::Count(0, 100_000_000),
        Tighter::Never,
        "new records about one subject that are enough to consolidate; 0 for never",
    ),
    key(
        "memory.consolidation.similarity",
        Kind::Amount(0.5, 1.0),
        Tighter::Never,
        "how near two records must be to be looked at; it never decides",
    ),
    key(
        "memory.consolidation.look_records",
        Kind::Count(2, 1_000_000),
        Tighter::Never,
        "most records of an area that are looked at at a time, the newest first",
    ),
    key(
        "memory.consolidation.look_bytes",
        Kind::Bytes(1 << 10, 1 << 32),
        Tighter::Never,
        "most bytes of an area's texts that are looked at at a time",
    ),
    key(
        "memory.consolidation.model",
        Kind::Bool,
        Tighter::Never,
        "whether a language model, where there is one, writes what stands for several records",
    ),
    FRAGMENTS[0],
    FRAGMENTS[1],
    FRAGMENTS[2],
    SOLUTIONS[0],
    SOLUTIONS[1],
    SOLUTIONS[2],
    INSTRUMENTS[0],
    INSTRUMENTS[1],
    INSTRUMENTS[2],
    key(
        "models.embedder",
        Kind::Word(&["auto", "static", "fastembed", "ollama"]),
        Tighter::Never,
        "what makes vectors; `auto` takes fastembed where it works, else static",
    ),
    key("models.ollama.url", Kind::Line, Tighter::Never, "address of the Ollama server"),
    key("models.ollama.embedder", Kind::Line, Tighter::Never, "its model that makes vectors"),
];
