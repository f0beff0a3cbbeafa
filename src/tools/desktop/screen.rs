//! An X display: what it has, and what is done on it.

use std::thread::sleep;
use std::time::Duration;

use x11rb::connection::Connection;
use x11rb::errors::{ConnectionError, ReplyError};
use x11rb::protocol::xproto::{
    BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ConnectionExt as _, ImageFormat, ImageOrder,
    KEY_PRESS_EVENT, KEY_RELEASE_EVENT, MOTION_NOTIFY_EVENT, Screen as Root,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

use super::args::{Button, Place};
use super::keys::{SHIFT, of_char};
use super::picture::{PIXEL, png};
use crate::contracts::{ErrorKind, ToolError};

/// Largest display of which a picture is taken, in pixels.
const PIXELS_MAX: usize = 64 << 20;
/// How long programs may take to notice that a key means something else.
const NOTICE: Duration = Duration::from_millis(50);
/// Bytes of a pixel as displays hand them out: blue, green, red, nothing.
const RAW_PIXEL: usize = 4;

/// A connection to a display.
pub(super) struct Screen {
    conn: RustConnection,
    root: u32,
    pub(super) width: u16,
    pub(super) height: u16,
    depth: u8,
    first_key: u8,
    /// What each key means, first without and then with shift.
    meanings: Vec<Vec<u32>>,
}

fn failed(error: impl std::fmt::Display) -> ToolError {
    ToolError::new(ErrorKind::Unavailable, format!("the display does not do it: {error}"))
}

impl Screen {
    /// Connects to the display `name`.
    pub(super) fn open(name: &str) -> Result<Self, ToolError> {
        let unreachable = |why: String| {
            let shown = name.escape_debug();
            let message = format!(
                "the display `{shown}` (`tools.desktop.display`) cannot be reached: {why}; start it, and see that this \
                 account may use it"
            );
            ToolError::new(ErrorKind::Unavailable, message)
        };
        let (conn, number) =
            x11rb::connect(Some(name)).map_err(|error| unreachable(error.to_string()))?;
        let root = conn.setup().roots.get(number).cloned();
        let root = root.ok_or_else(|| unreachable("it has no such screen".to_owned()))?;
        conn.xtest_get_version(2, 2)
            .map_err(ReplyError::from)
            .and_then(|cookie| cookie.reply())
            .map_err(|error| unreachable(format!("it has no XTEST extension: {error}")))?;
        Self::of(conn, &root).map_err(failed)
    }

    fn of(conn: RustConnection, root: &Root) -> Result<Self, ReplyError> {
        let (first_key, last) = (conn.setup().min_keycode, conn.setup().max_keycode);
        let count = last.saturating_sub(first_key).saturating_add(1);
        let mapping = conn.get_keyboard_mapping(first_key, count)?.reply()?;
        let each = usize::from(mapping.keysyms_per_keycode).max(1);
        let meanings = mapping.keysyms.chunks(each).map(<[u32]>::to_vec).collect();
        Ok(Self {
            root: root.root,
            width: root.width_in_pixels,
            height: root.height_in_pixels,
            depth: root.root_depth,
            first_key,
            meanings,
            conn,
        })
    }

    /// Whether a place is on the display.
    pub(super) fn has(&self, place: Place) -> bool {
        let on = |at: i16, size: u16| u16::try_from(at).is_ok_and(|at| at < size);
        on(place.x, self.width) && on(place.y, self.height)
    }

    pub(super) fn move_to(&self, place: Place) -> Result<(), ToolError> {
        let sent =
            self.conn.xtest_fake_input(MOTION_NOTIFY_EVENT, 0, 0, self.root, place.x, place.y, 0);
        sent.map(drop).map_err(failed)?;
        self.done()
    }

    pub(super) fn click(&self, button: Button) -> Result<(), ToolError> {
        self.press_button(number(button))
    }

    /// Turns the wheel so many notches down.
    pub(super) fn scroll(&self, by: i8) -> Result<(), ToolError> {
        let button = if by < 0 { 4 } else { 5 };
        (0..by.unsigned_abs()).try_for_each(|_| self.press_button(button))
    }

    pub(super) fn hold(&self, button: Button) -> Result<(), ToolError> {
        self.input(BUTTON_PRESS_EVENT, number(button))?;
        self.done()
    }

    pub(super) fn let_go(&self, button: Button) -> Result<(), ToolError> {
        self.input(BUTTON_RELEASE_EVENT, number(button))?;
        self.done()
    }

    fn press_button(&self, button: u8) -> Result<(), ToolError> {
        self.input(BUTTON_PRESS_EVENT, button)?;
        self.input(BUTTON_RELEASE_EVENT, button)?;
        self.done()
    }

    fn input(&self, kind: u8, detail: u8) -> Result<(), ToolError> {
        let sent = self.conn.xtest_fake_input(kind, detail, 0, self.root, 0, 0, 0);
        sent.map(drop).map_err(failed)
    }

    /// Waits until the display has done what it was told.
    fn done(&self) -> Result<(), ToolError> {
        let answered = self.conn.get_input_focus().map_err(ReplyError::from);
        answered.and_then(|cookie| cookie.reply()).map(drop).map_err(failed)
    }

    /// Types one character.
    pub(super) fn type_char(&self, c: char) -> Result<(), ToolError> {
        let wanted = of_char(c);
        if let Some((key, shifted)) = self.key_of(wanted) {
            let shift = shifted.then(|| self.key_of(SHIFT)).flatten().map(|(key, _)| key);
            let keys: Vec<u8> = shift.into_iter().chain([key]).collect();
            return self.chord(&keys);
        }
        self.with_spare(wanted, |key| self.chord(&[key]))
    }

    /// Presses keys together.
    pub(super) fn press(&self, keysyms: &[u32]) -> Result<(), ToolError> {
        let mut keys = Vec::new();
        for wanted in keysyms {
            let Some((key, shifted)) = self.key_of(*wanted) else {
                let message = "the keyboard of the display has no such key; `type` makes one";
                return Err(ToolError::new(ErrorKind::NotFound, message));
            };
            let shift = shifted.then(|| self.key_of(SHIFT)).flatten().map(|(key, _)| key);
            keys.extend(shift.into_iter().chain([key]));
        }
        self.chord(&keys)
    }

    fn chord(&self, keys: &[u8]) -> Result<(), ToolError> {
        let pressed = keys.iter().try_for_each(|key| self.input(KEY_PRESS_EVENT, *key));
        // Whatever failed: no key stays held.
        let released = keys.iter().rev().try_for_each(|key| self.input(KEY_RELEASE_EVENT, *key));
        pressed.and(released)?;
        self.done()
    }

    /// The key that means `wanted`, and whether it takes shift.
    fn key_of(&self, wanted: u32) -> Option<(u8, bool)> {
        (0..2_usize).find_map(|column| {
            let at = self.meanings.iter().position(|key| key.get(column) == Some(&wanted))?;
            let key = u8::try_from(at).ok()?.checked_add(self.first_key)?;
            Some((key, column == 1))
        })
    }

    /// Lets a key that means nothing mean `wanted` while `act` is done.
    fn with_spare(
        &self,
        wanted: u32,
        act: impl FnOnce(u8) -> Result<(), ToolError>,
    ) -> Result<(), ToolError> {
        let spare = self.meanings.iter().rposition(|key| key.iter().all(|meaning| *meaning == 0));
        let spare = spare.and_then(|at| u8::try_from(at).ok()?.checked_add(self.first_key));
        let Some(spare) = spare else {
            let message = "the keyboard of the display has no key for this, and none to spare";
            return Err(ToolError::new(ErrorKind::NotFound, message));
        };
        self.mean(spare, wanted).map_err(failed)?;
        sleep(NOTICE);
        let acted = act(spare);
        sleep(NOTICE);
        self.mean(spare, 0).map_err(failed)?;
        acted.and_then(|()| self.done())
    }

    fn mean(&self, key: u8, meaning: u32) -> Result<(), ConnectionError> {
        self.conn.change_keyboard_mapping(1, key, 2, &[meaning, meaning])?;
        self.conn.flush()
    }

    /// Where the pointer is.
    pub(super) fn pointer(&self) -> Result<Place, ToolError> {
        let asked = self.conn.query_pointer(self.root).map_err(ReplyError::from);
        let at = asked.and_then(|cookie| cookie.reply()).map_err(failed)?;
        Ok(Place { x: at.root_x, y: at.root_y })
    }

    /// What is seen, as PNG.
    pub(super) fn picture(&self) -> Result<Vec<u8>, ToolError> {
        let pixels = usize::from(self.width) * usize::from(self.height);
        let format = self.conn.setup().pixmap_formats.iter().find(|it| it.depth == self.depth);
        let known = matches!(self.depth, 24 | 32)
            && format.is_some_and(|format| format.bits_per_pixel == 32)
            && self.conn.setup().image_byte_order == ImageOrder::LSB_FIRST;
        if !known || pixels > PIXELS_MAX {
            let message =
                "pictures are taken of displays with 24 bits of colour and at most 64 Mi pixels";
            return Err(ToolError::new(ErrorKind::Unavailable, message));
        }
        let (width, height) = (self.width, self.height);
        let asked =
            self.conn.get_image(ImageFormat::Z_PIXMAP, self.root, 0, 0, width, height, u32::MAX);
        let image =
            asked.map_err(ReplyError::from).and_then(|cookie| cookie.reply()).map_err(failed)?;
        let mut colours = Vec::with_capacity(pixels.saturating_mul(PIXEL));
        for pixel in image.data.chunks_exact(RAW_PIXEL) {
            colours.extend(pixel.iter().take(PIXEL).rev());
        }
        png(u32::from(width), u32::from(height), &colours).map_err(failed)
    }
}

const fn number(button: Button) -> u8 {
    match button {
        Button::Left => 1,
        Button::Middle => 2,
        Button::Right => 3,
    }
}
