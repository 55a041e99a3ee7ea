//! What can be drawn of a campaign, by name: reports, live pages and programs ask for the same pictures.

use std::fmt;
use std::str::FromStr;

use forethought_plan::{Insight, PlanError};
use forethought_record::{Campaign, Entry};

use crate::effects::Effects;
use crate::figure::Figure;
use crate::goal::goals;
use crate::view::View;
use crate::{contour, importance, odds, pareto, parity, progress, slices, timeline, trials};

/// One picture of a campaign. Its name is what it is, then what it is of, as in `parity/strength`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chart {
    /// Every measurement of a goal in its order, and the best so far.
    Progress(String),
    /// What was predicted of an outcome against what was observed.
    Parity(String),
    /// Which parameters matter for an outcome.
    Importance(String),
    /// An outcome against one parameter, the others held.
    Slice(String, String),
    /// An outcome over two parameters, the others held.
    Contour(String, String, String),
    /// An outcome over the three strongest parts of a mixture.
    Ternary(String),
    /// One goal against another.
    Pareto(String, String),
    /// What the front of all goals covers, trial by trial.
    Hypervolume,
    /// The first goal against the odds of the limits.
    Odds,
    /// Orders on machines, and what was said and done; needs [`Charts::with_entries`].
    Timeline,
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
    "`{0}` is the name of no chart: write `progress/GOAL`, `parity/OUTCOME`, `importance/OUTCOME`, `slice/OUTCOME/PARAMETER`, `contour/OUTCOME/PARAMETER/PARAMETER`, `ternary/OUTCOME`, `pareto/GOAL/GOAL`, `hypervolume`, `odds`, `timeline`, `trials` or `pack/PACK/NAME`"
)]
pub struct ChartNameError(String);

impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Chart::Progress(of) => write!(f, "progress/{of}"),
            Chart::Parity(of) => write!(f, "parity/{of}"),
            Chart::Importance(of) => write!(f, "importance/{of}"),
            Chart::Slice(of, along) => write!(f, "slice/{of}/{along}"),
            Chart::Contour(of, x, y) => write!(f, "contour/{of}/{x}/{y}"),
            Chart::Ternary(of) => write!(f, "ternary/{of}"),
            Chart::Hypervolume => f.write_str("hypervolume"),
            Chart::Odds => f.write_str("odds"),
            Chart::Timeline => f.write_str("timeline"),
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
            ["slice", of, along] => Ok(Chart::Slice(of.into(), along.into())),
            ["contour", of, x, y] => Ok(Chart::Contour(of.into(), x.into(), y.into())),
            ["ternary", of] => Ok(Chart::Ternary(of.into())),
            ["hypervolume"] => Ok(Chart::Hypervolume),
            ["odds"] => Ok(Chart::Odds),
            ["timeline"] => Ok(Chart::Timeline),
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
    entries: &'a [Entry],
    packs: &'a [PackChart],
}

impl<'a> Charts<'a> {
    /// Of a campaign, and of what is believed of it, or why nothing can be; `packs` are those of all packs that there are.
    pub fn new(
        campaign: &'a Campaign,
        insight: &'a Result<Insight, PlanError>,
        packs: &'a [PackChart],
    ) -> Self {
        Charts { view: View::new(campaign, insight), entries: &[], packs }
    }

    /// With the events that the campaign is the fold of, for pictures over time.
    #[must_use]
    pub fn with_entries(mut self, entries: &'a [Entry]) -> Self {
        self.entries = entries;
        self
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
        let settings = || self.view.problem().space.parameters.iter().map(|p| p.name.clone());
        let slices = outcomes().flat_map(|o| settings().map(move |p| Chart::Slice(o.clone(), p)));
        let over = [Chart::Hypervolume, Chart::Odds, Chart::Timeline, Chart::Trials];
        let of_each = outcomes().map(Chart::Importance).chain(slices).chain(self.over_several());
        progress.chain(parity).chain(of_each).chain(pareto).chain(over).chain(packs).collect()
    }

    /// Contours and triangles of the first goal, by the settings that move it most.
    fn over_several(&self) -> Vec<Chart> {
        let (Some(goal), Ok(effects)) =
            (goals(self.view.problem()).into_iter().next(), Effects::of(&self.view))
        else {
            return Vec::new();
        };
        let name = |slot: usize| self.view.problem().space.parameters[slot].name.clone();
        let pair = contour::strongest_pair(&self.view, &effects, goal);
        let contour = pair.map(|(a, b)| Chart::Contour(goal.name.clone(), name(a), name(b)));
        let parts = contour::strongest_parts(&self.view, &effects, goal);
        contour.into_iter().chain(parts.map(|_| Chart::Ternary(goal.name.clone()))).collect()
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
            Chart::Slice(of, along) => slices::chart(view, view.outcome(of)?, along),
            Chart::Contour(of, x, y) => contour::chart(view, view.outcome(of)?, x, y),
            Chart::Ternary(of) => contour::ternary_chart(view, view.outcome(of)?),
            Chart::Hypervolume => pareto::hypervolume_figure(view),
            Chart::Odds => odds::figure(view),
            Chart::Timeline => timeline::figure(view, self.entries),
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
