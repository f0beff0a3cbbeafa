//! On a display of this test: what a window there gets is what was done.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    ConnectionExt as _, CreateWindowAux, EventMask, InputFocus, WindowClass,
};
use x11rb::rust_connection::RustConnection;

use crate::contracts::ErrorKind;
use crate::tools::fixture::Bench;

/// An X server without a monitor, on a display that is free.
struct Display {
    server: Child,
    name: String,
}

impl Display {
    /// `None` with a line that says why, where there is no such server.
    #[allow(clippy::disallowed_methods, reason = "a test that starts a display")]
    fn start() -> Option<Self> {
        let args = ["-displayfd", "1", "-screen", "0", "640x480x24", "-nolisten", "tcp"];
        let started = Command::new("Xvfb")
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut server) = started else {
            eprintln!("skipped: no `Xvfb`; install xvfb");
            return None;
        };
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.trim().is_empty(), "the display did not start");
        Some(Self { server, name: format!(":{}", line.trim()) })
    }

    fn bench(&self) -> Bench {
        let mut bench = Bench::new();
        bench.context_mut().display = Some(self.name.clone());
        bench
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A white window all over the display, with the focus.
fn window(display: &Display) -> RustConnection {
    let (conn, number) = x11rb::connect(Some(&display.name)).unwrap();
    let root = conn.setup().roots[number].clone();
    let window = conn.generate_id().unwrap();
    let wanted = EventMask::KEY_PRESS
        | EventMask::BUTTON_PRESS
        | EventMask::BUTTON_RELEASE
        | EventMask::EXPOSURE;
    let aux = CreateWindowAux::new().background_pixel(root.white_pixel).event_mask(wanted);
    conn.create_window(
        root.root_depth,
        window,
        root.root,
        0,
        0,
        640,
        480,
        0,
        WindowClass::INPUT_OUTPUT,
        root.root_visual,
        &aux,
    )
    .unwrap();
    conn.map_window(window).unwrap();
    conn.flush().unwrap();
    loop {
        if let Event::Expose(_) = conn.wait_for_event().unwrap() {
            break;
        }
    }
    conn.set_input_focus(InputFocus::PARENT, window, x11rb::CURRENT_TIME).unwrap();
    conn.get_input_focus().unwrap().reply().unwrap();
    conn
}

/// What the window got: keys as what they mean, buttons as their number with the place.
fn got(conn: &RustConnection, count: usize) -> Vec<String> {
    let (mut found, until) = (Vec::new(), Instant::now() + Duration::from_secs(5));
    let mut mapping = None;
    while found.len() < count && Instant::now() < until {
        let Some(event) = conn.poll_for_event().unwrap() else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        match event {
            Event::KeyPress(key) => {
                let keys = mapping.get_or_insert_with(|| {
                    conn.get_keyboard_mapping(8, 248).unwrap().reply().unwrap()
                });
                let each = usize::from(keys.keysyms_per_keycode);
                let shift = usize::from(u16::from(key.state) & 1);
                let sym = keys.keysyms[(usize::from(key.detail) - 8) * each + shift];
                found.push(format!("key {sym:x} {}", u16::from(key.state)));
            }
            Event::ButtonPress(it) => {
                found.push(format!("down {} {},{}", it.detail, it.root_x, it.root_y))
            }
            Event::ButtonRelease(it) => {
                found.push(format!("up {} {},{}", it.detail, it.root_x, it.root_y))
            }
            _ => {}
        }
    }
    found
}

#[test]
fn a_window_gets_what_was_done() {
    let Some(display) = Display::start() else { return };
    let (conn, bench) = (window(&display), display.bench());
    let data = bench.ok(
        "desktop_task",
        json!({ "steps": [
            { "move": { "x": 5, "y": 6 } },
            { "click": { "at": { "x": 10, "y": 20 }, "times": 2 } },
            { "click": { "at": { "x": 11, "y": 21 }, "button": "right" } },
            { "drag": { "from": { "x": 1, "y": 2 }, "to": { "x": 3, "y": 4 } } },
            { "scroll": { "at": { "x": 30, "y": 40 }, "by": -1 } },
            { "type": { "text": "aB" } },
            { "press": { "keys": ["ctrl", "s"] } },
            { "wait": { "ms": 20 } },
            { "move": { "x": 639, "y": 479 } },
        ] }),
    );
    assert_eq!((&data["width"], &data["height"]), (&json!(640), &json!(480)));
    assert_eq!((&data["x"], &data["y"]), (&json!(639), &json!(479)));
    let events = got(&conn, 15);
    let buttons: Vec<&str> =
        events.iter().map(String::as_str).filter(|it| !it.starts_with("key")).collect();
    assert_eq!(
        buttons,
        [
            "down 1 10,20",
            "up 1 10,20",
            "down 1 10,20",
            "up 1 10,20",
            "down 3 11,21",
            "up 3 11,21",
            "down 1 1,2",
            "up 1 3,4",
            "down 4 30,40",
            "up 4 30,40",
        ]
    );
    let keys: Vec<&str> =
        events.iter().map(String::as_str).filter(|it| it.starts_with("key")).collect();
    assert_eq!(keys, ["key 61 0", "key ffe1 0", "key 42 1", "key ffe3 0", "key 73 4"]);
}

#[test]
fn characters_that_no_key_has_are_typed_all_the_same() {
    let Some(display) = Display::start() else { return };
    let (conn, bench) = (window(&display), display.bench());
    bench.ok("desktop_task", json!({ "steps": [{ "type": { "text": "€" } }] }));
    let events = got(&conn, 1);
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].starts_with("key "));
}

