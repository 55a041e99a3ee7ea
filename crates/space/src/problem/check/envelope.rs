//! What machines may never be asked to do.

use std::collections::BTreeMap;

use super::Check;
use crate::file::CampaignFile;
use crate::parameter::Domain;
use crate::problem::{Approval, Bound, Envelope, MachineSpec};
use crate::rule::{Names, Number, compile_rule};
use crate::space::Space;
use crate::value::Value;

impl Check<'_> {
    pub(super) fn envelope(
        &mut self,
        raw: &CampaignFile,
        space: &mut Space,
        derived: &BTreeMap<String, Number>,
        machines: &BTreeMap<String, MachineSpec>,
    ) -> Envelope {
        let mut bounds = BTreeMap::new();
        for (name, b) in &raw.envelope.bound {
            let path = ["envelope", "bound", name];
            let Some(slot) = space.slot(name) else {
                let known: Vec<String> = space.parameters.iter().map(|p| p.name.clone()).collect();
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                self.known(&path, "parameter", [name.as_str()], &known);
                continue;
            };
            let rate = b.rate.as_ref().and_then(|text| match parse_rate(text) {
                Some(rate) => Some(rate),
                None => {
                    self.error(
                        "envelope",
                        &[path[0], path[1], path[2], "rate"],
                        format!("the rate {text:?} must read like \"50/min\""),
                        "",
                    );
                    None
                }
            });
            self.narrow(space, slot, b.min, b.max, &path);
            bounds.insert(slot, Bound { min: b.min, max: b.max, rate });
        }
        let mut interlocks = Vec::new();
        for (i, text) in raw.envelope.interlock.iter().enumerate() {
            let index = i.to_string();
            match text.split_once('.') {
                Some((machine, signal)) if machines.contains_key(machine) && !signal.is_empty() => {
                    interlocks.push((machine.to_owned(), signal.to_owned()));
                }
                _ => self.error(
                    "envelope",
                    &["envelope", "interlock", &index],
                    format!("the interlock {text:?} must name a machine and its signal, as in \"oven.door_closed\""),
                    "",
                ),
            }
        }
        let approval = raw.envelope.approve.as_ref().and_then(|a| {
            if a.people == 0 {
                self.error("envelope", &["envelope", "approve", "people"], "`people` must be at least 1", "");
            }
            let path = ["envelope", "approve", "when"];
            let names = Names { parameters: &space.parameters, derived, longest: self.bounds.rule };
            match compile_rule(&a.when, &names) {
                Ok(when) => self.has_room(when.terms(), &path).then(|| Approval {
                    when,
                    text: a.when.clone(),
                    people: a.people,
                }),
                Err(e) => {
                    self.rule_error(&path, e);
                    None
                }
            }
        });
        Envelope { interlocks, approval, bounds }
    }

    /// Static bounds narrow the planner's space.
    fn narrow(&mut self, space: &mut Space, slot: usize, min: Option<f64>, max: Option<f64>, path: &[&str]) {
        let (least, most) = (min.unwrap_or(f64::NEG_INFINITY), max.unwrap_or(f64::INFINITY));
        let p = &mut space.parameters[slot];
        let name = p.name.clone();
        let left = match &mut p.domain {
            Domain::Range { low, high, step, .. } => {
                if let Some(step) = step
                    && least > *low
                {
                    *low += ((least - *low) / *step - 1e-9).ceil() * *step;
                } else {
                    *low = low.max(least);
                }
                *high = high.min(most);
                low < high
            }
            Domain::Share { low, high, .. } => {
                *low = low.max(least);
                *high = high.min(most);
                low < high
            }
            Domain::Levels(levels) => {
                let kept: Vec<f64> = levels.iter().copied().filter(|l| (least..=most).contains(l)).collect();
                let any = !kept.is_empty();
                if any {
                    *levels = kept;
                }
                any
            }
            Domain::Fixed(Value::Number(x)) => (least..=most).contains(x),
            Domain::Choices { .. } | Domain::Fixed(_) => {
                self.error("envelope", path, format!("`{name}` has no order, so no bounds"), "");
                return;
            }
        };
        if !left {
            self.error("envelope", path, format!("the envelope leaves nothing of `{name}`"), "");
        }
    }
}

fn parse_rate(text: &str) -> Option<f64> {
    let (amount, per) = text.split_once('/')?;
    let seconds = match per.trim() {
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    amount.trim().parse::<f64>().ok().filter(|x| x.is_finite() && *x > 0.0).map(|x| x / seconds)
}
