//! `desktop_task`: pointer, keys and pictures on an X display that configuration names.
//!
//! It acts where a person's own programs are, so no cell is around it: what holds it are policy, which asks
//! about every call, and the bounds of its arguments. The display is never taken from the environment.

mod args;
mod keys;
mod picture;
mod screen;
mod tool;

#[cfg(test)]
mod tests;

pub(super) use tool::DesktopTask;
