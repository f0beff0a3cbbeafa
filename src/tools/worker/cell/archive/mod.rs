//! Archives of strangers, taken apart into one empty directory, or not at all.
//!
//! Reading order: names and links ([`names`]), the directory and what is in it so far ([`place`]),
//! bytes that are counted ([`meter`]), and the formats.

mod meter;
mod names;
mod place;

mod format;
mod tar;
mod zip;

pub(super) use format::unpack;

#[cfg(test)]
mod forge;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
