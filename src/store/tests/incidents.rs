use uuid::Uuid;

use super::fixture::*;
use crate::contracts::{EventBody, IncidentId, IncidentRaised};
use crate::store::{IncidentRow, IncidentsWanted, Store};

fn raise(store: &Store, number: u128, of_run: Option<u128>, at_ms: i64) {
    let raised = IncidentRaised {
        incident_id: IncidentId::from_uuid(Uuid::from_u128(number)),
        kind: "test.kind".to_owned(),
        run_id: of_run.map(run),
        message: format!("incident {number}"),
    };
    store.append_system(vec![EventBody::IncidentRaised(raised)], at(at_ms)).unwrap();
}

#[test]
fn incidents_are_listed_newest_first_once_each_and_by_time_and_run() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let reader = store.reader();
    assert_eq!(reader.incidents(&IncidentsWanted::default(), 10).unwrap(), []);
    raise(&store, 1, Some(1), 1_000);
    raise(&store, 2, None, 2_000);
    // After a crash the same is raised again.
    raise(&store, 1, Some(1), 3_000);
    raise(&store, 3, Some(2), 4_000);
    let list = |wanted: &IncidentsWanted, limit| reader.incidents(wanted, limit).unwrap();
    let told = |rows: &[IncidentRow]| -> Vec<String> {
        rows.iter().map(|row| row.raised.message.replace("incident ", "")).collect()
    };
    let all = IncidentsWanted::default();
    assert_eq!(told(&list(&all, 10)), ["3", "2", "1"]);
    assert_eq!(list(&all, 10)[2].at, at(1_000));
    let first = list(&all, 2);
    assert_eq!(told(&first), ["3", "2"]);
    let rest = IncidentsWanted { before: Some(first[1].cursor), ..all.clone() };
    assert_eq!(told(&list(&rest, 2)), ["1"]);
    let since = IncidentsWanted { since: Some(at(2_000)), ..all.clone() };
    assert_eq!(told(&list(&since, 10)), ["3", "2"]);
    for (number, expected) in [(1, &["1"][..]), (2, &["3"]), (3, &[])] {
        let of_run = IncidentsWanted { run: Some(run(number)), ..all.clone() };
        assert_eq!(told(&list(&of_run, 10)), expected);
    }
}
