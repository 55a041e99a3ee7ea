//! What can be drawn of a campaign, by name: reports, live pages and programs ask for the same pictures.

use std::fmt;
use std::str::FromStr;

use forethought_plan::{Insight, PlanError};
use forethought_record::Campaign;

use crate::figure::Figure;
use crate::goal::goals;
use crate::view::View;
use crate::{importance, pareto, parity, progress, slices, trials};

/// One picture of a campaign. Its name is what it is, then what it is of, as in `parity/strength`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chart {
    /// Every measurement of a goal in its order, and the best so far.
    Progress(String),
    /// What was predicted of an outcome against what was observed.
    Parity(String),
    /// Which parameters matter for an outcome.
    Importance(String),
    /// An outcome against each parameter, the others held.
    Slices(String),
    /// One goal against another.
    Pareto(String, String),
    /// Every measurement as a line through all parameters and outcomes.
    Trials,
    /// A pack's, by the pack's name and its own.
    Pack(String, String),
}

/// A picture that a pack draws of a campaign whose file has a `[pack.NAME]` table.
#[derive(Debug, Clone, Copy)]
pub struct PackChart {
    /// The pack's name.
    pub pack: &'static str,
    /// Unique in its pack.
    pub name: &'static str,
    /// Draws it, from the fold and the pack's table, or says in a sentence why there is nothing to show.
    pub draw: fn(&Campaign, &serde_json::Value) -> Result<Figure, String>,
}

/// A name that is none of a chart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is the name of no chart: write `progress/GOAL`, `parity/OUTCOME`, `importance/OUTCOME`, `slices/OUTCOME`, `pareto/GOAL/GOAL`, `trials` or `pack/PACK/NAME`"
)]
pub struct ChartNameError(String);

impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Chart::Progress(of) => write!(f, "progress/{of}"),
            Chart::Parity(of) => write!(f, "parity/{of}"),
            Chart::Importance(of) => write!(f, "importance/{of}"),
            Chart::Slices(of) => write!(f, "slices/{of}"),
            Chart::Pareto(x, y) => write!(f, "pareto/{x}/{y}"),
            Chart::Trials => f.write_str("trials"),
            Chart::Pack(pack, name) => write!(f, "pack/{pack}/{name}"),
        }
    }
}

impl FromStr for Chart {
    type Err = ChartNameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = name.split('/').collect();
        match parts[..] {
            ["progress", of] => Ok(Chart::Progress(of.into())),
            ["parity", of] => Ok(Chart::Parity(of.into())),
            ["importance", of] => Ok(Chart::Importance(of.into())),
            ["slices", of] => Ok(Chart::Slices(of.into())),
            ["pareto", x, y] => Ok(Chart::Pareto(x.into(), y.into())),
            ["trials"] => Ok(Chart::Trials),
            ["pack", pack, name] => Ok(Chart::Pack(pack.into(), name.into())),
            _ => Err(ChartNameError(name.to_owned())),
        }
    }
}

/// What charts are drawn from. Cheap beside drawing: no outcome is fitted here.
pub struct Charts<'a> {
    view: View<'a>,
    packs: &'a [PackChart],
}

impl<'a> Charts<'a> {
    /// Of a campaign, and of what is believed of it, or why nothing can be; `packs` are those of all packs that there are.
    pub fn new(
        campaign: &'a Campaign,
        insight: &'a Result<Insight, PlanError>,
        packs: &'a [PackChart],
    ) -> Self {
        Charts { view: View::new(campaign, insight), packs }
    }

    /// All that a campaign's outcomes and goals call for, in the order of a report; some may have nothing to show yet.
    pub fn all(&self) -> Vec<Chart> {
        let goals = goals(self.view.problem());
        let name = |o: &&forethought_space::Outcome| o.name.clone();
        let progress = goals.iter().map(name).map(Chart::Progress);
        let measured = self.view.problem().outcomes.iter().filter(|o| o.formula.is_none());
        let parity = measured.map(|o| Chart::Parity(o.name.clone()));
        let outcomes = || self.view.problem().outcomes.iter().map(|o| o.name.clone());
        let pairs = pareto::pairs(goals.len()).into_iter();
        let pareto = pairs.map(|(i, j)| Chart::Pareto(goals[i].name.clone(), goals[j].name.clone()));
        let told = self.packs.iter().filter(|c| self.view.problem().packs.contains_key(c.pack));
        let packs = told.map(|c| Chart::Pack(c.pack.into(), c.name.into()));
        let of_each = outcomes().map(Chart::Importance).chain(outcomes().map(Chart::Slices));
        progress.chain(parity).chain(of_each).chain(pareto).chain([Chart::Trials]).chain(packs).collect()
    }

    /// Draws one.
    ///
    /// # Errors
    /// Why there is nothing to show, in a sentence.
    pub fn draw(&self, chart: &Chart) -> Result<Figure, String> {
        let view = &self.view;
        match chart {
            Chart::Progress(of) => progress::chart(view, view.goal(of)?),
            Chart::Parity(of) => parity::figure(view, view.outcome(of)?),
            Chart::Importance(of) => importance::chart(view, view.outcome(of)?),
            Chart::Slices(of) => slices::chart(view, view.outcome(of)?),
            Chart::Pareto(x, y) => pareto::chart(view, view.goal(x)?, view.goal(y)?),
            Chart::Trials => trials::chart(view),
            Chart::Pack(pack, name) => self.draw_pack(pack, name),
        }
    }

    fn draw_pack(&self, pack: &str, name: &str) -> Result<Figure, String> {
        let chart = self.packs.iter().find(|c| c.pack == pack && c.name == name);
        let chart = chart.ok_or_else(|| format!("there is no pack `{pack}` with a chart `{name}`"))?;
        let table = self.view.problem().packs.get(pack);
        let table = table.ok_or_else(|| format!("the campaign's file has no [pack.{pack}]"))?;
        (chart.draw)(self.view.campaign, table)
    }
}
