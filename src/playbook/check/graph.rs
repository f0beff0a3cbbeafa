//! The order among steps: what `needs` says, and where `rewind_to` leads.

use std::collections::BTreeMap;

use crate::playbook::read::{Bits, Reader, Sight};
use crate::yaml::{Place, did_you_mean};

/// Checks every list, and notes for each step of a graph which steps are over before it.
pub(in crate::playbook) fn graph(reader: &mut Reader<'_>) {
    for list in 0..reader.tree.lists.len() {
        if reader.tree.is_graph(list) {
            order(reader, list);
        }
    }
    for step in 0..reader.tree.steps.len() {
        rewind(reader, step);
    }
}

/// A step and the steps of its list that it needs.
type Needs = BTreeMap<usize, Vec<usize>>;

fn order(reader: &mut Reader<'_>, list: usize) {
    let steps = reader.tree.lists.get(list).map(|list| list.steps.clone()).unwrap_or_default();
    let mut needs = Needs::new();
    for step in &steps {
        needs.insert(*step, resolved(reader, list, &steps, *step));
    }
    let left = sort(reader, &needs);
    if !left.is_empty() {
        for step in &steps {
            if let Some(known) = reader.tree.steps.get_mut(*step) {
                known.before = None;
            }
        }
        cycle(reader, &needs, &left);
    }
}

/// The steps that `step` needs, as far as they are there.
fn resolved(reader: &mut Reader<'_>, list: usize, steps: &[usize], step: usize) -> Vec<usize> {
    let Some(known) = reader.tree.step(step) else { return Vec::new() };
    let (file, own, needs) = (known.file, known.id.clone(), known.needs.clone());
    reader.look_at(file);
    let mut found = Vec::new();
    for (id, place) in needs {
        let there = reader.tree.find(&id);
        let same =
            there.filter(|there| reader.tree.step(*there).is_some_and(|there| there.list == list));
        match same {
            Some(same) if same == step => {
                let message = format!("`{own}` needs itself");
                reader.error(place, "needs-cycle", message);
            }
            Some(same) => found.push(same),
            None => unknown(reader, steps, (step, &own), there.is_some(), (&id, place)),
        }
    }
    found
}

fn unknown(
    reader: &mut Reader<'_>,
    steps: &[usize],
    (step, own): (usize, &str),
    elsewhere: bool,
    (id, place): (&str, Place),
) {
    if reader.is_full() {
        return;
    }
    let siblings = steps.iter().filter(|other| **other != step).map(|other| reader.tree.id(*other));
    let suggestion = did_you_mean(id, siblings);
    let (code, message) = if elsewhere {
        let message =
            format!("`{id}` stands in another list: `{own}` can need steps of its own only");
        ("needs-elsewhere", message)
    } else {
        ("unknown-step", format!("there is no step `{id}`"))
    };
    reader.hinted(place, code, message, suggestion);
}

/// Notes for each step which ones are over before it. Returns those that wait for one another.
fn sort(reader: &mut Reader<'_>, needs: &Needs) -> Vec<usize> {
    let mut waits: BTreeMap<usize, usize> =
        needs.iter().map(|(step, needs)| (*step, needs.len())).collect();
    let mut needed_by: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (step, needs) in needs {
        needs.iter().for_each(|other| needed_by.entry(*other).or_default().push(*step));
    }
    let mut ready: Vec<usize> =
        waits.iter().filter(|(_, count)| **count == 0).map(|(step, _)| *step).collect();
    while let Some(step) = ready.pop() {
        waits.remove(&step);
        let mut before = Bits::default();
        for other in needs.get(&step).into_iter().flatten() {
            before.insert(*other);
            if let Some(earlier) = reader.tree.step(*other).and_then(|it| it.before.as_ref()) {
                before.add(earlier);
            }
        }
        if let Some(known) = reader.tree.steps.get_mut(step) {
            known.before = Some(before);
        }
        for next in needed_by.get(&step).into_iter().flatten() {
            if let Some(count) = waits.get_mut(next) {
                *count -= 1;
                if *count == 0 {
                    ready.push(*next);
                }
            }
        }
    }
    waits.into_keys().collect()
}

/// Names one cycle among steps that wait for one another, at the step of it that stands first.
fn cycle(reader: &mut Reader<'_>, needs: &Needs, left: &[usize]) {
    let next = |step: usize| {
        needs.get(&step).into_iter().flatten().copied().find(|other| left.contains(other))
    };
    let Some(first) = left.iter().copied().find(|step| next(*step).is_some()) else { return };
    // After as many moves as there are steps, the walk is inside of a cycle.
    let inside = (0..left.len()).try_fold(first, |step, _| next(step));
    let Some(inside) = inside else { return };
    let mut round = vec![inside];
    round.extend(
        std::iter::successors(next(inside), |step| next(*step)).take_while(|step| *step != inside),
    );
    let start = round.iter().enumerate().min_by_key(|(_, step)| **step).map_or(0, |(at, _)| at);
    round.rotate_left(start);
    let Some(known) = round.first().and_then(|first| reader.tree.step(*first)) else { return };
    let (file, place) = (known.file, known.needs.first().map_or(known.place, |(_, place)| *place));
    let names: Vec<&str> =
        round.iter().chain(round.first()).map(|step| reader.tree.id(*step)).collect();
    let message = format!("steps need one another: {}", names.join(" needs "));
    reader.look_at(file);
    reader.error(place, "needs-cycle", message);
}

fn rewind(reader: &mut Reader<'_>, step: usize) {
    let Some(known) = reader.tree.step(step) else { return };
    let Some((to, place)) = known.rewind.clone() else { return };
    let (file, list) = (known.file, known.list);
    reader.look_at(file);
    let Some(target) = reader.tree.find(&to) else {
        let siblings = reader.tree.lists.get(list).map(|list| list.steps.clone());
        let siblings = siblings.unwrap_or_default();
        let earlier = siblings.iter().filter(|other| **other != step);
        let suggestion = did_you_mean(&to, earlier.map(|other| reader.tree.id(*other)));
        let message = format!("there is no step `{to}`");
        return reader.hinted(place, "unknown-step", message, suggestion);
    };
    let graph = reader.tree.is_graph(list);
    let same = reader.tree.step(target).is_some_and(|target| target.list == list);
    let message = if target == step {
        format!("`{to}` is this gate: go back to a step before it")
    } else if !same {
        format!("`{to}` stands in another list: a gate leads back to a step of its own list")
    } else if reader.tree.order(Some(step), Some(target)) == Sight::Seen {
        return;
    } else if graph {
        format!("`{to}` is not before this gate: go back to a step that the gate needs")
    } else {
        format!("`{to}` runs later: go back to a step before the gate")
    };
    reader.error(place, "bad-rewind", message);
}
