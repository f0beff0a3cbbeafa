//! `bailiwick memory stats`: how much is remembered.

use std::io::Write;

use serde_json::json;

use super::place;
use crate::cli::remote::Place;
use crate::cli::{CliError, Cx, Exit, output};
use crate::memory::AreaStats;

pub(super) fn run(place: &Place, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let stats = place::memory(place, cx)?.stats().map_err(place::error)?;
    if cx.json {
        output::json(out, &json!({ "areas": stats }))?;
        return Ok(Exit::Done);
    }
    let heads = ["AREA", "COUNT", "PINNED", "REPLACED", "OVER", "ARCHIVED", "FORGOTTEN", "BYTES"];
    let mut rows = vec![heads.map(str::to_owned)];
    rows.extend(stats.iter().map(|it| {
        let AreaStats { area, count, pinned, replaced, over, archived, forgotten, bytes } = it;
        let numbers = [count, pinned, replaced, over, archived, forgotten, bytes];
        let [count, pinned, replaced, over, archived, forgotten, bytes] =
            numbers.map(ToString::to_string);
        [area.name().to_owned(), count, pinned, replaced, over, archived, forgotten, bytes]
    }));
    output::table(out, &rows)?;
    Ok(Exit::Done)
}
