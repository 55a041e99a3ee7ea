//! Who makes and measures: machines, and the stages a trial goes through.

use std::collections::BTreeMap;

use super::Check;
use crate::file::{CampaignFile, StageFile};
use crate::outcome::Outcome;
use crate::problem::{MachineSpec, Stage};
use crate::space::Space;

impl Check<'_> {
    pub(super) fn machines(&mut self, raw: &CampaignFile) -> BTreeMap<String, MachineSpec> {
        raw.machine
            .iter()
            .map(|(name, m)| {
                // None at a time is taken for one.
                self.at_once(&["machine", name, "parallel"], m.parallel.map(|n| n.max(1)));
                let spec = MachineSpec {
                    driver: m.driver.clone(),
                    timeout: m.timeout,
                    parallel: m.parallel.unwrap_or(1).max(1),
                    options: m.options.clone(),
                };
                (name.clone(), spec)
            })
            .collect()
    }

    pub(super) fn stages(
        &mut self,
        raw: &CampaignFile,
        space: &Space,
        outcomes: &[Outcome],
        machines: &BTreeMap<String, MachineSpec>,
    ) -> Vec<Stage> {
        let measured: Vec<&str> =
            outcomes.iter().filter(|o| o.formula.is_none()).map(|o| o.name.as_str()).collect();
        if raw.stage.is_empty() {
            if machines.len() > 1 {
                self.error(
                    "stage",
                    &["machine"],
                    format!("there are {} machines but no stage says which does what", machines.len()),
                    "add a [stage.NAME] with machine, parameters and outcomes for each",
                );
            }
            return vec![Stage {
                name: "main".into(),
                machines: vec![machines.keys().next().cloned().unwrap_or_else(|| "outside".into())],
                parameters: space.parameters.iter().map(|p| p.name.clone()).collect(),
                inputs: vec![],
                outcomes: measured.iter().map(|s| (*s).to_owned()).collect(),
                cost: 0.0,
                failures: BTreeMap::new(),
            }];
        }
        let parameters: Vec<&str> = space.parameters.iter().map(|p| p.name.as_str()).collect();
        let (mut set, mut seen) = (BTreeMap::new(), BTreeMap::new());
        for (name, s) in &raw.stage {
            self.stage(name, s, machines, [&parameters, &measured]);
            for (map, names) in [(&mut set, &s.parameters), (&mut seen, &s.outcomes)] {
                for x in names {
                    if let Some(other) = map.insert(x.clone(), name.clone()) {
                        self.error(
                            "stage",
                            &["stage", name],
                            format!("`{x}` stands in stage `{other}` and in stage `{name}`"),
                            "keep it in one",
                        );
                    }
                }
            }
        }
        for p in space.parameters.iter().filter(|p| !set.contains_key(&p.name)) {
            self.error(
                "stage",
                &["parameter", &p.name],
                format!("no stage sets `{}`", p.name),
                "name it in a stage's `parameters`",
            );
        }
        for o in measured.iter().filter(|o| !seen.contains_key(**o)) {
            self.error(
                "stage",
                &["outcome", o],
                format!("no stage measures `{o}`"),
                "name it in a stage's `outcomes`",
            );
        }
        self.order_stages(raw, &seen)
    }

    /// One stage by itself: its names are known, it measures something, it costs no less than nothing.
    fn stage(
        &mut self,
        name: &str,
        s: &StageFile,
        machines: &BTreeMap<String, MachineSpec>,
        [parameters, measured]: [&[&str]; 2],
    ) {
        let path = ["stage", name];
        let machine_names: Vec<&str> = machines.keys().map(String::as_str).collect();
        self.stage_machines(name, &s.machine.list(), machines, &machine_names);
        self.known(
            &[path[0], path[1], "parameters"],
            "parameter",
            s.parameters.iter().map(String::as_str),
            parameters,
        );
        self.known(
            &[path[0], path[1], "outcomes"],
            "measured outcome",
            s.outcomes.iter().map(String::as_str),
            measured,
        );
        self.known(
            &[path[0], path[1], "inputs"],
            "measured outcome",
            s.inputs.iter().map(String::as_str),
            measured,
        );
        if s.outcomes.is_empty() {
            self.error("stage", &path, format!("stage `{name}` measures nothing"), "add `outcomes = [ … ]`");
        }
        if s.cost.is_some_and(|c| c < 0.0) {
            self.error("range", &[path[0], path[1], "cost"], "`cost` must be 0 or above", "");
        }
    }

    /// Each is a machine, stands once, and all are people or none: cards and orders are handed out in different ways.
    fn stage_machines(
        &mut self,
        stage: &str,
        listed: &[String],
        machines: &BTreeMap<String, MachineSpec>,
        names: &[&str],
    ) {
        let path = ["stage", stage, "machine"];
        self.known(&path, "machine", listed.iter().map(String::as_str), names);
        if listed.is_empty() {
            self.error("stage", &path, format!("stage `{stage}` has no machine"), "name at least one");
        }
        if let Some(twice) = listed.iter().enumerate().find_map(|(i, m)| listed[..i].contains(m).then_some(m))
        {
            self.error(
                "stage",
                &path,
                format!("machine `{twice}` stands twice"),
                "name it once; `parallel` gives it slots",
            );
        }
        let mut people = listed.iter().filter_map(|m| machines.get(m)).map(MachineSpec::is_person);
        if let Some(first) = people.next()
            && people.any(|p| p != first)
        {
            self.error(
                "stage",
                &path,
                format!("stage `{stage}` is done by people and by machines"),
                "give people a stage of their own",
            );
        }
    }

    fn order_stages(&mut self, raw: &CampaignFile, seen: &BTreeMap<String, String>) -> Vec<Stage> {
        let mut out: Vec<Stage> = Vec::new();
        while out.len() < raw.stage.len() {
            let ready = raw.stage.iter().find(|(name, s)| {
                !out.iter().any(|o| o.name == **name)
                    && s.inputs
                        .iter()
                        .filter_map(|i| seen.get(i))
                        .all(|from| out.iter().any(|o| o.name == *from))
            });
            let Some((name, s)) = ready else {
                self.error(
                    "stage",
                    &["stage"],
                    "the stages wait for each other in a circle",
                    "an input must come from an earlier stage",
                );
                return out;
            };
            out.push(Stage {
                name: name.clone(),
                machines: s.machine.list(),
                parameters: s.parameters.clone(),
                inputs: s.inputs.clone(),
                outcomes: s.outcomes.clone(),
                cost: s.cost.unwrap_or(0.0),
                failures: s.failures.clone(),
            });
        }
        out
    }
}
