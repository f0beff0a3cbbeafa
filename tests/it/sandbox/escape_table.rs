//! The table of escapes in `docs/sandbox.md`: `BLESS=1` writes what came of each attempt here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::escapes::{Run, in_a_cell, in_a_cell_of_nobody, under_bwrap};
use super::has;
use super::verdicts::{EXPECTED, Verdict, verdicts};

const OPEN: &str = "<!-- escapes -->\n";
const CLOSE: &str = "<!-- /escapes -->\n";

/// Verdicts depend on kernel and user, so that only the cases are compared; with `BLESS` all of it
/// is written anew.
#[test]
fn the_page_has_every_case() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sandbox.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(OPEN).unwrap();
    let (table, after) = rest.split_once(CLOSE).unwrap();
    if std::env::var_os("BLESS").is_some() && has("python3") {
        std::fs::write(&path, format!("{before}{OPEN}{}{CLOSE}{after}", measured())).unwrap();
        return;
    }
    let missing: Vec<_> = EXPECTED
        .iter()
        .filter(|it| !table.contains(&format!("| {} | {}", it.name, it.words())))
        .map(|it| it.name)
        .collect();
    assert!(missing.is_empty(), "BLESS=1 writes these into docs/sandbox.md: {missing:?}");
    assert_eq!(table.lines().count(), EXPECTED.len() + 2, "cases that are no more");
}

fn measured() -> String {
    let of = |run: Option<Run>| run.map(|run| verdicts(&run.output)).unwrap_or_default();
    let (cell, user, bwrap) = (of(Some(in_a_cell())), of(in_a_cell_of_nobody()), of(under_bwrap()));
    let root = rustix::process::geteuid().is_root();
    let (as_root, as_user) =
        if root { (cell.clone(), user) } else { (BTreeMap::new(), cell.clone()) };
    let mut rows: Vec<_> = EXPECTED.iter().map(|it| (cell[it.name].family.as_str(), it)).collect();
    rows.sort_by_key(|(family, _)| *family);
    let mut table = "| family | case | held by | cell as root | cell as user | bwrap |\n\
                     |---|---|---|---|---|---|\n"
        .to_owned();
    for (family, it) in rows {
        let columns = [&as_root, &as_user, &bwrap].map(|found| word(found.get(it.name)));
        let _ = writeln!(
            table,
            "| {family} | {} | {} | {} |",
            it.name,
            it.words(),
            columns.join(" | ")
        );
    }
    table
}

fn word(verdict: Option<&Verdict>) -> String {
    verdict.map_or_else(|| "not run".to_owned(), |verdict| verdict.word.clone())
}
