//! Giving up what the program may have been started with: capabilities, and the ability to gain
//! any.
//!
//! Done in the guard, before anything of the command's is near, so that the supervisor cannot be
//! talked into using rights that the command has not.

use rustix::process::geteuid;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, no_new_privs,
    set_capabilities, set_no_new_privs,
};

use super::super::layers::{CAPABILITIES, Layers, NO_NEW_PRIVS, USER};
use super::super::wire::Refusal;
use super::sys;

/// No kernel has more capabilities than bits in its sets.
const CAPABILITY_NUMBERS: u32 = 64;

const NONE: CapabilitySets = CapabilitySets {
    effective: CapabilitySet::empty(),
    permitted: CapabilitySet::empty(),
    inheritable: CapabilitySet::empty(),
};

/// Gives up everything. What follows inherits that.
pub fn give_up() -> Result<(), Refusal> {
    set_no_new_privs(true).map_err(|error| Refusal::missing(NO_NEW_PRIVS, error))?;
    for number in 0..CAPABILITY_NUMBERS {
        if sys::drop_from_bounding_set(number).is_err() {
            // Either there are no more, or we may not: then an `execve` still cannot gain any,
            // because of no_new_privs and because the permitted set is empty.
            break;
        }
    }
    let missing = |error| Refusal::missing(CAPABILITIES, error);
    clear_ambient_capability_set().map_err(missing)?;
    set_capabilities(None, NONE).map_err(missing)
}

/// Looks whether everything was given up, and notes it.
pub fn confirm(layers: &mut Layers) -> Result<(), Refusal> {
    if !no_new_privs().map_err(|error| Refusal::missing(NO_NEW_PRIVS, error))? {
        return Err(Refusal::missing(NO_NEW_PRIVS, "it did not stay set"));
    }
    layers.enforce(NO_NEW_PRIVS);
    let held = capabilities(None).map_err(|error| Refusal::missing(CAPABILITIES, error))?;
    if held != NONE {
        return Err(Refusal::missing(CAPABILITIES, "some did not go away"));
    }
    layers.enforce(CAPABILITIES);
    if geteuid().is_root() {
        let reason = "the program runs as root, so the command has root's user id (without its \
                      capabilities); run the program as another user";
        layers.miss(USER, reason);
    }
    Ok(())
}
