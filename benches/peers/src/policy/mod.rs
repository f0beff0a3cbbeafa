//! Twenty rules and a thousand requests, judged by this program, by regorus, by cedar-policy, and
//! by the same rules written out as a function: the limit. Every verdict must be the same.

mod bailiwick;
mod cedar;
mod flat;
mod latency;
mod native;
mod rego;
mod workload;

use std::collections::BTreeMap;

use crate::Failure;
use crate::machine::machine;
use crate::report::{Report, Row};
use crate::rounds::{Contestant, Cost, compare};
use flat::Flat;

/// What is done with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allow,
    Ask,
    Deny,
}

/// Something that judges the request with a number.
trait Judge {
    fn verdict(&mut self, index: usize) -> Verdict;
}

const OURS: &str = "bailiwick, YAML rules";

/// Compares the engines, then measures whole decisions.
pub fn measure() -> Result<Report, Failure> {
    let requests = workload::requests()?;
    let flat: Vec<Flat> = requests.iter().map(Flat::of).collect();
    let mut judges: Vec<(&'static str, Box<dyn Judge + '_>)> = vec![
        ("native (the limit)", Box::new(native::Native(&flat))),
        (OURS, Box::new(bailiwick::yaml(&requests)?)),
        ("bailiwick, one Rhai function", Box::new(bailiwick::script(&requests)?)),
        ("regorus, bytecode", Box::new(rego::Bytecode::new(&flat)?)),
        ("regorus, interpreter", Box::new(rego::Interpreter::new(&flat)?)),
        ("cedar-policy", Box::new(cedar::Cedar::new(&flat)?)),
    ];
    agree(&mut judges, &flat)?;
    let count = requests.len();
    let names: Vec<&'static str> = judges.iter().map(|(name, _)| *name).collect();
    let mut contestants: Vec<Contestant<'_>> = judges
        .into_iter()
        .map(|(_, mut judge)| Contestant {
            answer: Box::new(move || {
                for index in 0..count {
                    std::hint::black_box(judge.verdict(index));
                }
            }),
        })
        .collect();
    let costs = compare(&mut contestants, count);
    drop(contestants);
    let mut rows = engine_rows(&names, &costs);
    rows.extend(latency::rows()?);
    Ok(Report {
        rows,
        machine: machine(),
        versions: versions(),
        title: "Deciding",
        about: "Twenty rules, a thousand requests, one thread, the same verdict from every engine for \
                every request; 15 interleaved rounds, time of the thread alone, medians. Requests are \
                handed to each engine in its own form, made before. `ratio` is how many times more \
                decisions per second ours makes. The last rows are whole decisions as a run makes them: \
                facts gathered (paths on an imagined disk, hosts, the command taken apart), then twenty \
                YAML and twenty Rhai rules.",
    })
}

/// Fails unless all judges say the same of every request.
fn agree(judges: &mut [(&'static str, Box<dyn Judge + '_>)], flat: &[Flat]) -> Result<(), Failure> {
    for index in 0..flat.len() {
        let verdicts: Vec<_> =
            judges.iter_mut().map(|(name, judge)| (*name, judge.verdict(index))).collect();
        if verdicts.windows(2).any(|pair| pair[0].1 != pair[1].1) {
            return Err(format!("verdicts differ for {:?}: {verdicts:?}", flat[index]).into());
        }
    }
    Ok(())
}

fn engine_rows(names: &[&'static str], costs: &[Cost]) -> Vec<Row> {
    let ours = names.iter().position(|name| *name == OURS).map(|at| costs[at].median);
    let per_second = |nanos: f64| 1e9 / nanos;
    let rows = names.iter().zip(costs).map(|(name, cost)| Row {
        name: (*name).to_owned(),
        metric: "decisions per second".to_owned(),
        value: Some(per_second(cost.median)),
        unit: "/s".to_owned(),
        vs: (*name != OURS).then(|| OURS.to_owned()),
        ratio: ours.filter(|_| *name != OURS).map(|ours| cost.median / ours),
        spread: Some(format!("{:.0} to {:.0} ns each", cost.least, cost.most)),
        skipped: None,
    });
    rows.collect()
}

fn versions() -> BTreeMap<String, String> {
    let lock = include_str!("../../Cargo.lock");
    let version = |name: &str| {
        let rest = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?.1;
        Some((name.to_owned(), rest.split_once('"')?.0.to_owned()))
    };
    ["bailiwick", "regorus", "cedar-policy", "rhai"].into_iter().filter_map(version).collect()
}
