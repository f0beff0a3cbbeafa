//! Schedules against a real store, with a clock that a test moves.

use std::sync::Arc;

use super::super::clock::{left_over, tick};
use super::super::fire::After;
use super::super::shared::Shared;
use super::super::{jobs, keep};
use super::fixture::{ASKS, Space, WRITES, info, origin, system};
use crate::contracts::{EventBody, Map, RunId};
use crate::scheduler::{FireState, NewSchedule, ScheduleError, ScheduleRow, ScheduleSource};

fn scheduled(words: &str) -> String {
    format!("schedule: {{ cron: \"0 * * * *\"{words} }}\n{WRITES}")
}

/// Sees to what is due at this time of the day.
fn tick_at(space: &Space, shared: &Arc<Shared>, time: &str) -> Vec<After> {
    space.clock.set(&format!("2026-05-04T{time}Z"));
    let _now = shared.parts.playbooks.reread();
    tick(shared, shared.now()).unwrap()
}

fn only(shared: &Arc<Shared>) -> ScheduleRow {
    let rows = keep::list(shared).unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0].clone()
}

/// What became of the times of the only schedule, oldest first: `+07:00`, `-08:00 reason`.
fn times(shared: &Arc<Shared>) -> Vec<String> {
    let mut fires = keep::fires(shared, only(shared).id, 1_000).unwrap();
    fires.reverse();
    let shown = fires.iter().map(|fire| {
        let sign = if fire.state == FireState::Fired { '+' } else { '-' };
        let reason = fire.reason.as_deref().map(|why| format!(" {why}")).unwrap_or_default();
        assert_eq!(fire.state == FireState::Fired, fire.run_id.is_some());
        format!("{sign}{}{reason}", &fire.due_at.to_string()[11..16])
    });
    shown.collect()
}

fn jobs_of<'a>(after: &'a [After]) -> Vec<&'a str> {
    let name = |after: &'a After| match after {
        After::Job { name, .. } => Some(name.as_str()),
        _ => None,
    };
    after.iter().filter_map(name).collect()
}

fn runs(shared: &Arc<Shared>) -> Vec<RunId> {
    shared.services().store.reader().runs(None, 100).unwrap().iter().map(|run| run.run_id).collect()
}

#[test]
fn a_playbook_is_started_at_its_times_and_never_twice() {
    let space = Space::new(&[("writes", &scheduled(", overlap: queue"))]);
    let mut shared = space.shared();
    assert!(tick_at(&space, &shared, "06:30:00").is_empty());
    let row = only(&shared);
    assert_eq!((row.source, row.name.as_str()), (ScheduleSource::Playbook, "writes"));
    assert_eq!(row.next_at.unwrap().to_string(), "2026-05-04T07:00:00.000Z");
    assert_eq!(tick_at(&space, &shared, "07:00:00"), [After::Work]);
    assert!(tick_at(&space, &shared, "07:00:01").is_empty());
    // Back and forth over the same hour, and a process that dies in between.
    for time in ["06:10:00", "06:59:59", "07:00:00", "07:59:59"] {
        assert!(tick_at(&space, &shared, time).is_empty(), "{time}");
        drop(shared);
        shared = space.shared();
    }
    assert_eq!(tick_at(&space, &shared, "08:00:02"), [After::Work]);
    assert_eq!(times(&shared), ["+07:00", "+08:00"]);
    assert_eq!(runs(&shared).len(), 2);
    let body = super::fixture::events(shared.services(), &runs(&shared)[0].to_string())[0].body();
    let EventBody::TaskAccepted(taken) = body.unwrap() else { panic!() };
    assert!(taken.start.unwrap().unattended);
}

