//! `a | b | c`: each with its neighbours.

use brush_parser::ast::{Command, Pipeline};

use super::{Output, Scope, Source, Stdin, Walker};
use crate::command::found;

impl Walker {
    /// Walks the commands of a pipeline; those of a longer one run in shells of their own.
    pub(super) fn pipeline(
        &mut self,
        scope: &mut Scope,
        pipeline: &Pipeline,
        stdin: &Stdin,
    ) -> Output {
        let timed = pipeline.timed.is_some();
        if timed {
            self.via.push("time".to_owned());
        }
        let output = match pipeline.seq.as_slice() {
            [only] => self.command(scope, only, stdin),
            several => self.stages(scope, several, stdin),
        };
        if timed {
            self.via.pop();
        }
        output
    }

    fn stages(&mut self, scope: &Scope, stages: &[Command], stdin: &Stdin) -> Output {
        let first = self.leaves.len();
        let mut input = stdin.clone();
        let mut starts = Vec::with_capacity(stages.len() + 1);
        let mut output = None;
        for stage in stages {
            starts.push(self.leaves.len());
            output = self.command(&mut scope.clone(), stage, &input);
            input = Some(Source { text: output.clone(), fetched: self.fetched_since(first) });
        }
        starts.push(self.leaves.len());
        self.join_neighbours(&starts);
        output
    }

    /// The last program of a stage is the one that reads its input; before it come substitutions.
    fn join_neighbours(&mut self, starts: &[usize]) {
        let ranges: Vec<(usize, usize)> =
            starts.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?))).collect();
        let main = |leaves: &[super::Leaf], (from, to): (usize, usize)| {
            if from == to { None } else { leaves.get(to - 1).map(|leaf| leaf.program.clone()) }
        };
        for pair in ranges.windows(2) {
            let [left, right] = pair else { continue };
            self.pass_names_on(*left, *right);
            let (from, to) = (main(&self.leaves, *left), main(&self.leaves, *right));
            for leaf in self.leaves.iter_mut().take(left.1).skip(left.0) {
                leaf.pipe_to = leaf.pipe_to.take().or_else(|| to.clone());
            }
            for leaf in self.leaves.iter_mut().take(right.1).skip(right.0) {
                leaf.pipe_from = leaf.pipe_from.take().or_else(|| from.clone());
            }
        }
    }

    /// What a search finds is read by what takes names: `find ~ -name 'id_*' | xargs cat`.
    fn pass_names_on(&mut self, left: (usize, usize), right: (usize, usize)) {
        let takes = |leaf: &super::Leaf| {
            leaf.via.iter().any(|via| matches!(via.as_str(), "xargs" | "gxargs" | "parallel"))
                || matches!(
                    leaf.program.as_str(),
                    "read" | "mapfile" | "readarray" | "cpio" | "tar" | "zip" | "rsync" | "scp"
                )
        };
        let mut readers = self.leaves.iter().take(right.1).skip(right.0);
        if readers.any(takes)
            && let Some(leaf) =
                self.leaves.get_mut(left.1.saturating_sub(1)).filter(|_| left.0 < left.1)
        {
            let found = found::names(leaf);
            leaf.files.extend(found);
        }
    }
}
