//! The sandbox as `doctor` shows it: each layer, attacked for real in a cell, with what to do about
//! one that is missing.

use super::Check;
use crate::app::App;
use crate::cli::sandbox::needed;
use crate::ports::Layer;

/// One check a layer. One that commands are refused without is bad when it does not hold; the others
/// are told.
pub(super) fn sandbox(app: &App) -> Vec<Check> {
    let probe = match app.sandbox() {
        Ok(sandbox) => sandbox.probe(),
        Err(error) => return vec![Check::bad("sandbox", error.message, "see docs/sandbox.md")],
    };
    let (config, kernel) = (&app.workspace.config.sandbox, Kernel::read());
    let check = |layer: Layer| {
        let detail = format!("{}: {}", layer.name, layer.detail);
        let name = layer.name.split(':').next().unwrap_or_default();
        if layer.held {
            Check::good("sandbox", detail)
        } else if needed(config, name) {
            Check::bad("sandbox", detail, hint(name, &kernel))
        } else {
            let hint = hint(name, &kernel);
            Check::good("sandbox", detail).fix(format!("commands run without it; {hint}"))
        }
    };
    probe.layers.into_iter().map(check).collect()
}

/// What the kernel says about itself; `None` where it does not say.
#[derive(Debug, Default)]
struct Kernel {
    release: Option<String>,
    lsm: Option<String>,
    unprivileged_userns_clone: Option<String>,
    apparmor_restrict_unprivileged_userns: Option<String>,
    max_user_namespaces: Option<String>,
    ptrace_scope: Option<String>,
}

impl Kernel {
    fn read() -> Self {
        let text = |path: &str| {
            let read = std::fs::read_to_string(path);
            // A switch that this kernel does not have is not set either.
            read.map(|text| text.trim().to_owned()).ok()
        };
        Self {
            release: text("/proc/sys/kernel/osrelease"),
            lsm: text("/sys/kernel/security/lsm"),
            unprivileged_userns_clone: text("/proc/sys/kernel/unprivileged_userns_clone"),
            apparmor_restrict_unprivileged_userns: text(
                "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            ),
            max_user_namespaces: text("/proc/sys/user/max_user_namespaces"),
            ptrace_scope: text("/proc/sys/kernel/yama/ptrace_scope"),
        }
    }

    fn shown(&self) -> &str {
        self.release.as_deref().unwrap_or("of unknown version")
    }
}

/// What to do about a layer that is missing.
fn hint(layer: &str, kernel: &Kernel) -> String {
    let is = |switch: &Option<String>, value: &str| switch.as_deref() == Some(value);
    let release = kernel.shown();
    match layer {
        "landlock" | "signals" => {
            if kernel.lsm.as_deref().is_some_and(|lsm| !lsm.split(',').any(|it| it == "landlock")) {
                return "Landlock is switched off: boot with `lsm=landlock,…` before the other names"
                    .to_owned();
            }
            let needs = if layer == "signals" { "6.12" } else { "6.2" };
            format!("needs Linux {needs} with CONFIG_SECURITY_LANDLOCK; this is {release}")
        }
        "namespaces" if is(&kernel.unprivileged_userns_clone, "0") => {
            "user namespaces are switched off: `sysctl -w kernel.unprivileged_userns_clone=1`"
                .to_owned()
        }
        "namespaces" if is(&kernel.max_user_namespaces, "0") => {
            "user namespaces are switched off: `sysctl -w user.max_user_namespaces=10000`"
                .to_owned()
        }
        "namespaces" if is(&kernel.apparmor_restrict_unprivileged_userns, "1") => {
            "AppArmor keeps programs from user namespaces: give this program a profile with \
             `userns,`, or `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`"
                .to_owned()
        }
        "namespaces" => format!(
            "needs user namespaces (CONFIG_USER_NS, Linux 5.10 or newer); this is {release}; in a \
             container, its runtime may forbid them"
        ),
        "cgroup" | "memory" => {
            "no control group can be written: run as a service with `Delegate=yes`, or with \
             `systemd-run --user --scope -p Delegate=yes`"
                .to_owned()
        }
        "metadata" if kernel.ptrace_scope.as_deref().is_some_and(|scope| scope > "1") => {
            "Yama keeps the supervisor from its own command: `sysctl -w kernel.yama.ptrace_scope=1`"
                .to_owned()
        }
        "user" => "start as root, or as a user who may make user namespaces".to_owned(),
        "seccomp" => format!("needs CONFIG_SECCOMP_FILTER; this is {release}"),
        _ => "see docs/sandbox.md for what each layer needs".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_leads_to_the_switch_that_brings_it_back() {
        let some = |text: &str| Some(text.to_owned());
        let kernel = || Kernel { release: some("5.15.0"), ..Kernel::default() };
        let cases = [
            ("landlock", kernel(), "needs Linux 6.2"),
            ("signals", kernel(), "this is 5.15.0"),
            ("landlock", Kernel { lsm: some("capability,yama"), ..kernel() }, "lsm=landlock"),
            ("landlock", Kernel { lsm: some("landlock,yama"), ..kernel() }, "needs Linux"),
            (
                "namespaces",
                Kernel { unprivileged_userns_clone: some("0"), ..kernel() },
                "kernel.unprivileged_userns_clone=1",
            ),
            (
                "namespaces",
                Kernel { max_user_namespaces: some("0"), ..kernel() },
                "user.max_user_namespaces=",
            ),
            (
                "namespaces",
                Kernel { apparmor_restrict_unprivileged_userns: some("1"), ..kernel() },
                "kernel.apparmor_restrict_unprivileged_userns=0",
            ),
            ("namespaces", kernel(), "CONFIG_USER_NS"),
            ("cgroup", kernel(), "Delegate=yes"),
            ("memory", Kernel::default(), "Delegate=yes"),
            ("metadata", Kernel { ptrace_scope: some("2"), ..kernel() }, "ptrace_scope=1"),
            ("metadata", Kernel { ptrace_scope: some("1"), ..kernel() }, "docs/sandbox.md"),
            ("seccomp", Kernel::default(), "of unknown version"),
        ];
        for (layer, kernel, words) in cases {
            let hint = hint(layer, &kernel);
            assert!(hint.contains(words), "{layer}: {hint}");
        }
    }
}
