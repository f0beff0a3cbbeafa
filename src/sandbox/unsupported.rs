//! The sandbox of systems for which there is none: it refuses.

use crate::ports::{Cancel, CommandOutput, CommandSpec, Layer, Probe, Sandbox, SandboxError};

const REASON: &str =
    "commands can only be contained on Linux (x86-64, arm64) so far; run the program there";

/// Starts nothing, and says why.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unsupported;

impl Sandbox for Unsupported {
    fn probe(&self) -> Probe {
        let layer = Layer { name: "sandbox".into(), held: false, detail: REASON.into() };
        Probe { backend: "unsupported".into(), layers: vec![layer] }
    }

    fn run(&self, _: &CommandSpec, _: &Cancel) -> Result<CommandOutput, SandboxError> {
        Err(SandboxError::Missing { layer: "sandbox".into(), reason: REASON.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contracts::Confinement;
    use crate::ports::Limits;

    #[test]
    fn refuses_every_command_with_the_reason() {
        let spec = CommandSpec {
            argv: vec!["true".into()],
            cwd: "/".into(),
            env: Vec::new(),
            stdin: Vec::new(),
            confinement: Confinement::default(),
            limits: Limits {
                wall_ms: 1,
                cpu_ms: 1,
                memory_bytes: 1,
                pids: 1,
                file_bytes: 1,
                open_files: 1,
                output_bytes: 1,
            },
        };
        let error = Unsupported.run(&spec, &Cancel::default()).unwrap_err();
        assert!(error.to_string().contains("only be contained on Linux"), "{error}");
        assert!(Unsupported.probe().layers.iter().all(|layer| !layer.held));
    }
}
