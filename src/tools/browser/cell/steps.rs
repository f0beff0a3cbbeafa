//! The steps, one after the other.

use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::{Client, Locator};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::super::args::{Choice, Extract, FILES, Key, Screenshot, Scroll, Step, Wait};
use super::super::data::Done;
use super::page::{address, check_place, failure, past_dialogs, read, said};
use super::words::{Reply, Request};
use crate::contracts::{ErrorKind, ToolError};

/// How often it is looked whether something is there.
const GLANCE: Duration = Duration::from_millis(100);
/// Windows that are closed after a step.
const POPUPS_MAX: usize = 20;
/// Longest title that is passed on, in characters.
const TITLE_CHARS_MAX: usize = 300;

/// The options of a list, by the text that is shown, else by value.
const CHOOSE: &str = "
const [list, wanted] = arguments;
const options = Array.from(list.options ?? []);
const found = options.find(it => it.text.trim() === wanted) ?? options.find(it => it.value === wanted);
if (!found) return false;
list.value = found.value;
found.selected = true;
list.dispatchEvent(new Event('input', { bubbles: true }));
list.dispatchEvent(new Event('change', { bubbles: true }));
return true;
";

/// Steps under way.
pub(super) struct Walk<'a> {
    request: &'a Request,
    client: Client,
    reply: &'a mut Reply,
    bytes_left: u64,
}

/// Why a step was not done.
enum Fault {
    Driver(CmdError),
    Tool(ToolError),
}

impl From<CmdError> for Fault {
    fn from(error: CmdError) -> Self {
        Self::Driver(error)
    }
}