#[test]
fn a_jump_forward_is_made_up_for_as_the_schedule_says() {
    for (words, expected) in [
        (", catch_up: none", vec!["-07:00 nobody was there", "-08:00 nobody was there"]),
        (
            ", catch_up: latest",
            vec!["-07:00 nobody was there; a later time is seen to instead", "+08:00"],
        ),
        (", catch_up: all", vec!["+07:00", "+08:00"]),
        (
            ", catch_up: all, window: 1h",
            vec!["-07:00 nobody was there, and its window of 1h is over", "+08:00"],
        ),
    ] {
        let space = Space::new(&[("writes", &scheduled(words))]);
        let shared = space.shared();
        tick_at(&space, &shared, "06:30:00");
        tick_at(&space, &shared, "08:30:00");
        assert_eq!(times(&shared), expected, "{words}");
        let told = system(shared.services());
        assert_eq!(told.len(), 2, "{told:?}");
        tick_at(&space, &shared, "08:30:01");
        assert_eq!(times(&shared).len(), 2, "{words}");
    }
}

#[test]
fn a_run_that_has_not_ended_is_overlapped_as_the_schedule_says() {
    let space = Space::new(&[("writes", &scheduled(", overlap: skip"))]);
    let shared = space.shared();
    tick_at(&space, &shared, "06:30:00");
    tick_at(&space, &shared, "07:00:00");
    tick_at(&space, &shared, "08:00:00");
    let first = runs(&shared)[0];
    assert_eq!(
        times(&shared),
        ["+07:00".to_owned(), format!("-08:00 the run before, {first}, has not ended")]
    );
    drop(shared);

    let space = Space::new(&[("writes", &scheduled(", overlap: cancel_previous"))]);
    let shared = space.shared();
    tick_at(&space, &shared, "06:30:00");
    tick_at(&space, &shared, "07:00:00");
    let first = runs(&shared)[0];
    assert_eq!(tick_at(&space, &shared, "08:00:00"), [After::Cancel(first), After::Work]);
    assert_eq!(times(&shared), ["+07:00", "+08:00"]);
    let second = runs(&shared).into_iter().find(|run| *run != first).unwrap();
    // The process may have died before the one before was cancelled.
    assert_eq!(left_over(&shared).unwrap(), [After::Cancel(first)]);
    let place = shared.services().store.reader().queued(&second).unwrap().unwrap();
    assert_eq!(place.concurrency, Some(1), "it waits until the run before is gone");
}

