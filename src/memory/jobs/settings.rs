//! How much consolidation looks at, when it is worth doing, and how much an area may hold.

use crate::contracts::Area;
use crate::recall::consolidate::Bounds;

/// What an area may hold in the indexes; what is more goes into the archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AreaBudget {
    /// Most records.
    pub records: Option<u64>,
    /// Most bytes of text.
    pub bytes: Option<u64>,
    /// How long what was replaced stays findable for questions about earlier times, in milliseconds.
    pub superseded_age_ms: Option<u64>,
}

/// When there is enough to do. Any one of them is enough, and 0 is never; what consolidation wrote itself counts for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Triggers {
    /// New records since the last time.
    pub records: u64,
    /// Bytes of their texts.
    pub bytes: u64,
    /// Records about one subject.
    pub cluster: u64,
}

impl Triggers {
    /// Anything new at all is enough.
    pub const ANYTHING: Self = Self { records: 1, bytes: 0, cluster: 0 };
}

impl Default for Triggers {
    fn default() -> Self {
        Self { records: 200, bytes: 256 * 1024, cluster: 20 }
    }
}

/// Everything that bounds a consolidation.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsolidateSettings {
    /// How near, how many.
    pub bounds: Bounds,
    /// Most records that are looked at in one area at a time, the newest first.
    pub records_max: usize,
    /// Most bytes of text that are looked at in one area at a time.
    pub bytes_max: u64,
    /// When there is enough to do.
    pub triggers: Triggers,
    /// What areas may hold.
    pub budgets: Vec<(Area, AreaBudget)>,
    /// Names that only orders have a reason to name: those of tools.
    pub tools: Vec<String>,
}

impl Default for ConsolidateSettings {
    fn default() -> Self {
        let budget = |records| AreaBudget { records: Some(records), ..AreaBudget::default() };
        Self {
            bounds: Bounds::default(),
            records_max: 5_000,
            bytes_max: 8 * 1024 * 1024,
            triggers: Triggers::default(),
            budgets: vec![
                (Area::Fragments, budget(100_000)),
                (Area::Solutions, budget(100_000)),
                (Area::Instruments, budget(100_000)),
            ],
            tools: Vec::new(),
        }
    }
}

impl ConsolidateSettings {
    /// What an area may hold.
    #[must_use]
    pub fn budget(&self, area: Area) -> AreaBudget {
        let found = self.budgets.iter().find(|(of, _)| *of == area);
        found.map(|(_, budget)| *budget).unwrap_or_default()
    }
}
