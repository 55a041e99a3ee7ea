//! How much a file may ask for.

use crate::problem::AT_ONCE_MOST;
use crate::rule::RuleLength;

/// How much a file may ask for: what is compiled, evaluated for every point, and served at a time.
#[derive(Debug, Clone, Copy)]
pub(in crate::problem) struct Bounds {
    /// Of one rule or formula.
    pub(super) rule: RuleLength,
    /// Numbers and names in all rules and formulas of the file, derived names replaced by their formulas.
    pub(super) terms: usize,
    /// What goes on at a time.
    pub(super) at_once: u32,
}

impl Bounds {
    /// Of a file that is written today.
    pub(in crate::problem) const WRITTEN: Bounds =
        Bounds { rule: RuleLength::WRITTEN, terms: 20_000, at_once: AT_ONCE_MOST };
    /// Of a file that a record has. What was accepted once is not refused by a bound that came later, as far as it can be
    /// evaluated; counts are bounded again where something is made of them.
    pub(in crate::problem) const RECORDED: Bounds =
        Bounds { rule: RuleLength::RECORDED, terms: 1_000_000, at_once: u32::MAX };
}
