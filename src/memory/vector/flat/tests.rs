//! Vectors, scanned and searched with a graph.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::memory::vector::graph::{Snapshot, draw, reaching};

fn unit(seed: u64, dimension: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut row: Vec<f32> = (0..dimension)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 24) as f32 - 0.5
        })
        .collect();
    let length = row.iter().map(|it| it * it).sum::<f32>().sqrt();
    row.iter_mut().for_each(|it| *it /= length);
    row
}

#[test]
fn bytes_and_floats_find_what_floats_alone_would() {
    let mut flat = Flat::new(64);
    for number in 1..=2_000 {
        flat.put(number, 0, &unit(number, 64)).unwrap();
    }
    let mut right = 0;
    for question in 0..40 {
        let question = unit(90_000 + question, 64);
        let mut all: Vec<(u64, f32)> =
            (1..=2_000).map(|it| (it, dot(&question, &unit(it, 64)))).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        let found = flat.search(&question, 10, |_| true);
        right += found.iter().filter(|it| all[..10].iter().any(|best| best.0 == it.0)).count();
    }
    assert!(right >= 398, "only {right} of 400 nearest were found");
}

#[test]
fn a_filter_that_lets_few_through_still_gives_as_many_as_there_are() {
    let mut flat = Flat::new(16);
    for number in 1..=3_000 {
        flat.put(number, 0, &unit(number, 16)).unwrap();
    }
    let found = flat.search(&unit(5, 16), 50, |number| number % 100 == 0);
    assert_eq!(found.len(), 30);
    assert!(found.is_sorted_by(|a, b| a.1 >= b.1));
}

#[test]
fn a_filter_finds_what_looking_at_each_row_would_and_is_asked_of_few_when_most_pass() {
    let mut flat = Flat::new(32);
    for number in 1..=5_000 {
        flat.put(number, 0, &unit(number, 32)).unwrap();
    }
    (1..=5_000).step_by(7).for_each(|number| flat.remove(number));
    for (passing, asked_max) in
        [(100, 700), (95, 700), (50, 1_200), (30, 1_700), (3, 5_000), (0, 5_000)]
    {
        for question in 0..10 {
            let question = unit(90_000 + question, 32);
            let wanted = |number: u64| number * 37 % 100 < passing;
            let asked = std::cell::Cell::new(0);
            let found = flat.search(&question, 100, |number| {
                asked.set(asked.get() + 1);
                wanted(number)
            });
            let one_by_one = (1..=5_000).filter(|it| (it - 1) % 7 != 0 && wanted(*it));
            let mut all: Vec<(u64, f32)> =
                one_by_one.map(|it| (it, dot(&question, &unit(it, 32)))).collect();
            all.sort_by(|a, b| b.1.total_cmp(&a.1));
            all.truncate(100);
            let same = found.iter().filter(|it| all.iter().any(|best| best.0 == it.0)).count();
            assert_eq!(found.len(), all.len(), "{passing}");
            assert!(same * 100 >= all.len() * 98, "{passing}: {same} of {}", all.len());
            assert!(asked.get() <= asked_max, "{passing}: asked {} times", asked.get());
        }
    }
}

#[test]
fn what_is_no_vector_is_refused_and_changes_nothing() {
    let mut flat = Flat::new(2);
    flat.put(1, 7, &[1.0, 0.0]).unwrap();
    for (vector, error) in [
        (vec![1.0], BadVector::Dimension { expected: 2, found: 1 }),
        (vec![1.0, f32::NAN], BadVector::NotFinite(1)),
        (vec![f32::INFINITY, 0.0], BadVector::NotFinite(0)),
    ] {
        assert_eq!(flat.put(1, 8, &vector), Err(error));
        assert!(flat.search(&vector, 1, |_| true).is_empty());
    }
    assert_eq!((flat.stamp(1), flat.len(), flat.dead()), (Some(7), 1, 0));
}

proptest! {
    #[test]
    fn only_the_last_vector_of_a_record_is_found(
        steps in proptest::collection::vec((1_u64..8, proptest::option::of(0_u64..100)), 1..60),
    ) {
        let mut flat = Flat::new(8);
        let mut model = std::collections::BTreeMap::new();
        for (number, seed) in steps {
            match seed {
                Some(seed) => {
                    flat.put(number, seed as u32, &unit(seed, 8)).unwrap();
                    model.insert(number, seed);
                }
                None => {
                    flat.remove(number);
                    model.remove(&number);
                }
            }
        }
        let found = flat.search(&unit(3, 8), 100, |_| true);
        let mut numbers: Vec<u64> = found.iter().map(|it| it.0).collect();
        numbers.sort_unstable();
        prop_assert_eq!(numbers, model.keys().copied().collect::<Vec<_>>());
        for (number, seed) in model {
            let held = flat.vector(number).map(<[f32]>::to_vec);
            prop_assert_eq!(held, Some(unit(seed, 8)));
        }
    }
}