#[test]
fn what_is_held_is_not_started_and_says_so() {
    let hourly = scheduled("");
    let asks = "schedule: { cron: \"0 * * * *\" }
permissions: { tools: [shell_exec] }
steps: [{ id: a, tool: shell_exec, args: { command: [\"rm\", \"-rf\", \"x\"] } }]";
    for (name, body, set, trusted, reason) in [
        ("off", hourly.as_str(), "schedules.enabled=false", true, "`schedules.enabled` is false"),
        ("far", &hourly, "queue.lease=30s", false, "is not trusted"),
        ("asks", asks, "queue.lease=30s", true, "its step `a`"),
    ] {
        let mut space = Space::new(&[(name, body)]).set(set);
        space.trusted = trusted;
        let shared = space.shared();
        tick_at(&space, &shared, "06:30:00");
        assert!(tick_at(&space, &shared, "07:00:00").is_empty(), "{name}");
        let times = times(&shared);
        assert!(
            times.len() == 1 && times[0].starts_with("-07:00") && times[0].contains(reason),
            "{times:?}"
        );
        assert!(runs(&shared).is_empty());
        if name != "off" {
            assert!(
                shared.warnings().iter().any(|it| it.contains(reason)),
                "{:?}",
                shared.warnings()
            );
            assert!(only(&shared).refused.is_some());
        }
    }
    let space = Space::new(&[("writes", &hourly)]);
    let shared = space.shared();
    tick_at(&space, &shared, "06:30:00");
    let id = only(&shared).id;
    assert!(keep::set_paused(&shared, id, true).unwrap().paused);
    tick_at(&space, &shared, "07:00:00");
    assert!(!keep::set_paused(&shared, id, false).unwrap().paused);
    tick_at(&space, &shared, "08:00:00");
    assert_eq!(times(&shared), ["-07:00 the schedule is paused", "+08:00"]);
}

#[test]
fn what_goes_by_while_a_schedule_is_held_is_recorded_twice_at_most() {
    let minutely = scheduled(", catch_up: all").replace("0 * * * *", "* * * * *");
    let space = Space::new(&[("writes", &minutely)]);
    let shared = space.shared();
    tick_at(&space, &shared, "06:30:00");
    keep::set_paused(&shared, only(&shared).id, true).unwrap();
    for minute in 31..=59 {
        tick_at(&space, &shared, &format!("06:{minute}:00"));
    }
    assert_eq!(times(&shared), ["-06:31 the schedule is paused"]);
    assert_eq!(only(&shared).next_at, None);
    space.clock.set("2026-05-04T08:00:20Z");
    let row = keep::set_paused(&shared, only(&shared).id, false).unwrap();
    assert_eq!(row.next_at.unwrap().to_string(), "2026-05-04T08:01:00.000Z");
    let held = "-08:00 the schedule was held; so it was 88 times before, from \
                2026-05-04T06:32:00.000Z on";
    assert_eq!(times(&shared), ["-06:31 the schedule is paused", held]);
    assert!(tick_at(&space, &shared, "08:00:21").is_empty());
    assert_eq!(tick_at(&space, &shared, "08:01:00"), [After::Work]);
    // Held by something else than a person, and let go while nobody was there.
    drop(shared);
    let mut off = space;
    off.trusted = false;
    let shared = off.shared();
    for time in ["08:02:00", "08:03:00", "08:04:00"] {
        tick_at(&off, &shared, time);
    }
    drop(shared);
    off.trusted = true;
    let shared = off.shared();
    assert_eq!(tick_at(&off, &shared, "09:00:10"), []);
    let all = times(&shared);
    assert_eq!(all.len(), 6, "{all:?}");
    assert!(all[3].starts_with("-08:02 the schedule is refused"), "{all:?}");
    assert!(all[4].starts_with("-08:59 the schedule was held; so it was 56 times"), "{all:?}");
    assert!(all[5].starts_with("-09:00 the run before"), "{all:?}");
}

#[test]
fn gates_of_called_playbooks_count() {
    let calls = "permissions: { tools: [write_text], write: [out/] }
steps: [{ id: other, call: asks }]";
    let space = Space::new(&[("asks", ASKS), ("calls", calls)]);
    let shared = space.shared();
    let (playbook, cron) = ("calls".to_owned(), "@daily".to_owned());
    let wanted = NewSchedule { playbook, cron, ..NewSchedule::default() };
    let error = keep::add(&shared, &wanted).unwrap_err();
    let ScheduleError::Invalid(errors) = &error else { panic!("{error:?}") };
    assert!(errors.len() == 1 && errors[0].message.contains("`other > gate`"), "{errors:?}");
}

#[test]
fn what_is_gone_warns_no_more() {
    let denied = "schedule: { cron: \"0 * * * *\" }
permissions: { tools: [shell_exec] }
steps: [{ id: a, tool: shell_exec, args: { command: [\"rm\", \"-rf\", \"x\"] } }]";
    let space = Space::new(&[("denied", denied)]);
    let shared = space.shared();
    tick_at(&space, &shared, "06:30:00");
    assert!(only(&shared).refused.is_some() && shared.warnings().len() == 1);
    space.playbook("denied", denied.split_once('\n').unwrap().1);
    tick_at(&space, &shared, "06:31:00");
    assert!(keep::list(&shared).unwrap().is_empty());
    assert_eq!(shared.warnings(), Vec::<String>::new());
    assert!(super::super::shared::locked(&shared.vetted).is_empty());
}

#[test]
fn a_damaged_schedule_stops_no_other() {
    let space = Space::new(&[("one", &scheduled("")), ("two", &scheduled(""))]);
    let shared = space.shared();
    tick_at(&space, &shared, "06:30:00");
    let rows = keep::list(&shared).unwrap();
    let db = rusqlite::Connection::open(space.root().join(".bailiwick/store.db")).unwrap();
    let sql = "UPDATE schedules SET entry = replace(entry, '0 * * * *', '1 * * * *')
               WHERE schedule_id = ?1";
    assert_eq!(db.execute(sql, [rows[0].id.to_string()]).unwrap(), 1);
    assert_eq!(tick_at(&space, &shared, "07:00:00"), [After::Work]);
    assert_eq!(tick_at(&space, &shared, "07:01:00"), [], "nor is it made anew");
    assert!(shared.warnings()[0].contains("damaged"), "{:?}", shared.warnings());
}

#[test]
fn rows_follow_the_files() {
    let space = Space::new(&[("writes", &scheduled(""))]);
    let shared = space.shared();
    tick_at(&space, &shared, "06:30:00");
    let id = only(&shared).id;
    keep::set_paused(&shared, id, true).unwrap();
    // Edited: another line from now on, and still held.
    space.playbook("writes", &scheduled("").replace("0 * * * *", "15 * * * *"));
    tick_at(&space, &shared, "07:20:00");
    let row = only(&shared);
    assert_eq!((row.id, row.paused, row.cron.as_str()), (id, true, "15 * * * *"));
    assert_eq!(row.next_at.unwrap().to_string(), "2026-05-04T08:15:00.000Z");
    space.playbook("writes", &scheduled(", timezone: Europe/Berln"));
    tick_at(&space, &shared, "07:21:00");
    let refused = only(&shared).refused.unwrap_or_default();
    // Either the file is broken by now, or the zone is.
    assert!(refused.is_empty() || refused.contains("Europe/Berln"), "{refused}");
    space.playbook("writes", WRITES);
    tick_at(&space, &shared, "07:22:00");
    assert!(keep::list(&shared).unwrap().is_empty());
    space.playbook("writes", &scheduled(""));
    tick_at(&space, &shared, "07:23:00");
    assert!(!only(&shared).paused);
    space.remove("writes");
    space.playbook("other", WRITES);
    tick_at(&space, &shared, "07:24:00");
    assert!(keep::list(&shared).unwrap().is_empty());
}

#[test]
fn people_make_schedules_and_are_told_why_not() {
    let space = Space::new(&[("writes", WRITES), ("asks", ASKS), ("filed", &scheduled(""))]);
    let shared = space.shared();
    let good = NewSchedule {
        playbook: "writes".to_owned(),
        cron: "30 2 * * *".to_owned(),
        timezone: Some("Europe/Berlin".to_owned()),
        window: Some("2h".to_owned()),
        ..NewSchedule::default()
    };
    for (wanted, fields) in [
        (
            NewSchedule { playbook: "wirtes".to_owned(), cron: "x".to_owned(), ..good.clone() },
            &["playbook", "cron"][..],
        ),
        (
            NewSchedule {
                timezone: Some("Mars".to_owned()),
                window: Some("2".to_owned()),
                ..good.clone()
            },
            &["timezone", "window"],
        ),
        (
            NewSchedule {
                overlap: Some("skp".to_owned()),
                catch_up: Some("lates".to_owned()),
                ..good.clone()
            },
            &["overlap", "catch_up"],
        ),
        (
            NewSchedule { inputs: Map::from_iter([("x".to_owned(), 1.into())]), ..good.clone() },
            &["inputs.x"],
        ),
        (NewSchedule { playbook: "asks".to_owned(), ..good.clone() }, &["playbook"]),
    ] {
        let error = keep::add(&shared, &wanted).unwrap_err();
        let ScheduleError::Invalid(errors) = &error else { panic!("{error:?}") };
        let found: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(found, fields, "{errors:?}");
    }
    let row = keep::add(&shared, &good).unwrap();
    assert_eq!(row.next_at.unwrap().to_string(), "2026-05-05T00:30:00.000Z");
    let next = keep::next(&shared, row.id, 2).unwrap();
    assert_eq!(next[1].to_string(), "2026-05-06T00:30:00.000Z");
    let run = keep::run_now(&shared, row.id, origin(), &tokio::sync::watch::channel(false).1);
    assert!(info(shared.services(), run.unwrap().unwrap()).unfinished);
    tick_at(&space, &shared, "06:31:00");
    let filed = keep::list(&shared).unwrap().into_iter().find(|row| row.name == "filed").unwrap();
    assert!(matches!(keep::delete(&shared, filed.id), Err(ScheduleError::Follows { .. })));
    keep::delete(&shared, row.id).unwrap();
    assert!(matches!(keep::one(&shared, row.id), Err(ScheduleError::Unknown(_))));
}

#[test]
fn a_clock_that_was_years_ahead_does_not_silence_a_schedule() {
    let space = Space::new(&[("writes", &scheduled(", overlap: queue"))]);
    let shared = space.shared();
    tick_at(&space, &shared, "06:30:00");
    space.clock.set("2031-05-04T06:30:00Z");
    tick(&shared, shared.now()).unwrap();
    tick_at(&space, &shared, "07:10:00");
    assert_eq!(tick_at(&space, &shared, "08:00:00"), [After::Work]);
    let at_eight = |time: &&String| time.as_str() == "+08:00";
    assert_eq!(times(&shared).iter().filter(at_eight).count(), 1, "{:?}", times(&shared));
}

#[test]
fn the_program_checks_and_forgets_by_itself() {
    let space = Space::new(&[("writes", WRITES)])
        .set("schedules.verify=0 7 * * *")
        .set("schedules.retention=0 8 * * *")
        .set("retention.texts=1d");
    let shared = space.shared();
    let (_sender, stop) = tokio::sync::watch::channel(false);
    assert!(tick_at(&space, &shared, "06:30:00").is_empty());
    assert_eq!(keep::list(&shared).unwrap().len(), 2);
    assert_eq!(jobs_of(&tick_at(&space, &shared, "07:00:00")), ["verify"]);
    assert_eq!(jobs_of(&tick_at(&space, &shared, "08:00:00")), ["retention"]);
    // The process may have died before they were done.
    let left = left_over(&shared).unwrap();
    let mut names = jobs_of(&left);
    names.sort_unstable();
    assert_eq!(names, ["retention", "verify"]);
    for after in left {
        let After::Job { name, schedule, due_at } = after else { panic!("{after:?}") };
        assert!(jobs::run(&shared, &name, &stop));
        jobs::ended(&shared, schedule, due_at);
    }
    assert_eq!(left_over(&shared).unwrap(), []);
    let (_stopping, stopped) = tokio::sync::watch::channel(true);
    assert!(!jobs::run(&shared, "verify", &stopped), "it is to be done again");
    assert_eq!(shared.warnings(), Vec::<String>::new());
    let incidents = |shared: &Shared| {
        let told = system(shared.services());
        told.into_iter().filter(|it| matches!(it, EventBody::IncidentRaised(_))).count()
    };
    assert_eq!(incidents(&shared), 0);
    // Damage: the audit file no longer says what it said.
    let playbook = super::super::intake::submit(&shared, &super::fixture::task("writes"), origin());
    playbook.unwrap();
    let id = keep::add(
        &shared,
        &NewSchedule {
            playbook: "writes".to_owned(),
            cron: "@daily".to_owned(),
            ..NewSchedule::default()
        },
    );
    id.unwrap();
    let audit = space.root().join("logs/tools_audit.jsonl");
    let text = std::fs::read_to_string(&audit).unwrap();
    std::fs::write(&audit, text.replace("write_text", "wrote_text")).unwrap();
    jobs::run(&shared, "verify", &stop);
    assert_eq!(incidents(&shared), 1);
    assert!(shared.warnings()[0].contains("damaged"), "{:?}", shared.warnings());
}
