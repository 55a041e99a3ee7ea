//! Programs as environments, well-behaved and not; and real Gymnasium environments.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod pipe {
    mod gymnasium;
    mod programs;
    mod protocol;
    mod stops;
    mod trouble;
}
