//! Whether a command acts, or only shows what it would do.

/// Said neither way, `run.dry_run_default` decides.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct Acting {
    /// Show each step, its arguments and the decision; execute nothing
    #[arg(long)]
    dry_run: bool,
    /// Act, also where `run.dry_run_default` is on
    #[arg(long, conflicts_with = "dry_run")]
    act: bool,
}

impl Acting {
    /// Whether it is to be a dry run; `None` where nothing was said.
    #[must_use]
    pub fn dry_run(self) -> Option<bool> {
        (self.dry_run || self.act).then_some(self.dry_run)
    }
}
