//! What a client gets while others come and go.

use http_body_util::BodyExt;
use tokio::time::timeout;

use super::*;
use crate::server::tests::stage::{PATIENCE, Stage};

/// Reads a stream until it has the event `last`; the ids in the order in which they came.
async fn ids_until(stream: &mut EventStream, last: u64) -> Vec<u64> {
    let mut ids = Vec::new();
    while ids.last() != Some(&last) {
        let frame = timeout(PATIENCE, stream.frame()).await.expect("nothing more comes");
        let text = frame.unwrap().unwrap().into_data().unwrap();
        let lines = std::str::from_utf8(&text).unwrap().lines();
        ids.extend(lines.filter_map(|line| line.strip_prefix("id: ")?.parse::<u64>().ok()));
    }
    ids
}

#[tokio::test]
async fn who_comes_while_new_events_are_read_misses_none() {
    let stage = Stage::new().await;
    // Nobody pumps this hub but the test.
    let hub = Hub::new(stage.store());
    let mut run = stage.journal(1);
    let topic = Topic::Run(run.run);
    let only = hub.stream(topic, 1);
    run.grow(2);
    let (position, events) = hub.read_new().unwrap();
    drop(only);
    run.grow(2);
    let mut client = hub.stream(topic, 1);
    hub.hand_out(position, events);
    run.grow(1);
    hub.bring().unwrap();
    assert_eq!(ids_until(&mut client, 6).await, [2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn blocks_that_do_not_join_send_clients_to_the_journal() {
    let stage = Stage::new().await;
    let hub = Hub::new(stage.store());
    let mut run = stage.journal(1);
    let topic = Topic::Run(run.run);
    run.grow(8);
    let name = run.run.to_string();
    let journal = stage.store().reader();
    let part = |after: u64, count: u32| journal.events(&name, after, count).unwrap();
    for parts in [[(1, 2), (5, 4)], [(4, 5), (1, 2)], [(1, 6), (3, 6)]] {
        let mut client = hub.stream(topic, 1);
        for (after, count) in parts {
            publish(&client.subscription().channel, &part(after, count));
        }
        assert_eq!(ids_until(&mut client, 9).await, [2, 3, 4, 5, 6, 7, 8, 9], "{parts:?}");
    }
}

#[tokio::test]
async fn a_stream_without_events_says_that_it_is_alive() {
    let stage = Stage::new().await;
    let hub = Hub::new(stage.store());
    let run = stage.journal(1);
    let mut client = hub.stream(Topic::Run(run.run), 0);
    assert_eq!(ids_until(&mut client, 1).await, [1]);
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    for beat in 1..=3 {
        let text = client.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(text, b":\n\n".as_slice());
        let after = begun.elapsed().as_secs();
        assert!(after <= 15 * beat && after + 2 > 15 * beat, "{after} s");
    }
}
