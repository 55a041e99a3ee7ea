//! How a campaign runs: batches, budget and start.

use std::collections::BTreeMap;

use super::Check;
use crate::file::{CampaignFile, TableFile};
use crate::outcome::{Outcome, Role};
use crate::parameter::Domain;
use crate::problem::{AT_ONCE_MOST, BatchRule, Budget, MachineSpec, Start};
use crate::space::Space;

impl Check<'_> {
    /// Refuses a count of what goes on at a time that no machine and no planner could serve.
    pub(super) fn at_once(&mut self, path: &[&str], count: Option<u32>) {
        let entry = path.last().copied().unwrap_or_default();
        match count {
            Some(0) => self.error("range", path, format!("`{entry}` must be at least 1"), ""),
            Some(count) if count > self.bounds.at_once => self.error(
                "range",
                path,
                format!("`{entry}` is {count}, but at most {AT_ONCE_MOST} are served at a time"),
                "how many trials there are altogether is `trials` under [budget]",
            ),
            _ => {}
        }
    }

    pub(super) fn batches(&mut self, raw: &CampaignFile, space: &Space) -> BTreeMap<String, BatchRule> {
        let mut out = BTreeMap::new();
        let machines: Vec<&str> = raw.machine.keys().map(String::as_str).collect();
        let parameters: Vec<&str> = space.parameters.iter().map(|p| p.name.as_str()).collect();
        for (machine, b) in &raw.batch {
            self.known(&["batch", machine], "machine", [machine.as_str()], &machines);
            self.known(
                &["batch", machine, "same"],
                "parameter",
                b.same.iter().map(String::as_str),
                &parameters,
            );
            self.at_once(&["batch", machine, "size"], Some(b.size));
            let same = b.same.iter().filter_map(|n| space.slot(n)).collect();
            out.insert(machine.clone(), BatchRule { size: b.size.max(1), same });
        }
        out
    }

    pub(super) fn budget(&mut self, raw: &CampaignFile, machines: &BTreeMap<String, MachineSpec>) -> Budget {
        let b = &raw.budget;
        if b.trials == Some(0) {
            self.error(
                "budget",
                &["budget", "trials"],
                "a budget of 0 trials tries nothing",
                "write at least 1, or leave it out",
            );
        }
        if b.cost.is_some_and(|c| c <= 0.0) {
            self.error("budget", &["budget", "cost"], "a budget must be above 0", "");
        }
        self.at_once(&["budget", "batch"], b.batch);
        let stop = b.stop.as_ref().map(|s| s.chance);
        if stop.is_some_and(|c| !(c > 0.0 && c < 1.0)) {
            self.error("budget", &["budget", "stop", "chance"], "`chance` must lie between 0 and 1", "");
        }
        if stop.is_some() && !raw.outcome.values().any(|o| o.worth.is_some()) {
            self.error(
                "budget",
                &["budget", "stop"],
                "to stop early, a goal must say what a gain is worth",
                "add `worth = …` to the goal",
            );
        }
        let automatic = machines.values().any(|m| !m.is_person());
        if automatic && b.trials.is_none() && b.time.is_none() && b.cost.is_none() && stop.is_none() {
            self.error(
                "budget",
                &["budget"],
                "machines would go on for ever",
                "add `[budget] trials = 50`, or time, cost or stop",
            );
        }
        Budget { trials: b.trials, time: b.time, cost: b.cost, batch: b.batch, wait: b.wait, stop }
    }

    pub(super) fn start(&mut self, raw: &CampaignFile, space: &Space, outcomes: &[Outcome]) -> Start {
        let data = raw.start.data.as_ref().map(TableFile::told);
        if let Some(table) = &data {
            self.attach(&table.file, &["start", "data"]);
        }
        let recipe = raw.start.recipe.as_ref().and_then(|recipe| {
            let checked = space.point(recipe).and_then(|x| space.admits(&x).map(|()| x));
            match checked {
                Ok(x) => Some((recipe.clone(), x)),
                Err(e) => {
                    self.error(
                        "start",
                        &["start", "recipe"],
                        format!("the start recipe cannot be tried: {e}"),
                        "",
                    );
                    None
                }
            }
        });
        let free = space.parameters.iter().filter(|p| !matches!(p.domain, Domain::Fixed(_))).count() as u32;
        let finds = outcomes.iter().any(|o| matches!(o.role, Role::Find(_)));
        // Ten a search for one best, two for a map: a map is learnt while it is searched.
        let default = if finds { 2 } else { (2 * free).clamp(4, 10) };
        Start { recipe, data, trials: raw.start.trials.unwrap_or(default) }
    }
}