/// Rows around 40 directions, as texts about 40 subjects have them.
fn clustered(seed: u64, dimension: usize) -> Vec<f32> {
    let (of, own) = (unit(1_000_000 + seed % 40, dimension), unit(seed, dimension));
    let mut row: Vec<f32> = of.iter().zip(&own).map(|(of, own)| of + 0.8 * own).collect();
    let length = row.iter().map(|it| it * it).sum::<f32>().sqrt();
    row.iter_mut().for_each(|it| *it /= length);
    row
}

fn graph_of(flat: &Flat) -> Graph {
    let mut snapshot = Snapshot::new(flat.dimension());
    flat.rows().for_each(|(known, bytes, scale)| snapshot.push(known, bytes, scale));
    Graph::over(Arc::new(draw(&snapshot, || false).unwrap()), flat)
}

#[test]
fn a_graph_finds_what_looking_at_all_finds() {
    let mut flat = Flat::new(32);
    for number in 1..=900 {
        flat.put(number, 0, &clustered(number, 32)).unwrap();
    }
    let graph = graph_of(&flat);
    // What came, changed and went since.
    for number in 901..=960 {
        flat.put(number, 0, &clustered(number, 32)).unwrap();
    }
    for number in (1..=900).step_by(9) {
        flat.put(number, 1, &clustered(number + 7, 32)).unwrap();
    }
    (1..=900).step_by(7).for_each(|number| flat.remove(number));
    for (share, passes) in [
        ("all", (|_| true) as fn(u64) -> bool),
        ("half", |number| number % 2 == 0),
        ("new ones", |number| number > 900),
        ("a few", |number| number % 90 == 5),
        ("none", |_| false),
    ] {
        let (mut right, mut all) = (0, 0);
        for question in 0..30 {
            let question = clustered(50_000 + question, 32);
            let exact = flat.search(&question, 20, passes);
            // Too few is nothing at all: then everything is looked at.
            let found = flat.search_with(&graph, &question, 20, passes);
            let found = found.unwrap_or_else(|| flat.search(&question, 20, passes));
            assert_eq!(found.len(), exact.len(), "{share}");
            assert!(found.iter().all(|it| passes(it.0)), "{share}");
            right += found.iter().filter(|it| exact.contains(it)).count();
            all += exact.len();
        }
        assert!(right * 100 >= all * 98, "{share}: {right} of {all}");
    }
    assert!(reaching(&graph, &flat) > 0.97);
}

#[test]
fn a_filter_that_lets_few_through_has_every_row_looked_at() {
    let mut flat = Flat::new(16);
    for number in 1..=600 {
        flat.put(number, 0, &unit(number, 16)).unwrap();
    }
    let graph = graph_of(&flat);
    let question = unit(5, 16);
    assert!(flat.search_with(&graph, &question, 50, |number| number % 50 == 0).is_none());
    assert!(flat.search_with(&graph, &question, 50, |_| true).is_some());
    assert!(flat.search_with(&graph, &question, 0, |_| true).unwrap().is_empty());
    assert!(flat.search_with(&graph, &[f32::NAN; 16], 5, |_| true).unwrap().is_empty());
}

#[test]
fn many_equal_vectors_hide_nobody() {
    let mut flat = Flat::new(16);
    for number in 1..=300 {
        flat.put(number, 0, &unit(1, 16)).unwrap();
    }
    for number in 301..=360 {
        flat.put(number, 0, &unit(number, 16)).unwrap();
    }
    let graph = graph_of(&flat);
    for number in 301..=360 {
        let found = flat.search_with(&graph, &unit(number, 16), 1, |_| true).unwrap();
        assert_eq!(found[0].0, number);
    }
    assert_eq!(flat.search_with(&graph, &unit(1, 16), 300, |_| true).unwrap().len(), 300);
}

#[test]
fn a_graph_of_other_places_is_not_used_until_it_is_laid_anew() {
    let mut flat = Flat::new(16);
    for number in 1..=300 {
        flat.put(number, 0, &unit(number, 16)).unwrap();
    }
    let graph = graph_of(&flat);
    (1..=100).for_each(|number| flat.remove(number));
    let flat = flat.tidied();
    assert!(flat.search_with(&graph, &unit(150, 16), 1, |_| true).is_none());
    let graph = Graph::over(Arc::clone(graph.drawn()), &flat);
    for number in 101..=300 {
        let found = flat.search_with(&graph, &unit(number, 16), 1, |_| true).unwrap();
        assert_eq!(found[0].0, number);
    }
}

#[test]
fn vectors_of_nothing_are_beside_nobody_and_make_no_graph_old() {
    let mut flat = Flat::new(4);
    flat.put(1, 0, &[0.0; 4]).unwrap();
    flat.put(2, 0, &unit(2, 4)).unwrap();
    let graph = graph_of(&flat);
    assert_eq!(graph.stale(&flat), 0);
    assert_eq!(flat.search_with(&graph, &unit(2, 4), 1, |_| true).unwrap()[0].0, 2);
}
