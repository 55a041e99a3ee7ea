//! The program `forethought`.
fn main() {}
