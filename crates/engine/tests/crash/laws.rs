//! What must hold, by the machines' own logs and by the record alone: nothing here asks the core.

use std::collections::{BTreeMap, BTreeSet};

use forethought_machine::{Class, Order};
use forethought_record::{
    Actor, Campaign, Entry, Event, Fate, OrderState, RunKey, Settlement, TrialState, Verdict,
};
use forethought_space::{Failure, Measurement, Value};

use crate::world::{COST, COSTS, ENVELOPES, Envelope, RATE, World, file};

/// Most orders of one stage of one trial while nobody commands anything and nothing crashes.
const ATTEMPTS_MOST: u32 = 12;
/// Orders that machines take at the same time, at their cost.
const SLOTS_COST: f64 = 3.0 * 1.0 + 1.0 * 2.0;

/// What the record says, kept beside the core's own fold.
pub(crate) struct Seen {
    envelope: Envelope,
    recipes: BTreeMap<u64, f64>,
    /// Who agreed to a trial since it was last held, by plain names.
    agreed: BTreeMap<u64, BTreeSet<String>>,
    aborted: BTreeSet<RunKey>,
    /// When orders came to their end, in seconds.
    ended: BTreeMap<RunKey, u64>,
    attempts: BTreeMap<(u64, String), u32>,
    /// Trials that people brought or asked for: no budget keeps them.
    outside: BTreeSet<u64>,
}

impl Default for Seen {
    fn default() -> Self {
        Seen {
            envelope: ENVELOPES[0],
            recipes: BTreeMap::new(),
            agreed: BTreeMap::new(),
            aborted: BTreeSet::new(),
            ended: BTreeMap::new(),
            attempts: BTreeMap::new(),
            outside: BTreeSet::new(),
        }
    }
}

impl Seen {
    /// Somebody commanded something, or a process began: attempts count anew.
    pub(crate) fn begin(&mut self) {
        self.attempts.clear();
    }

    pub(crate) fn see(&mut self, entry: &Entry) {
        if let Event::Reported { key, .. } | Event::Aborted { key, .. } | Event::Resolved { key, .. } =
            &entry.event
        {
            self.ended.insert(key.clone(), seconds(entry.at));
        }
        match &entry.event {
            Event::Revised { text, .. } => self.revised(text),
            Event::Decided { proposals, stale: false, asked_by, .. } => {
                if asked_by.is_some() {
                    self.outside.extend(proposals.iter().map(|p| p.trial));
                }
                for p in proposals {
                    self.recipes.insert(p.trial, a_of(&p.recipe));
                }
            }
            Event::Held { trial, .. } => drop(self.agreed.remove(trial)),
            Event::Approved { trial, .. } => {
                let name = entry.by.0.trim().to_lowercase();
                assert!(!name.starts_with("agent:"), "an agent approved");
                self.agreed.entry(*trial).or_default().insert(name);
            }
            Event::Intended { key, machine, .. } if machine == "outside" => {
                self.outside.insert(key.trial);
            }
            Event::Intended { key, .. } => {
                let n = self.attempts.entry((key.trial, key.stage.clone())).or_default();
                *n += 1;
                assert!(*n <= ATTEMPTS_MOST, "{key} is sent again and again");
            }
            Event::Aborted { key, .. } => drop(self.aborted.insert(key.clone())),
            _ => {}
        }
    }

    fn revised(&mut self, text: &str) {
        self.envelope = *ENVELOPES.iter().find(|e| file(**e) == text).expect("a file of ours");
    }

    /// What was committed and not acknowledged is found by whoever reads the record.
    pub(crate) fn reread(&mut self, campaign: &Campaign) {
        self.revised(&campaign.text);
        for t in campaign.trials.values() {
            let ordered = t.all_orders().find_map(|o| o.recipe.get("a")).or_else(|| t.recipe.get("a"));
            if let Some(Value::Number(a)) = ordered {
                self.recipes.insert(t.trial, *a);
            }
            if t.by != Actor::engine() {
                self.outside.insert(t.trial);
            }
            let names = t.approvals.iter().map(|a: &Actor| a.0.trim().to_lowercase());
            self.agreed.insert(t.trial, names.collect());
            for o in t.all_orders() {
                if let Some(ended) = o.ended {
                    self.ended.insert(o.key.clone(), seconds(ended));
                }
                if matches!(o.state, OrderState::Aborted(_)) {
                    self.aborted.insert(o.key.clone());
                }
                if o.machine == "outside" {
                    self.outside.insert(t.trial);
                }
            }
        }
    }
}

/// The world's seconds.
fn seconds(at: jiff::Timestamp) -> u64 {
    (at.as_second() - 1_700_000_000) as u64
}

fn a_of(recipe: &forethought_space::Recipe) -> f64 {
    match recipe.get("a") {
        Some(Value::Number(a)) => *a,
        other => panic!("a is {other:?}"),
    }
}

