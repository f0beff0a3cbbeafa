//! What to make of what was found: fusing candidates, choosing what fits a budget, and what may become
//! of memories that belong together. Pure: candidates, vectors and times come in as values.
