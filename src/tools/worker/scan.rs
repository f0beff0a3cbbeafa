//! `scan`: what there is in a tree.

use super::super::area::Area;
use super::super::typed::{Answer, Call};
use super::args::Args;
use super::cell::{Reply, Request};
use super::copy::Place;
use super::data::Data;
use super::helper::{Reach, ask, broke};
use crate::contracts::ToolError;

pub(super) fn run(args: &Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
    let area = Area::of_run(at)?;
    let place = Place::of(args, at, &area)?;
    let tree = place.path();
    let request = Request::Scan { tree: tree.to_owned(), listed_max: args.listed_max() };
    let (reply, receipt) = ask(at, &request, &Reach { read: tree, write: None })?;
    let Reply::Scanned(scanned) = reply else { return Err(broke("it answered another question")) };
    let truncated = scanned.truncated;
    let data = Data { name: place.name(), ..Data::default() }.scanned(*scanned);
    Ok(Answer { receipt, truncated, logs: place.left_out(), ..Answer::of(data) })
}
