//! The tool: its description, the walls of the browser, and bringing back what it found.

use std::path::{Path, PathBuf};

use super::super::area::{Area, failed};
use super::super::bring::{self, Brought};
use super::super::cell::{self, Asked, broke};
use super::super::hand_in;
use super::super::typed::{Answer, Call, Typed, about, path_arg};
use super::super::web::Target;
use super::args::{Args, FILES};
use super::cell::{JOB, Reply, Request};
use super::data::Data;
use super::programs::BrowserPrograms;
use crate::contracts::{CallEffect, ErrorKind, ListedHost, Network, Risk, ToolError};
use crate::policy::Reach;
use crate::ports::{Category, HostArg, PathAccess, ToolDescriptor};

/// Settings of the system that a browser reads, where they are there: fonts, and its own.
const SETTINGS: [&str; 2] = ["/etc/fonts", "/etc/chromium"];

/// Time at the end of a call in which the helper says what it has, in milliseconds and as a part of all.
const LAST_WORDS_MS: u64 = 5_000;
const LAST_WORDS_PART: u64 = 5;

/// What the reply may have around what was read, in bytes.
const AROUND_BYTES: u64 = 64 * 1024;

pub(in crate::tools) struct BrowserTask;

impl Typed for BrowserTask {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Does steps in a real browser that knows nobody: opens a page, clicks, types, waits, reads, \
                    takes pictures. The browser is in a cell and reaches only the hosts that the call names.";
        let host = |arg: &str| HostArg { arg: arg.to_owned() };
        ToolDescriptor {
            aliases: vec!["browser_automation_selenium".to_owned()],
            category: Some(Category::ExternalComms),
            paths: path_arg(FILES, PathAccess::Read),
            hosts: vec![host("url"), host("hosts")],
            sinks: ["url", "steps", FILES].map(str::to_owned).to_vec(),
            labels: vec!["untrusted:web".to_owned()],
            sends_network: true,
            timeout_ms: 180_000,
            profile: "browser".to_owned(),
            enabled: false,
            ..about("browser_task", Risk::High, CallEffect::NonIdempotent, what)
        }
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        args.check().map(drop)
    }

    fn dry_run(&self, args: &Args) -> String {
        match args.check() {
            Ok(first) => format!(
                "would open `{}` in a browser and do {} steps, with no other hosts than {}",
                first.shown().escape_debug(),
                args.steps.len(),
                args.named(&first).join(", "),
            ),
            Err(error) => format!("would refuse the arguments: {}", error.message),
        }
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let first = args.check()?;
        let programs = BrowserPrograms::find(&at.context.browser)?;
        let reach = reach(&args, &first, at)?;
        let scratch = Area::of_run(at)?.scratch()?;
        let files = scratch.path().join(FILES);
        std::fs::create_dir(&files).map_err(|error| failed(&files, &error))?;
        hand_in::copy(FILES, &args.files, at, &files)?;
        let request = request(&args, &programs, &reach, at);
        let stdin = serde_json::to_vec(&request).map_err(|error| broke(&error.to_string()))?;
        let cwd = scratch.path().to_owned();
        let read = seen(&programs, at);
        let asked = Asked { job: JOB, stdin, read, write: vec![cwd.clone()], cwd, reach };
        let told = cell::ask_noting::<Reply>(at, asked)?;
        let (reply, receipt) = (told.reply, told.receipt);
        let mut error = reply.error;
        let artifacts = bring::named(scratch.path(), &reply.screenshots).unwrap_or_else(|why| {
            error.get_or_insert(why);
            Vec::new()
        });
        let data = Data {
            url: reply.url,
            title: reply.title,
            steps: reply.steps,
            extracted: reply.extracted,
            screenshots: artifacts.iter().map(Brought::from).collect(),
            dialogs: reply.dialogs,
            popups: reply.popups,
            refused: told.notes,
        };
        let truncated = reply.truncated;
        Ok(Answer { error, artifacts, truncated, receipt, ..Answer::of(data) })
    }
}

fn request(args: &Args, programs: &BrowserPrograms, reach: &Reach, at: &Call<'_>) -> Request {
    let wall_ms = at.call.timeout_ms.min(at.context.limits.wall_ms);
    let room = at.context.limits.output_bytes.min(at.context.output_bytes_max);
    Request {
        browser: programs.browser.clone(),
        driver: programs.driver.clone(),
        url: args.url.clone(),
        steps: args.steps.clone(),
        hosts: reach.hosts.clone(),
        step_ms: args.step_ms(),
        all_ms: wall_ms.saturating_sub(LAST_WORDS_MS.min(wall_ms / LAST_WORDS_PART)),
        bytes_max: room.saturating_sub(AROUND_BYTES),
    }
}

/// What policy let the call have, and of that only what it names itself.
fn reach(args: &Args, first: &Target, at: &Call<'_>) -> Result<Reach, ToolError> {
    let granted = &at.context.confinement;
    let mut hosts: Vec<ListedHost> = Vec::new();
    for host in &granted.hosts {
        hosts.push(host.parse().map_err(|error| broke(&format!("{error}")))?);
    }
    let named = args.named(first);
    let widest = Reach { network: granted.network, hosts };
    let reach = widest.within(std::iter::once(named.as_slice()));
    let name = first.name();
    if reach.network == Network::Proxy && reach.hosts.iter().any(|host| host.names(name)) {
        return Ok(reach);
    }
    let message = format!(
        "`{name}` cannot be reached from the browser's cell: `sandbox.proxy.hosts` and the playbook's \
         `permissions.network` must both name it, the profile `{}` must have `net: proxy`, and no secret may \
         have been read before",
        granted.profile
    );
    Err(ToolError::new(ErrorKind::Forbidden, message))
}

/// What of the machine the cell sees beside the system: settings, and programs that stand elsewhere.
fn seen(programs: &BrowserPrograms, at: &Call<'_>) -> Vec<PathBuf> {
    let settings = SETTINGS.iter().map(PathBuf::from).filter(|path| path.exists());
    let beside = [&programs.browser, &programs.driver].into_iter().filter_map(|path| {
        let dir = path.parent()?;
        (!dir.starts_with("/usr") && dir != Path::new("/")).then(|| dir.to_owned())
    });
    settings.chain(beside).chain(at.context.away.read.iter().cloned()).collect()
}
