use super::fixture::*;
use crate::contracts::{EventKind, RunId, RunStatus};
use crate::store::{Append, Fire, FireState, Fired, ScheduleTarget, Store, StoreError};

fn scheduled(numbers: &[u128]) -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    numbers.iter().for_each(|number| store.save_schedule(schedule(*number)).unwrap());
    (dir, store)
}

/// Everything that a fire could change.
fn state(store: &Store) -> String {
    let reader = store.reader();
    format!(
        "{:?} {:?} {:?} {:?}",
        reader.events_all(0, 1_000).unwrap().len(),
        reader.schedules().unwrap(),
        reader.queue(100).unwrap(),
        [1, 2].map(|number| reader.fires(&schedule_id(number), 100).unwrap()),
    )
}

#[test]
fn schedules_are_kept_as_they_were_given() {
    let (dir, store) = scheduled(&[2, 1]);
    let mut changed = schedule(2);
    changed.paused = true;
    changed.refused = Some("it would ask".to_owned());
    changed.target = ScheduleTarget::Internal("verify".to_owned());
    store.save_schedule(changed.clone()).unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.reader().schedules().unwrap(), [schedule(1), changed.clone()]);
    assert_eq!(store.reader().schedule(&schedule_id(2)).unwrap(), changed);
    store.delete_schedule(schedule_id(2)).unwrap();
    assert_eq!(store.reader().schedules().unwrap(), [schedule(1)]);
    for gone in [
        store.delete_schedule(schedule_id(2)).unwrap_err(),
        store.reader().schedule(&schedule_id(2)).unwrap_err(),
        store.fire(fire(2, 0, None)).unwrap_err(),
    ] {
        assert!(matches!(gone, StoreError::NotFound(_)), "{gone}");
    }
    let mut large = schedule(3);
    large.refused = Some("x".repeat(2 << 20));
    assert!(matches!(store.save_schedule(large), Err(StoreError::BadRequest(_))));
}

#[test]
fn a_damaged_schedule_hides_no_other() {
    let (dir, store) = scheduled(&[1, 2]);
    let sql = format!(
        "UPDATE schedules SET entry = replace(entry, 'Berlin', 'Rome') WHERE schedule_id = '{}'",
        schedule_id(1)
    );
    assert_eq!(tamper(dir.path(), &sql), 1);
    let (sound, damaged) = store.reader().sound_schedules().unwrap();
    assert_eq!((sound, damaged.len()), (vec![schedule(2)], 1));
    assert!(damaged[0].is_integrity() && store.reader().schedules().is_err());
}

#[test]
fn checking_everything_ends_when_it_is_told_to() {
    let (_dir, store) = scheduled(&[1]);
    for number in 0..5_u32 {
        store.fire(fire(1, i64::from(number) * 60_000, Some(number.into()))).unwrap();
    }
    let asked = std::cell::Cell::new(0);
    let after = |count: u32| {
        asked.set(0);
        let stop = || {
            asked.set(asked.get() + 1);
            asked.get() > count
        };
        store.reader().verify_until(None, &stop).unwrap()
    };
    for count in [0, 1, 4] {
        assert_eq!(after(count), None);
        assert!(asked.get() < 20, "it goes on after {count}");
    }
    let whole = after(u32::MAX).unwrap();
    assert!(whole.is_sound() && whole == store.reader().verify(None, None).unwrap());
    assert!(asked.get() > 10, "it is asked between runs");
}

#[test]
fn a_due_time_begins_one_run_and_moves_the_schedule_in_one_step() {
    let (dir, store) = scheduled(&[1]);
    assert_eq!(store.fire(fire(1, 0, Some(7))), Ok(Fired::Now));
    assert_eq!(store.fire(fire(1, 60_000, None)), Ok(Fired::Now));
    let fires = store.reader().fires(&schedule_id(1), 9).unwrap();
    let states: Vec<_> = fires.iter().map(|fire| (fire.due_at, fire.state, fire.run_id)).collect();
    let expected = [(at(60_000), FireState::Missed, None), (at(0), FireState::Fired, Some(run(7)))];
    assert_eq!(states, expected);
    assert_eq!(fires[0].reason.as_deref(), Some("the run before was at work"));
    let moved = store.reader().schedule(&schedule_id(1)).unwrap();
    assert_eq!((moved.next_at, moved.last_due), (Some(at(120_000)), Some(at(60_000))));
    let kinds = |run_id: &str| -> Vec<EventKind> {
        store.reader().events(run_id, 0, 9).unwrap().iter().map(|event| event.kind).collect()
    };
    assert_eq!(kinds(RunId::SYSTEM_TEXT), [EventKind::ScheduleFired, EventKind::ScheduleMissed]);
    assert_eq!(kinds(&run(7).to_string()), [EventKind::TaskAccepted]);
    assert_eq!(claim(&store, 9, 0)[0].run_id, run(7));
    let all = store.reader().events_all(0, 9).unwrap();
    assert_eq!(all[0].kind, EventKind::ScheduleFired, "the intent comes first");
    assert_eq!(verify(dir.path()).findings, []);
}

