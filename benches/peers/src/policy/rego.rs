//! regorus, as bytecode and interpreted.

use std::sync::Arc;

use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{CompiledPolicy, Engine, Rc, Value};

use super::flat::Flat;
use super::{Judge, Verdict};
use crate::Failure;

const POLICY: &str = include_str!("../../rules/policy.rego");
const VERDICT: &str = "data.bench.verdict";

fn compiled() -> Result<CompiledPolicy, Failure> {
    let mut engine = Engine::new();
    engine.add_policy("policy.rego".to_owned(), POLICY.to_owned()).map_err(shown)?;
    let entry: Rc<str> = VERDICT.into();
    engine.compile_with_entrypoint(&entry).map_err(shown)
}

fn inputs(flat: &[Flat]) -> Result<Vec<Value>, Failure> {
    let input = |flat: &Flat| Value::from_json_str(&serde_json::to_string(flat)?).map_err(shown);
    flat.iter().map(input).collect()
}

fn shown(error: impl std::fmt::Display) -> Failure {
    error.to_string().into()
}

fn verdict(value: &Value) -> Verdict {
    match value.as_string() {
        Ok(text) if text.as_ref() == "allow" => Verdict::Allow,
        Ok(text) if text.as_ref() == "ask" => Verdict::Ask,
        _ => Verdict::Deny,
    }
}

pub struct Bytecode {
    vm: RegoVM,
    inputs: Vec<Value>,
}

impl Bytecode {
    pub fn new(flat: &[Flat]) -> Result<Self, Failure> {
        let program = Compiler::compile_from_policy(&compiled()?, &[VERDICT])
            .map_err(|error| shown(format!("{error:?}")))?;
        let mut vm = RegoVM::new();
        vm.load_program(Arc::clone(&program));
        Ok(Self { vm, inputs: inputs(flat)? })
    }
}

impl Judge for Bytecode {
    fn verdict(&mut self, index: usize) -> Verdict {
        self.vm.set_input(self.inputs[index].clone());
        self.vm.execute().map_or(Verdict::Deny, |value| verdict(&value))
    }
}

pub struct Interpreter {
    policy: CompiledPolicy,
    inputs: Vec<Value>,
}

impl Interpreter {
    pub fn new(flat: &[Flat]) -> Result<Self, Failure> {
        Ok(Self { policy: compiled()?, inputs: inputs(flat)? })
    }
}

impl Judge for Interpreter {
    fn verdict(&mut self, index: usize) -> Verdict {
        let answer = self.policy.eval_with_input(self.inputs[index].clone());
        answer.map_or(Verdict::Deny, |value| verdict(&value))
    }
}
