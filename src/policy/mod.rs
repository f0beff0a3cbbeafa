//! Deciding: typed facts in, a [`Decision`](crate::contracts::Decision) out.
//!
//! Owns the rules (YAML and Rhai), how layers join, the combination (deny over ask over allow,
//! nothing matched is deny, any error is deny), the reasons, and the seal that tools demand. Pure:
//! files are handed in as bytes, paths as resolved facts, the time as a value. Reading files and
//! resolving symlinks is left to `live` and `facts`, what a command does to `command`.

mod flow;
mod gather;
mod goal;
mod host;
mod lexical;
mod net;
mod pattern;
mod request;
mod zone;

mod arguments;
mod builtin;
mod case;
mod catalogue;
mod compile;
mod document;
mod example;
mod fingerprint;
mod layers;
mod limit;
mod lint;
mod manifest;
mod predicate;
mod rule;
mod schema;
mod script;
mod selector;
mod shadow;
mod source;
mod terms;
mod truth;
mod vocabulary;

mod authorized;
mod bounds;
mod decide;
mod explain;
mod finding;
mod set;
mod suggest;
mod walls;

mod suite;

#[cfg(test)]
mod tests;

pub use authorized::{Answer, Authorized, NotAuthorized, approval_hash, beforehand_hash};
pub use builtin::{built_in, built_in_tests, default_files};
pub use catalogue::{KINDS, Kind as MistakeKind, kind as mistake_kind};
pub use compile::{ReadFiles, compile, compile_with};
pub use explain::{Explanation, Say, Trace};
pub use finding::SCRIPT_OVERTIME;
pub use flow::{Came, Told, trace};
pub use gather::{Asked, Resolve, gather, path_fact};
pub use host::{HostClass, HostFact, HostFault, address_class, host, host_matches};
pub use lexical::{PathFault, absolute, resolve_lexically, without_dots};
pub use manifest::{
    KeyError, MANIFEST_FILE, Manifest, PrivateKey, PublicKey, TrustedKey, sign, trusted_keys,
};
pub use net::{Nets, Reach};
pub use request::{CommandFact, Fault, LeafFact, Permissions, Request, RunFacts, Walls};
pub use schema::json_schema;
pub use script::{Watch, definitions as script_definitions, reference as script_reference};
pub use set::{PolicySet, RuleLine};
pub use source::{Layer, Options, Source, SourceKind};
pub use suggest::Suggestion;
pub use suite::{
    Coverage, Met, Outcome, Report as TestReport, Result as TestResult, RuleMet, Spoke,
    check_tests, check_tests_within, run_tests, tests_json_schema,
};
pub use zone::{PathFact, Places, Zone, is_secret};

use terms::Terms;
