//! What episodes promise: exact windows, no looking into the future, nothing appended in silence or lost after a sync.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod episodes {
    pub(crate) mod cards;
    mod damage;
    mod join;
    mod kill;
    mod tables;
    mod window;
}
