//! Finding the workspace and reading what governs it: configuration, `.env`, trust; and making one.
//!
//! Owns which files count and how far. What the configuration means is the business of `config`,
//! what the policies say that of `policy`; here they are only found. Nothing inside a workspace can
//! vouch for itself: trust is kept in the user's own directory.

mod dotenv;
mod environment;
mod error;
mod file;
mod governed;
mod locate;
mod open;
mod ownership;
mod scaffold;
mod trust;
mod user_dir;

pub use environment::Environment;
pub use error::WorkspaceError;
pub use governed::{Governed, OVERRIDE_FILE};
pub use locate::{Located, locate};
pub use open::{OpenOptions, Override, PolicyDirs, Workspace, open};
pub use ownership::{Owner, OwnershipError, claim, owner};
pub use scaffold::{Made, Shipped, Vouched, init};
pub use trust::{Change, Ledger, Standing, TrustError};
pub use user_dir::{cache_dir, user_dir};

#[cfg(test)]
mod tests;