impl From<ToolError> for Fault {
    fn from(error: ToolError) -> Self {
        Self::Tool(error)
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(request: &'a Request, client: Client, reply: &'a mut Reply) -> Self {
        Self { request, client, reply, bytes_left: request.bytes_max }
    }

    /// One step, and where it led. What was read on a page that does not count is not kept.
    pub(super) async fn step(&mut self, step: &Step) -> Result<(), ToolError> {
        let began = Instant::now();
        // A driver that says nothing more is no reason to wait for it.
        let most = self.step_time().saturating_mul(2);
        let done = match timeout(most, self.act(step)).await {
            Ok(done) => done.map_err(|fault| match fault {
                Fault::Driver(error) => failure(&error),
                Fault::Tool(error) => error,
            }),
            Err(_elapsed) => {
                let message = format!("it took longer than {} ms", self.request.step_ms);
                Err(ToolError::new(ErrorKind::Timeout, message))
            }
        };
        let done = match done {
            Ok(()) => self.look_around().await,
            Err(error) => Err(error),
        };
        let error = done.as_ref().err().map(|error| error.message.clone()).unwrap_or_default();
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (word, url) = (step.word().to_owned(), self.reply.url.clone());
        self.reply.steps.push(Done { step: word.clone(), ok: done.is_ok(), ms, url, error });
        let number = self.reply.steps.len().saturating_sub(1);
        done.map_err(|error| {
            let at = if number == 0 {
                "the first page".to_owned()
            } else {
                format!("step {number} ({word})")
            };
            ToolError { message: format!("{at}: {}", error.message), ..error }
        })
    }

    async fn act(&mut self, step: &Step) -> Result<(), Fault> {
        match step {
            Step::Open(open) => {
                let (client, url) = (self.client.clone(), open.url.clone());
                past_dialogs(&mut self.reply.dialogs, async || client.goto(&url).await).await?;
            }
            Step::Click(chosen) => {
                let element = self.element(&chosen.css).await?;
                past_dialogs(&mut self.reply.dialogs, async || element.click().await).await?;
            }
            Step::Type(typing) => {
                let element = self.element(&typing.css).await?;
                if typing.clear {
                    element.clear().await?;
                }
                element.send_keys(&typing.text).await?;
            }
            Step::Press(press) => {
                let element = match press.css.is_empty() {
                    true => self.client.active_element().await?,
                    false => self.element(&press.css).await?,
                };
                element.send_keys(&key(press.key).to_string()).await?;
            }
            Step::Select(choice) => self.choose(choice).await?,
            Step::Upload(upload) => {
                let element = self.element(&upload.css).await?;
                element.send_keys(&handed_in(&upload.file)?).await?;
            }
            Step::Frame(frame) if frame.css.is_empty() => self.client.enter_parent_frame().await?,
            Step::Frame(frame) => self.element(&frame.css).await?.enter_frame().await?,
            Step::Wait(wait) => self.wait(wait).await?,
            Step::Scroll(scroll) => self.scroll(scroll).await?,
            Step::Extract(extract) => self.extract(extract).await?,
            Step::Screenshot(shot) => self.screenshot(shot).await?,
        }
        Ok(())
    }

    const fn step_time(&self) -> Duration {
        Duration::from_millis(self.request.step_ms)
    }

    /// The first element that fits, as soon as it is there.
    async fn element(&mut self, css: &str) -> Result<Element, Fault> {
        let (client, most) = (self.client.clone(), self.step_time());
        let found = past_dialogs(&mut self.reply.dialogs, async || {
            client.wait().at_most(most).every(GLANCE).for_element(Locator::Css(css)).await
        });
        found.await.map_err(|error| match error {
            CmdError::WaitTimeout => Fault::Tool(none(css)),
            other => Fault::Driver(other),
        })
    }

    async fn choose(&mut self, choice: &Choice) -> Result<(), Fault> {
        let element = self.element(&choice.css).await?;
        let list = serde_json::to_value(&element).map_err(CmdError::Json)?;
        let chosen = self.client.execute(CHOOSE, vec![list, json!(choice.option)]).await?;
        if chosen == json!(true) {
            return Ok(());
        }
        let message = format!("`{}` has no option `{}`", said(&choice.css), said(&choice.option));
        Err(Fault::Tool(ToolError::new(ErrorKind::NotFound, message)))
    }

    async fn wait(&mut self, wait: &Wait) -> Result<(), Fault> {
        if wait.css.is_empty() {
            sleep(Duration::from_millis(wait.ms)).await;
            return Ok(());
        }
        if !wait.gone {
            return self.element(&wait.css).await.map(drop);
        }
        let (client, until) = (self.client.clone(), Instant::now() + self.step_time());
        loop {
            let found = past_dialogs(&mut self.reply.dialogs, async || {
                client.find_all(Locator::Css(&wait.css)).await
            });
            if found.await?.is_empty() {
                return Ok(());
            }
            if Instant::now() > until {
                let message = format!("`{}` is still there", said(&wait.css));
                return Err(Fault::Tool(ToolError::new(ErrorKind::Timeout, message)));
            }
            sleep(GLANCE).await;
        }
    }

    async fn scroll(&mut self, scroll: &Scroll) -> Result<(), Fault> {
        let (script, args) = match scroll.css.is_empty() {
            true => ("window.scrollBy(0, arguments[0])", vec![json!(scroll.by)]),
            false => {
                let element = self.element(&scroll.css).await?;
                let element = serde_json::to_value(&element).map_err(CmdError::Json)?;
                ("arguments[0].scrollIntoView({ block: 'center' })", vec![element])
            }
        };
        self.client.execute(script, args).await?;
        Ok(())
    }

    async fn extract(&mut self, extract: &Extract) -> Result<(), Fault> {
        let client = self.client.clone();
        let found =
            past_dialogs(&mut self.reply.dialogs, async || read(&client, extract).await).await?;
        self.reply.truncated |= found.more;
        let mut kept = Vec::new();
        for value in found.values {
            let bytes = u64::try_from(value.len()).unwrap_or(u64::MAX).saturating_mul(2);
            match self.bytes_left.checked_sub(bytes) {
                Some(left) => self.bytes_left = left,
                None => {
                    self.reply.truncated = true;
                    break;
                }
            }
            kept.push(value);
        }
        self.reply.extracted.insert(extract.name.clone(), kept);
        Ok(())
    }

    async fn screenshot(&mut self, shot: &Screenshot) -> Result<(), Fault> {
        let picture = match shot.css.is_empty() {
            true => {
                let client = self.client.clone();
                past_dialogs(&mut self.reply.dialogs, async || client.screenshot().await).await?
            }
            false => {
                let element = self.element(&shot.css).await?;
                past_dialogs(&mut self.reply.dialogs, async || element.screenshot().await).await?
            }
        };
        let name = format!("{}.png", shot.name);
        std::fs::write(&name, picture).map_err(|error| {
            ToolError::new(ErrorKind::Io, format!("the picture `{name}` cannot be kept: {error}"))
        })?;
        self.reply.screenshots.push(name);
        Ok(())
    }

    /// Closes windows that pages opened, and looks where the browser is now.
    async fn look_around(&mut self) -> Result<(), ToolError> {
        self.close_popups().await.map_err(|error| failure(&error))?;
        let client = self.client.clone();
        let place = past_dialogs(&mut self.reply.dialogs, async || {
            Ok((address(&client).await?, client.title().await?))
        });
        let (url, title) = place.await.map_err(|error| failure(&error))?;
        self.reply.url = url;
        self.reply.title = title.chars().take(TITLE_CHARS_MAX).collect();
        check_place(&self.reply.url, &self.request.hosts)
    }

    async fn close_popups(&mut self) -> Result<(), CmdError> {
        let windows = self.client.windows().await?;
        if windows.len() <= 1 {
            return Ok(());
        }
        let own = self.client.window().await?;
        for window in windows.into_iter().filter(|window| *window != own).take(POPUPS_MAX) {
            self.client.switch_to_window(window).await?;
            let client = self.client.clone();
            let at = past_dialogs(&mut self.reply.dialogs, async || address(&client).await).await?;
            self.reply.popups.push(at);
            self.client.close_window().await?;
        }
        self.client.switch_to_window(own).await
    }
}

/// Where a file that was copied in lies, as the browser in this cell finds it.
fn handed_in(file: &str) -> Result<String, ToolError> {
    let here = std::env::current_dir().map_err(|error| {
        ToolError::new(ErrorKind::Io, format!("the directory of the call cannot be found: {error}"))
    })?;
    Ok(here.join(FILES).join(file).display().to_string())
}

fn none(css: &str) -> ToolError {
    let message = format!("no element fits `{}`, and none came in time", said(css));
    ToolError::new(ErrorKind::NotFound, message)
}

/// Keys as WebDriver writes them.
const fn key(key: Key) -> char {
    match key {
        Key::Enter => '\u{e007}',
        Key::Tab => '\u{e004}',
        Key::Escape => '\u{e00c}',
        Key::Backspace => '\u{e003}',
        Key::Delete => '\u{e017}',
        Key::Space => '\u{e00d}',
        Key::Up => '\u{e013}',
        Key::Down => '\u{e015}',
        Key::Left => '\u{e012}',
        Key::Right => '\u{e014}',
        Key::Home => '\u{e011}',
        Key::End => '\u{e010}',
        Key::PageUp => '\u{e00e}',
        Key::PageDown => '\u{e00f}',
    }
}
