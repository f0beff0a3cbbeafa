//! What each part of the language means, told by journals in short words.

mod blocks;
mod budgets;
mod graphs;
mod large;
mod make;
mod paths;
mod rewinds;
