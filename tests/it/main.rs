//! The one integration binary: what needs the real program stands here, one file per subject.