impl World {
    /// Nothing is sent that is not durably intended, keeps the envelope as it is now and has the approvals that it asks for now.
    pub(crate) fn check_sent(&self, order: &Order, interlocks: &[(String, String)]) {
        let (found, _) = self.intended.get(&order.key).expect("an order was sent that is not in the journal");
        assert_eq!(*found, order.recipe, "what is sent is not what was intended");
        assert_eq!(interlocks, [("one".to_owned(), "closed".to_owned())], "an interlock was forgotten");
        let (trial, Envelope { most, people }) = (order.key.trial, self.laws.envelope);
        let a = self.laws.recipes[&trial];
        assert!(a <= most, "trial {trial} was sent with a = {a}, beyond {most}");
        let have = self.laws.agreed.get(&trial).map_or(0, BTreeSet::len) as u32;
        let needed = if a > 0.5 { people } else { 0 };
        assert!(have >= needed, "trial {trial} was sent with {have} of {needed} approvals");
    }

    /// Nothing begins twice, after it was aborted, after a stop was answered, or sooner than the envelope's rate lets it.
    pub(crate) fn check_start(&self, name: &str, order: &Order, parameter: &str, x: f64) {
        let (machine, key) = (&self.machines[name], &order.key);
        assert!(!machine.jobs.contains_key(key), "machine {name} was started twice with {key}");
        assert!(!self.laws.aborted.contains(key), "{key} began after it was aborted");
        assert!(!self.is_stopped, "{key} began after all was stopped");
        assert!(self.now >= self.open_until, "{key} began with the door open");
        if parameter == "b"
            && let Some((before, last)) = machine.set.get("b")
            && let Some(ended) = self.laws.ended.get(last)
        {
            // A machine may know of an end before the record does, and people may give up what goes on.
            let waited = self.now.saturating_sub(machine.jobs[last].ready.min(*ended)) as f64;
            assert!((x - before).abs() <= RATE * waited + 1e-9, "b jumped by {} in {waited} s", x - before);
        }
    }

    /// A stop is answered once nothing is at work.
    pub(crate) fn check_all_is_halted(&self) {
        for (name, machine) in &self.machines {
            let at_work = machine.jobs.iter().find(|(_, job)| job.ready > self.now);
            assert!(
                at_work.is_none(),
                "all was said to be halted, and machine {name} is at work: {at_work:?}"
            );
        }
    }

    /// A machine that says that it never saw an order, and is believed, is right.
    pub(crate) fn check_proof(&self, name: &str, key: &RunKey, fate: &Fate) {
        let machine = &self.machines[name];
        let is_believed = matches!(fate, Fate::NotSent { .. }) || machine.class == Class::Deduplicating;
        assert!(!is_believed || !machine.jobs.contains_key(key), "machine {name} denies {key}");
    }

    /// What must hold at the end.
    pub(crate) fn check_laws(&self, campaign: &Campaign) {
        let mut runs: BTreeMap<(u64, &str), u32> = BTreeMap::new();
        for (name, machine) in &self.machines {
            let distinct: BTreeSet<&RunKey> = machine.started.iter().collect();
            assert_eq!(
                distinct.len(),
                machine.started.len(),
                "machine {name} was started twice with one key"
            );
            for key in &machine.started {
                let order = campaign.order(key).expect("a machine ran what is not in the journal");
                assert!(!order.state.is_under_way(), "order {key} of machine {name} was forgotten");
                *runs.entry((key.trial, key.stage.as_str())).or_default() += 1;
            }
        }
        // One stage of one trial runs once, unless it was proved or said that it had not run.
        for ((trial, stage), n) in &runs {
            assert_eq!(*n, 1, "stage {stage} of trial {trial} ran {n} times");
        }
        for t in campaign.trials.values() {
            assert!(t.state.is_over(), "trial {} was forgotten: {:?}", t.trial, t.state);
            if t.state == TrialState::Measured {
                assert!(t.outcomes.contains_key("y") && t.outcomes.contains_key("z"));
            }
        }
        self.check_cost(campaign, &runs);
        check_ledger(campaign);
    }

    /// What was spent is what machines and people did, once each, and no more than the budget and one order a slot.
    fn check_cost(&self, campaign: &Campaign, runs: &BTreeMap<(u64, &str), u32>) {
        let cost = |stage: &str| COSTS.iter().find(|(s, _)| *s == stage).unwrap().1;
        let by_machines: f64 = runs.keys().map(|(_, stage)| cost(stage)).sum();
        let outside = self.laws.outside.len() as f64 * (COSTS[0].1 + COSTS[1].1);
        assert!(campaign.spent <= COST + SLOTS_COST + outside, "{} were spent", campaign.spent);
        // An order that nobody knows of is paid for; one that ran unseen and was then said not to have run is not.
        assert!(by_machines <= COST + SLOTS_COST + outside, "machines did work for {by_machines}");
    }
}

/// What is said of claims is what is measured now, corrections included.
fn check_ledger(campaign: &Campaign) {
    for t in campaign.trials.values() {
        let of_y = t.claims.iter().filter_map(|c| campaign.claims.get(c)).filter(|c| c.claim.about == "y");
        for claim in of_y {
            let Settlement { verdict, seen } =
                claim.settled.expect("a claim of a trial that is over is settled");
            let measured = match (&t.state, t.outcomes.get("y")) {
                (TrialState::Measured, Some(Measurement::Number(y))) => Some(*y),
                _ => None,
            };
            assert_eq!(seen, measured, "trial {}: what its claim was held against", t.trial);
            assert_eq!(verdict == Verdict::Void, measured.is_none(), "trial {}: {:?}", t.trial, t.state);
        }
        if let TrialState::Failed(Failure::TimedOut, reason) = &t.state {
            assert!(reason.contains("longer"), "{reason}");
        }
    }
}
