//! Deciding: typed facts in, a [`Decision`](crate::contracts::Decision) out.
//!
//! Owns the rules (YAML and Rhai), how layers join, the combination (deny over ask over allow,
//! nothing matched is deny, any error is deny), the reasons, and the seal that tools demand. Pure:
//! files are handed in as bytes, paths as resolved facts, the time as a value. Reading files and
//! resolving symlinks is left to `live` and `facts`, what a command does to `command`.

mod gather;
mod host;
mod lexical;
mod pattern;
mod request;
mod zone;

mod builtin;
mod case;
mod compile;
mod document;
mod example;
mod fingerprint;
mod layers;
mod predicate;
mod rule;
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

#[cfg(test)]
mod tests;

pub use authorized::{Answer, Authorized, NotAuthorized, approval_hash};
pub use builtin::{built_in, default_files};
pub use compile::compile;
pub use explain::{Explanation, Say, Trace};
pub use gather::{Asked, Resolve, gather, path_fact};
pub use host::{HostClass, HostFact, HostFault, host, host_matches};
pub use lexical::{PathFault, absolute, resolve_lexically, without_dots};
pub use request::{CommandFact, Fault, LeafFact, Permissions, Request, RunFacts, Walls};
pub use set::{PolicySet, RuleLine};
pub use source::{Layer, Options, Source, SourceKind};
pub use zone::{PathFact, Places, Zone, is_secret};

use terms::Terms;
