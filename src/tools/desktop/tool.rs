//! The tool: its description, and its steps one after the other.

use std::thread::sleep;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Serialize;

use super::super::bring::Brought;
use super::super::typed::{Answer, Call, Typed, about};
use super::args::{Args, Button, Step};
use super::keys::keysym;
use super::screen::Screen;
use crate::contracts::{ArtifactRef, CallEffect, ErrorKind, Hash, Risk, ToolError};
use crate::ports::{Produced, ToolDescriptor};

/// How often a rest looks whether it is over.
const GLANCE: Duration = Duration::from_millis(50);

pub(in crate::tools) struct DesktopTask;

#[derive(Serialize, JsonSchema)]
pub(in crate::tools) struct Data {
    /// Width of the display, in pixels.
    width: u16,
    /// Its height.
    height: u16,
    /// Where the pointer is at the end, from the left.
    x: i16,
    /// And from the top.
    y: i16,
    /// What became of each step.
    steps: Vec<Done>,
    /// Pictures, in the order in which they were taken; they are artifacts.
    screenshots: Vec<Brought>,
}

/// What became of a step.
#[derive(Serialize, JsonSchema)]
struct Done {
    /// Its word, such as `click`.
    step: &'static str,
    /// Whether it was done.
    ok: bool,
    /// Why it was not done; empty where it was.
    error: String,
}

impl Typed for DesktopTask {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Moves the pointer, presses keys, types and takes pictures on the X display that \
                    configuration names: what a person's own programs see there is a person at work.";
        ToolDescriptor {
            aliases: vec!["desktop_automation_pyautogui".to_owned()],
            sinks: vec!["steps".to_owned()],
            labels: vec!["untrusted:desktop".to_owned()],
            timeout_ms: 180_000,
            enabled: false,
            ..about("desktop_task", Risk::High, CallEffect::NonIdempotent, what)
        }
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        args.check()
    }

    fn dry_run(&self, args: &Args) -> String {
        let words: Vec<&str> = args.steps.iter().map(Step::word).collect();
        format!("would do on the display: {}", words.join(", "))
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        args.check()?;
        let Some(display) = &at.context.display else {
            let message = "there is no display: name one in `tools.desktop.display`, such as `:1`; the one in the \
                           environment is not taken";
            return Err(ToolError::new(ErrorKind::Unavailable, message));
        };
        let screen = Screen::open(display)?;
        for (index, step) in args.steps.iter().enumerate() {
            if let Some(place) = step.places().into_iter().find(|place| !screen.has(*place)) {
                let message = format!(
                    "`steps[{index}].{}`: {}, {} is not on the display, which has {} by {} pixels",
                    step.word(),
                    place.x,
                    place.y,
                    screen.width,
                    screen.height
                );
                return Err(ToolError::new(ErrorKind::BadArguments, message));
            }
        }
        let (mut steps, mut artifacts, mut error) = (Vec::new(), Vec::new(), None);
        for (index, step) in args.steps.iter().enumerate() {
            let done = at.watch.check().and_then(|()| act(&screen, step, at, &mut artifacts));
            let why = done.as_ref().err().map(|it| it.message.clone()).unwrap_or_default();
            steps.push(Done { step: step.word(), ok: done.is_ok(), error: why });
            if let Err(why) = done {
                let message = format!("step {index} ({}): {}", step.word(), why.message);
                error = Some(ToolError { message, ..why });
                break;
            }
        }
        let pointer = screen.pointer()?;
        let data = Data {
            width: screen.width,
            height: screen.height,
            x: pointer.x,
            y: pointer.y,
            steps,
            screenshots: artifacts.iter().map(Brought::from).collect(),
        };
        Ok(Answer { error, artifacts, ..Answer::of(data) })
    }
}

fn act(
    screen: &Screen,
    step: &Step,
    at: &Call<'_>,
    artifacts: &mut Vec<Produced>,
) -> Result<(), ToolError> {
    match step {
        Step::Move(place) => screen.move_to(*place),
        Step::Click(click) => {
            screen.move_to(click.at)?;
            (0..click.times).try_for_each(|_| screen.click(click.button))
        }
        Step::Drag(drag) => {
            screen.move_to(drag.from)?;
            screen.hold(Button::Left)?;
            let moved = screen.move_to(drag.to);
            // Whatever failed: no button stays held.
            screen.let_go(Button::Left).and(moved)
        }
        Step::Scroll(scroll) => {
            screen.move_to(scroll.at)?;
            screen.scroll(scroll.by)
        }
        Step::Type(typing) => typing.text.chars().try_for_each(|c| {
            at.watch.check()?;
            screen.type_char(c)
        }),
        Step::Press(press) => {
            let keys: Vec<u32> = press.keys.iter().filter_map(|key| keysym(key)).collect();
            screen.press(&keys)
        }
        Step::Wait(rest) => {
            let until = Instant::now() + Duration::from_millis(rest.ms);
            while let Some(left) = until.checked_duration_since(Instant::now()) {
                at.watch.check()?;
                sleep(left.min(GLANCE));
            }
            Ok(())
        }
        Step::Screenshot(shot) => {
            artifacts.push(picture(format!("{}.png", shot.name), screen.picture()?));
            Ok(())
        }
    }
}

fn picture(name: String, content: Vec<u8>) -> Produced {
    let (hash, bytes) = (Hash::of(&content), content.len() as u64);
    let artifact = ArtifactRef { name, hash, bytes, media_type: "image/png".to_owned() };
    Produced { artifact, content }
}
