//! The tool: its description, and the way to its actions.

use super::super::typed::{Answer, Call, Typed, about};
use super::args::{Action, Args};
use super::data::Data;
use super::unpack::LIMITS;
use super::{command, download, projects, scan, unpack};
use crate::contracts::{CallEffect, Risk, ToolError};
use crate::ports::{HostArg, PathAccess, PathArg, ToolDescriptor};

pub(in crate::tools) struct SandboxWorkerRun;

impl Typed for SandboxWorkerRun {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Downloads, unpacks, scans, builds and tests what comes from elsewhere, in a \
                    directory of the run's own, away from the workspace. What it makes stays for \
                    later actions of the same run.";
        let path = |arg: &str| PathArg { arg: arg.to_owned(), access: PathAccess::Read };
        ToolDescriptor {
            paths: vec![path("source"), path("workdir")],
            hosts: vec![HostArg { arg: "url".to_owned() }],
            command: Some("command".to_owned()),
            sinks: ["url", "command"].map(str::to_owned).to_vec(),
            labels: vec!["untrusted:web".to_owned()],
            timeout_ms: 600_000,
            profile: "worker".to_owned(),
            ..about("sandbox_worker_run", Risk::Medium, CallEffect::Idempotent, what)
        }
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        args.check()
    }

    fn dry_run(&self, args: &Args) -> String {
        if let Err(error) = args.check() {
            return format!("would refuse the arguments: {}", error.message);
        }
        match args.action {
            Action::Download => format!(
                "would get `{}`, at most {} bytes, as `{}`, and nothing from another host",
                args.url.as_deref().unwrap_or_default().escape_debug(),
                args.max_bytes(),
                args.download_name(),
            ),
            Action::Unpack => format!(
                "would unpack {} into a new directory `{}`: at most {} entries and {} bytes",
                match &args.source {
                    Some(source) => format!("`{}` of the workspace", source.escape_debug()),
                    None => format!("the download `{}`", args.archive()),
                },
                args.new_tree(),
                LIMITS.entries,
                LIMITS.bytes,
            ),
            Action::Scan => {
                format!("would list files, dependencies and findings of {}", place(args))
            }
            Action::Build | Action::Test | Action::Analyse | Action::Command => {
                format!("would run {} in {}", run_words(args), place(args))
            }
        }
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        args.check()?;
        let answer = match args.action {
            Action::Download => download::run(&args, at),
            Action::Unpack => unpack::run(&args, at),
            Action::Scan => scan::run(&args, at),
            Action::Build | Action::Test | Action::Analyse | Action::Command => {
                command::run(&args, at)
            }
        }?;
        let data = Data { action: args.action.as_str().to_owned(), ..answer.data };
        Ok(Answer { data, ..answer })
    }
}

fn place(args: &Args) -> String {
    match &args.workdir {
        Some(dir) => format!("a copy of `{}`", dir.escape_debug()),
        None => format!("the tree `{}` of this run", args.tree()),
    }
}

fn run_words(args: &Args) -> String {
    match &args.command {
        Some(argv) => argv.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" "),
        None => {
            format!("what {}s it, by what is found of {}", args.action.as_str(), projects::marks())
        }
    }
}