#[test]
fn a_picture_shows_what_is_there() {
    let Some(display) = Display::start() else { return };
    let (_conn, bench) = (window(&display), display.bench());
    let args = json!({ "steps": [{ "screenshot": { "name": "all" } }] });
    let output = bench.call("desktop_task", args);
    assert_eq!(output.error, None);
    let [picture] = output.artifacts.try_into().unwrap();
    assert_eq!(picture.artifact.media_type, "image/png");
    assert_eq!(output.data.unwrap()["screenshots"][0]["name"], "all.png");
    let at = picture.content.windows(4).position(|it| it == b"IDAT").unwrap();
    let mut pixels = Vec::new();
    let mut data = flate2::read::ZlibDecoder::new(&picture.content[at + 4..]);
    std::io::Read::read_to_end(&mut data, &mut pixels).unwrap();
    assert_eq!(pixels.len(), (640 * 3 + 1) * 480);
    assert_eq!(&pixels[1..7], [255; 6], "the window is white");
}

#[test]
fn what_is_beyond_the_bounds_is_refused_before_anything_is_done() {
    let bench = Bench::new();
    let step = |step: Value| json!({ "steps": [step] });
    for args in [
        json!({}),
        json!({ "steps": [] }),
        json!({ "steps": vec![json!({ "wait": { "ms": 1 } }); 101] }),
        step(json!({ "move": { "x": -1, "y": 0 } })),
        step(json!({ "move": { "x": 40_000, "y": 0 } })),
        step(json!({ "move": { "x": 1 } })),
        step(json!({ "click": { "at": { "x": 1, "y": 1 }, "times": 21 } })),
        step(json!({ "click": { "at": { "x": 1, "y": 1 }, "button": "power" } })),
        step(json!({ "scroll": { "at": { "x": 1, "y": 1 }, "by": 21 } })),
        step(json!({ "type": { "text": "" } })),
        step(json!({ "type": { "text": "\u{1b}[2K" } })),
        step(json!({ "type": { "text": "x".repeat(4_097) } })),
        step(json!({ "press": { "keys": ["hyper"] } })),
        step(json!({ "press": { "keys": [] } })),
        step(json!({ "wait": { "ms": 60_001 } })),
        step(json!({ "screenshot": { "name": "../x" } })),
        step(json!({ "shell": { "command": "id" } })),
    ] {
        assert_eq!(bench.kind("desktop_task", args.clone()), ErrorKind::BadArguments, "{args}");
    }
}

#[test]
fn a_place_that_the_display_has_not_stops_all_of_it() {
    let Some(display) = Display::start() else { return };
    let (conn, bench) = (window(&display), display.bench());
    let args = json!({ "steps": [
        { "click": { "at": { "x": 1, "y": 1 } } },
        { "click": { "at": { "x": 640, "y": 1 } } },
    ] });
    assert_eq!(bench.kind("desktop_task", args), ErrorKind::BadArguments);
    conn.get_input_focus().unwrap().reply().unwrap();
    assert!(!matches!(conn.poll_for_event().unwrap(), Some(Event::ButtonPress(_))));
}

#[test]
fn without_a_display_it_says_what_to_do() {
    let mut bench = Bench::new();
    let args = || json!({ "steps": [{ "wait": { "ms": 1 } }] });
    for display in [None, Some(":31999")] {
        bench.context_mut().display = display.map(str::to_owned);
        let error = bench.error("desktop_task", args());
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(error.message.contains("tools.desktop.display"), "{}", error.message);
    }
}
