//! The facts of one call.

use super::resolve::resolve;
use crate::contracts::{Timestamp, ToolCall};
use crate::policy::{Asked, PathFault, Permissions, Places, Request, RunFacts, gather};
use crate::ports::ToolDescriptor;

/// What is around a call.
#[derive(Debug, Clone)]
pub struct Surroundings<'a> {
    /// Where the parts of the machine are.
    pub places: &'a Places,
    /// The playbook's upper bound and those of the runs above it, each from
    /// [`WrittenPermissions::resolved`].
    pub permissions: &'a [Permissions],
    /// The time for which it is decided.
    pub now: Timestamp,
    /// Whether nobody is there to answer.
    pub unattended: bool,
    /// Arguments whose value is not known yet: only in a dry run.
    pub unknown: &'a [String],
}

/// The facts of `call`. Looks at the machine, changes nothing, never fails: what cannot be
/// understood is a fault in the request, and one fault is enough to refuse it.
#[must_use]
pub fn collect(
    call: &ToolCall,
    tool: &ToolDescriptor,
    around: &Surroundings<'_>,
    run: RunFacts,
) -> Request {
    let labels = call.args.keys().map(|arg| {
        let traced = call.arg_labels.get(arg);
        (arg.clone(), traced.unwrap_or(&call.labels).clone())
    });
    let labels = labels.collect();
    let asked = Asked {
        id: call.id.to_string(),
        tool,
        args: &call.args,
        origin: call.origin,
        labels,
        unknown: around.unknown.to_vec(),
        fs: call.allow_fs,
        network: call.allow_network,
        run: RunFacts { id: call.run_id.to_string(), ..run },
        permissions: around.permissions.to_vec(),
        now: around.now,
        unattended: around.unattended,
    };
    gather(asked, around.places, &mut |text| resolve(text, around.places))
}

/// A playbook's permissions as they are written, expressions evaluated. A key that is absent bounds
/// nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WrittenPermissions {
    /// The playbook's file, for reasons.
    pub file: String,
    /// `tools`.
    pub tools: Option<Vec<String>>,
    /// `read`.
    pub read: Option<Vec<String>>,
    /// `write`.
    pub write: Option<Vec<String>>,
    /// `network`.
    pub network: Option<Vec<String>>,
    /// `secrets`.
    pub secrets: Option<Vec<String>>,
}

impl WrittenPermissions {
    /// The same with absolute, resolved paths. To be done again when the disk may have changed.
    ///
    /// # Errors
    /// With the first path that cannot be resolved.
    pub fn resolved(&self, places: &Places) -> Result<Permissions, PathFault> {
        let paths = |texts: &Option<Vec<String>>| {
            let resolve_all =
                |texts: &Vec<String>| texts.iter().map(|t| resolve(t, places)).collect();
            texts.as_ref().map(resolve_all).transpose()
        };
        Ok(Permissions {
            file: self.file.clone(),
            tools: self.tools.clone(),
            read: paths(&self.read)?,
            write: paths(&self.write)?,
            network: self.network.clone(),
            secrets: self.secrets.clone(),
        })
    }
}
