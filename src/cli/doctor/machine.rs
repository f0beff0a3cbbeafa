//! The machine as `doctor` shows it: room, clock, and whether a model could be asked.

use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use reqwest::Url;

use super::Check;
use crate::contracts::Timestamp;
use crate::workspace::Environment;

/// How long a model server may take to accept a connection.
const CONNECT: Duration = Duration::from_millis(300);
/// 2026-01-01: this program is younger than that.
const PLAUSIBLE_MS: i64 = 1_767_225_600_000;

/// Free space where the state is or would be made, against what is kept free for it.
#[cfg(unix)]
pub(super) fn disk(root: &Path, state_dir: &Path, free_min: u64) -> Check {
    let place = if state_dir.is_dir() { state_dir } else { root };
    match rustix::fs::statvfs(place) {
        Ok(about) => room(about.f_bavail.saturating_mul(about.f_frsize), free_min),
        Err(error) => Check::bad(
            "disk",
            format!("`{}`: {error}", place.display()),
            "look whether the file system is still there",
        ),
    }
}

#[cfg(not(unix))]
pub(super) fn disk(_: &Path, _: &Path, _: u64) -> Check {
    Check::good("disk", "free space is not measured on this system")
}

fn room(free: u64, free_min: u64) -> Check {
    let mib = |bytes: u64| bytes >> 20;
    let detail = format!("{} MiB free", mib(free));
    if free >= free_min {
        return Check::good("disk", detail);
    }
    let detail = format!("{detail}; {} MiB are to be kept free", mib(free_min));
    Check::bad("disk", detail, "make room, or lower `queue.free_disk`")
}

/// The clock, and the zone in which people here read times. Schedules name zones themselves.
pub(super) fn clock(now: Timestamp, env: &Environment) -> Check {
    let zone = match env.get("TZ") {
        Some(zone) => format!("TZ={zone}"),
        None => local_zone().unwrap_or_else(|| "UTC".to_owned()),
    };
    if now.ms() >= PLAUSIBLE_MS {
        return Check::good("clock", format!("{now}, time zone {zone}"));
    }
    let detail = format!("{now} is long over");
    Check::bad("clock", detail, "set the clock: times stand in the journal and in approvals")
}

/// The zone that `/etc/localtime` leads to.
fn local_zone() -> Option<String> {
    // No such link: the system then counts in UTC.
    let link = std::fs::read_link("/etc/localtime").ok()?;
    let text = link.to_str()?;
    text.split_once("zoneinfo/").map(|(_, zone)| zone.to_owned())
}

/// Whether a model server listens at `url`. Nothing needs one, so its absence is no failure.
pub(super) fn models(url: &str) -> Check {
    match listens(url) {
        Ok(()) => Check::good("models", format!("Ollama listens at {url}")),
        Err(why) => Check::good("models", format!("no Ollama at {url}: {why}")).fix(
            "needed only by steps that ask a model: start `ollama serve`, or set models.ollama.url or OLLAMA_HOST",
        ),
    }
}

fn listens(url: &str) -> Result<(), String> {
    let url = Url::parse(url).map_err(|error| error.to_string())?;
    let addresses = url.socket_addrs(|| None).map_err(|error| error.to_string())?;
    let address = addresses.first().ok_or_else(|| "the name has no address".to_owned())?;
    TcpStream::connect_timeout(address, CONNECT).map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str, value: &str) -> Environment {
        Environment::new([(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn too_little_room_is_bad() {
        assert!(room(2 << 20, 1 << 20).ok);
        let low = room(1 << 20, 2 << 20);
        assert!(!low.ok);
        assert_eq!(low.detail, "1 MiB free; 2 MiB are to be kept free");
    }

    #[test]
    fn a_clock_in_the_past_is_bad_and_the_zone_is_named() {
        let at = |ms| clock(Timestamp::from_ms(ms), &env("TZ", "Europe/Berlin"));
        assert!(!at(1_000).ok);
        assert!(at(PLAUSIBLE_MS).detail.contains("TZ=Europe/Berlin"), "{:?}", at(PLAUSIBLE_MS));
    }

    #[test]
    fn a_model_server_is_looked_for_and_never_missed() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let there = models(&url);
        assert!(there.ok && there.detail.contains("listens"), "{there:?}");
        drop(listener);
        for wrong in [url.as_str(), "gpu", "http://"] {
            let gone = models(wrong);
            assert!(gone.ok && gone.fix.is_some(), "{gone:?}");
        }
    }
}
