//! What a plan is to be good at: measures in levels, the first level first, weighted within a level.

use crate::graph::Graph;
use crate::plan::Figures;
use crate::shop::Shop;

/// Something of a plan to be small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// [`Figures::weighted_tardiness`].
    Tardiness,
    /// [`Figures::tardiness_most`].
    TardinessMost,
    /// [`Figures::lead_time`].
    LeadTime,
    /// [`Figures::makespan`].
    Makespan,
    /// [`Figures::setup`].
    Setup,
    /// [`Figures::deviation`].
    Deviation,
}

impl Measure {
    /// All of them, as people write them.
    pub const ALL: [(&'static str, Measure); 6] = [
        ("tardiness", Measure::Tardiness),
        ("worst-tardiness", Measure::TardinessMost),
        ("lead-time", Measure::LeadTime),
        ("makespan", Measure::Makespan),
        ("setup", Measure::Setup),
        ("deviation", Measure::Deviation),
    ];

    fn of(self, figures: &Figures) -> i64 {
        match self {
            Measure::Tardiness => figures.weighted_tardiness,
            Measure::TardinessMost => figures.tardiness_most,
            Measure::LeadTime => figures.lead_time,
            Measure::Makespan => figures.makespan,
            Measure::Setup => figures.setup,
            Measure::Deviation => figures.deviation,
        }
    }
}

/// Most levels of an objective.
pub const LEVELS_MOST: usize = 3;

/// How much a pinned start is missed, and then the levels: the smaller in order, the better.
pub type Value = [i64; LEVELS_MOST + 1];

/// Levels of weighted measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objective {
    /// One to [`LEVELS_MOST`] levels, each of at least one measure with a weight of at least 1.
    pub levels: Vec<Vec<(Measure, i64)>>,
}

impl Objective {
    /// Only the makespan.
    pub fn makespan() -> Self {
        Objective { levels: vec![vec![(Measure::Makespan, 1)]] }
    }

    /// What a person wrote: `tardiness,setup` are levels, `tardiness+2*setup` is a weighted sum.
    ///
    /// # Errors
    /// What was found in place of a measure or its weight, and what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let term = |term: &str| {
            let (weight, name) = term.split_once('*').unwrap_or(("1", term));
            let weight = weight.trim().parse::<i64>().ok().filter(|w| (1..=1_000_000).contains(w));
            let weight = weight
                .ok_or_else(|| format!("the weight in `{term}` is not a whole number from 1 to 1000000"))?;
            let name = name.trim();
            let measure = Measure::ALL.into_iter().find(|(n, _)| *n == name);
            let names = || Measure::ALL.map(|(n, _)| n).join(", ");
            let (_, measure) =
                measure.ok_or_else(|| format!("`{name}` is no measure of a plan: there are {}", names()))?;
            Ok((measure, weight))
        };
        let level = |level: &str| level.split('+').map(term).collect::<Result<Vec<_>, String>>();
        let levels = text.split(',').map(level).collect::<Result<Vec<_>, String>>()?;
        if levels.len() > LEVELS_MOST {
            return Err(format!("{} levels, at most {LEVELS_MOST} are expected", levels.len()));
        }
        Ok(Objective { levels })
    }

    /// Whether it is the makespan alone, and estimates of the makespan tell which move is best.
    pub fn is_makespan(&self) -> bool {
        matches!(self.levels.as_slice(), [level] if matches!(level.as_slice(), [(Measure::Makespan, _)]))
    }

    /// Its value by what came of a plan.
    pub fn value(&self, figures: &Figures, missed: i64) -> Value {
        let mut value = [0; LEVELS_MOST + 1];
        value[0] = missed;
        for (at, level) in value[1..].iter_mut().zip(&self.levels) {
            *at = level.iter().map(|(measure, weight)| measure.of(figures) * weight).sum();
        }
        value
    }
}

/// What comes of a graph, heads up to date, and how much of pinned starts is missed.
pub(crate) fn figures(shop: &Shop, graph: &Graph<'_>) -> (Figures, i64) {
    let mut figures = Figures { makespan: graph.makespan, ..Figures::default() };
    let mut at = 0;
    for job in &shop.jobs {
        at += job.operations.len();
        let end = graph.head[at - 1] + graph.duration[at - 1];
        let tardiness = job.due.map_or(0, |due| (end - due).max(0));
        figures.weighted_tardiness += job.weight * tardiness;
        figures.tardiness_most = figures.tardiness_most.max(tardiness);
        figures.late += usize::from(tardiness > 0);
        figures.lead_time += end - job.release;
    }
    for (m, machine) in shop.machines.iter().enumerate() {
        if !machine.setups.is_empty() {
            let sequence = &graph.sequences[m];
            let before = std::iter::once(None).chain(sequence.iter().map(|o| Some(*o)));
            figures.setup += before.zip(sequence).map(|(p, o)| graph.setup(m, p, *o)).sum::<i64>();
        }
    }
    figures.deviation = graph.deviation();
    (figures, graph.missed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_weights_are_read() {
        let objective = Objective::parse("tardiness, makespan + 3*setup").expect("it is sound");
        let second = vec![(Measure::Makespan, 1), (Measure::Setup, 3)];
        assert_eq!(objective.levels, [vec![(Measure::Tardiness, 1)], second]);
        let figures = Figures { makespan: 10, weighted_tardiness: 7, setup: 2, ..Figures::default() };
        assert_eq!(objective.value(&figures, 0), [0, 7, 16, 0]);
        assert!(Objective::parse("speed").unwrap_err().contains("there are tardiness"));
        assert!(Objective::parse("0*setup").is_err() && Objective::parse("setup,setup,setup,setup").is_err());
    }
}
