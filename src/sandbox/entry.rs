//! The two ways in: a sandbox for the host, and the helper that a cell is made of.

use std::ffi::OsString;
use std::sync::Arc;

use super::SandboxOptions;
use crate::ports::Sandbox;

/// First argument with which the binary is a cell's helper. Not for people.
pub const CELL_ARGUMENT: &str = "__cell";

/// The sandbox of this system, or one that refuses.
#[must_use]
pub fn for_this_system(options: SandboxOptions) -> Arc<dyn Sandbox> {
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        Arc::new(super::LinuxSandbox::new(options))
    }
    #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
    {
        drop(options);
        Arc::new(super::Unsupported)
    }
}

/// Whether the program was started as the helper of a cell. `args` as from `std::env::args_os`.
/// To be asked before anything else happens: the helper must stay small and single-threaded.
pub fn is_cell_invocation(args: impl IntoIterator<Item = OsString>) -> bool {
    args.into_iter().nth(1).is_some_and(|first| first == CELL_ARGUMENT)
}

/// Is the helper of a cell; never returns.
pub fn cell_main() -> ! {
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        super::linux::cell_main()
    }
    #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
    {
        std::process::exit(70)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_argument_makes_a_helper() {
        let check = |args: &[&str]| is_cell_invocation(args.iter().map(OsString::from));
        assert!(check(&["bailiwick", "__cell"]));
        assert!(check(&["bailiwick", "__cell", "attempts"]));
        assert!(!check(&["bailiwick"]));
        assert!(!check(&["__cell"]));
        assert!(!check(&["bailiwick", "run", "__cell"]));
    }
}
