//! What the program says about itself, and what it must not say: tracing, metrics, secrets, redaction.
//!
//! Owns the diagnostic log on standard error, what is counted, and the striking out of secrets. The journal, the audit
//! log and reports are the business of the store and the orchestrator; they pass their texts through
//! the [`Redactor`] first.

mod conceal;
mod disguise;
mod fingerprints;
mod metrics;
mod redact;
mod secrets;
mod shapes;
mod trace;

pub use fingerprints::Fingerprints;
pub use metrics::{Gauges, METRICS_TYPE, Metrics, ReloadOutcome};
pub use redact::Redactor;
pub use secrets::{SECRET_PREFIX, Secrets, SecretsError};
pub use trace::{TraceError, init_tracing};
