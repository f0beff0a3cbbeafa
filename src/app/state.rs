//! Whose state is in a workspace.

use super::App;
use crate::cli::{CliError, Exit};
use crate::ports::Clock;
use crate::workspace::{Owner, OwnershipError, claim, owner};

impl App {
    /// Whose state is in the workspace.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub fn owner(&self) -> Result<Owner, CliError> {
        let user_dir = self.workspace.user_dir.as_deref();
        owner(&self.workspace.state_dir, user_dir).map_err(failed)
    }

    /// State that somebody else made is never acted on: it could hold approvals nobody here gave.
    ///
    /// # Errors
    /// When it is somebody else's, or cannot be made.
    pub fn claim_state(&self, clock: &dyn Clock) -> Result<(), CliError> {
        let (state_dir, user_dir) = (&self.workspace.state_dir, self.workspace.user_dir.as_deref());
        match self.owner()? {
            Owner::Us => Ok(()),
            Owner::Nobody => {
                claim(state_dir, user_dir, (clock.salt(), clock.salt())).map_err(failed)
            }
            Owner::SomebodyElse(why) => {
                let message = format!("`{}` was not made here by you: {why}", state_dir.display());
                Err(CliError::new(Exit::Integrity, message)
                    .hint("it may hold approvals and inputs that are not yours, so nothing is run")
                    .hint("move it away to begin anew; reading commands still show what is in it"))
            }
        }
    }
}

fn failed(error: OwnershipError) -> CliError {
    CliError::new(Exit::Failed, error.to_string())
}
