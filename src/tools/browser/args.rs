//! What a browser is told to do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::area::plain_name;
use super::super::hand_in;
use super::super::web::Target;
use crate::contracts::{ErrorKind, ToolError};

/// Most steps of a call.
pub(super) const STEPS_MAX: usize = 100;
/// Most hosts beside that of the first page.
const HOSTS_MAX: usize = 32;
/// Longest text that is typed, longest selector, and so on, in characters.
const TEXT_CHARS_MAX: usize = 64 * 1024;
const SELECTOR_CHARS_MAX: usize = 2_000;
const URL_CHARS_MAX: usize = 8_192;
/// How long a step may take unless the call says otherwise, and at most.
const STEP_MS: u64 = 15_000;
const STEP_MS_MAX: u64 = 120_000;
/// Longest rest of a `wait` without a selector.
const REST_MS_MAX: u64 = 60_000;
/// Values of one `extract` unless it says otherwise, and at most.
const VALUES: u32 = 100;
const VALUES_MAX: u32 = 1_000;
/// Most screenshots of a call.
const SCREENSHOTS_MAX: usize = 16;
/// Farthest scroll in one step, in pixels.
const SCROLL_MAX: i32 = 100_000;

/// The argument that names files to upload, and the directory of the call in which they lie.
pub(super) const FILES: &str = "files";

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Args {
    /// The page that is opened first: https, or http where the host is listed so.
    #[schemars(length(min = 1, max = URL_CHARS_MAX))]
    pub(super) url: String,
    /// Hosts that may be reached beside that of `url`, for redirects, scripts and pictures. None by
    /// themselves: configuration (`sandbox.proxy.hosts`) and the playbook's `permissions.network` must name each.
    #[serde(default)]
    #[schemars(length(max = HOSTS_MAX))]
    pub(super) hosts: Vec<String>,
    /// What is done then, in this order; the first step that fails ends it. Each is an object with one key.
    #[serde(default)]
    #[schemars(length(max = STEPS_MAX))]
    pub(super) steps: Vec<Step>,
    /// Files that `upload` steps hand to pages; relative to the workspace, or absolute.
    #[serde(default)]
    #[schemars(length(max = hand_in::FILES_MAX))]
    pub(super) files: Vec<String>,
    /// How long each step may take, waiting for its element included, in milliseconds; 15000 unless given.
    #[schemars(range(min = 100, max = STEP_MS_MAX))]
    pub(super) step_timeout_ms: Option<u64>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::tools) enum Step {
    /// Goes to another page.
    Open(Open),
    /// Presses the main button on the first element that fits, once it is there.
    Click(Chosen),
    /// Types into the first element that fits.
    Type(Typing),
    /// Presses a key.
    Press(Press),
    /// Chooses an option of a drop-down list.
    Select(Choice),
    /// Hands one of `files` to a field for files.
    Upload(Upload),
    /// Goes into a frame, or back to the page that has it: later steps see what is in there.
    Frame(Frame),
    /// Waits until something is there, or gone, or for some time.
    Wait(Wait),
    /// Scrolls to an element, or by pixels.
    Scroll(Scroll),
    /// Reads something of the page.
    Extract(Extract),
    /// Takes a picture of what is seen, or of an element, as PNG.
    Screenshot(Screenshot),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Open {
    /// An address of the host of the first page, or of one of `hosts`.
    #[schemars(length(min = 1, max = URL_CHARS_MAX))]
    pub(super) url: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Chosen {
    /// A CSS selector.
    #[schemars(length(min = 1, max = SELECTOR_CHARS_MAX))]
    pub(super) css: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Typing {
    /// A CSS selector.
    #[schemars(length(min = 1, max = SELECTOR_CHARS_MAX))]
    pub(super) css: String,
    /// What is typed.
    #[schemars(length(max = TEXT_CHARS_MAX))]
    pub(super) text: String,
    /// Whether what stood there is removed before.
    #[serde(default)]
    pub(super) clear: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Press {
    /// The key.
    pub(super) key: Key,
    /// A CSS selector of what gets it; what has the focus unless given.
    #[serde(default)]
    #[schemars(length(max = SELECTOR_CHARS_MAX))]
    pub(super) css: String,
}

/// Keys that have no character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::tools) enum Key {
    Enter,
    Tab,
    Escape,
    Backspace,
    Delete,
    Space,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Choice {
    /// A CSS selector of the list.
    #[schemars(length(min = 1, max = SELECTOR_CHARS_MAX))]
    pub(super) css: String,
    /// The text of the option as it is shown, or its value.
    #[schemars(length(max = TEXT_CHARS_MAX))]
    pub(super) option: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Upload {
    /// A CSS selector of the field.
    #[schemars(length(min = 1, max = SELECTOR_CHARS_MAX))]
    pub(super) css: String,
    /// Which of `files`, by its name without directories.
    #[schemars(length(min = 1, max = 255))]
    pub(super) file: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Frame {
    /// A CSS selector of the frame; back to the page that has it unless given.
    #[serde(default)]
    #[schemars(length(max = SELECTOR_CHARS_MAX))]
    pub(super) css: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Wait {
    /// A CSS selector of what is waited for.
    #[serde(default)]
    #[schemars(length(max = SELECTOR_CHARS_MAX))]
    pub(super) css: String,
    /// Whether it is waited until there is none.
    #[serde(default)]
    pub(super) gone: bool,
    /// Without a selector: how long, in milliseconds.
    #[serde(default)]
    #[schemars(range(max = REST_MS_MAX))]
    pub(super) ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Scroll {
    /// A CSS selector of what is brought into view.
    #[serde(default)]
    #[schemars(length(max = SELECTOR_CHARS_MAX))]
    pub(super) css: String,
    /// Without a selector: how far down, in pixels; up where it is negative.
    #[serde(default)]
    #[schemars(range(min = -SCROLL_MAX, max = SCROLL_MAX))]
    pub(super) by: i32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Extract {
    /// What it is called in the answer.
    #[schemars(length(min = 1, max = 100))]
    pub(super) name: String,
    /// A CSS selector; every element that fits is read.
    #[schemars(length(min = 1, max = SELECTOR_CHARS_MAX))]
    pub(super) css: String,
    /// What of it; its text unless given.
    #[serde(default)]
    pub(super) what: What,
    /// For `attribute`: which one.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub(super) attribute: String,
    /// Most elements; 100 unless given.
    #[serde(default = "values")]
    #[schemars(range(min = 1, max = VALUES_MAX))]
    pub(super) limit: u32,
}

const fn values() -> u32 {
    VALUES
}

/// What is read of an element.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::tools) enum What {
    /// Its text as it is shown.
    #[default]
    Text,
    /// Its markup.
    Html,
    /// What a field holds.
    Value,
    /// Where it leads, as a whole address.
    Link,
    /// One of its attributes.
    Attribute,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Screenshot {
    /// What the file is called, without `.png`.
    #[schemars(length(min = 1, max = 100))]
    pub(super) name: String,
    /// A CSS selector; what is seen of the page unless given.
    #[serde(default)]
    #[schemars(length(max = SELECTOR_CHARS_MAX))]
    pub(super) css: String,
}

impl Step {
    /// The step's word.
    pub(in crate::tools) const fn word(&self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::Click(_) => "click",
            Self::Type(_) => "type",
            Self::Press(_) => "press",
            Self::Select(_) => "select",
            Self::Upload(_) => "upload",
            Self::Frame(_) => "frame",
            Self::Wait(_) => "wait",
            Self::Scroll(_) => "scroll",
            Self::Extract(_) => "extract",
            Self::Screenshot(_) => "screenshot",
        }
    }
}

impl Args {
    pub(super) fn step_ms(&self) -> u64 {
        self.step_timeout_ms.unwrap_or(STEP_MS)
    }

    /// What the schema cannot say. Gives the first page.
    pub(super) fn check(&self) -> Result<Target, ToolError> {
        let first = page("url", &self.url)?;
        for host in &self.hosts {
            check_host(host)?;
        }
        hand_in::names(FILES, &self.files, &[])?;
        for (index, step) in self.steps.iter().enumerate() {
            self.check_step(&first, &format!("steps[{index}].{}", step.word()), step)?;
        }
        unique("screenshot", self.steps.iter().filter_map(screenshot_name))?;
        unique("extract", self.steps.iter().filter_map(extract_name))?;
        match self.steps.iter().filter_map(screenshot_name).count() {
            0..=SCREENSHOTS_MAX => Ok(first),
            more => Err(bad(format!("{more} screenshots; at most {SCREENSHOTS_MAX}"))),
        }
    }

    fn check_step(&self, first: &Target, at: &str, step: &Step) -> Result<(), ToolError> {
        match step {
            Step::Open(open) => self.check_named(first, at, &page(at, &open.url)?),
            Step::Wait(wait) if wait.css.is_empty() && (wait.ms == 0 || wait.gone) => {
                Err(bad(format!("`{at}` needs a `css`, or `ms` alone")))
            }
            Step::Wait(wait) if !wait.css.is_empty() && wait.ms > 0 => {
                Err(bad(format!("`{at}` takes `css` or `ms`, not both")))
            }
            Step::Scroll(scroll) if scroll.css.is_empty() == (scroll.by == 0) => {
                Err(bad(format!("`{at}` takes one of `css` and `by`")))
            }
            Step::Extract(extract) => {
                plain_name(at, &extract.name)?;
                let named = !extract.attribute.is_empty();
                match named == (extract.what == What::Attribute) {
                    true => Ok(()),
                    false => Err(bad(format!("`{at}`: `attribute` belongs to `what: attribute`"))),
                }
            }
            Step::Screenshot(shot) => plain_name(at, &shot.name).map(drop),
            Step::Upload(upload) => {
                let names = hand_in::names(FILES, &self.files, &[])?;
                match names.contains(&upload.file.as_str()) {
                    true => Ok(()),
                    false => Err(bad(format!(
                        "`{at}`: `files` names no `{}`",
                        upload.file.escape_debug()
                    ))),
                }
            }
            _ => Ok(()),
        }
    }

    /// Policy judges `url` and `hosts`: a step leads nowhere else.
    fn check_named(&self, first: &Target, at: &str, to: &Target) -> Result<(), ToolError> {
        let name = to.name();
        if name == first.name() || self.hosts.iter().any(|host| host.eq_ignore_ascii_case(name)) {
            return Ok(());
        }
        Err(bad(format!(
            "`{at}` leads to `{name}`: name it in `hosts`, so that policy can judge it"
        )))
    }

    /// The hosts that the call names.
    pub(super) fn named(&self, first: &Target) -> Vec<String> {
        let mut named = vec![first.name().to_owned()];
        named.extend(self.hosts.iter().map(|host| host.to_ascii_lowercase()));
        named
    }
}

fn bad(message: impl Into<String>) -> ToolError {
    ToolError::new(ErrorKind::BadArguments, message)
}

fn page(at: &str, url: &str) -> Result<Target, ToolError> {
    Target::parse(url).map_err(|error| bad(format!("`{at}`: {}", error.message)))
}

fn check_host(host: &str) -> Result<(), ToolError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match !host.is_empty() && host.chars().all(fits) {
        true => Ok(()),
        false => {
            let shown = host.escape_debug();
            Err(bad(format!(
                "argument `hosts`: `{shown}` is no host: a name alone, no port and no `*`"
            )))
        }
    }
}

fn screenshot_name(step: &Step) -> Option<&str> {
    match step {
        Step::Screenshot(shot) => Some(&shot.name),
        _ => None,
    }
}

fn extract_name(step: &Step) -> Option<&str> {
    match step {
        Step::Extract(extract) => Some(&extract.name),
        _ => None,
    }
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), ToolError> {
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        if seen.contains(&name) {
            return Err(bad(format!("two steps `{what}` are called `{name}`")));
        }
        seen.push(name);
    }
    Ok(())
}
