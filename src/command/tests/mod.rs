//! What is seen of commands.

mod hostile;
mod lines;
mod speed;

use super::{Analysis, Leaf, of_argv, of_line};

fn argv(words: &[&str]) -> Analysis {
    of_argv(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
}

/// The programs that were seen, each with its arguments.
fn seen(line: &str) -> Vec<String> {
    of_line(line).leaves.iter().map(shown).collect()
}

fn shown(leaf: &Leaf) -> String {
    let mut words = vec![leaf.program.clone()];
    words.extend(leaf.argv.iter().cloned());
    words.join(" ")
}
