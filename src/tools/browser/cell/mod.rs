//! What runs in the cell beside the browser: it starts the driver, tells it the steps by WebDriver, and
//! answers with what it saw. Everything that it answers is a stranger's.

mod driver;
mod entry;
mod page;
mod session;
mod steps;
mod words;

pub(in crate::tools) use entry::{JOB, answer};
pub(super) use words::{Reply, Request};
