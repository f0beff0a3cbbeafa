//! The text of a PDF.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::super::cell::{Refusal, Why};

/// Where the header may begin, as readers have it.
const HEADER_BYTES: usize = 1_024;

/// Pages of a document.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(in crate::tools) struct Pages {
    /// The text of each page that was asked for. A page that is a picture has none.
    pub(in crate::tools) pages: Vec<String>,
    /// The number of the first of them, from 1.
    pub(in crate::tools) first: usize,
    /// How many pages the document has.
    pub(in crate::tools) count: usize,
    /// Whether there are more pages, or their text is not all there.
    pub(in crate::tools) truncated: bool,
}

/// The text of `count` pages from page `first` on.
pub(super) fn read(document: &[u8], first: usize, count: usize) -> Result<Pages, Refusal> {
    let damaged = |why: String| Refusal::new(Why::Damaged, why);
    let head = document.get(..HEADER_BYTES).unwrap_or(document);
    if !head.windows(5).any(|window| window == b"%PDF-") {
        return Err(damaged("this is no PDF: it does not begin with `%PDF-`".to_owned()));
    }
    let all = pdf_extract::extract_text_from_mem_by_pages(document)
        .map_err(|error| damaged(format!("this PDF cannot be read: {error}")))?;
    let total = all.len();
    if total == 0 {
        return Err(damaged("this PDF has no pages: it is cut off, or made to mislead".to_owned()));
    }
    let some = all.into_iter().skip(first.saturating_sub(1)).take(count);
    let pages: Vec<String> = some.map(|page| page.trim().to_owned()).collect();
    let truncated = first.saturating_sub(1).saturating_add(pages.len()) < total;
    Ok(Pages { pages, first, count: total, truncated })
}
