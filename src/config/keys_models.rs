//! The keys of language models.

use super::key::{Key, Kind};
use super::keys::key;
use super::tighten::Tighter;

const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;

/// Each, in the order of the reference file. A workspace that nobody trusts changes none of them: they say
/// where texts are sent.
pub(super) const KEYS: &[Key] = &[
    key(
        "models.ollama.context_tokens",
        Kind::Count(0, 10_000_000),
        Tighter::Never,
        "tokens that its language models look at, question and answer; 0 for the server's default",
    ),
    key(
        "models.chat",
        Kind::Models,
        Tighter::Never,
        "language models in the order in which they are asked; empty for none",
    ),
    key(
        "models.openai.url",
        Kind::Line,
        Tighter::Never,
        "address of an endpoint of OpenAI's protocol, with its version; empty for none",
    ),
    key(
        "models.openai.key",
        Kind::SecretName,
        Tighter::Never,
        "name of the secret that is its key; empty for none",
    ),
    key(
        "models.timeout",
        Kind::Duration(SECOND, HOUR),
        Tighter::Never,
        "how long one answer may take, tries and waits included",
    ),
    key(
        "models.reply_tokens",
        Kind::Count(16, 1_000_000),
        Tighter::Never,
        "most tokens of one answer",
    ),
    key(
        "models.attempts",
        Kind::Count(1, 20),
        Tighter::Never,
        "tries of one question at one model before the next is asked",
    ),
    key(
        "models.requests_per_minute",
        Kind::Count(0, 100_000),
        Tighter::Never,
        "questions a minute to one model; 0 for as many as come",
    ),
    key(
        "models.temperature",
        Kind::Amount(0.0, 2.0),
        Tighter::Never,
        "how freely words are chosen",
    ),
    key(
        "models.seed",
        Kind::Count(0, 2_147_483_647),
        Tighter::Never,
        "the same answer to the same question, as far as the provider can",
    ),
    key("models.prices", Kind::Prices, Tighter::Never, "what models cost"),
];