#[test]
fn a_due_time_fires_once_whoever_asks() {
    let (_dir, store) = scheduled(&[1, 2]);
    assert_eq!(store.fire(fire(1, 0, Some(7))), Ok(Fired::Now));
    let before = state(&store);
    let mut moved = fire(1, 0, Some(8));
    moved.next_at = Some(at(999));
    for again in [fire(1, 0, Some(7)), moved, fire(1, 0, None)] {
        assert_eq!(store.fire(again), Ok(Fired::Already));
        assert_eq!(state(&store), before);
    }
    assert_eq!(store.fire(fire(2, 0, Some(8))), Ok(Fired::Now), "another schedule at that time");
    let fired: Vec<Fired> = std::thread::scope(|scope| {
        let call = |number: u128| {
            let store = &store;
            scope.spawn(move || store.fire(fire(1, 60_000, Some(20 + number))).unwrap())
        };
        let calls: Vec<_> = (0..8_u128).map(call).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(fired.iter().filter(|fired| **fired == Fired::Now).count(), 1);
    assert_eq!(store.reader().runs(None, 99).unwrap().len(), 3);
}

#[test]
fn a_fire_that_cannot_be_whole_changes_nothing() {
    let (_dir, store) = scheduled(&[1]);
    append(&store, 5, 0, paused("somebody")).unwrap();
    store.append(accept(6, enqueue(Default::default(), "a", None)).key(new_key("k", "r"))).unwrap();
    let before = state(&store);
    let with = |change: fn(&mut Fire)| {
        let mut fire = fire(1, 0, Some(7));
        change(&mut fire);
        fire
    };
    let refused = [
        (fire(1, 0, Some(5)), "conflict"),
        (fire(1, 0, Some(6)), "conflict"),
        (with(|it| it.event = paused("me")), "request"),
        (with(|it| it.due_at = at(1)), "request"),
        (with(|it| it.schedule_id = schedule_id(9)), "request"),
        (with(|it| it.run = None), "request"),
        (with(|it| it.event = fire(1, 0, None).event), "request"),
        (with(|it| it.event = fire(1, 0, Some(8)).event), "request"),
        (with(|it| it.run.as_mut().unwrap().key = Some(new_key("k", "r"))), "key"),
        (with(|it| it.run.as_mut().unwrap().bodies.clear()), "request"),
    ];
    for (fire, why) in refused {
        let error = store.fire(fire).unwrap_err();
        let found = match &error {
            StoreError::Conflict { .. } => "conflict",
            StoreError::BadRequest(_) => "request",
            StoreError::KeyTaken { .. } => "key",
            _ => "something else",
        };
        assert_eq!(found, why, "{error}");
        assert_eq!(state(&store), before, "{error}");
    }
    assert_eq!(store.fire(fire(1, 0, Some(7))), Ok(Fired::Now));
}

#[test]
fn a_run_at_work_is_found_however_many_times_have_passed_since() {
    let (_dir, store) = scheduled(&[1, 2]);
    store.fire(fire(1, 0, Some(7))).unwrap();
    store.fire(fire(2, 0, Some(8))).unwrap();
    for minute in 1..=300 {
        store.fire(fire(1, minute * 60_000, None)).unwrap();
    }
    let at_work = |store: &Store| -> Vec<Option<RunId>> {
        let fires = store.reader().fires_at_work(&schedule_id(1), 10).unwrap();
        fires.iter().map(|fire| fire.run_id).collect()
    };
    assert_eq!(at_work(&store), [Some(run(7))]);
    // Nor is it forgotten while it is at work.
    assert_eq!(store.prune_fires(at(400 * 60_000)).unwrap(), 300);
    assert_eq!(at_work(&store), [Some(run(7))]);
}

#[test]
fn old_fires_can_be_removed_and_the_others_stay() {
    let (dir, store) = scheduled(&[1]);
    for due in [0, 60_000, 120_000] {
        store.fire(fire(1, due, None)).unwrap();
    }
    assert_eq!(store.prune_fires(at(60_005)), Ok(1));
    assert_eq!(store.reader().fires(&schedule_id(1), 1).unwrap()[0].due_at, at(120_000));
    assert_eq!(store.reader().fires(&schedule_id(1), 9).unwrap().len(), 2);
    assert_eq!(verify(dir.path()).findings, []);
}

#[test]
fn a_run_that_waits_to_be_started_is_queued_until_it_is() {
    let (dir, store) = scheduled(&[]);
    let (accepted, started) = waiting(1);
    store.append(Append::new(run(1).to_string(), 0, at(0), vec![accepted])).unwrap();
    let info = || store.reader().run(&run(1)).unwrap();
    assert_eq!((info().status, info().unfinished), (RunStatus::Queued, true));
    assert_eq!((info().parent_run_id, info().dry_run), (Some(run(9)), true));
    append(&store, 1, 1, paused("shutdown")).unwrap();
    assert_eq!((info().status, info().paused_by.as_deref()), (RunStatus::Paused, Some("shutdown")));
    append(&store, 1, 2, resumed()).unwrap();
    assert_eq!((info().status, info().paused_by), (RunStatus::Queued, None));
    append(&store, 1, 3, started).unwrap();
    assert_eq!(info().status, RunStatus::Running);
    assert_eq!(verify(dir.path()).findings, []);
}

#[test]
fn runs_are_listed_by_status_and_playbook() {
    let (dir, store) = scheduled(&[]);
    for number in 1..=9_u128 {
        let playbook = if number % 3 == 0 { "deploy" } else { "repo-health" };
        append(&store, number, 0, accepted_as(number, playbook)).unwrap();
        if number % 2 == 0 {
            append(&store, number, 1, paused("me")).unwrap();
        }
    }
    let list = |status, playbook, before, limit| -> Vec<u128> {
        let found = store.reader().runs_filtered(status, playbook, before, limit).unwrap();
        found.iter().map(|run| run.run_id.uuid().as_u128()).collect()
    };
    assert_eq!(list(None, None, None, 99), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(list(Some(RunStatus::Paused), None, None, 99), [8, 6, 4, 2]);
    assert_eq!(list(None, Some("deploy"), None, 2), [9, 6]);
    assert_eq!(list(Some(RunStatus::Paused), Some("deploy"), None, 99), [6]);
    assert_eq!(list(Some(RunStatus::Failed), None, None, 99), [0_u128; 0]);
    assert_eq!(list(None, Some("%"), None, 99), [0_u128; 0]);
    let of_task = |number| {
        let found = store.reader().run_of_task(&task_id(number)).unwrap();
        found.map(|run| run.run_id.uuid().as_u128())
    };
    assert_eq!((of_task(1), of_task(6), of_task(10)), (Some(1), Some(6), None));
    // Done again: the newest run of it counts.
    append(&store, 11, 0, accepted(1)).unwrap();
    assert_eq!(of_task(1), Some(11));
    // Both come from an index and need no sort.
    let db = rusqlite::Connection::open(dir.path().join(".bailiwick/store.db")).unwrap();
    for (field, index) in
        [("status", "runs_status"), ("playbook", "runs_playbook"), ("task_id", "runs_task")]
    {
        let field = crate::store::read::summary_field(field);
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT * FROM runs WHERE {field} = ?1 AND first_global < ?2
             ORDER BY first_global DESC"
        );
        let mut query = db.prepare(&sql).unwrap();
        let plan = query.query_map(["a", "9"], |row| row.get::<_, String>(3)).unwrap();
        let plan: Vec<String> = plan.collect::<Result<_, _>>().unwrap();
        assert!(plan.len() == 1 && plan[0].contains(index), "{plan:?}");
    }
    let cursor = store.reader().run(&run(6)).unwrap().cursor;
    assert_eq!(list(Some(RunStatus::Paused), None, Some(cursor), 1), [4]);
}
