//! Yes, no, or not known yet: a dry run judges calls whose arguments are not all there.

/// The truth of a condition, in Kleene's logic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    /// It does not hold.
    No,
    /// A value is missing.
    Unknown,
    /// It holds.
    Yes,
}

impl Truth {
    pub(super) fn of(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }

    /// Whether all of `parts` hold; none do for nothing.
    pub(super) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut result = Self::Yes;
        for part in parts {
            match part {
                Self::No => return Self::No,
                Self::Unknown => result = Self::Unknown,
                Self::Yes => {}
            }
        }
        result
    }

    /// Whether any of `parts` holds.
    pub(super) fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::all(parts.into_iter().map(Self::not)).not()
    }
}

/// How a predicate about paths, hosts or programs is read when there are several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Every one must meet it, and there must be one: for rules that allow.
    Every,
    /// One that meets it is enough: for rules that ask or deny.
    Some,
}

impl Reading {
    /// Inside `not:` the cautious reading is the other one.
    pub(super) const fn turned(self) -> Self {
        match self {
            Self::Every => Self::Some,
            Self::Some => Self::Every,
        }
    }

    /// Reads `test` over `items`. `missing` says that there may be more that are not known.
    pub(super) fn over<T>(
        self,
        items: impl IntoIterator<Item = T>,
        missing: bool,
        test: impl FnMut(T) -> Truth,
    ) -> Truth {
        let unknown = missing.then_some(Truth::Unknown);
        let mut items = items.into_iter().map(test).chain(unknown).peekable();
        match self {
            Self::Some => Truth::any(items),
            Self::Every if items.peek().is_none() => Truth::No,
            Self::Every => Truth::all(items),
        }
    }
}
