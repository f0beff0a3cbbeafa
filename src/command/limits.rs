//! How much of a command is looked at. What is beyond is opaque, never allowed.

/// Longest command line, in bytes.
pub(super) const LINE_BYTES_MAX: usize = 64 << 10;

/// Most steps of one analysis: commands, words and pieces of words.
pub(super) const NODES_MAX: usize = 50_000;

/// Most lines inside each other: `bash -c`, substitutions, here-documents for a shell.
pub(super) const DEPTH_MAX: usize = 8;

/// Most opening brackets and braces of a line, and most of them inside each other. The parser goes
/// as deep as they are nested, so this is looked at before it starts.
pub(super) const BRACKETS_MAX: usize = 1_024;
/// See [`BRACKETS_MAX`].
pub(super) const NESTING_MAX: usize = 24;

/// Most words that one word becomes by braces.
pub(super) const BRACE_WORDS_MAX: usize = 256;

/// Most values for which the body of a `for` loop is looked at one by one.
pub(super) const LOOP_VALUES_MAX: usize = 16;

/// Most directories a command may be in at one place, as `cd` may have failed.
pub(super) const CWDS_MAX: usize = 4;

/// Longest text that is known as the output of a command, in bytes.
pub(super) const OUTPUT_BYTES_MAX: usize = 64 << 10;

/// Most programs that are kept as facts.
pub(super) const LEAVES_MAX: usize = 512;

/// Most digits of a descriptor before `<` or `>`: what always fits into 31 bits.
pub(super) const FD_DIGITS_MAX: usize = 9;

/// Most digits of another number that the parser counts with: what always fits into 63 bits.
pub(super) const NUMBER_DIGITS_MAX: usize = 18;
