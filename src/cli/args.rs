//! The arguments of the program.

use std::path::PathBuf;

use clap::{Args, ColorChoice, Parser, Subcommand};

use super::{
    approvals, completions, config, doctor, incidents, init, mcp, memory, models, playbook, policy,
    report, run, runs, sandbox, schedules, serve, smoke, submit, tokens, tools, trust, undo,
    verify,
};

/// The agent runner you can leave alone with a real machine.
///
/// Runs work written in playbooks, decides every action by policy, contains it in a sandbox, and
/// keeps a journal that can be verified and undone.
#[derive(Debug, Parser)]
#[command(name = "bailiwick", version, propagate_version = true, max_term_width = 100)]
pub(super) struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Accepted before and after the subcommand.
#[derive(Debug, Args)]
#[command(next_help_heading = "Common options")]
pub(super) struct Global {
    /// The workspace [default: the nearest parent with config/bailiwick.yaml, else this directory]
    #[arg(long, global = true, value_name = "DIR")]
    pub workspace: Option<PathBuf>,
    /// The configuration file [default: config/bailiwick.yaml in the workspace]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Change a configuration value for this call, such as policy.profile=ci
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Say more; twice for debugging
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a workspace: configuration, policies, playbooks, prompts, memory
    Init(init::Args),
    /// Run a playbook, or choose one by a goal
    Run(run::Args),
    /// Take tasks, run them, fire schedules, and stream what happens
    Serve(serve::Args),
    /// Hand a task to the daemon, or into its queue
    Submit(submit::Args),
    /// Look at runs, stop, resume or settle them
    Runs(runs::Args),
    /// Look at what runs ask, and answer
    Approvals(approvals::Args),
    /// See what happened with nobody near that a person must look at
    Incidents(incidents::Args),
    /// Make, list and revoke tokens for callers of the daemon
    Tokens(tokens::Args),
    /// See what the daemon starts by the clock
    Schedules(schedules::Args),
    /// Show the report of a run
    Report(report::Args),
    /// Remember, find, show, forget, import and export
    Memory(memory::Args),
    /// Check, show, explain and serve the policy
    Policy(policy::Args),
    /// Lint, plan, list and test playbooks
    Playbook(playbook::Args),
    /// List, show, switch and call tools
    Tools(tools::Args),
    /// Offer the governed tools to an MCP client
    Mcp(mcp::Args),
    /// List what makes vectors for memory, get a better one, try one
    Models(models::Args),
    /// Check that nothing in the journal was lost or altered
    Verify(verify::Args),
    /// Put back what a run or a call changed
    Undo(undo::Args),
    /// Show and check the configuration
    Config(config::Args),
    /// Trust what governs this workspace
    Trust(trust::Args),
    /// Say what works here and what does not
    Doctor(doctor::Args),
    /// Try the daemon: tools, calls, approvals, the token, the audit log
    Smoke(smoke::Args),
    /// Run a command in the sandbox, or probe it
    Sandbox(sandbox::Args),
    /// Print completions for a shell
    Completions(completions::Args),
}
