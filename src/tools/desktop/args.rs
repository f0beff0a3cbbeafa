//! What is done on a display.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::area::plain_name;
use super::keys::keysym;
use crate::contracts::{ErrorKind, ToolError};

/// Most steps of a call.
const STEPS_MAX: usize = 100;
/// Longest text of a step, in characters.
const TEXT_CHARS_MAX: usize = 4_096;
/// Longest rest, in milliseconds.
const REST_MS_MAX: u64 = 60_000;
/// Most keys that are held together, and most clicks and notches of a wheel of one step.
const TOGETHER_MAX: usize = 5;
const TIMES_MAX: u8 = 20;
/// Most pictures of a call.
const PICTURES_MAX: usize = 16;
/// Largest coordinate that X has.
const PLACE_MAX: i16 = i16::MAX;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Args {
    /// What is done, in this order; the first step that fails ends it. Each is an object with one key.
    #[schemars(length(min = 1, max = STEPS_MAX))]
    pub(super) steps: Vec<Step>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Step {
    /// Moves the pointer.
    Move(Place),
    /// Moves the pointer and presses a button.
    Click(Click),
    /// Moves the pointer, presses the main button, moves on, and lets go.
    Drag(Drag),
    /// Turns the wheel.
    Scroll(Scroll),
    /// Types a text into what has the focus.
    Type(Typing),
    /// Presses keys together, such as `ctrl` and `s`.
    Press(Press),
    /// Rests.
    Wait(Rest),
    /// Takes a picture of the display as PNG.
    Screenshot(Screenshot),
}

/// A place on the display, in pixels from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    /// From the left.
    #[schemars(range(min = 0, max = PLACE_MAX))]
    pub(super) x: i16,
    /// From the top.
    #[schemars(range(min = 0, max = PLACE_MAX))]
    pub(super) y: i16,
}

/// A button of the pointer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Button {
    #[default]
    Left,
    Middle,
    Right,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Click {
    /// Where.
    pub(super) at: Place,
    /// Which button; the left one unless given.
    #[serde(default)]
    pub(super) button: Button,
    /// How often; once unless given.
    #[serde(default = "once")]
    #[schemars(range(min = 1, max = TIMES_MAX))]
    pub(super) times: u8,
}

const fn once() -> u8 {
    1
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Drag {
    /// Where it begins.
    pub(super) from: Place,
    /// Where it ends.
    pub(super) to: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Scroll {
    /// Where.
    pub(super) at: Place,
    /// Notches down; up where it is negative.
    #[schemars(range(min = -20, max = 20))]
    pub(super) by: i8,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Typing {
    /// What is typed; line breaks and tabs are keys.
    #[schemars(length(min = 1, max = TEXT_CHARS_MAX))]
    pub(super) text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Press {
    /// Keys, held in this order: single characters, or `ctrl` `alt` `shift` `super` `enter` `tab` `escape`
    /// `backspace` `delete` `space` `up` `down` `left` `right` `home` `end` `page_up` `page_down` `f1` to `f12`.
    #[schemars(length(min = 1, max = TOGETHER_MAX))]
    pub(super) keys: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rest {
    /// How long, in milliseconds.
    #[schemars(range(min = 1, max = REST_MS_MAX))]
    pub(super) ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Screenshot {
    /// What the file is called, without `.png`.
    #[schemars(length(min = 1, max = 100))]
    pub(super) name: String,
}

impl Step {
    /// The step's word.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Move(_) => "move",
            Self::Click(_) => "click",
            Self::Drag(_) => "drag",
            Self::Scroll(_) => "scroll",
            Self::Type(_) => "type",
            Self::Press(_) => "press",
            Self::Wait(_) => "wait",
            Self::Screenshot(_) => "screenshot",
        }
    }

    /// Places that have to be on the display.
    pub(super) fn places(&self) -> Vec<Place> {
        match self {
            Self::Move(place) => vec![*place],
            Self::Click(click) => vec![click.at],
            Self::Drag(drag) => vec![drag.from, drag.to],
            Self::Scroll(scroll) => vec![scroll.at],
            Self::Type(_) | Self::Press(_) | Self::Wait(_) | Self::Screenshot(_) => Vec::new(),
        }
    }
}

impl Args {
    /// What the schema cannot say.
    pub(super) fn check(&self) -> Result<(), ToolError> {
        let mut names: Vec<&str> = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            let at = format!("steps[{index}].{}", step.word());
            match step {
                Step::Type(typing) => {
                    let odd = |c: &char| c.is_control() && !matches!(c, '\n' | '\t');
                    if let Some(odd) = typing.text.chars().find(odd) {
                        return bad(&at, &format!("`{}` is on no keyboard", odd.escape_debug()));
                    }
                }
                Step::Press(press) => {
                    if let Some(key) = press.keys.iter().find(|key| keysym(key).is_none()) {
                        return bad(&at, &format!("there is no key `{}`", key.escape_debug()));
                    }
                }
                Step::Screenshot(shot) => {
                    let name = plain_name(&at, &shot.name)?;
                    if names.contains(&name) {
                        return bad(&at, &format!("two pictures are called `{name}`"));
                    }
                    names.push(name);
                }
                _ => {}
            }
        }
        match names.len() {
            0..=PICTURES_MAX => Ok(()),
            more => bad("steps", &format!("{more} screenshots; at most {PICTURES_MAX}")),
        }
    }
}

fn bad(at: &str, why: &str) -> Result<(), ToolError> {
    Err(ToolError::new(ErrorKind::BadArguments, format!("`{at}`: {why}")))
}
